//! Text: f-strings, `%`, concatenation, repetition, and bytes of C integers.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{Comparison, LocalId, Op, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_joined_str(&mut self, node: Node<'t>) -> Result<Value> {
        let mut values = Vec::new();
        for part in node.nodes("values") {
            let value = self.expr(part)?;
            if *self.b.ty(value) != Type::Object {
                return missing_node(node, "of C values");
            }
            self.results.insert(part.id(), value);
            values.push(value);
        }
        self.at(node);
        let array = self.object_array(&values);
        let count = self.int(values.len() as i128, 64);
        let joined = self.rt_object("cyl_join_strings", "pl:O", &[array, count])?;
        self.release_under(joined, &values);
        Ok(joined)
    }

    pub(super) fn lower_formatted_value(&mut self, node: Node<'t>) -> Result<Value> {
        let source = node.child("value")?;
        let value = self.expr(source)?;
        if *self.b.ty(value) != Type::Object {
            return self.format_number(node, source, value);
        }
        let spec = match node.node("format_spec") {
            Some(spec) => Some(self.expr(spec)?),
            None => None,
        };
        self.at(node);
        let result = match (
            node.text("conversion_char").filter(|text| !text.is_empty()),
            spec,
        ) {
            (Some(conversion), spec) => {
                let code = self.int(i128::from(conversion.as_bytes()[0]), 32);
                let spec = match spec {
                    Some(spec) => spec,
                    None => self.null_object(),
                };
                self.rt_object("cyl_format_converted", "oio:O", &[value, code, spec])?
            }
            (None, Some(spec)) => {
                self.rt_object("__Pyx_PyObject_Format", "oo:O", &[value, spec])?
            }
            (None, None) => self.rt_object("cyl_format_simple", "o:O", &[value])?,
        };
        if let Some(spec) = spec {
            self.release(spec);
        }
        self.release_under(result, &[value]);
        Ok(result)
    }

    /// A C number as text without an object of it.
    fn format_number(&mut self, node: Node<'t>, source: Node<'t>, value: Value) -> Result<Value> {
        let ty = source.expr_type()?;
        let plain = types::resolve(ty);
        let Some(spec) = node.text("c_format_spec") else {
            return missing_node(node, "of a C value");
        };
        if plain.kind() == "CBIntType" && spec.is_empty() {
            let truth = self.truth(value)?;
            let (yes, no) = (self.name("True"), self.name("False"));
            return Ok(self.op(Op::Select(truth, yes, no)));
        }
        if plain.flag("is_returncode") {
            return Ok(self.name("None"));
        }
        match self.b.ty(value).clone() {
            Type::F32 | Type::F64 | Type::F80 => {
                let wide = self.convert_float(value, &Type::F64);
                let Some((code, precision)) = float_format(spec) else {
                    return missing_node(node, &format!("'{spec}' of a C number"));
                };
                let (code, precision) = (self.int(code.into(), 32), self.int(precision.into(), 32));
                self.rt_object(
                    "__Pyx_PyUnicode_FromDouble",
                    "dii:O",
                    &[wide, code, precision],
                )
            }
            Type::Int(bits) => {
                let Some((code, width, padding)) = integer_format(spec) else {
                    return missing_node(node, &format!("'{spec}' of a C number"));
                };
                let name = match (bits, types::unsigned(ty)) {
                    (8, false) => "signed_char",
                    (8, true) => "unsigned_char",
                    (16, false) => "short",
                    (16, true) => "unsigned_short",
                    (32, false) => "int",
                    (32, true) => "unsigned_int",
                    (64, false) => "long",
                    (64, true) => "unsigned_long",
                    _ => return missing_node(node, "of this C type"),
                };
                let (value, letter) = self.extended(value, ty);
                let args = [
                    value,
                    self.int(width.into(), 64),
                    self.int(padding.into(), 32),
                    self.int(code.into(), 32),
                ];
                let function = format!("__Pyx_PyUnicode_From_{name}");
                self.rt_object(&function, &format!("{letter}lii:O"), &args)
            }
            other => missing_node(node, &format!("of {other}")),
        }
    }

    /// `text % value`.
    pub(super) fn lower_text_format(&mut self, node: Node<'t>) -> Result<Value> {
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        if *self.b.ty(x) != Type::Object || *self.b.ty(y) != Type::Object {
            return missing_node(node, "of C values");
        }
        let inplace = node.flag("inplace");
        let function = match (left.expr_type()?.flag("is_pystr_type"), inplace) {
            // None and subclasses go by the operator.
            (true, _) => "__Pyx_PyUnicode_FormatSafe",
            (false, true) => "PyNumber_InPlaceRemainder",
            (false, false) => "PyNumber_Remainder",
        };
        let result = self.rt_object(function, "oo:O", &[x, y])?;
        self.release_under(result, &[x, y]);
        Ok(result)
    }

    /// Whether an addition is one of two strings.
    pub(super) fn is_concatenation(node: Node<'t>) -> bool {
        let text = |name: &str| {
            node.node(name)
                .and_then(|operand| operand.ty("type"))
                .is_some_and(|ty| ty.flag("is_pystr_type"))
        };
        node.kind() == "AddNode" && text("operand1") && text("operand2")
    }

    /// `text + text`.
    pub(super) fn lower_concatenation(&mut self, node: Node<'t>) -> Result<Value> {
        let x = self.expr(node.child("operand1")?)?;
        let y = self.expr(node.child("operand2")?)?;
        if *self.b.ty(x) != Type::Object || *self.b.ty(y) != Type::Object {
            return missing_node(node, "of C values");
        }
        self.at(node);
        let inplace = self.int(node.flag("inplace").into(), 32);
        if self.temps.contains(&x) {
            // A string that nobody else has grows in place.
            let result = self.rt_object("cyl_concat_owned", "Ooi:O", &[x, y, inplace])?;
            self.release(y);
            return Ok(result);
        }
        if node.flag("inplace")
            && let Some(local) = self.own_local(node.child("operand1")?)
        {
            let result = self.grow_variable(local, x, y)?;
            self.release_under(result, &[y]);
            return Ok(result);
        }
        let result = self.rt_object("cyl_concat", "ooi:O", &[x, y, inplace])?;
        self.release_under(result, &[x, y]);
        Ok(result)
    }

    /// `variable += text`: the variable gives its string away meanwhile, which may then grow in place, and
    /// has the result, or the string again, before anything else is done.
    fn grow_variable(&mut self, local: LocalId, x: Value, y: Value) -> Result<Value> {
        let slot = self
            .b
            .local("grown", Type::Array(Box::new(Type::Object), 1));
        let slot = self.op(Op::LocalAddr(slot));
        let value = self.op(Op::Take(local));
        self.b.effect(Op::Store {
            address: slot,
            value,
        });
        let status = self.rt_raw("cyl_concat_grow", "poo:i", &[slot, x, y])?;
        let value = self.op(Op::Load(Type::Object, slot));
        let value = self.op(Op::Own(value));
        self.b.effect(Op::Set(local, value));
        if let Some(status) = status {
            self.checked(status, NEGATIVE)?;
        }
        let result = self.op(Op::Get(local));
        Ok(self.owned(result))
    }

    /// `sequence * number`, where one is an object and the other a C integer or an index.
    pub(super) fn lower_sequence_multiply(&mut self, node: Node<'t>) -> Result<Value> {
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        self.at(node);
        let objects = (*self.b.ty(x) == Type::Object, *self.b.ty(y) == Type::Object);
        let (object, number, number_type) = match objects {
            (true, false) => (x, y, right.expr_type()?),
            (false, true) => (y, x, left.expr_type()?),
            _ => return missing_node(node, "of a sequence by an object"),
        };
        let number = self.widen(number, 64, types::unsigned(number_type));
        let result = self.rt_object("__Pyx_PySequence_Multiply", "ol:O", &[object, number])?;
        self.release_under(result, &[object]);
        Ok(result)
    }

    /// `CoerceIntToBytesNode`: one byte of a C integer.
    pub(super) fn lower_int_to_bytes(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        let Type::Int(bits) = *self.b.ty(value) else {
            return missing_node(node, "of this type");
        };
        if bits > 8 {
            let wide = self.widen(value, 64, types::unsigned(arg.expr_type()?));
            let limit = self.int(255, 64);
            let beyond = self.op(Op::Compare(Comparison::UGt, wide, limit));
            self.if_unlikely(beyond, |body| {
                body.raise_builtin("PyExc_OverflowError", "value too large to pack into a byte")
            })?;
        }
        let byte = self.widen(value, 8, true);
        let local = self.b.local("byte", Type::Int(8));
        self.b.effect(Op::Set(local, byte));
        let address = self.op(Op::LocalAddr(local));
        let one = self.int(1, 64);
        self.rt_object("PyBytes_FromStringAndSize", "pl:O", &[address, one])
    }

    /// `CoerceCStringToBooleanNode`: whether there is a string and it is not empty.
    pub(super) fn lower_c_string_truth(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let array = types::resolve(arg.expr_type()?).flag("is_array");
        let address = match (array, arg.kind()) {
            (true, "NameNode") => self.variable_address(arg)?,
            _ => self.expr(arg)?,
        };
        if *self.b.ty(address) != Type::Ptr {
            return missing_node(node, "of an array by value");
        }
        let truth = self.b.local("truth", Type::BOOL);
        let no = self.int(0, 1);
        self.b.effect(Op::Set(truth, no));
        let (read, after) = (self.b.block(), self.b.block());
        let null = self.is_null(address);
        self.b.branch(null, after, read);
        self.b.switch_to(read);
        let first = self.op(Op::Load(Type::Int(8), address));
        let zero = self.int(0, 8);
        let some = self.op(Op::Compare(Comparison::Ne, first, zero));
        self.b.effect(Op::Set(truth, some));
        self.b.jump(after);
        self.b.switch_to(after);
        let truth = self.op(Op::Get(truth));
        Ok(self.as_int(truth))
    }
}

/// Type, width and padding of an integer's format.
fn integer_format(spec: &str) -> Option<(u8, u32, u8)> {
    let Some(last) = spec.bytes().last() else {
        return Some((b'd', 0, b' '));
    };
    let (code, prefix) = match last {
        b'o' | b'd' | b'x' | b'X' | b'c' => (last, &spec[..spec.len() - 1]),
        b'0'..=b'9' => (b'd', spec),
        _ => return None,
    };
    if prefix.is_empty() {
        return Some((code, 0, b' '));
    }
    let prefix = prefix.strip_prefix(['-', '>']).unwrap_or(prefix);
    let padding = if prefix.starts_with('0') { b'0' } else { b' ' };
    let width = prefix.trim_start_matches('0').parse().ok()?;
    Some((code, width, padding))
}

/// Type and precision of a floating-point number's format.
fn float_format(spec: &str) -> Option<(u8, u32)> {
    let Some(last) = spec.bytes().last() else {
        return Some((b'r', 0));
    };
    if !b"eEfFgG".contains(&last) {
        return None;
    }
    let precision = &spec[..spec.len() - 1];
    if precision.is_empty() {
        return Some((last, 6));
    }
    Some((last, precision.strip_prefix('.')?.parse().ok()?))
}
