//! MIR to LLVM, one operation at a time.  Nothing is decided here that a user could observe: what
//! MIR says is what is emitted.

mod abi;
mod aggregates;
mod bounds;
mod conversions;
mod debug_info;
mod float_math;
mod function;
mod globals;
mod lines;
mod locals;
mod objects;
mod ops;
mod refcount;
mod traceback;
mod types;

use std::cell::OnceCell;

use inkwell::AddressSpace;
use inkwell::builder::{Builder, BuilderError};
use inkwell::context::Context;
use inkwell::module::{Linkage as LlvmLinkage, Module as LlvmModule};
use inkwell::types::{IntType, PointerType, StructType};
use inkwell::values::{BasicValue, FunctionValue, GlobalValue, PointerValue};

use crate::incremental::{Code, Plan};
use crate::mir::{Linkage, Module};

/// Emission failed: a defect of ours, as verified MIR always has a translation.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// LLVM's builder refused.
    #[error("LLVM refused an operation: {0}")]
    Builder(#[from] BuilderError),
    /// The target of a device is not there.
    #[error("no code for the device: {0}")]
    Target(String),
    /// MIR that the verifier should have refused.
    #[error("MIR of '{function}' cannot be emitted: {message}")]
    Malformed {
        /// The function's name.
        function: String,
        /// What is wrong.
        message: String,
    },
}

/// What of the source's lines goes into debug information.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EmitOptions {
    /// Lines of the .pyx, for debuggers and profilers.
    pub debug: bool,
    /// Not for the host: structs are passed as LLVM does it.
    pub device: bool,
    /// Keep `sys.gettotalrefcount()` of an interpreter built with `Py_DEBUG`, as its headers do.
    pub count_total: bool,
}

/// Emits a whole module, or what `plan` says of it.
pub fn emit<'ctx>(
    context: &'ctx Context,
    module: &Module,
    options: EmitOptions,
    plan: Option<&Plan>,
) -> Result<LlvmModule<'ctx>, EmitError> {
    let mut emitter = Emitter::new(context, module, plan);
    emitter.device = options.device;
    if options.device {
        // Loads and stores get their alignment from the layout of the target, as they are made.
        crate::target::nvptx::set_target(&emitter.llvm)
            .map_err(|error| EmitError::Target(error.to_string()))?;
    }
    emitter.count_total = options.count_total;
    emitter.declare();
    emitter.define_objects();
    emitter.define_globals()?;
    emitter.define_lines();
    let debug = options.debug.then(|| debug_info::DebugInfo::new(&emitter));
    for index in 0..module.functions.len() {
        if !module.functions[index].blocks.is_empty() && emitter.has_body(index) {
            function::emit(&emitter, index, debug.as_ref())?;
        }
    }
    if let Some(debug) = debug {
        debug.finish();
    }
    if plan.is_some() {
        drop_unused(&emitter.llvm);
    }
    Ok(emitter.llvm)
}

/// Takes out declarations that nothing refers to after all.
fn drop_unused(module: &LlvmModule<'_>) {
    let unused: Vec<_> = module
        .get_functions()
        .filter(|function| {
            let pointer = function.as_global_value().as_pointer_value();
            function.count_basic_blocks() == 0 && pointer.get_first_use().is_none()
        })
        .collect();
    for function in unused {
        // SAFETY: nothing refers to it, and the emitter's handles are not used any more.
        unsafe { function.delete() };
    }
    let unused: Vec<_> = module
        .get_globals()
        .filter(|global| {
            global.is_declaration() && global.as_pointer_value().get_first_use().is_none()
        })
        .collect();
    for global in unused {
        // SAFETY: as above.
        unsafe { global.delete() };
    }
}

/// Something that the module does not define.
#[derive(Clone, Copy)]
enum External<'ctx> {
    Function(FunctionValue<'ctx>),
    Data(GlobalValue<'ctx>),
}

/// State of the emission of one module.
struct Emitter<'ctx, 'm> {
    context: &'ctx Context,
    mir: &'m Module,
    plan: Option<&'m Plan>,
    llvm: LlvmModule<'ctx>,
    builder: Builder<'ctx>,
    /// Not for the host: structs are passed as LLVM does it.
    device: bool,
    structs: Vec<StructType<'ctx>>,
    // Where a plan says what is compiled, the rest is declared as code refers to it: what compiling
    // costs is to depend on the edit, not on the module's size.
    globals: Vec<OnceCell<GlobalValue<'ctx>>>,
    functions: Vec<OnceCell<FunctionValue<'ctx>>>,
    externs: Vec<OnceCell<External<'ctx>>>,
    /// The constant objects' places, where there are any.
    slots: Option<GlobalValue<'ctx>>,
    table: Option<GlobalValue<'ctx>>,
    /// The functions' tables of line numbers, where lines are not in the code.
    lines: Vec<Option<GlobalValue<'ctx>>>,
    count_total: bool,
    /// What descriptions of constants refer to by address.
    symbols: Option<GlobalValue<'ctx>>,
}

impl<'ctx, 'm> Emitter<'ctx, 'm> {
    fn new(context: &'ctx Context, mir: &'m Module, plan: Option<&'m Plan>) -> Self {
        let llvm = context.create_module(&mir.name);
        let mut emitter = Self {
            context,
            mir,
            plan,
            llvm,
            builder: context.create_builder(),
            device: false,
            structs: Vec::new(),
            globals: vec![OnceCell::new(); mir.globals.len()],
            functions: vec![OnceCell::new(); mir.functions.len()],
            externs: vec![OnceCell::new(); mir.externs.len()],
            slots: None,
            table: None,
            lines: Vec::new(),
            count_total: false,
            symbols: None,
        };
        emitter.define_structs();
        emitter
    }

    fn ptr(&self) -> PointerType<'ctx> {
        self.context.ptr_type(AddressSpace::default())
    }

    fn i64(&self) -> IntType<'ctx> {
        self.context.i64_type()
    }

    fn i32(&self) -> IntType<'ctx> {
        self.context.i32_type()
    }

    fn null(&self) -> PointerValue<'ctx> {
        self.ptr().const_null()
    }

    /// Whether a function's body is emitted.
    fn has_body(&self, index: usize) -> bool {
        self.plan
            .is_none_or(|plan| plan.code[index] != Code::Elsewhere)
    }

    fn linkage(linkage: Linkage) -> LlvmLinkage {
        match linkage {
            Linkage::Internal => LlvmLinkage::Internal,
            Linkage::External => LlvmLinkage::External,
        }
    }
}
