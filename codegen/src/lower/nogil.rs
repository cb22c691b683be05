//! `with nogil` and `with gil`: the lock is let go or taken, and every way out undoes that.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::{Frame, Handler};
use super::context::missing_node;
use super::line_marks::{EXCEPTION, NORMAL};
use crate::mir::{LocalId, Op, Raises, Type, Value};

/// What undoes the start of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GilExit {
    /// Taken by `EnsureGil`.
    Release(Value),
    /// Let go of by `SaveThread`.
    Restore(Value),
    /// In a generator: let go of, the thread's state is in a local.
    RestoreFrom(LocalId),
    /// In a generator: taken with the state in a local, where it goes again.
    SaveTo(LocalId),
    /// Let go of where it was held: the function is called with and without it.
    RestoreUnknown(Value),
}

/// Exceptions that are made of nothing but a message.
const PLAIN: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "BufferError",
    "EOFError",
    "Exception",
    "FloatingPointError",
    "IndexError",
    "LookupError",
    "NotImplementedError",
    "OverflowError",
    "RecursionError",
    "ReferenceError",
    "RuntimeError",
    "SystemError",
    "TypeError",
    "ValueError",
    "ZeroDivisionError",
];

/// The statement, the exception and the message of a body that only raises one with constant text.
fn constant_raise(mut body: Node<'_>) -> Option<(Node<'_>, &str, &str)> {
    while body.kind() == "StatListNode" {
        let stats = body.nodes("stats");
        let [only] = stats.as_slice() else {
            return None;
        };
        body = *only;
    }
    let more = ["exc_value", "exc_tb", "cause"];
    if body.kind() != "RaiseStatNode" || more.iter().any(|name| body.node(name).is_some()) {
        return None;
    }
    let call = body.node("exc_type")?;
    let (class, message) = match call.kind() {
        "PyMethodCallNode" | "SimpleCallNode" => {
            let args = call.node("arg_tuple")?.nodes("args");
            let text = match args.as_slice() {
                [text] if text.kind() == "UnicodeNode" => text.text("value")?,
                _ => return None,
            };
            (call.node("function")?, text)
        }
        _ => return None,
    };
    let name = class.text("name")?;
    let builtin = class.kind() == "NameNode" && class.entry("entry")?.flag("is_builtin");
    (builtin && !message.contains('\0') && PLAIN.contains(&name)).then_some((body, name, message))
}

impl<'t> Body<'_, 't> {
    /// `GILStatNode`.
    pub(super) fn lower_gil_block(&mut self, node: Node<'t>) -> Result<()> {
        if node.node("condition").is_some() {
            return missing_node(node, "with a condition");
        }
        let takes = node.text("state") == Some("gil");
        if takes
            && !self.gil
            && let Some((raised, exception, message)) = constant_raise(node.child("body")?)
        {
            // Nothing of it needs the lock here; regions that go to a GPU depend on it.
            self.at(raised);
            return self.raise_builtin(&format!("PyExc_{exception}"), message);
        }
        let known = node.flag("scope_gil_state_known");
        let body = node.child("body")?;
        self.with_lock(takes, known, |lowering| lowering.stat(body))
    }

    /// Runs statements with the lock, or without it; `known`: whether it is known to be held now.
    pub(super) fn with_lock(
        &mut self,
        takes: bool,
        known: bool,
        work: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        // What `EnsureGil` gives is nothing to keep while a generator is suspended.
        let generator = self.b.function.frame.is_some();
        let saved = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Gil {
                exit: GilExit::RestoreFrom(local),
                ..
            } => Some(*local),
            _ => None,
        });
        let exit = if let Some(local) = saved.filter(|_| takes && generator && !self.gil) {
            let state = self.op(Op::Get(local));
            self.b.effect(Op::RestoreThread(state));
            GilExit::SaveTo(local)
        } else if !takes && generator && known && self.gil {
            let local = self.b.local("thread", Type::Ptr);
            let state = self.op(Op::SaveThread);
            self.b.effect(Op::Set(local, state));
            GilExit::RestoreFrom(local)
        } else if takes {
            GilExit::Release(self.op(Op::EnsureGil))
        } else if known && self.gil {
            GilExit::Restore(self.op(Op::SaveThread))
        } else {
            GilExit::RestoreUnknown(self.rt_value("cyl_save_unknown_thread", ":p", &[])?)
        };
        let outer = self.gil;
        let frame = |depth, handlers| Frame::Gil {
            exit,
            outer,
            depth,
            handlers,
        };
        let content = |body: &mut Self| {
            body.gil = takes;
            let done = work(body);
            body.gil = outer;
            done
        };
        self.framed(frame, content, |body| body.leave_gil(exit))
    }

    /// Undoes the start of a block.
    pub(super) fn leave_gil(&mut self, exit: GilExit) -> Result<()> {
        match exit {
            GilExit::Release(token) => self.b.effect(Op::ReleaseGil(token)),
            GilExit::Restore(state) => self.b.effect(Op::RestoreThread(state)),
            GilExit::RestoreFrom(local) => {
                let state = self.op(Op::Get(local));
                self.b.effect(Op::RestoreThread(state));
            }
            GilExit::SaveTo(local) => {
                let state = self.op(Op::SaveThread);
                self.b.effect(Op::Set(local, state));
            }
            GilExit::RestoreUnknown(state) => {
                self.rt_void("cyl_restore_unknown_thread", "p:v", &[state])?;
            }
        }
        Ok(())
    }

    /// Runs something with the lock, which is taken where it is not held.
    pub(super) fn with_gil(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.gil {
            return work(self);
        }
        let token = self.op(Op::EnsureGil);
        self.gil = true;
        let done = work(self);
        self.gil = false;
        self.b.effect(Op::ReleaseGil(token));
        done
    }

    /// The exception edge of a value that may be an ordinary one, in code without the lock inside a
    /// function that has it: whether an exception is set has to be asked another way.
    pub(super) fn checked_without_gil(
        &mut self,
        value: Option<Value>,
        raises: &Raises,
    ) -> Result<()> {
        let ask = self.b.cold_block();
        let ok = self.b.block();
        match (value, raises) {
            (Some(value), Raises::Maybe(constant)) => {
                let other = self.op(Op::Const(constant.clone()));
                let float = self.b.ty(value).is_float();
                let how = if float {
                    crate::mir::Comparison::FEq
                } else {
                    crate::mir::Comparison::Eq
                };
                let nan =
                    matches!(constant, crate::mir::Constant::Float(number, _) if number.is_nan());
                let same = if nan {
                    self.op(Op::Compare(crate::mir::Comparison::FNe, value, value))
                } else {
                    self.op(Op::Compare(how, value, other))
                };
                self.b.branch(same, ask, ok);
            }
            _ => self.b.jump(ask),
        }
        self.b.switch_to(ask);
        let error = self.error_edge();
        let found = self.rt_value("cyl_err_occurred_nogil", ":p", &[])?;
        let null = self.is_null(found);
        self.b.branch(null, ok, error);
        self.b.switch_to(ok);
        Ok(())
    }

    /// `try`/`finally` without the lock, which is taken to keep the exception meanwhile.
    pub(super) fn lower_try_finally_nogil(&mut self, node: Node<'t>) -> Result<()> {
        let finally = node.child("finally_clause")?;
        let (failed, after) = (self.b.cold_block(), self.b.block());
        let (depth, handlers) = (self.temps.len(), self.handlers.len());
        self.frames.push(Frame::Finally {
            body: finally,
            depth,
            handlers,
            copies: self.copies.len(),
        });
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let done = self.stat(node.child("body")?);
        self.handlers.truncate(handlers);
        self.frames.pop();
        done?;
        self.finally_copy(finally, NORMAL)?;
        self.b.jump(after);
        self.b.switch_to(failed);
        let fetched = self.exception_locals("raised");
        let raised_at = self.op(Op::Get(self.line));
        let saved = self.exception_locals("saved");
        let mut addresses = self.addresses(saved);
        addresses.extend(self.addresses(fetched));
        self.rt_void("cyl_exc_handle_nogil", "pppppp:v", &addresses)?;
        let body = node.node("finally_except_clause").unwrap_or(finally);
        let replaced = self.b.cold_block();
        self.handlers.push(Handler {
            block: replaced,
            depth,
        });
        self.frames.push(Frame::Handling {
            fetched,
            saved,
            depth,
            handlers,
        });
        let done = self.finally_copy(body, EXCEPTION);
        self.frames.pop();
        self.handlers.truncate(handlers);
        done?;
        self.with_gil(|body| {
            body.put_back_handled(saved)?;
            let parts = body.taken(fetched);
            body.rt_void("PyErr_Restore", "OOO:v", &parts)
        })?;
        self.b.effect(Op::Set(self.line, raised_at));
        self.pass_on();
        // By another exception, which was raised meanwhile.
        self.b.switch_to(replaced);
        self.end_handling(fetched, saved)?;
        self.pass_on();
        self.b.switch_to(after);
        Ok(())
    }
}
