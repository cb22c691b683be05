//! What reading and writing one item has in common, of a typed memoryview and of a buffer.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// C indices in order, each widened to 64 bits, with whether it is unsigned.
    ///
    /// `of`: what is indexed, for the message where an index is no C integer.
    pub(super) fn item_indices(&mut self, node: Node<'t>, of: &str) -> Result<Vec<(Value, bool)>> {
        let mut places = Vec::new();
        for index in node.nodes("indices") {
            let value = self.expr(index)?;
            let unsigned = types::unsigned(index.expr_type()?);
            if !self.b.ty(value).is_int() {
                return missing_node(index, &format!("as an index of a {of}"));
            }
            places.push((self.widen(value, 64, unsigned), unsigned));
        }
        Ok(places)
    }

    /// The item at `address`, an object as an owned reference; lets go of `base`, which holds it.
    pub(super) fn load_item_at(
        &mut self,
        node: Node<'t>,
        address: Value,
        base: Value,
    ) -> Result<Value> {
        let ty = self.type_of(node)?;
        if matches!(ty, Type::Array(..)) {
            return missing_node(node, "of an array");
        }
        let value = self.op(Op::Load(ty.clone(), address));
        if ty != Type::Object {
            self.release(base);
            return Ok(value);
        }
        // Null stands for None in NumPy's arrays.
        let null = self.is_null(value);
        let none = self.none();
        let value = self.op(Op::Select(null, none, value));
        let value = self.owned(value);
        self.release_under(value, &[base]);
        Ok(value)
    }

    /// Puts a value, which is taken over, into the item at `address`; lets go of `base`.
    pub(super) fn store_item_at(
        &mut self,
        target: Node<'t>,
        address: Value,
        base: Value,
        value: Value,
    ) -> Result<()> {
        let ty = self.type_of(target)?;
        if *self.b.ty(value) != ty || matches!(ty, Type::Array(..)) {
            return missing_node(target, "as a target of another type");
        }
        self.store(address, value);
        self.release(base);
        Ok(())
    }
}
