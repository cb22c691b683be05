//! Kernels to PTX.

use std::collections::HashMap;

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::{Linkage as LlvmLinkage, Module as LlvmModule};

use super::{kernel_text, math};
use crate::emit::{self, EmitError, EmitOptions};
use crate::mir::{Callee, ExternId, FuncId, GlobalId, Linkage, Module, Op};
use crate::target::nvptx;

/// PTX of some kernels of a module and of the functions that they use.
pub(super) fn ptx(
    module: &Module,
    kernels: &[usize],
    functions: &[FuncId],
) -> Result<String, EmitError> {
    let device = device_module(module, functions);
    let listened = crate::context::Listened::create();
    let context = listened.context();
    let failed = |message: String| EmitError::Malformed {
        function: format!("GPU code of {}", module.name),
        message,
    };
    let made = emit::emit(
        context,
        &device,
        EmitOptions {
            device: true,
            ..EmitOptions::default()
        },
        None,
    )?;
    let mut text = kernel_text::declarations();
    for index in kernels {
        let kernel = &module.kernels[*index];
        let function = &module.functions[kernel.function.0 as usize].name;
        text += &kernel_text::entry(kernel, function);
    }
    for part in [math::support(), text] {
        let buffer = MemoryBuffer::create_from_memory_range_copy(part.as_bytes(), "kernels");
        let part = context
            .create_module_from_ir(buffer)
            .map_err(|error| failed(error.to_string()))?;
        link(&made, part).map_err(&failed)?;
    }
    let buffer = MemoryBuffer::create_from_memory_range_copy(math::BITCODE, "math");
    let bitcode = LlvmModule::parse_bitcode_from_buffer(&buffer, context)
        .map_err(|error| failed(error.to_string()))?;
    bitcode.strip_debug_info();
    link(&made, bitcode).map_err(&failed)?;
    for function in made.get_functions() {
        let name = function.get_name().to_string_lossy().into_owned();
        if function.count_basic_blocks() == 0 {
            continue;
        }
        for key in ["target-cpu", "target-features", "tune-cpu", "probe-stack"] {
            function.remove_string_attribute(AttributeLoc::Function, key);
        }
        let kernel = kernels
            .iter()
            .any(|index| module.kernels[*index].name == name);
        if !kernel {
            function.set_linkage(LlvmLinkage::Internal);
        }
        if functions
            .iter()
            .any(|id| module.functions[id.0 as usize].name == name)
        {
            let kind = Attribute::get_named_enum_kind_id("alwaysinline");
            let inline = context.create_enum_attribute(kind, 0);
            function.add_attribute(AttributeLoc::Function, inline);
        }
    }
    nvptx::ptx(&made).map_err(|error| failed(error.to_string()))
}

fn link<'ctx>(into: &LlvmModule<'ctx>, part: LlvmModule<'ctx>) -> Result<(), String> {
    part.set_triple(&into.get_triple());
    part.set_data_layout(&into.get_data_layout());
    into.link_in_module(part).map_err(|error| error.to_string())
}

/// A module of the given functions alone.
fn device_module(module: &Module, functions: &[FuncId]) -> Module {
    let mut made = Module::new(&module.name);
    made.structs = module.structs.clone();
    let places: HashMap<FuncId, FuncId> = functions
        .iter()
        .enumerate()
        .map(|(index, id)| (*id, FuncId(index as u32)))
        .collect();
    let mut externs: HashMap<ExternId, ExternId> = HashMap::new();
    let mut globals: HashMap<GlobalId, GlobalId> = HashMap::new();
    for id in functions {
        let mut function = module.functions[id.0 as usize].clone();
        function.linkage = Linkage::External;
        for block in &mut function.blocks {
            for instr in &mut block.instrs {
                match &mut instr.op {
                    Op::Call(Callee::Function(callee), _) => {
                        if let Some(place) = places.get(callee) {
                            *callee = *place;
                        }
                    }
                    Op::Call(Callee::Extern(callee), _) => {
                        let item = &module.externs[callee.0 as usize];
                        if let Some(signature) = &item.signature {
                            *callee = *externs
                                .entry(*callee)
                                .or_insert_with(|| made.declare(&item.name, signature.clone()));
                        }
                    }
                    Op::GlobalAddr(id) => {
                        *id = *globals.entry(*id).or_insert_with(|| {
                            made.add_global(module.globals[id.0 as usize].clone())
                        });
                    }
                    _ => {}
                }
            }
        }
        made.add_function(function);
    }
    made
}
