//! Namespaces as objects - `globals()`, `locals()`, `exec` - and other small expressions.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use super::memview::is_slice;
use crate::mir::{Callee, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `GlobalsExprNode`: the module's dictionary.
    pub(super) fn lower_globals(&mut self, _node: Node<'t>) -> Result<Value> {
        Ok(self.module_dict())
    }

    /// `PyClassLocalsExprNode`: the namespace of the class whose body this is.
    pub(super) fn lower_class_locals(&mut self, node: Node<'t>) -> Result<Value> {
        let space = node.child("pyclass_dict")?;
        match self.results.get(&space.id()).copied() {
            Some(value) => Ok(self.borrow(value)),
            None => missing_node(node, "of a class body elsewhere"),
        }
    }

    /// `FuncLocalsExprNode`: a dictionary of the variables that have values.
    pub(super) fn lower_function_locals(&mut self, node: Node<'t>) -> Result<Value> {
        let items = node.nodes("key_value_pairs");
        let count = self.int(items.len() as i128, 64);
        let dict = self.rt_object("__Pyx_PyDict_NewPresized", "l:O", &[count])?;
        for item in items {
            let (key_node, value_node) = (item.child("key")?, item.child("value")?);
            let key = self.expr(key_node)?;
            let value = self.expr(value_node)?;
            if *self.b.ty(value) != Type::Object {
                return missing_node(item, "of a C value");
            }
            let (present, after) = (self.b.block(), self.b.block());
            let absent = self.is_null(value);
            self.b.branch(absent, after, present);
            self.b.switch_to(present);
            self.rt_status("PyDict_SetItem", "ooo:i", &[dict, key, value], NEGATIVE)?;
            self.b.jump(after);
            self.b.switch_to(after);
            self.release_nullable(value);
        }
        Ok(dict)
    }

    /// `ExecStatNode`.
    pub(super) fn lower_exec(&mut self, node: Node<'t>) -> Result<()> {
        let args = self.expr_list(node.nodes("args"))?;
        let result = self.exec_call(&args)?;
        for value in args.into_iter().rev() {
            self.release(value);
        }
        self.release(result);
        Ok(())
    }

    /// `exec` of code, with globals and locals where they are given.
    pub(super) fn exec_call(&mut self, args: &[Value]) -> Result<Value> {
        let mut all = args.to_vec();
        while all.len() < 3 {
            all.push(self.null_object());
        }
        all.push(self.module_dict());
        self.rt_object("cyl_exec", "oooo:O", &all)
    }

    /// `AssignmentExpressionNode`: `(name := value)`.
    pub(super) fn lower_walrus(&mut self, node: Node<'t>) -> Result<Value> {
        let source = node.child("rhs")?;
        let value = self.expr(source)?;
        let value = if is_slice(source) {
            self.owned_slice(value, source.expr_type()?)?
        } else if *self.b.ty(value) == Type::Object {
            self.owned(value)
        } else {
            value
        };
        self.results.insert(source.id(), value);
        let assignment = node.child("assignment")?;
        if assignment.kind() != "SingleAssignmentNode" {
            return missing_node(node, "of this kind");
        }
        self.lower_assignment(assignment)?;
        Ok(value)
    }

    /// `TypeofNode`: a constant.
    pub(super) fn lower_typeof(&mut self, node: Node<'t>) -> Result<Value> {
        self.expr(node.child("literal")?)
    }

    /// `InlinedDefNodeCallNode`: a `def` function of the module called as what it is.
    pub(super) fn lower_inlined_call(&mut self, node: Node<'t>) -> Result<Value> {
        let def = node.child("function")?.child("def_node")?;
        let Some(target) = self.m.def_functions.get(&def.id()).copied() else {
            return missing_node(node, "of a function that is not lowered");
        };
        let args = self.expr_list(node.nodes("args"))?;
        let function = self.expr(node.child("function_name")?)?;
        let own = if def.flag("is_cyfunction") {
            function
        } else {
            self.rt_value("cyl_builtin_self", "o:o", &[function])?
        };
        let mut values = vec![own];
        values.extend(&args);
        let wanted = self.m.mir.functions[target.0 as usize].signature.clone();
        let fits = wanted.params.len() == values.len()
            && wanted
                .params
                .iter()
                .zip(&values)
                .all(|(param, value)| param.ty == *self.b.ty(*value));
        if !fits {
            return missing_node(node, "with other arguments");
        }
        self.at(node);
        let result = match self.b.call(&self.m.mir, Callee::Function(target), values) {
            Some(result) => self.checked(result, Raises::Null)?,
            None => return self.defect("a def function without a result"),
        };
        let mut gone = args;
        gone.push(function);
        self.release_under(result, &gone);
        Ok(result)
    }

    /// A built-in whose runtime function would look at its own module.
    pub(super) fn call_own_state(&mut self, name: &str, args: &[Value]) -> Result<Option<Value>> {
        match name {
            "__Pyx_PyExecGlobals" | "__Pyx_PyExec2" | "__Pyx_PyExec3" => {
                let result = self.exec_call(args)?;
                self.forget_temp(result);
                Ok(Some(result))
            }
            "__Pyx_Globals" => {
                let dict = self.module_dict();
                Ok(Some(self.op(Op::IncRef(dict))))
            }
            _ => Ok(None),
        }
    }
}
