//! Loops.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::Frame;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, BlockId, Comparison, Op, Terminator, Type, Value};

impl<'t> Body<'_, 't> {
    /// Lowers a loop's body: `continue` and `break` lead to the given blocks.
    fn loop_body(&mut self, body: Node<'t>, break_to: BlockId, continue_to: BlockId) -> Result<()> {
        let depth = self.temps.len();
        self.frames.push(Frame::Loop { break_to, continue_to, depth });
        let done = self.stat(body);
        self.frames.pop();
        done
    }

    pub(super) fn lower_while(&mut self, node: Node<'t>) -> Result<()> {
        let (head, body, otherwise, after) =
            (self.b.block(), self.b.block(), self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        match node.node("condition") {
            Some(condition) => {
                let truth = self.condition(condition)?;
                self.b.branch(truth, body, otherwise);
            }
            None => self.b.jump(body),
        }
        self.b.switch_to(body);
        self.loop_body(node.child("body")?, after, head)?;
        self.b.jump(head);
        self.b.switch_to(otherwise);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// `ForFromStatNode`: a C integer that counts; what Cython makes of `range`, too.
    pub(super) fn lower_for_from(&mut self, node: Node<'t>) -> Result<()> {
        let target = node.child("target")?;
        let variable = node.child("loopvar_node")?;
        let from_range = node.flag("from_range");
        if node.flag("is_py_target") && !from_range {
            return missing_node(node, "with an object as target");
        }
        let loop_type = if node.node("py_loopvar_node").is_some() { variable } else { target };
        let ty = loop_type.expr_type()?;
        let mir = match self.c_type(ty)? {
            ty if ty.is_int() || ty.is_float() => ty,
            other => return missing_node(node, &format!("over {other}")),
        };
        let unsigned = types::unsigned(ty);
        let counter = self.b.local("counter", mir.clone());
        let (first, last) = (node.child("bound1")?, node.child("bound2")?);
        let start = self.expr(first)?;
        let start = self.convert_number(start, first.expr_type()?, ty)?;
        let bound = self.expr(last)?;
        let step = match node.node("step") {
            Some(step) => {
                let value = self.expr(step)?;
                self.convert_number(value, step.expr_type()?, ty)?
            }
            None => self.number(1, &mir),
        };
        let (relation1, relation2) =
            (node.text("relation1").unwrap_or("<="), node.text("relation2").unwrap_or("<"));
        let down = relation1.starts_with('>');
        let start = match relation1 {
            "<" => self.add(start, 1, &mir),
            ">" => self.add(start, -1, &mir),
            _ => start,
        };
        // An unsigned counter that goes down is tested one step ahead, so that 0 is not passed.
        let ahead = down && unsigned && relation2.starts_with('>');
        let start = if ahead { self.plus(start, step) } else { start };
        self.b.effect(Op::Set(counter, start));
        let (head, body, next, otherwise, after) = (
            self.b.block(),
            self.b.block(),
            self.b.block(),
            self.b.block(),
            self.b.block(),
        );
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let inside = self.compare_bound(node, (now, ty), (bound, last.expr_type()?), relation2, step, ahead)?;
        self.b.branch(inside, body, otherwise);
        self.b.switch_to(body);
        if ahead {
            let now = self.op(Op::Get(counter));
            let less = self.minus(now, step);
            self.b.effect(Op::Set(counter, less));
        }
        let now = self.op(Op::Get(counter));
        self.set_loop_target(node, target, variable, now)?;
        self.loop_body(node.child("body")?, after, next)?;
        self.b.jump(next);
        self.b.switch_to(next);
        if !from_range {
            // The body may have moved the variable.
            let moved = self.expr(variable)?;
            self.b.effect(Op::Set(counter, moved));
        }
        if !ahead {
            let now = self.op(Op::Get(counter));
            let moved = if down { self.minus(now, step) } else { self.plus(now, step) };
            self.b.effect(Op::Set(counter, moved));
            if !from_range {
                // for-from leaves the variable past the bound.
                let moved = self.op(Op::Get(counter));
                self.assign(target, moved)?;
            }
        } else if !from_range {
            return missing_node(node, "down over unsigned integers");
        }
        self.b.jump(head);
        self.b.switch_to(otherwise);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    fn set_loop_target(
        &mut self,
        node: Node<'t>,
        target: Node<'t>,
        variable: Node<'t>,
        now: Value,
    ) -> Result<()> {
        if let Some(object) = node.node("py_loopvar_node") {
            // An object made of the counter, whose node refers to the C variable.
            self.results.insert(variable.id(), now);
            let value = if object.kind() == "CoerceToPyTypeNode" {
                self.to_python(now, variable.expr_type()?)?
            } else {
                return missing_node(node, "with another kind of target");
            };
            return self.assign(target, value);
        }
        self.assign(target, now)
    }

    fn number(&mut self, value: i64, ty: &Type) -> Value {
        match ty {
            Type::Int(bits) => self.int(i128::from(value), *bits),
            other => self.float(value as f64, other.clone()),
        }
    }

    fn plus(&mut self, a: Value, b: Value) -> Value {
        let op = if self.b.ty(a).is_float() { BinaryOp::FAdd } else { BinaryOp::Add };
        self.op(Op::Binary(op, a, b))
    }

    fn minus(&mut self, a: Value, b: Value) -> Value {
        let op = if self.b.ty(a).is_float() { BinaryOp::FSub } else { BinaryOp::Sub };
        self.op(Op::Binary(op, a, b))
    }

    fn add(&mut self, a: Value, count: i64, ty: &Type) -> Value {
        let count = self.number(count, ty);
        self.plus(a, count)
    }

    /// Counter against bound, by C's usual arithmetic conversions.
    fn compare_bound(
        &mut self,
        node: Node<'t>,
        (now, ty): (Value, frontend_bridge::tree::Type<'t>),
        (bound, bound_type): (Value, frontend_bridge::tree::Type<'t>),
        relation: &str,
        step: Value,
        ahead: bool,
    ) -> Result<Value> {
        let (a, b) = (self.b.ty(now).clone(), self.b.ty(bound).clone());
        if a.is_float() || b.is_float() {
            let now = self.convert_number(now, ty, if b.is_float() { bound_type } else { ty })?;
            let bound = self.convert_number(bound, bound_type, if b.is_float() { bound_type } else { ty })?;
            let how = match relation {
                "<" => Comparison::FLt,
                "<=" => Comparison::FLe,
                ">" => Comparison::FGt,
                _ => Comparison::FGe,
            };
            return Ok(self.op(Op::Compare(how, now, bound)));
        }
        let (Type::Int(m), Type::Int(n)) = (a, b) else {
            return missing_node(node, "over these bounds");
        };
        let width = m.max(n).max(32);
        let unsigned = (m == width && types::unsigned(ty)) || (n == width && types::unsigned(bound_type));
        let now = self.widen(now, width, types::unsigned(ty));
        let mut bound = self.widen(bound, width, types::unsigned(bound_type));
        if ahead {
            let step = self.widen(step, width, types::unsigned(ty));
            bound = self.op(Op::Binary(BinaryOp::Add, bound, step));
        }
        let how = match (relation, unsigned) {
            ("<", false) => Comparison::SLt,
            ("<=", false) => Comparison::SLe,
            (">", false) => Comparison::SGt,
            (_, false) => Comparison::SGe,
            ("<", true) => Comparison::ULt,
            ("<=", true) => Comparison::ULe,
            (">", true) => Comparison::UGt,
            (_, true) => Comparison::UGe,
        };
        Ok(self.op(Op::Compare(how, now, bound)))
    }

    /// `ForInStatNode`: over any iterable, lists and tuples by index.
    pub(super) fn lower_for_in(&mut self, node: Node<'t>) -> Result<()> {
        let iterator = node.child("iterator")?;
        let item = node.child("item")?;
        if iterator.kind() != "IteratorNode" || item.kind() != "NextNode" {
            return missing_node(node, &format!("over {}", iterator.kind()));
        }
        let sequence = iterator.child("sequence")?;
        if !sequence.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "over C values");
        }
        if iterator.flag("reversed") {
            return missing_node(node, "over reversed");
        }
        let source = self.expr(sequence)?;
        self.at(node);
        let state = self.rt_object("PyObject_GetIter", "o:O", &[source])?;
        self.release_under(state, &[source]);
        let (head, body, otherwise, after) =
            (self.b.block(), self.b.block(), self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        let Some(next) = self.rt_raw("PyIter_Next", "o:O", &[state])? else {
            return self.defect("PyIter_Next");
        };
        let end = self.b.block();
        self.b.end(Terminator::Check {
            value: Some(next),
            raises: crate::mir::Raises::Null,
            ok: body,
            error: end,
        });
        // Null: the end, or an exception.
        self.b.switch_to(end);
        let error = self.error_edge();
        self.b.end(Terminator::Check {
            value: None,
            raises: crate::mir::Raises::Occurred,
            ok: otherwise,
            error,
        });
        self.b.switch_to(body);
        let next = self.hold(next);
        self.results.insert(item.id(), next);
        self.at(node);
        let target = node.child("target")?;
        self.assign_item(node, target, item, next)?;
        self.loop_body(node.child("body")?, after, head)?;
        self.b.jump(head);
        self.b.switch_to(otherwise);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        self.release(state);
        Ok(())
    }

    /// The loop's item, converted as the target wants it.
    fn assign_item(&mut self, node: Node<'t>, target: Node<'t>, item: Node<'t>, value: Value) -> Result<()> {
        let ty = target.expr_type()?;
        if !ty.flag("is_pyobject") {
            let made = self.from_python(value, ty)?;
            self.release(value);
            return self.assign(target, made);
        }
        if ty.flag("is_builtin_type") || ty.flag("is_extension_type") {
            if item.expr_type()?.flag("is_pyobject") && target.kind() == "NameNode" {
                if ty.flag("is_builtin_type") {
                    self.builtin_type_test(node, value, ty, true, true)?;
                } else {
                    return missing_node(node, "over an extension type");
                }
            }
        }
        self.assign(target, value)
    }
}

