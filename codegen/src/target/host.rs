//! x86-64 Linux: this machine, or another CPU by name.

use std::ffi::CString;
use std::sync::{Mutex, Once, OnceLock};

use inkwell::OptimizationLevel;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::llvm_sys::core::LLVMSetDataLayout;
use inkwell::llvm_sys::target_machine::LLVMTargetMachineRef;
use inkwell::module::Module;
use inkwell::targets::{
    CodeModel, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple,
};

use crate::CodegenError;

/// The only triple that this build makes host code for.
pub const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// A CPU as LLVM names it; `features` is LLVM's comma-separated list (`+avx2,-sse4a`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpu {
    pub name: String,
    pub features: String,
}

impl Cpu {
    /// This machine.
    pub fn host() -> Self {
        Self {
            name: TargetMachine::get_host_cpu_name().to_string(),
            features: TargetMachine::get_host_cpu_features().to_string(),
        }
        .tuned()
    }

    /// "native" is this machine; anything else is taken as given.
    pub fn named(name: &str, features: &str) -> Self {
        if name == "native" {
            return Self::host();
        }
        Self {
            name: name.to_owned(),
            features: features.to_owned(),
        }
        .tuned()
    }

    /// AMD's CPUs gather and scatter item by item, at half the speed of ordinary loads and stores, which
    /// LLVM's tables of costs do not have.
    fn tuned(mut self) -> Self {
        if self.name.starts_with("znver") && !self.features.contains("prefer-no-gather") {
            if !self.features.is_empty() {
                self.features.push(',');
            }
            self.features
                .push_str("+prefer-no-gather,+prefer-no-scatter");
        }
        self
    }
}

unsafe extern "C" {
    fn cyl_target_options(machine: LLVMTargetMachineRef);
}

/// Makes LLVM's X86 back end known, once.
pub fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        Target::initialize_x86(&InitializationConfig::default());
    });
}

/// A machine for position-independent code; `level` is 0 to 3.
pub fn machine(cpu: &Cpu, level: u8) -> Result<TargetMachine, CodegenError> {
    initialize();
    let unknown = || CodegenError::UnknownTarget {
        cpu: cpu.name.clone(),
        features: cpu.features.clone(),
    };
    let triple = TargetTriple::create(TRIPLE);
    let target = Target::from_triple(&triple).map_err(|_| unknown())?;
    let level = match level {
        0 => OptimizationLevel::None,
        1 => OptimizationLevel::Less,
        2 => OptimizationLevel::Default,
        _ => OptimizationLevel::Aggressive,
    };
    let machine = target
        .create_target_machine(
            &triple,
            &cpu.name,
            &cpu.features,
            level,
            RelocMode::PIC,
            CodeModel::Default,
        )
        .ok_or_else(unknown)?;
    // SAFETY: a live machine that nothing else uses yet.
    unsafe { cyl_target_options(machine.as_mut_ptr()) };
    Ok(machine)
}

/// The machine that a module was compiled for last: making one and what it knows of its CPU takes
/// as long as a small function, so that it goes from module to module.
#[derive(Default)]
pub struct Machine(Option<Made>);

struct Made {
    cpu: Cpu,
    level: u8,
    machine: TargetMachine,
}

// SAFETY: a machine refers to nothing of the thread or the module it was used for; whoever has taken
// one has it alone.
unsafe impl Send for Made {}

/// Machines that no module uses.
static IDLE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

/// How many of them are kept.
const KEPT: usize = 4;

impl Machine {
    /// The machine for this CPU at this level of optimisation.
    pub fn get(&mut self, cpu: Cpu, level: u8) -> Result<&TargetMachine, CodegenError> {
        let fits = |made: &Made| made.cpu == cpu && made.level == level;
        let made = match self.0.take().filter(fits).or_else(|| take_idle(fits)) {
            Some(made) => made,
            None => Made {
                machine: machine(&cpu, level)?,
                cpu,
                level,
            },
        };
        Ok(&self.0.insert(made).machine)
    }

    /// Leaves the machine to other modules; not after a crash, which may have left it half changed.
    pub fn release(&mut self) {
        if let (Some(made), Ok(mut idle)) = (self.0.take(), IDLE.lock())
            && idle.len() < KEPT
        {
            idle.push(made);
        }
    }
}

fn take_idle(fits: impl Fn(&Made) -> bool) -> Option<Made> {
    let mut idle = IDLE.lock().ok()?;
    let at = idle.iter().position(fits)?;
    Some(idle.swap_remove(at))
}

/// The CPU that the module's functions were compiled for; the plain x86-64 where none is named.
///
/// Clang writes it on every function; the first definition speaks for all.
pub fn module_cpu(module: &Module<'_>) -> Cpu {
    let attribute = |key: &str| {
        module
            .get_functions()
            .filter(|function| function.count_basic_blocks() > 0)
            .find_map(|function| function.get_string_attribute(AttributeLoc::Function, key))
            .map(|value| value.get_string_value().to_string_lossy().into_owned())
    };
    Cpu {
        name: attribute("target-cpu").unwrap_or_else(|| "x86-64".to_owned()),
        features: attribute("target-features").unwrap_or_default(),
    }
}

/// Gives functions that were compiled from C what is known here of their CPU; see [`Cpu::tuned`].
pub fn tune(module: &Module<'_>) {
    let at = AttributeLoc::Function;
    for function in module.get_functions() {
        let attribute = |key: &str| {
            function
                .get_string_attribute(at, key)
                .map(|value| value.get_string_value().to_string_lossy().into_owned())
        };
        let Some(name) = attribute("target-cpu") else {
            continue;
        };
        let features = attribute("target-features").unwrap_or_default();
        let tuned = Cpu {
            name,
            features: features.clone(),
        }
        .tuned()
        .features;
        if tuned != features {
            let tuned = module
                .get_context()
                .create_string_attribute("target-features", &tuned);
            function.add_attribute(at, tuned);
        }
    }
}

/// Gives a module made here the triple and the data layout of x86-64 Linux.
pub fn set_target(module: &Module<'_>) {
    static LAYOUT: OnceLock<Option<CString>> = OnceLock::new();
    module.set_triple(&TargetTriple::create(TRIPLE));
    let layout = LAYOUT.get_or_init(|| {
        let plain = Cpu {
            name: "x86-64".to_owned(),
            features: String::new(),
        };
        let machine = machine(&plain, 2).ok()?;
        let layout = machine.get_target_data().get_data_layout();
        Some(layout.as_str().to_owned())
    });
    // The machine exists in every build; without a layout LLVM would take its default one.
    if let Some(layout) = layout {
        // SAFETY: the text outlives the call.
        unsafe { LLVMSetDataLayout(module.as_mut_ptr(), layout.as_ptr()) };
    }
}

/// Makes every function of the module be compiled for another CPU.
pub fn retarget(module: &Module<'_>, cpu: &Cpu) {
    let context = module.get_context();
    let attribute =
        |key: &str, value: &str| -> Attribute { context.create_string_attribute(key, value) };
    for function in module.get_functions() {
        for key in ["target-cpu", "target-features", "tune-cpu"] {
            function.remove_string_attribute(AttributeLoc::Function, key);
        }
        function.add_attribute(AttributeLoc::Function, attribute("target-cpu", &cpu.name));
        if !cpu.features.is_empty() {
            function.add_attribute(
                AttributeLoc::Function,
                attribute("target-features", &cpu.features),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cpu;

    #[test]
    fn amd_loads_item_by_item() {
        let cpu = Cpu::named("znver4", "+avx2");
        assert_eq!(cpu.features, "+avx2,+prefer-no-gather,+prefer-no-scatter");
        assert_eq!(Cpu::named("znver3", &cpu.features).features, cpu.features);
        assert_eq!(Cpu::named("skylake", "").features, "");
    }
}
