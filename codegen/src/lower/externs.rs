//! Calls of C functions outside the module, optional arguments, and error values by name.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::{Context, missing_node};
use super::memview::dimensions;
use super::types;
use crate::mir::{Callee, CastOp, Constant, GlobalId, Op, Param, Signature, Type, Value};

impl<'t> Body<'_, 't> {
    /// A C function outside the module by its name: the runtime's, CPython's, libc's.
    pub(super) fn call_named(
        &mut self,
        node: Node<'t>,
        name: &str,
        ty: TreeType<'t>,
        args: &[(Value, TreeType<'t>)],
    ) -> Result<Option<Value>> {
        let plain: Vec<Value> = args.iter().map(|(value, _)| *value).collect();
        if let Some(value) = self.call_own_state(name, &plain)? {
            return Ok(Some(value));
        }
        // A macro of Cython's, for a compiler without it.
        let name = match name {
            "__Pyx_truncl" => "truncl",
            other => other,
        };
        if let ("__Pyx_long_cast", [(value, from)]) = (name, args) {
            return Ok(Some(self.widen(*value, 64, types::unsigned(*from))));
        }
        if let (true, [(x, left), (y, right)]) = (name.starts_with("__Pyx_divmod_"), args) {
            return self.c_divmod(node, *x, *y, (*left, *right)).map(Some);
        }
        if let Some(done) = self.special_extern(name, args)? {
            return Ok(Some(done));
        }
        let Some((symbol, c)) = self.m.resolve(name) else {
            return missing_node(node, &format!("of C function '{name}'"));
        };
        let c = c.clone();
        // Complex numbers of doubles are passed as two.
        let mut flat = Vec::new();
        for (value, from) in args {
            match (self.b.ty(*value), types::resolve(*from).ty("real_type")) {
                (Type::Struct(_), Some(real)) if self.is_double_complex(*value) => {
                    let (x, y) = self.parts(*value);
                    flat.push((x, real));
                    flat.push((y, real));
                }
                _ => flat.push((*value, *from)),
            }
        }
        let args = &flat;
        if c.params.len() > args.len() || (c.params.len() < args.len() && !c.varargs) {
            return missing_node(
                node,
                &format!("of C function '{name}' with other arguments"),
            );
        }
        let mut values = Vec::new();
        let mut params = Vec::new();
        for (index, (value, from)) in args.iter().enumerate() {
            let made = match c.params.get(index) {
                Some(wanted) => self.native_argument(*value, *from, wanted),
                None => self.variable_argument(*value, *from),
            };
            let Some(value) = made else {
                let have = self.b.ty(*value).clone();
                return missing_node(node, &format!("of C function '{name}' with {have}"));
            };
            if index < c.params.len() {
                params.push(Param {
                    ty: self.b.ty(value).clone(),
                    steals: false,
                });
            }
            values.push(value);
        }
        let result = match ty.ty("return_type") {
            Some(result) => self.c_type(result)?,
            None => Type::Void,
        };
        let double_complex = matches!(&result, Type::Struct(id)
            if self.m.mir.structs[id.0 as usize].fields == [Type::F64, Type::F64]);
        let native = if c.result == "{ double, double }" && double_complex {
            Some(result.clone())
        } else {
            native_type(&c.result, &result)
        };
        let Some(native) = native else {
            return missing_node(node, &format!("of C function '{name}' for its result"));
        };
        // Where Cython counts no reference, as for the type of an object, it is borrowed.
        let counted = node.flag("is_temp");
        let owned = result == Type::Object && counted;
        let signature = Signature {
            params,
            result: native.clone(),
            owned,
            varargs: c.varargs,
        };
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        let made = self.b.call(&self.m.mir, callee, values);
        let Some(made) = made else { return Ok(None) };
        if result == Type::Object && !counted {
            // The arguments, which may be what keeps it alive, are given back soon.
            return Ok(Some(self.op(Op::XIncRef(made))));
        }
        if result == Type::Void {
            return Ok(None);
        }
        let returns = ty.ty("return_type");
        Ok(Some(match (&native, &result) {
            (Type::Int(_), Type::Int(bits)) => {
                let unsigned = returns.is_some_and(types::unsigned);
                self.widen(made, *bits, unsigned)
            }
            (have, wanted) if have == wanted || (have.is_pointer() && wanted.is_pointer()) => made,
            (have, wanted) if have.is_float() && wanted.is_float() => {
                self.convert_float(made, wanted)
            }
            (Type::Int(_), wanted) if wanted.is_float() => {
                self.op(Op::Cast(CastOp::SToF, made, wanted.clone()))
            }
            _ => return missing_node(node, &format!("of C function '{name}' for its result")),
        }))
    }

    /// A variable of the C library that is a symbol of its own.
    pub(super) fn extern_variable(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let name = entry.text("cname").unwrap_or_default();
        let ty = self.type_of(node)?;
        match (name, &ty) {
            ("stdin" | "stdout" | "stderr" | "environ", Type::Ptr) => {
                let id = self.m.mir.declare_data(name);
                let address = self.op(Op::ExternAddr(id));
                Ok(self.op(Op::Load(ty, address)))
            }
            _ => match library_constant(name, &ty) {
                Some(constant) => Ok(self.op(Op::Const(constant))),
                None => self.shim_value(node, entry),
            },
        }
    }

    fn is_double_complex(&self, value: Value) -> bool {
        match self.b.ty(value) {
            Type::Struct(id) => self.m.mir.structs[id.0 as usize].name == "complex.f64",
            _ => false,
        }
    }

    /// The address of a C function outside the module.
    pub(super) fn extern_function_address(&mut self, node: Node<'t>, name: &str) -> Result<Value> {
        let declared = node
            .entry("entry")
            .is_some_and(super::shim_calls::declared_in_c);
        if declared && self.m.shims.may_redefine(self.m.tree, name) {
            return Ok(self.shim_address(node.position(), name, ""));
        }
        let Some((symbol, c)) = self
            .m
            .symbols
            .resolve(name)
            .filter(|(symbol, _)| symbol == name)
        else {
            return match declared {
                true => Ok(self.shim_address(node.position(), name, "")),
                false => missing_node(node, &format!("address of C function '{name}'")),
            };
        };
        if c.varargs {
            return missing_node(node, &format!("address of C function '{name}'"));
        }
        let mut params = Vec::new();
        for param in &c.params {
            match native_type(param, &Type::Ptr) {
                Some(Type::Int(bits)) => params.push(Type::Int(bits.max(32))),
                Some(ty) => params.push(ty),
                None => return missing_node(node, &format!("address of C function '{name}'")),
            }
        }
        let returns = match c.result.as_str() {
            "void" => Type::Void,
            _ => Type::Ptr,
        };
        let Some(result) = native_type(&c.result, &returns) else {
            return missing_node(node, &format!("address of C function '{name}'"));
        };
        let id = self.m.mir.declare(&symbol, Signature::new(params, result));
        Ok(self.op(Op::ExternAddr(id)))
    }

    /// Macros of Cython's own whose meaning is known.
    fn special_extern(
        &mut self,
        name: &str,
        args: &[(Value, TreeType<'t>)],
    ) -> Result<Option<Value>> {
        if let ("abs" | "labs" | "llabs" | "__Pyx_abs_longlong", [(value, _)]) = (name, args)
            && let Type::Int(bits @ (32 | 64)) = *self.b.ty(*value)
        {
            return self.absolute(*value, bits).map(Some);
        }
        // The absolute value of what has no sign.
        if name.starts_with("/*abs_unsigned") && args.len() == 1 {
            return Ok(Some(args[0].0));
        }
        if let (Some(_), [(value, from)]) = (name.strip_prefix("__Pyx_c_abs_"), args)
            && types::resolve(*from).flag("is_complex")
        {
            return self.complex_abs(*value).map(Some);
        }
        if let ("__Pyx_SoftComplexToDouble", [(value, _), (without, _)]) = (name, args) {
            let (x, y) = self.parts(*value);
            let short = "ddi:d";
            let made = self.rt_raw("__Pyx_SoftComplexToDouble", short, &[x, y, *without])?;
            return Ok(made);
        }
        Ok(None)
    }

    /// A value as a C parameter of a type takes it.
    fn native_argument(&mut self, value: Value, from: TreeType<'t>, wanted: &str) -> Option<Value> {
        let have = self.b.ty(value).clone();
        let to = match wanted {
            "double" => Some(Type::F64),
            "float" => Some(Type::F32),
            "x86_fp80" => Some(Type::F80),
            _ => None,
        };
        match (&have, to) {
            (Type::Ptr | Type::Object, None) if wanted == "ptr" => Some(value),
            (Type::Int(_), Some(to)) => {
                let how = if types::unsigned(from) {
                    CastOp::UToF
                } else {
                    CastOp::SToF
                };
                Some(self.op(Op::Cast(how, value, to)))
            }
            (have, Some(to)) if have.is_float() => Some(self.convert_float(value, &to)),
            (Type::Int(_), None) => {
                let bits: u16 = wanted.strip_prefix('i')?.parse().ok()?;
                // Narrow parameters are passed in 32 bits.
                let width = match bits {
                    1 | 8 | 16 | 32 => 32,
                    64 => 64,
                    _ => return None,
                };
                Some(self.widen(value, width, types::unsigned(from)))
            }
            _ => None,
        }
    }

    /// A value after the named arguments, promoted as C does.
    pub(super) fn variable_argument(&mut self, value: Value, from: TreeType<'t>) -> Option<Value> {
        match self.b.ty(value).clone() {
            Type::Int(bits) if bits < 32 => Some(self.widen(value, 32, types::unsigned(from))),
            Type::Int(32 | 64) | Type::F64 | Type::F80 | Type::Ptr | Type::Object => Some(value),
            Type::F32 => Some(self.op(Op::Cast(CastOp::FExt, value, Type::F64))),
            _ => None,
        }
    }

    // ---------------------------------------------------------------- optional arguments

    /// Replaces the optional arguments of a call by the address of the struct that carries them.
    pub(super) fn pack_optional(
        &mut self,
        node: Node<'t>,
        ty: TreeType<'t>,
        args: &mut Vec<(Value, TreeType<'t>)>,
    ) -> Result<Option<Value>> {
        let optional = ty.int("optional_arg_count").unwrap_or(0) as usize;
        if optional == 0 {
            return Ok(None);
        }
        let declared = ty.list("args").len();
        let required = declared.saturating_sub(optional);
        if args.len() < required {
            return missing_node(node, "with too few arguments");
        }
        let Some(carrier) = ty.ty("op_arg_struct") else {
            return missing_node(node, "without the struct of optional arguments");
        };
        let given: Vec<_> = args.drain(required..).collect();
        if given.is_empty() {
            return Ok(Some(self.null()));
        }
        let structure = self.optional_struct(carrier)?;
        let Type::Struct(id) = structure else {
            return missing_node(node, "without the struct of optional arguments");
        };
        let local = self.b.local("optional", structure);
        let base = self.op(Op::LocalAddr(local));
        let place = self.op(Op::Field(base, id, 0));
        let count = self.int(given.len() as i128, 32);
        self.b.effect(Op::Store {
            address: place,
            value: count,
        });
        for (index, (value, from)) in given.into_iter().enumerate() {
            let field = self.m.mir.structs[id.0 as usize]
                .fields
                .get(index + 1)
                .cloned();
            let place = self.op(Op::Field(base, id, index as u32 + 1));
            if from.flag("is_memoryviewslice") {
                self.copy_slice(place, value, dimensions(from));
                continue;
            }
            let value = field.map_or(value, |field| self.fit_type(value, from, &field));
            // The caller keeps objects alive.
            let value = if *self.b.ty(value) == Type::Object {
                self.borrow(value)
            } else {
                value
            };
            self.b.effect(Op::Store {
                address: place,
                value,
            });
        }
        Ok(Some(base))
    }

    fn optional_struct(&mut self, carrier: TreeType<'t>) -> Result<Type> {
        match types::resolve(carrier).ty("base_type") {
            Some(structure) => self.c_type(structure),
            None => self.missing("struct of optional arguments"),
        }
    }

    /// Evaluates the defaults of a C function that are no literals, where it is defined.
    pub(super) fn keep_defaults(&mut self, node: Node<'t>) -> Result<()> {
        for arg in node.nodes("args") {
            let Some(default) = arg.node("default") else {
                continue;
            };
            if plain_literal(default) {
                continue;
            }
            let ty = self.c_type(arg.expr_type()?)?;
            let name = format!("default.{}", self.m.mir.globals.len());
            let global = self.m.variable(&name, ty);
            self.m.default_globals.insert(arg.id(), global);
            let value = self.expr(default)?;
            self.keep_default((arg, default), value, global)?;
        }
        Ok(())
    }

    /// Sets the variable of an optional argument: the default, or what the caller gave.
    pub(super) fn optional_argument(
        &mut self,
        node: Node<'t>,
        arg: Node<'t>,
        index: usize,
        carrier: Value,
        local: crate::mir::LocalId,
        owned: bool,
    ) -> Result<()> {
        let Some(default) = arg.node("default") else {
            return missing_node(arg, "without a default");
        };
        let value = match self.m.default_globals.get(&arg.id()).copied() {
            Some(global) => self.kept_default(arg, global)?,
            None => self.expr(default)?,
        };
        if self.temps.contains(&value) {
            return missing_node(arg, "with a default made anew");
        }
        let value = self.fit(value, default.expr_type()?, local);
        self.set_argument(local, owned, value);
        self.when_given(node, index, carrier, |body, place| {
            let ty = body.b.function.locals[local.0 as usize].ty.clone();
            let value = body.op(Op::Load(ty, place));
            body.set_argument(local, owned, value);
            Ok(())
        })
    }

    /// What is done with the place of an optional argument where the caller gave it.
    pub(super) fn when_given(
        &mut self,
        node: Node<'t>,
        index: usize,
        carrier: Value,
        work: impl FnOnce(&mut Self, Value) -> Result<()>,
    ) -> Result<()> {
        let Some(Type::Struct(id)) = (match node.ty("type").and_then(|ty| ty.ty("op_arg_struct")) {
            Some(ty) => Some(self.optional_struct(ty)?),
            None => None,
        }) else {
            return missing_node(node, "without the struct of optional arguments");
        };
        let (some, more, after) = (self.b.block(), self.b.block(), self.b.block());
        let null = self.is_null(carrier);
        self.b.branch(null, after, some);
        self.b.switch_to(some);
        let place = self.op(Op::Field(carrier, id, 0));
        let count = self.op(Op::Load(Type::I32, place));
        let number = self.int(index as i128, 32);
        let given = self.op(Op::Compare(crate::mir::Comparison::SGt, count, number));
        self.b.branch(given, more, after);
        self.b.switch_to(more);
        let place = self.op(Op::Field(carrier, id, index as u32 + 1));
        work(self, place)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    fn kept_default(&mut self, arg: Node<'t>, global: GlobalId) -> Result<Value> {
        let ty = self.c_type(arg.expr_type()?)?;
        let address = self.op(Op::GlobalAddr(global));
        Ok(self.op(Op::Load(ty, address)))
    }

    fn set_argument(&mut self, local: crate::mir::LocalId, owned: bool, value: Value) {
        if owned {
            let value = self.op(Op::XIncRef(value));
            self.replace(local, value);
        } else {
            self.b.effect(Op::Set(local, value));
        }
    }

    // ---------------------------------------------------------------- error values

    /// An error value that is written as C.
    pub(super) fn named_error_value(&mut self, text: &str, mir: &Type) -> Option<Constant> {
        self.m.named_error_value(text, mir)
    }
}

impl Context<'_> {
    /// An error value that is written as C: a name of an enum, NAN, a cast integer.
    pub(super) fn named_error_value(&mut self, text: &str, mir: &Type) -> Option<Constant> {
        if let Some(number) = plain_number(text) {
            return match mir {
                Type::Int(bits) => Some(Constant::Int(i128::from(number), *bits)),
                ty if ty.is_float() => Some(Constant::Float(number as f64, ty.clone())),
                _ => None,
            };
        }
        if text.starts_with("__Pyx_divmod_ERROR_VALUE_") {
            // Whether there was an exception is asked for.
            return Some(Constant::Zero(mir.clone()));
        }
        if mir.is_float()
            && let Some(number) = plain_float(text)
        {
            return Some(Constant::Float(number, mir.clone()));
        }
        if text == "NAN" && mir.is_float() {
            return Some(Constant::Float(f64::NAN, mir.clone()));
        }
        if let Type::Int(bits) = mir {
            let entry = self.tree.entries().find(|entry| {
                entry.text("cname") == Some(text) && entry.attr("enum_int_value").is_some()
            })?;
            if super::struct_types::external(entry) {
                return None;
            }
            let number = entry.int("enum_int_value")?;
            return Some(Constant::Int(i128::from(number), *bits));
        }
        if *mir == Type::Ptr {
            let inner = text.strip_prefix('(')?.strip_suffix(')')?;
            let (_, number) = inner.rsplit_once(')')?;
            let number = number.trim_end_matches(['L', 'U', 'l', 'u']).parse().ok()?;
            return Some(Constant::Address(number));
        }
        None
    }
}

/// `-1` or `((double)-1)`.
fn plain_number(text: &str) -> Option<i64> {
    if let Some(number) = text.strip_prefix("(long)(Py_UCS4)") {
        return number
            .parse::<i64>()
            .ok()
            .map(|number| number & 0xffff_ffff);
    }
    let text = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text);
    let text = match text.split_once(')') {
        Some((of, number)) if of.starts_with('(') && !of.contains('*') => number,
        Some(_) => return None,
        None => text,
    };
    text.parse().ok()
}

/// `-1.0` or `(-1.0)`.
fn plain_float(text: &str) -> Option<f64> {
    let bare = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let text = bare.unwrap_or(text);
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    if !text.chars().all(digits) {
        return None;
    }
    text.parse().ok()
}

/// A constant of C's headers on x86-64 Linux.
pub(super) fn library_constant(name: &str, ty: &Type) -> Option<Constant> {
    use std::f64::consts as c;
    if ty.is_float() {
        let value = match name {
            "M_E" => c::E,
            "M_LOG2E" => c::LOG2_E,
            "M_LOG10E" => c::LOG10_E,
            "M_LN2" => c::LN_2,
            "M_LN10" => c::LN_10,
            "M_PI" => c::PI,
            "M_PI_2" => c::FRAC_PI_2,
            "M_PI_4" => c::FRAC_PI_4,
            "M_1_PI" => c::FRAC_1_PI,
            "M_2_PI" => c::FRAC_2_PI,
            "M_2_SQRTPI" => c::FRAC_2_SQRT_PI,
            "M_SQRT2" => c::SQRT_2,
            "M_SQRT1_2" => c::FRAC_1_SQRT_2,
            "INFINITY" | "HUGE_VAL" | "Py_HUGE_VAL" => f64::INFINITY,
            "NAN" | "Py_NAN" => f64::NAN,
            "DBL_MAX" => f64::MAX,
            "DBL_MIN" => f64::MIN_POSITIVE,
            "DBL_EPSILON" => f64::EPSILON,
            "FLT_MAX" => f64::from(f32::MAX),
            "FLT_MIN" => f64::from(f32::MIN_POSITIVE),
            "FLT_EPSILON" => f64::from(f32::EPSILON),
            _ => return None,
        };
        return Some(Constant::Float(value, ty.clone()));
    }
    let Type::Int(bits) = ty else { return None };
    let value: i128 = match name {
        "CHAR_BIT" => 8,
        "SCHAR_MIN" | "CHAR_MIN" => i128::from(i8::MIN),
        "SCHAR_MAX" | "CHAR_MAX" => i128::from(i8::MAX),
        "UCHAR_MAX" => i128::from(u8::MAX),
        "SHRT_MIN" => i128::from(i16::MIN),
        "SHRT_MAX" => i128::from(i16::MAX),
        "USHRT_MAX" => i128::from(u16::MAX),
        "INT_MIN" => i128::from(i32::MIN),
        "INT_MAX" => i128::from(i32::MAX),
        "UINT_MAX" => i128::from(u32::MAX),
        "LONG_MIN" | "LLONG_MIN" | "PY_SSIZE_T_MIN" => i128::from(i64::MIN),
        "LONG_MAX" | "LLONG_MAX" | "PY_SSIZE_T_MAX" => i128::from(i64::MAX),
        "ULONG_MAX" | "ULLONG_MAX" | "SIZE_MAX" => i128::from(u64::MAX),
        "EOF" => -1,
        "Py_LT" => 0,
        "Py_LE" => 1,
        "Py_EQ" => 2,
        "Py_NE" => 3,
        "Py_GT" => 4,
        "Py_GE" => 5,
        "SEEK_SET" | "EXIT_SUCCESS" => 0,
        "SEEK_CUR" | "EXIT_FAILURE" => 1,
        "SEEK_END" => 2,
        "RAND_MAX" => i128::from(i32::MAX),
        _ => return None,
    };
    Some(Constant::Int(value, *bits))
}

/// A default that is a literal: made anew at each call at no cost.
fn plain_literal(default: Node<'_>) -> bool {
    matches!(
        default.kind(),
        "NoneNode" | "BoolNode" | "NullNode" | "IntNode" | "FloatNode" | "CharNode"
    ) || (default.kind() == "DefaultLiteralArgNode"
        && default.node("arg").is_some_and(plain_literal))
        || (default.flag("is_literal")
            && matches!(
                default.kind(),
                "UnicodeNode" | "BytesNode" | "IdentifierStringNode"
            ))
}

/// The type of a C function's result, as the ABI has it, where it fits the declared one.
fn native_type(c: &str, declared: &Type) -> Option<Type> {
    Some(match c {
        "void" => Type::Void,
        "double" => Type::F64,
        "float" => Type::F32,
        "x86_fp80" => Type::F80,
        "ptr" if *declared == Type::Object => Type::Object,
        "ptr" => Type::Ptr,
        "i1" => Type::Int(8),
        _ => match c.strip_prefix('i')?.parse().ok()? {
            bits @ (8 | 16 | 32 | 64) => Type::Int(bits),
            _ => return None,
        },
    })
    .filter(|native| (*native == Type::Void) <= (*declared == Type::Void))
}
