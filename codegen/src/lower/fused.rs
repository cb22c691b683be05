//! Functions of fused types: their specialisations, and the object that picks one at run time.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{GlobalInit, Op, Value};

impl<'t> Body<'_, 't> {
    /// `FusedCFuncDefNode`.
    pub(super) fn lower_fused(&mut self, node: Node<'t>) -> Result<()> {
        let used = |stat: &Node<'t>| stat.entry("entry").is_some_and(|entry| entry.flag("used"));
        let python = node.node("py_func").is_some();
        let mut held = Vec::new();
        if python || node.nodes("nodes").iter().any(used) {
            for default in node.nodes("defaults") {
                let value = self.expr(default)?;
                self.results.insert(default.id(), value);
                held.push(value);
            }
        }
        if !python {
            for stat in node.nodes("nodes") {
                if used(&stat) {
                    self.stat(stat)?;
                } else {
                    self.leave_out(stat);
                }
            }
            for value in held.into_iter().rev() {
                self.release(value);
            }
            return Ok(());
        }
        let tuple = node.child("defaults_tuple")?;
        let value = self.expr(tuple)?;
        self.results.insert(tuple.id(), value);
        held.push(value);
        for stat in node.nodes("stats") {
            self.stat(stat)?;
        }
        let (Some(signatures), Some(function)) = (
            node.node("__signatures__"),
            node.node("resulting_fused_function"),
        ) else {
            return missing_node(node, "without specialisations");
        };
        let signatures = self.expr(signatures)?;
        let made = self.expr(function)?;
        self.rt_void("cyl_set_signatures", "oo:v", &[made, signatures])?;
        self.release(signatures);
        self.results.insert(function.id(), made);
        held.push(made);
        self.stat(node.child("fused_func_assignment")?)?;
        for value in held.into_iter().rev() {
            self.release(value);
        }
        Ok(())
    }

    /// `PyCFunctionNode` of a specialisation, or of what picks one.
    pub(super) fn fused_function_object(&mut self, node: Node<'t>, def: Node<'t>) -> Result<Value> {
        let Some(method) = self.m.method_defs.get(&def.id()).copied() else {
            return missing_node(node, "of a function that is not lowered");
        };
        let shown = node
            .nodes("specialized_cpdefs")
            .first()
            .copied()
            .unwrap_or(def);
        // What picks one has a name of Cython's own; Python sees the function's.
        let whole = !node.list("specialized_cpdefs").is_empty();
        if let (true, Some(qualname)) = (whole, node.text("qualname")) {
            let name = qualname.rsplit('.').next().unwrap_or(qualname);
            let name = self.m.c_string(name.as_bytes());
            let global = &mut self.m.mir.globals[method.0 as usize];
            if let GlobalInit::List(fields) = &mut global.init
                && let Some(first) = fields.first_mut()
            {
                *first = GlobalInit::Global(name);
            }
        }
        let method = self.op(Op::GlobalAddr(method));
        let flags = self.int(super::functions::function_flags(shown), 32);
        let qualname = self.name(node.text("qualname").unwrap_or_default());
        let scope = if node.flag("needs_closure_code") {
            self.current_scope_object()
        } else {
            self.null_object()
        };
        let module = self.name(node.text("module_name").unwrap_or_default());
        let dict = self.module_dict();
        let code = self.code_object_of(shown, whole)?;
        let function = self.rt_object(
            "cyl_fused_new",
            "piooooo:O",
            &[method, flags, qualname, scope, module, dict, code],
        )?;
        if shown.flag("requires_classobj") {
            self.note_class_cell(node, function)?;
        }
        self.set_defaults(node, def, function)?;
        Ok(function)
    }
}
