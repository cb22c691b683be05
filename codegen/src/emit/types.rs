//! Types of MIR in LLVM.

use std::num::NonZero;

use inkwell::types::{BasicType, BasicTypeEnum, FunctionType, IntType, StructType};

use super::Emitter;
use crate::mir::{Signature, StructId, Type};

impl<'ctx> Emitter<'ctx, '_> {
    pub(super) fn define_structs(&mut self) {
        for item in &self.mir.structs {
            self.structs
                .push(self.context.opaque_struct_type(&item.name));
        }
        for (index, item) in self.mir.structs.iter().enumerate() {
            let fields: Vec<_> = item
                .fields
                .iter()
                .filter_map(|field| self.ty(field))
                .collect();
            self.structs[index].set_body(&fields, item.packed);
        }
    }

    pub(super) fn structure(&self, id: StructId) -> StructType<'ctx> {
        self.structs[id.0 as usize]
    }

    /// The LLVM type; none for `Void`.
    pub(super) fn ty(&self, ty: &Type) -> Option<BasicTypeEnum<'ctx>> {
        Some(match ty {
            Type::Void => return None,
            Type::Int(bits) => self.int_type(*bits).into(),
            Type::F32 => self.context.f32_type().into(),
            Type::F64 => self.context.f64_type().into(),
            Type::F80 => self.context.x86_f80_type().into(),
            Type::Ptr | Type::Object => self.ptr().into(),
            Type::Struct(id) => self.structure(*id).into(),
            Type::Array(item, count) => self
                .ty(item)?
                .array_type(u32::try_from(*count).ok()?)
                .into(),
        })
    }

    /// The integer type of so many bits; MIR has none of zero bits.
    pub(super) fn int_type(&self, bits: u16) -> IntType<'ctx> {
        NonZero::new(u32::from(bits))
            .and_then(|bits| self.context.custom_width_int_type(bits).ok())
            .unwrap_or_else(|| self.i64())
    }

    pub(super) fn function_type(&self, signature: &Signature) -> FunctionType<'ctx> {
        self.convention(signature).function_type(self)
    }
}
