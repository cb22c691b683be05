//! Casts.
//!
//! A floating-point number that does not fit an integer type becomes on every device what SSE2 makes of
//! it, as C compilers for x86-64 use it: the least integer of the type, also of what is no number. To
//! unsigned 64 bits, numbers from 2**63 on are converted less 2**63 and get the top bit back; what is
//! 2**64 or more is 0 therefore, and what is negative is converted as if to a signed type.

use inkwell::FloatPredicate;
use inkwell::llvm_sys::core::LLVMBuildFreeze;
use inkwell::types::{BasicTypeEnum, IntType};
use inkwell::values::{AsValueRef, BasicValueEnum, FloatValue, IntValue};

use super::EmitError;
use super::function::FunctionEmitter;
use crate::mir::{CastOp, Type, Value};

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    pub(super) fn cast(
        &self,
        op: CastOp,
        value: Value,
        to: &Type,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        let b = &self.e.builder;
        let value = self.value(value)?;
        let Some(ty) = self.e.ty(to) else {
            return self.malformed("cast to no type");
        };
        Ok(match (op, value, ty) {
            (CastOp::Pointer, value, _) => value,
            (CastOp::Trunc, BasicValueEnum::IntValue(v), BasicTypeEnum::IntType(t)) => {
                b.build_int_truncate(v, t, "")?.into()
            }
            (CastOp::SExt, BasicValueEnum::IntValue(v), BasicTypeEnum::IntType(t)) => {
                b.build_int_s_extend(v, t, "")?.into()
            }
            (CastOp::ZExt, BasicValueEnum::IntValue(v), BasicTypeEnum::IntType(t)) => {
                b.build_int_z_extend(v, t, "")?.into()
            }
            (CastOp::FTrunc, BasicValueEnum::FloatValue(v), BasicTypeEnum::FloatType(t)) => {
                b.build_float_trunc(v, t, "")?.into()
            }
            (CastOp::FExt, BasicValueEnum::FloatValue(v), BasicTypeEnum::FloatType(t)) => {
                b.build_float_ext(v, t, "")?.into()
            }
            (CastOp::SToF, BasicValueEnum::IntValue(v), BasicTypeEnum::FloatType(t)) => {
                b.build_signed_int_to_float(v, t, "")?.into()
            }
            (CastOp::UToF, BasicValueEnum::IntValue(v), BasicTypeEnum::FloatType(t)) => {
                b.build_unsigned_int_to_float(v, t, "")?.into()
            }
            (CastOp::FToS, BasicValueEnum::FloatValue(v), BasicTypeEnum::IntType(t)) => {
                self.float_to_signed(v, t)?.into()
            }
            (CastOp::FToU, BasicValueEnum::FloatValue(v), BasicTypeEnum::IntType(t)) => {
                self.float_to_unsigned(v, t)?.into()
            }
            (CastOp::PtrToInt, BasicValueEnum::PointerValue(v), BasicTypeEnum::IntType(t)) => {
                b.build_ptr_to_int(v, t, "")?.into()
            }
            (CastOp::IntToPtr, BasicValueEnum::IntValue(v), BasicTypeEnum::PointerType(t)) => {
                b.build_int_to_ptr(v, t, "")?.into()
            }
            _ => return self.malformed(format!("{op:?} to {to}")),
        })
    }

    fn float_to_signed(
        &self,
        value: FloatValue<'ctx>,
        to: IntType<'ctx>,
    ) -> Result<IntValue<'ctx>, EmitError> {
        let b = &self.e.builder;
        // freeze: a number out of range is some fixed integer, never poison.
        let made = self.freeze(b.build_float_to_signed_int(value, to, "")?);
        let bits = to.get_bit_width();
        // The instruction for it on the host does the rest; what LLVM computes itself would be poison.
        if bits > 64 || !(self.e.device || value.is_const()) {
            return Ok(made);
        }
        let ty = value.get_type();
        let declaration = inkwell::intrinsics::Intrinsic::find("llvm.fabs")
            .and_then(|found| found.get_declaration(&self.e.llvm, &[ty.into()]));
        let Some(fabs) = declaration else {
            return self.malformed("no llvm.fabs");
        };
        let size = b.build_call(fabs, &[value.into()], "")?;
        let Some(BasicValueEnum::FloatValue(size)) = size.try_as_basic_value().basic() else {
            return self.malformed("no result");
        };
        let limit = ty.const_float(2_f64.powi(bits as i32 - 1));
        let fits = b.build_float_compare(FloatPredicate::OLT, size, limit, "fits")?;
        let least = to.const_int(1 << (bits - 1), false);
        Ok(b.build_select(fits, made, least, "")?.into_int_value())
    }

    fn float_to_unsigned(
        &self,
        value: FloatValue<'ctx>,
        to: IntType<'ctx>,
    ) -> Result<IntValue<'ctx>, EmitError> {
        let b = &self.e.builder;
        let bits = to.get_bit_width();
        if bits > 64 {
            return Ok(self.freeze(b.build_float_to_unsigned_int(value, to, "")?));
        }
        let half = value.get_type().const_float(2_f64.powi(bits as i32 - 1));
        let top = to.const_int(1 << (bits - 1), false);
        let low = self.float_to_signed(value, to)?;
        let less = b.build_float_sub(value, half, "")?;
        let high = self.float_to_signed(less, to)?;
        let high = b.build_xor(high, top, "")?;
        let large = b.build_float_compare(FloatPredicate::OGE, value, half, "large")?;
        Ok(b.build_select(large, high, low, "")?.into_int_value())
    }

    /// Some fixed value where there was none.
    fn freeze(&self, value: IntValue<'ctx>) -> IntValue<'ctx> {
        // SAFETY: builder and value are live and of one context; the builder stands in a block.
        unsafe {
            let frozen = LLVMBuildFreeze(
                self.e.builder.as_mut_ptr(),
                value.as_value_ref(),
                c"".as_ptr(),
            );
            IntValue::new(frozen)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::arch::x86_64::{_mm_cvttsd_si32, _mm_cvttsd_si64, _mm_set_sd};

    use crate::emit::{EmitOptions, emit};
    use crate::mir::parse;
    use crate::owned::OwnedModule;

    const TWO_31: f64 = 2147483648.0;
    const TWO_63: f64 = 9223372036854775808.0;

    fn numbers() -> Vec<f64> {
        let mut found = vec![f64::NAN, f64::INFINITY, 0.0, 0.5, 1e300, 5e-324];
        for limit in [TWO_31, TWO_63] {
            for factor in [0.4, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0] {
                let x: f64 = limit * factor;
                found.extend([x, x.next_up(), x.next_down(), x + 0.75, x - 0.75]);
            }
        }
        let negative: Vec<f64> = found.iter().map(|x| -x).collect();
        found.extend(negative);
        found
    }

    fn signed_32(x: f64) -> i64 {
        // SAFETY: SSE2 is part of x86-64.
        i64::from(unsafe { _mm_cvttsd_si32(_mm_set_sd(x)) })
    }

    fn signed_64(x: f64) -> i64 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_cvttsd_si64(_mm_set_sd(x)) }
    }

    /// What gcc makes of it.
    fn unsigned_64(x: f64) -> i64 {
        match x >= TWO_63 {
            true => signed_64(x - TWO_63) ^ i64::MIN,
            false => signed_64(x),
        }
    }

    /// What LLVM computes the casts of all numbers to be, on a device or on the host.
    fn folded(op: &str, bits: u32, device: bool) -> Vec<i64> {
        let mut text = "module m\n\n".to_owned();
        for (index, x) in numbers().iter().enumerate() {
            text += &format!(
                "external func @f{index}() -> i{bits} {{\nbb0:\n  %0: f64 = const {x:?} f64\n  \
                 %1: i{bits} = cast {op} %0 to i{bits}\n  return %1\n}}\n\n"
            );
        }
        let module = parse(&text).expect("text");
        let context = inkwell::context::Context::create();
        let options = EmitOptions {
            device,
            ..EmitOptions::default()
        };
        let made = emit(&context, &module, options, None).expect("emitted");
        let text = made.print_to_string().to_string();
        let mut module = OwnedModule::from_text(&text, "casts").expect("LLVM's text");
        module.optimize(1).expect("optimised");
        let text = module.text().expect("text");
        let results = text.lines().filter_map(|line| {
            line.trim()
                .strip_prefix(&format!("ret i{bits} "))?
                .parse()
                .ok()
        });
        results.collect()
    }

    #[test]
    fn numbers_out_of_range_become_what_x86_makes_of_them() {
        for device in [true, false] {
            for (op, bits, wanted) in [
                ("ftos", 32, signed_32 as fn(f64) -> i64),
                ("ftos", 64, signed_64),
                ("ftou", 64, unsigned_64),
            ] {
                let found = folded(op, bits, device);
                let wanted: Vec<i64> = numbers().into_iter().map(wanted).collect();
                assert_eq!(found, wanted, "{op} {bits}, device: {device}");
            }
        }
    }
}
