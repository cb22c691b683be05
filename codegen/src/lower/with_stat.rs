//! `with`.
//!
//! `__exit__` lies in a local that is empty once it has been called: by the `except` clause that
//! Cython writes around the body, or by the `finally` around that.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `WithStatNode`.
    pub(super) fn lower_with(&mut self, node: Node<'t>) -> Result<()> {
        let manager_node = node.child("manager")?;
        let manager = self.expr(manager_node)?;
        if *self.b.ty(manager) != Type::Object {
            return missing_node(node, "of a C value");
        }
        let manager = self.owned(manager);
        self.results.insert(manager_node.id(), manager);
        self.at(node);
        let name = self.name(if node.flag("is_async") {
            "__aexit__"
        } else {
            "__exit__"
        });
        let exit = self.rt_object("__Pyx_PyObject_LookupSpecial", "oo:O", &[manager, name])?;
        let entered = self.expr(node.child("enter_call")?)?;
        let target = match (node.node("target"), node.node("target_temp")) {
            (Some(_), Some(temp)) => {
                let ty = self.b.ty(entered).clone();
                let object = ty == Type::Object;
                let local = self.b.local("with.target", ty);
                if object {
                    self.owned_locals.push(local);
                }
                self.temp_locals.insert(temp.id(), local);
                Some((local, object))
            }
            _ => None,
        };
        match target {
            Some((local, true)) => {
                let value = self.give(entered);
                self.replace(local, value);
            }
            Some((local, false)) => self.b.effect(Op::Set(local, entered)),
            None => self.release(entered),
        }
        self.release(manager);
        let local = self.b.local("with.exit", Type::Object);
        self.owned_locals.push(local);
        let exit = self.give(exit);
        self.replace(local, exit);
        self.with_exits.insert(node.id(), local);
        self.stat(node.child("body")?)
    }

    /// `WithTargetAssignmentStatNode`: what `__enter__` gave goes to the target.
    pub(super) fn lower_with_target(&mut self, node: Node<'t>) -> Result<()> {
        let value = self.expr(node.child("rhs")?)?;
        self.assign(node.child("lhs")?, value)
    }

    /// `TempNode`: a value that lies in a local, and is taken out of it.
    pub(super) fn lower_temp(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(local) = self.temp_locals.get(&node.id()).copied() else {
            return missing_node(node, "of a value made elsewhere");
        };
        if self.b.function.locals[local.0 as usize].ty != Type::Object {
            return Ok(self.op(Op::Get(local)));
        }
        let value = self.op(Op::Take(local));
        Ok(self.hold(value))
    }

    /// `WithExitCallNode`: calls `__exit__`, once.
    pub(super) fn lower_with_exit(&mut self, node: Node<'t>) -> Result<Value> {
        let with = node.child("with_stat")?;
        let Some(local) = self.with_exits.get(&with.id()).copied() else {
            return missing_node(node, "of a statement elsewhere");
        };
        let answer = self.b.local("with.answer", Type::I32);
        let zero = self.int(0, 32);
        self.b.effect(Op::Set(answer, zero));
        let after = self.b.block();
        if node.flag("test_if_run") {
            let exit = self.op(Op::Get(local));
            let called = self.is_null(exit);
            let call = self.b.block();
            self.b.branch(called, after, call);
            self.b.switch_to(call);
        }
        let args = self.expr(node.child("args")?)?;
        self.at(node);
        let exit = self.op(Op::Take(local));
        let exit = self.hold(exit);
        let null = self.null_object();
        let result = self.rt_object("__Pyx_PyObject_Call", "ooo:O", &[exit, args, null])?;
        self.release_under(result, &[exit, args]);
        let result = match node.node("await_expr") {
            Some(waiting) => self.delegate(waiting, result, None)?,
            None => result,
        };
        if used(node) {
            let truth =
                self.rt_status("__Pyx_PyObject_IsTrue", "o:i", &[result], Raises::Negative)?;
            self.b.effect(Op::Set(answer, truth));
        }
        self.release(result);
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(self.op(Op::Get(answer)))
    }
}

/// Whether anything asks for the answer of `__exit__`.
fn used(node: Node<'_>) -> bool {
    node.attr("result_is_used")
        .is_none_or(frontend_bridge::tree::Value::truth)
}
