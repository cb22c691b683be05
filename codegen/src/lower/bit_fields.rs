//! Bit-fields of structs that a header declares: they have no address, so that C reads and writes them.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::cstructs::Member;
use super::types;
use crate::mir::{Callee, CastOp, Op, Signature, Type, Value};

/// What stands for the offset of a bit-field among the C compiler's answers.
pub(super) const NO_OFFSET: i64 = -1;

impl<'t> Body<'_, 't> {
    /// The value of a bit-field.
    pub(super) fn read_bit_field(&mut self, node: Node<'t>, member: &Member<'t>) -> Result<Value> {
        let Type::Int(bits) = self.type_of(node)? else {
            return missing_node(node, "of a bit-field, with this type");
        };
        let (address, place) = self.bit_field(node, member)?;
        let text = format!("long long @(void *s) {{ return {place}; }}");
        let symbol = self.m.shims.function(self.m.tree, &text, node.position());
        let signature = Signature::new([Type::Ptr], Type::I64);
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        let value = self.op(Op::Call(callee, vec![address]));
        Ok(match bits {
            64 => value,
            bits => self.op(Op::Cast(CastOp::Trunc, value, Type::Int(bits))),
        })
    }

    /// Overwrites a bit-field.
    pub(super) fn assign_bit_field(
        &mut self,
        target: Node<'t>,
        member: &Member<'t>,
        value: Value,
    ) -> Result<()> {
        let ty = self.type_of(target)?;
        if !ty.is_int() {
            return missing_node(target, "of a bit-field, with this type");
        }
        let from = self.assigned.unwrap_or(target.expr_type()?);
        let value = self.fit_type(value, from, &ty);
        let value = self.widen(value, 64, types::unsigned(target.expr_type()?));
        let (address, place) = self.bit_field(target, member)?;
        let text = format!("void @(void *s, long long v) {{ {place} = v; }}");
        let symbol = self.m.shims.function(self.m.tree, &text, target.position());
        let signature = Signature::new([Type::Ptr, Type::I64], Type::Void);
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        self.b.call(&self.m.mir, callee, vec![address, value]);
        Ok(())
    }

    /// The address of its struct, and what C calls it there.
    fn bit_field(&mut self, node: Node<'t>, member: &Member<'t>) -> Result<(Value, String)> {
        let obj = node.child("obj")?;
        let address = match member.pointer {
            true => self.expr(obj)?,
            false => self.lvalue(obj)?,
        };
        let name = node
            .text("member")
            .or_else(|| node.text("attribute"))
            .unwrap_or_default();
        let structure = member.bits.as_deref().unwrap_or_default();
        Ok((address, format!("(({structure} *)s)->{name}")))
    }
}
