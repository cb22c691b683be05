//! Arithmetic: C numbers with Cython's rules for overflow, division and shifts; objects through the
//! number protocol.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::{operators, types};
use crate::mir::{BinaryOp, CastOp, Comparison, Intrinsic, Op, Raises, Type, UnaryOp, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_binary(&mut self, node: Node<'t>) -> Result<Value> {
        let operator = node.text("operator").unwrap_or_default();
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        let ty = node.expr_type()?;
        if node.flag("is_sequence_mul") {
            return self.lower_sequence_multiply(node);
        }
        if Self::is_concatenation(node) {
            return self.lower_concatenation(node);
        }
        if ty.flag("is_pyobject") {
            return self.object_binary(node, operator, left, right);
        }
        self.start_overflow_check(node);
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        let (left, right) = (left.expr_type()?, right.expr_type()?);
        if is_pointer(left) || is_pointer(right) {
            return self.pointer_arithmetic(node, operator, (left, x), (right, y));
        }
        let checked = node.flag("overflow_check") || node.node("overflow_bit_node").is_some();
        if checked && types::resolve(ty).flag("is_int") {
            let x = self.convert_number(x, left, ty)?;
            let y = self.convert_number(y, right, ty)?;
            return self.overflow_binary(node, operator, ty, x, y);
        }
        if types::resolve(ty).flag("is_complex") {
            let x = self.as_complex(x, left, ty)?;
            let y = self.as_complex(y, right, ty)?;
            return self.complex_binary(node, operator, x, y);
        }
        let made = self.c_type(ty)?;
        if let Some((x, y)) = self.as_doubles(&made, (x, left), (y, right)) {
            let wide = self.float_binary(node, operator, x, y)?;
            return Ok(self.not_rounded(wide));
        }
        if let (Type::Int(_), Some(a), Some(b)) =
            (&made, self.c_integer(x, left), self.c_integer(y, right))
        {
            return self.integer_binary(node, operator, a, b, ty);
        }
        let x = self.convert_number(x, left, ty)?;
        let y = self.convert_number(y, right, ty)?;
        self.float_binary(node, operator, x, y)
    }

    /// An operation on two floating-point numbers of one type.
    fn float_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        let op = match operator {
            "+" => BinaryOp::FAdd,
            "-" => BinaryOp::FSub,
            "*" => BinaryOp::FMul,
            _ => return missing_node(node, &format!("'{operator}' of C numbers")),
        };
        Ok(self.op(Op::Binary(op, x, y)))
    }

    /// A shift; a count out of range counts modulo the width, as on x86.
    pub(super) fn shift(&mut self, op: BinaryOp, x: Value, count: Value) -> Value {
        let Type::Int(bits) = self.b.ty(x).clone() else {
            return x;
        };
        let mask = self.int(i128::from(bits.max(32)) - 1, bits);
        let count = self.op(Op::Binary(BinaryOp::And, count, mask));
        self.op(Op::Binary(op, x, count))
    }

    fn object_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        left: Node<'t>,
        right: Node<'t>,
    ) -> Result<Value> {
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        if *self.b.ty(x) != Type::Object || *self.b.ty(y) != Type::Object {
            return missing_node(node, "of mixed operands");
        }
        let inplace = node.flag("inplace");
        let name = match (operator, inplace) {
            ("+", false) => "PyNumber_Add",
            ("-", false) => "PyNumber_Subtract",
            ("*", false) => "PyNumber_Multiply",
            ("@", false) => "PyNumber_MatrixMultiply",
            ("/", false) => "PyNumber_TrueDivide",
            ("//", false) => "PyNumber_FloorDivide",
            ("%", false) => "PyNumber_Remainder",
            ("<<", false) => "PyNumber_Lshift",
            (">>", false) => "PyNumber_Rshift",
            ("&", false) => "PyNumber_And",
            ("|", false) => "PyNumber_Or",
            ("^", false) => "PyNumber_Xor",
            ("+", true) => "PyNumber_InPlaceAdd",
            ("-", true) => "PyNumber_InPlaceSubtract",
            ("*", true) => "PyNumber_InPlaceMultiply",
            ("@", true) => "PyNumber_InPlaceMatrixMultiply",
            ("/", true) => "PyNumber_InPlaceTrueDivide",
            ("//", true) => "PyNumber_InPlaceFloorDivide",
            ("%", true) => "PyNumber_InPlaceRemainder",
            ("<<", true) => "PyNumber_InPlaceLshift",
            (">>", true) => "PyNumber_InPlaceRshift",
            ("&", true) => "PyNumber_InPlaceAnd",
            ("|", true) => "PyNumber_InPlaceOr",
            ("^", true) => "PyNumber_InPlaceXor",
            _ => return missing_node(node, &format!("'{operator}'")),
        };
        let special = operators::binary(name, left.expr_type()?, right.expr_type()?)
            .filter(|special| self.m.symbols.resolve(special).is_some());
        let name = special.as_deref().unwrap_or(name);
        let result = self.rt_object(name, "oo:O", &[x, y])?;
        self.release_under(result, &[x, y]);
        Ok(result)
    }

    /// Releases operands below a result that stays: as in C, the first one first, which `__del__`
    /// and buffers can tell.
    pub(super) fn release_under(&mut self, _result: Value, operands: &[Value]) {
        for operand in operands {
            self.release(*operand);
        }
    }

    fn pointer_arithmetic(
        &mut self,
        node: Node<'t>,
        operator: &str,
        (left, x): (TreeType<'t>, Value),
        (right, y): (TreeType<'t>, Value),
    ) -> Result<Value> {
        let base = |ty: TreeType<'t>| types::resolve(ty).ty("base_type");
        let (pointer, address, (count_type, count), negative) = match operator {
            "+" if is_pointer(left) => (left, x, (right, y), false),
            "+" => (right, y, (left, x), false),
            "-" if is_pointer(left) && !is_pointer(right) => (left, x, (right, y), true),
            "-" => return self.pointer_difference(node, left, x, y),
            _ => return missing_node(node, &format!("'{operator}' of pointers")),
        };
        let Some(item) = base(pointer) else {
            return missing_node(node, "pointer to nothing");
        };
        let item = match self.c_type(item)? {
            Type::Void => Type::Int(8),
            other => other,
        };
        let mut count = self.widen(count, 64, types::unsigned(count_type));
        if negative {
            count = self.op(Op::Unary(UnaryOp::Neg, count));
        }
        Ok(self.op(Op::Index(address, item, count)))
    }

    /// `p - q`: the number of items between them.
    fn pointer_difference(
        &mut self,
        node: Node<'t>,
        ty: TreeType<'t>,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        let Some(item) = types::resolve(ty).ty("base_type") else {
            return missing_node(node, "pointer to nothing");
        };
        let item = self.c_type(item)?;
        let size = self.m.mir.size_align(&item).0;
        let x = self.op(Op::Cast(CastOp::PtrToInt, x, Type::I64));
        let y = self.op(Op::Cast(CastOp::PtrToInt, y, Type::I64));
        let bytes = self.op(Op::Binary(BinaryOp::Sub, x, y));
        let size = self.int(i128::from(size), 64);
        Ok(self.op(Op::Binary(BinaryOp::SDiv, bytes, size)))
    }

    /// A C number as a complex one of a type.
    fn as_complex(&mut self, value: Value, from: TreeType<'t>, to: TreeType<'t>) -> Result<Value> {
        let target = self.c_type(to)?;
        if *self.b.ty(value) == target {
            Ok(value)
        } else {
            self.to_complex(value, from, to)
        }
    }

    /// An integer in so many bits.
    pub(super) fn widen(&mut self, value: Value, to: u16, unsigned: bool) -> Value {
        let Type::Int(bits) = self.b.ty(value).clone() else {
            return value;
        };
        match bits.cmp(&to) {
            std::cmp::Ordering::Equal => value,
            // `_Bool`: whether it is zero.
            std::cmp::Ordering::Greater if to == 1 => {
                let zero = self.int(0, bits);
                self.op(Op::Compare(Comparison::Ne, value, zero))
            }
            std::cmp::Ordering::Greater => self.op(Op::Cast(CastOp::Trunc, value, Type::Int(to))),
            std::cmp::Ordering::Less => {
                let how = if unsigned || bits == 1 {
                    CastOp::ZExt
                } else {
                    CastOp::SExt
                };
                self.op(Op::Cast(how, value, Type::Int(to)))
            }
        }
    }

    /// A C number as another C type, as C converts it.
    pub(super) fn convert_number(
        &mut self,
        value: Value,
        from: TreeType<'t>,
        to: TreeType<'t>,
    ) -> Result<Value> {
        let target = self.c_type(to)?;
        if *self.b.ty(value) == target {
            return Ok(value);
        }
        let value = self.as_in_c(value);
        let have = self.b.ty(value).clone();
        if have == target {
            return Ok(value);
        }
        if target == Type::BOOL {
            return self.truth(value);
        }
        let (from_unsigned, to_unsigned) = (types::unsigned(from), types::unsigned(to));
        if let (Type::Int(bits), Some(integer)) = (&target, self.c_integer(value, from)) {
            return Ok(self.c_value(integer, *bits));
        }
        Ok(match (&have, &target) {
            (Type::Int(_) | Type::F32 | Type::F64 | Type::F80, to) if to.is_float() => {
                self.to_float(value, from, to)
            }
            (from, Type::Int(bits)) if from.is_float() => {
                self.float_to_integer(value, *bits, to_unsigned)
            }
            (Type::Ptr | Type::Object, Type::Ptr | Type::Object) => {
                self.op(Op::Cast(CastOp::Pointer, value, target))
            }
            (Type::Int(_), Type::Ptr) => {
                let wide = self.widen(value, 64, from_unsigned);
                self.op(Op::Cast(CastOp::IntToPtr, wide, Type::Ptr))
            }
            (Type::Ptr | Type::Object, Type::Int(bits)) => {
                let wide = self.op(Op::Cast(CastOp::PtrToInt, value, Type::I64));
                self.widen(wide, *bits, true)
            }
            _ => return self.missing(&format!("conversion of {have} to {target}")),
        })
    }

    /// A floating-point number cut off to an integer.
    pub(super) fn float_to_integer(&mut self, value: Value, bits: u16, unsigned: bool) -> Value {
        // Narrow integers go by way of int, as compilers for x86 do.
        let wide = match bits {
            32 if unsigned => Type::I64,
            _ => Type::Int(bits.max(32)),
        };
        let how = match unsigned && bits >= 64 {
            true => CastOp::FToU,
            false => CastOp::FToS,
        };
        let made = self.op(Op::Cast(how, value, wide));
        self.widen(made, bits, false)
    }

    // ---------------------------------------------------------------- division

    pub(super) fn lower_division(&mut self, node: Node<'t>) -> Result<Value> {
        let operator = node.text("operator").unwrap_or_default();
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        let ty = node.expr_type()?;
        if ty.flag("is_pyobject") {
            if node.kind() == "ModNode" && is_text(left.expr_type()?) {
                return self.lower_text_format(node);
            }
            return self.object_binary(node, operator, left, right);
        }
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        let (left_type, right_type) = (left.expr_type()?, right.expr_type()?);
        if types::resolve(ty).flag("is_complex") {
            let x = self.as_complex(x, left_type, ty)?;
            let y = self.as_complex(y, right_type, ty)?;
            if node.flag("zerodivision_check") {
                let some = self.truth(y)?;
                let zero = self.op(Op::Unary(UnaryOp::Not, some));
                let raise = |body: &mut Self| {
                    body.raise_builtin("PyExc_ZeroDivisionError", "float division")
                };
                self.if_unlikely(zero, raise)?;
            }
            return self.complex_binary(node, operator, x, y);
        }
        let made = self.c_type(ty)?;
        let wide = match operator {
            "/" | "//" => self.as_doubles(&made, (x, left_type), (y, right_type)),
            _ => None,
        };
        let in_c = (self.c_integer(x, left_type), self.c_integer(y, right_type));
        let x = self.convert_number(x, left_type, ty)?;
        let y = self.convert_number(y, right_type, ty)?;
        let float = self.b.ty(x).is_float();
        let c_rules = node.flag("cdivision") || self.directive_on("cdivision");
        if node.flag("zerodivision_check") {
            let message = match (float, operator) {
                (false, _) => "integer division or modulo by zero",
                (true, "%") => "float divmod()",
                (true, _) => "float division",
            };
            self.raise_if_zero(y, message)?;
        }
        if self.directive_on("cdivision_warnings") && operator != "/" && !types::unsigned(ty) {
            self.division_warning(node, x, y)?;
        }
        if let Some((x, y)) = wide {
            let quotient = self.float_division(node, operator, c_rules, x, y)?;
            return Ok(self.not_rounded(quotient));
        }
        if float {
            return self.float_division(node, operator, c_rules, x, y);
        }
        if let (true, (Some(x), Some(y))) = (c_rules || types::unsigned(ty), in_c) {
            return self.integer_binary(node, operator, x, y, ty);
        }
        if operator == "%" {
            return Ok(self.signed_remainder(x, y, true));
        }
        self.signed_quotient(node, x, y, true)
    }

    /// Raises ZeroDivisionError where a C number is zero.
    pub(super) fn raise_if_zero(&mut self, y: Value, message: &str) -> Result<()> {
        let ty = self.b.ty(y).clone();
        let zero = if ty.is_float() {
            let zero = self.float(0.0, ty);
            self.op(Op::Compare(Comparison::FEq, y, zero))
        } else {
            let Type::Int(bits) = ty else {
                return self.defect("division of no numbers");
            };
            let zero = self.int(0, bits);
            self.op(Op::Compare(Comparison::Eq, y, zero))
        };
        self.if_unlikely(zero, |body| {
            body.raise_builtin("PyExc_ZeroDivisionError", message)
        })
    }

    /// A divisor that is 1 where it would be zero: the check for zero has raised, or stands for what
    /// C leaves undefined.
    pub(super) fn never_zero(&mut self, y: Value) -> Value {
        let Type::Int(bits) = self.b.ty(y).clone() else {
            return y;
        };
        let (zero, one) = (self.int(0, bits), self.int(1, bits));
        let is_zero = self.op(Op::Compare(Comparison::Eq, y, zero));
        self.op(Op::Select(is_zero, one, y))
    }

    /// `x % y`; by -1 it is 0 for every x, where the processor would trap on the least one.
    pub(super) fn signed_remainder(&mut self, x: Value, y: Value, python: bool) -> Value {
        let Type::Int(bits) = self.b.ty(x).clone() else {
            return x;
        };
        let y = self.never_zero(y);
        let minus_one = self.int(-1, bits);
        let one = self.int(1, bits);
        let by_minus_one = self.op(Op::Compare(Comparison::Eq, y, minus_one));
        let divisor = self.op(Op::Select(by_minus_one, one, y));
        let remainder = self.op(Op::Binary(BinaryOp::SRem, x, divisor));
        if !python {
            return remainder;
        }
        // Python's has the divisor's sign.
        let zero = self.int(0, bits);
        let some = self.op(Op::Compare(Comparison::Ne, remainder, zero));
        let mixed = self.op(Op::Binary(BinaryOp::Xor, remainder, y));
        let apart = self.op(Op::Compare(Comparison::SLt, mixed, zero));
        let fix = self.op(Op::Binary(BinaryOp::And, some, apart));
        let fixed = self.op(Op::Binary(BinaryOp::Add, remainder, y));
        self.op(Op::Select(fix, fixed, remainder))
    }

    /// `x // y`; the least integer by -1 overflows: OverflowError in the widths that C divides in,
    /// where stock Cython raises it for long and traps for int.
    pub(super) fn signed_quotient(
        &mut self,
        node: Node<'t>,
        x: Value,
        y: Value,
        python: bool,
    ) -> Result<Value> {
        let Type::Int(bits) = self.b.ty(x).clone() else {
            return Ok(x);
        };
        let y = self.never_zero(y);
        let minus_one = self.int(-1, bits);
        let least = self.int(-(1_i128 << (bits - 1)), bits);
        let by_minus_one = self.op(Op::Compare(Comparison::Eq, y, minus_one));
        let of_least = self.op(Op::Compare(Comparison::Eq, x, least));
        let overflow = self.op(Op::Binary(BinaryOp::And, by_minus_one, of_least));
        if node.flag("zerodivision_check") && bits >= 32 {
            self.if_unlikely(overflow, |body| {
                body.raise_builtin("PyExc_OverflowError", "value too large to perform division")
            })?;
        }
        let one = self.int(1, bits);
        let divisor = self.op(Op::Select(overflow, one, y));
        let quotient = self.op(Op::Binary(BinaryOp::SDiv, x, divisor));
        if !python {
            return Ok(quotient);
        }
        let product = self.op(Op::Binary(BinaryOp::Mul, quotient, divisor));
        let remainder = self.op(Op::Binary(BinaryOp::Sub, x, product));
        let zero = self.int(0, bits);
        let some = self.op(Op::Compare(Comparison::Ne, remainder, zero));
        let mixed = self.op(Op::Binary(BinaryOp::Xor, remainder, divisor));
        let apart = self.op(Op::Compare(Comparison::SLt, mixed, zero));
        let fix = self.op(Op::Binary(BinaryOp::And, some, apart));
        let less = self.op(Op::Binary(BinaryOp::Sub, quotient, one));
        Ok(self.op(Op::Select(fix, less, quotient)))
    }

    fn float_division(
        &mut self,
        node: Node<'t>,
        operator: &str,
        c_rules: bool,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        match operator {
            "/" => Ok(self.op(Op::Binary(BinaryOp::FDiv, x, y))),
            "//" => {
                let quotient = self.op(Op::Binary(BinaryOp::FDiv, x, y));
                Ok(self.op(Op::Intrinsic(Intrinsic::Floor, vec![quotient])))
            }
            "%" => {
                let remainder = self.op(Op::Binary(BinaryOp::FRem, x, y));
                if c_rules {
                    return Ok(remainder);
                }
                // r + ((r != 0) & ((r < 0) ^ (y < 0))) * y, as Cython has it: the product keeps
                // infinities and signed zeros as they are there.
                let ty = self.b.ty(x).clone();
                let zero = self.float(0.0, ty.clone());
                let some = self.op(Op::Compare(Comparison::FNe, remainder, zero));
                let below = self.op(Op::Compare(Comparison::FLt, remainder, zero));
                let under = self.op(Op::Compare(Comparison::FLt, y, zero));
                let apart = self.op(Op::Binary(BinaryOp::Xor, below, under));
                let fix = self.op(Op::Binary(BinaryOp::And, some, apart));
                let factor = self.widen(fix, 32, true);
                let factor = self.op(Op::Cast(CastOp::SToF, factor, ty));
                let more = self.op(Op::Binary(BinaryOp::FMul, factor, y));
                Ok(self.op(Op::Binary(BinaryOp::FAdd, remainder, more)))
            }
            _ => missing_node(node, &format!("'{operator}' of floating-point numbers")),
        }
    }

    // ---------------------------------------------------------------- others

    pub(super) fn lower_power(&mut self, node: Node<'t>) -> Result<Value> {
        let (left, right) = (node.child("operand1")?, node.child("operand2")?);
        let ty = node.expr_type()?;
        if ty.flag("is_pyobject") {
            let x = self.expr(left)?;
            let y = self.expr(right)?;
            let none = self.none();
            let of_two = left.kind() == "IntNode"
                && left.text("value") == Some("2")
                && right.expr_type()?.kind() == "PyObjectType";
            let name = match (of_two, node.flag("inplace")) {
                (true, false) => "__Pyx_PyNumber_PowerOf2",
                (_, true) => "PyNumber_InPlacePower",
                (false, false) => "PyNumber_Power",
            };
            let result = self.rt_object(name, "ooo:O", &[x, y, none])?;
            self.release_under(result, &[x, y]);
            return Ok(result);
        }
        let x = self.expr(left)?;
        let y = self.expr(right)?;
        if types::resolve(ty).flag("is_complex") {
            let x = self.as_complex(x, left.expr_type()?, ty)?;
            let y = self.as_complex(y, right.expr_type()?, ty)?;
            return self.complex_binary(node, "**", x, y);
        }
        let x = self.convert_number(x, left.expr_type()?, ty)?;
        let y = self.convert_number(y, right.expr_type()?, ty)?;
        match self.b.ty(x).clone() {
            Type::F64 => self.rt_value("pow", "dd:d", &[x, y]),
            Type::F32 => self.rt_value("powf", "ff:f", &[x, y]),
            Type::F80 => self.call_same("powl", &[x, y]),
            Type::Int(bits) => {
                let function = node.text("pow_func").unwrap_or_default();
                if self.m.symbols.resolve(function).is_some() {
                    return self.call_same(function, &[x, y]);
                }
                // Of a typedef, whose name is the module's alone.
                let kind = if types::unsigned(ty) { "uint" } else { "int" };
                self.call_same(&format!("__Pyx_pow_{kind}{bits}_t"), &[x, y])
            }
            _ => missing_node(node, "of C integers"),
        }
    }

    pub(super) fn lower_unary(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        let value = self.expr(operand)?;
        let ty = node.expr_type()?;
        if ty.flag("is_pyobject") {
            let name = match node.kind() {
                "UnaryMinusNode" => "PyNumber_Negative",
                "UnaryPlusNode" => "PyNumber_Positive",
                _ => "PyNumber_Invert",
            };
            let result = self.rt_object(name, "o:O", &[value])?;
            self.release(value);
            return Ok(result);
        }
        if types::resolve(ty).flag("is_complex") {
            return self.complex_unary(node, value);
        }
        if let (Type::Int(_), Some(integer)) = (
            self.c_type(ty)?,
            self.c_integer(value, operand.expr_type()?),
        ) {
            return match node.kind() {
                "UnaryPlusNode" => Ok(self.convert_number(value, operand.expr_type()?, ty)?),
                "UnaryMinusNode" if node.flag("overflow_check") => {
                    missing_node(node, "overflowcheck")
                }
                "UnaryMinusNode" => self.integer_unary(UnaryOp::Neg, integer, ty),
                "TildeNode" => self.integer_unary(UnaryOp::Not, integer, ty),
                _ => missing_node(node, "of this type"),
            };
        }
        let value = self.convert_number(value, operand.expr_type()?, ty)?;
        let float = self.b.ty(value).is_float();
        match node.kind() {
            "UnaryPlusNode" => Ok(value),
            "UnaryMinusNode" if self.doubles.contains_key(&value) => {
                let double = self.as_in_c(value);
                let negated = self.op(Op::Unary(UnaryOp::FNeg, double));
                Ok(self.not_rounded(negated))
            }
            "UnaryMinusNode" if float => Ok(self.op(Op::Unary(UnaryOp::FNeg, value))),
            _ => missing_node(node, "of this type"),
        }
    }

    pub(super) fn lower_not(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        let value = self.expr(operand)?;
        if *self.b.ty(value) == Type::Object {
            return missing_node(node, "of an object");
        }
        let truth = self.truth(value)?;
        let not = self.op(Op::Unary(UnaryOp::Not, truth));
        Ok(self.as_int(not))
    }

    /// Raises a built-in exception with a constant message.  Takes the GIL where it is not held.
    pub(super) fn raise_builtin(&mut self, exception: &str, message: &str) -> Result<()> {
        let text = self.text(message);
        if self.gil {
            let class = self.variable_object(exception);
            self.rt_void("PyErr_SetString", "op:v", &[class, text])?;
        } else {
            let id = self.m.mir.declare_data(exception);
            let class = self.op(Op::ExternAddr(id));
            self.rt_void("cyl_raise_nogil", "pp:v", &[class, text])?;
        }
        self.raise_now();
        Ok(())
    }
}

fn is_pointer(ty: TreeType<'_>) -> bool {
    let ty = types::resolve(ty);
    ty.flag("is_ptr") || ty.flag("is_array")
}

fn is_text(ty: TreeType<'_>) -> bool {
    ty.flag("is_pystr_type") || ty.flag("is_pybytes_type")
}

/// What a status of -1 means everywhere in CPython.
pub(super) const NEGATIVE: Raises = Raises::Negative;
