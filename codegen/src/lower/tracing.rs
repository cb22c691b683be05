//! The directives `profile` and `linetrace`: calls and returns are told to a profiler.

use frontend_bridge::tree::{Node, Scope, Type as TreeType, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use crate::mir::{LocalId, Op, Type};

/// What a function tells of its calls.
#[derive(Clone, Copy)]
pub(super) struct Trace<'t> {
    /// Where it keeps what it told.
    local: LocalId,
    returns: Option<TreeType<'t>>,
}

/// Whether calls of a function of this scope are told.
pub(super) fn traced(scope: Option<Scope<'_>>) -> bool {
    ["profile", "linetrace"].into_iter().any(|name| {
        scope
            .and_then(|scope| scope.directive(name))
            .is_some_and(Attr::truth)
    })
}

impl<'t> Body<'_, 't> {
    /// Makes room for what the function tells, before anything can raise.  Functions without the GIL
    /// tell nothing.
    pub(super) fn prepare_trace(&mut self, node: Node<'t>) {
        if !self.gil {
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
        self.trace = Some(Trace { local, returns });
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
        let quiet = match self.skip_dispatch {
            Some(skip) if quiet => skip,
            _ => self.int(0, 32),
        };
        self.rt_status(
            "cyl_trace_start",
            "popoppii:i",
            &[trace, code, place, dict, name, file, line, quiet],
            NEGATIVE,
        )?;
        Ok(())
    }

    /// Tells that the call returns what the function's result is now.
    pub(super) fn trace_return(&mut self) -> Result<()> {
        let Some(Trace { local, returns: ty }) = self.trace.filter(|_| self.gil) else {
            return Ok(());
        };
        let trace = self.op(Op::LocalAddr(local));
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
        match self.trace.filter(|_| self.gil) {
            Some(trace) => {
                let trace = self.op(Op::LocalAddr(trace.local));
                let null = self.null_object();
                self.rt_void("cyl_trace_return", "po:v", &[trace, null])
            }
            None => Ok(()),
        }
    }

    /// Gives back what the profiler saw.
    pub(super) fn end_trace(&mut self) -> Result<()> {
        match self.trace {
            Some(trace) => self.with_gil(|body| {
                let trace = body.op(Op::LocalAddr(trace.local));
                body.rt_void("cyl_trace_end", "p:v", &[trace])
            }),
            None => Ok(()),
        }
    }
}
