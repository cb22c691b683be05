//! Displays, attributes, indexing and slicing of objects.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{ObjectConstant, ObjectId, Op, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_tuple(&mut self, node: Node<'t>) -> Result<Value> {
        let args = node.nodes("args");
        if node.node("mult_factor").is_some() {
            return missing_node(node, "times a factor");
        }
        if !node.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of C values");
        }
        if let Some(id) = self.constant_tuple(&args) {
            return Ok(self.op(Op::Object(id)));
        }
        self.fill(node, args, "PyTuple_New", "PyTuple_SET_ITEM")
    }

    /// The constant that a display of literals is.
    fn constant_tuple(&mut self, args: &[Node<'t>]) -> Option<ObjectId> {
        let ids: Option<Vec<ObjectId>> = args.iter().map(|arg| self.constant_object(*arg)).collect();
        Some(self.m.mir.object(ObjectConstant::Tuple(ids?)))
    }

    /// A literal as a constant object.
    pub(super) fn constant_object(&mut self, node: Node<'t>) -> Option<ObjectId> {
        if !node.ty("type")?.flag("is_pyobject") {
            return None;
        }
        let symbol = |name: &str| ObjectConstant::Symbol(name.to_owned());
        match node.kind() {
            "NoneNode" => Some(self.m.mir.object(symbol("_Py_NoneStruct"))),
            "EllipsisNode" => Some(self.m.mir.object(symbol("_Py_EllipsisObject"))),
            "BoolNode" if node.flag("value") => Some(self.m.mir.object(symbol("_Py_TrueStruct"))),
            "BoolNode" => Some(self.m.mir.object(symbol("_Py_FalseStruct"))),
            "TupleNode" if node.node("mult_factor").is_none() => self.constant_tuple(&node.nodes("args")),
            "DefaultLiteralArgNode" => self.constant_object(node.node("arg")?),
            "IntNode" | "FloatNode" | "UnicodeNode" | "IdentifierStringNode" | "StringNode"
            | "BytesNode" | "ImagNode" => {
                // Lowering a literal makes its constant; the load goes unused where it is one.
                let value = self.expr(node).ok()?;
                let block = self.b.current().0 as usize;
                match self.b.function.blocks[block].instrs.pop()? {
                    crate::mir::Instr { op: Op::Object(id), result, .. } if result == Some(value) => Some(id),
                    other => {
                        self.b.function.blocks[block].instrs.push(other);
                        None
                    }
                }
            }
            _ => None,
        }
    }

    pub(super) fn lower_list_display(&mut self, node: Node<'t>) -> Result<Value> {
        if node.node("mult_factor").is_some() || !node.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of this kind");
        }
        self.fill(node, node.nodes("args"), "PyList_New", "PyList_SET_ITEM")
    }

    /// A new tuple or list of the items, which are evaluated first.
    fn fill(&mut self, node: Node<'t>, args: Vec<Node<'t>>, new: &str, set: &str) -> Result<Value> {
        let items = self.expr_list(args)?;
        if items.iter().any(|item| *self.b.ty(*item) != Type::Object) {
            return missing_node(node, "of C values");
        }
        let count = self.int(items.len() as i128, 64);
        let made = self.rt_object(new, "l:O", &[count])?;
        for (index, item) in items.into_iter().enumerate() {
            let index = self.int(index as i128, 64);
            let item = self.give(item);
            self.rt_void(set, "olO:v", &[made, index, item])?;
        }
        Ok(made)
    }

    pub(super) fn lower_set_display(&mut self, node: Node<'t>) -> Result<Value> {
        let null = self.null_object();
        let set = self.rt_object("PySet_New", "o:O", &[null])?;
        for arg in node.nodes("args") {
            let item = self.expr(arg)?;
            self.rt_status("PySet_Add", "oo:i", &[set, item], NEGATIVE)?;
            self.release(item);
        }
        Ok(set)
    }

    pub(super) fn lower_dict_display(&mut self, node: Node<'t>) -> Result<Value> {
        if !node.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of a C struct");
        }
        let checked = node.flag("reject_duplicates") && !distinct_names(&node.nodes("key_value_pairs"));
        let dict = self.rt_object("PyDict_New", ":O", &[])?;
        for item in node.nodes("key_value_pairs") {
            let key = self.expr(item.child("key")?)?;
            let value = self.expr(item.child("value")?)?;
            if checked {
                self.at(item);
                let twice = self.rt_value("PyDict_Contains", "oo:i", &[dict, key])?;
                let twice = self.truth(twice)?;
                self.if_unlikely(twice, |body| {
                    let name = body.text("function");
                    body.rt_void("__Pyx_RaiseDoubleKeywordsError", "po:v", &[name, key])?;
                    body.raise_now();
                    Ok(())
                })?;
            }
            self.rt_status("PyDict_SetItem", "ooo:i", &[dict, key, value], NEGATIVE)?;
            self.release(value);
            self.release(key);
        }
        Ok(dict)
    }

    pub(super) fn lower_as_tuple(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node.child("arg")?)?;
        let result = self.rt_object("PySequence_Tuple", "o:O", &[value])?;
        self.release(value);
        Ok(result)
    }

    // ---------------------------------------------------------------- attributes

    pub(super) fn lower_attribute(&mut self, node: Node<'t>) -> Result<Value> {
        if !node.flag("is_py_attr") && node.node("obj").is_some_and(super::memview::is_slice) {
            return self.lower_memview_attribute(node);
        }
        if !node.flag("is_py_attr") {
            return self.lower_field(node);
        }
        let object = self.expr(node.child("obj")?)?;
        self.at(node);
        let name = self.name(node.text("attribute").unwrap_or_default());
        let function =
            if node.flag("is_special_lookup") { "__Pyx_PyObject_LookupSpecial" } else { "PyObject_GetAttr" };
        let result = self.rt_object(function, "oo:O", &[object, name])?;
        self.release_under(result, &[object]);
        Ok(result)
    }

    pub(super) fn assign_attribute(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        if !target.flag("is_py_attr") {
            return self.assign_field(target, value);
        }
        let object = self.expr(target.child("obj")?)?;
        let name = self.name(target.text("attribute").unwrap_or_default());
        self.rt_status("PyObject_SetAttr", "ooo:i", &[object, name, value], NEGATIVE)?;
        self.release(object);
        self.release(value);
        Ok(())
    }

    // ---------------------------------------------------------------- indexing

    pub(super) fn lower_index(&mut self, node: Node<'t>) -> Result<Value> {
        let (base, index) = (node.child("base")?, node.child("index")?);
        if !base.expr_type()?.flag("is_pyobject") {
            return self.load_item(node, base, index);
        }
        if !node.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of an object as a C value");
        }
        let object = self.expr(base)?;
        let place = self.expr(index)?;
        let key = self.index_object(index, place)?;
        self.at(node);
        let dict = base.expr_type()?.flag("is_pydict_type");
        let function = if dict { "__Pyx_PyDict_GetItem" } else { "PyObject_GetItem" };
        let result = self.rt_object(function, "oo:O", &[object, key])?;
        self.release_under(result, &[object, key]);
        Ok(result)
    }

    /// An index as an object: a C integer becomes an int.
    fn index_object(&mut self, node: Node<'t>, value: Value) -> Result<Value> {
        if *self.b.ty(value) == Type::Object {
            return Ok(value);
        }
        self.to_python(value, node.expr_type()?)
    }

    /// An item of a C array or behind a pointer.
    fn load_item(&mut self, node: Node<'t>, base: Node<'t>, index: Node<'t>) -> Result<Value> {
        let address = self.item_address(node, base, index)?;
        match self.type_of(node)? {
            Type::Array(..) => Ok(address),
            ty => Ok(self.op(Op::Load(ty, address))),
        }
    }

    /// The address of an item of a C array or behind a pointer.
    pub(super) fn item_address(
        &mut self,
        node: Node<'t>,
        base: Node<'t>,
        index: Node<'t>,
    ) -> Result<Value> {
        let ty = super::types::resolve(base.expr_type()?);
        if !ty.flag("is_ptr") && !ty.flag("is_array") {
            return missing_node(node, &format!("of {}", ty.kind()));
        }
        let address = match (ty.flag("is_array"), base.kind()) {
            (true, "NameNode") => self.variable_address(base)?,
            _ => self.expr(base)?,
        };
        if !self.b.ty(address).is_pointer() {
            return missing_node(node, "of an array by value");
        }
        let place = self.expr(index)?;
        let place = self.widen(place, 64, super::types::unsigned(index.expr_type()?));
        let item = self.type_of(node)?;
        Ok(self.op(Op::Index(address, item, place)))
    }

    pub(super) fn assign_index(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let (base, index) = (target.child("base")?, target.child("index")?);
        if !base.expr_type()?.flag("is_pyobject") {
            let address = self.item_address(target, base, index)?;
            self.store(address, value);
            return Ok(());
        }
        let object = self.expr(base)?;
        let place = self.expr(index)?;
        let key = self.index_object(index, place)?;
        self.at(target);
        let dict = base.expr_type()?.flag("is_pydict_type");
        let function = if dict { "PyDict_SetItem" } else { "PyObject_SetItem" };
        self.rt_status(function, "ooo:i", &[object, key, value], NEGATIVE)?;
        self.release(key);
        self.release(object);
        self.release(value);
        Ok(())
    }

    pub(super) fn lower_slice(&mut self, node: Node<'t>) -> Result<Value> {
        let parts = [node.child("start")?, node.child("stop")?, node.child("step")?];
        let mut values = Vec::new();
        for part in parts {
            values.push(self.expr(part)?);
        }
        let result = self.rt_object("PySlice_New", "ooo:O", &values)?;
        self.release_under(result, &values);
        Ok(result)
    }

    // ---------------------------------------------------------------- not yet

    pub(super) fn lower_slice_index(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn assign_slice(&mut self, target: Node<'t>, _value: Value) -> Result<()> {
        missing_node(target, "as a target")
    }

    pub(super) fn unpack(&mut self, target: Node<'t>, _value: Value) -> Result<()> {
        missing_node(target, "as a target")
    }

    pub(super) fn lower_merged_dict(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_merged_sequence(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_joined_str(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_formatted_value(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_comprehension(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_comprehension_append(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

    pub(super) fn lower_dict_comprehension_append(&mut self, node: Node<'t>) -> Result<Value> {
        missing_node(node, "")
    }

}

/// Whether the keys are different string literals.
fn distinct_names(items: &[Node<'_>]) -> bool {
    let mut seen = Vec::new();
    items.iter().all(|item| match item.node("key").and_then(|key| key.text("value")) {
        Some(text) if !seen.contains(&text) => {
            seen.push(text);
            true
        }
        _ => false,
    })
}
