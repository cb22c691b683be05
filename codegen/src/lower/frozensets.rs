//! `frozenset` of known items.  Those of constants are made once for the module: equal ones are one
//! object.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::body::Body;
use crate::mir::{Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// `FrozenSetNode`, `FrozenSetFromArrayNode`.
    pub(super) fn lower_frozenset(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(key) = self.frozenset_key(node) else {
            return self.new_frozenset(node);
        };
        let place = match self.m.frozensets.get(&key) {
            Some(place) => *place,
            None => {
                let place = self.m.variable("frozenset", Type::Object);
                self.m.frozensets.insert(key, place);
                place
            }
        };
        let address = self.op(Op::GlobalAddr(place));
        let known = self.op(Op::Load(Type::Object, address));
        let absent = self.is_null(known);
        self.if_unlikely(absent, |body| {
            let value = body.new_frozenset(node)?;
            let value = body.give(value);
            body.b.effect(Op::Store { address, value });
            Ok(())
        })?;
        Ok(self.op(Op::Load(Type::Object, address)))
    }

    fn new_frozenset(&mut self, node: Node<'t>) -> Result<Value> {
        if node.kind() == "FrozenSetFromArrayNode" {
            let items = self.object_items(node, node.nodes("args"))?;
            let array = self.object_array(&items);
            let count = self.int(items.len() as i128, 64);
            let made = self.rt_object("__Pyx_PyFrozenSet_FromArray", "pl:O", &[array, count])?;
            self.release_under(made, &items);
            return Ok(made);
        }
        let Some(arg) = node.node("arg") else {
            let null = self.null_object();
            return self.rt_object("PyFrozenSet_New", "o:O", &[null]);
        };
        let source = self.expr(arg)?;
        let made = self.rt_object("__Pyx_PyFrozenSet_New", "o:O", &[source])?;
        self.release_under(made, &[source]);
        Ok(made)
    }

    /// What equal sets of constants have in common; nothing for a set that is made anew.
    fn frozenset_key(&mut self, node: Node<'t>) -> Option<String> {
        if !node.flag("is_literal") {
            return None;
        }
        if node.kind() == "FrozenSetFromArrayNode" {
            let args = node.nodes("args");
            let ids: Option<Vec<_>> = args.iter().map(|arg| self.constant_object(*arg)).collect();
            let mut ids = ids?;
            ids.sort_unstable();
            ids.dedup();
            return Some(format!("items {ids:?}"));
        }
        let mut items: Vec<u32> = match node.node("arg").map(|arg| arg.attr("value")) {
            None => Vec::new(),
            Some(Some(Attr::Str(text))) => text.chars().map(u32::from).collect(),
            Some(Some(Attr::Bytes { data, .. })) if data.is_empty() => Vec::new(),
            Some(Some(Attr::Bytes { data, .. })) => {
                // Apart from text of the same codes.
                data.iter().map(|byte| u32::from(*byte) | 1 << 31).collect()
            }
            Some(_) => return None,
        };
        items.sort_unstable();
        items.dedup();
        Some(format!("text {items:?}"))
    }
}
