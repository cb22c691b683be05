//! Loops.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, BlockId, Comparison, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// The end of a loop: `else`, where it was not left early, then what follows.
    pub(super) fn loop_end(
        &mut self,
        node: Node<'t>,
        otherwise: BlockId,
        after: BlockId,
    ) -> Result<()> {
        self.b.switch_to(otherwise);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    pub(super) fn lower_while(&mut self, node: Node<'t>) -> Result<()> {
        let (head, body, otherwise, after) = (
            self.b.block(),
            self.b.block(),
            self.b.block(),
            self.b.block(),
        );
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
        self.exhausted.push(otherwise);
        let done = self.loop_body(node.child("body")?, after, head);
        self.exhausted.pop();
        done?;
        self.b.jump(head);
        self.loop_end(node, otherwise, after)
    }

    /// `ForFromStatNode`: a C integer that counts; what Cython makes of `range`, too.
    pub(super) fn lower_for_from(&mut self, node: Node<'t>) -> Result<()> {
        let target = node.child("target")?;
        let variable = node.node("loopvar_node").unwrap_or(target);
        let from_range = node.flag("from_range");
        let py_target = !from_range && node.node("py_loopvar_node").is_some();
        let loop_type = if node.node("py_loopvar_node").is_some() {
            variable
        } else {
            target
        };
        let ty = loop_type.expr_type()?;
        let mir = match self.c_type(ty)? {
            ty if ty.is_int() || ty.is_float() => ty,
            Type::Ptr if from_range => return self.lower_for_pointer(node, target),
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
        let (relation1, relation2) = (
            node.text("relation1").unwrap_or("<="),
            node.text("relation2").unwrap_or("<"),
        );
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
        if !from_range && !py_target {
            // The variable is the counter: it has its first value where nothing is run.
            self.assign(target, start)?;
        }
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
        let inside = self.compare_bound(
            node,
            (now, ty),
            (bound, last.expr_type()?),
            relation2,
            step,
            ahead,
        )?;
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
        if py_target {
            let current = self.expr(target)?;
            let moved = self.from_python(current, ty)?;
            self.release(current);
            self.b.effect(Op::Set(counter, moved));
        } else if !from_range {
            // The body may have moved the variable.
            let moved = self.expr(variable)?;
            self.b.effect(Op::Set(counter, moved));
        }
        if !ahead {
            let now = self.op(Op::Get(counter));
            let moved = if down {
                self.minus(now, step)
            } else {
                self.plus(now, step)
            };
            self.b.effect(Op::Set(counter, moved));
            if !from_range && !py_target {
                // for-from leaves the variable past the bound.
                let moved = self.op(Op::Get(counter));
                self.assign(target, moved)?;
            }
        } else if !from_range && !py_target {
            return missing_node(node, "down over unsigned integers");
        }
        self.b.jump(head);
        self.b.switch_to(otherwise);
        if py_target {
            let last = self.op(Op::Get(counter));
            self.set_loop_target(node, target, variable, last)?;
        }
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// Over the items of a C array, by address.
    fn lower_for_pointer(&mut self, node: Node<'t>, target: Node<'t>) -> Result<()> {
        let ty = types::resolve(target.expr_type()?);
        let item = match ty.ty("base_type") {
            Some(item) => match self.c_type(item)? {
                Type::Void => Type::Int(8),
                item => item,
            },
            None => return missing_node(node, "over addresses of nothing"),
        };
        let (first, last) = (node.child("bound1")?, node.child("bound2")?);
        let start = self.array_place(first, &item)?;
        let bound = self.array_place(last, &item)?;
        if *self.b.ty(start) != Type::Ptr || *self.b.ty(bound) != Type::Ptr {
            return missing_node(node, "over these bounds");
        }
        let (relation1, relation2) = (
            node.text("relation1").unwrap_or("<="),
            node.text("relation2").unwrap_or("<"),
        );
        let down = relation1.starts_with('>');
        let step = match node.node("step") {
            Some(step) => {
                let value = self.expr(step)?;
                self.widen(value, 64, types::unsigned(step.expr_type()?))
            }
            None => self.int(1, 64),
        };
        let step = if down {
            self.op(Op::Unary(crate::mir::UnaryOp::Neg, step))
        } else {
            step
        };
        let start = match relation1 {
            "<" | ">" => {
                let by = self.int(if down { -1 } else { 1 }, 64);
                self.op(Op::Index(start, item.clone(), by))
            }
            _ => start,
        };
        let counter = self.b.local("address", Type::Ptr);
        self.b.effect(Op::Set(counter, start));
        let (head, body, next) = (self.b.block(), self.b.block(), self.b.block());
        let (otherwise, after) = (self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let how = match relation2 {
            "<" => Comparison::ULt,
            "<=" => Comparison::ULe,
            ">" => Comparison::UGt,
            _ => Comparison::UGe,
        };
        let inside = self.op(Op::Compare(how, now, bound));
        self.b.branch(inside, body, otherwise);
        self.b.switch_to(body);
        let now = self.op(Op::Get(counter));
        self.assign(target, now)?;
        self.loop_body(node.child("body")?, after, next)?;
        self.b.jump(next);
        self.b.switch_to(next);
        let now = self.op(Op::Get(counter));
        let moved = self.op(Op::Index(now, item, step));
        self.b.effect(Op::Set(counter, moved));
        self.b.jump(head);
        self.loop_end(node, otherwise, after)
    }

    /// Where a loop over a C array starts or ends.
    fn array_place(&mut self, node: Node<'t>, item: &Type) -> Result<Value> {
        let place = match node.kind() {
            "CoerceToTempNode" => self.array_place(node.child("arg")?, item)?,
            "AddNode" => {
                let base = self.array_place(node.child("operand1")?, item)?;
                let offset = node.child("operand2")?;
                let count = self.expr(offset)?;
                let count = self.widen(count, 64, types::unsigned(offset.expr_type()?));
                if *self.b.ty(base) != Type::Ptr || !self.b.ty(count).is_int() {
                    return missing_node(node, "as a bound");
                }
                self.op(Op::Index(base, item.clone(), count))
            }
            _ => self.array_address(node)?,
        };
        self.results.insert(node.id(), place);
        Ok(place)
    }

    /// An address, of an array its first item's.
    fn array_address(&mut self, node: Node<'t>) -> Result<Value> {
        let array = types::resolve(node.expr_type()?).flag("is_array");
        match (array, node.kind()) {
            (true, "NameNode") => self.variable_address(node),
            (_, "CloneNode") => {
                let arg = node.child("arg")?;
                match self.results.get(&arg.id()).copied() {
                    Some(value) => Ok(value),
                    None => missing_node(node, "of a value made elsewhere"),
                }
            }
            _ => self.expr(node),
        }
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
        let op = if self.b.ty(a).is_float() {
            BinaryOp::FAdd
        } else {
            BinaryOp::Add
        };
        self.op(Op::Binary(op, a, b))
    }

    fn minus(&mut self, a: Value, b: Value) -> Value {
        let op = if self.b.ty(a).is_float() {
            BinaryOp::FSub
        } else {
            BinaryOp::Sub
        };
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
            let bound = self.convert_number(
                bound,
                bound_type,
                if b.is_float() { bound_type } else { ty },
            )?;
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
        let unsigned =
            (m == width && types::unsigned(ty)) || (n == width && types::unsigned(bound_type));
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
}
