//! `for` over a `range` of C integers with a step whose sign is known at run time only: Cython leaves it
//! to Python's range object; here it is counted.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::types;
use crate::mir::{BinaryOp, Comparison, Op, Type, UnaryOp, Value};

/// Start, stop and step.
struct Bounds<'t>([Node<'t>; 3]);

impl<'t> Body<'_, 't> {
    /// The bounds of a loop over a range that can be counted: the values fit the loop's C variable, as
    /// its type holds all bounds.
    fn counted_range(&mut self, iterator: Node<'t>, item: Node<'t>) -> Result<Option<Bounds<'t>>> {
        let Some(call) = iterator
            .node("sequence")
            .filter(|call| matches!(call.kind(), "SimpleCallNode" | "PyMethodCallNode"))
            .filter(|call| call.node("kwdict").is_none() && call.nodes("kwnames").is_empty())
            .filter(|_| !iterator.flag("reversed"))
        else {
            return Ok(None);
        };
        let of_range = call.node("function").is_some_and(|function| {
            let entry = function.entry("entry");
            function.kind() == "NameNode"
                && entry.is_some_and(|entry| {
                    let cname = entry.text("cname").unwrap_or_default();
                    entry.flag("is_builtin")
                        && entry.flag("is_const")
                        && cname.trim_matches(['(', ')', '&']) == "PyRange_Type"
                })
        });
        let Some(tuple) = call
            .node("arg_tuple")
            .filter(|tuple| of_range && tuple.kind() == "TupleNode")
        else {
            return Ok(None);
        };
        let plain = tuple.node("mult_factor").is_none() && item.kind() == "CoerceFromPyTypeNode";
        let [start, stop, step] = tuple.nodes("args")[..] else {
            return Ok(None);
        };
        let Some(most) = self.signed_bits(item)?.filter(|_| plain && self.gil) else {
            return Ok(None);
        };
        let mut bounds = [start, stop, step];
        for bound in &mut bounds {
            let Some(number) = bound
                .node("arg")
                .filter(|_| bound.kind() == "CoerceToPyTypeNode")
            else {
                return Ok(None);
            };
            if self.signed_bits(number)?.is_none_or(|bits| bits > most) {
                return Ok(None);
            }
            *bound = number;
        }
        Ok(Some(Bounds(bounds)))
    }

    /// The width of a signed C integer.
    fn signed_bits(&mut self, node: Node<'t>) -> Result<Option<u16>> {
        let ty = node.expr_type()?;
        if !types::resolve(ty).flag("is_int") || ty.kind() == "CBIntType" || types::unsigned(ty) {
            return Ok(None);
        }
        Ok(match self.c_type(ty)? {
            Type::Int(bits) if (8..=64).contains(&bits) => Some(bits),
            _ => None,
        })
    }

    /// Lowers such a loop; false where it is none.
    pub(super) fn lower_for_range(&mut self, node: Node<'t>) -> Result<bool> {
        let (iterator, item) = (node.child("iterator")?, node.child("item")?);
        let Some(Bounds(bounds)) = self.counted_range(iterator, item)? else {
            return Ok(false);
        };
        let mut values = Vec::new();
        for bound in bounds {
            let value = self.expr(bound)?;
            values.push(self.widen(value, 64, false));
        }
        let (start, stop, step) = (values[0], values[1], values[2]);
        self.at(iterator);
        let zero = self.int(0, 64);
        let none = self.op(Op::Compare(Comparison::Eq, step, zero));
        self.if_unlikely(none, |body| {
            body.raise_builtin("PyExc_ValueError", "range() arg 3 must not be zero")
        })?;
        let left = self.b.local("left", Type::I64);
        let next = self.b.local("next", Type::I64);
        let count = self.range_length(start, stop, step);
        self.b.effect(Op::Set(left, count));
        self.b.effect(Op::Set(next, start));
        let (head, body) = (self.b.block(), self.b.block());
        let (otherwise, after) = (self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        self.at(node);
        let now = self.op(Op::Get(left));
        let zero = self.int(0, 64);
        let done = self.op(Op::Compare(Comparison::Eq, now, zero));
        self.b.branch(done, otherwise, body);
        self.b.switch_to(body);
        let one = self.int(1, 64);
        let fewer = self.op(Op::Binary(BinaryOp::Sub, now, one));
        self.b.effect(Op::Set(left, fewer));
        let current = self.op(Op::Get(next));
        let following = self.op(Op::Binary(BinaryOp::Add, current, step));
        self.b.effect(Op::Set(next, following));
        let bits = self.signed_bits(item)?.unwrap_or(64);
        let value = self.widen(current, bits, false);
        self.assign(node.child("target")?, value)?;
        self.loop_body(node.child("body")?, after, head)?;
        self.b.jump(head);
        self.loop_end(node, otherwise, after)?;
        Ok(true)
    }

    /// How many numbers are in a range, without a sign: the step is not 0.
    fn range_length(&mut self, start: Value, stop: Value, step: Value) -> Value {
        let zero = self.int(0, 64);
        let down = self.op(Op::Compare(Comparison::SLt, step, zero));
        let back = self.op(Op::Unary(UnaryOp::Neg, step));
        let size = self.op(Op::Select(down, back, step));
        let low = self.op(Op::Select(down, stop, start));
        let high = self.op(Op::Select(down, start, stop));
        let some = self.op(Op::Compare(Comparison::SLt, low, high));
        let one = self.int(1, 64);
        let span = self.op(Op::Binary(BinaryOp::Sub, high, low));
        let span = self.op(Op::Binary(BinaryOp::Sub, span, one));
        let whole = self.op(Op::Binary(BinaryOp::UDiv, span, size));
        let count = self.op(Op::Binary(BinaryOp::Add, whole, one));
        self.op(Op::Select(some, count, zero))
    }
}
