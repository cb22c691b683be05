//! Comprehensions.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::Value;

impl<'t> Body<'_, 't> {
    pub(super) fn lower_comprehension(&mut self, node: Node<'t>) -> Result<Value> {
        self.with_scope(node, node.scope("expr_scope"), |body| {
            let ty = node.expr_type()?;
            let made = if ty.flag("is_pylist_type") {
                let zero = body.int(0, 64);
                body.rt_object("PyList_New", "l:O", &[zero])?
            } else if ty.flag("is_pyset_type") {
                let null = body.null_object();
                body.rt_object("PySet_New", "o:O", &[null])?
            } else if ty.flag("is_pydict_type") {
                body.rt_object("PyDict_New", ":O", &[])?
            } else {
                return missing_node(node, "of this type");
            };
            body.results.insert(node.id(), made);
            body.stat(node.child("loop")?)?;
            Ok(made)
        })
    }

    /// What a comprehension's items go to.
    fn comprehension_target(&mut self, node: Node<'t>) -> Result<(Value, Node<'t>)> {
        let target = node.child("target")?;
        match self.results.get(&target.id()).copied() {
            Some(value) => Ok((value, target)),
            None => missing_node(node, &format!("to {}", target.kind())),
        }
    }

    pub(super) fn lower_comprehension_append(&mut self, node: Node<'t>) -> Result<()> {
        let (made, target) = self.comprehension_target(node)?;
        let ty = target.expr_type()?;
        let item = self.expr(node.child("expr")?)?;
        self.at(node);
        let unpacking = node.flag("unpacking");
        let function = match (ty.flag("is_pylist_type"), ty.flag("is_pyset_type")) {
            (true, _) if unpacking => "__Pyx_PyList_Extend",
            (true, _) => "__Pyx_ListComp_Append",
            (_, true) if unpacking => "__Pyx_PySet_Update",
            (_, true) => "PySet_Add",
            _ => return missing_node(node, "to this type"),
        };
        self.rt_status(function, "oo:i", &[made, item], NEGATIVE)?;
        self.release(item);
        Ok(())
    }

    pub(super) fn lower_dict_comprehension_append(&mut self, node: Node<'t>) -> Result<()> {
        let (made, _) = self.comprehension_target(node)?;
        let item = node.child("dict_item")?;
        if item.kind() != "DictItemNode" {
            let mapping = self.expr(item)?;
            self.rt_status("cyl_dict_update", "oo:i", &[made, mapping], NEGATIVE)?;
            self.release(mapping);
            return Ok(());
        }
        let key = self.expr(item.child("key")?)?;
        let value = self.expr(item.child("value")?)?;
        self.at(node);
        self.rt_status("PyDict_SetItem", "ooo:i", &[made, key, value], NEGATIVE)?;
        self.release(value);
        self.release(key);
        Ok(())
    }
}
