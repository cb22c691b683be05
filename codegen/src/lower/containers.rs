//! Attributes of objects.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use crate::mir::Value;

impl<'t> Body<'_, 't> {
    pub(super) fn lower_attribute(&mut self, node: Node<'t>) -> Result<Value> {
        if !node.flag("is_py_attr") && node.node("obj").is_some_and(super::memview::is_slice) {
            return self.lower_memview_attribute(node);
        }
        if !node.flag("is_py_attr") {
            return match is_c_value(node)? {
                true => self.lower_c_attribute(node),
                false => self.lower_field(node),
            };
        }
        let object = self.expr(node.child("obj")?)?;
        self.at(node);
        let name = self.name(node.text("attribute").unwrap_or_default());
        let function = if node.flag("is_special_lookup") {
            "__Pyx_PyObject_LookupSpecial"
        } else {
            "__Pyx_PyObject_GetAttrStr"
        };
        let result = self.rt_object(function, "oo:O", &[object, name])?;
        self.release_under(result, &[object]);
        Ok(result)
    }

    pub(super) fn assign_attribute(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        if !target.flag("is_py_attr") {
            return match is_c_value(target)? {
                true => self.assign_c_attribute(target, value),
                false => self.assign_field(target, value),
            };
        }
        let object = self.expr(target.child("obj")?)?;
        let name = self.name(target.text("attribute").unwrap_or_default());
        self.rt_status(
            "__Pyx_PyObject_SetAttrStr",
            "ooo:i",
            &[object, name, value],
            NEGATIVE,
        )?;
        self.release(object);
        self.release(value);
        Ok(())
    }
}

/// Whether an attribute is one of a struct or a complex number, not of an extension type.
fn is_c_value(node: Node<'_>) -> Result<bool> {
    let ty = super::types::resolve(node.child("obj")?.expr_type()?);
    Ok(!ty.flag("is_pyobject"))
}
