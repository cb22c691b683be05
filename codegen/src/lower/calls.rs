//! Calls: C functions, Python callables, methods.

use frontend_bridge::tree::{Node, Type as TreeType, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::enums::enum_helper;
use super::memview::is_slice;
use super::shim_calls::{declared_in_c, takes_anything};
use super::types;
use super::value_methods::is_value_method;
use crate::mir::{Callee, Constant, Op, Raises, Signature, Type, Value};

impl<'t> Body<'_, 't> {
    /// `SimpleCallNode` and `PythonCapiCallNode`: positional arguments only.
    pub(super) fn lower_simple_call(&mut self, node: Node<'t>) -> Result<Value> {
        let function = node.child("function")?;
        if function.node("obj").is_some_and(is_slice) && !function.flag("is_py_attr") {
            return self.memview_method(node, function);
        }
        if let Some(result) = self.lock_method(node, function)? {
            return Ok(result);
        }
        let args = node.nodes("args");
        if function.text("cname") == Some("__Pyx_MemoryView_Len")
            && args.len() == 1
            && is_slice(args[0])
        {
            return self.memview_length(args[0]);
        }
        let ty = function.expr_type()?;
        if ty.flag("is_pyobject") {
            let callee = self.expr(function)?;
            let Some(tuple) = node.node("arg_tuple") else {
                return missing_node(node, "without an argument tuple");
            };
            return self.call_with_tuple(node, callee, tuple);
        }
        let mut callee_type = types::resolve(ty);
        if callee_type.flag("is_ptr") {
            match callee_type.ty("base_type") {
                Some(base) => callee_type = types::resolve(base),
                None => return missing_node(node, "through a pointer to nothing"),
            }
        }
        if !callee_type.flag("is_cfunction") {
            return missing_node(node, &format!("of {}", callee_type.kind()));
        }
        if let Some(own) = node.node("self")
            && is_value_method(node, function)?
        {
            return self.call_value_method(node, function, own, callee_type);
        }
        self.call_c(node, function, callee_type)
    }

    fn call_c(&mut self, node: Node<'t>, function: Node<'t>, ty: TreeType<'t>) -> Result<Value> {
        // Utility code in Cython's own language is compiled with the module.
        let utility = function
            .text("cname")
            .filter(|_| function.kind() == "PythonCapiFunctionNode")
            .and_then(|name| self.m.functions_by_name.get(name).copied());
        let runtime = function.kind() == "PythonCapiFunctionNode" && utility.is_none();
        if runtime || is_builtin_method(function) {
            return self.call_runtime(node, function, ty);
        }
        let entry = function.entry("entry");
        if let (Some("Py_CLEAR"), [arg]) = (
            entry.and_then(|entry| entry.text("cname")),
            node.nodes("args").as_slice(),
        ) {
            // A macro that overwrites its argument.
            let address = self.lvalue(*arg)?;
            self.rt_void("Py_CLEAR", "p:v", &[address])?;
            return Ok(self.none());
        }
        let mut args = Vec::new();
        let mut held = Vec::new();
        let mut own = entry.and_then(|entry| self.own_function(entry)).or(utility);
        let mut method = None;
        if function.kind() == "AttributeNode" && entry.is_some_and(|entry| entry.flag("is_cmethod"))
        {
            let (found, pointer) = self.method_to_call(node, function, &mut held)?;
            (own, method) = (found, pointer);
        }
        let address = match own {
            // What is fetched for a variable is its own address: the pointer to call is in it.
            None if entry.is_some_and(|entry| {
                entry.flag("is_cfunction") && self.m.imported_place(entry).is_some()
            }) =>
            {
                entry.and_then(|entry| self.imported_address(entry))
            }
            // The symbol itself: resolved where it is called.
            None if function.kind() == "PythonCapiFunctionNode" => None,
            None if method.is_some() => method,
            None if entry.is_some_and(|entry| self.is_method_pointer(entry)) => {
                Some(self.expr(function)?)
            }
            None if entry.is_none_or(|entry| !entry.flag("is_cfunction")) => {
                Some(self.expr(function)?)
            }
            _ => None,
        };
        let elsewhere = entry.is_some_and(|entry| self.m.imported_place(entry).is_some())
            || method.is_some() && !self.is_own_method(function)?;
        if elsewhere && !self.m.fits_c_but_slices(ty)? {
            return missing_node(node, "of a function elsewhere with such structs");
        }
        if let Some(macro_entry) = entry.filter(|_| own.is_none() && address.is_none())
            && takes_anything(macro_entry, node, ty)
        {
            let result = self.call_on_places(node, macro_entry, ty)?;
            return self.check_result(node, ty, result);
        }
        let to_shim = own.is_none()
            && address.is_none()
            && entry
                .filter(|entry| declared_in_c(*entry))
                .and_then(|entry| entry.text("cname"))
                .is_some_and(|name| self.m.shims.may_redefine(self.m.tree, name));
        let declared = ty.list("args").len();
        for (index, arg) in node.nodes("args").into_iter().enumerate() {
            let more = function.kind() == "PythonCapiFunctionNode" || ty.flag("has_varargs");
            if index >= declared && !more {
                return missing_node(node, "with too many arguments");
            }
            let given = arg.expr_type()?;
            let value = match to_shim && self.m.is_array_in_c(given, arg.position()) {
                true => self.lvalue(arg)?,
                false => self.expr(arg)?,
            };
            held.push(value);
            args.push((value, given));
        }
        let mut extra = Vec::new();
        if ty.flag("is_overridable") {
            let skip = node.flag("wrapper_call")
                || entry.is_some_and(|entry| entry.flag("is_unbound_cmethod"));
            extra.push(self.int(i128::from(skip), 32));
        }
        let slice = ty
            .ty("return_type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"));
        // Pointers to functions with memoryviews are the module's own.
        let any_slice = slice || args.iter().any(|(_, ty)| ty.flag("is_memoryviewslice"));
        if any_slice && own.is_none() {
            match address {
                Some(address) if elsewhere => {
                    return self.call_elsewhere(node, ty, address, args, extra, held);
                }
                Some(_) => {}
                None => return missing_node(node, "with a memoryview, of a function elsewhere"),
            }
        }
        let carrier = self.pack_optional(node, ty, &mut args)?;
        extra.extend(carrier);
        if slice {
            let storage = self.slice_storage("returned");
            let (callee, signature) = match (own, address) {
                (None, Some(address)) => {
                    let signature = self.function_signature(ty)?;
                    let boxed = Box::new(signature.clone());
                    (Callee::Indirect(address, boxed), signature)
                }
                (Some(id), _) => {
                    let signature = &self.m.mir.functions[id.0 as usize].signature;
                    (Callee::Function(id), signature.clone())
                }
                (None, None) => return missing_node(node, "of an unknown function"),
            };
            let wanted = &signature.params;
            if wanted.len() != 1 + args.len() + extra.len() {
                return missing_node(node, "with other arguments");
            }
            let mut values = vec![storage];
            for ((value, from), param) in args.iter().zip(&wanted[1..]) {
                values.push(self.fit_type(*value, *from, &param.ty));
            }
            values.extend(extra);
            self.clear_memview(storage);
            self.b.call(&self.m.mir, callee, values);
            self.checked_slice(storage)?;
            for value in held {
                self.release(value);
            }
            return Ok(storage);
        }
        let result = match (own, address) {
            (Some(id), _) => {
                let wanted = self.m.mir.functions[id.0 as usize].signature.clone();
                let mut values = Vec::new();
                for (index, (value, from)) in args.iter().enumerate() {
                    values.push(if let Some(param) = wanted.params.get(index) {
                        self.fit_type(*value, *from, &param.ty)
                    } else if !wanted.varargs {
                        *value
                    } else {
                        match self.variable_argument(*value, *from) {
                            Some(value) => value,
                            None => {
                                return missing_node(node, "with a variable argument of this type");
                            }
                        }
                    });
                }
                values.extend(extra);
                if wanted.params.len() > values.len()
                    || (wanted.params.len() < values.len() && !wanted.varargs)
                {
                    return missing_node(node, "with another number of arguments");
                }
                self.b.call(&self.m.mir, Callee::Function(id), values)
            }
            (None, Some(address)) => {
                let mut signature = self.function_signature(ty)?;
                let mut values = self.fit_arguments(&mut signature, ty, &args);
                values.extend(extra);
                self.b.call(
                    &self.m.mir,
                    Callee::Indirect(address, Box::new(signature)),
                    values,
                )
            }
            (None, None) => self.call_extern(node, entry, ty, &args)?,
        };
        let result = self.check_result(node, ty, result)?;
        for value in held {
            self.release(value);
        }
        Ok(result)
    }

    /// Calls a function of another module with slices, which it takes and returns by value.
    fn call_elsewhere(
        &mut self,
        node: Node<'t>,
        ty: TreeType<'t>,
        address: Value,
        mut args: Vec<(Value, TreeType<'t>)>,
        mut extra: Vec<Value>,
        held: Vec<Value>,
    ) -> Result<Value> {
        extra.extend(self.pack_optional(node, ty, &mut args)?);
        let slice = Type::Struct(self.m.slice_struct());
        let returned = ty
            .ty("return_type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"));
        let mut signature = self.function_signature(ty)?;
        if returned {
            signature.params.remove(0);
            signature.result = slice.clone();
        }
        let required = super::shared::argument_types(ty)
            .into_iter()
            .take(args.len());
        for (index, of) in required.enumerate() {
            if !of.flag("is_memoryviewslice") {
                continue;
            }
            let (Some(param), Some((value, _))) =
                (signature.params.get_mut(index), args.get_mut(index))
            else {
                return missing_node(node, "with another number of arguments");
            };
            param.ty = slice.clone();
            *value = self.op(Op::Load(slice.clone(), *value));
        }
        let mut values = self.fit_arguments(&mut signature, ty, &args);
        values.extend(extra);
        if values.len() != signature.params.len() {
            return missing_node(node, "with another number of arguments");
        }
        let callee = Callee::Indirect(address, Box::new(signature));
        let made = self.b.call(&self.m.mir, callee, values);
        let result = match made {
            Some(made) if returned => {
                let storage = self.slice_storage("returned");
                self.b.effect(Op::Store {
                    address: storage,
                    value: made,
                });
                self.checked_slice(storage)?;
                storage
            }
            made => self.check_result(node, ty, made)?,
        };
        for value in held {
            self.release(value);
        }
        Ok(result)
    }

    /// Numbers in the types of the parameters, as C converts them; narrow integers as `int`.
    fn fit_arguments(
        &mut self,
        wanted: &mut Signature,
        ty: TreeType<'t>,
        args: &[(Value, TreeType<'t>)],
    ) -> Vec<Value> {
        let declared = super::shared::argument_types(ty);
        let mut values = Vec::new();
        for (index, (value, from)) in args.iter().enumerate() {
            let Some(param) = wanted.params.get_mut(index) else {
                values.push(*value);
                continue;
            };
            let mut value = self.fit_type(*value, *from, &param.ty);
            if matches!(param.ty, Type::Int(8 | 16)) {
                // Functions of C's rely on the extension.
                let unsigned = declared.get(index).is_some_and(|ty| types::unsigned(*ty));
                value = self.widen(value, 32, unsigned);
                param.ty = Type::I32;
            }
            values.push(value);
        }
        values
    }

    /// A C function outside the module: the runtime's, CPython's, libc's.
    pub(super) fn call_extern(
        &mut self,
        node: Node<'t>,
        entry: Option<frontend_bridge::tree::Entry<'t>>,
        ty: TreeType<'t>,
        args: &[(Value, TreeType<'t>)],
    ) -> Result<Option<Value>> {
        let name = node
            .child("function")?
            .text("cname")
            .or_else(|| function_member(node))
            .or_else(|| entry.and_then(|entry| entry.text("cname")))
            .unwrap_or_default();
        if name.starts_with("__Pyx_PyLong_From_enum_") {
            let unsigned = args.first().is_some_and(|(_, ty)| types::unsigned(*ty));
            return self.call_named(node, enum_helper(unsigned), ty, args);
        }
        if !entry.is_some_and(declared_in_c) {
            return self.call_named(node, name, ty, args);
        }
        if let Some(done) = self.fused_helper(name, args)? {
            return Ok(done);
        }
        if self.m.shims.may_redefine(self.m.tree, name) {
            return self.call_shim(node, name, ty, args);
        }
        match self.call_named(node, name, ty, args) {
            Err(super::LowerError::Missing(_)) => self.call_shim(node, name, ty, args),
            done => done,
        }
    }

    /// The MIR signature of a C function type.
    pub(super) fn function_signature(&mut self, ty: TreeType<'t>) -> Result<Signature> {
        let mut params = Vec::new();
        if ty.flag("has_varargs") {
            return self.missing("pointer to a function with variable arguments");
        }
        let optional = ty.int("optional_arg_count").unwrap_or(0) as usize;
        let required = ty.list("args").len().saturating_sub(optional);
        for value in &ty.list("args")[..required] {
            let arg = match value {
                Attr::Type(id) => self.m.tree.ty(*id).ty("type"),
                Attr::Helper(id) => self.m.tree.helper(*id).ty("type"),
                _ => None,
            };
            match arg {
                Some(arg) if arg.flag("is_memoryviewslice") => params.push(Type::Ptr),
                Some(arg) => params.push(self.c_type(arg)?),
                None => return self.missing("function type without argument types"),
            }
        }
        if ty.flag("is_overridable") {
            params.push(Type::I32);
        }
        if optional > 0 {
            params.push(Type::Ptr);
        }
        let result = match ty.ty("return_type") {
            Some(result) if result.flag("is_memoryviewslice") => {
                // Into storage of the caller's.
                params.insert(0, Type::Ptr);
                Type::Void
            }
            Some(result) => self.c_type(result)?,
            None => Type::Void,
        };
        Ok(Signature::new(params, result))
    }

    /// Checks a C function's result for an exception as its declaration says.
    pub(super) fn check_result(
        &mut self,
        node: Node<'t>,
        ty: TreeType<'t>,
        result: Option<Value>,
    ) -> Result<Value> {
        let returns = ty.ty("return_type");
        if returns.is_some_and(|ty| ty.flag("is_pyobject")) {
            return match result {
                Some(value) if borrows(node) => Ok(value),
                Some(value) => self.checked(value, Raises::Null),
                None => self.defect("no object"),
            };
        }
        let check = match ty.attr("exception_check") {
            Some(Attr::Str(_)) => return missing_node(node, "of a C++ function that raises"),
            Some(value) => value.truth(),
            None => false,
        };
        let value = self.error_value(ty, result)?;
        // A struct is not compared.
        let value = value.filter(|constant| !matches!(constant.ty(), Type::Struct(_)));
        match (result, value, check) {
            (Some(result), Some(constant), true) => self.checked(result, Raises::Maybe(constant)),
            (Some(result), Some(constant), false) => {
                let raises = match &constant {
                    Constant::Int(-1, _) => Raises::MinusOne,
                    Constant::Null(_) => Raises::Null,
                    other => Raises::Maybe(other.clone()),
                };
                self.checked(result, raises)
            }
            (result, None, true) => {
                self.check_occurred()?;
                Ok(match result {
                    Some(result) => result,
                    None => self.none(),
                })
            }
            (Some(result), None, false) => Ok(result),
            (None, _, _) => Ok(self.none()),
        }
    }

    /// The exception edge of a call whose result says nothing.
    pub(super) fn check_occurred(&mut self) -> Result<()> {
        if !self.gil && self.b.function.gil {
            return self.checked_without_gil(None, &Raises::Occurred);
        }
        let error = self.error_edge();
        let ok = self.b.block();
        let raises = Raises::Occurred;
        self.b.end(crate::mir::Terminator::Check {
            value: None,
            raises,
            ok,
            error,
        });
        self.b.switch_to(ok);
        Ok(())
    }

    /// The value by which a C function says that it raised.
    pub(super) fn error_value(
        &mut self,
        ty: TreeType<'t>,
        result: Option<Value>,
    ) -> Result<Option<Constant>> {
        let Some(result) = result else {
            return Ok(None);
        };
        let mir = self.b.ty(result).clone();
        self.error_constant(ty, &mir)
    }

    /// The same by the result's type.
    pub(super) fn error_constant(
        &mut self,
        ty: TreeType<'t>,
        mir: &Type,
    ) -> Result<Option<Constant>> {
        let python = match ty.attr("exception_value") {
            None | Some(Attr::None) => return Ok(None),
            Some(Attr::Helper(id)) => self.m.tree.helper(*id).attr("python_value"),
            other => other,
        };
        Ok(Some(match (python, mir) {
            (Some(Attr::Int(value)), Type::Int(bits)) => Constant::Int(i128::from(*value), *bits),
            (Some(Attr::Bool(value)), Type::Int(bits)) => Constant::Int(i128::from(*value), *bits),
            (Some(Attr::Int(value)), ty) if ty.is_float() => {
                Constant::Float(*value as f64, ty.clone())
            }
            (Some(Attr::Float(value)), ty) if ty.is_float() => Constant::Float(*value, ty.clone()),
            (Some(Attr::Str(text)), Type::Int(bits)) if text.parse::<i64>().is_ok() => {
                Constant::Int(text.parse::<i64>().map_or(-1, i128::from), *bits)
            }
            (Some(Attr::Int(0)), Type::Ptr) => Constant::Null(Type::Ptr),
            (Some(Attr::Str(text)), Type::Ptr) if text == "NULL" => Constant::Null(Type::Ptr),
            (Some(Attr::Str(text)), mir) => match self.named_error_value(text, mir) {
                Some(constant) => constant,
                None => return self.missing(&format!("error value '{text}' of a C function")),
            },
            (None | Some(Attr::None), _) => return Ok(None),
            _ => return self.missing("error value of a C function"),
        }))
    }

    // ---------------------------------------------------------------- Python callables

    /// A call with an argument tuple of the tree, which is taken apart where it is a display.
    fn call_with_tuple(&mut self, node: Node<'t>, callee: Value, tuple: Node<'t>) -> Result<Value> {
        if tuple.kind() != "TupleNode"
            || tuple.node("mult_factor").is_some()
            || self.keeps_tuple(node, tuple)
        {
            let args = self.expr(tuple)?;
            let null = self.null_object();
            let result = self.rt_object("__Pyx_PyObject_Call", "ooo:O", &[callee, args, null])?;
            self.release_under(result, &[callee, args]);
            return Ok(result);
        }
        let args = self.expr_list(tuple.nodes("args"))?;
        let function = node.node("function");
        let result = if tuple.flag("is_literal") && !args.is_empty() {
            self.call_counted(function, callee, &args, args.len(), None)?
        } else {
            self.call_object(function, callee, &args, args.len(), None)?
        };
        self.release_called(callee, &args, &[]);
        Ok(result)
    }

    /// Evaluates expressions in order; all results stay alive.
    pub(super) fn expr_list(&mut self, nodes: Vec<Node<'t>>) -> Result<Vec<Value>> {
        nodes.into_iter().map(|node| self.expr(node)).collect()
    }

    /// An array of objects on the stack, for vectorcall: (the first argument's address), with one
    /// free place before it.
    pub(super) fn argument_array(&mut self, args: &[Value]) -> Value {
        let array = Type::Array(Box::new(Type::Object), args.len() as u64 + 1);
        let local = self.b.scratch("args", array);
        let base = self.op(Op::LocalAddr(local));
        for (index, arg) in args.iter().enumerate() {
            let place = self.int(index as i128 + 1, 64);
            let address = self.op(Op::Index(base, Type::Object, place));
            let value = self.borrow(*arg);
            self.b.effect(Op::Store { address, value });
        }
        let one = self.int(1, 64);
        self.op(Op::Index(base, Type::Object, one))
    }

    /// A count with PY_VECTORCALL_ARGUMENTS_OFFSET: the place before the arguments may be used.
    pub(super) fn vector_count(&mut self, count: usize) -> Value {
        self.int((1_i128 << 63) | count as i128, 64)
    }

    /// `GeneralCallNode`: a tuple and a dictionary.
    pub(super) fn lower_general_call(&mut self, node: Node<'t>) -> Result<Value> {
        let function = node.child("function")?;
        if !function.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of a C function");
        }
        if node.node("keyword_args").is_some()
            && let Some(result) = self.call_with_displays(node)?
        {
            return Ok(result);
        }
        let callee = self.expr(function)?;
        let args = self.expr(node.child("positional_args")?)?;
        let keywords = match node.node("keyword_args") {
            Some(keywords) => self.expr(keywords)?,
            None => self.null_object(),
        };
        self.at(node);
        let result = self.rt_object("__Pyx_PyObject_Call", "ooo:O", &[callee, args, keywords])?;
        self.release_under(result, &[callee, args, keywords]);
        Ok(result)
    }
}

/// The C function of a built-in type's method.
fn function_member(node: Node<'_>) -> Option<&str> {
    let function = node.node("function")?;
    if is_builtin_method(function) {
        function.text("member")
    } else {
        None
    }
}

/// Whether the function is a method that Cython knows of a built-in type as a C function.
fn is_builtin_method(function: Node<'_>) -> bool {
    function.kind() == "AttributeNode"
        && function
            .node("obj")
            .and_then(|object| object.ty("type"))
            .is_some_and(|ty| ty.flag("is_builtin_type"))
}

/// Whether a call gives a reference that something else keeps: Cython makes no temporary of it.
pub(super) fn borrows(node: Node<'_>) -> bool {
    node.kind() == "PythonCapiCallNode" && !node.flag("is_temp")
}
