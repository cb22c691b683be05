//! `raise`, `try`/`except`, `try`/`finally`.
//!
//! An exception in flight is CPython's error indicator; one that is handled lies in three locals,
//! as Cython keeps it.  The exception handled before a `try` is put back on every way out.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::{Frame, Handler};
use super::context::missing_node;
use super::line_marks::{EXCEPTION, NORMAL, When};
use crate::mir::{BlockId, LocalId, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_raise(&mut self, node: Node<'t>) -> Result<()> {
        if !self.gil {
            return missing_node(node, "without the GIL");
        }
        if node.node("exc_type").is_none() && node.text("builtin_exc_name") == Some("StopIteration")
        {
            // In `__next__`: no traceback is made for what ends an iteration.
            let class = self.variable_object("PyExc_StopIteration");
            self.rt_void("PyErr_SetNone", "o:v", &[class])?;
            if let Some(local) = self.returned {
                let old = self.op(Op::Take(local));
                self.b.effect(Op::XDecRef(old));
            }
            return self.leave(super::cleanup::Exit::Return);
        }
        if node.node("exc_type").is_none() && node.text("builtin_exc_name") == Some("MemoryError") {
            self.rt_void("PyErr_NoMemory", ":p", &[])?;
            self.raise_now();
            return Ok(());
        }
        let mut parts = Vec::new();
        for name in ["exc_type", "exc_value", "exc_tb", "cause"] {
            let part = match node.node(name) {
                Some(part) => self.expr(part)?,
                None => self.null_object(),
            };
            parts.push(part);
        }
        self.at(node);
        self.rt_void("__Pyx_Raise", "oooo:v", &parts)?;
        for part in parts.into_iter().rev() {
            self.release(part);
        }
        self.raise_now();
        Ok(())
    }

    pub(super) fn lower_reraise(&mut self, _node: Node<'t>) -> Result<()> {
        match self.handled {
            Some([class, value, traceback]) => {
                let mut parts = Vec::new();
                for local in [class, value, traceback] {
                    let part = self.op(Op::Get(local));
                    parts.push(self.op(Op::XIncRef(part)));
                }
                self.rt_void("PyErr_Restore", "OOO:v", &parts)?;
            }
            None => self.rt_void("__Pyx_ReraiseException", ":v", &[])?,
        }
        self.raise_now();
        Ok(())
    }

    /// Three locals that own the parts of an exception.
    pub(super) fn exception_locals(&mut self, name: &str) -> [LocalId; 3] {
        ["type", "value", "traceback"].map(|part| {
            let local = self.b.local(&format!("{name}.{part}"), Type::Object);
            self.owned_locals.push(local);
            local
        })
    }

    pub(super) fn addresses(&mut self, locals: [LocalId; 3]) -> Vec<Value> {
        locals
            .into_iter()
            .map(|local| self.op(Op::LocalAddr(local)))
            .collect()
    }

    pub(super) fn taken(&mut self, locals: [LocalId; 3]) -> Vec<Value> {
        locals
            .into_iter()
            .map(|local| self.op(Op::Take(local)))
            .collect()
    }

    /// Releases what the locals of an exception own.
    pub(super) fn drop_exception(&mut self, parts: [LocalId; 3]) {
        for local in parts {
            let part = self.op(Op::Take(local));
            self.b.effect(Op::XDecRef(part));
        }
    }

    /// Puts the exception back that was handled before.
    pub(super) fn put_back_handled(&mut self, saved: [LocalId; 3]) -> Result<()> {
        let parts = self.taken(saved);
        self.rt_void("cyl_exc_reset", "OOO:v", &parts)
    }

    /// Ends the handling of an exception that is not raised again, with the lock.
    pub(super) fn end_handling(
        &mut self,
        fetched: [LocalId; 3],
        saved: [LocalId; 3],
    ) -> Result<()> {
        self.with_gil(|body| {
            body.drop_exception(fetched);
            body.put_back_handled(saved)
        })
    }

    /// Goes to the handler without another line for the traceback.
    pub(super) fn pass_on(&mut self) {
        let target = self.unwind_target();
        self.b.jump(target);
    }

    pub(super) fn lower_try_except(&mut self, node: Node<'t>) -> Result<()> {
        if !self.gil {
            return missing_node(node, "without the GIL");
        }
        let (caught, after) = (self.b.cold_block(), self.b.block());
        let depth = self.temps.len();
        self.handlers.push(Handler {
            block: caught,
            depth,
        });
        let done = self.stat(node.child("body")?);
        self.handlers.pop();
        done?;
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(caught);
        let fetched = self.exception_locals("raised");
        let saved = self.exception_locals("saved");
        let raised_at = self.op(Op::Get(self.line));
        // While a pattern is computed no exception is set; the names of built-in ones need nothing.
        let patterns = node.nodes("except_clauses").into_iter();
        let apart = !patterns
            .flat_map(|clause| clause.nodes("pattern"))
            .all(is_built_in);
        if apart {
            let addresses = self.addresses(fetched);
            self.rt_void("PyErr_Fetch", "ppp:v", &addresses)?;
        }
        let mut caught_all = false;
        for clause in node.nodes("except_clauses") {
            self.at(clause);
            self.tell_line(clause, When::Start)?;
            let body = self.b.block();
            let next = self.b.cold_block();
            let patterns = clause.nodes("pattern");
            if patterns.is_empty() {
                self.b.jump(body);
                caught_all = true;
            }
            for pattern in patterns {
                let class = self.expr(pattern)?;
                let matches = if apart {
                    let raised = self.op(Op::Get(fetched[0]));
                    self.rt_value("PyErr_GivenExceptionMatches", "oo:i", &[raised, class])?
                } else {
                    self.rt_value("__Pyx_PyErr_ExceptionMatches", "o:i", &[class])?
                };
                self.release(class);
                let matches = self.truth(matches)?;
                let more = self.b.cold_block();
                self.b.branch(matches, body, more);
                self.b.switch_to(more);
            }
            if !caught_all {
                self.b.jump(next);
            }
            self.b.switch_to(body);
            if apart {
                self.set_again(fetched)?;
            }
            self.except_clause(clause, fetched, saved, raised_at, after)?;
            self.b.switch_to(next);
            if caught_all {
                break;
            }
        }
        if !caught_all {
            if apart {
                self.set_again(fetched)?;
            }
            self.b.effect(Op::Set(self.line, raised_at));
            self.pass_on();
        }
        self.b.switch_to(after);
        Ok(())
    }

    /// Sets an exception that was taken away.
    fn set_again(&mut self, fetched: [LocalId; 3]) -> Result<()> {
        let parts = self.taken(fetched);
        self.rt_void("PyErr_Restore", "OOO:v", &parts)
    }

    /// The body of `except`: the exception is handled while it runs.
    fn except_clause(
        &mut self,
        clause: Node<'t>,
        fetched: [LocalId; 3],
        saved: [LocalId; 3],
        raised_at: Value,
        after: BlockId,
    ) -> Result<()> {
        if !clause.flag("needs_exception") && self.trace.is_none() {
            // Neither a traceback nor an exception that is handled could be seen.
            self.rt_void("PyErr_Clear", ":v", &[])?;
            self.stat(clause.child("body")?)?;
            self.b.jump(after);
            return Ok(());
        }
        if self.unseen_clause(clause, fetched, saved, raised_at, after)? {
            return Ok(());
        }
        self.traceback_of_clause(clause, raised_at)?;
        let failed = self.b.cold_block();
        self.while_handling(fetched, saved, failed, |body| {
            body.except_body(clause, fetched)
        })?;
        self.end_handling(fetched, saved)?;
        self.b.jump(after);
        self.b.switch_to(failed);
        self.end_handling(fetched, saved)?;
        self.pass_on();
        Ok(())
    }

    /// Adds the function's line to the traceback of what a clause catches.
    pub(super) fn traceback_of_clause(&mut self, clause: Node<'t>, raised_at: Value) -> Result<()> {
        if clause.flag("never_add_traceback") {
            return Ok(());
        }
        // Of a generator, it has the name with the module's before it.
        let name = clause.text("function_name").map(str::to_owned);
        let own = name.map(|name| std::mem::replace(&mut self.qualified_name, name));
        let done = self.add_traceback(raised_at);
        if let Some(own) = own {
            self.qualified_name = own;
        }
        done
    }

    /// Lowers what runs while the exception that is set is handled; one that it raises goes to
    /// `failed`.
    pub(super) fn while_handling(
        &mut self,
        fetched: [LocalId; 3],
        saved: [LocalId; 3],
        failed: BlockId,
        body: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let addresses = self.addresses(saved);
        self.rt_void("cyl_exc_save", "ppp:v", &addresses)?;
        let depth = self.temps.len();
        let handlers = self.handlers.len();
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let addresses = self.addresses(fetched);
        self.rt_status("cyl_exc_get", "ppp:i", &addresses, Raises::Negative)?;
        self.frames.push(Frame::Handling {
            fetched,
            saved,
            depth,
            handlers,
        });
        let before = self.handled.replace(fetched);
        let done = body(self);
        self.handled = before;
        self.frames.pop();
        self.handlers.pop();
        done
    }

    fn except_body(&mut self, clause: Node<'t>, fetched: [LocalId; 3]) -> Result<()> {
        if let Some(target) = clause.node("excinfo_target") {
            for (part, local) in target.nodes("args").into_iter().zip(fetched) {
                let value = self.op(Op::Get(local));
                self.results.insert(part.id(), value);
            }
        }
        if let Some(target) = clause.node("target") {
            if let Some(value) = clause.node("exc_value") {
                let current = self.op(Op::Get(fetched[1]));
                self.results.insert(value.id(), current);
                let current = self.owned(current);
                self.assign(target, current)?;
            } else {
                return missing_node(clause, "with a target");
            }
        }
        self.stat(clause.child("body")?)
    }

    pub(super) fn lower_try_finally(&mut self, node: Node<'t>) -> Result<()> {
        if !self.gil || node.flag("is_try_finally_in_nogil") {
            return self.lower_try_finally_nogil(node);
        }
        let finally = node.child("finally_clause")?;
        let depth = self.temps.len();
        let handlers = self.handlers.len();
        if node
            .attr("handle_error_case")
            .is_some_and(|value| !value.truth())
        {
            // An exception passes through: the body has seen to it.
            self.frames.push(Frame::Finally {
                body: finally,
                depth,
                handlers,
                copies: self.copies.len(),
            });
            let done = self.stat(node.child("body")?);
            self.frames.pop();
            done?;
            return self.finally_copy(finally, NORMAL);
        }
        let (failed, after) = (self.b.cold_block(), self.b.block());
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
        self.handlers.pop();
        self.frames.pop();
        done?;
        self.finally_copy(finally, NORMAL)?;
        self.b.jump(after);
        // By an exception: it is handled while the body runs, and raised again.
        self.b.switch_to(failed);
        let fetched = self.exception_locals("raised");
        let saved = self.exception_locals("saved");
        let raised_at = self.op(Op::Get(self.line));
        let inner = self.b.cold_block();
        let body = node.node("finally_except_clause").unwrap_or(finally);
        self.while_handling(fetched, saved, inner, |lowering| {
            lowering.finally_copy(body, EXCEPTION)
        })?;
        self.put_back_handled(saved)?;
        let parts = self.taken(fetched);
        self.rt_void("PyErr_Restore", "OOO:v", &parts)?;
        self.b.effect(Op::Set(self.line, raised_at));
        self.pass_on();
        self.b.switch_to(inner);
        self.end_handling(fetched, saved)?;
        self.pass_on();
        self.b.switch_to(after);
        Ok(())
    }

    /// Adds this function to the traceback of the exception that is set.
    pub(super) fn add_traceback(&mut self, line: Value) -> Result<()> {
        let Some(flag) = self.in_traceback else {
            return self.always_add_traceback(line);
        };
        let there = self.op(Op::Get(flag));
        let no = self.int(0, 1);
        self.b.effect(Op::Set(flag, no));
        let (add, after) = (self.b.cold_block(), self.b.cold_block());
        self.b.branch(there, after, add);
        self.b.switch_to(add);
        self.always_add_traceback(line)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    fn always_add_traceback(&mut self, line: Value) -> Result<()> {
        let name = self.qualified_name.clone();
        let name = self.text(&name);
        let source = self.b.function.source.map_or(0, |(source, _)| source);
        let file = self
            .m
            .tree
            .sources()
            .get(source as usize)
            .cloned()
            .unwrap_or_default();
        let file = self.text(&file);
        let cache = self.m.traceback_cache(source);
        let cache = self.op(Op::GlobalAddr(cache));
        if self.gil {
            let dict = self.module_dict();
            return self.rt_void(
                "cyl_add_traceback",
                "popip:v",
                &[cache, dict, name, line, file],
            );
        }
        let dict = self.op(Op::GlobalAddr(self.m.module_dict));
        self.rt_void(
            "cyl_add_traceback_nogil",
            "pppip:v",
            &[cache, dict, name, line, file],
        )
    }
}

/// Whether a pattern of `except` is the name of a built-in exception.
fn is_built_in(pattern: Node<'_>) -> bool {
    let Some(entry) = pattern.entry("entry") else {
        return false;
    };
    let cname = entry.text("cname").unwrap_or_default();
    let constant = entry.flag("is_builtin") && entry.flag("is_const");
    pattern.kind() == "NameNode" && constant && cname.contains("PyExc_")
}
