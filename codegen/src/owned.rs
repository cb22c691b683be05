//! A module together with the context it lives in, so that both can be handed around as one value.

use frontend_bridge::clang::{self, ClangError, Outcome, Request};
use inkwell::context::Context;
use inkwell::module::Module;
use inkwell::targets::FileType;

use crate::context::Listened;
use crate::emit::{self, EmitError, EmitOptions};
use crate::exports::{self, Signature};
use crate::incremental::Plan;
use crate::mir;
use crate::symbols::{Symbols, symbols};
use crate::target::host::{self, Cpu, Machine};
use crate::{CodegenError, cold, features, files, hot, live, optimize, output, shims};

/// One LLVM module and its context.
pub struct OwnedModule {
    // Before `context`: fields drop in this order, and a module must go first.
    module: Module<'static>,
    level: u8,
    /// Whether further objects will define parts of the module again.
    repeated: bool,
    machine: Machine,
    context: Listened,
}

// SAFETY: a context and all that lives in it may move between threads as long as one thread uses
// it at a time, which `&mut self` and the absence of Sync ensure; nothing else refers to it.
unsafe impl Send for OwnedModule {}

impl OwnedModule {
    /// Compiles C or C++ text; see [`clang::compile`].
    pub fn compile(request: &Request<'_>) -> Result<(Self, Outcome), ClangError> {
        let mut outcome = Outcome::default();
        let owned = Self::build(|context| {
            let (module, found) = clang::compile(context, request)?;
            host::tune(&module);
            outcome = found;
            Ok::<_, ClangError>(module)
        })?;
        Ok((owned, outcome))
    }

    /// Reads bitcode.
    pub fn from_bitcode(data: &[u8], name: &str) -> Result<Self, CodegenError> {
        Self::build(|context| output::parse_bitcode(context, data, name))
    }

    /// Reads LLVM assembly text.
    pub fn from_text(text: &str, name: &str) -> Result<Self, CodegenError> {
        Self::build(|context| output::parse_text(context, text, name))
    }

    /// Emits MIR, for this triple and no CPU in particular.
    pub fn from_mir(
        module: &mir::Module,
        options: EmitOptions,
        plan: Option<&Plan>,
    ) -> Result<Self, EmitError> {
        let mut made = Self::build(|context| {
            let made = emit::emit(context, module, options, plan)?;
            host::set_target(&made);
            Ok::<_, EmitError>(made)
        })?;
        made.repeated = plan.is_some();
        Ok(made)
    }

    fn build<E>(
        make: impl FnOnce(&'static Context) -> Result<Module<'static>, E>,
    ) -> Result<Self, E> {
        let context = Listened::create();
        // SAFETY: the context is in a box that stays in place, and is dropped after the module
        // (field order); the 'static reference never leaves this value.
        let borrowed: &'static Context = unsafe { &*std::ptr::from_ref(context.context()) };
        let module = make(borrowed)?;
        Ok(Self {
            module,
            level: 2,
            repeated: false,
            machine: Machine::default(),
            context,
        })
    }

    /// LLVM's default pipeline; `level` (0 to 3) also sets the effort of code generation later.
    pub fn optimize(&mut self, level: u8) -> Result<(), CodegenError> {
        self.level = level;
        optimize::optimize(&self.module, level, &mut self.machine)
    }

    /// Leaves loop-free functions with these prefixes out of optimisation; see [`cold`].
    pub fn mark_cold(&mut self, prefixes: &[String]) -> usize {
        cold::mark_cold(&self.module, prefixes)
    }

    /// Takes the run-time library's state apart; see [`features`].
    pub fn split_state(
        &mut self,
        state: &str,
        entry: &str,
        fast: &[String],
        quick: &[String],
    ) -> Result<Vec<String>, CodegenError> {
        features::split(&self.module, state, entry, fast, quick)
    }

    /// Before optimisation at a level: the module is for a file.  How many functions are small; see
    /// [`files`].
    pub fn begin_file(&mut self, level: u8) -> usize {
        files::call_directly(&self.module, false);
        files::prefer_small(&self.module, level)
    }

    /// After optimisation: the module goes into a library, linked with the run-time library.
    pub fn finish_file(&mut self) -> Result<(), CodegenError> {
        files::finish(&self.module)
    }

    /// Packs tables of addresses; see [`files`].
    pub fn pack_tables(&mut self) -> Result<u32, CodegenError> {
        files::pack_tables(&self.module)
    }

    /// Bodies of functions for others to inline, and the names of those that cannot be; see [`hot`].
    pub fn extract_hot(
        &mut self,
        names: &[String],
    ) -> Result<(Vec<u8>, Vec<String>), CodegenError> {
        hot::extract(&self.module, names)
    }

    /// Brings in bodies of what the module declares; see [`hot`].
    pub fn link_hot(&mut self, bodies: &hot::Bodies) -> Result<(), CodegenError> {
        hot::link(&self.module, bodies)
    }

    /// Makes the code replaceable while it runs; see [`live`].
    pub fn prepare_live(&mut self, symbol: &str, data: &[u8], variables: &[String]) {
        live::prepare(&self.module, symbol, data, self.repeated, variables);
    }

    /// Makes every function be compiled for another CPU.
    pub fn retarget(&mut self, cpu: &Cpu) {
        host::retarget(&self.module, cpu);
    }

    pub fn object(&mut self) -> Result<Vec<u8>, CodegenError> {
        output::machine_code(
            &self.module,
            FileType::Object,
            self.level,
            self.context.messages(),
            &mut self.machine,
        )
    }

    pub fn assembly(&mut self) -> Result<Vec<u8>, CodegenError> {
        output::machine_code(
            &self.module,
            FileType::Assembly,
            self.level,
            self.context.messages(),
            &mut self.machine,
        )
    }

    pub fn bitcode(&mut self) -> Result<Vec<u8>, CodegenError> {
        output::bitcode(&self.module)
    }

    pub fn text(&mut self) -> Result<String, CodegenError> {
        output::text(&self.module)
    }

    pub fn symbols(&mut self) -> Symbols {
        symbols(&self.module)
    }
    /// Makes functions with these names visible to others; see [`exports`].
    pub fn export_functions(&mut self, names: &[String]) -> Vec<String> {
        exports::export_functions(&self.module, names)
    }

    /// Whether a shim leaves something behind in its own frame; see [`shims`].
    pub fn shims_outlive_their_frame(&self) -> bool {
        shims::outlive_their_frame(&self.module)
    }

    /// Links bitcode of shims in; see [`shims`].
    pub fn link(&mut self, bitcode: &[u8]) -> Result<(), CodegenError> {
        // SAFETY: as in `build`: the context outlives all that is in it.
        let context: &'static Context = unsafe { &*std::ptr::from_ref(self.context.context()) };
        let other = output::parse_bitcode(context, bitcode, "shims")?;
        shims::link(&self.module, other)
    }

    /// The value of a constant integer.
    pub fn number(&self, symbol: &str) -> Option<i64> {
        shims::number(&self.module, symbol)
    }

    pub fn signatures(&mut self) -> Vec<Signature> {
        exports::signatures(&self.module)
    }
}
