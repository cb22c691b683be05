//! The names that a module defines for others and wants from others.

use inkwell::module::{Linkage, Module};
use inkwell::values::{FunctionValue, GlobalValue};

/// A module's external symbols, each list in the module's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols {
    pub defined: Vec<String>,
    pub undefined: Vec<String>,
}

pub fn symbols(module: &Module<'_>) -> Symbols {
    let mut found = Symbols::default();
    let mut add = |name: String, linkage: Linkage, declaration: bool| {
        if name.starts_with("llvm.") || matches!(linkage, Linkage::Internal | Linkage::Private) {
            return;
        }
        if declaration {
            found.undefined.push(name)
        } else {
            found.defined.push(name)
        }
    };
    for function in module.get_functions() {
        add(
            function_name(&function),
            function.get_linkage(),
            function.count_basic_blocks() == 0,
        );
    }
    for global in module.get_globals() {
        add(
            global_name(&global),
            global.get_linkage(),
            global.is_declaration(),
        );
    }
    found
}

fn function_name(function: &FunctionValue<'_>) -> String {
    function.get_name().to_string_lossy().into_owned()
}

fn global_name(global: &GlobalValue<'_>) -> String {
    global.get_name().to_string_lossy().into_owned()
}
