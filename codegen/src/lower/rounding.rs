//! Single precision as C computes it: what Cython writes as an integer literal in an expression of
//! `float` stands in the C text as a `double`, so that the expression is one, up to where its value is
//! assigned, passed or cast.
//!
//! Such an expression has a value of its type, `float`; beside it the `double` is kept for what uses
//! it before it is rounded.  LLVM narrows the arithmetic again where that makes no difference.

use std::cmp::Ordering;

use frontend_bridge::tree::Type as TreeType;

use super::body::Body;
use crate::mir::{CastOp, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// A number of C's type `double` in an expression of the type `float`.
    pub(super) fn not_rounded(&mut self, double: Value) -> Value {
        let float = self.op(Op::Cast(CastOp::FTrunc, double, Type::F32));
        self.doubles.insert(float, double);
        float
    }

    /// What C has for a value: it, or the `double` that it is rounded from.
    pub(super) fn as_in_c(&self, value: Value) -> Value {
        self.doubles.get(&value).copied().unwrap_or(value)
    }

    /// A value after C has put it into a place of its type.
    pub(super) fn rounded(&mut self, value: Value) -> Value {
        match self.doubles.get(&value).copied() {
            Some(double) => self.op(Op::Cast(CastOp::FTrunc, double, Type::F32)),
            None => value,
        }
    }

    /// A number as a floating-point number, as C converts it.
    pub(super) fn to_float(&mut self, value: Value, from: TreeType<'t>, to: &Type) -> Value {
        let Some(integer) = self.c_integer(value, from) else {
            return self.convert_float(value, to);
        };
        let (value, how) = self.to_float_from(integer);
        self.op(Op::Cast(how, value, to.clone()))
    }

    /// A floating-point number in another width.
    pub(super) fn convert_float(&mut self, value: Value, to: &Type) -> Value {
        let rank = |ty: &Type| match ty {
            Type::F32 => 0,
            Type::F64 => 1,
            _ => 2,
        };
        let value = match to {
            Type::F32 => value,
            _ => self.as_in_c(value),
        };
        match rank(self.b.ty(value)).cmp(&rank(to)) {
            Ordering::Equal => value,
            Ordering::Less => self.op(Op::Cast(CastOp::FExt, value, to.clone())),
            Ordering::Greater => self.op(Op::Cast(CastOp::FTrunc, value, to.clone())),
        }
    }

    /// The operands of an operation that C carries out on `double` though its type is `float`.
    pub(super) fn as_doubles(
        &mut self,
        ty: &Type,
        (x, left): (Value, TreeType<'t>),
        (y, right): (Value, TreeType<'t>),
    ) -> Option<(Value, Value)> {
        let wide = self.doubles.contains_key(&x) || self.doubles.contains_key(&y);
        if !wide || *ty != Type::F32 {
            return None;
        }
        Some((
            self.fit_type(x, left, &Type::F64),
            self.fit_type(y, right, &Type::F64),
        ))
    }
}
