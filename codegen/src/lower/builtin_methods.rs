//! Functions of the runtime and of CPython that Cython puts in place of methods and built-ins.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{Op, Type, Value};

/// Words of `struct cyl_unbound` in the runtime, at least.
const CACHE_WORDS: u64 = 8;

impl<'t> Body<'_, 't> {
    /// A call of a C function by its name, with a built-in method's object as first argument.
    pub(super) fn call_runtime(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
        ty: TreeType<'t>,
    ) -> Result<Value> {
        let entry = function.entry("entry");
        if let Some(result) = self.call_special(node, function)? {
            return Ok(result);
        }
        let this = match node.node("self") {
            Some(object) => {
                let value = self.expr(object)?;
                self.results.insert(object.id(), value);
                Some(value)
            }
            None => None,
        };
        let mut args = Vec::new();
        for arg in node.nodes("args") {
            args.push((self.expr(arg)?, arg.expr_type()?));
        }
        self.at(node);
        let result = self.call_extern(node, entry, ty, &args)?;
        let mut result = self.check_result(node, ty, result)?;
        if *self.b.ty(result) == Type::Object {
            // What it was read from may go now.
            result = self.owned(result);
        }
        for (value, _) in args.into_iter().rev() {
            self.release(value);
        }
        if let Some(this) = this {
            self.release(this);
        }
        Ok(result)
    }

    /// Macros of Cython that take types, or that there is one of for each exception.
    fn call_special(&mut self, node: Node<'t>, function: Node<'t>) -> Result<Option<Value>> {
        let name = function.text("cname").unwrap_or_default();
        let args = node.nodes("args");
        if !node.flag("is_temp") && node.expr_type()?.flag("is_pyobject") {
            return self.call_borrowing(name, args).map(Some);
        }
        if let Some(exception) = name
            .strip_prefix("__Pyx_PyExc_")
            .and_then(|rest| rest.strip_suffix("_Check"))
        {
            let [arg] = args[..] else { return Ok(None) };
            let object = self.expr(arg)?;
            let class = self.variable_object(&format!("PyExc_{exception}"));
            let found = self.rt_value("PyObject_TypeCheck", "oo:i", &[object, class])?;
            self.release(object);
            return Ok(Some(found));
        }
        if name.starts_with("__pyx_tp_new_") {
            return self.call_tp_new(node).map(Some);
        }
        if matches!(name, "__Pyx_PyList_PopIndex" | "__Pyx_PyObject_PopIndex") {
            let [list, object, number, signed, ..] = args[..] else {
                return Ok(None);
            };
            let signed = signed.text("value") != Some("0");
            let (list, source) = (self.expr(list)?, object);
            let object = self.expr(source)?;
            self.results.insert(source.id(), object);
            let index = self.expr(number)?;
            if !self.b.ty(index).is_int() || !signed && *self.b.ty(index) == Type::I64 {
                return missing_node(node, "by an unsigned index");
            }
            let index = self.widen(index, 64, !signed);
            let known = self.int((name == "__Pyx_PyList_PopIndex").into(), 32);
            let args = [list, object, index, known];
            let result = self.rt_object("cyl_pop_index", "ooli:O", &args)?;
            self.release_under(result, &[list, object]);
            return Ok(Some(result));
        }
        Ok(None)
    }

    /// A function whose object is borrowed, or null.
    fn call_borrowing(&mut self, name: &str, args: Vec<Node<'t>>) -> Result<Value> {
        let values = self.expr_list(args)?;
        if values
            .iter()
            .any(|value| *self.b.ty(*value) != Type::Object)
        {
            return self.missing(&format!("C function '{name}' with C values"));
        }
        let short = format!("{}:o", "o".repeat(values.len()));
        let found = self.rt_value(name, &short, &values)?;
        let found = self.op(Op::XIncRef(found));
        let found = self.hold(found);
        self.nullable.insert(found);
        self.release_under(found, &values);
        Ok(found)
    }

    /// `CachedBuiltinMethodCallNode`: a method of a built-in type, looked up once.
    pub(super) fn lower_builtin_method(&mut self, node: Node<'t>) -> Result<Value> {
        let receiver = node.child("obj")?;
        let ty = receiver.expr_type()?;
        let symbol = ty
            .text("typeptr_cname")
            .or_else(|| ty.text("cname"))
            .unwrap_or_default();
        let bare = symbol.trim_matches(['(', ')']);
        let frozen = bare == "__Pyx_PyFrozenDict_TypePtr";
        let known = bare.strip_prefix('&').or(frozen.then_some(bare));
        let Some(symbol) = known.map(str::to_owned) else {
            return missing_node(node, &format!("of '{symbol}'"));
        };
        let object = self.expr(receiver)?;
        let args = self.expr_list(node.nodes("args"))?;
        if args.iter().any(|arg| *self.b.ty(*arg) != Type::Object) {
            return missing_node(node, "with C values");
        }
        self.at(node);
        let cache = self.m.variable(
            "method.cache",
            Type::Array(Box::new(Type::I64), CACHE_WORDS),
        );
        let cache = self.op(Op::GlobalAddr(cache));
        let class = self.symbol_object(&symbol);
        let name = self.name(node.text("method_name").unwrap_or_default());
        let values = [vec![cache, class, name, object], args.clone()].concat();
        let result = match args.len() {
            0 => self.rt_object("cyl_call_unbound0", "pooo:O", &values)?,
            1 => self.rt_object("cyl_call_unbound1", "poooo:O", &values)?,
            2 => self.rt_object("cyl_call_unbound2", "pooooo:O", &values)?,
            _ => return missing_node(node, "with more than two arguments"),
        };
        self.release_under(result, &args);
        self.release(object);
        Ok(result)
    }
}
