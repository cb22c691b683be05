//! C complex numbers: two floating-point parts, with the arithmetic of C99 as Cython's helpers have it.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::{Context, missing, missing_node};
use super::types;
use crate::mir::{BinaryOp, CastOp, Comparison, Op, Raises, StructId, Type, UnaryOp, Value};

impl<'t> Context<'t> {
    /// The MIR type of a complex type.
    pub(super) fn complex_type(
        &mut self,
        ty: TreeType<'t>,
        at: Option<frontend_bridge::tree::Position>,
    ) -> Result<Type> {
        let Some(real) = ty.ty("real_type") else {
            return missing("complex type", at);
        };
        let part = self.c_type(real, at)?;
        let name = match (suffix(&part), &part) {
            (Some(suffix), _) => format!("complex.{suffix}"),
            (None, Type::Int(bits)) => format!("complex.i{bits}"),
            _ => return missing("complex type", at),
        };
        Ok(Type::Struct(
            self.mir.structure(&name, || vec![part.clone(), part]),
        ))
    }
}

/// What the runtime's functions for a floating-point type end in.
fn suffix(part: &Type) -> Option<&'static str> {
    match part {
        Type::F32 => Some("f32"),
        Type::F64 => Some("f64"),
        Type::F80 => Some("f80"),
        _ => None,
    }
}

impl<'t> Body<'_, 't> {
    pub(super) fn complex_struct(&mut self, value: Value) -> Result<(StructId, Type)> {
        if let Type::Struct(id) = *self.b.ty(value)
            && let Some(part) = self.m.mir.structs[id.0 as usize].fields.first()
        {
            return Ok((id, part.clone()));
        }
        self.defect("no complex number")
    }

    fn complex_suffix(&mut self, value: Value) -> Result<&'static str> {
        let (_, part) = self.complex_struct(value)?;
        match suffix(&part) {
            Some(suffix) => Ok(suffix),
            None => self.defect("no complex number"),
        }
    }

    pub(super) fn parts(&mut self, value: Value) -> (Value, Value) {
        (
            self.op(Op::Extract(value, 0)),
            self.op(Op::Extract(value, 1)),
        )
    }

    /// Calls a function of the runtime that takes and gives complex numbers by address.
    pub(super) fn complex_call(&mut self, name: &str, operands: &[Value]) -> Result<Value> {
        let suffix = self.complex_suffix(operands[0])?;
        let ty = self.b.ty(operands[0]).clone();
        let result = self.b.local("complex", ty);
        let mut args = vec![self.op(Op::LocalAddr(result))];
        for operand in operands {
            let address = self.spill(*operand);
            args.push(address);
        }
        let short = format!("{}:v", "p".repeat(args.len()));
        self.rt_void(&format!("cyl_complex_{name}_{suffix}"), &short, &args)?;
        Ok(self.op(Op::Get(result)))
    }

    /// `abs(z)`.
    pub(super) fn complex_abs(&mut self, value: Value) -> Result<Value> {
        let suffix = self.complex_suffix(value)?;
        let (_, part) = self.complex_struct(value)?;
        let result = self.b.local("absolute", part);
        let to = self.op(Op::LocalAddr(result));
        let from = self.spill(value);
        self.rt_void(&format!("cyl_complex_abs_{suffix}"), "pp:v", &[to, from])?;
        Ok(self.op(Op::Get(result)))
    }

    /// A complex number as a float where it is real, else as a complex object.
    pub(super) fn soft_complex_to_python(&mut self, value: Value) -> Result<Value> {
        let (x, y) = self.parts(value);
        self.rt_object("__pyx_Py_FromSoftComplex", "dd:O", &[x, y])
    }

    /// A complex number of its parts, as C makes it: `x + y*I`.
    fn complex_of(&mut self, target: &Type, real: Value, imag: Value) -> Result<Value> {
        let Type::Struct(id) = *target else {
            return self.defect("no complex type");
        };
        let value = self.op(Op::Make(id, vec![real, imag]));
        if self.b.ty(real).is_int() {
            return Ok(value);
        }
        self.complex_call("from_parts", &[value])
    }

    /// A C number, complex or not, as a complex number.
    pub(super) fn to_complex(
        &mut self,
        value: Value,
        from: TreeType<'t>,
        to: TreeType<'t>,
    ) -> Result<Value> {
        let target = self.c_type(to)?;
        let Some(real) = types::resolve(to).ty("real_type") else {
            return self.missing("complex type");
        };
        if let Type::Struct(_) = self.b.ty(value) {
            let Some(of) = types::resolve(from).ty("real_type") else {
                return self.missing("conversion of a struct to a complex number");
            };
            let (x, y) = self.parts(value);
            let x = self.convert_number(x, of, real)?;
            let y = self.convert_number(y, of, real)?;
            return self.complex_of(&target, x, y);
        }
        let x = self.convert_number(value, from, real)?;
        let zero = match self.b.ty(x).clone() {
            Type::Int(bits) => self.int(0, bits),
            part => self.float(0.0, part),
        };
        self.complex_of(&target, x, zero)
    }

    /// `CoerceToComplexNode`.
    pub(super) fn lower_to_complex(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        let value = self.expr(arg)?;
        self.to_complex(value, arg.expr_type()?, node.expr_type()?)
    }

    /// `z.real` and `z.imag`.
    pub(super) fn complex_part(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node.child("obj")?)?;
        let index = u32::from(node.text("attribute") == Some("imag"));
        Ok(self.op(Op::Extract(value, index)))
    }

    pub(super) fn assign_complex_part(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let obj = target.child("obj")?;
        let ty = self.type_of(obj)?;
        let Type::Struct(id) = ty else {
            return self.defect("no complex number");
        };
        let address = self.lvalue(obj)?;
        let index = u32::from(target.text("attribute") == Some("imag"));
        let address = self.op(Op::Field(address, id, index));
        self.b.effect(Op::Store { address, value });
        Ok(())
    }

    /// Arithmetic on two complex numbers of one type.
    pub(super) fn complex_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        let (_, part) = self.complex_struct(x)?;
        if let Type::Int(bits) = part {
            return self.integer_complex_binary(node, operator, x, y, bits);
        }
        let how = match operator {
            "+" => BinaryOp::FAdd,
            "-" => BinaryOp::FSub,
            "*" => return self.complex_product(x, y),
            "/" => return self.complex_call("quot", &[x, y]),
            "**" => return self.complex_call("pow", &[x, y]),
            _ => return missing_node(node, &format!("'{operator}' of complex numbers")),
        };
        let (id, _) = self.complex_struct(x)?;
        let ((a, b), (c, d)) = (self.parts(x), self.parts(y));
        let real = self.op(Op::Binary(how, a, c));
        let imag = self.op(Op::Binary(how, b, d));
        Ok(self.op(Op::Make(id, vec![real, imag])))
    }

    /// C99's product: what the formula gives, but where both parts are NaN, which may stand for an
    /// infinity, the run-time library's function decides.
    fn complex_product(&mut self, x: Value, y: Value) -> Result<Value> {
        let (id, _) = self.complex_struct(x)?;
        let ty = self.b.ty(x).clone();
        let ((a, b), (c, d)) = (self.parts(x), self.parts(y));
        let [ac, bd, ad, bc] = [(a, c), (b, d), (a, d), (b, c)]
            .map(|(one, other)| self.op(Op::Binary(BinaryOp::FMul, one, other)));
        let real = self.op(Op::Binary(BinaryOp::FSub, ac, bd));
        let imag = self.op(Op::Binary(BinaryOp::FAdd, ad, bc));
        let plain = self.op(Op::Make(id, vec![real, imag]));
        let result = self.b.local("complex", ty);
        self.b.effect(Op::Set(result, plain));
        let real_is_nan = self.op(Op::Compare(Comparison::FNe, real, real));
        self.if_unlikely(real_is_nan, |body| {
            let imag_is_nan = body.op(Op::Compare(Comparison::FNe, imag, imag));
            body.if_unlikely(imag_is_nan, |body| {
                let whole = body.complex_call("prod", &[x, y])?;
                body.b.effect(Op::Set(result, whole));
                Ok(())
            })
        })?;
        Ok(self.op(Op::Get(result)))
    }

    /// Two parts of a reduction put together.
    pub(super) fn complex_combined(&mut self, operator: &str, x: Value, y: Value) -> Result<Value> {
        let (id, part) = self.complex_struct(x)?;
        if operator == "*" && !part.is_int() {
            return self.complex_product(x, y);
        }
        let add = match part.is_int() {
            true => BinaryOp::Add,
            false => BinaryOp::FAdd,
        };
        let ((a, b), (c, d)) = (self.parts(x), self.parts(y));
        let (real, imag) = if operator == "*" {
            let [ac, bd, ad, bc] = [(a, c), (b, d), (a, d), (b, c)]
                .map(|(one, other)| self.op(Op::Binary(BinaryOp::Mul, one, other)));
            let real = self.op(Op::Binary(BinaryOp::Sub, ac, bd));
            (real, self.op(Op::Binary(add, ad, bc)))
        } else {
            let real = self.op(Op::Binary(add, a, c));
            (real, self.op(Op::Binary(add, b, d)))
        };
        Ok(self.op(Op::Make(id, vec![real, imag])))
    }

    /// `-z`, `+z`, and `~z`, which is the conjugate.
    pub(super) fn complex_unary(&mut self, node: Node<'t>, value: Value) -> Result<Value> {
        if self.type_of(node)? != *self.b.ty(value) {
            return missing_node(node, "of a complex number of another type");
        }
        let (id, part) = self.complex_struct(value)?;
        let negation = match part.is_int() {
            true => UnaryOp::Neg,
            false => UnaryOp::FNeg,
        };
        let (real, imag) = self.parts(value);
        let imag_negated = self.op(Op::Unary(negation, imag));
        match node.kind() {
            "UnaryPlusNode" => Ok(value),
            "UnaryMinusNode" => {
                let real = self.op(Op::Unary(negation, real));
                Ok(self.op(Op::Make(id, vec![real, imag_negated])))
            }
            "TildeNode" => Ok(self.op(Op::Make(id, vec![real, imag_negated]))),
            _ => missing_node(node, "of a complex number"),
        }
    }

    /// `x == y` or `x != y` as a truth value.
    pub(super) fn complex_compare(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: Value,
        y: Value,
    ) -> Result<Value> {
        if self.b.ty(x) != self.b.ty(y) {
            return missing_node(node, "of complex numbers of different types");
        }
        let integers = self.complex_struct(x)?.1.is_int();
        let ((a, b), (c, d)) = (self.parts(x), self.parts(y));
        let (how, both) = match (operator, integers) {
            ("==", false) => (Comparison::FEq, BinaryOp::And),
            ("!=", false) => (Comparison::FNe, BinaryOp::Or),
            ("==", true) => (Comparison::Eq, BinaryOp::And),
            ("!=", true) => (Comparison::Ne, BinaryOp::Or),
            _ => return missing_node(node, &format!("'{operator}' of complex numbers")),
        };
        let real = self.op(Op::Compare(how, a, c));
        let imag = self.op(Op::Compare(how, b, d));
        Ok(self.op(Op::Binary(both, real, imag)))
    }

    /// Whether a complex number is not zero.
    pub(super) fn complex_truth(&mut self, value: Value) -> Result<Value> {
        let (_, part) = self.complex_struct(value)?;
        let (a, b) = self.parts(value);
        if part.is_int() {
            let (real, imag) = (self.truth(a)?, self.truth(b)?);
            return Ok(self.op(Op::Binary(BinaryOp::Or, real, imag)));
        }
        let zero = self.float(0.0, part);
        let real = self.op(Op::Compare(Comparison::FNe, a, zero));
        let imag = self.op(Op::Compare(Comparison::FNe, b, zero));
        Ok(self.op(Op::Binary(BinaryOp::Or, real, imag)))
    }

    /// A complex number as an object.
    pub(super) fn complex_to_python(&mut self, value: Value, from: TreeType<'t>) -> Result<Value> {
        let (_, part) = self.complex_struct(value)?;
        let (mut x, mut y) = self.parts(value);
        if part.is_int() {
            return self.integer_complex_to_python(x, y, from);
        }
        if part != Type::F64 {
            let how = if part == Type::F32 {
                CastOp::FExt
            } else {
                CastOp::FTrunc
            };
            x = self.op(Op::Cast(how, x, Type::F64));
            y = self.op(Op::Cast(how, y, Type::F64));
        }
        self.rt_object("PyComplex_FromDoubles", "dd:O", &[x, y])
    }

    /// An object as a complex number.
    pub(super) fn complex_from_python(
        &mut self,
        object: Value,
        to: TreeType<'t>,
        target: &Type,
    ) -> Result<Value> {
        if let Type::Struct(id) = *target
            && let Some(Type::Int(_)) = self.m.mir.structs[id.0 as usize].fields.first()
        {
            return self.integer_complex_from_python(object, to, id);
        }
        let result = self.b.local("complex", target.clone());
        let Type::Struct(id) = *target else {
            return self.defect("no complex type");
        };
        let suffix = match self.m.mir.structs[id.0 as usize]
            .fields
            .first()
            .and_then(suffix)
        {
            Some(suffix) => suffix,
            None => return self.defect("no complex type"),
        };
        let address = self.op(Op::LocalAddr(result));
        let name = format!("cyl_complex_from_python_{suffix}");
        self.rt_status(&name, "po:i", &[address, object], Raises::Negative)?;
        Ok(self.op(Op::Get(result)))
    }
}
