//! NVIDIA GPUs.

use std::sync::Once;

use inkwell::OptimizationLevel;
use inkwell::module::Module;
use inkwell::targets::{
    CodeModel, FileType, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple,
};

use crate::CodegenError;

/// What the driver runs.
pub const TRIPLE: &str = "nvptx64-nvidia-cuda";

/// The oldest GPU that code is made for; drivers translate PTX for newer ones.
pub const CPU: &str = "sm_70";

fn machine() -> Result<TargetMachine, CodegenError> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| Target::initialize_nvptx(&InitializationConfig::default()));
    let unknown = || CodegenError::UnknownTarget {
        cpu: CPU.to_owned(),
        features: String::new(),
    };
    let triple = TargetTriple::create(TRIPLE);
    Target::from_triple(&triple)
        .map_err(|_| unknown())?
        .create_target_machine(
            &triple,
            CPU,
            "",
            OptimizationLevel::Aggressive,
            RelocMode::Default,
            CodeModel::Default,
        )
        .ok_or_else(unknown)
}

/// Gives a module the triple and the layout of GPUs.
pub fn set_target(module: &Module<'_>) -> Result<(), CodegenError> {
    module.set_triple(&TargetTriple::create(TRIPLE));
    let machine = machine()?;
    module.set_data_layout(&machine.get_target_data().get_data_layout());
    Ok(())
}

/// Optimises a module and makes PTX of it.
pub fn ptx(module: &Module<'_>) -> Result<String, CodegenError> {
    let machine = machine()?;
    crate::optimize::verify(module)?;
    let options = inkwell::passes::PassBuilderOptions::create();
    options.set_loop_unrolling(true);
    module
        .run_passes("default<O3>", &machine, options)
        .map_err(|message| CodegenError::Optimizer(message.to_string()))?;
    machine
        .write_to_memory_buffer(module, FileType::Assembly)
        .map(|buffer| {
            let text = String::from_utf8_lossy(buffer.as_slice()).into_owned();
            text.trim_end_matches('\0').to_owned()
        })
        .map_err(|message| CodegenError::Backend {
            message: message.to_string(),
            diagnostics: vec![],
        })
}
