//! Lines of tracebacks: what all functions of a source file pass alike is in one function of the
//! module, so that the way of an exception costs each of them little.

use inkwell::module::Linkage;
use inkwell::values::{BasicValueEnum, FunctionValue, InstructionOpcode, PointerValue};

use super::function::FunctionEmitter;
use super::{EmitError, Emitter};
use crate::mir::Value;

/// The runtime's function: cache, globals, name, line, file.
pub(super) const ADD_TRACEBACK: &str = "cyl_add_traceback";

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    /// The call of [`ADD_TRACEBACK`] by way of the module's own function; false where its arguments
    /// are none that all functions share.
    pub(super) fn add_traceback(&self, args: &[Value]) -> Result<bool, EmitError> {
        let [cache, globals, name, line, file] = args else {
            return Ok(false);
        };
        let (cache, file) = (self.pointer(*cache)?, self.pointer(*file)?);
        let Some(place) = loaded_from(self.pointer(*globals)?) else {
            return Ok(false);
        };
        if !cache.is_const() || !file.is_const() {
            return Ok(false);
        }
        let function = self.e.traceback_of(cache, place, file)?;
        let values = [self.value(*name)?.into(), self.value(*line)?.into()];
        self.e.builder.build_call(function, &values, "")?;
        Ok(true)
    }
}

impl<'ctx> Emitter<'ctx, '_> {
    /// The module's function for a file, made on first use.
    fn traceback_of(
        &self,
        cache: PointerValue<'ctx>,
        globals: PointerValue<'ctx>,
        file: PointerValue<'ctx>,
    ) -> Result<FunctionValue<'ctx>, EmitError> {
        let name = format!("add.{}", cache.get_name().to_string_lossy());
        if let Some(found) = self.llvm.get_function(&name) {
            return Ok(found);
        }
        let (ptr, i32) = (self.ptr().into(), self.i32().into());
        let void = self.context.void_type();
        let ty = void.fn_type(&[ptr, i32], false);
        let function = self.llvm.add_function(&name, ty, Some(Linkage::Internal));
        self.seldom(function);
        self.add_attribute(function, "nounwind");
        let back = self.builder.get_insert_block();
        let place = self.builder.get_current_debug_location();
        self.builder.unset_current_debug_location();
        let entry = self.context.append_basic_block(function, "entry");
        self.builder.position_at_end(entry);
        let dict = self.builder.build_load(self.ptr(), globals, "globals")?;
        let callee = self.llvm.get_function(ADD_TRACEBACK).unwrap_or_else(|| {
            let ty = void.fn_type(&[ptr, ptr, ptr, i32, ptr], false);
            self.llvm.add_function(ADD_TRACEBACK, ty, None)
        });
        let params: Vec<BasicValueEnum<'ctx>> = function.get_params();
        if let [text, line] = params[..] {
            let args = [
                cache.into(),
                dict.into(),
                text.into(),
                line.into(),
                file.into(),
            ];
            self.builder.build_call(callee, &args, "")?;
        }
        self.builder.build_return(None)?;
        if let Some(back) = back {
            self.builder.position_at_end(back);
        }
        if let Some(place) = place {
            self.builder.set_current_debug_location(place);
        }
        Ok(function)
    }
}

/// The variable that a value has been loaded from.
fn loaded_from(value: PointerValue<'_>) -> Option<PointerValue<'_>> {
    let load = value.as_instruction()?;
    if load.get_opcode() != InstructionOpcode::Load {
        return None;
    }
    let from = load.get_operand(0)?.value()?;
    let from = from.is_pointer_value().then(|| from.into_pointer_value())?;
    from.is_const().then_some(from)
}
