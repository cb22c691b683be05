//! Complex numbers whose parts are integers: structs, with the arithmetic of Cython's own helpers, which
//! store each result in the parts' type.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::c_integers::CInteger;
use super::context::missing_node;
use super::types;
use crate::mir::{Comparison, Op, Raises, StructId, Type, Value};

impl<'t> Body<'_, 't> {
    /// `+`, `-`, `*` or `/` of two of them; the quotient's divisor is not zero, or C's answer is any.
    pub(super) fn integer_complex_binary(
        &mut self,
        node: Node<'t>,
        operator: &str,
        x: Value,
        y: Value,
        bits: u16,
    ) -> Result<Value> {
        let ty = types::resolve(node.expr_type()?);
        let same = self.b.ty(x) == self.b.ty(y);
        let Some(real) = ty.ty("real_type").filter(|_| same) else {
            return missing_node(node, "of complex numbers of different types");
        };
        let (id, _) = self.complex_struct(x)?;
        let unsigned = types::unsigned(real);
        let ((a, b), (c, d)) = (self.parts(x), self.parts(y));
        let [a, b, c, d] = [a, b, c, d].map(|part| CInteger::of(part, bits, unsigned));
        let (real, imag) = match operator {
            "+" | "-" => (
                self.c_operation(node, operator, a, c)?,
                self.c_operation(node, operator, b, d)?,
            ),
            "*" => {
                let [ac, bd, ad, bc] = self.products(node, [(a, c), (b, d), (a, d), (b, c)])?;
                (
                    self.c_operation(node, "-", ac, bd)?,
                    self.c_operation(node, "+", ad, bc)?,
                )
            }
            "/" => return self.integer_complex_quotient(node, id, [a, b, c, d], bits),
            _ => return missing_node(node, &format!("'{operator}' of complex integers")),
        };
        let parts = vec![self.c_value(real, bits), self.c_value(imag, bits)];
        Ok(self.op(Op::Make(id, parts)))
    }

    fn products<const N: usize>(
        &mut self,
        node: Node<'t>,
        pairs: [(CInteger, CInteger); N],
    ) -> Result<[CInteger; N]> {
        let mut products = pairs.map(|(one, _)| one);
        for (product, (one, other)) in products.iter_mut().zip(pairs) {
            *product = self.c_operation(node, "*", one, other)?;
        }
        Ok(products)
    }

    fn integer_complex_quotient(
        &mut self,
        node: Node<'t>,
        id: StructId,
        [a, b, c, d]: [CInteger; 4],
        bits: u16,
    ) -> Result<Value> {
        let result = self.b.local("quotient", Type::Struct(id));
        let (zero, imag) = (self.int(0, bits), self.c_value(d, bits));
        let plain = self.op(Op::Compare(Comparison::Eq, imag, zero));
        let (by_real, whole, after) = (self.b.block(), self.b.block(), self.b.block());
        self.b.branch(plain, by_real, whole);
        self.b.switch_to(by_real);
        let parts = [a, b].map(|part| self.c_operation(node, "/", part, c));
        self.set_parts(result, id, parts, bits)?;
        self.b.jump(after);
        self.b.switch_to(whole);
        let [cc, dd, ac, bd, bc, ad] =
            self.products(node, [(c, c), (d, d), (a, c), (b, d), (b, c), (a, d)])?;
        // Stored in a variable of the parts' type.
        let below = self.c_operation(node, "+", cc, dd)?;
        let below = self.c_value(below, bits);
        let below = CInteger::of(below, bits, c.is_unsigned());
        let above = [
            self.c_operation(node, "+", ac, bd)?,
            self.c_operation(node, "-", bc, ad)?,
        ];
        let parts = above.map(|part| self.c_operation(node, "/", part, below));
        self.set_parts(result, id, parts, bits)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(self.op(Op::Get(result)))
    }

    fn set_parts(
        &mut self,
        result: crate::mir::LocalId,
        id: StructId,
        [real, imag]: [Result<CInteger>; 2],
        bits: u16,
    ) -> Result<()> {
        let parts = vec![self.c_value(real?, bits), self.c_value(imag?, bits)];
        let made = self.op(Op::Make(id, parts));
        self.b.effect(Op::Set(result, made));
        Ok(())
    }

    /// One as a complex object.
    pub(super) fn integer_complex_to_python(
        &mut self,
        real: Value,
        imag: Value,
        from: TreeType<'t>,
    ) -> Result<Value> {
        let Some(of) = types::resolve(from).ty("real_type") else {
            return self.missing("complex type");
        };
        let parts = [real, imag].map(|part| match self.c_integer(part, of) {
            Some(part) => {
                let (part, how) = self.to_float_from(part);
                self.op(Op::Cast(how, part, Type::F64))
            }
            None => part,
        });
        self.rt_object("PyComplex_FromDoubles", "dd:O", &parts)
    }

    /// An object as one: its parts cut off to integers.
    pub(super) fn integer_complex_from_python(
        &mut self,
        object: Value,
        to: TreeType<'t>,
        id: StructId,
    ) -> Result<Value> {
        let Some(of) = types::resolve(to).ty("real_type") else {
            return self.missing("complex type");
        };
        let Type::Int(bits) = self.c_type(of)? else {
            return self.defect("no integer");
        };
        let pair = vec![Type::F64, Type::F64];
        let double = Type::Struct(self.m.mir.structure("complex.f64", || pair));
        let result = self.b.local("complex", double);
        let address = self.op(Op::LocalAddr(result));
        self.rt_status(
            "cyl_complex_from_python_f64",
            "po:i",
            &[address, object],
            Raises::Negative,
        )?;
        let value = self.op(Op::Get(result));
        let (x, y) = self.parts(value);
        let unsigned = types::unsigned(of);
        let parts = [x, y].map(|part| self.float_to_integer(part, bits, unsigned));
        Ok(self.op(Op::Make(id, parts.to_vec())))
    }
}
