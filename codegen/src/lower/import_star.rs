//! `from ... import *` where the module has C variables, which are set by names that are found.

use frontend_bridge::tree::{Entry, Node, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::functions::ErrorReturn;
use crate::mir::{
    Comparison, Constant, FuncId, Function, Linkage, ObjectId, Op, Signature, Type, Value,
};

impl<'t> Body<'_, 't> {
    /// The names that must not be assigned to, of extension types, and the C variables by name.
    pub(super) fn star_names(&mut self) -> (Vec<ObjectId>, Vec<(&'t str, Entry<'t>)>) {
        let (mut types, mut variables) = (Vec::new(), Vec::new());
        let scope = self.m.tree.root().scope("scope");
        for (name, entry) in scope.map(|scope| scope.map("entries")).unwrap_or_default() {
            let (Attr::Str(name), Attr::Entry(entry)) = (name, entry) else {
                continue;
            };
            let entry = self.m.tree.entry(*entry);
            let internal = entry
                .scope("scope")
                .is_some_and(|scope| scope.flag("is_internal"));
            if internal || name.to_lowercase().starts_with("__pyx_") {
                continue;
            }
            let constant = entry.ty("type").is_some_and(|ty| ty.flag("is_const"));
            if entry.flag("is_cclass") {
                types.push(self.m.name(name));
            } else if entry.flag("is_cglobal") && entry.flag("used") && !constant {
                variables.push((name.as_str(), entry));
            }
        }
        (types, variables)
    }

    /// The function that sets them: 1 where the name is one of them, else 0; -1 with an exception.
    pub(super) fn star_setter(
        &mut self,
        node: Node<'t>,
        variables: &[(&'t str, Entry<'t>)],
    ) -> Result<FuncId> {
        let signature = Signature::new([Type::Object, Type::Object], Type::I32);
        let mut function = Function::new("import.star", Linkage::Internal, signature);
        function.cold = true;
        function.source = node.position().map(|at| (at.source, at.line));
        let name = self.m.tree.module_name().to_owned();
        let mut body = Body::new(&mut *self.m, function, &name);
        let Some(status) = body.returned else {
            return body.defect("a function without a result");
        };
        for (name, entry) in variables {
            body.b.line = entry.position().map_or(0, |at| at.line);
            let given = body.op(Op::Param(0));
            let own = body.name(name);
            let same = body.op(Op::Compare(Comparison::Eq, given, own));
            body.if_unlikely(same, |body| {
                let object = body.op(Op::Param(1));
                body.set_by_star(node, *entry, object)?;
                let one = body.int(1, 32);
                body.b.effect(Op::Set(status, one));
                Ok(())
            })?;
        }
        body.finish(ErrorReturn::Value(Constant::Int(-1, 32)))?;
        let function = body.b.finish();
        Ok(self.m.mir.add_function(function))
    }

    fn set_by_star(&mut self, node: Node<'t>, entry: Entry<'t>, object: Value) -> Result<()> {
        let Some(ty) = entry.ty("type") else {
            return missing_node(node, "of everything, with a variable without a type");
        };
        let address = match (entry.text("visibility"), entry.text("cname")) {
            (Some("extern"), Some(name)) => self.shim_address(entry.position(), name, "&"),
            _ => self.global_address(node, entry)?,
        };
        if ty.flag("is_memoryviewslice") {
            let slice = self.slice_from_object(object, ty)?;
            return self.assign_slice_to(address, slice, ty);
        }
        if ty.flag("is_pyobject") {
            if ty.flag("is_extension_type") {
                self.extension_type_test(object, ty, true)?;
            } else if ty.flag("is_builtin_type") {
                self.builtin_type_test(node, object, ty, true, true)?;
            }
            self.store(address, object);
            return Ok(());
        }
        let value = self.from_python(object, ty)?;
        match self.c_type(ty)? {
            array @ Type::Array(..) => self.copy_memory(address, value, &array),
            _ => {
                self.b.effect(Op::Store { address, value });
                Ok(())
            }
        }
    }
}
