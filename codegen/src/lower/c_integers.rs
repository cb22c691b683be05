//! Integers as C computes them.
//!
//! Cython gives an expression a type by its own rules, and C another: an integer literal is a `long`
//! to Cython, and in the C text an `int` where it fits one, so that `x + 1` of an `int` is 32 bits wide
//! in C and wraps there, and `u - 10` of an `unsigned int` is never negative.  Up to where Cython's C
//! puts a value into something of Cython's type (a variable, a parameter, a temporary), C's type
//! counts: the integer promotions and the usual arithmetic conversions (C11, 6.3.1.1 and 6.3.1.8).
//!
//! An expression's value has Cython's type; what it is in C is kept beside it where that differs.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, CastOp, Op, Type, UnaryOp, Value};

/// An integer of a C type.
#[derive(Clone, Copy, Debug)]
pub(super) struct CInteger {
    what: What,
    bits: u16,
    unsigned: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Value(Value),
    Constant(i128),
}

impl CInteger {
    /// A value of a type.
    pub(super) fn of(value: Value, bits: u16, unsigned: bool) -> CInteger {
        CInteger {
            what: What::Value(value),
            bits,
            unsigned,
        }
    }

    pub(super) fn is_unsigned(self) -> bool {
        self.unsigned
    }
}

/// The integer type of a literal in C's text, as Cython writes it: bits, and whether it is unsigned
/// (C11, 6.4.4.1).  Cython writes decimal literals in hexadecimal, which may be unsigned, but for
/// negative ones, which are `long` where the type is as wide.
pub(super) fn literal_type(number: i128, suffix: &str, rank: i64) -> (u16, bool) {
    if number < 0 && suffix.is_empty() && rank >= 3 {
        return (64, false);
    }
    let magnitude = number.unsigned_abs();
    let suffix = suffix.to_ascii_lowercase();
    let (only_unsigned, long) = (suffix.contains('u'), suffix.contains('l'));
    let unsigned_too = only_unsigned || (suffix.is_empty() && number >= 0);
    let fits = |bits: u16, unsigned: bool| magnitude >> (bits - u16::from(!unsigned)) == 0;
    for bits in [32, 64] {
        if bits == 32 && long {
            continue;
        }
        if !only_unsigned && fits(bits, false) {
            return (bits, false);
        }
        if unsigned_too && fits(bits, true) {
            return (bits, true);
        }
    }
    (64, only_unsigned)
}

impl<'t> Body<'_, 't> {
    /// Says what an expression's value is in C.
    pub(super) fn is_in_c(&mut self, value: Value, number: i128, (bits, unsigned): (u16, bool)) {
        let what = What::Constant(number);
        let integer = CInteger {
            what,
            bits,
            unsigned,
        };
        self.integers.insert(value, integer);
    }

    /// What a value of a type is in C; none for what is no integer.
    pub(super) fn c_integer(&self, value: Value, ty: TreeType<'t>) -> Option<CInteger> {
        if let Some(found) = self.integers.get(&value) {
            return Some(*found);
        }
        match self.b.ty(value) {
            Type::Int(bits) => Some(CInteger {
                what: What::Value(value),
                bits: *bits,
                unsigned: *bits == 1 || types::unsigned(ty),
            }),
            _ => None,
        }
    }

    /// An integer in so many bits.
    pub(super) fn c_value(&mut self, integer: CInteger, bits: u16) -> Value {
        match integer.what {
            What::Value(value) => self.widen(value, bits, integer.unsigned),
            What::Constant(number) => self.int(number, bits),
        }
    }

    /// The integer promotions: what is narrower becomes an `int`.
    pub(super) fn promoted(&mut self, integer: CInteger) -> CInteger {
        if integer.bits >= 32 {
            return integer;
        }
        CInteger {
            what: What::Value(self.c_value(integer, 32)),
            bits: 32,
            unsigned: false,
        }
    }

    /// The promoted value of a number that is compared with constants.
    pub(super) fn promoted_value(&mut self, value: Value, ty: TreeType<'t>) -> Value {
        match self.c_integer(value, ty) {
            Some(integer) => {
                let integer = self.promoted(integer);
                self.c_value(integer, integer.bits)
            }
            None => value,
        }
    }

    /// An expression's integer as C has it, and its bits.
    pub(super) fn all_bits(&mut self, value: Value, bits: u16) -> (Value, u16) {
        match self.integers.get(&value).copied() {
            Some(integer) => (self.c_value(integer, integer.bits), integer.bits),
            None => (value, bits),
        }
    }

    /// The usual arithmetic conversions: both in the common type, and whether that is unsigned.
    pub(super) fn in_common(&mut self, x: CInteger, y: CInteger) -> (Value, Value, bool) {
        let (x, y) = (self.promoted(x), self.promoted(y));
        let bits = x.bits.max(y.bits);
        let unsigned = [x, y].iter().any(|one| one.unsigned && one.bits == bits);
        (self.c_value(x, bits), self.c_value(y, bits), unsigned)
    }

    /// An operation on integers by C's rules; its value has the type of the node.
    pub(super) fn integer_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: CInteger,
        y: CInteger,
        ty: TreeType<'t>,
    ) -> Result<Value> {
        let made = self.c_operation(node, operator, x, y)?;
        self.of_type(made, ty)
    }

    /// An operation on integers by C's rules.
    pub(super) fn c_operation(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: CInteger,
        y: CInteger,
    ) -> Result<CInteger> {
        if matches!(operator, "<<" | ">>") {
            // The type of a shift is its left operand's.
            let x = self.promoted(x);
            let value = self.c_value(x, x.bits);
            let count = self.c_value(y, x.bits);
            let how = match (operator, x.unsigned) {
                ("<<", _) => BinaryOp::Shl,
                (_, true) => BinaryOp::LShr,
                (_, false) => BinaryOp::AShr,
            };
            let value = self.shift(how, value, count);
            return Ok(self.in_c(value, x.unsigned));
        }
        let (x, y, unsigned) = self.in_common(x, y);
        let op = match (operator, unsigned) {
            ("+", _) => BinaryOp::Add,
            ("-", _) => BinaryOp::Sub,
            ("*", _) => BinaryOp::Mul,
            ("&", _) => BinaryOp::And,
            ("|", _) => BinaryOp::Or,
            ("^", _) => BinaryOp::Xor,
            ("/" | "//", true) => BinaryOp::UDiv,
            ("%", true) => BinaryOp::URem,
            ("/" | "//", false) => {
                let value = self.signed_quotient(node, x, y, false)?;
                return Ok(self.in_c(value, false));
            }
            ("%", false) => {
                let value = self.signed_remainder(x, y, false);
                return Ok(self.in_c(value, false));
            }
            _ => return missing_node(node, &format!("'{operator}' of C numbers")),
        };
        let y = match op {
            BinaryOp::UDiv | BinaryOp::URem => self.never_zero(y),
            _ => y,
        };
        let value = self.op(Op::Binary(op, x, y));
        Ok(self.in_c(value, unsigned))
    }

    /// `-x` or `~x`.
    pub(super) fn integer_unary(
        &mut self,
        op: UnaryOp,
        x: CInteger,
        ty: TreeType<'t>,
    ) -> Result<Value> {
        let x = self.promoted(x);
        let value = self.c_value(x, x.bits);
        let value = self.op(Op::Unary(op, value));
        let made = self.in_c(value, x.unsigned);
        self.of_type(made, ty)
    }

    fn in_c(&self, value: Value, unsigned: bool) -> CInteger {
        let bits = match self.b.ty(value) {
            Type::Int(bits) => *bits,
            _ => 64,
        };
        CInteger {
            what: What::Value(value),
            bits,
            unsigned,
        }
    }

    /// An integer as a value of Cython's type, which keeps what it is in C.
    fn of_type(&mut self, integer: CInteger, ty: TreeType<'t>) -> Result<Value> {
        let Type::Int(bits) = self.c_type(ty)? else {
            return self.defect("an integer of another type");
        };
        let value = self.c_value(integer, bits);
        if bits != integer.bits || types::unsigned(ty) != integer.unsigned {
            self.integers.insert(value, integer);
        }
        Ok(value)
    }

    /// A value after C has put it into something of Cython's type.
    pub(super) fn stored(&mut self, value: Value) -> Value {
        let Some(integer) = self.integers.get(&value).copied() else {
            return self.rounded(value);
        };
        let Type::Int(bits) = self.b.ty(value).clone() else {
            return value;
        };
        match integer.what {
            What::Constant(number) => self.int(number, bits),
            What::Value(inner) if bits != integer.bits => self.widen(inner, bits, integer.unsigned),
            What::Value(_) => {
                let local = self.b.local("stored", Type::Int(bits));
                self.b.effect(Op::Set(local, value));
                self.op(Op::Get(local))
            }
        }
    }

    /// How an integer becomes a floating-point number: its value, and the cast.
    pub(super) fn to_float_from(&mut self, integer: CInteger) -> (Value, CastOp) {
        let integer = self.promoted(integer);
        let value = self.c_value(integer, integer.bits);
        let how = match integer.unsigned {
            true => CastOp::UToF,
            false => CastOp::SToF,
        };
        (value, how)
    }
}

#[cfg(test)]
mod tests {
    use super::literal_type;

    #[test]
    fn literals_have_the_types_of_cythons_text() {
        let long = |number, suffix| literal_type(number, suffix, 3);
        assert_eq!(long(10, ""), (32, false));
        assert_eq!(long(i128::from(i32::MAX), ""), (32, false));
        // Written as 0x80000000.
        assert_eq!(long(1 << 31, ""), (32, true));
        assert_eq!(long(1 << 32, ""), (64, false));
        assert_eq!(long(1 << 63, ""), (64, true));
        assert_eq!(long(5, "U"), (32, true));
        assert_eq!(long(5, "UL"), (64, true));
        assert_eq!(long(5, "LL"), (64, false));
        // Written as -10L; with the type int, as -10.
        assert_eq!(long(-10, ""), (64, false));
        assert_eq!(literal_type(-10, "", 2), (32, false));
        assert_eq!(literal_type(-(1 << 31), "", 2), (64, false));
    }
}
