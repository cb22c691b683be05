//! `divmod()` of C numbers, and the warning of C divisions that Python would do otherwise.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{BinaryOp, Comparison, Intrinsic, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `divmod(x, y)` of two C numbers of one type, as a C tuple.
    pub(super) fn c_divmod(
        &mut self,
        node: Node<'t>,
        x: Value,
        y: Value,
        types: (TreeType<'t>, TreeType<'t>),
    ) -> Result<Value> {
        let Type::Struct(id) = self.type_of(node)? else {
            return missing_node(node, "divmod() without a C tuple");
        };
        let Some(ty) = self.m.mir.structs[id.0 as usize].fields.first().cloned() else {
            return missing_node(node, "divmod() without a C tuple");
        };
        let (x, y) = (
            self.fit_type(x, types.0, &ty),
            self.fit_type(y, types.1, &ty),
        );
        if ty != *self.b.ty(x) || ty != *self.b.ty(y) {
            return missing_node(node, "divmod() of different types");
        }
        self.raise_if_zero(y, "division by zero")?;
        if ty == Type::F64 {
            let (quotient, remainder) = self.float_divmod(x, y);
            return Ok(self.op(Op::Make(id, vec![quotient, remainder])));
        }
        if !ty.is_int() {
            return missing_node(node, "divmod() of this type");
        }
        let component = node.expr_type()?.types("components").first().copied();
        let (quotient, remainder) = if component.is_some_and(super::types::unsigned) {
            let y = self.never_zero(y);
            let quotient = self.op(Op::Binary(BinaryOp::UDiv, x, y));
            (quotient, self.op(Op::Binary(BinaryOp::URem, x, y)))
        } else {
            let quotient = self.signed_quotient(node, x, y, true)?;
            (quotient, self.signed_remainder(x, y, true))
        };
        Ok(self.op(Op::Make(id, vec![quotient, remainder])))
    }

    fn float_divmod(&mut self, x: Value, y: Value) -> (Value, Value) {
        let ty = Type::F64;
        let zero = self.float(0.0, ty.clone());
        let one = self.float(1.0, ty.clone());
        let half = self.float(0.5, ty);
        let remainder = self.op(Op::Binary(BinaryOp::FRem, x, y));
        let exact = self.op(Op::Binary(BinaryOp::FSub, x, remainder));
        let div = self.op(Op::Binary(BinaryOp::FDiv, exact, y));
        // The remainder has the divisor's sign.
        let some = self.op(Op::Compare(Comparison::FNe, remainder, zero));
        let under = self.op(Op::Compare(Comparison::FLt, y, zero));
        let below = self.op(Op::Compare(Comparison::FLt, remainder, zero));
        let apart = self.op(Op::Binary(BinaryOp::Xor, under, below));
        let more = self.op(Op::Binary(BinaryOp::FAdd, remainder, y));
        let less = self.op(Op::Binary(BinaryOp::FSub, div, one));
        let signed = self.op(Op::Intrinsic(Intrinsic::CopySign, vec![zero, y]));
        let fixed = self.op(Op::Select(apart, more, remainder));
        let remainder = self.op(Op::Select(some, fixed, signed));
        let fix = self.op(Op::Binary(BinaryOp::And, some, apart));
        let div = self.op(Op::Select(fix, less, div));
        // The quotient is a whole number.
        let whole = self.op(Op::Intrinsic(Intrinsic::Floor, vec![div]));
        let rest = self.op(Op::Binary(BinaryOp::FSub, div, whole));
        let high = self.op(Op::Compare(Comparison::FGt, rest, half));
        let next = self.op(Op::Binary(BinaryOp::FAdd, whole, one));
        let whole = self.op(Op::Select(high, next, whole));
        let plain = self.op(Op::Binary(BinaryOp::FDiv, x, y));
        let nothing = self.op(Op::Intrinsic(Intrinsic::CopySign, vec![zero, plain]));
        let some = self.op(Op::Compare(Comparison::FNe, div, zero));
        (self.op(Op::Select(some, whole, nothing)), remainder)
    }

    /// `cdivision_warnings`: RuntimeWarning where the operands' signs differ.
    pub(super) fn division_warning(&mut self, node: Node<'t>, x: Value, y: Value) -> Result<()> {
        let ty = self.b.ty(x).clone();
        let (zero, how) = match ty {
            Type::Int(bits) => (self.int(0, bits), Comparison::SLt),
            ref ty if ty.is_float() => (self.float(0.0, ty.clone()), Comparison::FLt),
            _ => return missing_node(node, "cdivision_warnings of this type"),
        };
        let left = self.op(Op::Compare(how, x, zero));
        let right = self.op(Op::Compare(how, y, zero));
        let apart = self.op(Op::Binary(BinaryOp::Xor, left, right));
        if !self.gil {
            return missing_node(node, "cdivision_warnings without the GIL");
        }
        let place = node.position();
        let source = place.map_or(0, |at| at.source) as usize;
        let file = self
            .m
            .tree
            .sources()
            .get(source)
            .cloned()
            .unwrap_or_default();
        let module = self.m.tree.module_name().to_owned();
        self.if_unlikely(apart, |body| {
            let class = body.variable_object("PyExc_RuntimeWarning");
            let message = "division with oppositely signed operands, C and Python semantics differ";
            let message = body.text(message);
            let file = body.text(&file);
            let line = body.int(place.map_or(0, |at| i128::from(at.line)), 32);
            let module = body.text(&module);
            let null = body.null_object();
            let args = [class, message, file, line, module, null];
            body.rt_status("PyErr_WarnExplicit", "oppipo:i", &args, Raises::NonZero)?;
            Ok(())
        })
    }
}
