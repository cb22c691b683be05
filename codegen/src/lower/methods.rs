//! Wrappers of `def` functions by their signature or their slot's, and what methods of extension types
//! have of their own.

use frontend_bridge::tree::{Helper, Node, Scope};

use super::Result;
use super::body::Body;
use super::cleanup::Handler;
use super::context::missing_node;
use super::functions::ErrorReturn;
use super::memview::is_slice;
use super::types;
use crate::mir::{
    Callee, Comparison, Constant, FuncId, Function, Linkage, Op, Raises, Signature, Type, Value,
};

/// METH_* flags.
const VARARGS_KEYWORDS: i128 = 0x01 | 0x02;
const FASTCALL_KEYWORDS: i128 = 0x80 | 0x02;
const NOARGS: i128 = 0x04;
const ONE_ARG: i128 = 0x08;

/// Offsets in PyTupleObject.
const TUPLE_SIZE: i128 = 16;
const TUPLE_ITEMS: i128 = 24;

/// Offset of `obj` in Py_buffer.
const BUFFER_OBJECT: i128 = 8;

/// The flags of a method with a signature; nothing where it is none that Python code calls.
pub(super) fn method_flags(signature: Helper<'_>) -> Option<i128> {
    if signature.text("ret_format") != Some("O") {
        return None;
    }
    let fixed = signature.text("fixed_arg_format").unwrap_or_default();
    let own = if signature.flag("has_dummy_arg") {
        format!("O{fixed}")
    } else {
        fixed.to_owned()
    };
    let generic = signature.flag("has_generic_args");
    let many = if signature.int("use_fastcall").unwrap_or(0) > 0 {
        FASTCALL_KEYWORDS
    } else {
        VARARGS_KEYWORDS
    };
    match own.as_str() {
        "O" | "T" if generic => Some(many),
        "O" | "T" => Some(NOARGS),
        "OO" | "TO" if !generic => Some(ONE_ARG),
        _ if signature.flag("is_staticmethod") => Some(many),
        _ => None,
    }
}

/// The signature of a `def` function, by which its wrapper is called.
pub(super) fn signature_of(def: Node<'_>) -> Option<Helper<'_>> {
    def.node("py_wrapper")
        .and_then(|wrapper| wrapper.helper("signature"))
        .or_else(|| {
            def.entry("entry")
                .and_then(|entry| entry.helper("signature"))
        })
}

/// Whether a function's first parameter is the function object or module, not an argument.
pub(super) fn has_own_object(def: Node<'_>) -> bool {
    signature_of(def).is_none_or(|signature| signature.flag("has_dummy_arg"))
}

/// The scope that a `def` or C function stands in.
pub(super) fn home<'t>(node: Node<'t>) -> Option<Scope<'t>> {
    let scope = node.scope("local_scope")?;
    scope
        .scope("parent_scope")
        .or_else(|| scope.scope("outer_scope"))
}

/// Whether a function is a method of an extension type or an accessor of a property of one.
pub(super) fn in_extension_type(node: Node<'_>) -> bool {
    home(node).is_some_and(|scope| scope.is_a("CClassScope") || scope.is_a("PropertyScope"))
}

impl<'t> Body<'_, 't> {
    /// What a function with a C result returns where an exception leaves it.
    pub(super) fn special_error(&mut self, def: Node<'t>, result: &Type) -> Result<ErrorReturn> {
        if *result == Type::Object {
            return Ok(ErrorReturn::Value(Constant::Null(Type::Object)));
        }
        let value = signature_of(def).and_then(|signature| signature.text("error_value"));
        Ok(match (value, result) {
            (Some("-1"), Type::Int(bits)) => ErrorReturn::Value(Constant::Int(-1, *bits)),
            (None, _) => ErrorReturn::Unraisable,
            _ => return missing_node(def, "with this error value"),
        })
    }

    /// The wrapper of a `def` function, which Python code or a slot calls.
    pub(super) fn lower_def_wrapper(
        &mut self,
        def: Node<'t>,
        wrapper: Node<'t>,
        target: FuncId,
    ) -> Result<()> {
        let (Some(entry), Some(signature)) = (def.entry("entry"), signature_of(def)) else {
            return missing_node(def, "without a signature");
        };
        if wrapper.attr("np_args").is_some_and(|args| args.truth()) {
            return missing_node(def, "with these arguments");
        }
        let fixed = signature.text("fixed_arg_format").unwrap_or_default().len();
        let generic = signature.flag("has_generic_args");
        let own = signature.flag("has_dummy_arg");
        let in_star = def.flag("self_in_stararg");
        let mut flags = method_flags(signature);
        let mut fast = signature.int("use_fastcall").unwrap_or(0) > 0;
        // Cython calls specialisations with a tuple; our objects for them do not.
        let specialised = entry.flag("is_fused_specialized") || def.node("fused_py_func").is_some();
        if specialised && generic && flags == Some(VARARGS_KEYWORDS) {
            (fast, flags) = (true, Some(FASTCALL_KEYWORDS));
        }
        let args = def.nodes("args");
        let mut params = Vec::new();
        if own || in_star {
            params.push(Type::Object);
        }
        let mut optional = Vec::new();
        for arg in args.iter().filter(|arg| !arg.flag("is_generic")) {
            let plain = arg.flag("is_self_arg") || arg.flag("is_type_arg");
            params.push(match arg.ty("hdr_type") {
                Some(header) if !plain => self.c_type(header)?,
                _ => Type::Object,
            });
        }
        if entry.flag("is_special") && !generic {
            for index in args.len()..fixed {
                optional.push((params.len() as u32, index));
                params.push(Type::Object);
            }
        }
        let first_generic = params.len() as u32;
        if generic && fast {
            params.extend([Type::Ptr, Type::I64, Type::Object]);
        } else if generic {
            params.extend([Type::Object, Type::Object]);
        } else if flags == Some(NOARGS) {
            params.push(Type::Object);
        }
        let result = match def.ty("return_type") {
            Some(ty) => self.c_type(ty)?,
            None => Type::Object,
        };
        let name = entry.text("func_cname").unwrap_or("wrapper").to_owned();
        let mut function = Function::new(
            &name,
            Linkage::Internal,
            Signature::new(params, result.clone()),
        );
        function.source = def.position().map(|at| (at.source, at.line));
        let qualified = entry.text("qualified_name").unwrap_or("method").to_owned();
        let error = self.special_error(def, &result)?;
        let mut body = Body::new(&mut *self.m, function, &qualified);
        body.at(def);
        let mut next = 0;
        let mut take = |body: &mut Body<'_, 't>| {
            let value = body.op(Op::Param(next));
            next += 1;
            value
        };
        let mut values = Vec::new();
        let mut first = None;
        if own || in_star {
            let value = take(&mut body);
            if own {
                values.push(value);
            }
            first = Some(value).filter(|_| in_star && !def.flag("is_staticmethod"));
        }
        for arg in args.iter().filter(|arg| !arg.flag("is_generic")) {
            let value = take(&mut body);
            body.at(*arg);
            values.push(body.fixed_argument(*arg, value)?);
        }
        body.at(def);
        let is_buffer = entry.text("name") == Some("__getbuffer__") && entry.flag("is_special");
        let buffer_object = is_buffer.then(|| has_object(args.last().copied()));
        // A wrapper is no frame of its own. What it says of the number and names of arguments has a
        // line, though, if there are others than `*args` and `**kwargs`.
        let untraced = body.b.cold_block();
        body.untraced = Some(untraced);
        let handler = Handler {
            block: untraced,
            depth: 0,
        };
        let plain = |arg: &Node<'t>| arg.flag("is_self_arg") || arg.flag("is_type_arg");
        if args.len() <= 1 && args.iter().all(plain) {
            body.handlers.push(handler);
        }
        if generic {
            let rest: Vec<_> = args
                .iter()
                .copied()
                .filter(|arg| arg.flag("is_generic"))
                .collect();
            let call = body.call_arguments(first_generic, fast);
            let star = def.node("star_arg").is_some() || def.node("starstar_arg").is_some();
            if rest.is_empty() && !star {
                body.no_arguments(def, call)?;
            } else {
                let stars = usize::from(def.node("starstar_arg").is_some()) + 1;
                let whole = !fast
                    && first.is_none()
                    && def.node("star_arg").is_some()
                    && rest.iter().all(|arg| arg.flag("kw_only"));
                let tuple = whole.then(|| body.op(Op::Param(first_generic)));
                values.extend(body.read_arguments_of(def, wrapper, &rest, call, tuple)?);
                if let Some(first) = first {
                    let at = values.len() - stars;
                    values[at] =
                        body.rt_object("cyl_tuple_with_first", "oo:O", &[first, values[at]])?;
                }
            }
        }
        let offset = usize::from(own);
        body.handlers.truncate(1);
        body.handlers.push(handler);
        for (arg, value) in args.iter().zip(values[offset..].to_vec()) {
            if is_slice(*arg) && arg.flag("not_none") {
                body.at(*arg);
                body.slice_not_none(*arg, value)?;
            } else if !arg.flag("is_self_arg") && !arg.flag("is_type_arg") {
                body.method_argument_test(*arg, value)?;
            }
        }
        for (param, index) in optional.into_iter().rev() {
            body.unused_argument(param, index, fixed, &qualified)?;
        }
        body.handlers.pop();
        if let Some(has_object) = buffer_object {
            body.start_buffer(values[1], has_object)?;
        }
        let mut made = body
            .b
            .call(&body.m.mir, Callee::Function(target), values.clone());
        if entry.text("name") == Some("__hash__")
            && entry.flag("is_special")
            && let Some(hash) = made
        {
            made = Some(body.rt_value("cyl_mend_hash", "l:l", &[hash])?);
        }
        if let Some(has_object) = buffer_object {
            body.end_buffer(values[1], made, has_object)?;
        }
        // Objects first, then slices, each in the order of the arguments: releasing them may run code.
        let (objects, slices): (Vec<_>, Vec<_>) = body
            .temps
            .iter()
            .filter(|temp| Some(**temp) != made)
            .partition(|temp| *body.b.ty(**temp) == Type::Object);
        for temp in objects.into_iter().chain(slices) {
            body.release(temp);
        }
        if let (Some(made), Some(local)) = (made, body.returned) {
            // An error passes through: the function has added its own frame to the traceback.
            body.b.effect(Op::Set(local, made));
        }
        body.b.jump(body.return_block);
        body.finish(error)?;
        let function = body.b.finish();
        let id = self.m.define_wrapper(entry, function);
        if let Some(flags) = flags {
            let method = self.method_def(def, id, flags)?;
            self.m.method_defs.insert(def.id(), method);
        }
        Ok(())
    }

    /// A positional argument of a slot's signature as its declared type.
    fn fixed_argument(&mut self, arg: Node<'t>, value: Value) -> Result<Value> {
        let Some(header) = arg.ty("hdr_type").filter(|_| arg.flag("needs_conversion")) else {
            return Ok(value);
        };
        let ty = arg.expr_type()?;
        if header.flag("is_pyobject") {
            if ty.flag("is_pyobject") {
                return Ok(value);
            }
            if arg.node("default").is_some() {
                return missing_node(arg, "with a default in a special method");
            }
            if is_slice(arg) {
                return self.slice_from_object(value, ty);
            }
            return self.from_python(value, ty);
        }
        if ty.flag("is_pyobject") {
            return self.to_python(value, header);
        }
        self.convert_number(value, header, ty)
    }

    /// Where a call's arguments are: (address, count, names).
    fn call_arguments(&mut self, first: u32, fast: bool) -> [Value; 3] {
        if fast {
            return [first, first + 1, first + 2].map(|param| self.op(Op::Param(param)));
        }
        let tuple = self.op(Op::Param(first));
        let names = self.op(Op::Param(first + 1));
        let at = self.int(TUPLE_ITEMS, 64);
        let vector = self.op(Op::Index(tuple, Type::Int(8), at));
        let at = self.int(TUPLE_SIZE, 64);
        let count = self.op(Op::Index(tuple, Type::Int(8), at));
        let count = self.op(Op::Load(Type::I64, count));
        [vector, count, names]
    }

    /// Raises TypeError where a function without parameters is given arguments.
    fn no_arguments(&mut self, def: Node<'t>, [_, count, names]: [Value; 3]) -> Result<()> {
        let name = self.text(super::arguments::function_name(def));
        self.rt_status(
            "cyl_no_arguments",
            "plo:i",
            &[name, count, names],
            Raises::Negative,
        )?;
        Ok(())
    }

    pub(super) fn method_argument_test(&mut self, arg: Node<'t>, value: Value) -> Result<()> {
        if *self.b.ty(value) != Type::Object {
            return Ok(());
        }
        let ty = arg.expr_type()?;
        if arg.flag("needs_type_test") {
            let class = self.type_object(ty)?;
            let allow = self.int(i128::from(arg.flag("accept_none")), 32);
            let name = self.text(arg.text("name").unwrap_or_default());
            let exact = match (
                ty.flag("is_builtin_type") && ty.flag("require_exact"),
                arg.flag("type_from_annotation"),
            ) {
                (true, true) => 2,
                (true, false) => 1,
                _ => 0,
            };
            let exact = self.int(exact, 32);
            let args = [value, class, allow, name, exact];
            let status = self.rt_value("__Pyx_ArgTypeTest", "ooipi:i", &args)?;
            self.checked(status, Raises::Zero)?;
        } else if !arg.flag("accept_none") {
            let none = self.none();
            let is_none = self.op(Op::Compare(Comparison::Eq, value, none));
            let message = format!(
                "Argument '{}' must not be None",
                arg.text("name").unwrap_or_default()
            );
            self.if_unlikely(is_none, |body| {
                body.raise_builtin("PyExc_TypeError", &message)
            })?;
        }
        Ok(())
    }

    /// An argument of the slot that the method does not have must be None.
    fn unused_argument(
        &mut self,
        param: u32,
        index: usize,
        count: usize,
        name: &str,
    ) -> Result<()> {
        let value = self.op(Op::Param(param));
        let none = self.none();
        let given = self.op(Op::Compare(Comparison::Ne, value, none));
        let message = format!("{name}() takes {count} arguments but {index} were given");
        self.if_unlikely(given, |body| {
            body.raise_builtin("PyExc_TypeError", &message)
        })
    }

    /// `__getbuffer__`: the view's object is None while the method runs; null where `has_object` says
    /// that the source declares `Py_buffer` itself and without one.
    fn start_buffer(&mut self, view: Value, has_object: bool) -> Result<()> {
        let absent = self.is_null(view);
        self.if_unlikely(absent, |body| {
            let text = "PyObject_GetBuffer: view==NULL argument is obsolete";
            body.raise_builtin("PyExc_BufferError", text)
        })?;
        let at = self.int(BUFFER_OBJECT, 64);
        let place = self.op(Op::Index(view, Type::Int(8), at));
        let value = if has_object {
            let none = self.none();
            self.op(Op::IncRef(none))
        } else {
            self.null_object()
        };
        self.b.effect(Op::Store {
            address: place,
            value,
        });
        Ok(())
    }

    /// After an error, or where the method left it None, the view has no object.
    fn end_buffer(&mut self, view: Value, status: Option<Value>, has_object: bool) -> Result<()> {
        if let Some(status) = status {
            let has_object = self.int(i128::from(has_object), 32);
            self.rt_void("cyl_end_buffer", "pii:v", &[view, status, has_object])?;
        }
        Ok(())
    }
}

/// Whether a `Py_buffer *` argument's struct has an object `obj`: the source may declare another.
fn has_object(arg: Option<Node<'_>>) -> bool {
    arg.and_then(|arg| arg.ty("type"))
        .and_then(|pointer| types::resolve(pointer).ty("base_type"))
        .and_then(|buffer| types::resolve(buffer).scope("scope"))
        .and_then(|scope| {
            let mut fields = scope.entries("var_entries").into_iter();
            fields.find(|field| field.text("name") == Some("obj"))
        })
        .and_then(|field| field.ty("type"))
        .is_some_and(|ty| ty.flag("is_pyobject"))
}
