//! LLVM's default pipeline at a level, and the verifier before it.

use frontend_bridge::recovery;
use inkwell::llvm_sys::prelude::LLVMModuleRef;
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;

use crate::CodegenError;
use crate::target::host;

unsafe extern "C" {
    /// Keeps loops around others from being unrolled.
    fn cyl_mark_outer_loops(module: LLVMModuleRef);
    /// Inlines small functions into themselves; whether there were any.
    fn cyl_unroll_recursion(module: LLVMModuleRef) -> bool;
    /// Lets loops with sums of floating-point numbers be vectorised, in order.
    fn cyl_keep_order_of_sums();
}

/// What makes of functions inlined into themselves one function again.
const AFTER_RECURSION: &str =
    "function(sroa,early-cse,instcombine,simplifycfg,gvn,instcombine,simplifycfg),globaldce";

/// Checks that the module is well formed.
pub fn verify(module: &Module<'_>) -> Result<(), CodegenError> {
    module
        .verify()
        .map_err(|message| CodegenError::Unverified(message.to_string()))
}

/// Runs `default<O0>` to `default<O3>`; vectorisers are on from level 2, as in clang.
pub fn optimize(module: &Module<'_>, level: u8) -> Result<(), CodegenError> {
    recovery::run(|| {
        verify(module)?;
        let machine = host::machine(&host::module_cpu(module), level)?;
        let run = |passes: &str| {
            let options = PassBuilderOptions::create();
            options.set_loop_vectorization(level >= 2);
            options.set_loop_slp_vectorization(level >= 2);
            options.set_loop_interleaving(level >= 2);
            options.set_loop_unrolling(level >= 2);
            module
                .run_passes(passes, &machine, options)
                .map_err(|message| CodegenError::Optimizer(message.to_string()))
        };
        if level >= 2 {
            // SAFETY: the module outlives the call.
            unsafe { cyl_mark_outer_loops(module.as_mut_ptr()) };
        }
        // SAFETY: sets an option of LLVM's.
        unsafe { cyl_keep_order_of_sums() };
        run(&format!("default<O{}>", level.min(3)))?;
        // SAFETY: the module outlives the call.
        if level >= 3 && unsafe { cyl_unroll_recursion(module.as_mut_ptr()) } {
            run(AFTER_RECURSION)?;
        }
        Ok(())
    })?
}
