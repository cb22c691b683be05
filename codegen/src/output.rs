//! A module as bytes: object, assembly, bitcode, text; and back from the last two.

use frontend_bridge::recovery;
use inkwell::context::Context;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::targets::FileType;

use crate::CodegenError;
use crate::context::Messages;
use crate::target::host::{self, Machine};

/// Machine code as an ELF object, or as assembly text.
///
/// `messages` are those of the module's context: inline assembly that does not assemble shows only
/// there.
pub fn machine_code(
    module: &Module<'_>,
    kind: FileType,
    level: u8,
    messages: &Messages,
    machine: &mut Machine,
) -> Result<Vec<u8>, CodegenError> {
    messages.take();
    let bytes = recovery::run(|| {
        machine
            .get(host::module_cpu(module), level)?
            .write_to_memory_buffer(module, kind)
            .map(|buffer| buffer.as_slice().to_vec())
            .map_err(|message| CodegenError::Backend {
                message: message.to_string(),
                diagnostics: vec![],
            })
    })?;
    machine.release();
    let mut errors = messages.take();
    errors.retain(|message| message.is_error());
    match (bytes, errors.first()) {
        (Ok(bytes), None) => Ok(bytes),
        (Err(CodegenError::Backend { message, .. }), None) => Err(CodegenError::Backend {
            message,
            diagnostics: errors,
        }),
        (Err(error), None) => Err(error),
        (_, Some(first)) => Err(CodegenError::Backend {
            message: first.message.clone(),
            diagnostics: errors,
        }),
    }
}

/// LLVM bitcode.
pub fn bitcode(module: &Module<'_>) -> Result<Vec<u8>, CodegenError> {
    Ok(recovery::run(|| {
        let buffer = module.write_bitcode_to_memory();
        strip_terminator(buffer.as_slice()).to_vec()
    })?)
}

/// LLVM assembly text.
pub fn text(module: &Module<'_>) -> Result<String, CodegenError> {
    Ok(recovery::run(|| module.print_to_string().to_string())?)
}

/// Reads bitcode, and verifies it.
pub fn parse_bitcode<'ctx>(
    context: &'ctx Context,
    data: &[u8],
    name: &str,
) -> Result<Module<'ctx>, CodegenError> {
    recovery::run(|| {
        let buffer = MemoryBuffer::create_from_memory_range_copy(data, name);
        let module = Module::parse_bitcode_from_buffer(&buffer, context)
            .map_err(|message| CodegenError::UnreadableModule(message.to_string()))?;
        crate::optimize::verify(&module)?;
        Ok(module)
    })?
}

/// Reads LLVM assembly text, and verifies it.
pub fn parse_text<'ctx>(
    context: &'ctx Context,
    text: &str,
    name: &str,
) -> Result<Module<'ctx>, CodegenError> {
    recovery::run(|| {
        let buffer = MemoryBuffer::create_from_memory_range_copy(text.as_bytes(), name);
        let module = context
            .create_module_from_ir(buffer)
            .map_err(|message| CodegenError::UnreadableModule(message.to_string()))?;
        crate::optimize::verify(&module)?;
        Ok(module)
    })?
}

/// inkwell counts a buffer's terminating zero as content; bitcode's length is a multiple of four.
fn strip_terminator(bytes: &[u8]) -> &[u8] {
    match bytes {
        [body @ .., 0] if body.len() % 4 == 0 => body,
        other => other,
    }
}
