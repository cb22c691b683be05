//! How structs are passed by value: as C does it on x86-64, after the System V ABI (AMD64 supplement,
//! section 3.2.3).  Functions are called through pointers by C code and by other modules, so every
//! function takes its arguments so.
//!
//! A struct of at most 16 bytes whose members are aligned goes in one or two registers, each eight
//! bytes of it in an integer or an SSE register; if too few of either are left, and if it is larger,
//! a copy of it goes on the stack.  Large results are written where the caller says.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::types::{AnyType, BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FunctionType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, CallSiteValue, FunctionValue, PointerValue,
};

use super::aggregates::Copied;
use super::function::FunctionEmitter;
use super::{EmitError, Emitter};
use crate::mir::{Scalar, Signature, Type, Value};

/// How one value is passed.
#[derive(Clone, Debug)]
pub(super) enum Passed<'ctx> {
    /// In one register or stack slot, as LLVM has it.
    Plain(BasicTypeEnum<'ctx>),
    /// Each eight bytes in a register of its own.
    Registers(BasicTypeEnum<'ctx>, Vec<BasicTypeEnum<'ctx>>),
    /// In memory, aligned so.
    Memory(BasicTypeEnum<'ctx>, u64),
}

/// How a function takes its arguments and gives its result.
pub(super) struct Convention<'ctx> {
    /// None for no result.
    pub(super) result: Option<Passed<'ctx>>,
    pub(super) params: Vec<Passed<'ctx>>,
    varargs: bool,
}

/// The class of eight bytes; `Nothing` is padding.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Class {
    Nothing,
    Integer,
    Sse,
}

/// Registers that are left for arguments.
struct Left {
    integer: usize,
    sse: usize,
}

impl<'ctx> Emitter<'ctx, '_> {
    /// How a function of this signature is called.
    pub(super) fn convention(&self, signature: &Signature) -> Convention<'ctx> {
        let mut left = Left { integer: 6, sse: 8 };
        // Two of each class return a result.
        let result = self.passed(&signature.result, &mut Left { integer: 2, sse: 2 });
        if let Some(Passed::Memory(..)) = result {
            left.integer -= 1;
        }
        let params = signature
            .params
            .iter()
            .filter_map(|param| self.passed(&param.ty, &mut left))
            .collect();
        Convention {
            result,
            params,
            varargs: signature.varargs,
        }
    }

    /// How a value is passed, with what registers are left for it; none for no value.
    fn passed(&self, of: &Type, left: &mut Left) -> Option<Passed<'ctx>> {
        let ty = self.ty(of)?;
        let (integer, sse) = match of {
            Type::Struct(_) | Type::Array(..) if !self.device => {
                return Some(self.passed_in_parts(of, ty, left));
            }
            Type::Void | Type::F80 | Type::Struct(_) | Type::Array(..) => (0, 0),
            Type::F32 | Type::F64 => (0, 1),
            Type::Int(bits) => (usize::from(bits.div_ceil(64)), 0),
            Type::Ptr | Type::Object => (1, 0),
        };
        left.integer = left.integer.saturating_sub(integer);
        left.sse = left.sse.saturating_sub(sse);
        Some(Passed::Plain(ty))
    }

    /// A struct or an array: eight bytes at a time, or in memory.
    fn passed_in_parts(&self, of: &Type, ty: BasicTypeEnum<'ctx>, left: &mut Left) -> Passed<'ctx> {
        let (size, align) = self.mir.size_align(of);
        let memory = Passed::Memory(ty, align.max(8));
        if size > 16 {
            return memory;
        }
        let scalars = self.mir.scalars(of);
        let mut classes = [Class::Nothing; 2];
        for scalar in &scalars {
            if scalar.at % scalar.size != 0 || scalar.size > 8 {
                // Unaligned, or a long double.
                return memory;
            }
            let class = &mut classes[usize::from(scalar.at >= 8)];
            if scalar.ty.is_float() && *class != Class::Integer {
                *class = Class::Sse;
            } else {
                *class = Class::Integer;
            }
        }
        let wanted = |class| classes.iter().filter(|have| **have == class).count();
        let (integer, sse) = (wanted(Class::Integer), wanted(Class::Sse));
        if integer > left.integer || sse > left.sse {
            return memory;
        }
        left.integer -= integer;
        left.sse -= sse;
        let words = if size > 8 { 2 } else { 1 };
        let parts = (0..words)
            .map(|word| {
                let start = word as u64 * 8;
                let own: Vec<_> = scalars
                    .iter()
                    .filter(|scalar| scalar.at >= start && scalar.at < start + 8)
                    .collect();
                let bytes = (size - start).min(8);
                self.register(classes[word], &own, bytes)
            })
            .collect();
        Passed::Registers(ty, parts)
    }

    /// The type of a register that holds eight bytes, or what is left of the struct.
    fn register(&self, class: Class, scalars: &[&Scalar], bytes: u64) -> BasicTypeEnum<'ctx> {
        match (class, scalars) {
            (Class::Sse, [one]) if one.size == 8 => self.context.f64_type().into(),
            (Class::Sse, [_]) if bytes <= 4 => self.context.f32_type().into(),
            (Class::Sse, _) => self.context.f32_type().vec_type(2).into(),
            (_, [one]) if one.ty.is_pointer() => self.ptr().into(),
            _ => self.int_type(bytes as u16 * 8).into(),
        }
    }
}

impl<'ctx> Convention<'ctx> {
    /// Whether the result is written where the first argument says.
    pub(super) fn returns_in_memory(&self) -> bool {
        matches!(self.result, Some(Passed::Memory(..)))
    }

    /// The type of the function.
    pub(super) fn function_type(&self, emitter: &Emitter<'ctx, '_>) -> FunctionType<'ctx> {
        let mut params: Vec<BasicMetadataTypeEnum<'ctx>> = Vec::new();
        if self.returns_in_memory() {
            params.push(emitter.ptr().into());
        }
        for param in &self.params {
            match param {
                Passed::Plain(ty) => params.push((*ty).into()),
                Passed::Registers(_, parts) => {
                    params.extend(parts.iter().map(|part| BasicMetadataTypeEnum::from(*part)));
                }
                Passed::Memory(..) => params.push(emitter.ptr().into()),
            }
        }
        match &self.result {
            Some(Passed::Plain(ty)) => ty.fn_type(&params, self.varargs),
            Some(Passed::Registers(_, parts)) => match parts.as_slice() {
                [one] => one.fn_type(&params, self.varargs),
                more => emitter
                    .context
                    .struct_type(more, false)
                    .fn_type(&params, self.varargs),
            },
            Some(Passed::Memory(..)) | None => {
                emitter.context.void_type().fn_type(&params, self.varargs)
            }
        }
    }

    /// The attributes that say so, by the number of the parameter.
    fn attributes(&self, emitter: &Emitter<'ctx, '_>) -> Vec<(u32, Attribute)> {
        let mut found = Vec::new();
        let mut memory = |index: u32, name: &str, ty: BasicTypeEnum<'ctx>, align: u64| {
            let kind = Attribute::get_named_enum_kind_id(name);
            let of = emitter
                .context
                .create_type_attribute(kind, ty.as_any_type_enum());
            let kind = Attribute::get_named_enum_kind_id("align");
            let align = emitter.context.create_enum_attribute(kind, align);
            found.extend([(index, of), (index, align)]);
        };
        let mut index = 0;
        if let Some(Passed::Memory(ty, align)) = &self.result {
            memory(0, "sret", *ty, *align);
            index = 1;
        }
        for param in &self.params {
            match param {
                Passed::Plain(_) => index += 1,
                Passed::Registers(_, parts) => index += parts.len() as u32,
                Passed::Memory(ty, align) => {
                    memory(index, "byval", *ty, *align);
                    index += 1;
                }
            }
        }
        found
    }

    pub(super) fn mark_function(&self, emitter: &Emitter<'ctx, '_>, function: FunctionValue<'ctx>) {
        for (index, attribute) in self.attributes(emitter) {
            function.add_attribute(AttributeLoc::Param(index), attribute);
        }
    }

    fn mark_call(&self, emitter: &Emitter<'ctx, '_>, call: CallSiteValue<'ctx>) {
        for (index, attribute) in self.attributes(emitter) {
            call.add_attribute(AttributeLoc::Param(index), attribute);
        }
    }
}

/// A parameter or a result as the function has it.
#[derive(Clone, Copy)]
pub(super) enum Held<'ctx> {
    Value(BasicValueEnum<'ctx>),
    Copied(Copied<'ctx>),
}

impl<'ctx> Held<'ctx> {
    /// The value itself.
    pub(super) fn value(
        self,
        emitter: &FunctionEmitter<'_, 'ctx, '_>,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        match self {
            Held::Value(value) => Ok(value),
            Held::Copied(copied) => copied.load(emitter),
        }
    }
}

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    /// Takes the arguments in, before anything else.
    pub(super) fn receive(&mut self, signature: &Signature) -> Result<(), EmitError> {
        let convention = self.e.convention(signature);
        let mut index = u32::from(convention.returns_in_memory());
        for param in &convention.params {
            match param {
                Passed::Plain(_) => {
                    let value = self.parameter(index)?;
                    self.params.push(Held::Value(value));
                    index += 1;
                }
                Passed::Memory(ty, _) => {
                    let at = self.parameter(index)?.into_pointer_value();
                    self.params.push(Held::Copied(Copied { at, ty: *ty }));
                    index += 1;
                }
                Passed::Registers(ty, parts) => {
                    let at = self.alloca_on_entry(*ty)?;
                    for (word, _) in parts.iter().enumerate() {
                        let place = self.word(at, word)?;
                        let value = self.parameter(index)?;
                        let store = self.e.builder.build_store(place, value)?;
                        let _ = store.set_alignment(1);
                        index += 1;
                    }
                    self.params.push(Held::Copied(Copied { at, ty: *ty }));
                }
            }
        }
        Ok(())
    }

    fn parameter(&self, index: u32) -> Result<BasicValueEnum<'ctx>, EmitError> {
        match self.llvm.get_nth_param(index) {
            Some(found) => Ok(found),
            None => self.malformed(format!("no parameter {index}")),
        }
    }

    /// The address of the first or second eight bytes.
    fn word(&self, at: PointerValue<'ctx>, word: usize) -> Result<PointerValue<'ctx>, EmitError> {
        if word == 0 {
            return Ok(at);
        }
        let index = self.e.i64().const_int(word as u64, false);
        // SAFETY: a struct in two registers has more than eight bytes.
        Ok(unsafe {
            self.e
                .builder
                .build_in_bounds_gep(self.e.i64(), at, &[index], "word")?
        })
    }

    /// Returns a value.
    pub(super) fn return_value(&self, value: Value) -> Result<(), EmitError> {
        let b = &self.e.builder;
        match self.e.convention(&self.mir.signature).result {
            None | Some(Passed::Plain(_)) => {
                b.build_return(Some(&self.value(value)?))?;
            }
            Some(Passed::Memory(..)) => {
                let to = self.parameter(0)?.into_pointer_value();
                self.store_value(to, value)?;
                b.build_return(None)?;
            }
            Some(Passed::Registers(ty, parts)) => {
                let at = self.alloca_on_entry(ty)?;
                self.store_value(at, value)?;
                let mut words = Vec::new();
                for (word, part) in parts.iter().enumerate() {
                    words.push(self.load_word(at, word, *part)?);
                }
                match words.as_slice() {
                    [one] => b.build_return(Some(one))?,
                    more => {
                        let of: Vec<_> = more.iter().map(BasicValueEnum::get_type).collect();
                        let mut made = self.e.context.struct_type(&of, false).get_undef();
                        for (index, word) in more.iter().enumerate() {
                            made = b
                                .build_insert_value(made, *word, index as u32, "")?
                                .into_struct_value();
                        }
                        b.build_return(Some(&made))?
                    }
                };
            }
        }
        Ok(())
    }

    fn load_word(
        &self,
        at: PointerValue<'ctx>,
        word: usize,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<BasicValueEnum<'ctx>, EmitError> {
        let place = self.word(at, word)?;
        let loaded = self.e.builder.build_load(ty, place, "")?;
        if let Some(load) = loaded.as_instruction_value() {
            let _ = load.set_alignment(1);
        }
        Ok(loaded)
    }

    /// Calls a function of a signature; `call` makes the instruction.
    pub(super) fn call_by(
        &self,
        signature: &Signature,
        args: &[Value],
        call: impl FnOnce(
            FunctionType<'ctx>,
            &[BasicMetadataValueEnum<'ctx>],
        ) -> Result<CallSiteValue<'ctx>, EmitError>,
    ) -> Result<Option<Held<'ctx>>, EmitError> {
        let convention = self.e.convention(signature);
        let mut values: Vec<BasicMetadataValueEnum<'ctx>> = Vec::with_capacity(args.len() + 1);
        let mut written = None;
        if let Some(Passed::Memory(ty, _)) = &convention.result {
            let at = self.alloca_on_entry(*ty)?;
            written = Some((at, *ty));
            values.push(at.into());
        }
        for (index, arg) in args.iter().enumerate() {
            match convention.params.get(index) {
                None | Some(Passed::Plain(_)) => values.push(self.value(*arg)?.into()),
                Some(Passed::Memory(ty, _)) => values.push(self.in_memory(*arg, *ty)?.into()),
                Some(Passed::Registers(ty, parts)) => {
                    let at = self.in_memory(*arg, *ty)?;
                    for (word, part) in parts.iter().enumerate() {
                        values.push(self.load_word(at, word, *part)?.into());
                    }
                }
            }
        }
        let made = call(convention.function_type(self.e), &values)?;
        convention.mark_call(self.e, made);
        if let Some((at, ty)) = written {
            return Ok(Some(Held::Copied(Copied { at, ty })));
        }
        let result = made.try_as_basic_value().basic();
        let (Some(Passed::Registers(ty, parts)), Some(result)) = (&convention.result, result)
        else {
            return Ok(result.map(Held::Value));
        };
        let at = self.alloca_on_entry(*ty)?;
        for (word, _) in parts.iter().enumerate() {
            let value = match result {
                BasicValueEnum::StructValue(both) if parts.len() > 1 => {
                    self.e.builder.build_extract_value(both, word as u32, "")?
                }
                one => one,
            };
            let store = self.e.builder.build_store(self.word(at, word)?, value)?;
            let _ = store.set_alignment(1);
        }
        Ok(Some(Held::Copied(Copied { at, ty: *ty })))
    }

    /// The address of a value that is not changed there.
    fn in_memory(
        &self,
        value: Value,
        ty: BasicTypeEnum<'ctx>,
    ) -> Result<PointerValue<'ctx>, EmitError> {
        if let Some(copied) = self.copies.get(&value) {
            return Ok(copied.at);
        }
        let at = self.alloca_on_entry(ty)?;
        self.store_value(at, value)?;
        Ok(at)
    }
}
