//! Literals.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::body::Body;
use super::c_integers::literal_type;
use super::context::missing_node;
use super::types;
use crate::mir::{ObjectConstant, Op, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_bool(&mut self, node: Node<'t>) -> Result<Value> {
        let value = node.flag("value");
        if self.type_of(node)? == Type::Object {
            return Ok(self.symbol_object(if value {
                "_Py_TrueStruct"
            } else {
                "_Py_FalseStruct"
            }));
        }
        Ok(self.int(i128::from(value), 32))
    }

    pub(super) fn lower_int(&mut self, node: Node<'t>) -> Result<Value> {
        let text = node.text("value").unwrap_or_default();
        let ty = self.type_of(node)?;
        if let (Some(limit), Type::Int(bits)) = (named_limit(text), &ty) {
            return Ok(self.int(limit, *bits));
        }
        let Some(number) = Number::parse(text) else {
            return missing_node(node, &format!("'{text}'"));
        };
        Ok(match ty {
            Type::Object => {
                let id = self.m.mir.object(ObjectConstant::Int(number.canonical()));
                self.op(Op::Object(id))
            }
            Type::Int(bits) => match number.value() {
                Some(value) => {
                    let made = self.int(value, bits);
                    self.literal_in_c(node, value, made)?;
                    made
                }
                None => return missing_node(node, "beyond 128 bits as a C number"),
            },
            Type::F32 | Type::F64 => match number.value() {
                Some(value) if ty == Type::F32 => {
                    let double = self.float(value as f64, Type::F64);
                    self.not_rounded(double)
                }
                Some(value) => self.float(value as f64, ty),
                None => return missing_node(node, "beyond 128 bits as a C number"),
            },
            _ => return missing_node(node, &format!("as {ty}")),
        })
    }

    /// Notes C's type of an integer literal where it is not Cython's.
    fn literal_in_c(&mut self, node: Node<'t>, number: i128, value: Value) -> Result<()> {
        let ty = types::resolve(node.expr_type()?);
        let suffix = ["unsigned", "longness"].map(|part| node.text(part).unwrap_or_default());
        let rank = ty.int("rank").unwrap_or(3);
        let in_c = literal_type(number, &suffix.concat(), rank);
        let Type::Int(bits) = self.b.ty(value).clone() else {
            return Ok(());
        };
        if in_c != (bits, types::unsigned(ty)) {
            self.is_in_c(value, number, in_c);
        }
        Ok(())
    }

    pub(super) fn lower_float(&mut self, node: Node<'t>) -> Result<Value> {
        let value = match node.attr("constant_result") {
            Some(Attr::Float(value)) => *value,
            _ => {
                let text = node.text("value").unwrap_or_default().replace('_', "");
                match text.parse::<f64>() {
                    Ok(value) => value,
                    Err(_) => return missing_node(node, &format!("'{text}'")),
                }
            }
        };
        match self.type_of(node)? {
            Type::Object => {
                let id = self.m.mir.object(ObjectConstant::Float(value));
                Ok(self.op(Op::Object(id)))
            }
            Type::F32 => {
                let double = self.float(value, Type::F64);
                Ok(self.not_rounded(double))
            }
            ty if ty.is_float() => Ok(self.float(value, ty)),
            ty => missing_node(node, &format!("as {ty}")),
        }
    }

    pub(super) fn lower_imaginary(&mut self, node: Node<'t>) -> Result<Value> {
        let text = node.text("value").unwrap_or_default().replace('_', "");
        let Ok(value) = text.parse::<f64>() else {
            return missing_node(node, "of this form");
        };
        match self.type_of(node)? {
            Type::Object => {}
            Type::Struct(id) => {
                let Some(part) = self.m.mir.structs[id.0 as usize].fields.first().cloned() else {
                    return missing_node(node, "as C complex");
                };
                let (real, imag) = (self.float(0.0, part.clone()), self.float(value, part));
                return Ok(self.op(Op::Make(id, vec![real, imag])));
            }
            _ => return missing_node(node, "as C complex"),
        }
        let id = self.m.mir.object(ObjectConstant::Complex(0.0, value));
        Ok(self.op(Op::Object(id)))
    }

    pub(super) fn lower_char(&mut self, node: Node<'t>) -> Result<Value> {
        let code = match node.attr("value") {
            Some(Attr::Bytes { data, .. }) if data.len() == 1 => i128::from(data[0] as i8),
            Some(Attr::Str(text)) if text.chars().count() == 1 => {
                i128::from(u32::from(text.chars().next().unwrap_or_default()))
            }
            _ => return missing_node(node, "of several characters"),
        };
        match self.type_of(node)? {
            Type::Int(bits) => Ok(self.int(code, bits)),
            ty => missing_node(node, &format!("as {ty}")),
        }
    }

    pub(super) fn lower_bytes(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(Attr::Bytes { data, .. }) = node.attr("value") else {
            return missing_node(node, "without a value");
        };
        let ty = node.expr_type()?;
        if ty.flag("is_pyobject") {
            let id = self.m.mir.object(ObjectConstant::Bytes(data.clone()));
            return Ok(self.op(Op::Object(id)));
        }
        match self.type_of(node)? {
            Type::Ptr => {
                let id = self.m.c_string(data);
                Ok(self.op(Op::GlobalAddr(id)))
            }
            Type::Int(bits) if data.len() == 1 => Ok(self.int(i128::from(data[0] as i8), bits)),
            ty => missing_node(node, &format!("as {ty}")),
        }
    }

    pub(super) fn lower_unicode(&mut self, node: Node<'t>) -> Result<Value> {
        let data = match node.attr("value") {
            Some(Attr::Str(text)) => text.as_bytes().to_vec(),
            Some(Attr::WideStr(bytes)) => bytes.clone(),
            _ => return missing_node(node, "without a value"),
        };
        if !node.expr_type()?.flag("is_pyobject") {
            if let (Type::Int(bits), Ok(text)) = (self.type_of(node)?, std::str::from_utf8(&data))
                && text.chars().count() == 1
            {
                let code = u32::from(text.chars().next().unwrap_or_default());
                return Ok(self.int(i128::from(code), bits));
            }
            if types::resolve(node.expr_type()?).flag("is_pyunicode_ptr") {
                return self.wide_literal(node, &data);
            }
            return missing_node(node, "as a C string");
        }
        let interned = is_identifier(&data);
        let id = self.m.mir.object(ObjectConstant::Str { data, interned });
        Ok(self.op(Op::Object(id)))
    }
}

/// A number as it stands in C code.
pub(super) fn c_number(text: &str) -> Option<i128> {
    named_limit(text).or_else(|| text.parse().ok())
}

/// Limits of C types that the tree has by their names.
fn named_limit(text: &str) -> Option<i128> {
    match text {
        "PY_SSIZE_T_MAX" => Some(i64::MAX.into()),
        "PY_SSIZE_T_MIN" => Some(i64::MIN.into()),
        _ => None,
    }
}

/// Whether CPython would intern a literal of this text.
fn is_identifier(data: &[u8]) -> bool {
    data.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// An integer literal of Cython: Python's forms, C's suffixes.
struct Number<'a> {
    negative: bool,
    radix: u32,
    digits: std::borrow::Cow<'a, str>,
}

impl Number<'_> {
    fn parse(text: &str) -> Option<Number<'_>> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = text.trim_end_matches(['u', 'U', 'l', 'L']);
        let lower = text.get(..2).map(str::to_ascii_lowercase);
        let (radix, digits) = match lower.as_deref() {
            Some("0x") => (16, &text[2..]),
            Some("0o") => (8, &text[2..]),
            Some("0b") => (2, &text[2..]),
            // C's octal, and Python 2's.
            _ if text.len() > 1 && text.starts_with('0') => (8, &text[1..]),
            _ => (10, text),
        };
        let digits = digits.replace('_', "");
        let valid = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        valid.then_some(Number {
            negative,
            radix,
            digits: digits.into(),
        })
    }

    fn value(&self) -> Option<i128> {
        let value = i128::from_str_radix(&self.digits, self.radix).ok()?;
        Some(if self.negative { -value } else { value })
    }

    /// As `int(text, 0)` reads it.
    fn canonical(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        if let Some(value) = self.value() {
            return value.to_string();
        }
        let prefix = match self.radix {
            16 => "0x",
            8 => "0o",
            2 => "0b",
            _ => "",
        };
        format!("{sign}{prefix}{}", self.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_python_and_c_are_read() {
        let value = |text| Number::parse(text).and_then(|number| number.value());
        assert_eq!(value("1_000"), Some(1000));
        assert_eq!(value("0x_fF"), Some(255));
        assert_eq!(value("-0b101"), Some(-5));
        assert_eq!(value("0777"), Some(511));
        assert_eq!(value("0"), Some(0));
        assert_eq!(value("12UL"), Some(12));
        assert_eq!(value("x"), None);
        let big = Number::parse("0x1000000000000000000000000000000000").map(|n| n.canonical());
        assert_eq!(big.as_deref(), Some("0x1000000000000000000000000000000000"));
    }
}
