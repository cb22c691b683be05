//! Displays of tuples, lists, sets and dicts, with and without unpacking.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{ObjectConstant, ObjectId, Op, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_tuple(&mut self, node: Node<'t>) -> Result<Value> {
        let args = node.nodes("args");
        if !node.expr_type()?.flag("is_pyobject") {
            return self.lower_ctuple(node);
        }
        if node.node("mult_factor").is_some() {
            return self.repeated(node, args, 1);
        }
        if let Some(id) = self.constant_tuple(&args) {
            return Ok(self.op(Op::Object(id)));
        }
        self.fill(node, args, "PyTuple_New", "PyTuple_SET_ITEM")
    }

    /// The constant that a display of literals is.
    fn constant_tuple(&mut self, args: &[Node<'t>]) -> Option<ObjectId> {
        let ids: Option<Vec<ObjectId>> =
            args.iter().map(|arg| self.constant_object(*arg)).collect();
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
            "TupleNode" if node.node("mult_factor").is_none() => {
                self.constant_tuple(&node.nodes("args"))
            }
            "DefaultLiteralArgNode" => self.constant_object(node.node("arg")?),
            "IntNode"
            | "FloatNode"
            | "UnicodeNode"
            | "IdentifierStringNode"
            | "StringNode"
            | "BytesNode"
            | "ImagNode" => {
                // Lowering a literal makes its constant; the load goes unused where it is one.
                let value = self.expr(node).ok()?;
                let block = self.b.current().0 as usize;
                match self.b.function.blocks[block].instrs.pop()? {
                    crate::mir::Instr {
                        op: Op::Object(id),
                        result,
                        ..
                    } if result == Some(value) => Some(id),
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
        if !node.expr_type()?.flag("is_pyobject") {
            return self.lower_struct_list(node);
        }
        if node.node("mult_factor").is_some() {
            return self.repeated(node, node.nodes("args"), 0);
        }
        self.fill(node, node.nodes("args"), "PyList_New", "PyList_SET_ITEM")
    }

    pub(super) fn object_items(
        &mut self,
        node: Node<'t>,
        args: Vec<Node<'t>>,
    ) -> Result<Vec<Value>> {
        let items = self.expr_list(args)?;
        if items.iter().any(|item| *self.b.ty(*item) != Type::Object) {
            return missing_node(node, "of C values");
        }
        Ok(items)
    }

    /// A new tuple or list of the items, which are evaluated first.
    fn fill(&mut self, node: Node<'t>, args: Vec<Node<'t>>, new: &str, set: &str) -> Result<Value> {
        let items = self.object_items(node, args)?;
        let count = self.int(items.len() as i128, 64);
        let made = self.rt_object(new, "l:O", &[count])?;
        for (index, item) in items.into_iter().enumerate() {
            let index = self.int(index as i128, 64);
            let item = self.give(item);
            self.rt_void(set, "olO:v", &[made, index, item])?;
        }
        Ok(made)
    }

    /// `[items] * factor`.
    fn repeated(&mut self, node: Node<'t>, args: Vec<Node<'t>>, tuple: i128) -> Result<Value> {
        let items = self.object_items(node, args)?;
        let factor = node.child("mult_factor")?;
        let times = self.expr(factor)?;
        self.at(node);
        let array = self.object_array(&items);
        let count = self.int(items.len() as i128, 64);
        let tuple = self.int(tuple, 32);
        if *self.b.ty(times) == Type::Object {
            let one = self.int(1, 64);
            let made = self.rt_object("cyl_repeat", "plli:O", &[array, count, one, tuple])?;
            let result = self.rt_object("PyNumber_InPlaceMultiply", "oo:O", &[made, times])?;
            self.release(made);
            self.release_under(result, &items);
            self.release(times);
            return Ok(result);
        }
        let times = self.widen(times, 64, types::unsigned(factor.expr_type()?));
        let result = self.rt_object("cyl_repeat", "plli:O", &[array, count, times, tuple])?;
        self.release_under(result, &items);
        Ok(result)
    }

    /// An array of borrowed objects on the stack.
    pub(super) fn object_array(&mut self, items: &[Value]) -> Value {
        let length = items.len().max(1) as u64;
        let local = self
            .b
            .local("objects", Type::Array(Box::new(Type::Object), length));
        let base = self.op(Op::LocalAddr(local));
        for (index, item) in items.iter().enumerate() {
            let place = self.int(index as i128, 64);
            let address = self.op(Op::Index(base, Type::Object, place));
            let value = self.borrow(*item);
            self.b.effect(Op::Store { address, value });
        }
        base
    }

    pub(super) fn lower_set_display(&mut self, node: Node<'t>) -> Result<Value> {
        let items = self.object_items(node, node.nodes("args"))?;
        let null = self.null_object();
        let set = self.rt_object("PySet_New", "o:O", &[null])?;
        for item in &items {
            self.rt_status("PySet_Add", "oo:i", &[set, *item], NEGATIVE)?;
        }
        self.release_under(set, &items);
        Ok(set)
    }

    /// `FrozenSetNode` and `FrozenSetFromArrayNode`.
    pub(super) fn lower_dict_display(&mut self, node: Node<'t>) -> Result<Value> {
        if !node.expr_type()?.flag("is_pyobject") {
            return self.lower_struct_display(node);
        }
        let dict = self.rt_object("PyDict_New", ":O", &[])?;
        let mut seen: Option<Vec<&Attr>> = node.flag("reject_duplicates").then(Vec::new);
        let mut checked = false;
        for item in node.nodes("key_value_pairs") {
            let key_node = item.child("key")?;
            let key = self.expr(key_node)?;
            let value = self.expr(item.child("value")?)?;
            // Literal keys that differ need no look into the dict.
            if let Some(known) = &mut seen {
                match key_node.attr("value").filter(|_| is_text_literal(key_node)) {
                    Some(text) if !known.contains(&text) => known.push(text),
                    _ => checked = true,
                }
            }
            let function = if checked {
                "cyl_add_keyword"
            } else {
                "PyDict_SetItem"
            };
            if node.flag("exclude_null_values") {
                let missing = self.is_null(value);
                let (set, after) = (self.b.block(), self.b.block());
                self.b.branch(missing, after, set);
                self.b.switch_to(set);
                self.rt_status(function, "ooo:i", &[dict, key, value], NEGATIVE)?;
                self.b.jump(after);
                self.b.switch_to(after);
                self.release_nullable(value);
            } else {
                self.rt_status(function, "ooo:i", &[dict, key, value], NEGATIVE)?;
                self.release(value);
            }
            self.release(key);
        }
        Ok(dict)
    }

    pub(super) fn lower_as_tuple(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node.child("arg")?)?;
        let result = self.rt_object("__Pyx_PySequence_Tuple", "o:O", &[value])?;
        self.release_under(result, &[value]);
        Ok(result)
    }

    /// `{**a, 'b': c}` and the keyword arguments of calls.
    pub(super) fn lower_merged_dict(&mut self, node: Node<'t>) -> Result<Value> {
        let unique = node.flag("reject_duplicates");
        let mut parts = node.nodes("keyword_args").into_iter();
        let Some(first) = parts.next() else {
            return missing_node(node, "of nothing");
        };
        let start = self.expr(first)?;
        let dict = if first.kind() == "DictNode" {
            start
        } else {
            let made = self.rt_object("cyl_merge_start", "o:O", &[start])?;
            self.release_under(made, &[start]);
            made
        };
        for part in parts {
            if part.kind() == "DictNode" {
                for item in part.nodes("key_value_pairs") {
                    let key = self.expr(item.child("key")?)?;
                    let value = self.expr(item.child("value")?)?;
                    self.at(item);
                    let function = if unique {
                        "cyl_add_keyword"
                    } else {
                        "PyDict_SetItem"
                    };
                    self.rt_status(function, "ooo:i", &[dict, key, value], NEGATIVE)?;
                    self.release(value);
                    self.release(key);
                }
                continue;
            }
            let mapping = self.expr(part)?;
            self.at(part);
            let function = if unique {
                "__Pyx_MergeKeywords"
            } else {
                "cyl_dict_update"
            };
            self.rt_status(function, "oo:i", &[dict, mapping], NEGATIVE)?;
            self.release(mapping);
        }
        Ok(dict)
    }

    /// `[*a, b]` and its like.
    pub(super) fn lower_merged_sequence(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = node.expr_type()?;
        let set = ty.flag("is_pyset_type");
        let mut parts = node.nodes("args").into_iter();
        let Some(first) = parts.next() else {
            return missing_node(node, "of nothing");
        };
        let start = self.expr(first)?;
        let fresh = if set {
            first.kind() == "SetNode"
        } else {
            first.kind() == "ListNode"
        };
        let made = if fresh {
            start
        } else {
            let function = if set { "PySet_New" } else { "PySequence_List" };
            let made = self.rt_object(function, "o:O", &[start])?;
            self.release_under(made, &[start]);
            made
        };
        let (add, extend) = match set {
            true => ("PySet_Add", "__Pyx_PySet_Update"),
            false => ("__Pyx_ListComp_Append", "__Pyx_PyList_Extend"),
        };
        for part in parts {
            let display = matches!(part.kind(), "TupleNode" | "ListNode")
                && (set || part.node("mult_factor").is_none())
                || matches!(part.kind(), "SetNode" | "FrozenSetFromArrayNode") && set;
            if display {
                for arg in part.nodes("args") {
                    let item = self.expr(arg)?;
                    self.at(arg);
                    self.rt_status(add, "oo:i", &[made, item], NEGATIVE)?;
                    self.release(item);
                }
                continue;
            }
            let items = self.expr(part)?;
            self.at(part);
            self.rt_status(extend, "oo:i", &[made, items], NEGATIVE)?;
            self.release(items);
        }
        if ty.flag("is_pytuple_type") {
            let tuple = self.rt_object("PyList_AsTuple", "o:O", &[made])?;
            self.release_under(tuple, &[made]);
            return Ok(tuple);
        }
        Ok(made)
    }

    /// `SortedListNode`: sorts a new list in place.
    pub(super) fn lower_sorted_list(&mut self, node: Node<'t>) -> Result<Value> {
        let list = self.expr(node.child("arg")?)?;
        self.rt_status("PyList_Sort", "o:i", &[list], NEGATIVE)?;
        Ok(list)
    }

    pub(super) fn lower_sorted_keys(&mut self, node: Node<'t>) -> Result<Value> {
        let source = self.expr(node.child("arg")?)?;
        let keys = self.rt_object("cyl_sorted_keys", "o:O", &[source])?;
        self.release_under(keys, &[source]);
        Ok(keys)
    }

    pub(super) fn lower_slice(&mut self, node: Node<'t>) -> Result<Value> {
        let parts = [
            node.child("start")?,
            node.child("stop")?,
            node.child("step")?,
        ];
        let mut values = Vec::new();
        for part in parts {
            values.push(self.expr(part)?);
        }
        if values
            .iter()
            .any(|value| *self.b.ty(*value) != Type::Object)
        {
            return missing_node(node, "of C values");
        }
        if node.flag("is_literal") {
            let cache = self.kept_object("slice.cache");
            let args = [vec![cache], values].concat();
            return self.rt_object("cyl_kept_slice", "pooo:O", &args);
        }
        let result = self.rt_object("PySlice_New", "ooo:O", &values)?;
        self.release_under(result, &values);
        Ok(result)
    }
}

fn is_text_literal(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "UnicodeNode" | "IdentifierStringNode" | "StringNode"
    )
}
