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
        let result = self.check_result(node, ty, result)?;
        for (value, _) in args.into_iter().rev() {
            self.release(value);
        }
        if let Some(this) = this {
            self.release(this);
        }
        Ok(result)
    }

    /// `CachedBuiltinMethodCallNode`: a method of a built-in type, looked up once.
    pub(super) fn lower_builtin_method(&mut self, node: Node<'t>) -> Result<Value> {
        let receiver = node.child("obj")?;
        let ty = receiver.expr_type()?;
        let symbol = ty
            .text("typeptr_cname")
            .or_else(|| ty.text("cname"))
            .unwrap_or_default();
        let Some(symbol) = symbol
            .trim_matches(['(', ')'])
            .strip_prefix('&')
            .map(str::to_owned)
        else {
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
