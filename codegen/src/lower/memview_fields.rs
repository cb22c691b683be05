//! Typed memoryviews as fields of extension types and of scope objects.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::{MEMVIEW, dimensions};
use crate::mir::Value;

impl<'t> Body<'_, 't> {
    /// A field that is a slice: the address of its storage, or a slice of its own where the object is
    /// a temporary.
    pub(super) fn slice_attribute(&mut self, node: Node<'t>) -> Result<Value> {
        let (storage, object) = self.slice_field_of(node)?;
        let checked = match node.attr("initialized_check") {
            Some(on) => on.truth(),
            None => self.directive_on("initializedcheck"),
        };
        if checked {
            let memview = self.slice_pointer(storage, MEMVIEW);
            let null = self.is_null(memview);
            self.if_unlikely(null, |body| {
                body.raise_builtin("PyExc_AttributeError", "Memoryview is not initialized")
            })?;
        }
        if !self.temps.contains(&object) {
            return Ok(storage);
        }
        let own = self.slice_for_c(storage, dimensions(node.expr_type()?));
        self.acquire_slice(own)?;
        self.release(object);
        self.hold_slice(own);
        Ok(own)
    }

    /// Assigns to a field that is a slice; takes the slice over.
    pub(super) fn assign_slice_attribute(&mut self, target: Node<'t>, slice: Value) -> Result<()> {
        let (storage, object) = self.slice_field_of(target)?;
        self.assign_slice_to(storage, slice, target.expr_type()?)?;
        self.release(object);
        Ok(())
    }

    /// The storage of a field, and the object that it is in, which the caller releases.
    fn slice_field_of(&mut self, node: Node<'t>) -> Result<(Value, Value)> {
        let plain = node
            .entry("entry")
            .is_some_and(|entry| entry.flag("is_variable") && !entry.flag("is_cproperty"));
        let object = node.child("obj")?.expr_type()?;
        if !plain || !object.flag("is_extension_type") {
            return missing_node(node, "of a memoryview");
        }
        let (storage, _, object) = self.field_address(node)?;
        Ok((storage, object))
    }

    /// Moves a parameter that is a slice into the scope object.
    pub(super) fn share_slice(&mut self, entry: Entry<'t>, slice: Value) -> Result<()> {
        let Some(ty) = entry.ty("type") else {
            return self.missing("variable without a type");
        };
        let storage = self.shared_address(entry)?;
        self.copy_slice(storage, slice, dimensions(ty));
        self.acquire_slice(storage)
    }
}
