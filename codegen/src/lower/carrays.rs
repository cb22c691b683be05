//! C arrays and C tuples: displays, items, assignment, conversion.

use frontend_bridge::tree::{Node, Type as TreeType, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, Callee, Comparison, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `CArrayNode`: a list display as a C array; the value is its address.
    pub(super) fn lower_array_display(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = types::resolve(node.expr_type()?);
        let args = node.nodes("args");
        let Some(item) = ty.ty("base_type") else {
            return missing_node(node, "without a base type");
        };
        let constant = item.flag("is_const") && args.iter().all(|arg| arg.flag("is_literal"));
        let item = self.c_type(item)?;
        let factor = match node.node("mult_factor") {
            None => 1,
            Some(factor) => match factor.attr("constant_result") {
                Some(Attr::Int(factor)) if *factor >= 0 => *factor as u64,
                _ => return missing_node(node, "times a factor"),
            },
        };
        let total = args.len() as u64 * factor;
        let array = Type::Array(Box::new(item.clone()), total);
        // Pointers to these may outlive the function.
        let base = if constant || node.flag("in_module_scope") {
            let global = self.m.variable("array", array);
            self.op(Op::GlobalAddr(global))
        } else {
            let local = self.b.local("array", array);
            self.op(Op::LocalAddr(local))
        };
        let mut values = Vec::new();
        for arg in &args {
            values.push(self.expr(*arg)?);
        }
        for round in 0..factor {
            for (index, value) in values.iter().enumerate() {
                let number = self.int(i128::from(round) * args.len() as i128 + index as i128, 64);
                let place = self.op(Op::Index(base, item.clone(), number));
                match &item {
                    Type::Array(..) => self.copy_memory(place, *value, &item)?,
                    Type::Object => return missing_node(node, "of objects"),
                    _ => {
                        let value = self.fit_type(*value, args[index].expr_type()?, &item);
                        self.b.effect(Op::Store {
                            address: place,
                            value,
                        });
                    }
                }
            }
        }
        Ok(base)
    }

    /// `array[start:stop] = value`: the value is an address.
    pub(super) fn assign_c_slice(
        &mut self,
        target: Node<'t>,
        source: Node<'t>,
        value: Value,
    ) -> Result<()> {
        let base = target.child("base")?;
        let ty = types::resolve(base.expr_type()?);
        let (Some(item), false) = (ty.ty("base_type"), ty.flag("is_pyobject")) else {
            return missing_node(target, "as a target");
        };
        let item = self.c_type(item)?;
        let size = if ty.flag("is_array") {
            self.m.array_size(ty, target.position())
        } else {
            None
        };
        let mut bounds = [None, None];
        for (bound, name) in bounds.iter_mut().zip(["start", "stop"]) {
            let Some(node) = target.node(name) else {
                continue;
            };
            if matches!(node.attr("constant_result"), Some(Attr::Int(number)) if *number < 0) {
                return missing_node(target, "as a target, from the end of a C array");
            }
            let place = self.expr(node)?;
            *bound = Some(self.widen(place, 64, types::unsigned(node.expr_type()?)));
        }
        let start = bounds[0].unwrap_or_else(|| self.int(0, 64));
        let stop = match (bounds[1], size) {
            (Some(stop), _) => Some(stop),
            (None, Some(size)) => Some(self.int(i128::from(size), 64)),
            (None, None) => None,
        };
        let length = stop.map(|stop| self.op(Op::Binary(BinaryOp::Sub, stop, start)));
        let from = types::resolve(source.expr_type()?);
        let known = match from.flag("is_array") {
            true => self.m.array_size(from, source.position()),
            false => None,
        };
        let count = match (known, length) {
            (Some(count), length) => {
                let count = self.int(i128::from(count), 64);
                // Behind a pointer there is room enough.
                if let Some(length) = length.filter(|_| ty.flag("is_array")) {
                    let wrong = self.op(Op::Compare(Comparison::Ne, length, count));
                    self.if_unlikely(wrong, |body| {
                        let lengths = [count, length];
                        body.with_gil(|body| {
                            body.rt_void("cyl_raise_slice_length", "ll:v", &lengths)
                        })?;
                        body.raise_now();
                        Ok(())
                    })?;
                }
                count
            }
            (None, Some(length)) => length,
            (None, None) => return missing_node(target, "as a target, without an end"),
        };
        let to = self.expr(base)?;
        let to = self.op(Op::Index(to, item.clone(), start));
        let width = self.m.mir.size_align(&item).0;
        let width = self.int(i128::from(width), 64);
        let bytes = self.op(Op::Binary(BinaryOp::Mul, count, width));
        self.rt_value("memcpy", "ppl:p", &[to, value, bytes])?;
        Ok(())
    }

    /// A C array, by its address, as a list or tuple.
    pub(super) fn array_to_python(
        &mut self,
        value: Value,
        from: TreeType<'t>,
        tuple: bool,
    ) -> Result<Value> {
        let plain = types::resolve(from);
        let name = if tuple {
            "to_tuple_function"
        } else {
            "to_py_function"
        };
        let (Some(function), Some(size)) = (plain.text(name), self.m.array_size(plain, None))
        else {
            return self.missing("conversion of an array to an object");
        };
        let Some(id) = self.m.functions_by_name.get(function).copied() else {
            return self.missing(&format!("C function '{function}'"));
        };
        let size = self.int(i128::from(size), 64);
        match self
            .b
            .call(&self.m.mir, Callee::Function(id), vec![value, size])
        {
            Some(made) => self.checked(made, Raises::Null),
            None => self.defect("no object"),
        }
    }

    /// An object as a C array; the value is its address.
    pub(super) fn array_from_python(&mut self, object: Value, to: TreeType<'t>) -> Result<Value> {
        let plain = types::resolve(to);
        let target = self.c_type(to)?;
        let (Some(function), Some(size)) = (
            plain.text("from_py_function"),
            self.m.array_size(plain, None),
        ) else {
            return self.missing("conversion of an object to an array");
        };
        let Some(id) = self.m.functions_by_name.get(function).copied() else {
            return self.missing(&format!("C function '{function}'"));
        };
        let local = self.b.local("array", target);
        let base = self.op(Op::LocalAddr(local));
        let size = self.int(i128::from(size), 64);
        match self
            .b
            .call(&self.m.mir, Callee::Function(id), vec![object, base, size])
        {
            Some(status) => self.checked(status, Raises::Negative)?,
            None => return self.defect("no status"),
        };
        Ok(base)
    }

    // ---------------------------------------------------------------- C tuples

    /// `TupleNode` of C values.
    pub(super) fn lower_ctuple(&mut self, node: Node<'t>) -> Result<Value> {
        let Type::Struct(id) = self.type_of(node)? else {
            return missing_node(node, "of C values");
        };
        let fields = self.m.mir.structs[id.0 as usize].fields.clone();
        let mut values = Vec::new();
        for (arg, field) in node.nodes("args").into_iter().zip(fields) {
            let value = self.expr(arg)?;
            values.push(self.fit_type(value, arg.expr_type()?, &field));
        }
        if values
            .iter()
            .any(|value| *self.b.ty(*value) == Type::Object)
        {
            return missing_node(node, "of C values and objects");
        }
        Ok(self.op(Op::Make(id, values)))
    }

    /// The number of an item of a C tuple.
    fn ctuple_index(&self, node: Node<'t>, size: i64) -> Result<u32> {
        let index = node.child("index")?;
        let number = match index.attr("constant_result") {
            Some(Attr::Int(number)) => *number,
            _ => return missing_node(node, "of a C tuple"),
        };
        let number = if number < 0 { number + size } else { number };
        match u32::try_from(number) {
            Ok(number) if i64::from(number) < size => Ok(number),
            _ => missing_node(node, "of a C tuple, out of range"),
        }
    }

    /// `t[n]` of a C tuple.
    pub(super) fn ctuple_item(&mut self, node: Node<'t>) -> Result<Value> {
        let base = node.child("base")?;
        let size = types::resolve(base.expr_type()?).int("size").unwrap_or(0);
        let index = self.ctuple_index(node, size)?;
        let value = self.expr(base)?;
        Ok(self.op(Op::Extract(value, index)))
    }

    /// The address of `t[n]` of a C tuple.
    pub(super) fn ctuple_item_address(&mut self, node: Node<'t>) -> Result<Value> {
        let base = node.child("base")?;
        let size = types::resolve(base.expr_type()?).int("size").unwrap_or(0);
        let index = self.ctuple_index(node, size)?;
        let Type::Struct(id) = self.type_of(base)? else {
            return missing_node(node, "of a C tuple");
        };
        let address = self.lvalue(base)?;
        Ok(self.op(Op::Field(address, id, index)))
    }

    pub(super) fn ctuple_to_python(&mut self, value: Value, from: TreeType<'t>) -> Result<Value> {
        let mut items = Vec::new();
        for (index, component) in types::resolve(from)
            .types("components")
            .into_iter()
            .enumerate()
        {
            let part = self.op(Op::Extract(value, index as u32));
            let item = self.to_python(part, component)?;
            items.push(item);
        }
        let count = self.int(items.len() as i128, 64);
        let made = self.rt_object("PyTuple_New", "l:O", &[count])?;
        for (index, item) in items.into_iter().enumerate() {
            let index = self.int(index as i128, 64);
            let item = self.give(item);
            self.rt_void("PyTuple_SET_ITEM", "olO:v", &[made, index, item])?;
        }
        Ok(made)
    }

    pub(super) fn ctuple_from_python(&mut self, object: Value, to: TreeType<'t>) -> Result<Value> {
        let Type::Struct(id) = self.c_type(to)? else {
            return self.defect("no C tuple");
        };
        let components = types::resolve(to).types("components");
        let size = self.int(components.len() as i128, 64);
        self.rt_status(
            "cyl_ctuple_check",
            "ol:i",
            &[object, size],
            Raises::Negative,
        )?;
        let mut parts = Vec::new();
        for (index, component) in components.into_iter().enumerate() {
            let index = self.int(index as i128, 64);
            let item = self.rt_object("cyl_ctuple_item", "oll:O", &[object, index, size])?;
            let part = self.from_python(item, component)?;
            self.release(item);
            parts.push(part);
        }
        Ok(self.op(Op::Make(id, parts)))
    }
}
