//! Functions that run once, or hardly ever: compiled quickly instead of well.
//!
//! Generated modules hold more code for their own start-up and for introspection than for what
//! their source says.  What is named here, and has no loop, is taken out of optimisation; its code
//! generation takes a tenth of the time.

use std::collections::HashMap;

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::module::Module;
use inkwell::values::FunctionValue;

/// Marks functions whose names start with one of `prefixes`; returns how many.
pub fn mark_cold(module: &Module<'_>, prefixes: &[String]) -> usize {
    let context = module.get_context();
    let attribute =
        |name: &str| context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), 0);
    let mut count = 0;
    for function in module.get_functions() {
        let name = function.get_name().to_string_lossy();
        if !prefixes
            .iter()
            .any(|prefix| name.starts_with(prefix.as_str()))
            || function.count_basic_blocks() == 0
            || has_loop(&function)
        {
            continue;
        }
        // optnone demands noinline, and excludes these.
        for name in ["alwaysinline", "inlinehint", "optsize", "minsize"] {
            function.remove_enum_attribute(
                AttributeLoc::Function,
                Attribute::get_named_enum_kind_id(name),
            );
        }
        // Not `cold`: LLVM would take callers for cold too.
        for name in ["optnone", "noinline"] {
            function.add_attribute(AttributeLoc::Function, attribute(name));
        }
        count += 1;
    }
    count
}

/// Whether some branch goes back to its own block or an earlier one.
///
/// Clang emits a loop's blocks in order, so every loop has such a branch; code without loops has
/// none but where a `goto` goes back, which counts as a loop.
fn has_loop(function: &FunctionValue<'_>) -> bool {
    let blocks = function.get_basic_blocks();
    let order: HashMap<_, _> = blocks
        .iter()
        .enumerate()
        .map(|(at, block)| (*block, at))
        .collect();
    blocks.iter().enumerate().any(|(at, block)| {
        let Some(terminator) = block.get_terminator() else {
            return false;
        };
        (0..terminator.get_num_operands()).any(|index| {
            terminator
                .get_operand(index)
                .and_then(|operand| operand.block())
                .and_then(|target| order.get(&target).copied())
                .is_some_and(|target| target <= at)
        })
    })
}
