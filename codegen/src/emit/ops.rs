//! Operations.

use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum};
use inkwell::{FloatPredicate, IntPredicate};

use super::EmitError;
use super::abi::Held;
use super::function::FunctionEmitter;
use crate::mir::{BinaryOp, Callee, Comparison, Intrinsic, Op, Type, UnaryOp, Value};

type Emitted<'ctx> = Result<Option<BasicValueEnum<'ctx>>, EmitError>;

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    pub(super) fn op(&self, op: &Op) -> Emitted<'ctx> {
        let b = &self.e.builder;
        Ok(Some(match op {
            Op::Const(constant) => self.constant(constant)?,
            Op::Param(index) => match self.params.get(*index as usize) {
                Some(found) => found.value(self)?,
                None => return self.malformed(format!("no parameter {index}")),
            },
            Op::Object(id) => {
                let Some(slots) = self.e.slots else {
                    return self.malformed("no constants");
                };
                let index = self.e.place(*id);
                // SAFETY: the index is below the table's length: ids come from the module's table.
                let place = unsafe {
                    b.build_in_bounds_gep(self.e.ptr(), slots.as_pointer_value(), &[index], "slot")?
                };
                b.build_load(self.e.ptr(), place, "object")?
            }
            Op::GlobalAddr(id) => match self.e.global(*id) {
                Some(global) => global.as_pointer_value().into(),
                None => return self.malformed("no such global"),
            },
            Op::FunctionAddr(id) => match self.e.function(*id) {
                Some(function) => function.as_global_value().as_pointer_value().into(),
                None => return self.malformed("no such function"),
            },
            Op::ExternAddr(id) => match self.e.external_address(*id) {
                Some(address) => address.into(),
                None => return self.malformed("no such symbol"),
            },
            Op::LocalAddr(id) => self.locals[id.0 as usize].into(),
            Op::Frame => match self.frame {
                Some(frame) => frame.into(),
                None => return self.malformed("the scope object of no generator"),
            },
            Op::Get(id) => self.load(
                &self.mir.locals[id.0 as usize].ty,
                self.locals[id.0 as usize],
            )?,
            Op::Set(id, value) => {
                self.store_value(self.locals[id.0 as usize], *value)?;
                return Ok(None);
            }
            Op::Take(id) => {
                let slot = self.locals[id.0 as usize];
                let found = b.build_load(self.e.ptr(), slot, "taken")?;
                b.build_store(slot, self.e.null())?;
                found
            }
            Op::Load(ty, address) => self.load(ty, self.pointer(*address)?)?,
            Op::Store { address, value } => {
                self.store_value(self.pointer(*address)?, *value)?;
                return Ok(None);
            }
            Op::Field(base, id, index) => {
                let ty = self.e.structure(*id);
                b.build_struct_gep(ty, self.pointer(*base)?, *index, "field")?
                    .into()
            }
            Op::Index(base, ty, index) => {
                let Some(ty) = self.e.ty(ty) else {
                    return self.malformed("index of no type");
                };
                // SAFETY: not marked in bounds: what the address means is MIR's business.
                unsafe { b.build_gep(ty, self.pointer(*base)?, &[self.int(*index)?], "item")? }
                    .into()
            }
            Op::Extract(value, index) => match self.value(*value)? {
                BasicValueEnum::StructValue(value) => {
                    b.build_extract_value(value, *index, "field")?
                }
                _ => return self.malformed("extract from no struct"),
            },
            Op::Make(id, values) => {
                let mut made = self.e.structure(*id).get_undef();
                for (index, value) in values.iter().enumerate() {
                    let value = self.value(*value)?;
                    made = b
                        .build_insert_value(made, value, index as u32, "")?
                        .into_struct_value();
                }
                made.into()
            }
            Op::Binary(op, x, y) => self.binary(*op, *x, *y)?,
            Op::Unary(op, x) => match op {
                UnaryOp::Neg => b.build_int_neg(self.int(*x)?, "")?.into(),
                UnaryOp::Not => b.build_not(self.int(*x)?, "")?.into(),
                UnaryOp::FNeg => b
                    .build_float_neg(self.value(*x)?.into_float_value(), "")?
                    .into(),
            },
            Op::Compare(op, x, y) => self.compare(*op, *x, *y)?,
            Op::Cast(op, value, to) => self.cast(*op, *value, to)?,
            Op::Select(c, x, y) => {
                b.build_select(self.int(*c)?, self.value(*x)?, self.value(*y)?, "")?
            }
            Op::Intrinsic(which, args) => self.intrinsic(*which, args)?,
            Op::IncRef(value) | Op::XIncRef(value) => {
                let object = self.pointer(*value)?;
                if self.quick {
                    self.e.count_by_call("cyl_hold", object)?;
                } else {
                    self.e.incref(object, matches!(op, Op::XIncRef(_)))?;
                }
                object.into()
            }
            Op::Own(value) => self.value(*value)?,
            Op::DecRef(value) | Op::XDecRef(value) => {
                let (object, nullable) = (self.pointer(*value)?, matches!(op, Op::XDecRef(_)));
                if self.quick {
                    self.e.count_by_call("cyl_release", object)?;
                } else {
                    self.e.decref(object, nullable, self.cold)?;
                }
                return Ok(None);
            }
            Op::Forget(_) | Op::HoldSlice(_) | Op::GiveSlice(_) => return Ok(None),
            Op::Call(callee, args) => match self.call(callee, args)? {
                Some(held) => held.value(self)?,
                None => return Ok(None),
            },
            Op::InitObjects => return self.init_objects(),
            Op::EnsureGil => return self.runtime("PyGILState_Ensure", self.e.i32().into(), &[]),
            Op::SaveThread => return self.runtime("PyEval_SaveThread", self.e.ptr().into(), &[]),
            Op::ReleaseGil(token) => {
                let token = self.value(*token)?;
                return self.runtime_void("PyGILState_Release", token);
            }
            Op::RestoreThread(state) => {
                let state = self.value(*state)?;
                return self.runtime_void("PyEval_RestoreThread", state);
            }
        }))
    }

    fn load(
        &self,
        ty: &Type,
        address: inkwell::values::PointerValue<'ctx>,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        match self.e.ty(ty) {
            Some(ty) => Ok(self.e.builder.build_load(ty, address, "")?),
            None => self.malformed("load of no type"),
        }
    }

    fn binary(&self, op: BinaryOp, x: Value, y: Value) -> Result<BasicValueEnum<'ctx>, EmitError> {
        let b = &self.e.builder;
        if let (BasicValueEnum::FloatValue(x), BasicValueEnum::FloatValue(y)) =
            (self.value(x)?, self.value(y)?)
        {
            return Ok(match op {
                BinaryOp::FAdd => b.build_float_add(x, y, "")?,
                BinaryOp::FSub => b.build_float_sub(x, y, "")?,
                BinaryOp::FMul => b.build_float_mul(x, y, "")?,
                BinaryOp::FDiv => b.build_float_div(x, y, "")?,
                BinaryOp::FRem => b.build_float_rem(x, y, "")?,
                _ => return self.malformed(format!("{op:?} of floating-point numbers")),
            }
            .into());
        }
        let (x, y) = (self.int(x)?, self.int(y)?);
        Ok(match op {
            BinaryOp::Add => b.build_int_add(x, y, "")?,
            BinaryOp::Sub => b.build_int_sub(x, y, "")?,
            BinaryOp::Mul => b.build_int_mul(x, y, "")?,
            BinaryOp::SDiv => b.build_int_signed_div(x, y, "")?,
            BinaryOp::UDiv => b.build_int_unsigned_div(x, y, "")?,
            BinaryOp::SRem => b.build_int_signed_rem(x, y, "")?,
            BinaryOp::URem => b.build_int_unsigned_rem(x, y, "")?,
            BinaryOp::Shl => b.build_left_shift(x, y, "")?,
            BinaryOp::LShr => b.build_right_shift(x, y, false, "")?,
            BinaryOp::AShr => b.build_right_shift(x, y, true, "")?,
            BinaryOp::And => b.build_and(x, y, "")?,
            BinaryOp::Or => b.build_or(x, y, "")?,
            BinaryOp::Xor => b.build_xor(x, y, "")?,
            _ => return self.malformed(format!("{op:?} of integers")),
        }
        .into())
    }

    fn compare(
        &self,
        op: Comparison,
        x: Value,
        y: Value,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        use Comparison as C;
        let b = &self.e.builder;
        let float = match op {
            C::FEq => Some(FloatPredicate::OEQ),
            C::FNe => Some(FloatPredicate::UNE),
            C::FLt => Some(FloatPredicate::OLT),
            C::FLe => Some(FloatPredicate::OLE),
            C::FGt => Some(FloatPredicate::OGT),
            C::FGe => Some(FloatPredicate::OGE),
            _ => None,
        };
        let (x, y) = (self.value(x)?, self.value(y)?);
        if let (Some(how), BasicValueEnum::FloatValue(x), BasicValueEnum::FloatValue(y)) =
            (float, x, y)
        {
            return Ok(b.build_float_compare(how, x, y, "")?.into());
        }
        let how = match op {
            C::Eq => IntPredicate::EQ,
            C::Ne => IntPredicate::NE,
            C::SLt => IntPredicate::SLT,
            C::SLe => IntPredicate::SLE,
            C::SGt => IntPredicate::SGT,
            C::SGe => IntPredicate::SGE,
            C::ULt => IntPredicate::ULT,
            C::ULe => IntPredicate::ULE,
            C::UGt => IntPredicate::UGT,
            C::UGe => IntPredicate::UGE,
            _ => return self.malformed(format!("{op:?} of no floating-point numbers")),
        };
        match (x, y) {
            (BasicValueEnum::IntValue(x), BasicValueEnum::IntValue(y)) => {
                Ok(b.build_int_compare(how, x, y, "")?.into())
            }
            (BasicValueEnum::PointerValue(x), BasicValueEnum::PointerValue(y)) => {
                Ok(b.build_int_compare(how, x, y, "")?.into())
            }
            _ => self.malformed(format!("{op:?} of different types")),
        }
    }

    fn intrinsic(
        &self,
        which: Intrinsic,
        args: &[Value],
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        let name = match which {
            Intrinsic::Fabs => "llvm.fabs",
            Intrinsic::Floor => "llvm.floor",
            Intrinsic::Ceil => "llvm.ceil",
            Intrinsic::Trunc => "llvm.trunc",
            Intrinsic::Sqrt => "llvm.sqrt",
            Intrinsic::CopySign => "llvm.copysign",
            Intrinsic::Abs => "llvm.abs",
            Intrinsic::SAddOverflow => "llvm.sadd.with.overflow",
            Intrinsic::SSubOverflow => "llvm.ssub.with.overflow",
            Intrinsic::SMulOverflow => "llvm.smul.with.overflow",
            Intrinsic::UAddOverflow => "llvm.uadd.with.overflow",
            Intrinsic::USubOverflow => "llvm.usub.with.overflow",
            Intrinsic::UMulOverflow => "llvm.umul.with.overflow",
        };
        let mut values: Vec<BasicMetadataValueEnum<'ctx>> = Vec::new();
        for arg in args {
            values.push(self.value(*arg)?.into());
        }
        if which == Intrinsic::Abs {
            // The least integer's is itself.
            values.push(self.e.context.bool_type().const_zero().into());
        }
        let Some(ty) = self.e.ty(self.mir.ty(args[0])) else {
            return self.malformed("intrinsic");
        };
        let declaration = inkwell::intrinsics::Intrinsic::find(name)
            .and_then(|found| found.get_declaration(&self.e.llvm, &[ty]));
        let Some(declaration) = declaration else {
            return self.malformed(format!("no {name}"));
        };
        let call = self.e.builder.build_call(declaration, &values, "")?;
        match call.try_as_basic_value().basic() {
            Some(value) => Ok(value),
            None => self.malformed("no result"),
        }
    }

    pub(super) fn call(
        &self,
        callee: &Callee,
        args: &[Value],
    ) -> Result<Option<Held<'ctx>>, EmitError> {
        if let Callee::Extern(id) = callee
            && self.e.mir.externs[id.0 as usize].name == super::traceback::ADD_TRACEBACK
            && self.add_traceback(args)?
        {
            return Ok(None);
        }
        let b = &self.e.builder;
        match callee {
            Callee::Function(id) => {
                let signature = &self.e.mir.functions[id.0 as usize].signature;
                let Some(function) = self.e.function(*id) else {
                    return self.malformed("no such function");
                };
                self.call_by(signature, args, |_, values| {
                    Ok(b.build_call(function, values, "")?)
                })
            }
            Callee::Extern(id) => {
                let signature = self.e.mir.externs[id.0 as usize].signature.as_ref();
                let (Some(function), Some(signature)) = (self.e.external(*id), signature) else {
                    return self.malformed("a call of data");
                };
                self.call_by(signature, args, |ty, values| {
                    // Another declaration of the symbol may have other types.
                    if ty == function.get_type() {
                        return Ok(b.build_call(function, values, "")?);
                    }
                    let address = function.as_global_value().as_pointer_value();
                    Ok(b.build_indirect_call(ty, address, values, "")?)
                })
            }
            Callee::Indirect(address, signature) => {
                let address = self.pointer(*address)?;
                self.call_by(signature, args, |ty, values| {
                    Ok(b.build_indirect_call(ty, address, values, "")?)
                })
            }
        }
    }

    fn init_objects(&self) -> Emitted<'ctx> {
        let (Some(table), Some(slots), Some(symbols)) =
            (self.e.table, self.e.slots, self.e.symbols)
        else {
            return Ok(Some(self.e.i32().const_zero().into()));
        };
        let count = match self.e.count() {
            Some(place) => self
                .e
                .builder
                .build_load(self.e.i64(), place.as_pointer_value(), "count")?
                .into_int_value(),
            None => self
                .e
                .i64()
                .const_int(self.e.mir.objects.len() as u64, false),
        };
        let (ptr, i64) = (self.e.ptr().into(), self.e.i64().into());
        let ty = self.e.i32().fn_type(&[ptr, i64, ptr, ptr], false);
        let name = "cyl_make_constants";
        let function = self
            .e
            .llvm
            .get_function(name)
            .unwrap_or_else(|| self.e.llvm.add_function(name, ty, None));
        let args = [
            table.as_pointer_value().into(),
            count.into(),
            slots.as_pointer_value().into(),
            symbols.as_pointer_value().into(),
        ];
        Ok(self
            .e
            .builder
            .build_call(function, &args, "")?
            .try_as_basic_value()
            .basic())
    }

    pub(super) fn runtime(
        &self,
        name: &str,
        result: BasicTypeEnum<'ctx>,
        args: &[BasicValueEnum<'ctx>],
    ) -> Emitted<'ctx> {
        use inkwell::types::BasicType;
        let params: Vec<_> = args.iter().map(|arg| arg.get_type().into()).collect();
        let ty = result.fn_type(&params, false);
        let args: Vec<_> = args.iter().map(|arg| (*arg).into()).collect();
        let function = self
            .e
            .llvm
            .get_function(name)
            .unwrap_or_else(|| self.e.llvm.add_function(name, ty, None));
        Ok(self
            .e
            .builder
            .build_call(function, &args, "")?
            .try_as_basic_value()
            .basic())
    }

    fn runtime_void(&self, name: &str, arg: BasicValueEnum<'ctx>) -> Emitted<'ctx> {
        let ty = self
            .e
            .context
            .void_type()
            .fn_type(&[arg.get_type().into()], false);
        let function = self
            .e
            .llvm
            .get_function(name)
            .unwrap_or_else(|| self.e.llvm.add_function(name, ty, None));
        self.e.builder.build_call(function, &[arg.into()], "")?;
        Ok(None)
    }
}
