//! How many iterations a `prange` has.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::c_integers::CInteger;
use super::context::missing_node;
use super::parallel::Range;
use super::types;
use crate::mir::{BinaryOp, Comparison, Op, Type, Value};

/// Start, stop and step, where they are given.
type Bounds = [Option<CInteger>; 3];

impl<'t> Body<'_, 't> {
    /// start, step, and the number of iterations, in 64 bits.
    pub(super) fn prange_counts(&mut self, node: Node<'t>) -> Result<Range> {
        let mut bounds: Bounds = [None; 3];
        for (bound, name) in bounds.iter_mut().zip(["start", "stop", "step"]) {
            let Some(part) = node.node(name) else {
                continue;
            };
            let value = self.expr(part)?;
            let Some(integer) = self.c_integer(value, part.expr_type()?) else {
                return missing_node(node, "over something else than integers");
            };
            *bound = Some(integer);
        }
        let one = self.int(1, 64);
        let zero = self.int(0, 64);
        let unsigned = bounds.iter().flatten().any(|bound| bound.is_unsigned());
        let [start, stop, step] = bounds.map(|bound| bound.map(|bound| self.c_value(bound, 64)));
        let Some(stop) = stop else {
            return missing_node(node, "without an end");
        };
        if let Some(step) = step {
            self.refuse_no_step(node, step)?;
        }
        let in_c = unsigned && (start.is_some() || step.is_some());
        let start = start.unwrap_or(zero);
        if in_c {
            let step = step.unwrap_or(one);
            let steps = self.counted_in_c(node, bounds)?;
            return Ok(Range { start, step, steps });
        }
        let length = self.op(Op::Binary(BinaryOp::Sub, stop, start));
        let Some(step) = step else {
            return Ok(Range {
                start,
                step: one,
                steps: length,
            });
        };
        // Rounded away from zero: length + step -+ 1.
        let up = self.op(Op::Compare(Comparison::SGt, step, zero));
        let minus = self.int(-1, 64);
        let sign = self.op(Op::Select(up, one, minus));
        let sum = self.op(Op::Binary(BinaryOp::Add, length, step));
        let sum = self.op(Op::Binary(BinaryOp::Sub, sum, sign));
        let steps = self.op(Op::Binary(BinaryOp::SDiv, sum, step));
        Ok(Range { start, step, steps })
    }

    /// A step of zero ends the process, as with Cython.
    fn refuse_no_step(&mut self, node: Node<'t>, step: Value) -> Result<()> {
        let known = node.node("step").filter(|step| step.kind() == "IntNode");
        let known = known.and_then(|step| step.text("value")?.parse::<i64>().ok());
        if known.is_some_and(|step| step != 0) {
            return Ok(());
        }
        let zero = self.int(0, 64);
        let none = self.op(Op::Compare(Comparison::Eq, step, zero));
        self.if_unlikely(none, |body| body.rt_void("cyl_parallel_abort", ":v", &[]))
    }

    /// The number of iterations in C's types, where some are unsigned: what is less than nothing wraps.
    fn counted_in_c(&mut self, node: Node<'t>, bounds: Bounds) -> Result<Value> {
        let [zero, one, minus] = [0, 1, -1].map(|number| self.int(number, 32));
        let [zero, one, minus] = [zero, one, minus].map(|value| CInteger::of(value, 32, false));
        let [start, stop, step] = bounds;
        let (start, step) = (start.unwrap_or(zero), step.unwrap_or(one));
        let stop = stop.unwrap_or(zero);
        // The step over its absolute value.
        let sign = if step.is_unsigned() {
            one
        } else {
            let (value, none, _) = self.in_common(step, zero);
            let up = self.op(Op::Compare(Comparison::SGt, value, none));
            let [one, minus] = [one, minus].map(|number| self.c_value(number, 32));
            CInteger::of(self.op(Op::Select(up, one, minus)), 32, false)
        };
        let length = self.c_operation(node, "-", stop, start)?;
        let sum = self.c_operation(node, "+", length, step)?;
        let sum = self.c_operation(node, "-", sum, sign)?;
        let steps = self.c_operation(node, "/", sum, step)?;
        let Some(index) = node.ty("index_type") else {
            return missing_node(node, "over unsigned integers");
        };
        let Type::Int(bits) = self.c_type(index)? else {
            return missing_node(node, "over something else than integers");
        };
        let steps = self.c_value(steps, bits);
        Ok(self.widen(steps, 64, types::unsigned(index)))
    }
}
