//! How functions end: by falling off, by an exception, and what they release on the way out.

use super::Result;
use super::body::{Body, Variable};
use super::cleanup::Handler;
use super::closures::ScopeObject;
use super::functions::ErrorReturn;
use crate::mir::{Comparison, Constant, LocalId, Op, Terminator, Type};

impl Body<'_, '_> {
    /// Ends a function: the fall through, the error return, and the release of what it owns.
    pub(super) fn finish(&mut self, error: ErrorReturn) -> Result<()> {
        // Falling off the end.
        if let Some(local) = self.returned
            && self.b.function.locals[local.0 as usize].ty == Type::Object
            && !self.b.ended()
        {
            let none = self.none();
            let none = self.op(Op::IncRef(none));
            self.replace(local, none);
        }
        if let Some(storage) = self.returned_slice {
            self.returned_slice_is_set(storage)?;
        }
        if !self.b.ended() {
            self.trace_return()?;
        }
        self.b.jump(self.return_block);
        // An exception that nobody caught.
        let failed = self.error_block();
        self.b.switch_to(failed);
        self.b.line = 0;
        let line = self.op(Op::Get(self.line));
        self.handlers = vec![Handler {
            block: failed,
            depth: 0,
        }];
        self.trace_failure()?;
        match &error {
            ErrorReturn::Unraisable => {
                let name = self.qualified_name.clone();
                let name = self.text(&name);
                let file = self.null();
                let zero = self.int(0, 32);
                let full = self.int(1, 32);
                let nogil = self.int(i128::from(!self.gil), 32);
                self.rt_void(
                    "__Pyx_WriteUnraisable",
                    "piipii:v",
                    &[name, zero, zero, file, full, nogil],
                )?;
            }
            _ => self.add_traceback(line)?,
        }
        if matches!(error, ErrorReturn::Module) {
            let object = self.op(Op::GlobalAddr(self.m.module_object));
            self.rt_void("cyl_module_failed", "p:v", &[object])?;
        }
        if let Some(untraced) = self.untraced {
            self.b.jump(untraced);
            self.b.switch_to(untraced);
        }
        if let Some(local) = self.returned {
            let ty = self.b.function.locals[local.0 as usize].ty.clone();
            let constant = match error {
                ErrorReturn::Value(constant) => constant,
                ErrorReturn::Module => Constant::Int(-1, 32),
                _ => Constant::Zero(ty.clone()),
            };
            if ty == Type::Object {
                let old = self.op(Op::Take(local));
                self.b.effect(Op::XDecRef(old));
            } else {
                let value = self.op(Op::Const(constant));
                self.b.effect(Op::Set(local, value));
            }
        }
        if let Some(storage) = self.returned_slice {
            self.clear_slice(storage);
        }
        self.b.jump(self.return_block);
        // The way out.
        self.b.switch_to(self.return_block);
        self.end_trace()?;
        self.release_buffers()?;
        self.delete_locks()?;
        let owned = self.owned_by_the_function();
        if !owned.is_empty() {
            self.with_gil(|body| {
                for local in owned {
                    let value = body.op(Op::Take(local));
                    body.b.effect(Op::XDecRef(value));
                }
                Ok(())
            })?;
        }
        for local in self.slices.clone() {
            let storage = self.op(Op::LocalAddr(local));
            self.drop_slice(storage);
        }
        if let Some((local, count, parsed)) = self.argument_values {
            let parsed = self.op(Op::Get(parsed));
            let zero = self.int(0, 32);
            let parsed = self.op(Op::Compare(Comparison::Ne, parsed, zero));
            self.if_unlikely(parsed, |body| {
                let address = body.op(Op::LocalAddr(local));
                let count = body.int(i128::from(count), 64);
                body.rt_void("cyl_release_arguments", "pl:v", &[address, count])
            })?;
        }
        let result = match self.returned {
            Some(local) if self.b.function.locals[local.0 as usize].ty == Type::Object => {
                Some(self.op(Op::Take(local)))
            }
            Some(local) => Some(self.op(Op::Get(local))),
            None => None,
        };
        if let Some(token) = self.gil_token {
            self.b.effect(Op::ReleaseGil(token));
        }
        self.b.end(Terminator::Return(result));
        Ok(())
    }

    /// Locals that are released when the function ends, in this order: temporaries, variables, and the
    /// scope object, which the variables may refer to.
    fn owned_by_the_function(&self) -> Vec<LocalId> {
        let scope = match self.scope_object {
            Some((ScopeObject::Local(local), _)) => Some(local),
            _ => None,
        };
        let mut variables: Vec<_> = self
            .variables
            .values()
            .filter_map(|variable| match variable {
                Variable::Local { id, owned: true } => Some(*id),
                Variable::Local { .. } => None,
            })
            .collect();
        variables.sort_unstable();
        let (last, mut owned): (Vec<_>, Vec<_>) = self
            .owned_locals
            .iter()
            .partition(|local| Some(**local) == scope);
        owned.sort_unstable();
        owned.extend(variables);
        owned.extend(last);
        owned
    }
}
