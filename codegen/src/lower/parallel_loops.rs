//! The loops of parallel regions: their distribution to threads, and what becomes of variables.

use std::collections::HashSet;

use frontend_bridge::tree::{EntryId, Node, NodeId, Type as TreeType, Value as Attr};

use super::Result;
use super::body::{Body, Variable};
use super::cleanup::Exit;
use super::context::missing_node;
use super::parallel::{
    BROKEN, Captured, RAISED, RETURNED, Range, Region, START, STEP, STEPS, WHY, region_kept,
};
use super::parallel_extrema::extremum;
use super::types;
use crate::mir::{BinaryOp, Comparison, Constant, LocalId, Op, Type, Value};

/// OpenMP's numbers of schedules, without the flag that lets `dynamic` hand out chunks in any order:
/// libomp then never marks the last chunk, so that lastprivate variables keep garbage (seen with
/// the runtimes of LLVM 19 and 22).
const STATIC_CHUNKED: i128 = 33;
const STATIC: i128 = 34;
const DYNAMIC: i128 = 35;
const GUIDED: i128 = 36;
const RUNTIME: i128 = 37;

/// The flag of a worksharing loop in OpenMP's description of a place.
const LOOP_PLACE: i128 = 0x202;

impl<'t> Body<'_, 't> {
    /// The content of a region that is a `prange`; whether it breaks.
    pub(super) fn prange_in_region(
        &mut self,
        node: Node<'t>,
        region: &Region,
        captured: &[Captured<'t>],
        chunk: Option<u32>,
    ) -> Result<bool> {
        let (start, step) = self.known_counts(node);
        let [start, step, steps] =
            [(START, start), (STEP, step), (STEPS, None)].map(|(field, known)| {
                known.unwrap_or_else(|| {
                    self.get_field(region.frame, region.structure, field, Type::I64)
                })
            });
        let chunk =
            chunk.map(|field| self.get_field(region.frame, region.structure, field, Type::I64));
        let why = self.op(Op::Field(region.frame, region.structure, WHY));
        let range = Range { start, step, steps };
        let kept = region_kept(self, region);
        let (last, breaks) = self.distribute(node, region, range, chunk, (why, kept))?;
        self.write_last(node, region, last)?;
        self.combine(captured, region)?;
        Ok(breaks)
    }

    /// A `prange` in a `with parallel()` block: this thread's share of it.
    pub(super) fn shared_loop(&mut self, node: Node<'t>, range: Range) -> Result<()> {
        let Some(region) = self.region.clone() else {
            return missing_node(node, "outside of a parallel block");
        };
        if node.node("num_threads").is_some() || node.node("threading_condition").is_some() {
            return missing_node(node, "with options of the block");
        }
        let chunk = self.chunk(node)?;
        let why = self.b.local("why", Type::I32);
        let why = self.op(Op::LocalAddr(why));
        let zero = self.int(0, 32);
        self.b.effect(Op::Store {
            address: why,
            value: zero,
        });
        let (enter, otherwise, after) = (self.b.block(), self.b.block(), self.b.block());
        let none = self.int(0, 64);
        let some = self.op(Op::Compare(Comparison::SGt, range.steps, none));
        self.b.branch(some, enter, otherwise);
        self.b.switch_to(enter);
        let keeps = self.region_keeps;
        self.region_keeps = false;
        // The exception is this thread's own: statements around the loop may still handle it.
        let kept = self.b.local("kept", Type::Array(Box::new(Type::Ptr), 3));
        let kept_line = self.b.local("kept.line", Type::I32);
        let kept = self.op(Op::LocalAddr(kept));
        for index in 0..3 {
            let index = self.int(index, 64);
            let address = self.op(Op::Index(kept, Type::Ptr, index));
            let null = self.null();
            self.b.effect(Op::Store {
                address,
                value: null,
            });
        }
        let kept_place = self.op(Op::LocalAddr(kept_line));
        let places = (why, (kept, kept_place));
        let (last, breaks) = self.distribute(node, &region, range, chunk, places)?;
        let raises = self.region_keeps;
        self.region_keeps |= keeps;
        self.write_last(node, &region, last)?;
        if breaks || raises {
            let found = self.op(Op::Load(Type::I32, why));
            let limit = self.int(BROKEN, 32);
            let whole = self.op(Op::Compare(Comparison::SLt, found, limit));
            let left = self.b.cold_block();
            self.b.branch(whole, otherwise, left);
            self.b.switch_to(left);
            let number = self.int(RAISED, 32);
            let raised = self.op(Op::Compare(Comparison::Eq, found, number));
            let (raise, other, out) = (self.b.cold_block(), self.b.block(), self.b.block());
            self.b.branch(raised, raise, other);
            self.b.switch_to(raise);
            self.rt_void("cyl_parallel_restore", "p:v", &[kept])?;
            let line = self.op(Op::Get(kept_line));
            self.b.effect(Op::Set(self.line, line));
            self.pass_on();
            self.b.switch_to(other);
            let number = self.int(RETURNED, 32);
            let returned = self.op(Op::Compare(Comparison::Eq, found, number));
            self.b.branch(returned, out, after);
            self.b.switch_to(out);
            self.leave(Exit::Return)?;
        } else {
            self.b.jump(otherwise);
        }
        self.loop_end(node, otherwise, after)
    }

    /// A `prange` in another: an ordinary loop.
    pub(super) fn sequential(&mut self, node: Node<'t>, range: Range) -> Result<()> {
        if self.inner_grid_loop(node, range)? {
            return Ok(());
        }
        let (otherwise, after) = (self.b.block(), self.b.block());
        self.count_to(range.steps, |body, index| {
            body.set_index(node, range, index)?;
            let next = body.b.block();
            body.loop_body(node.child("body")?, after, next)?;
            body.b.jump(next);
            body.b.switch_to(next);
            Ok(())
        })?;
        self.b.jump(otherwise);
        self.loop_end(node, otherwise, after)
    }

    /// The iterations that fall to this thread: the flag of the last one, and whether the loop can
    /// be left early.
    fn distribute(
        &mut self,
        node: Node<'t>,
        region: &Region,
        range: Range,
        chunk: Option<Value>,
        places: (Value, (Value, Value)),
    ) -> Result<(LocalId, bool)> {
        let place = self.place_for_openmp(LOOP_PLACE);
        let thread = region.thread;
        let last = self.b.local("last", Type::I32);
        let zero32 = self.int(0, 32);
        self.b.effect(Op::Set(last, zero32));
        let [lower, upper, stride] =
            ["lower", "upper", "stride"].map(|name| self.b.local(name, Type::I64));
        let one = self.int(1, 64);
        let zero = self.int(0, 64);
        let blocks = match &region.ordered {
            Some(ordered) => Some((ordered, self.blocks(region, ordered, range.steps)?)),
            None => None,
        };
        let units = blocks.map_or(range.steps, |(_, blocks)| blocks.count);
        let top = self.op(Op::Binary(BinaryOp::Sub, units, one));
        self.b.effect(Op::Set(lower, zero));
        self.b.effect(Op::Set(upper, top));
        self.b.effect(Op::Set(stride, one));
        let schedule = match (node.text("schedule"), chunk.is_some()) {
            (None | Some("static"), false) => STATIC,
            (Some("static"), true) => STATIC_CHUNKED,
            (Some("dynamic"), _) => DYNAMIC,
            (Some("guided"), _) => GUIDED,
            (Some("runtime"), _) => RUNTIME,
            _ => return missing_node(node, "with this schedule"),
        };
        let number = self.int(schedule, 32);
        let chunk = match (chunk, blocks) {
            (Some(chunk), Some((_, blocks))) => self.chunk_of_blocks(chunk, blocks),
            (chunk, _) => chunk.unwrap_or(one),
        };
        let fixed = matches!(schedule, STATIC | STATIC_CHUNKED);
        // Threads wait for each other in there.
        let away = self.pause(node.flag("acquire_gil"));
        let counted = match region.chunks {
            Some(chunks) if schedule == DYNAMIC => {
                Some((self.enter_loop(chunks, node)?, self.chunks(chunk, top)))
            }
            _ => None,
        };
        let (head, inside, done) = (self.b.block(), self.b.block(), self.b.block());
        let (p, i, l) = (Type::Ptr, Type::I32, Type::I64);
        let bounds = [last, lower, upper, stride];
        if schedule == STATIC {
            self.own_share(region, (units, top), [last, lower, upper])?;
        } else if fixed {
            let types = [&p, &i, &i, &p, &p, &p, &p, &l, &l].map(Clone::clone);
            let [last, lower, upper, stride] = bounds.map(|local| self.op(Op::LocalAddr(local)));
            let args = vec![
                place, thread, number, last, lower, upper, stride, one, chunk,
            ];
            self.openmp("__kmpc_for_static_init_8", &types, Type::Void, args);
        } else if counted.is_none() {
            let types = [&p, &i, &i, &l, &l, &l, &l].map(Clone::clone);
            let args = vec![place, thread, number, zero, top, one, chunk];
            self.openmp("__kmpc_dispatch_init_8", &types, Type::Void, args);
        }
        self.b.jump(head);
        self.b.switch_to(head);
        if fixed {
            let from = self.op(Op::Get(lower));
            let more = self.op(Op::Compare(Comparison::SLe, from, top));
            self.b.branch(more, inside, done);
        } else if let Some((count, chunks)) = counted {
            let more = self.take_chunk(count, chunks, top, [last, lower, upper])?;
            self.b.branch(more, inside, done);
        } else {
            let types = [&p, &i, &p, &p, &p, &p].map(Clone::clone);
            let [last, lower, upper, stride] = bounds.map(|local| self.op(Op::LocalAddr(local)));
            let args = vec![place, thread, last, lower, upper, stride];
            let Some(more) = self.openmp("__kmpc_dispatch_next_8", &types, Type::I32, args) else {
                return self.defect("no dispatch");
            };
            let more = self.op(Op::Compare(Comparison::Ne, more, zero32));
            self.b.branch(more, inside, done);
        }
        self.b.switch_to(inside);
        self.take_back(away);
        let from = self.op(Op::Get(lower));
        let to = self.op(Op::Get(upper));
        let within = self.op(Op::Compare(Comparison::SLt, to, top));
        let to = self.op(Op::Select(within, to, top));
        let breaks = match blocks {
            Some(blocks) => {
                self.each_block(node, region, blocks, range, (from, to), |body, part| {
                    body.iterations(node, range, part, places)
                })?
            }
            None => self.iterations(node, range, (from, to), places)?,
        };
        self.let_go(away);
        match schedule {
            STATIC => self.b.jump(done),
            STATIC_CHUNKED => {
                let far = self.op(Op::Get(stride));
                for local in [lower, upper] {
                    let old = self.op(Op::Get(local));
                    let new = self.op(Op::Binary(BinaryOp::Add, old, far));
                    self.b.effect(Op::Set(local, new));
                }
                self.b.jump(head);
            }
            _ => self.b.jump(head),
        }
        self.b.switch_to(done);
        if let Some((count, _)) = counted {
            self.leave_loop(count)?;
        }
        if schedule == STATIC_CHUNKED {
            self.openmp(
                "__kmpc_for_static_fini",
                &[p, i],
                Type::Void,
                vec![place, thread],
            );
        }
        self.wait_without_gil(away, thread);
        self.take_back(away);
        Ok((last, breaks))
    }

    /// One run of consecutive iterations, from and to inclusive.
    fn iterations(
        &mut self,
        node: Node<'t>,
        range: Range,
        (from, to): (Value, Value),
        (why, kept): (Value, (Value, Value)),
    ) -> Result<bool> {
        let counter = self.b.local("index", Type::I64);
        self.b.effect(Op::Set(counter, from));
        let one = self.int(1, 64);
        let limit = self.op(Op::Binary(BinaryOp::Add, to, one));
        let [head, guard, inside, next, after] = std::array::from_fn(|_| self.b.block());
        let (broken, returned, failed) = (self.b.block(), self.b.block(), self.b.cold_block());
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let more = self.op(Op::Compare(Comparison::SLt, now, limit));
        self.b.branch(more, guard, after);
        self.b.switch_to(inside);
        self.set_index(node, range, now)?;
        let depth = self.temps.len();
        self.handlers.push(super::cleanup::Handler {
            block: failed,
            depth,
        });
        let outer = std::mem::replace(&mut self.return_block, returned);
        let done = self.loop_body(node.child("body")?, broken, next);
        self.return_block = outer;
        self.handlers.pop();
        done?;
        self.b.jump(next);
        let returns = self.reached(returned);
        let breaks = self.reached(broken) || returns;
        self.region_returns |= returns;
        self.b.switch_to(returned);
        let number = self.int(RETURNED, 32);
        self.b.effect(Op::Store {
            address: why,
            value: number,
        });
        self.b.jump(next);
        let raises = self.reached(failed);
        self.b.switch_to(broken);
        let number = self.int(BROKEN, 32);
        self.b.effect(Op::Store {
            address: why,
            value: number,
        });
        self.b.jump(next);
        self.b.switch_to(failed);
        self.keep_exception(kept)?;
        let number = self.int(RAISED, 32);
        self.b.effect(Op::Store {
            address: why,
            value: number,
        });
        self.b.jump(next);
        self.region_keeps |= raises;
        // What is left of the loop is skipped after a break or an exception, of any thread.
        self.b.switch_to(guard);
        if breaks || raises {
            let found = self.op(Op::Load(Type::I32, why));
            let limit = self.int(BROKEN, 32);
            let go_on = self.op(Op::Compare(Comparison::SLt, found, limit));
            self.b.branch(go_on, inside, next);
        } else {
            self.b.jump(inside);
        }
        self.b.switch_to(next);
        let moved = self.op(Op::Binary(BinaryOp::Add, now, one));
        self.b.effect(Op::Set(counter, moved));
        self.b.jump(head);
        self.b.switch_to(after);
        Ok(breaks || raises)
    }

    /// Gives the loop's variable its value in an iteration.
    pub(super) fn set_index(&mut self, node: Node<'t>, range: Range, index: Value) -> Result<()> {
        let target = node.child("target")?;
        let Type::Int(bits) = self.type_of(target)? else {
            return missing_node(node, "over something else than integers");
        };
        let far = self.op(Op::Binary(BinaryOp::Mul, range.step, index));
        let value = self.op(Op::Binary(BinaryOp::Add, range.start, far));
        let value = self.widen(value, bits, types::unsigned(target.expr_type()?));
        self.assign(target, value)
    }

    // ---------------------------------------------------------------- variables

    /// The thread of the last iteration tells what its variables are.
    fn write_last(&mut self, node: Node<'t>, region: &Region, last: LocalId) -> Result<()> {
        let flag = self.op(Op::Get(last));
        let zero = self.int(0, 32);
        let is_last = self.op(Op::Compare(Comparison::Ne, flag, zero));
        let target = node.node("target").and_then(|target| target.entry("entry"));
        let mut wanted = privates(node);
        if let Some(target) = target {
            wanted.retain(|(entry, _)| *entry != target.id());
            wanted.push((target.id(), None));
        }
        let (write, after) = (self.b.block(), self.b.block());
        self.b.branch(is_last, write, after);
        self.b.switch_to(write);
        for (entry, operator) in wanted {
            let variable = self.variables.get(&entry).copied();
            let (None, Some(Variable::Local { id, .. }), Some(field)) =
                (operator, variable, region.fields.get(&entry))
            else {
                continue;
            };
            let value = self.op(Op::Get(id));
            self.set_field(region.frame, region.structure, *field, value);
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// What a reduction starts from in each thread.
    pub(super) fn identity(&mut self, node: Node<'t>, operator: &str, ty: &Type) -> Result<Value> {
        Ok(match (operator, ty) {
            ("+" | "-" | "|" | "^", Type::Int(bits)) => self.int(0, *bits),
            ("*", Type::Int(bits)) => self.int(1, *bits),
            ("&", Type::Int(bits)) => self.int(-1, *bits),
            ("+" | "-" | "*", Type::Struct(id)) => {
                let Some(part) = self.m.mir.structs[id.0 as usize].fields.first().cloned() else {
                    return missing_node(node, "with a reduction of this type");
                };
                let real = i128::from(operator == "*");
                let parts = [real, 0].map(|x| match part {
                    Type::Int(bits) => self.int(x, bits),
                    _ => self.op(Op::Const(Constant::Float(x as f64, part.clone()))),
                });
                self.op(Op::Make(*id, parts.to_vec()))
            }
            ("+" | "-", ty) if ty.is_float() => {
                self.op(Op::Const(Constant::Float(0.0, ty.clone())))
            }
            ("*", ty) if ty.is_float() => self.op(Op::Const(Constant::Float(1.0, ty.clone()))),
            _ => return missing_node(node, &format!("with a reduction by '{operator}'")),
        })
    }

    /// The greater or lesser of this thread's value and that of the others, which stays where this one
    /// is no number.
    fn extreme(&mut self, operator: &str, one: &Captured<'t>, mine: Value, all: Value) -> Value {
        let unsigned = one.entry.ty("type").is_some_and(types::unsigned);
        let how = match (operator == "max", one.ty.is_float(), unsigned) {
            (true, true, _) => Comparison::FGt,
            (false, true, _) => Comparison::FLt,
            (true, false, true) => Comparison::UGt,
            (false, false, true) => Comparison::ULt,
            (true, false, false) => Comparison::SGt,
            (false, false, false) => Comparison::SLt,
        };
        let mut better = self.op(Op::Compare(how, mine, all));
        if one.ty.is_float() {
            let none = self.op(Op::Compare(Comparison::FNe, all, all));
            better = self.op(Op::Binary(BinaryOp::Or, better, none));
        }
        self.op(Op::Select(better, mine, all))
    }

    /// Adds this thread's parts of reductions to those of the others.
    pub(super) fn combine(&mut self, captured: &[Captured<'t>], region: &Region) -> Result<()> {
        let mut reductions = Vec::new();
        for one in captured {
            let operator = match (&one.private, &one.array) {
                (Some(Some(operator)), _) | (_, Some(operator)) => operator.clone(),
                _ => continue,
            };
            let ordered = region.ordered.as_ref();
            if ordered.is_some_and(|ordered| ordered.has(one.entry.id())) {
                continue;
            }
            if let Some(Variable::Local { id, .. }) = self.variables.get(&one.entry.id()).copied() {
                reductions.push((one, operator, id));
            }
        }
        if reductions.is_empty() {
            return Ok(());
        }
        self.critical(region.thread, |body| {
            for (one, operator, id) in reductions {
                body.combine_one(one, &operator, id, region)?;
            }
            Ok(())
        })
    }

    fn combine_one(
        &mut self,
        one: &Captured<'t>,
        operator: &str,
        id: LocalId,
        region: &Region,
    ) -> Result<()> {
        if one.array.is_some() {
            let mine = self.op(Op::LocalAddr(id));
            return self.combine_array(one, operator, mine, region);
        }
        let mine = self.op(Op::Get(id));
        let all = self.get_field(region.frame, region.structure, one.field, one.ty.clone());
        let combined = match (operator, &one.ty) {
            ("max" | "min", _) => self.extreme(operator, one, mine, all),
            (_, Type::Struct(_)) => self.complex_combined(operator, all, mine)?,
            (_, ty) => {
                let how = self.combining(operator, ty)?;
                self.op(Op::Binary(how, all, mine))
            }
        };
        self.set_field(region.frame, region.structure, one.field, combined);
        Ok(())
    }

    /// The operation by which parts of a reduction are combined.
    pub(super) fn combining(&mut self, operator: &str, ty: &Type) -> Result<BinaryOp> {
        Ok(match (operator, ty.is_float()) {
            ("+" | "-", true) => BinaryOp::FAdd,
            ("+" | "-", false) => BinaryOp::Add,
            ("*", true) => BinaryOp::FMul,
            ("*", false) => BinaryOp::Mul,
            ("&", false) => BinaryOp::And,
            ("|", false) => BinaryOp::Or,
            ("^", false) => BinaryOp::Xor,
            _ => return self.missing(&format!("reduction by '{operator}'")),
        })
    }

    /// Does something while no other thread does.
    pub(super) fn critical(
        &mut self,
        thread: Value,
        what: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let place = self.place_for_openmp(2);
        let lock = self.m.openmp_lock();
        let lock = self.op(Op::GlobalAddr(lock));
        let types = [Type::Ptr, Type::I32, Type::Ptr];
        let args = vec![place, thread, lock];
        self.openmp("__kmpc_critical", &types, Type::Void, args.clone());
        what(self)?;
        self.openmp("__kmpc_end_critical", &types, Type::Void, args);
        Ok(())
    }
}

/// The variables that a parallel statement assigns, and the operators of reductions.
pub(super) fn privates(node: Node<'_>) -> Vec<(EntryId, Option<String>)> {
    let body = node
        .node("body")
        .filter(|_| node.kind() == "ParallelRangeNode");
    node.map("privates")
        .iter()
        .filter_map(|(entry, operator)| match (entry, operator) {
            (Attr::Entry(entry), Attr::Str(operator))
                if matches!(operator.as_str(), "+" | "*" | "-" | "&" | "^" | "|") =>
            {
                Some((*entry, Some(operator.clone())))
            }
            (Attr::Entry(entry), _) => {
                let number = node.tree().entry(*entry).ty("type").is_some_and(is_number);
                let found = body.filter(|_| number);
                let found = found.and_then(|body| extremum(body, *entry));
                Some((*entry, found.map(str::to_owned)))
            }
            _ => None,
        })
        .collect()
}

/// Whether a type is one of C's real numbers.
fn is_number(ty: TreeType<'_>) -> bool {
    ty.flag("is_int") || ty.flag("is_float")
}

/// A node and all nodes in it.
pub(super) fn inside(node: Node<'_>) -> Vec<Node<'_>> {
    let mut seen: HashSet<NodeId> = HashSet::from([node.id()]);
    let mut found = vec![node];
    let mut index = 0;
    while index < found.len() {
        for child in children(found[index]) {
            if seen.insert(child.id()) {
                found.push(child);
            }
        }
        index += 1;
    }
    found
}

/// The nodes that a node has.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut values: Vec<&Attr> = Vec::new();
    for (name, value) in node.own() {
        if name != "parent" {
            values.push(value);
        }
    }
    let mut found = Vec::new();
    while let Some(value) = values.pop() {
        match value {
            Attr::Node(id) => found.push(node.tree().node(*id)),
            Attr::List(items) => values.extend(items),
            _ => {}
        }
    }
    found
}
