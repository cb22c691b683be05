//! Members of packed structs, which may lie at any address: they are read and written as structs of one
//! member that are packed themselves.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cstructs::Member;
use crate::mir::{Op, StructId, Type, Value};

impl<'t> Body<'_, 't> {
    /// Whether a member is one of a packed struct that the source defines.
    pub(super) fn is_packed(&mut self, member: &Member<'t>) -> Result<bool> {
        if member.external.is_some() || !member.of.flag("is_struct") {
            return Ok(false);
        }
        let of = self.c_type(member.of)?;
        Ok(matches!(self.m.struct_of(&of), Some((_, true))))
    }

    /// The value at any address.
    pub(super) fn load_packed(&mut self, address: Value, ty: Type) -> Value {
        let id = self.packed_alone(&ty);
        let whole = self.op(Op::Load(Type::Struct(id), address));
        self.op(Op::Extract(whole, 0))
    }

    /// Writes a value to any address.
    pub(super) fn store_packed(&mut self, address: Value, value: Value) {
        let ty = self.b.ty(value).clone();
        let id = self.packed_alone(&ty);
        let value = self.op(Op::Make(id, vec![value]));
        self.b.effect(Op::Store { address, value });
    }

    fn packed_alone(&mut self, ty: &Type) -> StructId {
        let id = self
            .m
            .mir
            .structure(&format!("packed {ty:?}"), || vec![ty.clone()]);
        self.m.mir.structs[id.0 as usize].packed = true;
        id
    }
}

/// Whether an expression is an item of a memoryview in a variable, whose address can be had at no cost.
pub(super) fn item_of_variable(node: Node<'_>) -> bool {
    node.kind() == "MemoryViewIndexNode"
        && node
            .node("base")
            .is_some_and(|base| base.kind() == "NameNode")
}
