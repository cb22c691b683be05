//! The run-time library's state, taken apart for libraries that have the code linked in.
//!
//! A library for others brings what it uses of the run-time library and no more.  The linker finds out
//! what that is; but one struct of all types and strings, filled by one function, would refer to
//! everything.  Each field becomes a variable of its own here, with an entry in a table of things to
//! do at the start that goes where the variable goes (`shim/features.cpp`, `runtime/features.c`).

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_void};

use frontend_bridge::recovery;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::llvm_sys::prelude::LLVMModuleRef;
use inkwell::module::{Linkage, Module};
use inkwell::passes::PassBuilderOptions;
use inkwell::values::{CallSiteValue, FunctionValue};

use crate::CodegenError;
use crate::target::host;

unsafe extern "C" {
    fn cyl_split_state(
        from: LLVMModuleRef,
        name: *const c_char,
        report: extern "C" fn(*mut c_void, *const c_char),
        user: *mut c_void,
    );
}

/// What brings uses of the state into a form with constant offsets, and drops functions of nobody's.
const BEFORE: &str = "globaldce,function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg),ipsccp,deadargelim,\
                      function(instcombine<no-verify-fixpoint>,simplifycfg),globaldce";

extern "C" fn on_problem(user: *mut c_void, text: *const c_char) {
    // SAFETY: `user` is the vector of the call below, `text` a string of its.
    let (list, text) = unsafe { (&mut *user.cast::<Vec<String>>(), CStr::from_ptr(text)) };
    list.push(text.to_string_lossy().into_owned());
}

/// Takes the struct `state` apart, and makes functions small: those in `quick` less so than
/// others, and those in `fast` not at all.
///
/// `entry` is the one by which the library would be imported as a module: nobody calls it.  Returns
/// what stands in the way: uses of the state as a whole, and fields that nothing fills.
pub fn split(
    module: &Module<'_>,
    state: &str,
    entry: &str,
    fast: &[String],
    quick: &[String],
) -> Result<Vec<String>, CodegenError> {
    let name = CString::new(state).map_err(|_| CodegenError::Optimizer("not a name".to_owned()))?;
    if let Some(function) = module.get_function(entry) {
        function.set_linkage(Linkage::Internal);
    }
    recovery::run(|| {
        crate::optimize::verify(module)?;
        let machine = host::machine(&host::module_cpu(module), 2)?;
        module
            .run_passes(BEFORE, &machine, PassBuilderOptions::create())
            .map_err(|message| CodegenError::Optimizer(message.to_string()))?;
        let mut problems: Vec<String> = Vec::new();
        // SAFETY: the module and the list outlive the call.
        unsafe {
            cyl_split_state(
                module.as_mut_ptr(),
                name.as_ptr(),
                on_problem,
                (&raw mut problems).cast(),
            );
        }
        if problems.is_empty() {
            crate::optimize::verify(module)?;
            make_small(module, fast, quick);
            crate::files::call_directly(module, true);
        }
        Ok(problems)
    })?
}

fn make_small(module: &Module<'_>, fast: &[String], quick: &[String]) {
    let set = |names: &'_ [String]| names.iter().cloned().collect::<HashSet<String>>();
    let (fast, quick) = (set(fast), set(quick));
    let attribute = |name: &str| {
        let kind = Attribute::get_named_enum_kind_id(name);
        module.get_context().create_enum_attribute(kind, 0)
    };
    for function in module.get_functions() {
        let name = function.get_name().to_string_lossy();
        if function.count_basic_blocks() == 0 || fast.contains(name.as_ref()) {
            continue;
        }
        function.add_attribute(AttributeLoc::Function, attribute("optsize"));
        if !quick.contains(name.as_ref()) {
            function.add_attribute(AttributeLoc::Function, attribute("minsize"));
            call_counts(&function);
        }
    }
}

/// Counting of references, which is inlined everywhere else.
const COUNTS: [&str; 2] = ["Py_DECREF", "Py_XDECREF"];

/// Has a function call what counts references down.
fn call_counts(function: &FunctionValue<'_>) {
    let kind = Attribute::get_named_enum_kind_id("noinline");
    for block in function.get_basic_blocks() {
        for instruction in block.get_instructions() {
            let Ok(call) = CallSiteValue::try_from(instruction) else {
                continue;
            };
            let Some(callee) = call.get_called_fn_value() else {
                continue;
            };
            let name = callee.get_name().to_string_lossy();
            if COUNTS.contains(&name.as_ref()) {
                let context = function.get_type().get_context();
                call.add_attribute(
                    AttributeLoc::Function,
                    context.create_enum_attribute(kind, 0),
                );
            }
        }
    }
}
