//! Cython's types as C writes them, for shims; and what the C compiler says of types that only a
//! header knows.

use frontend_bridge::tree::{Position, Type as TreeType};

use super::Result;
use super::bit_fields::NO_OFFSET;
use super::class_layout::declared_by_header;
use super::context::{Context, missing};
use super::memview_types::shown;
use super::struct_types::{external, known_struct};
use super::types;
use crate::mir::Type;
use crate::shims::passed;

/// How a shim takes or gives a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Passed {
    /// As `long long`.
    Integer,
    Float,
    Double,
    /// As `void *`.
    Address,
    /// By the address of a copy.
    Memory,
}

impl Passed {
    pub fn of(ty: &Type) -> Passed {
        match ty {
            Type::Int(bits) if *bits <= 64 => Passed::Integer,
            Type::F32 => Passed::Float,
            Type::F64 => Passed::Double,
            Type::Ptr | Type::Object | Type::Array(..) => Passed::Address,
            _ => Passed::Memory,
        }
    }

    pub fn c(self) -> &'static str {
        match self {
            Passed::Integer => "long long",
            Passed::Float => "float",
            Passed::Double => "double",
            Passed::Address | Passed::Memory => "void *",
        }
    }

    pub fn mir(self) -> Type {
        match self {
            Passed::Integer => Type::I64,
            Passed::Float => Type::F32,
            Passed::Double => Type::F64,
            Passed::Address | Passed::Memory => Type::Ptr,
        }
    }
}

/// A type's name in C, where a shim can name it; what can be any address is `void *`.
pub(super) fn c_name(ty: TreeType<'_>) -> Option<String> {
    if ty.kind() == "CTypedefType" {
        if ty.flag("typedef_is_external") {
            return ty.text("typedef_cname").map(str::to_owned);
        }
        return c_name(ty.ty("typedef_base_type")?);
    }
    if ty.flag("is_memoryviewslice") || ty.flag("is_cpp_class") || ty.flag("is_ctuple") {
        return None;
    }
    if let Some(base) = ty.ty("cv_base_type").or_else(|| ty.ty("const_base_type")) {
        return c_name(base);
    }
    if ty.kind() == "BufferType" {
        return c_name(ty.ty("base")?);
    }
    if ty.flag("is_pyobject") {
        if ty.flag("is_extension_type")
            && let Some(structure) = object_struct(ty)
        {
            return Some(format!("{structure} *"));
        }
        return Some("PyObject *".to_owned());
    }
    if ty.flag("is_void") {
        return Some("void".to_owned());
    }
    if ty.flag("is_array") || ty.flag("is_ptr") {
        let base = ty.ty("base_type")?;
        if types::resolve(base).flag("is_cfunction") {
            return Some("void *".to_owned());
        }
        return Some(match c_name(base) {
            Some(base) => format!("{base} *"),
            None => "void *".to_owned(),
        });
    }
    if ty.flag("is_cfunction") || ty.flag("is_null_ptr") {
        return Some("void *".to_owned());
    }
    if ty.flag("is_struct_or_union") {
        let cname = ty.text("cname")?;
        if !ty.entry("entry").is_some_and(external) {
            return None;
        }
        return Some(if ty.flag("typedef_flag") {
            cname.to_owned()
        } else {
            format!("{} {cname}", ty.text("kind").unwrap_or("struct"))
        });
    }
    if ty.kind() == "CEnumType" {
        let cname = ty.text("cname").filter(|name| !name.is_empty());
        return match cname.filter(|_| ty.entry("entry").is_some_and(external)) {
            Some(cname) if ty.flag("typedef_flag") => Some(cname.to_owned()),
            Some(cname) => Some(format!("enum {cname}")),
            None => Some("int".to_owned()),
        };
    }
    if ty.flag("is_complex") {
        let real = c_name(ty.ty("real_type")?)?;
        return Some(format!("{real} _Complex"));
    }
    match ty.kind() {
        "CBIntType" | "CAnonEnumType" | "CReturnCodeType" => Some("int".to_owned()),
        "CPyUCS4IntType" => Some("Py_UCS4".to_owned()),
        "CPyUnicodeIntType" => Some("Py_UNICODE".to_owned()),
        _ => shown(ty),
    }
}

/// Whether a header has what is declared as a struct.
pub(super) fn in_header(ty: TreeType<'_>) -> bool {
    let ty = types::resolve(ty);
    ty.flag("is_struct_or_union") && ty.entry("entry").is_some_and(external)
}

/// A type of C's, but for an array a pointer to its items.
pub(super) fn as_value(c: &str) -> String {
    format!("__typeof__(((void)0, *({c} *)0))")
}

/// The struct of an object that a header declares, as C names it.
pub(super) fn object_struct(ty: TreeType<'_>) -> Option<String> {
    let name = ty
        .text("objstruct_cname")
        .filter(|_| declared_by_header(ty))?;
    Some(if ty.flag("typedef_flag") {
        name.to_owned()
    } else {
        format!("struct {name}")
    })
}

/// In the number that stands for a C type: it is complex.
const COMPLEX: i64 = 1 << 32;

/// The number that stands for a C type: size in bytes, whether it is `_Bool`, whether signed, whether
/// floating-point, whether complex.
fn description(c: &str) -> String {
    format!(
        "((long long)sizeof({c}) << 3) | ((({c})2 == ({c})1) ? 4 : 0) | (((long double)({c})-1 < 0) ? 2 : 0) \
         | ((({c})0.5 == 0.5) ? 1 : 0) | (__builtin_classify_type(({c})0) == 9 ? {COMPLEX} : 0)"
    )
}

/// What C says of a type of numbers.
struct Described {
    bits: u16,
    signed: bool,
    float: bool,
    /// `_Bool`, to which C converts otherwise than to other integers.
    truth: bool,
}

/// What such a number says.
fn described(number: i64) -> Option<Described> {
    Some(Described {
        bits: u16::try_from(number >> 3).ok()?.checked_mul(8)?,
        signed: number & 2 != 0,
        float: number & 1 != 0,
        truth: number & 4 != 0,
    })
}

/// The expression that describes an external integer or floating-point type.
pub(super) fn typedef_fact(c: &str) -> String {
    description(c)
}

/// The same of a struct's member.
fn member_fact(structure: &str, member: &str) -> String {
    let c = format!("__typeof__((({structure} *)0)->{member})");
    description(&c)
}

/// Whether C computes with an integer type otherwise than Cython, which goes by the declaration,
/// takes it to: below `int` both compute with `int`.
fn changes_arithmetic(ty: TreeType<'_>, bits: u16, signed: bool) -> bool {
    let declared = types::integer(types::resolve(ty));
    declared.is_some_and(|(wide, sign)| {
        bits.max(32) > wide.max(32) || (bits >= 32 && wide.max(32) == bits && sign != signed)
    })
}

/// Whether a type is that of a `prange` loop's numbers.
fn counts_in_parallel(ty: TreeType<'_>) -> bool {
    ty.tree().nodes().any(|node| {
        let of = |name: &&str| node.node(name).and_then(|child| child.ty("type"));
        node.kind() == "ParallelRangeNode"
            && ["target", "start", "stop", "step"]
                .iter()
                .filter_map(of)
                .any(|of| of.id() == ty.id())
    })
}

/// Members for a struct of at most 16 bytes which are passed as it is: `passed` of each eight bytes.
pub(super) fn by_words(size: u64, align: u64, how: impl Fn(u64) -> i64) -> Vec<Type> {
    (0..size.div_ceil(8))
        .flat_map(|word| {
            let bytes = (size - word * 8).min(8);
            let (item, width) = match how(word) {
                passed::DOUBLE => (Type::F64, 8),
                passed::FLOAT | passed::FLOATS => (Type::F32, 4),
                _ => (Type::Int(align.min(8) as u16 * 8), align.min(8)),
            };
            (0..bytes / width).map(move |_| item.clone())
        })
        .collect()
}

impl<'t> Context<'t> {
    /// A number that the C compiler knows; a guess where it has not been asked yet.
    pub fn c_number(&mut self, c: &str, guess: i64, at: Option<Position>) -> i64 {
        self.shims.number(self.tree, c, at).unwrap_or(guess)
    }

    /// Whether what a header's struct is declared to be is an array there (`jmp_buf`): no value, and
    /// an address where it is an argument.
    pub(super) fn is_array_in_c(&mut self, ty: TreeType<'t>, at: Option<Position>) -> bool {
        let known = |name: &String| known_struct(name).is_none();
        let Some(c) = c_name(ty).filter(|name| in_header(ty) && known(name)) else {
            return false;
        };
        let same = format!("__builtin_types_compatible_p({}, {c})", as_value(&c));
        self.c_number(&same, 1, at) == 0
    }

    /// The type of a parameter of the module's own functions.
    pub(super) fn parameter(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        if self.is_array_in_c(ty, at) {
            return missing("parameter that is an array in C", at);
        }
        let made = self.c_type(ty, at)?;
        Ok(self.param_type(ty, made))
    }

    /// The MIR type of an external typedef of a number, or of an external enum.
    pub(super) fn number_type(
        &mut self,
        ty: TreeType<'t>,
        guess: Type,
        at: Option<Position>,
    ) -> Result<Type> {
        let Some(name) = c_name(ty) else {
            return missing("external type without a name", at);
        };
        let at = at.or_else(|| ty.entry("entry").and_then(|entry| entry.position()));
        let Some(number) = self.shims.number(self.tree, &typedef_fact(&name), at) else {
            return Ok(guess);
        };
        if number & COMPLEX != 0 {
            // Declared as a real number, so that Cython knows no arithmetic of it: as a struct.
            return self.external_struct(ty, &name, at);
        }
        let Some(found) = described(number) else {
            return missing(&format!("external type '{name}'"), at);
        };
        let Described {
            bits,
            signed,
            float,
            truth,
        } = found;
        if truth {
            self.tree.note_integer(ty.id(), 1, false);
            return Ok(Type::BOOL);
        }
        if !float {
            if ty.kind() == "CTypedefType"
                && changes_arithmetic(ty, bits, signed)
                && counts_in_parallel(ty)
            {
                let what = format!("external type '{name}', which is not as it is declared");
                return missing(&what, at);
            }
            self.tree.note_integer(ty.id(), bits, signed);
        }
        Ok(match (bits, float) {
            (bits, false) => Type::Int(bits),
            (32, true) => Type::F32,
            (64, true) => Type::F64,
            (128, true) => Type::F80,
            _ => return missing(&format!("external type '{name}'"), at),
        })
    }

    /// A C struct that a header declares, by a name of it: its size and alignment, as integers.
    pub(super) fn external_struct(
        &mut self,
        ty: TreeType<'t>,
        name: &str,
        at: Option<Position>,
    ) -> Result<Type> {
        let key = format!("C.{}", c_name(ty).unwrap_or_default());
        let at = ty.entry("entry").and_then(|entry| entry.position()).or(at);
        let size = self.c_number(&format!("sizeof({name})"), 8, at);
        let align = self.c_number(&format!("_Alignof({name})"), 8, at);
        if !(1..=1 << 40).contains(&size) || !matches!(align, 1 | 2 | 4 | 8 | 16) {
            return missing(&format!("external struct '{name}'"), at);
        }
        let (size, align) = (size as u64, align as u64);
        let item = Type::Int(align as u16 * 8);
        let mut fields = vec![Type::Array(Box::new(item), size / align)];
        if size <= 16 {
            let how = self.shims.passing(self.tree, name, at);
            fields = match how.unwrap_or(passed::INTEGER) {
                passed::MEMORY | passed::OTHER => fields,
                how => by_words(size, align, |word| how >> (4 * word) & 15),
            };
            let strange = matches!(how, Some(passed::MEMORY | passed::OTHER));
            if strange {
                self.strangers.insert(key.clone());
            }
        }
        Ok(Type::Struct(self.mir.structure(&key, || fields)))
    }

    /// Where a member of an external struct lies.
    pub(super) fn external_offset(
        &mut self,
        structure: &str,
        member: &str,
        at: Option<Position>,
    ) -> u64 {
        let offset = format!("__builtin_offsetof({structure}, {member})");
        self.c_number(&offset, 0, at).max(0) as u64
    }

    /// Whether a member of an external struct is a bit-field.
    pub(super) fn is_bit_field(
        &mut self,
        structure: &str,
        member: &str,
        at: Option<Position>,
    ) -> bool {
        let offset = format!("__builtin_offsetof({structure}, {member})");
        self.c_number(&offset, 0, at) == NO_OFFSET
    }

    /// Where a member of an external struct lies, and its type there.
    pub(super) fn external_member(
        &mut self,
        structure: &str,
        member: &str,
        ty: TreeType<'t>,
        at: Option<Position>,
    ) -> Result<(u64, Type)> {
        if self.is_bit_field(structure, member, at) {
            return missing(&format!("bit-field '{member}'"), at);
        }
        let offset = self.external_offset(structure, member, at);
        let declared = self.c_type(ty, at)?;
        if declared == Type::Ptr {
            // An array in C may be declared as a pointer.
            let c = format!("(({structure} *)0)->{member}");
            let size = format!(
                "__builtin_types_compatible_p(__typeof__({c}), __typeof__(1 ? {c} : {c})) ? 0 : (long long)sizeof({c})"
            );
            let size = self.c_number(&size, 0, at);
            if let Ok(size @ 1..) = u64::try_from(size) {
                let array = Type::Array(Box::new(Type::Int(8)), size);
                return Ok((offset, array));
            }
        }
        if !declared.is_int() && !declared.is_float() {
            return Ok((offset, declared));
        }
        let fact = member_fact(structure, member);
        let Some(number) = self.shims.number(self.tree, &fact, at) else {
            return Ok((offset, declared));
        };
        let found = match described(number) {
            Some(Described { truth: true, .. }) => Type::BOOL,
            Some(Described { bits, float, .. }) => match (bits, float) {
                (8 | 16 | 32 | 64 | 128, false) => Type::Int(bits),
                (32, true) => Type::F32,
                (64, true) => Type::F64,
                (128, true) => Type::F80,
                _ => return missing(&format!("external member '{member}'"), at),
            },
            None => return missing(&format!("external member '{member}'"), at),
        };
        if found.is_float() != declared.is_float() {
            return missing(&format!("external member '{member}' of another kind"), at);
        }
        Ok((offset, found))
    }
}
