//! cpdef functions and methods: the look for an override in Python, and functions in the place of older
//! signatures of a method.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::Body;
use super::class_layout::look_up;
use super::context::{Context, missing_node};
use super::functions::optional_count;
use crate::mir::{
    Builder, Callee, Comparison, FuncId, Function, Linkage, Op, Raises, Signature, Terminator, Type,
};

impl<'t> Context<'t> {
    /// The wrapper of a `def` function, which may be lowered later only.
    fn declared_wrapper(&mut self, entry: Entry<'t>) -> FuncId {
        if let Some(found) = self.wrappers.get(&entry.id()) {
            return *found;
        }
        let name = entry.text("func_cname").unwrap_or("wrapper");
        let id = self.mir.add_function(Function::new(
            name,
            Linkage::Internal,
            Signature::new([], Type::Void),
        ));
        self.wrappers.insert(entry.id(), id);
        id
    }

    /// Notes the wrapper of a `def` function.
    pub(super) fn define_wrapper(&mut self, entry: Entry<'t>, function: Function) -> FuncId {
        if let Some(found) = self.wrappers.get(&entry.id()).copied()
            && self.mir.functions[found.0 as usize].blocks.is_empty()
        {
            self.mir.functions[found.0 as usize] = function;
            return found;
        }
        let id = self.mir.add_function(function);
        self.wrappers.insert(entry.id(), id);
        id
    }
}

impl<'t> Body<'_, 't> {
    /// `OverrideCheckNode`: calls what Python code put in the function's place.
    pub(super) fn lower_override_check(&mut self, node: Node<'t>) -> Result<()> {
        let (function, target, body) = (
            node.child("py_func")?,
            node.child("func_node")?,
            node.child("body")?,
        );
        // Of a fused function: what picks the specialisation.
        let shown = function.node("fused_py_func").unwrap_or(function);
        let Some(entry) = shown.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        let Some(skip) = self.skip_dispatch else {
            return missing_node(node, "outside of a cpdef function");
        };
        let in_module = function.flag("is_module_scope");
        let own = if in_module {
            self.module_object()
        } else {
            let Some(first) = node.entries("args").first().copied() else {
                return missing_node(node, "without an object");
            };
            match self.variables.get(&first.id()).copied() {
                Some(super::body::Variable::Local { id, .. }) => self.op(Op::Get(id)),
                None => return missing_node(node, "without an object"),
            }
        };
        let dict = entry
            .scope("scope")
            .is_some_and(|scope| look_up(scope, "__dict__").is_some());
        let wrapper = self.m.declared_wrapper(entry);
        let zero = self.int(0, 32);
        let asked = self.op(Op::Compare(Comparison::Eq, skip, zero));
        let (look, after) = (self.b.block(), self.b.block());
        self.b.branch(asked, look, after);
        self.b.switch_to(look);
        let cache = self
            .m
            .variable("override.versions", Type::Array(Box::new(Type::I64), 2));
        let cache = self.op(Op::GlobalAddr(cache));
        let name = self.name(entry.text("name").unwrap_or_default());
        let wrapper = self.op(Op::FunctionAddr(wrapper));
        let always = self.int(i128::from(in_module || dict), 32);
        let found = self.b.local("override", Type::Object);
        let null = self.null_object();
        self.b.effect(Op::Set(found, null));
        let place = self.op(Op::LocalAddr(found));
        let args = [own, name, wrapper, cache, always, place];
        let overridden = self.rt_status("cyl_override", "ooppip:i", &args, Raises::Negative)?;
        let overridden = self.truth(overridden)?;
        let other = self.b.cold_block();
        self.b.branch(overridden, other, after);
        self.b.switch_to(other);
        let method = self.op(Op::Take(found));
        let method = self.hold(method);
        self.results.insert(target.id(), method);
        self.stat(body)?;
        self.release(method);
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// Functions for the places in the C method table of signatures that a method had in base classes.
    pub(super) fn wrap_older(
        &mut self,
        node: Node<'t>,
        entry: Entry<'t>,
        id: FuncId,
    ) -> Result<()> {
        let mut older = entry.entry("prev_entry");
        let mut count = 0;
        while let Some(entry) = older {
            count += 1;
            let Some(ty) = entry.ty("type") else {
                return missing_node(node, "without a type");
            };
            let older_optional = ty.int("optional_arg_count").unwrap_or(0) > 0;
            let optional = optional_count(node) > 0;
            let declared = self.m.mir.functions[id.0 as usize].clone();
            let overridable = node.flag("overridable");
            let mut params: Vec<Type> = declared
                .signature
                .params
                .iter()
                .map(|param| param.ty.clone())
                .collect();
            params.truncate(params.len() - usize::from(overridable) - usize::from(optional));
            let args = params.len() as u32;
            if ty.flag("is_overridable") {
                params.push(Type::I32);
            }
            let carrier = params.len() as u32;
            if older_optional {
                params.push(Type::Ptr);
            }
            let name = format!("{}__pyx_wrap_{count}", declared.name);
            let signature = Signature {
                result: declared.signature.result.clone(),
                ..Signature::new(params, Type::Void)
            };
            let mut function = Function::new(&name, Linkage::Internal, signature);
            function.gil = declared.gil;
            let mut b = Builder::new(function);
            let mut values: Vec<_> = (0..args)
                .map(|index| b.value(&self.m.mir, Op::Param(index)))
                .collect();
            if ty.flag("is_overridable") {
                values.push(b.value(&self.m.mir, Op::Param(args)));
            } else if overridable {
                values.push(b.int(&self.m.mir, 0, 32));
            }
            if older_optional {
                values.push(b.value(&self.m.mir, Op::Param(carrier)));
            } else if optional {
                values.push(b.null(&self.m.mir, Type::Ptr));
            }
            let result = b.call(&self.m.mir, Callee::Function(id), values);
            b.end(Terminator::Return(result));
            let function = b.finish();
            let made = self.m.mir.add_function(function);
            self.m.functions_by_name.insert(name.clone(), made);
            self.m.wrapped_methods.insert(entry.id(), name);
            older = entry.entry("prev_entry");
        }
        Ok(())
    }
}
