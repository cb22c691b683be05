//! What happens on the way out: of an expression by an exception, of a statement by `return`,
//! `break` or `continue`.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::line_marks::copy_by;
use crate::mir::{BlockId, LocalId, Op, Type, Value};

/// Where exceptions go, and how many temporaries outlive that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Handler {
    pub block: BlockId,
    pub depth: usize,
}

/// Something around the current statement that a jump out of it has to mind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame<'t> {
    /// A loop: where `break` and `continue` go, and the temporaries that outlive the jump.
    Loop {
        break_to: BlockId,
        continue_to: BlockId,
        depth: usize,
    },
    /// A local that is released on the way out.
    Local { local: LocalId },
    /// `finally`: its body runs on the way out.
    Finally {
        body: Node<'t>,
        depth: usize,
        handlers: usize,
        /// How many copies of `finally` clauses are around the statement.
        copies: usize,
    },
    /// `with gil` or `with nogil`; `outer`: whether the lock is held around it.
    Gil {
        exit: super::nogil::GilExit,
        outer: bool,
        depth: usize,
        handlers: usize,
    },
    /// `with` over a lock, which is let go of.
    Lock {
        locked: super::locks::Locked,
        depth: usize,
        handlers: usize,
    },
    /// An `except` clause, or `finally` after an exception: the one handled before is put back.
    Handling {
        fetched: [LocalId; 3],
        saved: [LocalId; 3],
        depth: usize,
        handlers: usize,
    },
}

/// Where a jump out of statements ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    Return,
    Break,
    Continue,
}

impl<'t> Body<'_, 't> {
    /// The block that an exception raised here goes to: notes the line, releases temporaries, and
    /// goes to the handler.
    pub(super) fn error_edge(&mut self) -> BlockId {
        let target = self.unwind_target();
        let line = self.b.line;
        if let Some(found) = self.landings.get(&(target, line)) {
            return *found;
        }
        let back = self.b.current();
        let landing = self.b.cold_block();
        self.b.switch_to(landing);
        let number = self.int(i128::from(line), 32);
        self.b.function.lines.push(number);
        self.b.effect(Op::Set(self.line, number));
        self.b.jump(target);
        self.b.switch_to(back);
        self.landings.insert((target, line), landing);
        landing
    }

    /// Where an exception raised here goes after its temporaries are released.
    pub(super) fn unwind_target(&mut self) -> BlockId {
        let handler = self.handlers[self.handlers.len() - 1];
        let temps = self.temps[handler.depth.min(self.temps.len())..].to_vec();
        self.cleanup_block(handler.block, &temps)
    }

    /// Releases temporaries, newest first, and goes to a block.
    fn cleanup_block(&mut self, to: BlockId, temps: &[Value]) -> BlockId {
        let Some((last, rest)) = temps.split_last() else {
            return to;
        };
        let key = (to, temps.to_vec());
        if let Some(found) = self.cleanups.get(&key) {
            return *found;
        }
        let next = self.cleanup_block(to, rest);
        let back = self.b.current();
        let block = self.b.cold_block();
        self.b.switch_to(block);
        self.drop_temp(*last);
        self.b.jump(next);
        self.b.switch_to(back);
        self.cleanups.insert(key, block);
        block
    }

    /// Lowers what runs within a frame, which is made of the counts of temporaries and handlers, and what
    /// undoes its start: afterwards, and before an exception goes on.
    pub(super) fn framed(
        &mut self,
        frame: impl FnOnce(usize, usize) -> Frame<'t>,
        content: impl FnOnce(&mut Self) -> Result<()>,
        undo: impl Fn(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let (failed, after) = (self.b.cold_block(), self.b.block());
        let (depth, handlers) = (self.temps.len(), self.handlers.len());
        self.frames.push(frame(depth, handlers));
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let done = content(self);
        self.handlers.truncate(handlers);
        self.frames.pop();
        done?;
        undo(self)?;
        self.b.jump(after);
        self.b.switch_to(failed);
        undo(self)?;
        self.pass_on();
        self.b.switch_to(after);
        Ok(())
    }

    /// Leaves by `return`, `break` or `continue`: what lies between runs, then the jump.  The rest of
    /// the statement list is unreachable.
    pub(super) fn leave(&mut self, exit: Exit) -> Result<()> {
        let looping = |frame: &Frame| matches!(frame, Frame::Loop { .. });
        if exit != Exit::Return && !self.frames.iter().any(looping) {
            return self.missing("break or continue outside of a loop");
        }
        let temps = self.temps.clone();
        let frames = self.frames.clone();
        let handlers = self.handlers.clone();
        let gil = self.gil;
        let around = self.copies.clone();
        let mut target = self.return_block;
        let mut depth = 0;
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Loop {
                    break_to,
                    continue_to,
                    depth: kept,
                } if exit != Exit::Return => {
                    target = if exit == Exit::Break {
                        break_to
                    } else {
                        continue_to
                    };
                    depth = kept;
                    break;
                }
                Frame::Loop { .. } => {}
                Frame::Local { local } => self.clear_local(local),
                Frame::Finally {
                    body,
                    depth,
                    handlers,
                    copies,
                } => {
                    self.drop_temps(depth);
                    self.handlers.truncate(handlers);
                    self.copies.truncate(copies);
                    self.finally_copy(body, copy_by(exit))?;
                }
                Frame::Gil {
                    exit,
                    outer,
                    depth,
                    handlers,
                } => {
                    self.drop_temps(depth);
                    self.handlers.truncate(handlers);
                    self.leave_gil(exit)?;
                    self.gil = outer;
                }
                Frame::Lock {
                    locked,
                    depth,
                    handlers,
                } => {
                    self.drop_temps(depth);
                    self.handlers.truncate(handlers);
                    self.unlock(locked)?;
                }
                Frame::Handling {
                    fetched,
                    saved,
                    depth,
                    handlers,
                } => {
                    self.drop_temps(depth);
                    self.handlers.truncate(handlers);
                    self.end_handling(fetched, saved)?;
                }
            }
        }
        self.drop_temps(depth);
        self.b.jump(target);
        self.temps = temps;
        self.frames = frames;
        self.handlers = handlers;
        self.gil = gil;
        self.copies = around;
        Ok(())
    }

    /// Releases temporaries down to a depth, and forgets them.
    fn drop_temps(&mut self, depth: usize) {
        while self.temps.len() > depth {
            if let Some(temp) = self.temps.pop() {
                self.drop_temp(temp);
            }
        }
    }

    /// Releases what was a temporary: an object or a memoryview slice.
    fn drop_temp(&mut self, temp: Value) {
        if *self.b.ty(temp) == Type::Object {
            self.b.effect(Op::XDecRef(temp));
        } else {
            self.drop_slice(temp);
            self.no_slice_held(temp);
        }
    }
}
