//! Comparisons, `and`, `or`, and conditional expressions.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::line_marks::When;
use super::memview::is_slice;
use super::{operators, types};
use crate::mir::{BlockId, CastOp, Comparison, LocalId, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_comparison(&mut self, node: Node<'t>) -> Result<Value> {
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        if is_slice(left) || is_slice(right) {
            return self.compare_slice(node, left, right);
        }
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        let as_object = node.expr_type()?.flag("is_pyobject");
        let Some(cascade) = node.node("cascade") else {
            let result = self.compare(node, (left, x), (right, y), as_object)?;
            self.release_under(result, &[x, y]);
            return Ok(result);
        };
        let ty = if as_object { Type::Object } else { Type::I32 };
        let local = self.b.local("comparison", ty);
        // The object that is the result so far is released where the next comparison raises.
        let owning = [local];
        let owning = if as_object { &owning[..] } else { &[] };
        let result = self.with_locals(owning, |body| {
            let first = body.compare(node, (left, x), (right, y), as_object)?;
            body.keep_comparison(local, first);
            let after = body.b.block();
            body.cascade(cascade, node, right, y, local, as_object, after)?;
            body.b.jump(after);
            body.b.switch_to(after);
            if as_object {
                let result = body.op(Op::Take(local));
                return Ok(body.hold(result));
            }
            Ok(body.op(Op::Get(local)))
        })?;
        self.release_under(result, &[x, y]);
        Ok(result)
    }

    fn keep_comparison(&mut self, local: LocalId, value: Value) {
        if *self.b.ty(value) == Type::Object {
            let value = self.give(value);
            self.replace(local, value);
        } else {
            let value = self.as_int(value);
            self.b.effect(Op::Set(local, value));
        }
    }

    /// `... <op> operand2`, only where the result so far is true.
    #[allow(clippy::too_many_arguments)]
    fn cascade(
        &mut self,
        node: Node<'t>,
        before: Node<'t>,
        left: Node<'t>,
        x: Value,
        local: LocalId,
        as_object: bool,
        after: BlockId,
    ) -> Result<()> {
        let so_far = self.op(Op::Get(local));
        let truth = if as_object {
            self.object_truth(so_far)?
        } else {
            self.truth(so_far)?
        };
        let more = self.b.block();
        self.b.branch(truth, more, after);
        self.b.switch_to(more);
        if as_object {
            self.clear_local(local);
        }
        // The shared operand may need another type here than in the comparison before.
        let (left, x, coerced) = match before.node("coerced_operand2") {
            Some(coerced) => {
                self.results.insert(left.id(), x);
                let value = self.expr(coerced)?;
                (coerced, value, Some(value))
            }
            None => (left, x, None),
        };
        let right = node.child("operand2")?;
        let y = self.expr(right)?;
        let result = self.compare(node, (left, x), (right, y), as_object)?;
        self.keep_comparison(local, result);
        if let Some(next) = node.node("cascade") {
            let inner = self.b.block();
            self.cascade(next, node, right, y, local, as_object, inner)?;
            self.b.jump(inner);
            self.b.switch_to(inner);
        }
        if let Some(coerced) = coerced {
            self.release(coerced);
        }
        self.release(y);
        Ok(())
    }

    /// One comparison; a C truth value, or an object.
    fn compare(
        &mut self,
        node: Node<'t>,
        (left, x): (Node<'t>, Value),
        (right, y): (Node<'t>, Value),
        as_object: bool,
    ) -> Result<Value> {
        let operator = node.text("operator").unwrap_or_default();
        let number = match operator {
            "<" => 0,
            "<=" => 1,
            "==" => 2,
            "!=" => 3,
            ">" => 4,
            ">=" => 5,
            _ => -1,
        };
        if let Some(function) = node.text("special_bool_cmp_function") {
            let known = self.m.symbols.resolve(function).is_some();
            let plain = *self.b.ty(x) == Type::Object && *self.b.ty(y) == Type::Object;
            let extra = node.nodes("special_bool_extra_args");
            if extra.is_empty() && (known || !plain || number < 0) {
                return self.special_compare(function, operator, x, y, as_object);
            }
            let of_constant = matches!(
                function,
                "__Pyx_PyLong_BoolEqObjC"
                    | "__Pyx_PyLong_BoolEqCObj"
                    | "__Pyx_PyLong_BoolNeObjC"
                    | "__Pyx_PyLong_BoolNeCObj"
            );
            if known && plain && of_constant && extra.len() == 2 {
                return self.compare_with_constant(function, x, y, &extra, as_object);
            }
        }
        let objects = *self.b.ty(x) == Type::Object && *self.b.ty(y) == Type::Object;
        if operator == "is" || operator == "is_not" {
            let how = if operator == "is" {
                Comparison::Eq
            } else {
                Comparison::Ne
            };
            if !objects {
                let operator = if how == Comparison::Eq { "==" } else { "!=" };
                let sides = ((left.expr_type()?, x), (right.expr_type()?, y));
                let same = self.compare_numbers(node, operator, sides.0, sides.1)?;
                return self.comparison_result(same, as_object);
            }
            let same = self.op(Op::Compare(how, x, y));
            return self.comparison_result(same, as_object);
        }
        if objects {
            let how = self.int(number, 32);
            if number < 0 {
                return missing_node(node, &format!("'{operator}'"));
            }
            let special =
                operators::comparison(operator, left.expr_type()?, right.expr_type()?, as_object)
                    .filter(|special| self.m.symbols.resolve(special).is_some());
            if as_object {
                let name = special.as_deref().unwrap_or("PyObject_RichCompare");
                return self.rt_object(name, "ooi:O", &[x, y, how]);
            }
            let result = self.rt_status(
                special
                    .as_deref()
                    .unwrap_or("__Pyx_PyObject_RichCompareBool"),
                "ooi:i",
                &[x, y, how],
                Raises::Negative,
            )?;
            return Ok(result);
        }
        let result = self.compare_numbers(
            node,
            operator,
            (left.expr_type()?, x),
            (right.expr_type()?, y),
        )?;
        self.comparison_result(result, as_object)
    }

    fn comparison_result(&mut self, truth: Value, as_object: bool) -> Result<Value> {
        let value = self.as_int(truth);
        if as_object {
            self.bool_object(value)
        } else {
            Ok(value)
        }
    }

    /// True or False for a C truth value; owned.
    pub(super) fn bool_object(&mut self, value: Value) -> Result<Value> {
        let truth = self.truth(value)?;
        let (yes, no) = (
            self.symbol_object("_Py_TrueStruct"),
            self.symbol_object("_Py_FalseStruct"),
        );
        let object = self.op(Op::Select(truth, yes, no));
        Ok(self.owned(object))
    }

    fn compare_with_constant(
        &mut self,
        function: &str,
        x: Value,
        y: Value,
        extra: &[Node<'t>],
        as_object: bool,
    ) -> Result<Value> {
        let mut args = vec![x, y];
        for part in extra {
            let value = self.expr(*part)?;
            args.push(self.widen(value, 64, false));
        }
        let result = self.rt_status(function, "ooll:i", &args, Raises::Negative)?;
        if as_object {
            self.bool_object(result)
        } else {
            Ok(result)
        }
    }

    fn special_compare(
        &mut self,
        function: &str,
        operator: &str,
        x: Value,
        y: Value,
        as_object: bool,
    ) -> Result<Value> {
        // Py_LT .. Py_GE; Py_EQ and Py_NE also tell `in` from `not in`.
        let how = match operator {
            "<" => 0,
            "<=" => 1,
            "==" | "in" => 2,
            "!=" | "not_in" => 3,
            ">" => 4,
            _ => 5,
        };
        let how = self.int(how, 32);
        // C converts a number that is looked for in bytes.
        let x = match (function, self.b.ty(x).clone()) {
            ("__Pyx_BytesContains" | "__Pyx_ByteArrayContains", Type::Int(bits)) if bits > 8 => {
                self.op(Op::Cast(CastOp::Trunc, x, Type::Int(8)))
            }
            _ => x,
        };
        let letter = |ty: &Type| match ty {
            Type::Int(64) => 'l',
            Type::Int(_) => 'i',
            _ => 'o',
        };
        let short = format!("{}{}i:i", letter(self.b.ty(x)), letter(self.b.ty(y)));
        let wide = |body: &mut Self, value: Value| match body.b.ty(value).clone() {
            Type::Int(bits) if bits < 32 => body.widen(value, 32, false),
            _ => value,
        };
        let (x, y) = (wide(self, x), wide(self, y));
        let result = self.rt_status(function, &short, &[x, y, how], Raises::Negative)?;
        if as_object {
            self.bool_object(result)
        } else {
            Ok(result)
        }
    }

    /// A comparison of C values by the usual arithmetic conversions.
    fn compare_numbers(
        &mut self,
        node: Node<'t>,
        operator: &str,
        (left, x): (TreeType<'t>, Value),
        (right, y): (TreeType<'t>, Value),
    ) -> Result<Value> {
        let (x, y) = (self.as_in_c(x), self.as_in_c(y));
        let (a, b) = (self.b.ty(x).clone(), self.b.ty(y).clone());
        if matches!((&a, &b), (Type::Struct(_), Type::Struct(_)))
            && types::resolve(left).flag("is_complex")
        {
            return self.complex_compare(node, operator, x, y);
        }
        let (x, y, unsigned) = if a.is_pointer() || b.is_pointer() {
            if !(a.is_pointer() && b.is_pointer()) {
                return missing_node(node, "of a pointer and a number");
            }
            (x, y, true)
        } else if a.is_float() || b.is_float() {
            let common = wider_float(&a, &b);
            (
                self.to_float(x, left, &common),
                self.to_float(y, right, &common),
                false,
            )
        } else {
            let (Some(x), Some(y)) = (self.c_integer(x, left), self.c_integer(y, right)) else {
                return missing_node(node, &format!("of {a} and {b}"));
            };
            self.in_common(x, y)
        };
        let float = self.b.ty(x).is_float();
        let how = match (operator, float, unsigned) {
            ("==", false, _) => Comparison::Eq,
            ("!=", false, _) => Comparison::Ne,
            ("<", false, false) => Comparison::SLt,
            ("<=", false, false) => Comparison::SLe,
            (">", false, false) => Comparison::SGt,
            (">=", false, false) => Comparison::SGe,
            ("<", false, true) => Comparison::ULt,
            ("<=", false, true) => Comparison::ULe,
            (">", false, true) => Comparison::UGt,
            (">=", false, true) => Comparison::UGe,
            ("==", true, _) => Comparison::FEq,
            ("!=", true, _) => Comparison::FNe,
            ("<", true, _) => Comparison::FLt,
            ("<=", true, _) => Comparison::FLe,
            (">", true, _) => Comparison::FGt,
            (">=", true, _) => Comparison::FGe,
            _ => return missing_node(node, &format!("'{operator}'")),
        };
        Ok(self.op(Op::Compare(how, x, y)))
    }

    /// The truth of a borrowed object.
    pub(super) fn object_truth(&mut self, object: Value) -> Result<Value> {
        let value = self.rt_status("__Pyx_PyObject_IsTrue", "o:i", &[object], Raises::Negative)?;
        self.truth(value)
    }

    // ---------------------------------------------------------------- and, or

    pub(super) fn lower_bool_binop(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = self.type_of(node)?;
        let local = self.b.local("result", ty.clone());
        let end = self.b.block();
        self.bool_operand(node, local, None, None, end)?;
        self.b.switch_to(end);
        if ty == Type::Object {
            let result = self.op(Op::Take(local));
            return Ok(self.hold(result));
        }
        Ok(self.op(Op::Get(local)))
    }

    pub(super) fn lower_bool_binop_result(&mut self, node: Node<'t>) -> Result<Value> {
        self.lower_bool_binop(node)
    }

    /// An operand of a node, which `expr` does not come by.
    fn bool_part(
        &mut self,
        node: Node<'t>,
        local: LocalId,
        and: Option<BlockId>,
        or: Option<BlockId>,
        end: BlockId,
    ) -> Result<()> {
        self.tell_line(node, When::Start)?;
        self.bool_operand(node, local, and, or, end)
    }

    /// Goes to `and` where the operand is true, to `or` where it is false; where there is no such
    /// block, the operand's value is the result, and it goes to `end`.
    fn bool_operand(
        &mut self,
        node: Node<'t>,
        local: LocalId,
        and: Option<BlockId>,
        or: Option<BlockId>,
        end: BlockId,
    ) -> Result<()> {
        self.at(node);
        if node.kind() == "BoolBinopNode" {
            let next = self.b.block();
            let first = node.child("operand1")?;
            if node.text("operator") == Some("and") {
                self.bool_part(first, local, Some(next), or, end)?;
            } else {
                self.bool_part(first, local, and, Some(next), end)?;
            }
            self.b.switch_to(next);
            return self.bool_part(node.child("operand2")?, local, and, or, end);
        }
        if node.kind() != "BoolBinopResultNode" {
            return missing_node(node, "as an operand of and/or");
        }
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        self.results.insert(arg.id(), value);
        if and.is_some() || or.is_some() {
            let truth = match self.b.ty(value).clone() {
                Type::Object => self.object_truth(value)?,
                _ => self.truth(value)?,
            };
            let (yes, no) = (self.b.block(), self.b.block());
            self.b.branch(truth, yes, no);
            let temps = self.temps.clone();
            for (block, goes_on) in [(yes, and), (no, or)] {
                self.temps.clone_from(&temps);
                self.b.switch_to(block);
                match goes_on {
                    Some(to) => {
                        self.release(value);
                        self.b.jump(to);
                    }
                    None => self.bool_result(node, value, local, end)?,
                }
            }
            return Ok(());
        }
        self.bool_result(node, value, local, end)
    }

    fn bool_result(
        &mut self,
        node: Node<'t>,
        arg: Value,
        local: LocalId,
        end: BlockId,
    ) -> Result<()> {
        let source = node.child("value")?;
        let value = self.expr(source)?;
        let value = if *self.b.ty(value) == Type::Object {
            self.give(value)
        } else {
            self.fit(value, source.expr_type()?, local)
        };
        self.b.effect(Op::Set(local, value));
        self.release(arg);
        self.b.jump(end);
        Ok(())
    }

    /// A C truth value in the local's width.
    pub(super) fn fit(&mut self, value: Value, from: TreeType<'t>, local: LocalId) -> Value {
        let ty = self.b.function.locals[local.0 as usize].ty.clone();
        self.fit_type(value, from, &ty)
    }

    /// A C number in a type that C converts it to by itself.
    pub(super) fn fit_type(&mut self, value: Value, from: TreeType<'t>, to: &Type) -> Value {
        match (self.b.ty(value).clone(), to) {
            (Type::Int(have), Type::Int(1)) if have != 1 => {
                let zero = self.int(0, have);
                self.op(Op::Compare(Comparison::Ne, value, zero))
            }
            (Type::Int(have), Type::Int(bits)) if have != *bits => {
                match self.c_integer(value, from) {
                    Some(integer) => self.c_value(integer, *bits),
                    None => value,
                }
            }
            (have, wanted) if have.is_float() && wanted.is_float() => {
                self.convert_float(value, wanted)
            }
            (Type::Int(_), wanted) if wanted.is_float() => self.to_float(value, from, wanted),
            _ => value,
        }
    }

    // ---------------------------------------------------------------- x if c else y

    pub(super) fn lower_conditional(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = self.type_of(node)?;
        let local = self.b.local("result", ty.clone());
        let truth = self.condition(node.child("condition")?)?;
        let (yes, no) = (node.child("true_val")?, node.child("false_val")?);
        let part = |body: &mut Self, which: Node<'t>| -> Result<()> {
            let value = body.expr(which)?;
            let value = if *body.b.ty(value) == Type::Object {
                body.give(value)
            } else {
                body.fit(value, which.expr_type()?, local)
            };
            body.b.effect(Op::Set(local, value));
            Ok(())
        };
        self.if_else(truth, |body| part(body, yes), |body| part(body, no))?;
        if ty == Type::Object {
            let result = self.op(Op::Take(local));
            return Ok(self.hold(result));
        }
        Ok(self.op(Op::Get(local)))
    }
}

fn wider_float(a: &Type, b: &Type) -> Type {
    if *a == Type::F80 || *b == Type::F80 {
        Type::F80
    } else if *a == Type::F64 || *b == Type::F64 {
        Type::F64
    } else {
        Type::F32
    }
}
