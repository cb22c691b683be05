//! `overflowcheck`: C arithmetic that raises OverflowError, at the end of an expression where checks
//! are folded.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, Callee, CastOp, Comparison, Intrinsic, Op, Signature, Type, Value};

impl<'t> Body<'_, 't> {
    /// Makes ready for the operations below a checked one, which note their overflow in one place.
    pub(super) fn start_overflow_check(&mut self, node: Node<'t>) {
        if !node.flag("overflow_check") {
            return;
        }
        let local = self.b.local("overflow", Type::BOOL);
        let no = self.int(0, 1);
        self.b.effect(Op::Set(local, no));
        self.overflow_bits.insert(node.id(), local);
    }

    /// A checked operation on two integers of one type.
    pub(super) fn overflow_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        ty: TreeType<'t>,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        let outer = node.node("overflow_bit_node").unwrap_or(node);
        let owner = if node.flag("overflow_check") {
            node
        } else {
            outer
        };
        let Some(local) = self.overflow_bits.get(&owner.id()).copied() else {
            return missing_node(node, "overflowcheck outside of its expression");
        };
        let (result, overflow) = self.with_overflow(node, operator, types::unsigned(ty), x, y)?;
        let before = self.op(Op::Get(local));
        let now = self.op(Op::Binary(BinaryOp::Or, before, overflow));
        self.b.effect(Op::Set(local, now));
        if node.flag("overflow_check") {
            self.at(node);
            let overflow = self.op(Op::Get(local));
            let raise =
                |body: &mut Self| body.raise_builtin("PyExc_OverflowError", "value too large");
            self.if_unlikely(overflow, raise)?;
        }
        Ok(result)
    }

    /// `abs(x)`; the least integer's is refused where overflow is checked.
    pub(super) fn absolute(&mut self, value: Value, bits: u16) -> Result<Value> {
        if self.directive_on("overflowcheck") {
            let least = self.int(-(1_i128 << (bits - 1)), bits);
            let wrong = self.op(Op::Compare(Comparison::Eq, value, least));
            self.if_unlikely(wrong, |body| {
                body.raise_builtin(
                    "PyExc_OverflowError",
                    "Trying to take the absolute value of the most negative integer is not defined.",
                )
            })?;
        }
        Ok(self.op(Op::Intrinsic(Intrinsic::Abs, vec![value])))
    }

    fn with_overflow(
        &mut self,
        node: Node<'t>,
        operator: &str,
        unsigned: bool,
        x: Value,
        y: Value,
    ) -> Result<(Value, Value)> {
        use Intrinsic::{SAddOverflow, SMulOverflow, SSubOverflow};
        use Intrinsic::{UAddOverflow, UMulOverflow, USubOverflow};
        let Type::Int(bits) = self.b.ty(x).clone() else {
            return missing_node(node, "overflowcheck of no integer");
        };
        let which = match (operator, unsigned) {
            ("+", false) => SAddOverflow,
            ("-", false) => SSubOverflow,
            ("*", false) => SMulOverflow,
            ("+", true) => UAddOverflow,
            ("-", true) => USubOverflow,
            ("*", true) => UMulOverflow,
            ("<<", _) => return Ok(self.shift_with_overflow(unsigned, bits, x, y)),
            _ => return missing_node(node, &format!("overflowcheck of '{operator}'")),
        };
        let fields = vec![Type::Int(bits), Type::BOOL];
        self.m.mir.structure(&format!("overflow.{bits}"), || fields);
        let both = self.op(Op::Intrinsic(which, vec![x, y]));
        Ok((self.op(Op::Extract(both, 0)), self.op(Op::Extract(both, 1))))
    }

    /// A shift overflows by its count, by a negative number, or by bits that are lost.
    fn shift_with_overflow(
        &mut self,
        unsigned: bool,
        bits: u16,
        x: Value,
        count: Value,
    ) -> (Value, Value) {
        let (zero, width) = (self.int(0, bits), self.int(i128::from(bits), bits));
        let high = self.op(Op::Compare(Comparison::UGe, count, width));
        let mask = self.int(i128::from(bits) - 1, bits);
        let safe = self.op(Op::Binary(BinaryOp::And, count, mask));
        let most = if unsigned {
            (1_i128 << bits) - 1
        } else {
            (1_i128 << (bits - 1)) - 1
        };
        let most = self.int(most, bits);
        let limit = self.op(Op::Binary(BinaryOp::LShr, most, safe));
        let mut lost = self.op(Op::Compare(
            if unsigned {
                Comparison::UGt
            } else {
                Comparison::SGt
            },
            x,
            limit,
        ));
        if !unsigned {
            let negative = self.op(Op::Compare(Comparison::SLt, x, zero));
            lost = self.op(Op::Binary(BinaryOp::Or, lost, negative));
        }
        let overflow = self.op(Op::Binary(BinaryOp::Or, high, lost));
        let shifted = self.op(Op::Binary(BinaryOp::Shl, x, safe));
        (shifted, overflow)
    }

    /// Calls a runtime function on numbers of one type that gives another of it.
    pub(super) fn call_same(&mut self, name: &str, args: &[Value]) -> Result<Value> {
        let Some((symbol, c)) = self.m.symbols.resolve(name) else {
            return self.missing(&format!("C function '{name}'"));
        };
        let c = c.clone();
        let ty = self.b.ty(args[0]).clone();
        let native = match &ty {
            Type::Int(bits) => format!("i{bits}"),
            Type::F32 => "float".to_owned(),
            Type::F64 => "double".to_owned(),
            Type::F80 => "x86_fp80".to_owned(),
            _ => String::new(),
        };
        if c.result != native
            || c.params.iter().any(|param| *param != native)
            || c.params.len() != args.len()
        {
            return self.missing(&format!("C function '{name}' with {ty}"));
        }
        let mut values = args.to_vec();
        let mut passed = ty.clone();
        if let Type::Int(bits) = ty
            && bits < 32
        {
            let unsigned = name.contains("unsigned") || name.contains("uint");
            passed = Type::I32;
            for value in &mut values {
                let how = if unsigned { CastOp::ZExt } else { CastOp::SExt };
                *value = self.op(Op::Cast(how, *value, Type::I32));
            }
        }
        let signature = Signature::new(vec![passed; args.len()], ty);
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        match self.b.call(&self.m.mir, callee, values) {
            Some(made) => Ok(made),
            None => self.defect("no result"),
        }
    }
}
