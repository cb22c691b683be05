//! Calls of what is most likely a function that the module defines: its name is looked up as ever, and
//! where what is found is still that function, its code is called without a way through Python; and of
//! extension types of the module.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::Body;
use super::class_layout::look_up;
use super::context::Context;
use super::methods::{has_own_object, signature_of};
use crate::mir::{
    Callee, Comparison, FuncId, Global, GlobalId, GlobalInit, Linkage, Op, Raises, Type, Value,
};

impl<'t> Context<'t> {
    /// Notes a `def` at module level that positional objects can be handed to as they are.
    pub(super) fn note_module_def(&mut self, def: Node<'t>, entry: Entry<'t>) {
        // The function's own entry has no name that code could use.
        let bound = entry
            .scope("scope")
            .filter(|scope| scope.is_a("ModuleScope"))
            .and_then(|scope| look_up(scope, entry.text("name").unwrap_or_default()));
        let Some(bound) = bound else {
            return;
        };
        let takes_objects = |arg: &Node<'t>| {
            let ty = arg.ty("type");
            arg.flag("is_generic")
                && !arg.flag("kw_only")
                && !arg.flag("needs_type_test")
                && arg.flag("accept_none")
                && ty.is_some_and(|ty| {
                    ty.flag("is_pyobject")
                        && !ty.flag("is_pyint_type")
                        && !ty.flag("is_pyfloat_type")
                })
        };
        let fast =
            signature_of(def).is_some_and(|signature| signature.int("use_fastcall") == Some(1));
        if !fast && def.node("star_arg").is_some() {
            self.module_defs_of_tuples.insert(bound.id());
        }
        if def.kind() == "DefNode"
            && def.node("star_arg").is_none()
            && def.node("starstar_arg").is_none()
            && fast
            && def.nodes("args").iter().all(takes_objects)
        {
            self.module_defs.insert(bound.id(), def);
        }
    }

    /// The place of a function's PyMethodDef, which is filled where its wrapper is lowered.
    pub(super) fn method_place(&mut self, def: Node<'t>) -> GlobalId {
        if let Some(found) = self.method_places.get(&def.id()) {
            return *found;
        }
        let structure = self.mir.structure("PyMethodDef", || {
            vec![Type::Ptr, Type::Ptr, Type::I32, Type::Ptr]
        });
        let name = super::arguments::function_name(def);
        let place = self.mir.add_global(Global {
            name: format!("method.{name}.{}", self.mir.globals.len()),
            ty: Type::Struct(structure),
            init: GlobalInit::Zero,
            constant: false,
            linkage: Linkage::Internal,
        });
        self.method_places.insert(def.id(), place);
        place
    }
}

impl<'t> Body<'_, 't> {
    /// The function of the module that a name is bound to at first, and its definition, where it takes
    /// this many arguments.
    fn known_function(&self, name: Node<'t>, count: usize) -> Option<(Node<'t>, FuncId)> {
        if name.kind() != "NameNode" {
            return None;
        }
        let def = *self.m.module_defs.get(&name.entry("entry")?.id())?;
        let id = *self.m.def_functions.get(&def.id())?;
        (def.nodes("args").len() == count).then_some((def, id))
    }

    /// Whether what is called most likely keeps the tuple of its arguments, and those are constant: it gets
    /// the same tuple each time then.
    pub(super) fn keeps_tuple(&self, call: Node<'t>, tuple: Node<'t>) -> bool {
        let name = call
            .node("function")
            .filter(|function| function.kind() == "NameNode");
        let entry = name.and_then(|name| name.entry("entry"));
        tuple.flag("is_literal")
            && !tuple.nodes("args").is_empty()
            && entry.is_some_and(|entry| self.m.module_defs_of_tuples.contains(&entry.id()))
    }

    /// Releases what was called and its arguments in the order in which C does: a tuple and a dictionary of
    /// them there, and tuples release their items from the last to the first.
    pub(super) fn release_called(&mut self, callee: Value, args: &[Value], named: &[Value]) {
        self.release(callee);
        for arg in args.iter().rev().chain(named) {
            self.release(*arg);
        }
    }

    /// Calls an object with positional arguments, and keywords whose names are a tuple or null; releases
    /// nothing.  `function` is the expression that gave the object.
    pub(super) fn call_object(
        &mut self,
        function: Option<Node<'t>>,
        callee: Value,
        args: &[Value],
        positional: usize,
        names: Option<Value>,
    ) -> Result<Value> {
        let made = self.call_object_raw(function, callee, args, positional, names)?;
        self.checked(made, Raises::Null)
    }

    /// The same where Cython goes through a slot that minds the depth of recursion: with constant
    /// arguments, or a tuple and a dictionary.
    pub(super) fn call_counted(
        &mut self,
        function: Option<Node<'t>>,
        callee: Value,
        args: &[Value],
        positional: usize,
        names: Option<Value>,
    ) -> Result<Value> {
        let defined = function.is_some_and(|function| {
            self.called_class(function).is_some()
                || names.is_none() && self.known_function(function, positional).is_some()
        });
        if !defined {
            let call = self.vector_arguments(callee, args, positional, names);
            return self.rt_object("cyl_call_counted", "oplo:O", &call);
        }
        let place = self.text(" while calling a Python object");
        self.rt_status("Py_EnterRecursiveCall", "p:i", &[place], Raises::NonZero)?;
        let made = self.call_object_raw(function, callee, args, positional, names)?;
        self.rt_void("Py_LeaveRecursiveCall", ":v", &[])?;
        self.checked(made, Raises::Null)
    }

    /// The result, null with an exception, is not yet a temporary.
    fn call_object_raw(
        &mut self,
        function: Option<Node<'t>>,
        callee: Value,
        args: &[Value],
        positional: usize,
        names: Option<Value>,
    ) -> Result<Value> {
        if let Some(id) = function.and_then(|function| self.called_class(function)) {
            let call = self.vector_arguments(callee, args, positional, names);
            let made = self
                .b
                .call(&self.m.mir, Callee::Function(id), call.to_vec());
            return match made {
                Some(made) => Ok(made),
                None => self.defect("a constructor without a result"),
            };
        }
        let known = match names {
            None => function.and_then(|function| self.known_function(function, positional)),
            Some(_) => None,
        };
        let Some((def, id)) = known else {
            return self.call_unknown(callee, args, positional, names);
        };
        let place = self.m.method_place(def);
        let place = self.op(Op::GlobalAddr(place));
        let same = self.rt_value("cyl_is_function", "op:i", &[callee, place])?;
        let zero = self.int(0, 32);
        let same = self.op(Op::Compare(Comparison::Ne, same, zero));
        let result = self.b.local("called", Type::Object);
        let (direct, other, done) = (self.b.block(), self.b.cold_block(), self.b.block());
        self.b.branch(same, direct, other);
        self.b.switch_to(direct);
        let mut values = Vec::new();
        if has_own_object(def) {
            values.push(self.borrow(callee));
        }
        for arg in args {
            values.push(self.borrow(*arg));
        }
        let made = self.b.call(&self.m.mir, Callee::Function(id), values);
        let Some(made) = made else {
            return self.defect("a function without a result");
        };
        self.b.effect(Op::Set(result, made));
        self.b.jump(done);
        self.b.switch_to(other);
        let made = self.call_unknown(callee, args, positional, None)?;
        self.b.effect(Op::Set(result, made));
        self.b.jump(done);
        self.b.switch_to(done);
        Ok(self.op(Op::Take(result)))
    }

    /// What a vectorcall is given: the object, arguments, their count, and names.
    fn vector_arguments(
        &mut self,
        callee: Value,
        args: &[Value],
        positional: usize,
        names: Option<Value>,
    ) -> [Value; 4] {
        let array = self.argument_array(args);
        let count = self.vector_count(positional);
        let names = match names {
            Some(names) => self.borrow(names),
            None => self.null_object(),
        };
        [self.borrow(callee), array, count, names]
    }

    /// A call through the object.
    fn call_unknown(
        &mut self,
        callee: Value,
        args: &[Value],
        positional: usize,
        names: Option<Value>,
    ) -> Result<Value> {
        let made = if args.is_empty() && names.is_none() {
            self.rt_raw("cyl_call_none", "o:O", &[callee])?
        } else {
            let call = self.vector_arguments(callee, args, positional, names);
            self.rt_raw("cyl_call_vector", "oplo:O", &call)?
        };
        match made {
            Some(made) => Ok(made),
            None => self.defect("a call without a result"),
        }
    }
}
