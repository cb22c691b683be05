//! C values beyond the usual: integers of 128 bits, and text of `Py_UNICODE`, which is `wchar_t`.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{Global, GlobalInit, Linkage, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// An integer of 128 bits as an object.
    pub(super) fn wide_to_python(&mut self, value: Value, from: TreeType<'t>) -> Result<Value> {
        let address = self.spill(value);
        let unsigned = self.int(i128::from(types::unsigned(from)), 32);
        self.rt_object("cyl_int128_to_python", "pi:O", &[address, unsigned])
    }

    /// An object as such an integer; `name`: the type's, for messages.
    pub(super) fn wide_from_python(
        &mut self,
        object: Value,
        to: TreeType<'t>,
        name: Value,
    ) -> Result<Value> {
        let result = self.b.local("wide", Type::Int(128));
        let address = self.op(Op::LocalAddr(result));
        let unsigned = self.int(i128::from(types::unsigned(to)), 32);
        self.rt_status(
            "cyl_int128_from_python",
            "popi:i",
            &[address, object, name, unsigned],
            Raises::Negative,
        )?;
        Ok(self.op(Op::Get(result)))
    }

    /// Text of `Py_UNICODE` as str: so many characters, else up to the first zero.
    pub(super) fn wide_text_to_python(
        &mut self,
        address: Value,
        length: Option<Value>,
    ) -> Result<Value> {
        let length = match length {
            Some(length) => length,
            None => self.rt_value("__Pyx_Py_UNICODE_strlen", "p:l", &[address])?,
        };
        self.rt_object("PyUnicode_FromUnicode", "pl:O", &[address, length])
    }

    /// A literal as text of `Py_UNICODE`.
    pub(super) fn wide_literal(&mut self, node: Node<'t>, utf8: &[u8]) -> Result<Value> {
        let Ok(text) = std::str::from_utf8(utf8) else {
            return missing_node(node, "with surrogates as a C string");
        };
        let codes = text.chars().map(u32::from).chain([0]);
        let items: Vec<_> = codes.map(|code| GlobalInit::Int(code.into())).collect();
        let id = self.m.mir.add_global(Global {
            name: format!("text.{}", self.m.mir.globals.len()),
            ty: Type::Array(Box::new(Type::I32), items.len() as u64),
            init: GlobalInit::List(items),
            constant: true,
            linkage: Linkage::Internal,
        });
        Ok(self.op(Op::GlobalAddr(id)))
    }
}
