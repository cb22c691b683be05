//! `prange` on a GPU, the side of the device: what one thread of the grid does.
//!
//! The function knows nothing of grids: it takes every n-th iteration from a number on.  The same
//! function, called by a loop on the host, does the same.

use frontend_bridge::tree::{Node, NodeId};

use super::Result;
use super::body::{Body, Variable};
use super::cleanup::Handler;
use super::memview::{DATA, MEMVIEW, SHAPE, STRIDES, SUBOFFSETS};
use super::parallel::Range;
use super::parallel_gpu::{Place, Plan, RESULTS, START, STEP, STEPS, table_words};
use crate::mir::{
    BinaryOp, Comparison, FuncId, Function, Linkage, LocalId, Op, Signature, Terminator, Type,
    Value,
};

/// What the lowering of a kernel's body has to know.
#[derive(Clone)]
pub(super) struct OnDevice {
    state: Value,
    results: Value,
    /// The loops over further dimensions, and this thread's place there.
    inner: Vec<(NodeId, Value, Value)>,
    /// Whether the iterations of the loops around are their last ones.
    last: LocalId,
    /// Variables whose last value counts: the local, its type, its word among the results.
    finish: Vec<(LocalId, Type, u32)>,
}

impl<'t> Body<'_, 't> {
    /// Lowers a loop's body into the function of a thread.
    pub(super) fn kernel_function(
        &mut self,
        node: Node<'t>,
        _range: Range,
        plan: &Plan<'t>,
    ) -> Result<FuncId> {
        let mut params = vec![Type::Ptr, Type::Ptr];
        params.extend(vec![Type::I64; 6]);
        let signature = Signature::new(params, Type::Void);
        let name = format!(
            "{}.kernel.{}",
            self.b.function.name,
            self.m.mir.functions.len()
        );
        let mut function = Function::new(&name, Linkage::Internal, signature);
        function.gil = false;
        function.source = self.b.function.source;
        function.float_math = self.b.function.float_math;
        let directives = self.directives.clone();
        let qualified = self.qualified_name.clone();
        let mut body = Body::new(&mut *self.m, function, &qualified);
        body.directives = directives;
        body.at(node);
        let [args, state, from, by, at, all, deep, wide] =
            std::array::from_fn(|n| body.op(Op::Param(n as u32)));
        let results = body.launch_value(args, RESULTS, Type::Ptr);
        let mut finish = Vec::new();
        let mut partials = Vec::new();
        for place in &plan.places {
            let local = body.receive_variable(node, args, place)?;
            if let Some(word) = place.last {
                finish.push((local, place.one.ty.clone(), word));
            }
            if let Some(word) = place.partial {
                partials.push((local, word));
            }
        }
        let (start, step) = body.known_counts(node);
        let range = Range {
            start: start.unwrap_or_else(|| body.launch_value(args, START, Type::I64)),
            step: step.unwrap_or_else(|| body.launch_value(args, STEP, Type::I64)),
            steps: body.launch_value(args, STEPS, Type::I64),
        };
        let last = body.b.local("last", Type::BOOL);
        body.on_device = Some(OnDevice {
            state,
            results,
            inner: plan
                .inner
                .iter()
                .zip([(at, all), (deep, wide)])
                .map(|(inner, (at, all))| (inner.id(), at, all))
                .collect(),
            last,
            finish,
        });
        let missing = body.m.missing.len();
        body.grid_loop(node, range, (from, by), partials)?;
        let complete = body.m.missing.len() == missing;
        let function = body.b.finish();
        let id = self.m.mir.add_function(function);
        if !complete {
            self.m.mir.functions[id.0 as usize].blocks.clear();
        }
        Ok(id)
    }

    fn grid_loop(
        &mut self,
        node: Node<'t>,
        range: Range,
        (from, by): (Value, Value),
        partials: Vec<(LocalId, u32)>,
    ) -> Result<()> {
        let Some(device) = self.on_device.clone() else {
            return self.defect("no kernel");
        };
        let counter = self.b.local("index", Type::I64);
        self.b.effect(Op::Set(counter, from));
        let [head, guard, run, next, broken, done] = std::array::from_fn(|_| self.b.block());
        let failed = self.b.cold_block();
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let more = self.op(Op::Compare(Comparison::SLt, now, range.steps));
        self.b.branch(more, guard, done);
        self.b.switch_to(run);
        let is_last = self.is_last(now, range);
        self.b.effect(Op::Set(device.last, is_last));
        self.set_index(node, range, now)?;
        let depth = self.temps.len();
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let lowered = self.loop_body(node.child("body")?, broken, next);
        self.handlers.pop();
        lowered?;
        self.b.jump(next);
        let breaks = self.reached(broken);
        self.b.switch_to(guard);
        if breaks {
            let found = self.rt_value("cyl_gpu_broken", "p:i", &[device.state])?;
            let zero = self.int(0, 32);
            let go_on = self.op(Op::Compare(Comparison::Eq, found, zero));
            self.b.branch(go_on, run, done);
        } else {
            self.b.jump(run);
        }
        self.b.switch_to(next);
        if device.inner.is_empty() {
            self.finish_last(&device, is_last);
        }
        let moved = self.op(Op::Binary(BinaryOp::Add, now, by));
        self.b.effect(Op::Set(counter, moved));
        self.b.jump(head);
        self.b.switch_to(broken);
        self.rt_void("cyl_gpu_break", "p:v", &[device.state])?;
        self.b.jump(done);
        self.b.switch_to(failed);
        let line = self.op(Op::Get(self.line));
        self.rt_void("cyl_gpu_at", "pi:v", &[device.state, line])?;
        self.b.jump(done);
        let outer = self.error_block();
        self.b.switch_to(outer);
        self.b.jump(done);
        self.b.switch_to(done);
        for (local, word) in partials {
            let value = self.op(Op::Get(local));
            let address = self.launch_word(device.state, i128::from(word));
            self.b.effect(Op::Store { address, value });
        }
        let end = self.return_block;
        self.b.jump(end);
        self.b.switch_to(end);
        self.b.end(Terminator::Return(None));
        Ok(())
    }

    /// The loop over the second dimension: this thread's part of it.
    pub(super) fn inner_grid_loop(&mut self, node: Node<'t>, range: Range) -> Result<bool> {
        let Some(device) = self.on_device.clone() else {
            return Ok(false);
        };
        let found = device.inner.iter().find(|(id, ..)| *id == node.id());
        let Some((_, at, all)) = found.copied() else {
            return Ok(false);
        };
        let innermost = device.inner.last().is_some_and(|(id, ..)| *id == node.id());
        let counter = self.b.local("inner", Type::I64);
        self.b.effect(Op::Set(counter, at));
        let [head, run, next, after] = std::array::from_fn(|_| self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let more = self.op(Op::Compare(Comparison::SLt, now, range.steps));
        self.b.branch(more, run, after);
        self.b.switch_to(run);
        let outer = self.op(Op::Get(device.last));
        let inner = self.is_last(now, range);
        let is_last = self.op(Op::Binary(BinaryOp::And, outer, inner));
        self.b.effect(Op::Set(device.last, is_last));
        self.set_index(node, range, now)?;
        self.loop_body(node.child("body")?, after, next)?;
        self.b.jump(next);
        self.b.switch_to(next);
        if innermost {
            self.finish_last(&device, is_last);
        }
        // As it was for the loops around.
        self.b.effect(Op::Set(device.last, outer));
        let moved = self.op(Op::Binary(BinaryOp::Add, now, all));
        self.b.effect(Op::Set(counter, moved));
        self.b.jump(head);
        self.b.switch_to(after);
        Ok(true)
    }

    fn is_last(&mut self, now: Value, range: Range) -> Value {
        let one = self.int(1, 64);
        let top = self.op(Op::Binary(BinaryOp::Sub, range.steps, one));
        self.op(Op::Compare(Comparison::Eq, now, top))
    }

    /// The thread of the last iteration tells what its variables are.
    fn finish_last(&mut self, device: &OnDevice, is_last: Value) {
        if device.finish.is_empty() {
            return;
        }
        let (write, on) = (self.b.block(), self.b.block());
        self.b.branch(is_last, write, on);
        self.b.switch_to(write);
        for (local, _, word) in &device.finish {
            let value = self.op(Op::Get(*local));
            let address = self.launch_word(device.results, i128::from(*word));
            self.b.effect(Op::Store { address, value });
        }
        self.b.jump(on);
        self.b.switch_to(on);
    }

    /// A local with what the launch says of a variable.
    fn receive_variable(
        &mut self,
        node: Node<'t>,
        args: Value,
        place: &Place<'t>,
    ) -> Result<LocalId> {
        let one = &place.one;
        let name = one.entry.text("name").unwrap_or("variable");
        if let Some((table, ty)) = &place.table {
            let (id, owned) = (self.b.local(name, ty.clone()), false);
            self.variables
                .insert(table.id(), Variable::Local { id, owned });
            let to = self.op(Op::LocalAddr(id));
            for (at, from) in table_words(place) {
                let value = self.launch_value(args, i128::from(place.word) + from, Type::I64);
                let address = self.launch_word(to, at);
                self.b.effect(Op::Store { address, value });
            }
            return Ok(id);
        }
        let local = self.b.local(name, one.ty.clone());
        let owned = false;
        self.variables
            .insert(one.entry.id(), Variable::Local { id: local, owned });
        let word = i128::from(place.word);
        if let Some(dims) = place.dims {
            let to = self.op(Op::LocalAddr(local));
            let null = self.null();
            let address = self.slice_field(to, MEMVIEW);
            let value = null;
            self.b.effect(Op::Store { address, value });
            let value = self.launch_value(args, word, Type::Ptr);
            let address = self.slice_field(to, DATA);
            self.b.effect(Op::Store { address, value });
            for dim in 0..dims {
                for (part, field) in [SHAPE, STRIDES].into_iter().enumerate() {
                    let from = word + 1 + (part * dims + dim) as i128;
                    let value = self.launch_value(args, from, Type::I64);
                    let address = self.extent_address(to, field, dim);
                    self.b.effect(Op::Store { address, value });
                }
                let value = self.int(-1, 64);
                let address = self.extent_address(to, SUBOFFSETS, dim);
                self.b.effect(Op::Store { address, value });
            }
            return Ok(local);
        }
        let value = match &one.private {
            Some(Some(operator)) if !matches!(operator.as_str(), "max" | "min") => {
                self.identity(node, operator, &one.ty)?
            }
            _ => self.launch_value(args, word, one.ty.clone()),
        };
        self.b.effect(Op::Set(local, value));
        Ok(local)
    }
}
