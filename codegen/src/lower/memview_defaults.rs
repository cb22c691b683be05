//! Typed memoryviews as defaults of arguments, which are taken once, where the function is defined.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::defaults::is_none_slice;
use super::memview::dimensions;
use crate::mir::{Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// An argument that may be left out, as a slice.
    pub(super) fn optional_slice(
        &mut self,
        arg: Node<'t>,
        default: Node<'t>,
        given: Value,
    ) -> Result<Value> {
        let ty = arg.expr_type()?;
        let absent = self.is_null(given);
        if default.kind() == "NoneNode" || is_none_slice(default) {
            let none = self.none();
            let object = self.op(Op::Select(absent, none, given));
            return self.slice_from_object(object, ty);
        }
        let storage = self.slice_storage("argument");
        self.if_else(
            absent,
            |body| {
                let kept = body.read_computed_default(arg)?;
                body.acquire_slice(kept)?;
                body.copy_slice(storage, kept, dimensions(ty));
                Ok(())
            },
            |body| {
                let made = body.slice_from_object(given, ty)?;
                body.forget_temp(made);
                body.copy_slice(storage, made, dimensions(ty));
                Ok(())
            },
        )?;
        self.hold_slice(storage);
        Ok(storage)
    }

    /// Takes a default and keeps it in new memory, whose address goes to its place in the function's
    /// object, which never gives it back.
    pub(super) fn keep_slice_default(&mut self, default: Node<'t>, address: Value) -> Result<()> {
        let value = self.expr(default)?;
        let structure = self.m.slice_struct();
        let size = self.m.mir.size_align(&Type::Struct(structure)).0;
        let size = self.int(i128::from(size), 64);
        let memory = self.rt_value("malloc", "l:p", &[size])?;
        let lacking = self.is_null(memory);
        self.if_unlikely(lacking, |body| {
            body.rt_object("PyErr_NoMemory", ":o", &[])?;
            Ok(())
        })?;
        let ty = default.expr_type()?;
        let value = self.owned_slice(value, ty)?;
        self.forget_temp(value);
        self.copy_slice(memory, value, dimensions(ty));
        self.b.effect(Op::Store {
            address,
            value: memory,
        });
        Ok(())
    }

    /// The argument of a C function: the default, which lies in a variable of the module, or what the
    /// caller gave.
    pub(super) fn optional_slice_argument(
        &mut self,
        node: Node<'t>,
        arg: Node<'t>,
        entry: Entry<'t>,
        index: usize,
        carrier: Value,
    ) -> Result<()> {
        if entry.flag("in_closure") {
            return missing_node(arg, "a memoryview that inner functions use");
        }
        let Some(global) = self.m.default_globals.get(&arg.id()).copied() else {
            return missing_node(arg, "with a default without a place");
        };
        let kept = self.op(Op::GlobalAddr(global));
        let from = self.b.local("optional", Type::Ptr);
        self.b.effect(Op::Set(from, kept));
        self.when_given(node, index, carrier, |body, place| {
            body.b.effect(Op::Set(from, place));
            Ok(())
        })?;
        let from = self.op(Op::Get(from));
        let assigned = self.m.reassigned.contains(&entry.id());
        self.slice_argument(entry, from, assigned)
    }
}
