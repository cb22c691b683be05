//! Generators: the function that makes one, and its body.
//!
//! The body is lowered like any function; `yield` is a suspension, which a pass takes out later.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::cleanup::Handler;
use super::closures::ScopeObject;
use super::context::{Context, missing_node};
use crate::mir::{
    BlockId, Comparison, Function, Linkage, Op, Raises, Signature, Terminator, Type, Value,
};

/// What a generator's body gets: the generator, the thread's state, the value sent.
const GENERATOR_PARAM: u32 = 0;
const SENT_PARAM: u32 = 2;

impl<'t> Context<'t> {
    /// Declares a generator's body.
    pub fn declare_generator_body(&mut self, node: Node<'t>) -> Result<()> {
        let Some(entry) = node.entry("entry") else {
            return Ok(());
        };
        let name = entry.text("func_cname").unwrap_or("generator").to_owned();
        let signature = Signature::new([Type::Ptr, Type::Ptr, Type::Object], Type::Object);
        let mut function = Function::new(&name, Linkage::Internal, signature);
        function.source = node.position().map(|at| (at.source, at.line));
        let id = self.mir.add_function(function);
        self.def_functions.insert(node.id(), id);
        Ok(())
    }

    /// Whether StopIteration must not leave a generator's body.
    fn replaces_stop_iteration(&self) -> bool {
        self.tree.root().flag("generator_stop")
    }
}

impl<'t> Body<'_, 't> {
    /// The body of the function that makes a generator.
    pub(super) fn make_generator(&mut self, node: Node<'t>) -> Result<()> {
        let body = node.child("gbody")?;
        let Some(id) = self.m.def_functions.get(&body.id()).copied() else {
            return missing_node(node, "without a body");
        };
        let make = match node.text("gen_type_name") {
            Some("Generator") => "cyl_generator_new",
            Some("Coroutine") => "cyl_coroutine_new",
            Some("AsyncGen") => "cyl_async_generator_new",
            Some("IterableCoroutine") => "cyl_iterable_coroutine_new",
            _ => return missing_node(node, "of this kind"),
        };
        let address = self.function_address(id);
        let code = self.code_object(node)?;
        let scope = self.current_scope_object();
        let name = self.name(node.text("name").unwrap_or_default());
        let qualname = self.name(node.text("qualname").unwrap_or_default());
        let module = self.name(node.text("module_name").unwrap_or_default());
        let made = self.rt_object(
            make,
            "pooooo:O",
            &[address, code, scope, name, qualname, module],
        )?;
        if node.flag("requires_classobj") {
            let function = self.op(Op::Param(0));
            self.rt_void("cyl_generator_class", "oo:v", &[made, function])?;
        }
        let Some(local) = self.returned else {
            return self.defect("a generator without a result");
        };
        self.forget_temp(made);
        self.b.effect(Op::Set(local, made));
        self.b.jump(self.return_block);
        Ok(())
    }

    /// Lowers the body of a generator; `def` is the function that makes it.
    pub(super) fn lower_generator_body(&mut self, def: Node<'t>, node: Node<'t>) -> Result<()> {
        let (Some(scope), Some(id)) = (
            node.scope("local_scope"),
            self.m.def_functions.get(&node.id()).copied(),
        ) else {
            return missing_node(node, "without a scope");
        };
        let Some(class) = scope.entry("scope_class") else {
            return missing_node(node, "without a scope object");
        };
        let mut declared = self.m.mir.functions[id.0 as usize].clone();
        declared.frame = Some(self.m.closure(class)?.frame);
        let name = node
            .entry("entry")
            .and_then(|entry| entry.text("qualified_name"));
        let name = name
            .or_else(|| def.text("name"))
            .unwrap_or("generator")
            .to_owned();
        let missing_before = self.m.missing.len();
        let mut body = Body::new(&mut *self.m, declared, &name);
        body.tells_lines_of(node);
        body.at(node);
        body.directives.push(scope.map("directives"));
        body.choose_float_math();
        body.scope_object = Some((ScopeObject::Frame, class.id()));
        if body.m.traced(Some(scope)) {
            body.start_generator_trace(def, node)?;
        }
        body.first_run(node)?;
        if let Some(ty) = node.ty("inlined_comprehension_type") {
            body.start_inlined_comprehension(node, ty)?;
        }
        body.stat(node.child("body")?)?;
        body.finish_generator(node)?;
        let function = body.b.finish();
        if self.m.missing.len() == missing_before {
            self.m.mir.functions[id.0 as usize] = function;
        }
        Ok(())
    }

    /// Nothing but None may be sent to a generator that has not begun.
    fn first_run(&mut self, node: Node<'t>) -> Result<()> {
        let sent = self.op(Op::Param(SENT_PARAM));
        if node.flag("is_inlined") {
            self.checked(sent, Raises::Null)?;
            return Ok(());
        }
        let none = self.none();
        let other = self.op(Op::Compare(Comparison::Ne, sent, none));
        let kind = match (
            node.flag("is_async_gen_body"),
            node.flag("is_coroutine_body"),
        ) {
            (true, _) => "async generator",
            (_, true) => "coroutine",
            _ => "generator",
        };
        self.if_unlikely(other, |body| {
            let kind = body.text(kind);
            let sent = body.op(Op::Param(SENT_PARAM));
            body.rt_void("cyl_generator_not_started", "op:v", &[sent, kind])?;
            body.raise_now();
            Ok(())
        })
    }

    /// Ends a generator's body: what it returns, or the exception that leaves it.
    fn finish_generator(&mut self, node: Node<'t>) -> Result<()> {
        let Some(result) = self.returned else {
            return self.defect("a generator without a result");
        };
        if !self.b.ended() {
            self.end_generator()?;
        }
        if !self.b.ended() && !node.flag("is_inlined") {
            let none = self.none();
            let none = self.op(Op::IncRef(none));
            self.replace(result, none);
        }
        self.b.jump(self.return_block);
        let failed = self.error_block();
        self.b.switch_to(failed);
        self.b.line = 0;
        self.handlers = vec![Handler {
            block: failed,
            depth: 0,
        }];
        let line = self.op(Op::Get(self.line));
        let replace = self.int(i128::from(self.m.replaces_stop_iteration()), 32);
        let in_async = self.int(i128::from(node.flag("is_async_gen_body")), 32);
        let raised = self.rt_value("cyl_generator_failed", "ii:i", &[replace, in_async])?;
        let raised = self.truth(raised)?;
        self.if_else(
            raised,
            |body| {
                body.add_traceback(line)?;
                body.end_generator()
            },
            |_| Ok(()),
        )?;
        let old = self.op(Op::Take(result));
        self.b.effect(Op::XDecRef(old));
        self.b.jump(self.return_block);
        self.b.switch_to(self.return_block);
        self.end_trace()?;
        let mut owned = self.owned_locals.clone();
        owned.sort_unstable();
        for local in owned {
            let value = self.op(Op::Take(local));
            self.b.effect(Op::XDecRef(value));
        }
        let value = self.op(Op::Take(result));
        let generator = self.op(Op::Param(GENERATOR_PARAM));
        self.rt_void("cyl_generator_finish", "p:v", &[generator])?;
        self.b.end(Terminator::Return(Some(value)));
        Ok(())
    }

    // ---------------------------------------------------------------- yield

    /// Hands a value out, and goes on when the generator is resumed; what was sent, or null with an
    /// exception or without.
    fn suspend(&mut self, value: Value) -> Result<Value> {
        self.suspend_generator_trace(value)?;
        let value = self.give(value);
        let resume = self.b.block();
        let handling = self.handled.is_some();
        self.b.end(Terminator::Suspend {
            value,
            resume,
            handling,
        });
        self.b.switch_to(resume);
        self.resume_generator_trace()?;
        Ok(self.op(Op::Param(SENT_PARAM)))
    }

    /// `YieldExprNode`.
    pub(super) fn lower_yield(&mut self, node: Node<'t>) -> Result<Value> {
        if self.b.function.frame.is_none() {
            return missing_node(node, "outside of a generator");
        }
        let mut value = match node.node("arg") {
            Some(arg) => self.expr(arg)?,
            None => self.none(),
        };
        self.at(node);
        if node.flag("in_async_gen") && !node.flag("is_await") {
            let given = self.give(value);
            value = self.rt_value("__Pyx__PyAsyncGenValueWrapperNew", "O:O", &[given])?;
        }
        let sent = self.suspend(value)?;
        let sent = self.checked(sent, Raises::Null)?;
        if node
            .attr("result_is_used")
            .is_some_and(|used| !used.truth())
        {
            return Ok(self.none());
        }
        Ok(self.owned(sent))
    }

    /// `YieldFromExprNode` and `AwaitExprNode`.
    pub(super) fn lower_delegation(&mut self, node: Node<'t>) -> Result<Value> {
        let source = self.expr(node.child("arg")?)?;
        self.at(node);
        self.delegate(node, source, None)
    }

    /// Hands out what another generator or awaitable gives, until its result, which is owned.  Takes
    /// the source over.  Goes to `end`, where one is given, when an asynchronous iteration ends.
    pub(super) fn delegate(
        &mut self,
        node: Node<'t>,
        source: Value,
        end: Option<BlockId>,
    ) -> Result<Value> {
        if self.b.function.frame.is_none() {
            return missing_node(node, "outside of a generator");
        }
        let function = if node.flag("is_await") {
            "cyl_coroutine_yield_from"
        } else {
            "cyl_generator_yield_from"
        };
        let generator = self.op(Op::Param(GENERATOR_PARAM));
        let first = match self.rt_raw(function, "po:O", &[generator, source])? {
            Some(first) => first,
            None => return self.defect("delegation"),
        };
        // The source goes before the exception is looked for.
        self.release(source);
        let first = self.checked_iteration(first, end)?;
        let first = self.hold(first);
        let generator = self.op(Op::Param(GENERATOR_PARAM));
        let more = self.rt_value("cyl_generator_delegates", "p:i", &[generator])?;
        let more = self.truth(more)?;
        let result = self.b.local("delegated", Type::Object);
        let (yields, ends, after) = (self.b.block(), self.b.block(), self.b.block());
        self.b.branch(more, yields, ends);
        let temps = self.temps.clone();
        self.b.switch_to(yields);
        let sent = self.suspend(first)?;
        let sent = self.checked_iteration(sent, end)?;
        let sent = self.op(Op::IncRef(sent));
        self.b.effect(Op::Set(result, sent));
        self.b.jump(after);
        self.temps = temps;
        self.b.switch_to(ends);
        let first = self.give(first);
        self.b.effect(Op::Set(result, first));
        self.b.jump(after);
        self.b.switch_to(after);
        let value = self.op(Op::Take(result));
        Ok(self.hold(value))
    }

    /// The exception edge of a value; the end of an asynchronous iteration goes elsewhere.
    fn checked_iteration(&mut self, value: Value, end: Option<BlockId>) -> Result<Value> {
        let (ok, failed) = (self.b.block(), self.b.cold_block());
        let error = if end.is_some() {
            failed
        } else {
            self.error_edge()
        };
        self.b.end(Terminator::Check {
            value: Some(value),
            raises: Raises::Null,
            ok,
            error,
        });
        if let Some(end) = end {
            self.b.switch_to(failed);
            let ended = self.rt_value("cyl_async_iteration_ended", ":i", &[])?;
            let ended = self.truth(ended)?;
            let error = self.error_edge();
            self.b.branch(ended, end, error);
        }
        self.b.switch_to(ok);
        Ok(value)
    }

    /// `GeneratorExpressionNode`: calls the function that makes the generator.
    pub(super) fn lower_generator_expression(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(def) = node.node("def_node") else {
            return missing_node(node, "without a def");
        };
        self.lower_def(def)?;
        let Some(id) = self.m.def_functions.get(&def.id()).copied() else {
            return missing_node(node, "of a function that is not lowered");
        };
        let mut values = Vec::new();
        for parameter in node.nodes("call_parameters") {
            values.push(self.expr(parameter)?);
        }
        self.at(node);
        let scope = if node.flag("needs_closure_code") {
            self.current_scope_object()
        } else {
            self.null_object()
        };
        let mut args = vec![scope];
        args.extend(values.iter().copied());
        let callee = crate::mir::Callee::Function(id);
        let wanted = self.m.mir.functions[id.0 as usize].signature.params.clone();
        let fits = wanted.len() == args.len()
            && wanted
                .iter()
                .zip(&args)
                .all(|(param, arg)| param.ty == *self.b.ty(*arg));
        if !fits {
            return missing_node(node, "over an array by value");
        }
        let Some(made) = self.b.call(&self.m.mir, callee, args) else {
            return self.defect("a generator expression without a result");
        };
        let made = self.checked(made, Raises::Null)?;
        self.release_under(made, &values);
        Ok(made)
    }

    /// `InlinedGeneratorExpressionNode`: a generator that only ever computes one value.
    pub(super) fn lower_inlined_generator(&mut self, node: Node<'t>) -> Result<Value> {
        let generator = self.expr(node.child("gen")?)?;
        self.at(node);
        let result = self.rt_object("__Pyx_Generator_GetInlinedResult", "o:O", &[generator])?;
        self.release(generator);
        Ok(result)
    }

    /// The container that an inlined generator expression fills and returns.
    fn start_inlined_comprehension(&mut self, node: Node<'t>, ty: TreeType<'t>) -> Result<()> {
        let made = if ty.flag("is_pylist_type") {
            let zero = self.int(0, 64);
            self.rt_object("PyList_New", "l:O", &[zero])?
        } else if ty.flag("is_pyset_type") {
            let null = self.null_object();
            self.rt_object("PySet_New", "o:O", &[null])?
        } else if ty.flag("is_pydict_type") {
            self.rt_object("PyDict_New", ":O", &[])?
        } else {
            return missing_node(node, "of a comprehension of this type");
        };
        let Some(result) = self.returned else {
            return self.defect("a generator without a result");
        };
        let made = self.give(made);
        self.b.effect(Op::Set(result, made));
        let borrowed = self.op(Op::Get(result));
        // The nodes that fill it refer to it by a node of the generator expression.  One that is the
        // first source of another is a parameter there, so that the way from here is not known; but each
        // body fills one container.
        let targets = self.m.tree.nodes().filter_map(|other| {
            let inlined = other.kind() == "InlinedGeneratorExpressionNode";
            other.node("target").filter(|_| inlined)
        });
        self.results
            .extend(targets.map(|target| (target.id(), borrowed)));
        Ok(())
    }

    /// The class that a generator method belongs to; an exception where there is none yet.
    pub(super) fn generator_class(&mut self, node: Node<'t>) -> Result<Value> {
        if self.b.function.frame.is_none() {
            return missing_node(node, "outside of a generator");
        }
        let generator = self.op(Op::Param(GENERATOR_PARAM));
        self.rt_object("cyl_generator_class_of", "p:o", &[generator])
    }
}
