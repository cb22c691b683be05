//! Conversions between C values and objects, and type tests.

use frontend_bridge::tree::{Node, Type as TreeType, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::is_slice;
use super::types;
use crate::mir::{CastOp, Comparison, Constant, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `CoerceToPyTypeNode`: a C value as an object.
    pub(super) fn lower_to_python(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let from = arg.expr_type()?;
        let array = types::resolve(from).flag("is_array");
        let text =
            types::resolve(from).flag("is_string") || types::resolve(from).flag("is_pyunicode_ptr");
        let value = match arg.kind() {
            "NameNode" if array && text => self.variable_address(arg)?,
            _ => self.expr(arg)?,
        };
        let wanted = node
            .ty("target_type")
            .map_or_else(|| node.expr_type(), Ok)?;
        if array && wanted.flag("is_pytuple_type") {
            return self.array_to_python(value, from, true);
        }
        if types::resolve(from).flag("is_string") {
            return self.text_to_python(node, value, from);
        }
        self.to_python(value, from)
    }

    /// A C string as the kind of text that the node wants.
    fn text_to_python(
        &mut self,
        node: Node<'t>,
        value: Value,
        from: TreeType<'t>,
    ) -> Result<Value> {
        self.refuse_encoding()?;
        let Some(function) = from
            .text("to_py_function")
            .or_else(|| types::resolve(from).text("to_py_function"))
        else {
            return missing_node(node, "of this C string");
        };
        let wanted = node.ty("target_type").or_else(|| node.ty("type"));
        let name = match wanted.and_then(|ty| ty.text("name")) {
            Some("bytes") => "Bytes",
            Some("bytearray") => "ByteArray",
            Some("str" | "unicode") => "Unicode",
            _ => "Object",
        };
        if *self.b.ty(value) != Type::Ptr {
            return missing_node(node, "of an array by value");
        }
        let function = function.replacen("Object", name, 1);
        self.rt_object(&function, "p:O", &[value])
    }

    /// A C value as a new object.
    pub(super) fn to_python(&mut self, value: Value, from: TreeType<'t>) -> Result<Value> {
        let plain = types::resolve(from);
        if from.flag("is_memoryviewslice") {
            let made = self.slice_to_object(value, from)?;
            self.release_under(made, &[value]);
            return Ok(made);
        }
        if *self.b.ty(value) == Type::Object {
            return Ok(value);
        }
        if plain.kind() == "CBIntType" {
            return self.bool_object(value);
        }
        let Some(function) = from.text("to_py_function") else {
            return self.missing(&format!("conversion of {} to an object", from.kind()));
        };
        if (plain.flag("is_ptr") || plain.flag("is_cfunction"))
            && let Some(id) = self.m.functions_by_name.get(function).copied()
        {
            let made = self
                .b
                .call(&self.m.mir, crate::mir::Callee::Function(id), vec![value]);
            return match made {
                Some(made) => self.checked(made, Raises::Null),
                None => self.defect("no object"),
            };
        }
        if plain.flag("is_pyunicode_ptr") {
            return self.wide_text_to_python(value, None);
        }
        if plain.flag("is_array") && !plain.flag("is_string") {
            return self.array_to_python(value, from, false);
        }
        if plain.flag("is_ctuple") {
            return self.ctuple_to_python(value, plain);
        }
        if plain.kind() == "SoftCComplexType" {
            return self.soft_complex_to_python(value);
        }
        if plain.flag("is_complex") {
            return self.complex_to_python(value, plain);
        }
        if plain.flag("is_struct_or_union") {
            return self.struct_to_python(value, plain);
        }
        if plain.kind() == "CEnumType" {
            return self.enum_to_python(value, plain, function);
        }
        if *self.b.ty(value) == Type::F32 && function == "PyFloat_FromDouble" {
            let value = self.convert_float(value, &Type::F64);
            return self.rt_object(function, "d:O", &[value]);
        }
        if *self.b.ty(value) == Type::F80 && function == "PyFloat_FromDouble" {
            let value = self.op(Op::Cast(CastOp::FTrunc, value, Type::F64));
            return self.rt_object(function, "d:O", &[value]);
        }
        if *self.b.ty(value) == Type::Int(128) {
            return self.wide_to_python(value, from);
        }
        let (value, letter) = self.extended(value, from);
        let function = match (
            self.unknown_integer(function),
            letter,
            types::unsigned(from),
        ) {
            (true, 'i', false) => "__Pyx_PyLong_From_int",
            (true, 'i', true) => "__Pyx_PyLong_From_unsigned_int",
            (true, 'l', false) => "__Pyx_PyLong_From_long",
            (true, 'l', true) => "__Pyx_PyLong_From_unsigned_long",
            _ => function,
        };
        self.rt_object(function, &format!("{letter}:O"), &[value])
    }

    /// A C value as the C ABI passes it, and its letter in short signatures.
    pub(super) fn extended(&mut self, value: Value, from: TreeType<'t>) -> (Value, char) {
        match self.b.ty(value).clone() {
            Type::Int(64) => (value, 'l'),
            Type::Int(32) => (value, 'i'),
            Type::Int(_) => (self.widen(value, 32, types::unsigned(from)), 'i'),
            Type::F32 => (value, 'f'),
            Type::F64 => (value, 'd'),
            Type::Object => (value, 'o'),
            _ => (value, 'p'),
        }
    }

    /// `CoerceFromPyTypeNode`: an object as a C value.
    pub(super) fn lower_from_python(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let object = self.expr(arg)?;
        let ty = node.expr_type()?;
        let value = match node.text("special_none_cvalue") {
            Some(text) => self.from_python_or_none(node, object, text)?,
            None if types::resolve(ty).flag("is_string") => {
                self.text_from_python(arg, object, ty)?
            }
            None => self.from_python(object, ty)?,
        };
        if *self.b.ty(value) == Type::Ptr && self.temps.contains(&object) && !is_kept(arg) {
            // The address lies in the object, which must live on.
            if types::resolve(node.expr_type()?).flag("is_array") {
                self.release(object);
                return Ok(value);
            }
            self.keep_alive(value, object);
            return Ok(value);
        }
        self.release(object);
        Ok(value)
    }

    /// A C integer, with a value of its own for None.
    fn from_python_or_none(
        &mut self,
        node: Node<'t>,
        object: Value,
        none_value: &str,
    ) -> Result<Value> {
        let ty = node.expr_type()?;
        let (Type::Int(bits), Some(number)) =
            (self.c_type(ty)?, super::literals::c_number(none_value))
        else {
            return missing_node(node, "with a value for None");
        };
        let result = self.b.local("converted", Type::Int(bits));
        let number = self.int(number, bits);
        self.b.effect(Op::Set(result, number));
        let none = self.none();
        let is_none = self.op(Op::Compare(Comparison::Eq, object, none));
        let (some, after) = (self.b.block(), self.b.block());
        self.b.branch(is_none, after, some);
        self.b.switch_to(some);
        let value = self.from_python(object, ty)?;
        self.b.effect(Op::Set(result, value));
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(self.op(Op::Get(result)))
    }

    /// An object's text as a C string.
    fn text_from_python(
        &mut self,
        arg: Node<'t>,
        object: Value,
        ty: TreeType<'t>,
    ) -> Result<Value> {
        self.refuse_encoding()?;
        let from = arg.expr_type()?;
        let function = ty
            .text("from_py_function")
            .or_else(|| types::resolve(ty).text("from_py_function"));
        let of_bytes = function
            .filter(|_| from.flag("is_pybytes_type"))
            .and_then(|function| function.strip_prefix("__Pyx_PyObject_As"));
        let Some(rest) = of_bytes else {
            return self.from_python(object, ty);
        };
        if !matches!(arg.kind(), "BytesNode" | "NoneCheckNode") {
            let none = self.none();
            let is_none = self.op(Op::Compare(Comparison::Eq, object, none));
            self.if_unlikely(is_none, |body| {
                body.raise_builtin("PyExc_TypeError", "expected bytes, NoneType found")
            })?;
        }
        let function = format!("__Pyx_PyBytes_As{rest}");
        let null = Raises::Maybe(Constant::Null(Type::Ptr));
        self.rt_status(&function, "o:p", &[object], null)
    }

    /// A borrowed object as a C value of a type.
    pub(super) fn from_python(&mut self, object: Value, to: TreeType<'t>) -> Result<Value> {
        let plain = types::resolve(to);
        let target = self.c_type(to)?;
        if plain.kind() == "CBIntType" {
            let truth =
                self.rt_status("__Pyx_PyObject_IsTrue", "o:i", &[object], Raises::Negative)?;
            return match target {
                Type::BOOL => self.truth(truth),
                _ => Ok(truth),
            };
        }
        let Some(function) = to.text("from_py_function") else {
            return self.missing(&format!("conversion of an object to {}", to.kind()));
        };
        if plain.flag("is_ctuple") {
            return self.ctuple_from_python(object, plain);
        }
        if plain.flag("is_complex") {
            return self.complex_from_python(object, plain, &target);
        }
        if let Type::Array(..) = target {
            return self.array_from_python(object, to);
        }
        if plain.kind() == "CEnumType" {
            return self.enum_from_python(object, plain);
        }
        if let Type::Struct(_) = target {
            return self.struct_from_python(object, function);
        }
        if let (Type::Int(bits), true) = (&target, self.unknown_integer(function)) {
            return self.typedef_from_python(object, to, function, *bits);
        }
        if target == Type::F64 && function == "__Pyx_PyFloat_AsFloat" {
            // Declared as `float`, and a double in C.
            let raises = Raises::Maybe(Constant::Float(-1.0, Type::F32));
            let value = self.rt_status(function, "o:f", &[object], raises)?;
            return Ok(self.op(Op::Cast(CastOp::FExt, value, Type::F64)));
        }
        let raises = match &target {
            Type::Int(bits) => Raises::Maybe(Constant::Int(-1, *bits)),
            Type::F64 => Raises::Maybe(Constant::Float(-1.0, Type::F64)),
            Type::F32 => {
                // Converted as double, then narrowed.
                let raises = Raises::Maybe(Constant::Float(-1.0, Type::F64));
                let value = self.rt_status("__Pyx_PyFloat_AsDouble", "o:d", &[object], raises)?;
                return Ok(self.op(Op::Cast(CastOp::FTrunc, value, Type::F32)));
            }
            Type::F80 => {
                let raises = Raises::Maybe(Constant::Float(-1.0, Type::F64));
                let value = self.rt_status("__Pyx_PyFloat_AsDouble", "o:d", &[object], raises)?;
                return Ok(self.op(Op::Cast(CastOp::FExt, value, Type::F80)));
            }
            Type::Ptr if plain.flag("is_pyunicode_ptr") => {
                let null = Raises::Maybe(Constant::Null(Type::Ptr));
                return self.rt_status("PyUnicode_AsUnicode", "o:p", &[object], null);
            }
            Type::Ptr => Raises::Maybe(Constant::Null(Type::Ptr)),
            other => return self.missing(&format!("conversion of an object to {other}")),
        };
        let letter = match &target {
            Type::Int(64) => "l",
            Type::Int(32) => "i",
            Type::Int(_) => return self.narrow_from_python(function, object, &target),
            Type::F64 => "d",
            _ => "p",
        };
        self.rt_status(function, &format!("o:{letter}"), &[object], raises)
    }

    /// Whether a conversion is one of an integer type of C's headers.
    fn unknown_integer(&self, function: &str) -> bool {
        function.starts_with("__Pyx_PyLong_") && self.m.symbols.resolve(function).is_none()
    }

    fn typedef_from_python(
        &mut self,
        object: Value,
        to: TreeType<'t>,
        function: &str,
        bits: u16,
    ) -> Result<Value> {
        let suffix = function.trim_start_matches("__Pyx_PyLong_As_");
        let name = super::ctypes::c_name(to).unwrap_or_else(|| suffix.to_owned());
        let name = self.text(&name);
        if bits == 128 {
            return self.wide_from_python(object, to, name);
        }
        let size = self.int(i128::from(bits), 32);
        let unsigned = self.int(i128::from(types::unsigned(to)), 32);
        let raises = Raises::Maybe(Constant::Int(-1, 64));
        let value = self.rt_status(
            "cyl_typedef_from_python",
            "opii:l",
            &[object, name, size, unsigned],
            raises,
        )?;
        Ok(match bits {
            64 => value,
            _ => self.op(Op::Cast(CastOp::Trunc, value, Type::Int(bits))),
        })
    }

    fn narrow_from_python(&mut self, function: &str, object: Value, to: &Type) -> Result<Value> {
        let Some((symbol, _)) = self.m.symbols.resolve(function) else {
            return self.missing(&format!("C function '{function}'"));
        };
        let Type::Int(bits) = to else {
            return self.defect("not an integer");
        };
        let signature = crate::mir::Signature::new([Type::Object], to.clone());
        let callee = crate::mir::Callee::Extern(self.m.mir.declare(&symbol, signature));
        match self.b.call(&self.m.mir, callee, vec![object]) {
            Some(value) => self.checked(value, Raises::Maybe(Constant::Int(-1, *bits))),
            None => self.defect("no result"),
        }
    }

    /// `CoerceToBooleanNode`: the truth of anything.
    pub(super) fn lower_to_boolean(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        if is_slice(arg) {
            return missing_node(node, "of a memoryview");
        }
        if *self.b.ty(value) != Type::Object {
            let truth = self.truth(value)?;
            return Ok(self.as_int(truth));
        }
        let ty = types::resolve(arg.expr_type()?);
        let sized = [
            "is_pylist_type",
            "is_pytuple_type",
            "is_pydict_type",
            "is_pybytes_type",
            "is_pystr_type",
        ];
        if sized.iter().any(|kind| ty.flag(kind)) {
            let truth = self.not_empty(value)?;
            self.release(value);
            return Ok(truth);
        }
        let truth = self.rt_status("__Pyx_PyObject_IsTrue", "o:i", &[value], Raises::Negative)?;
        self.release(value);
        Ok(truth)
    }

    /// Whether an object with a size, which may be None, has items.
    fn not_empty(&mut self, object: Value) -> Result<Value> {
        let answer = self.b.local("truth", Type::I32);
        let none = self.none();
        let given = self.op(Op::Compare(Comparison::Ne, object, none));
        self.if_else(
            given,
            |body| {
                let size = body.object_word(object, super::unpacking::OB_SIZE);
                let zero = body.int(0, 64);
                let some = body.op(Op::Compare(Comparison::Ne, size, zero));
                let some = body.as_int(some);
                body.b.effect(Op::Set(answer, some));
                Ok(())
            },
            |body| {
                let no = body.int(0, 32);
                body.b.effect(Op::Set(answer, no));
                Ok(())
            },
        )?;
        Ok(self.op(Op::Get(answer)))
    }

    /// `CoerceToTempNode`: a value that later assignments do not change.
    pub(super) fn lower_to_temp(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node.child("arg")?)?;
        if *self.b.ty(value) == Type::Object {
            Ok(self.owned(value))
        } else {
            Ok(self.stored(value))
        }
    }

    /// `<type>value`.
    pub(super) fn lower_cast(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child(if node.kind() == "CastNode" {
            "arg"
        } else {
            "operand"
        })?;
        if let Some(address) = self.field_as_pointer(node, operand)? {
            return Ok(address);
        }
        let value = self.expr(operand)?;
        if is_slice(operand) {
            return missing_node(node, "of a memoryview");
        }
        let (from, to) = (operand.expr_type()?, node.expr_type()?);
        let was_object = *self.b.ty(value) == Type::Object;
        let target = self.c_type(to)?;
        if was_object && target == Type::Object {
            return Ok(value);
        }
        if was_object {
            // Cython refuses casts of temporaries: something else keeps the object alive.
            let address = self.op(Op::Cast(CastOp::Pointer, value, Type::Ptr));
            self.release(value);
            return self.convert_number(address, from, to);
        }
        if target == Type::Void {
            return Ok(value);
        }
        if let (Type::Array(..), Type::Ptr) = (&target, self.b.ty(value)) {
            // Arrays are where they lie.
            return Ok(value);
        }
        if types::resolve(to).flag("is_complex") {
            return self.to_complex(value, from, to);
        }
        let value = self.convert_number(value, from, to)?;
        if *self.b.ty(value) == Type::Object {
            // Without the GIL nobody can own it; C does not, either.
            Ok(if self.gil { self.owned(value) } else { value })
        } else {
            Ok(self.stored(value))
        }
    }

    /// `PyTypeTestNode`: None or an instance, else TypeError.
    pub(super) fn lower_type_test(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        let ty = node.expr_type()?;
        let allow_none = !node.flag("notnone");
        if !ty.flag("is_builtin_type") {
            return self.extension_type_test(value, ty, allow_none);
        }
        if matches!(ty.text("name"), Some("int" | "float")) && node.flag("exact_builtin_type") {
            return self.plain_number(value, ty, allow_none);
        }
        // Of exceptions, subclasses will do.
        let exception = ty.text("cname").is_some_and(|name| name.contains("PyExc_"));
        let exact = node.flag("exact_builtin_type") && !exception;
        self.builtin_type_test(node, value, ty, allow_none, exact)?;
        Ok(value)
    }

    /// An object as exactly `int` or `float`, to which other numbers are converted.
    fn plain_number(&mut self, value: Value, ty: TreeType<'t>, allow_none: bool) -> Result<Value> {
        let (function, class) = match ty.text("name") {
            Some("int") => ("__Pyx_PyInt_FromNumber", "PyLong_Type"),
            _ => ("__Pyx_PyFloat_FromNumber", "PyFloat_Type"),
        };
        let place = self.b.local("number", Type::Object);
        let value = self.give(value);
        self.b.effect(Op::Set(place, value));
        let now = self.op(Op::Get(place));
        let exact = self.is_exactly(now, class);
        let (other, done) = (self.b.cold_block(), self.b.block());
        self.b.branch(exact, done, other);
        self.b.switch_to(other);
        let address = self.op(Op::LocalAddr(place));
        let name = self.null();
        let allow_none = self.int(allow_none.into(), 32);
        // Null with an exception, else what it is now.
        self.rt_status(
            function,
            "ppi:i",
            &[address, name, allow_none],
            Raises::Negative,
        )?;
        self.b.jump(done);
        self.b.switch_to(done);
        let made = self.op(Op::Take(place));
        Ok(self.hold(made))
    }

    /// Raises TypeError unless the object is of a built-in type.
    pub(super) fn builtin_type_test(
        &mut self,
        node: Node<'t>,
        value: Value,
        ty: TreeType<'t>,
        allow_none: bool,
        exact: bool,
    ) -> Result<()> {
        let name = ty.text("name").unwrap_or_default();
        if matches!(name, "float" | "int") && exact {
            return missing_node(node, &format!("for '{name}'"));
        }
        let class = self.type_object(ty)?;
        // Exceptions of a subtype fit too.
        let exact = exact && ty.attr("require_exact").is_none_or(|exact| exact.truth());
        let done = self.b.block();
        if allow_none {
            let none = self.none();
            let is_none = self.op(Op::Compare(Comparison::Eq, value, none));
            let more = self.b.block();
            self.b.branch(is_none, done, more);
            self.b.switch_to(more);
        }
        let fits = if exact {
            // An object's type is its second field.
            let of = self.type_of_object(value);
            self.op(Op::Compare(Comparison::Eq, of, class))
        } else {
            let found = self.rt_value("PyObject_TypeCheck", "oo:i", &[value, class])?;
            self.truth(found)?
        };
        let wrong = self.b.cold_block();
        self.b.branch(fits, done, wrong);
        self.b.switch_to(wrong);
        let text = self.text(name);
        self.rt_void("__Pyx_RaiseUnexpectedTypeError", "po:i", &[text, value])?;
        self.raise_now();
        self.b.switch_to(done);
        Ok(())
    }

    /// The type of an object; borrowed.
    pub(super) fn type_of_object(&mut self, object: Value) -> Value {
        let offset = self.int(1, 64);
        let address = self.op(Op::Index(object, Type::Ptr, offset));
        self.op(Op::Load(Type::Object, address))
    }

    /// `NoneCheckNode`: an exception for None.
    pub(super) fn lower_none_check(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        let is_none = if is_slice(arg) {
            self.slice_is_none(value)
        } else if *self.b.ty(value) == Type::Object {
            let none = self.none();
            self.op(Op::Compare(Comparison::Eq, value, none))
        } else {
            return missing_node(node, "of a C value");
        };
        let exception = node
            .text("exception_type_cname")
            .unwrap_or("PyExc_TypeError");
        let mut message = node
            .text("exception_message")
            .unwrap_or_default()
            .to_owned();
        for arg in node.list("exception_format_args") {
            let Attr::Str(arg) = arg else {
                return missing_node(node, "with arguments");
            };
            let Some(at) = message.find('%') else { break };
            // The only directives that Cython uses here are %s and %.200s.
            let end = message[at..]
                .find('s')
                .map_or(message.len(), |end| at + end + 1);
            message.replace_range(at..end, arg);
        }
        self.if_unlikely(is_none, |body| body.raise_builtin(exception, &message))?;
        Ok(value)
    }
}

/// Whether something else than a temporary keeps the object alive: a variable that is read.
fn is_kept(node: Node<'_>) -> bool {
    match node.kind() {
        "NameNode" => node
            .entry("entry")
            .is_some_and(|entry| !entry.flag("is_pyglobal")),
        "NoneCheckNode" | "PyTypeTestNode" => node.node("arg").is_some_and(is_kept),
        _ => false,
    }
}
