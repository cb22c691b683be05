//! Modules for files: what only matters where the machine code is kept, its size above all.

mod direct;
mod pack;
mod small;
mod tables;
mod text;

use inkwell::builder::Builder;
use inkwell::module::Module;
use inkwell::values::FunctionValue;

use crate::CodegenError;

pub use direct::call_directly;
pub use small::prefer_small;
pub use tables::pack_tables;

/// What a library calls first (runtime-abi/runtime/file_start.c).
const START: &str = "cyl_file_start";

/// To be done after optimisation: the module's init function makes tables and texts usable that
/// are packed in the file.  Nothing is changed where there is no such function.
pub fn finish(module: &Module<'_>) -> Result<(), CodegenError> {
    let Some(init) = module.get_functions().find(|function| {
        function.count_basic_blocks() != 0 && function.get_name().to_bytes().starts_with(b"PyInit_")
    }) else {
        return Ok(());
    };
    text::pack_texts(module, init)?;
    if tables::is_closed(module) {
        pack_tables(module)?;
    }
    let ty = module.get_context().void_type().fn_type(&[], false);
    let start = module.add_function(START, ty, None);
    text::call(&at_start(module, init), start, &[])
}

fn at_start<'ctx>(module: &Module<'ctx>, function: FunctionValue<'_>) -> Builder<'ctx> {
    let builder = module.get_context().create_builder();
    let first = function
        .get_first_basic_block()
        .and_then(|block| block.get_first_instruction());
    if let Some(first) = first {
        builder.position_before(&first);
    }
    builder
}
