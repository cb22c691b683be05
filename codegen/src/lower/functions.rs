//! `def` and `cdef` functions of the module: declaration, body, function objects.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::closures::in_scope_object;
use super::context::{Context, missing_node};
use super::defaults::is_literal;
use super::error::LowerError;
use super::methods::{has_own_object, in_extension_type};
use crate::mir::{Constant, FuncId, Function, Linkage, Op, Signature, Type, Value};

impl<'t> Context<'t> {
    /// Declares every function of the tree, so that calls may come before definitions.
    pub fn declare_functions(&mut self) -> Result<()> {
        for node in self.tree.nodes() {
            let declared = match node.kind() {
                "CFuncDefNode" => self.declare_cdef(node),
                "DefNode"
                | "GeneratorDefNode"
                | "AsyncDefNode"
                | "IterableAsyncDefNode"
                | "AsyncGenNode" => self.declare_def(node),
                "GeneratorBodyDefNode" => self.declare_generator_body(node),
                _ => Ok(()),
            };
            match declared {
                // Told where the function is lowered.
                Err(LowerError::Missing(_)) | Ok(()) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Whether the function belongs to Cython's memoryview code: the runtime has it.
    fn of_utility(&self, node: Node<'t>) -> bool {
        let source = node.position().map_or(0, |at| at.source) as usize;
        let file = super::context::memoryview_module(self.tree)
            .map(|name| format!("{}.pxd", name.replace('.', "/")));
        match (self.tree.sources().get(source), file) {
            (Some(source), Some(file)) => source.ends_with(&file),
            _ => false,
        }
    }

    fn declare_cdef(&mut self, node: Node<'t>) -> Result<()> {
        if self.of_utility(node) || node.flag("has_fused_arguments") {
            return Ok(());
        }
        let Some(entry) = node.entry("entry") else {
            return Ok(());
        };
        let scope = node.scope("local_scope");
        let mut params = Vec::new();
        let slice = node
            .ty("return_type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"));
        if slice {
            params.push(Type::Ptr);
        }
        let optional = optional_count(node);
        let args = node.nodes("args");
        let required = args.len().saturating_sub(optional);
        for arg in &args[..required] {
            params.push(self.parameter(arg.expr_type()?, arg.position())?);
        }
        if node.flag("overridable") {
            params.push(Type::I32);
        }
        if optional > 0 {
            params.push(Type::Ptr);
        }
        let result = match node.ty("return_type") {
            Some(_) if slice => Type::Void,
            Some(ty) => self.c_type(ty, node.position())?,
            None => Type::Void,
        };
        let name = entry
            .text("func_cname")
            .or_else(|| entry.text("cname"))
            .unwrap_or("function");
        let mut signature = Signature::new(params, result);
        signature.varargs = node.ty("type").is_some_and(|ty| ty.flag("has_varargs"));
        let linkage = match super::shared::is_public(entry) {
            true => Linkage::External,
            false => Linkage::Internal,
        };
        let mut function = Function::new(name, linkage, signature);
        let takes = node.ty("type").is_some_and(|ty| ty.flag("with_gil"));
        function.gil = !takes && !scope.is_some_and(|scope| scope.flag("nogil"));
        function.source = node.position().map(|at| (at.source, at.line));
        let name = function.name.clone();
        let id = self.mir.add_function(function);
        self.functions.insert(entry.id(), id);
        self.functions_by_name.insert(name, id);
        if let Some(cname) = entry.text("cname") {
            self.functions_by_name.insert(cname.to_owned(), id);
        }
        Ok(())
    }

    fn declare_def(&mut self, node: Node<'t>) -> Result<()> {
        if node.flag("has_fused_arguments") {
            return Ok(());
        }
        let Some(entry) = node.entry("entry") else {
            return Ok(());
        };
        let mut params = Vec::new();
        if has_own_object(node) {
            params.push(Type::Object);
        }
        for arg in node.nodes("args") {
            params.push(self.parameter(arg.expr_type()?, arg.position())?);
        }
        for name in ["star_arg", "starstar_arg"] {
            if node.node(name).is_some() {
                params.push(Type::Object);
            }
        }
        let name = entry.text("pyfunc_cname").unwrap_or("function").to_owned();
        let result = match node.ty("return_type") {
            Some(ty) => self.c_type(ty, node.position())?,
            None => Type::Object,
        };
        let signature = Signature::new(params, result);
        let mut function = Function::new(&name, Linkage::Internal, signature);
        function.source = node.position().map(|at| (at.source, at.line));
        let id = self.mir.add_function(function);
        self.def_functions.insert(node.id(), id);
        self.note_module_def(node, entry);
        Ok(())
    }
}

impl<'t> Body<'_, 't> {
    pub(super) fn lower_cdef(&mut self, node: Node<'t>) -> Result<()> {
        let Some(entry) = node.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        if self.m.of_utility(node) {
            return Ok(());
        }
        if unused(node) {
            if let Some(id) = self.m.functions.get(&entry.id()) {
                // Nothing reaches it.
                let function = &mut self.m.mir.functions[id.0 as usize];
                *function = crate::mir::Builder::new(function.clone()).finish();
            }
            return Ok(());
        }
        self.refuse_kinds(node)?;
        if super::shared::is_public(entry) {
            self.m.check_public(entry)?;
        }
        if node.node("skip_dispatch").is_some() {
            return missing_node(node, "cpdef or method");
        }
        self.keep_defaults(node)?;
        let Some(id) = self.m.functions.get(&entry.id()).copied() else {
            return missing_node(node, "with types that are not supported");
        };
        let slice = node
            .ty("return_type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"));
        let error = match (node.ty("type"), node.ty("return_type")) {
            // By a null memoryview.
            _ if slice => ErrorReturn::Void,
            (Some(ty), Some(result)) => {
                let result = self.c_type(result)?;
                self.error_of(ty, &result)?
            }
            _ => ErrorReturn::Unraisable,
        };
        let args: Vec<Entry<'t>> = node
            .scope("local_scope")
            .map(|scope| scope.entries("arg_entries"))
            .unwrap_or_default();
        self.lower_function(node, id, &args, u32::from(slice), error)?;
        self.wrap_older(node, entry, id)?;
        match node.node("py_func_stat") {
            Some(wrapper) => self.stat(wrapper),
            None => Ok(()),
        }
    }

    fn error_of(
        &mut self,
        ty: frontend_bridge::tree::Type<'t>,
        result: &Type,
    ) -> Result<ErrorReturn> {
        if *result == Type::Object {
            return Ok(ErrorReturn::Value(Constant::Null(Type::Object)));
        }
        let value = self.error_constant(ty, result)?;
        let check = ty
            .attr("exception_check")
            .is_some_and(frontend_bridge::tree::Value::truth);
        Ok(match (value, check) {
            (Some(value), _) => ErrorReturn::Value(value),
            (None, true) if *result == Type::Void => ErrorReturn::Void,
            (None, true) => ErrorReturn::Value(Constant::Zero(result.clone())),
            (None, false) => ErrorReturn::Unraisable,
        })
    }

    /// What no function may be yet.
    fn refuse_kinds(&self, node: Node<'t>) -> Result<()> {
        if node.flag("has_fused_arguments") {
            return missing_node(node, "fused");
        }
        Ok(())
    }

    pub(super) fn lower_def(&mut self, node: Node<'t>) -> Result<()> {
        self.refuse_kinds(node)?;
        let Some(id) = self.m.def_functions.get(&node.id()).copied() else {
            return missing_node(node, "with types that are not supported");
        };
        let scope = node.scope("local_scope");
        let method = in_extension_type(node);
        let placed = scope
            .and_then(|scope| {
                scope
                    .scope("parent_scope")
                    .or_else(|| scope.scope("outer_scope"))
            })
            .is_none_or(|scope| !scope.is_a("CClassScope"));
        if !placed && !method {
            return missing_node(node, "in a class");
        }
        // A `finally` body is lowered once for each way out.
        if !self.m.method_defs.contains_key(&node.id()) {
            self.declare_defaults(node)?;
            self.lower_def_body(node, id)?;
            let wrapped = node
                .attr("py_wrapper_required")
                .is_none_or(|required| required.truth());
            if let Some(wrapper) = node.node("py_wrapper").filter(|_| wrapped) {
                self.lower_def_wrapper(node, wrapper, id)?;
            }
        }
        self.at(node);
        self.store_defaults(node)
    }

    /// The function itself, without what calls it from Python.
    pub(super) fn lower_def_body(&mut self, node: Node<'t>, id: FuncId) -> Result<()> {
        if !self.m.mir.functions[id.0 as usize].blocks.is_empty() {
            return Ok(());
        }
        let mut args = Vec::new();
        for arg in node.nodes("args") {
            match arg.entry("entry") {
                Some(entry) => args.push(entry),
                None => return missing_node(node, "with an argument without an entry"),
            }
        }
        for name in ["star_arg", "starstar_arg"] {
            if let Some(entry) = node.node(name).and_then(|arg| arg.entry("entry")) {
                args.push(entry);
            }
        }
        let result = self.m.mir.functions[id.0 as usize].signature.result.clone();
        let error = self.special_error(node, &result)?;
        self.lower_function(node, id, &args, u32::from(has_own_object(node)), error)?;
        match node.node("gbody") {
            Some(body) => self.lower_generator_body(node, body),
            None => Ok(()),
        }
    }

    /// Lowers a function's body into its declaration; `first` parameters come before the arguments.
    fn lower_function(
        &mut self,
        node: Node<'t>,
        id: FuncId,
        args: &[Entry<'t>],
        first: u32,
        error: ErrorReturn,
    ) -> Result<()> {
        let Some(scope) = node.scope("local_scope") else {
            return missing_node(node, "without a scope");
        };
        let declared = self.m.mir.functions[id.0 as usize].clone();
        let name = node
            .entry("entry")
            .and_then(|entry| entry.text("qualified_name"))
            .unwrap_or("function")
            .to_owned();
        let missing_before = self.m.missing.len();
        let mut body = Body::new(&mut *self.m, declared, &name);
        body.tells_lines_of(node);
        body.at(node);
        body.directives.push(scope.map("directives"));
        body.choose_float_math();
        // Callers without the GIL may have no reference of their own.
        let takes_gil = node.ty("type").is_some_and(|ty| ty.flag("with_gil"));
        if takes_gil && !body.gil {
            body.gil_token = Some(body.op(Op::EnsureGil));
            body.gil = true;
        }
        // A generator is told of when it runs, not when it is made.
        let traced = body.m.traced(Some(scope)) && node.node("gbody").is_none();
        if traced {
            body.prepare_trace(node);
        }
        let required = args.len().saturating_sub(optional_count(node));
        if node
            .ty("return_type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"))
        {
            body.returned_slice = Some(body.op(Op::Param(0)));
        }
        body.start_scope_object(node, scope)?;
        body.declare_buffers(scope)?;
        for (index, entry) in args.iter().enumerate() {
            let slice = entry
                .ty("type")
                .is_some_and(|ty| ty.flag("is_memoryviewslice"));
            if index >= required && slice {
                let skip = u32::from(node.flag("overridable"));
                let carrier = body.op(Op::Param(required as u32 + first + skip));
                let arg = node.nodes("args")[index];
                body.optional_slice_argument(node, arg, *entry, index - required, carrier)?;
                continue;
            }
            if index >= required {
                let shared = entry.flag("in_closure");
                let object = entry.ty("type").is_some_and(|ty| ty.flag("is_pyobject"));
                let owned =
                    !shared && object && (takes_gil || body.m.reassigned.contains(&entry.id()));
                let local = body.declare(*entry, owned)?;
                let skip = u32::from(node.flag("overridable"));
                let carrier = body.op(Op::Param(required as u32 + first + skip));
                let arg = node.nodes("args")[index];
                body.optional_argument(node, arg, index - required, carrier, local, owned)?;
                if shared {
                    let value = body.op(Op::Get(local));
                    body.share_argument(*entry, value)?;
                }
                continue;
            }
            let value = body.op(Op::Param(index as u32 + first));
            if entry.flag("in_closure") {
                body.share_argument(*entry, value)?;
                continue;
            }
            if slice {
                body.slice_argument(*entry, value, body.m.reassigned.contains(&entry.id()))?;
                continue;
            }
            let object = *body.b.ty(value) == Type::Object;
            // The caller keeps its reference for the whole call; one that is assigned to is owned.
            let owned = object && (takes_gil || body.m.reassigned.contains(&entry.id()));
            let local = body.declare(*entry, owned)?;
            if owned {
                body.with_gil(|body| {
                    let value = body.op(Op::XIncRef(value));
                    body.b.effect(Op::Set(local, value));
                    Ok(())
                })?;
            } else {
                match body.b.function.locals[local.0 as usize].ty.clone() {
                    array @ Type::Array(..) => {
                        let address = body.op(Op::LocalAddr(local));
                        body.copy_memory(address, value, &array)?;
                    }
                    _ => body.b.effect(Op::Set(local, value)),
                }
            }
        }
        if node.flag("overridable") {
            body.skip_dispatch = Some(body.op(Op::Param(required as u32 + first)));
        }
        for entry in args {
            if entry.ty("type").is_some_and(super::buffers::is_buffer) {
                body.acquire_argument(node, *entry)?;
            }
        }
        for entry in scope.entries("var_entries") {
            if body.variables.contains_key(&entry.id()) || entry.flag("is_arg") {
                continue;
            }
            if in_scope_object(entry) {
                continue;
            }
            let declared = body.declare(entry, true);
            if let Err(LowerError::Missing(missing)) = declared
                && entry.flag("used")
            {
                return Err(LowerError::Missing(missing));
            }
        }
        let generator = node.node("gbody").is_some();
        if traced {
            body.trace_function(node)?;
        }
        let lowered = match node.node("body") {
            Some(_) if generator => body.make_generator(node),
            Some(statements) => body.stat(statements),
            None => Ok(()),
        };
        lowered?;
        body.finish(error)?;
        let function = body.b.finish();
        if self.m.missing.len() == missing_before {
            self.m.mir.functions[id.0 as usize] = function;
        }
        Ok(())
    }

    // ---------------------------------------------------------------- function objects

    /// `PyCFunctionNode`, `InnerFunctionNode`, `LambdaNode`: the object that `def` binds.
    pub(super) fn lower_function_object(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(def) = node.node("def_node") else {
            return missing_node(node, "without a def");
        };
        if node.flag("is_specialization") || !node.list("specialized_cpdefs").is_empty() {
            return self.fused_function_object(node, def);
        }
        if node.is_a("LambdaNode") {
            self.lower_def(def)?;
        }
        let Some(method) = self.m.method_defs.get(&def.id()).copied() else {
            return missing_node(node, "of a function that is not lowered");
        };
        let method = self.op(Op::GlobalAddr(method));
        let module = self.name(node.text("module_name").unwrap_or_default());
        let scope = if node.flag("needs_closure_code") {
            self.current_scope_object()
        } else {
            self.null_object()
        };
        if !node.flag("binding") {
            return self.rt_object("PyCFunction_NewEx", "poo:O", &[method, scope, module]);
        }
        let flags = self.int(function_flags(def), 32);
        let qualname = self.name(node.text("qualname").unwrap_or_default());
        let dict = self.module_dict();
        let code = self.code_object(def)?;
        let function = self.rt_object(
            "__Pyx_CyFunction_New",
            "piooooo:O",
            &[method, flags, qualname, scope, module, dict, code],
        )?;
        if def.flag("requires_classobj") {
            self.note_class_cell(node, function)?;
        }
        self.set_defaults(node, def, function)?;
        Ok(function)
    }

    /// Sets an attribute of the module.
    pub(super) fn set_global(&mut self, name: &str, value: Value) -> Result<()> {
        let dict = self.module_dict();
        let name = self.name(name);
        self.rt_status("PyDict_SetItem", "ooo:i", &[dict, name, value], NEGATIVE)?;
        Ok(())
    }
}

/// What a function returns when an exception leaves it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum ErrorReturn {
    /// A value.
    Value(Constant),
    /// -1, and the module's object is forgotten: it may be imported again.
    Module,
    /// Nothing: the caller asks whether an exception is set.
    Void,
    /// The exception is printed, and the caller goes on.
    Unraisable,
}

/// The kind of method, as the function object notes it.
pub(super) fn function_flags(def: Node<'_>) -> i128 {
    // __Pyx_CYFUNCTION_STATICMETHOD, _CLASSMETHOD, _CCLASS, _COROUTINE
    let mut flags = 0;
    if def.flag("is_staticmethod") {
        flags |= 1;
    } else if def.flag("is_classmethod") {
        flags |= 2;
    }
    let scope = def
        .scope("local_scope")
        .and_then(|scope| scope.scope("parent_scope"));
    let in_extension_type = scope.is_some_and(|scope| scope.is_a("CClassScope"));
    if in_extension_type
        && !def
            .entry("entry")
            .is_some_and(|entry| entry.flag("is_anonymous"))
    {
        flags |= 4;
    }
    if def.flag("is_coroutine") {
        flags |= 8;
    }
    flags
}

/// Whether this is an inline function of a .pxd file that nothing here uses.
fn unused(node: Node<'_>) -> bool {
    let root = node.tree().root();
    let elsewhere = match (node.position(), root.position()) {
        (Some(at), Some(own)) => at.source != own.source,
        _ => false,
    };
    let entry = node.entry("entry");
    let private = entry.is_some_and(|entry| {
        !entry.flag("used") && matches!(entry.text("visibility"), None | Some("private"))
    });
    let plain = !node.flag("api") && !node.flag("overridable") && !node.flag("is_c_class_method");
    let computed = |arg: &Node<'_>| {
        arg.node("default")
            .is_some_and(|default| !is_literal(default))
    };
    let shared = entry.is_some_and(|entry| entry.flag("defined_in_pxd"));
    elsewhere && private && plain && !shared && !node.nodes("args").iter().any(computed)
}

/// How many arguments of a C function may be left out.
pub(super) fn optional_count(node: Node<'_>) -> usize {
    if node.kind() != "CFuncDefNode" {
        return 0;
    }
    node.ty("type")
        .and_then(|ty| ty.int("optional_arg_count"))
        .unwrap_or(0) as usize
}
