//! The directives `profile` and `linetrace`: calls and returns are told to a profiler.

use frontend_bridge::tree::{Node, Scope, Type as TreeType, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::{Context, missing_node};
use crate::mir::{LocalId, Op, Type, Value};

/// What a function tells of its calls.
#[derive(Clone, Copy)]
pub(super) struct Trace<'t> {
    /// Where it keeps what it told.
    local: LocalId,
    returns: Option<TreeType<'t>>,
    /// The function that makes the generator whose body this is, and the body.
    generator: Option<(Node<'t>, Node<'t>)>,
}

// CYL_TRACE_* of the runtime.
const QUIET: i128 = 1;
const TRACERS: i128 = 2;

impl Context<'_> {
    /// Whether calls of a function of this scope are told.
    pub(super) fn traced(&self, scope: Option<Scope<'_>>) -> bool {
        let on = |name| {
            scope
                .and_then(|scope| scope.directive(name))
                .is_some_and(Attr::truth)
        };
        (self.macros.profile || self.macros.trace) && (on("profile") || on("linetrace"))
    }
}

impl<'t> Body<'_, 't> {
    /// Makes room for what the function tells, before anything can raise.  Functions without the GIL
    /// tell something by a macro only.
    pub(super) fn prepare_trace(&mut self, node: Node<'t>) {
        if !self.gil && !self.m.macros.nogil {
            return;
        }
        let local = self.b.local("trace", Type::Array(Box::new(Type::I64), 2));
        let base = self.op(Op::LocalAddr(local));
        for word in 0..2 {
            let word = self.int(word, 64);
            let address = self.op(Op::Index(base, Type::I64, word));
            let value = self.int(0, 64);
            self.b.effect(Op::Store { address, value });
        }
        let returns = node.ty("return_type");
        self.trace = Some(Trace {
            local,
            returns,
            generator: None,
        });
    }

    /// A generator's body tells each of its resumptions as a call.
    pub(super) fn start_generator_trace(&mut self, def: Node<'t>, node: Node<'t>) -> Result<()> {
        // Set up anew by every start, and so nothing that lives across a suspension.
        let local = self.b.scratch("trace", Type::Array(Box::new(Type::I64), 2));
        self.trace = Some(Trace {
            local,
            returns: None,
            generator: Some((def, node)),
        });
        self.resume_generator_trace()
    }

    /// Tells that a generator goes on.
    pub(super) fn resume_generator_trace(&mut self) -> Result<()> {
        match self.trace.and_then(|trace| trace.generator) {
            Some((def, node)) => {
                let name = node.entry("entry").and_then(|entry| entry.text("name"));
                let name = name.unwrap_or_default().to_owned();
                self.start_trace(def, &name, false)
            }
            None => Ok(()),
        }
    }

    /// Tells that a generator hands a value out.
    pub(super) fn suspend_generator_trace(&mut self, value: Value) -> Result<()> {
        if let Some(trace) = self.trace.filter(|trace| trace.generator.is_some()) {
            let trace = self.op(Op::LocalAddr(trace.local));
            self.rt_void("cyl_trace_return", "po:v", &[trace, value])?;
            self.end_trace()?;
        }
        Ok(())
    }

    /// Tells that a generator ends: by None, as an exception does too.
    pub(super) fn end_generator(&mut self) -> Result<()> {
        if let Some(trace) = self.trace {
            let trace = self.op(Op::LocalAddr(trace.local));
            let none = self.none();
            self.rt_void("cyl_trace_return", "po:v", &[trace, none])?;
        }
        Ok(())
    }

    /// Tells that a call of a function starts.
    pub(super) fn trace_function(&mut self, node: Node<'t>) -> Result<()> {
        let entry = node.entry("entry");
        let mut name = entry
            .and_then(|entry| entry.text("qualified_name")?.rsplit('.').next())
            .unwrap_or_default()
            .to_owned();
        if node.flag("is_wrapper") {
            name.push_str(" (wrapper)");
        }
        self.start_trace(node, &name, node.node("py_func").is_some())
    }

    /// Tells that a call starts.  `quiet`: unless the caller has asked for an override already.
    pub(super) fn start_trace(&mut self, node: Node<'t>, name: &str, quiet: bool) -> Result<()> {
        let Some(trace) = self.trace else {
            return Ok(());
        };
        if self.m.macros.trace && self.directive_on("linetrace") && !self.m.lines_known() {
            return missing_node(node, "linetrace");
        }
        let trace = self.op(Op::LocalAddr(trace.local));
        let code = self.code_object(node)?;
        let place = self.m.variable("trace.code", Type::Ptr);
        let place = self.op(Op::GlobalAddr(place));
        let dict = self.module_dict();
        let position = node.position();
        let source = position.map_or(0, |at| at.source) as usize;
        let file = self.m.tree.sources().get(source).cloned();
        let file = self.text(&file.unwrap_or_default());
        let name = self.text(name);
        let line = self.int(position.map_or(0, |at| at.line).into(), 32);
        let tracers = i128::from(self.m.macros.trace) * TRACERS;
        let mut how = self.int(tracers, 32);
        if let Some(skip) = self.skip_dispatch.filter(|_| quiet) {
            let skip = self.truth(skip)?;
            let silent = self.int(tracers | QUIET, 32);
            how = self.op(Op::Select(skip, silent, how));
        }
        let args = [trace, code, place, dict, name, file, line, how];
        if self.gil {
            self.rt_status("cyl_trace_start", "popoppii:i", &args, NEGATIVE)?;
            return Ok(());
        }
        let mut status = None;
        self.with_gil(|body| {
            status = body.rt_raw("cyl_trace_start", "popoppii:i", &args)?;
            Ok(())
        })?;
        match status {
            Some(status) => self.checked(status, NEGATIVE).map(drop),
            None => self.defect("'cyl_trace_start' has no result"),
        }
    }

    /// What an exception or a return without the lock is told with, where that is told at all.
    fn told(&self) -> Option<Trace<'t>> {
        self.trace.filter(|_| self.gil || self.m.macros.nogil)
    }

    /// Where the function keeps what it tells.
    pub(super) fn traces_into(&self) -> Option<LocalId> {
        self.trace.map(|trace| trace.local).or(self.region_trace)
    }

    /// A parallel region tells of its lines, as a part of a function, with what that has: a copy of it.
    pub(super) fn region_tells_lines(&mut self, trace: Value) {
        let local = self.b.local("trace", Type::Array(Box::new(Type::I64), 2));
        let to = self.op(Op::LocalAddr(local));
        for word in 0..2 {
            let word = self.int(word, 64);
            let from = self.op(Op::Index(trace, Type::I64, word));
            let value = self.op(Op::Load(Type::I64, from));
            let address = self.op(Op::Index(to, Type::I64, word));
            self.b.effect(Op::Store { address, value });
        }
        self.region_trace = Some(local);
    }

    /// Tells that the call returns what the function's result is now.
    pub(super) fn trace_return(&mut self) -> Result<()> {
        let Some(Trace {
            local, returns: ty, ..
        }) = self.told()
        else {
            return Ok(());
        };
        let trace = self.op(Op::LocalAddr(local));
        if self.gil {
            return self.tell_return(trace, ty);
        }
        // Most calls need no lock for it.
        let active = self.rt_value("cyl_trace_active", "p:i", &[trace])?;
        let active = self.truth(active)?;
        self.if_unlikely(active, |body| {
            body.with_lock(true, true, |body| body.tell_return(trace, ty))
        })
    }

    fn tell_return(&mut self, trace: Value, ty: Option<TreeType<'t>>) -> Result<()> {
        let wanted = self.rt_value("cyl_trace_wanted", "p:i", &[trace])?;
        let wanted = self.truth(wanted)?;
        self.if_unlikely(wanted, |body| {
            let value = match body.returned {
                Some(local) => {
                    let value = body.op(Op::Get(local));
                    match ty {
                        _ if *body.b.ty(value) == Type::Object => value,
                        Some(ty)
                            if !ty.flag("is_string") && ty.text("to_py_function").is_some() =>
                        {
                            body.to_python(value, ty)?
                        }
                        _ => body.none(),
                    }
                }
                None => body.none(),
            };
            body.rt_void("cyl_trace_return", "po:v", &[trace, value])?;
            body.release(value);
            Ok(())
        })
    }

    /// Tells that the call ends by an exception.
    pub(super) fn trace_failure(&mut self) -> Result<()> {
        match self.told() {
            Some(trace) => self.with_gil(|body| {
                let trace = body.op(Op::LocalAddr(trace.local));
                let null = body.null_object();
                body.rt_void("cyl_trace_return", "po:v", &[trace, null])
            }),
            None => Ok(()),
        }
    }

    /// Gives back what the profiler saw.
    pub(super) fn end_trace(&mut self) -> Result<()> {
        let Some(trace) = self.trace else {
            return Ok(());
        };
        let trace = self.op(Op::LocalAddr(trace.local));
        if self.gil {
            return self.rt_void("cyl_trace_end", "p:v", &[trace]);
        }
        let kept = self.rt_value("cyl_trace_active", "p:i", &[trace])?;
        let kept = self.truth(kept)?;
        self.if_unlikely(kept, |body| {
            body.with_gil(|body| body.rt_void("cyl_trace_end", "p:v", &[trace]))
        })
    }
}
