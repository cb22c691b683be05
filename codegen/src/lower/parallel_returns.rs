//! Parallel regions: `return` from a thread, and the exception that one kept.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::Exit;
use super::context::missing_node;
use super::parallel::{KEPT, LINE, RETURNED, Region, WHY, variable_field};
use crate::mir::{Comparison, Op, StructId, Type, Value};

impl<'t> Body<'_, 't> {
    /// The type of what the function returns; none for memoryviews, which go to the caller's storage.
    pub(super) fn returned_type(&self) -> Option<Type> {
        let ty = self.b.function.locals[self.returned?.0 as usize].ty.clone();
        (!matches!(ty, Type::Void | Type::Array(..))).then_some(ty)
    }

    /// `return` in a region: the value goes to the frame.
    pub(super) fn return_from_region(&mut self, node: Node<'t>, region: &Region) -> Result<()> {
        let (field, ty) = region.returned.clone();
        if let Some(storage) = self.returned_slice {
            self.return_slice(node, storage)?;
            return self.leave(Exit::Return);
        }
        if !region.returns {
            if let Some(value) = node.node("value") {
                let value = self.expr(value)?;
                self.release(value);
            }
            return self.leave(Exit::Return);
        }
        if ty == Type::Object {
            if !self.gil {
                return missing_node(node, "of an object without the GIL");
            }
            let value = match node.node("value") {
                Some(source) => self.expr(source)?,
                None => self.none(),
            };
            let address = self.op(Op::Field(region.frame, region.structure, field));
            self.store(address, value);
            return self.leave(Exit::Return);
        }
        let Some(source) = node.node("value") else {
            return missing_node(node, "without a value in a parallel region");
        };
        let value = self.expr(source)?;
        let value = match node.ty("return_type") {
            Some(to) if ty.is_int() || ty.is_float() => {
                self.convert_number(value, source.expr_type()?, to)?
            }
            _ => value,
        };
        if *self.b.ty(value) != ty {
            return missing_node(node, "of this type in a parallel region");
        }
        self.set_field(region.frame, region.structure, field, value);
        self.leave(Exit::Return)
    }

    /// Returns where a thread of the region did.
    pub(super) fn return_after(
        &mut self,
        frame: Value,
        structure: StructId,
        captured: usize,
    ) -> Result<()> {
        let why = self.get_field(frame, structure, WHY, Type::I32);
        let number = self.int(RETURNED, 32);
        let returned = self.op(Op::Compare(Comparison::Eq, why, number));
        let (out, on) = (self.b.block(), self.b.block());
        self.b.branch(returned, out, on);
        self.b.switch_to(out);
        if let (Some(ty), Some(local)) = (self.returned_type(), self.returned) {
            let field = returned_field(captured);
            if ty == Type::Object {
                let value = self.returned_object(frame, structure, field);
                // Only this function's own statements have set it before, which have returned.
                self.b.effect(Op::Set(local, value));
            } else {
                let value = self.get_field(frame, structure, field, ty);
                self.b.effect(Op::Set(local, value));
            }
        }
        self.leave(Exit::Return)?;
        self.b.switch_to(on);
        self.drop_returned(frame, structure, captured)
    }

    /// Takes the object that a thread returned out of the frame; owned, or null.
    fn returned_object(&mut self, frame: Value, structure: StructId, field: u32) -> Value {
        let address = self.op(Op::Field(frame, structure, field));
        let value = self.op(Op::Load(Type::Object, address));
        let value = self.op(Op::Own(value));
        let null = self.null();
        self.b.effect(Op::Store {
            address,
            value: null,
        });
        value
    }

    /// Drops the object that a thread returned, where another thread's way out counts.
    fn drop_returned(&mut self, frame: Value, structure: StructId, captured: usize) -> Result<()> {
        if self.returned_type() != Some(Type::Object) {
            return Ok(());
        }
        let field = returned_field(captured);
        let value = self.get_field(frame, structure, field, Type::Ptr);
        let null = self.null();
        let some = self.op(Op::Compare(Comparison::Ne, value, null));
        self.if_unlikely(some, |body| {
            body.with_gil(|body| {
                let value = body.returned_object(frame, structure, field);
                body.b.effect(Op::XDecRef(value));
                Ok(())
            })
        })
    }

    /// Raises what a thread of the region kept.
    pub(super) fn raise_kept(
        &mut self,
        frame: Value,
        structure: StructId,
        captured: usize,
        returns: bool,
    ) -> Result<()> {
        let kept = self.get_field(frame, structure, KEPT, Type::Ptr);
        let null = self.is_null(kept);
        let (raise, ok) = (self.b.cold_block(), self.b.block());
        self.b.branch(null, ok, raise);
        self.b.switch_to(raise);
        if returns {
            self.drop_returned(frame, structure, captured)?;
        }
        let address = self.op(Op::Field(frame, structure, KEPT));
        self.rt_void("cyl_parallel_restore", "p:v", &[address])?;
        let line = self.get_field(frame, structure, LINE, Type::I32);
        self.b.effect(Op::Set(self.line, line));
        let target = self.unwind_target();
        self.b.jump(target);
        self.b.switch_to(ok);
        Ok(())
    }
}

/// The field for what a thread returns.
pub(super) fn returned_field(captured: usize) -> u32 {
    variable_field(captured) + 1
}
