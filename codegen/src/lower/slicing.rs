//! Slices: reading, assigning and deleting them.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, Op, Type, Value};

/// The bounds of a slice.
struct Bounds {
    start: Option<Value>,
    stop: Option<Value>,
    slice: Option<Value>,
}

impl<'t> Body<'_, 't> {
    fn slice_bounds(&mut self, node: Node<'t>) -> Result<Bounds> {
        let mut bound = |name: &str| -> Result<Option<Value>> {
            let Some(part) = node.node(name) else {
                return Ok(None);
            };
            let value = self.expr(part)?;
            Ok(Some(match self.b.ty(value) {
                Type::Int(_) => self.widen(value, 64, types::unsigned(part.expr_type()?)),
                _ => value,
            }))
        };
        Ok(Bounds {
            start: bound("start")?,
            stop: bound("stop")?,
            slice: bound("slice")?,
        })
    }

    fn release_bounds(&mut self, bounds: &Bounds) {
        for part in [bounds.start, bounds.stop, bounds.slice]
            .into_iter()
            .flatten()
        {
            self.release(part);
        }
    }

    /// The arguments of the runtime's functions behind the object: numbers, addresses of objects,
    /// what is a number, wraparound.
    fn slice_arguments(&mut self, bounds: &Bounds) -> Vec<Value> {
        let mut numbers = Vec::new();
        let mut addresses = Vec::new();
        let mut flags = Vec::new();
        for part in [bounds.start, bounds.stop] {
            let number = part.filter(|part| *self.b.ty(*part) != Type::Object);
            let object = part.filter(|part| *self.b.ty(*part) == Type::Object);
            numbers.push(number.unwrap_or_else(|| self.int(0, 64)));
            addresses.push(self.optional_place(object));
            flags.push(self.int(number.is_some().into(), 32));
        }
        addresses.push(self.optional_place(bounds.slice));
        let wraparound = self.directive_on("wraparound");
        flags.push(self.int(wraparound.into(), 32));
        [numbers, addresses, flags].concat()
    }

    fn optional_place(&mut self, object: Option<Value>) -> Value {
        match object {
            Some(object) => self.object_array(&[object]),
            None => self.null(),
        }
    }

    pub(super) fn lower_slice_index(&mut self, node: Node<'t>) -> Result<Value> {
        let base = node.child("base")?;
        let (ty, base_type) = (node.expr_type()?, types::resolve(base.expr_type()?));
        if !ty.flag("is_pyobject") {
            return missing_node(node, "as a C value");
        }
        let object = self.expr(base)?;
        let bounds = self.slice_bounds(node)?;
        self.at(node);
        let result = if base_type.flag("is_string") {
            self.slice_of_text(node, base, object, &bounds)?
        } else if base_type.flag("is_pyunicode_ptr") {
            self.slice_of_wide_text(node, base, object, &bounds)?
        } else if !base_type.flag("is_pyobject") {
            return missing_node(node, &format!("of {}", base_type.kind()));
        } else if ty.kind() == "PyObjectType" && !base_type.flag("is_pystr_type") {
            let args = [vec![object], self.slice_arguments(&bounds)].concat();
            self.rt_object("__Pyx_PyObject_GetSlice", "ollpppiii:O", &args)?
        } else {
            let function = if base_type.flag("is_pystr_type") {
                "__Pyx_PyUnicode_Substring"
            } else if base_type.flag("is_pylist_type") {
                "__Pyx_PyList_GetSlice"
            } else if base_type.flag("is_pytuple_type") {
                "__Pyx_PyTuple_GetSlice"
            } else {
                "PySequence_GetSlice"
            };
            let start = bounds.start.unwrap_or_else(|| self.int(0, 64));
            let stop = bounds.stop.unwrap_or_else(|| self.int(i64::MAX.into(), 64));
            if [start, stop]
                .iter()
                .any(|bound| *self.b.ty(*bound) == Type::Object)
            {
                return missing_node(node, "by objects");
            }
            self.rt_object(function, "oll:O", &[object, start, stop])?
        };
        self.release_under(result, &[object]);
        self.release_bounds(&bounds);
        Ok(result)
    }

    /// A slice of a `Py_UNICODE *` as str.
    fn slice_of_wide_text(
        &mut self,
        node: Node<'t>,
        base: Node<'t>,
        address: Value,
        bounds: &Bounds,
    ) -> Result<Value> {
        let ty = types::resolve(base.expr_type()?);
        let bound = [bounds.start, bounds.stop];
        if !self.b.ty(address).is_pointer()
            || bound
                .iter()
                .flatten()
                .any(|bound| *self.b.ty(*bound) == Type::Object)
            || bounds.stop.is_none() && ty.flag("is_array") && ty.int("size").is_none()
        {
            return missing_node(node, "of wide text");
        }
        let start = bounds.start.unwrap_or_else(|| self.int(0, 64));
        let from = self.op(Op::Index(address, Type::I32, start));
        let length = bounds
            .stop
            .map(|stop| self.op(Op::Binary(BinaryOp::Sub, stop, start)));
        self.wide_text_to_python(from, length)
    }

    /// A slice of a C string as bytes, bytearray or str.
    fn slice_of_text(
        &mut self,
        node: Node<'t>,
        base: Node<'t>,
        address: Value,
        bounds: &Bounds,
    ) -> Result<Value> {
        let name = match node.expr_type()?.text("name") {
            Some("bytes") => "Bytes",
            Some("bytearray") => "ByteArray",
            Some("str" | "unicode") => "Unicode",
            _ => return missing_node(node, "of a C string as another type"),
        };
        if !self.b.ty(address).is_pointer() {
            return missing_node(node, "of an array by value");
        }
        let start = bounds.start.unwrap_or_else(|| self.int(0, 64));
        let ty = types::resolve(base.expr_type()?);
        let size = match ty.flag("is_array") {
            true => self.m.array_size(ty, node.position()),
            false => None,
        };
        let stop = match (bounds.stop, size) {
            (Some(stop), _) => Some(stop),
            (None, Some(size)) => Some(self.int(size.into(), 64)),
            (None, None) => None,
        };
        if *self.b.ty(start) == Type::Object
            || stop.is_some_and(|stop| *self.b.ty(stop) == Type::Object)
        {
            return missing_node(node, "by objects");
        }
        let from = self.op(Op::Index(address, Type::Int(8), start));
        match (bounds.stop, stop) {
            (None, _) if size.is_none() => {
                self.rt_object(&format!("__Pyx_Py{name}_FromString"), "p:O", &[from])
            }
            (None, _) => missing_node(node, "of an array without an end"),
            (_, Some(stop)) => {
                let length = self.op(Op::Binary(BinaryOp::Sub, stop, start));
                self.rt_object(
                    &format!("__Pyx_Py{name}_FromStringAndSize"),
                    "pl:O",
                    &[from, length],
                )
            }
            (_, None) => self.defect("slice without an end"),
        }
    }

    pub(super) fn assign_slice(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let base = target.child("base")?;
        if !base.expr_type()?.flag("is_pyobject") || *self.b.ty(value) != Type::Object {
            return missing_node(target, "as a target, of a C array");
        }
        let object = self.expr(base)?;
        let bounds = self.slice_bounds(target)?;
        self.at(target);
        let args = [vec![object, value], self.slice_arguments(&bounds)].concat();
        self.rt_status("__Pyx_PyObject_SetSlice", "oollpppiii:i", &args, NEGATIVE)?;
        self.release(object);
        self.release_bounds(&bounds);
        self.release(value);
        Ok(())
    }

    /// `del object[start:stop]`.
    pub(super) fn delete_slice(&mut self, target: Node<'t>) -> Result<()> {
        let base = target.child("base")?;
        if !base.expr_type()?.flag("is_pyobject") {
            return missing_node(target, "del");
        }
        let object = self.expr(base)?;
        let bounds = self.slice_bounds(target)?;
        self.at(target);
        let args = [vec![object], self.slice_arguments(&bounds)].concat();
        self.rt_status("__Pyx_PyObject_DelSlice", "ollpppiii:i", &args, NEGATIVE)?;
        self.release(object);
        self.release_bounds(&bounds);
        Ok(())
    }
}
