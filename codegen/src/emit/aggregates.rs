//! Structs and arrays of many parts, kept in memory.
//!
//! LLVM takes a value of a struct or an array apart into its scalars, in time that grows with the
//! square of their number: a local `char[16384]` took it minutes.  What has more than a few parts
//! is copied and cleared as memory instead.

use inkwell::InlineAsmDialect;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::types::{AnyType, BasicType, BasicTypeEnum};
use inkwell::values::{BasicValueEnum, PointerValue};

use super::EmitError;
use super::abi::Held;
use super::function::FunctionEmitter;
use crate::mir::{Callee, Constant, Op, Value};

/// Scalars that a value may have at most to be handled as a value.
const AS_VALUE: u64 = 32;

/// Bytes from which on a local array is not cleared on entry: its contents are then whatever the
/// stack held, as in C, but some fixed bytes and not LLVM's undefined value.
const NOT_CLEARED: u64 = 512;

/// How many scalars, and how many bytes at most (each counted with the largest alignment of a scalar).
fn parts(ty: BasicTypeEnum<'_>) -> (u64, u64) {
    match ty {
        BasicTypeEnum::ArrayType(ty) => {
            let (count, bytes) = parts(ty.get_element_type());
            let length = u64::from(ty.len());
            (count.saturating_mul(length), bytes.saturating_mul(length))
        }
        BasicTypeEnum::StructType(ty) => ty.get_field_types_iter().map(parts).fold(
            (0, 0),
            |(count, bytes): (u64, u64), (more, size)| {
                (count.saturating_add(more), bytes.saturating_add(size))
            },
        ),
        BasicTypeEnum::IntType(ty) => (1, u64::from(ty.get_bit_width().div_ceil(8))),
        BasicTypeEnum::FloatType(ty) => (1, u64::from(ty.get_bit_width().div_ceil(8))),
        _ => (1, 8),
    }
}

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    /// Gives a local its first contents: zeros, but for large arrays.
    pub(super) fn clear_local(
        &self,
        slot: PointerValue<'ctx>,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<(), EmitError> {
        let (count, bytes) = parts(ty);
        if count <= AS_VALUE {
            self.e.builder.build_store(slot, ty.const_zero())?;
        } else if ty.is_array_type() && bytes >= NOT_CLEARED {
            self.leave_as_is(slot, ty)?;
        } else {
            self.fill_with_zeros(slot, ty)?;
        }
        Ok(())
    }

    /// Makes the contents some bytes that are not known, at no cost.
    fn leave_as_is(
        &self,
        slot: PointerValue<'ctx>,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<(), EmitError> {
        let context = self.e.context;
        let of = context.void_type().fn_type(&[self.e.ptr().into()], false);
        // An empty instruction that says that it writes there.
        let asm = context.create_inline_asm(
            of,
            String::new(),
            "=*m".into(),
            false,
            false,
            Some(InlineAsmDialect::ATT),
            false,
        );
        let call = self
            .e
            .builder
            .build_indirect_call(of, asm, &[slot.into()], "")?;
        let kind = Attribute::get_named_enum_kind_id("elementtype");
        let pointee = context.create_type_attribute(kind, ty.as_any_type_enum());
        call.add_attribute(AttributeLoc::Param(0), pointee);
        let kind = Attribute::get_named_enum_kind_id("captures");
        call.add_attribute(
            AttributeLoc::Param(0),
            context.create_enum_attribute(kind, 0),
        );
        let kind = Attribute::get_named_enum_kind_id("nounwind");
        call.add_attribute(
            AttributeLoc::Function,
            context.create_enum_attribute(kind, 0),
        );
        Ok(())
    }

    fn fill_with_zeros(
        &self,
        at: PointerValue<'ctx>,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<(), EmitError> {
        let Some(size) = ty.size_of() else {
            return self.malformed("a local of no size");
        };
        let zero = self.e.context.i8_type().const_zero();
        self.e.builder.build_memset(at, 1, zero, size)?;
        Ok(())
    }

    fn copy(
        &self,
        to: PointerValue<'ctx>,
        from: PointerValue<'ctx>,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<(), EmitError> {
        let Some(size) = ty.size_of() else {
            return self.malformed("a value of no size");
        };
        self.e.builder.build_memmove(to, 1, from, 1, size)?;
        Ok(())
    }

    /// Where an operation reads a value of many parts: a copy in memory that stands for it.
    pub(super) fn large_value(&self, op: &Op) -> Result<Option<Copied<'ctx>>, EmitError> {
        let (ty, from) = match op {
            Op::Param(index) => return Ok(self.large_held(self.params.get(*index as usize))),
            Op::Call(callee, args) if self.returns_large(callee) => {
                return Ok(self.large_held(self.call(callee, args)?.as_ref()));
            }
            Op::Load(ty, address) => (ty, Some(self.pointer(*address)?)),
            Op::Get(id) => (
                &self.mir.locals[id.0 as usize].ty,
                Some(self.locals[id.0 as usize]),
            ),
            Op::Const(Constant::Zero(ty)) => (ty, None),
            _ => return Ok(None),
        };
        let Some(ty) = self.e.ty(ty).filter(|ty| parts(*ty).0 > AS_VALUE) else {
            return Ok(None);
        };
        let at = self.alloca_on_entry(ty)?;
        match from {
            Some(from) => self.copy(at, from, ty)?,
            None => self.fill_with_zeros(at, ty)?,
        }
        Ok(Some(Copied { at, ty }))
    }

    fn large_held(&self, held: Option<&Held<'ctx>>) -> Option<Copied<'ctx>> {
        match held {
            Some(Held::Copied(copied)) if parts(copied.ty).0 > AS_VALUE => Some(*copied),
            _ => None,
        }
    }

    fn returns_large(&self, callee: &Callee) -> bool {
        let result = match callee {
            Callee::Function(id) => &self.e.mir.functions[id.0 as usize].signature.result,
            Callee::Extern(id) => match &self.e.mir.externs[id.0 as usize].signature {
                Some(signature) => &signature.result,
                None => return false,
            },
            Callee::Indirect(_, signature) => &signature.result,
        };
        let passed = self.e.ty(result).filter(|ty| parts(*ty).0 > AS_VALUE);
        passed.is_some() && !self.e.device
    }

    /// Stores a value, as memory where it is kept there.
    pub(super) fn store_value(
        &self,
        address: PointerValue<'ctx>,
        value: Value,
    ) -> Result<(), EmitError> {
        match self.copies.get(&value) {
            Some(copied) => self.copy(address, copied.at, copied.ty)?,
            None => {
                self.e.builder.build_store(address, self.value(value)?)?;
            }
        }
        Ok(())
    }

    pub(super) fn alloca_on_entry(
        &self,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<PointerValue<'ctx>, EmitError> {
        let builder = self.e.context.create_builder();
        let Some(entry) = self.llvm.get_first_basic_block() else {
            return self.malformed("no entry");
        };
        match entry.get_first_instruction() {
            Some(first) => builder.position_before(&first),
            None => builder.position_at_end(entry),
        }
        Ok(builder.build_alloca(ty, "copy")?)
    }
}

/// A value kept in memory of its own, which nothing writes to as long as the value is used.
#[derive(Clone, Copy)]
pub(super) struct Copied<'ctx> {
    pub(super) at: PointerValue<'ctx>,
    pub(super) ty: BasicTypeEnum<'ctx>,
}

impl<'ctx> Copied<'ctx> {
    /// The value itself, for what cannot do with memory.
    pub(super) fn load(
        &self,
        emitter: &FunctionEmitter<'_, 'ctx, '_>,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        Ok(emitter.e.builder.build_load(self.ty, self.at, "")?)
    }
}
