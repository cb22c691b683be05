//! Single precision as C computes it: what Cython writes as an integer literal in an expression of
//! `float` stands in the C text as a `double`, so that the expression is one, up to where its value is
//! assigned, passed or cast.
//!
//! Such an expression has a value of its type, `float`; beside it the `double` is kept for what uses
//! it before it is rounded.  LLVM narrows the arithmetic again where that makes no difference.

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
