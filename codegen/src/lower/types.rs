//! Cython's types as MIR types.

use frontend_bridge::tree::{Position, Type as TreeType, Value};

use super::Result;
use super::context::{Context, missing};
use crate::mir::Type;

/// Typedefs of the C library that stand for a known type on x86-64 Linux: their declared size in a
/// .pxd is only a guess there.  The name decides; (bits, signed).
const TYPEDEFS: &[(&str, u16, bool)] = &[
    ("int8_t", 8, true),
    ("int16_t", 16, true),
    ("int32_t", 32, true),
    ("int64_t", 64, true),
    ("uint8_t", 8, false),
    ("uint16_t", 16, false),
    ("uint32_t", 32, false),
    ("uint64_t", 64, false),
    ("intptr_t", 64, true),
    ("uintptr_t", 64, false),
    ("intmax_t", 64, true),
    ("uintmax_t", 64, false),
    ("size_t", 64, false),
    ("ssize_t", 64, true),
    ("ptrdiff_t", 64, true),
    ("Py_ssize_t", 64, true),
    ("Py_hash_t", 64, true),
    ("Py_intptr_t", 64, true),
    ("Py_uintptr_t", 64, false),
    ("time_t", 64, true),
    ("clock_t", 64, true),
    ("suseconds_t", 64, true),
    ("useconds_t", 32, false),
    ("off_t", 64, true),
    ("pid_t", 32, true),
    ("uid_t", 32, false),
    ("gid_t", 32, false),
    ("mode_t", 32, false),
    ("wchar_t", 32, true),
    ("npy_intp", 64, true),
    ("npy_int8", 8, true),
    ("npy_int16", 16, true),
    ("npy_int32", 32, true),
    ("npy_int64", 64, true),
    ("npy_uint8", 8, false),
    ("npy_uint16", 16, false),
    ("npy_uint32", 32, false),
    ("npy_uint64", 64, false),
    ("npy_byte", 8, true),
    ("npy_ubyte", 8, false),
    ("npy_bool", 8, false),
    ("npy_short", 16, true),
    ("npy_ushort", 16, false),
    ("npy_int", 32, true),
    ("npy_uint", 32, false),
    ("npy_long", 64, true),
    ("npy_ulong", 64, false),
    ("npy_longlong", 64, true),
    ("npy_ulonglong", 64, false),
    ("npy_uintp", 64, false),
];

impl<'t> Context<'t> {
    /// The MIR type of a C or Python type.
    pub fn c_type(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        if let Some(found) = self.types.get(&ty.id()) {
            return Ok(found.clone());
        }
        let made = self.make_type(ty, at)?;
        self.types.insert(ty.id(), made.clone());
        Ok(made)
    }

    fn make_type(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        if ty.kind() == "CTypedefType" {
            return self.typedef(ty, at);
        }
        if matches!(
            ty.kind(),
            "CConstType" | "CConstOrVolatileType" | "CQualifierType"
        ) && let Some(base) = ty.ty("cv_base_type").or_else(|| ty.ty("const_base_type"))
        {
            return self.c_type(base, at);
        }
        // Of C, `dereference()` alone is one: of what it refers to.
        if ty.kind() == "CReferenceType"
            && let Some(base) = ty.ty("ref_base_type")
        {
            return self.c_type(base, at);
        }
        if ty.flag("is_memoryviewslice") {
            return Ok(Type::Struct(self.slice_struct()));
        }
        if ty.flag("is_pyobject") {
            return Ok(Type::Object);
        }
        if ty.flag("is_void") {
            return Ok(Type::Void);
        }
        if ty.flag("is_cpp_class") || ty.flag("is_reference") || ty.flag("is_rvalue_reference") {
            return missing("C++ type", at);
        }
        if ty.flag("is_fused") {
            return missing("fused type", at);
        }
        if ty.flag("is_complex") {
            return self.complex_type(ty, at);
        }
        if ty.flag("is_ctuple") {
            return match ty.entry("struct_entry").and_then(|entry| entry.ty("type")) {
                Some(structure) => self.c_type(structure, at),
                None => missing("C tuple without a struct", at),
            };
        }
        if ty.kind() == "CythonLockType" {
            return Ok(self.lock_type(ty));
        }
        // Cython makes no lock in these.
        if ty.ty("base_type").is_some_and(super::locks::is_lock) && ty.flag("is_array") {
            return missing("array of locks", at);
        }
        if ty.flag("is_array") {
            let size = match self.array_size(ty, at) {
                None if ty.text("size").is_none() && ty.int("size").is_none() => Some(0),
                size => size,
            };
            let (Some(base), Some(size)) = (ty.ty("base_type"), size) else {
                return missing("array of unknown size", at);
            };
            return Ok(Type::Array(Box::new(self.c_type(base, at)?), size));
        }
        if ty.flag("is_ptr") || ty.flag("is_cfunction") || ty.flag("is_null_ptr") {
            return Ok(Type::Ptr);
        }
        if ty.flag("is_struct_or_union") {
            return self.struct_type(ty, at);
        }
        if ty.flag("is_float") {
            return match rank(ty) {
                5 => Ok(Type::F32),
                6 => Ok(Type::F64),
                7 => Ok(Type::F80),
                other => missing(&format!("floating-point type of rank {other}"), at),
            };
        }
        if ty.flag("is_int") || ty.flag("is_enum") || ty.flag("is_cpp_enum") {
            if ty.kind() == "CEnumType"
                && ty.entry("entry").is_some_and(super::struct_types::external)
            {
                return self.number_type(ty, Type::I32, at);
            }
            return match integer(ty) {
                Some((bits, _)) => Ok(Type::Int(bits)),
                None => missing(&format!("integer type '{}'", ty.kind()), at),
            };
        }
        if ty.kind() == "CPyTSSTType" {
            // Py_tss_t: whether there is a key, and the key.  Zeros are Py_tss_NEEDS_INIT.
            let fields = || vec![Type::I32, Type::I32];
            return Ok(Type::Struct(self.mir.structure("Py_tss_t", fields)));
        }
        missing(&format!("type '{}'", ty.kind()), at)
    }

    fn typedef(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        let name = ty
            .text("typedef_name")
            .or_else(|| ty.text("name"))
            .unwrap_or_default();
        if let Some((_, bits, _)) = TYPEDEFS.iter().find(|(known, _, _)| *known == name) {
            return Ok(Type::Int(*bits));
        }
        match name {
            "PyThread_type_lock" => return Ok(Type::Ptr),
            "npy_double" | "npy_float64" => return Ok(Type::F64),
            "npy_float" | "npy_float32" => return Ok(Type::F32),
            _ => {}
        }
        match ty.ty("typedef_base_type") {
            Some(base) if ty.flag("typedef_is_external") => {
                let cname = ty.text("typedef_cname").unwrap_or_default();
                if cname == "npy_intp" {
                    // Also where no header is included: see `ufuncs`.
                    self.tree.note_integer(ty.id(), 64, true);
                    return Ok(Type::I64);
                }
                if let Some(own) = self.own_twin(ty, cname) {
                    let made = self.c_type(own, at)?;
                    if let Some((bits, signed)) = integer(own) {
                        self.tree.note_integer(ty.id(), bits, signed);
                    }
                    return Ok(made);
                }
                if let Some(made) = self.struct_by_name(base, cname, at) {
                    return made;
                }
                let guess = self.c_type(base, at)?;
                if guess.is_int() || guess.is_float() {
                    return self.number_type(ty, guess, at);
                }
                Ok(guess)
            }
            Some(base) => {
                let made = self.c_type(base, at)?;
                if let Some((bits, signed)) = self.tree.noted_integer(base.id()) {
                    self.tree.note_integer(ty.id(), bits, signed);
                }
                Ok(made)
            }
            None => missing(&format!("typedef '{name}'"), at),
        }
    }
}

/// The type behind typedefs and const.
pub(super) fn resolve(ty: TreeType<'_>) -> TreeType<'_> {
    let mut ty = ty;
    // Bounded: a damaged file may go in circles.
    for _ in 0..64 {
        let next = match ty.kind() {
            "CTypedefType" => ty.ty("typedef_base_type"),
            "CConstType" | "CConstOrVolatileType" | "CQualifierType" => {
                ty.ty("cv_base_type").or_else(|| ty.ty("const_base_type"))
            }
            "CReferenceType" => ty.ty("ref_base_type"),
            _ => None,
        };
        match next {
            Some(next) => ty = next,
            None => break,
        }
    }
    ty
}

fn rank(ty: TreeType<'_>) -> i64 {
    match ty.attr("rank") {
        Some(Value::Int(rank)) => *rank,
        Some(Value::Float(rank)) => *rank as i64,
        _ => -1,
    }
}

/// Bits and signedness of an integer type on x86-64 Linux.
pub(super) fn integer(ty: TreeType<'_>) -> Option<(u16, bool)> {
    if let Some(found) = ty.tree().noted_integer(ty.id()) {
        return Some(found);
    }
    if ty.kind() == "CTypedefType" {
        let name = ty
            .text("typedef_name")
            .or_else(|| ty.text("name"))
            .unwrap_or_default();
        if let Some((_, bits, signed)) = TYPEDEFS.iter().find(|(known, _, _)| *known == name) {
            return Some((*bits, *signed));
        }
    }
    let ty = resolve(ty);
    let signed = ty.int("signed").unwrap_or(1) != 0;
    Some(match ty.kind() {
        "CBIntType" => (32, true),
        "CPySSizeTType" | "CSSizeTType" | "CPtrdiffTType" | "CPyHashTType" => (64, true),
        "CSizeTType" => (64, false),
        "CPyUCS4IntType" | "CPyUnicodeIntType" => (32, false),
        "CEnumType" => (32, enum_signed(ty)?),
        "CAnonEnumType" => (32, true),
        "CIntType" | "CReturnCodeType" => match rank(ty) {
            0 => (8, signed),
            1 => (16, signed),
            2 => (32, signed),
            3 | 4 => (64, signed),
            _ => return None,
        },
        _ if ty.is_a("CIntType") => match rank(ty) {
            2 => (32, signed),
            3 | 4 => (64, signed),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether a C enum of this module has a negative value; nothing is known of others.
fn enum_signed(ty: TreeType<'_>) -> Option<bool> {
    let entry = ty.entry("entry")?;
    if super::struct_types::external(entry) {
        return None;
    }
    let mut negative = false;
    for value in entry.entries("enum_values") {
        let number = super::enums::known_value(value, 0)?;
        i32::try_from(number).ok()?;
        negative |= number < 0;
    }
    Some(negative)
}

/// Whether arithmetic on the type is unsigned.
pub(super) fn unsigned(ty: TreeType<'_>) -> bool {
    integer(ty).is_some_and(|(_, signed)| !signed)
}
