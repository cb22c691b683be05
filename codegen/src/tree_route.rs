//! The tree route for one module: JSON in, an LLVM module out, or what stands in its way.

use std::time::Duration;

use frontend_bridge::recovery;
use frontend_bridge::tree::{Tree, TreeError};

use crate::OwnedModule;
use crate::emit::{EmitError, EmitOptions};
use crate::gpu;
use crate::incremental::{self, Known, Plan};
use crate::lower::{self, LowerError, Lowered, Missing, ShimFacts, ShimRequest, Symbols};
use crate::mir::{self, VerifyError};
use crate::passes;

/// Why a tree has no module.
#[derive(Debug, thiserror::Error)]
pub enum TreeRouteError {
    /// The tree cannot be read, or lacks what every tree has.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Lowering made MIR that does not hold together: a defect of ours.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The shims could not be linked in: a defect of ours.
    #[error(transparent)]
    Link(#[from] crate::CodegenError),
    /// MIR that could not be emitted: a defect of ours.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The tree route itself failed: a defect of ours.
    #[error("the tree route failed inside: {0}")]
    Failed(String),
}

impl TreeRouteError {
    /// Stable code, as documented in the guide.
    pub fn code(&self) -> &'static str {
        match self {
            TreeRouteError::Tree(error) => error.code(),
            TreeRouteError::Verify(_) => "CYL1701",
            TreeRouteError::Link(_) => "CYL1704",
            TreeRouteError::Emit(_) => "CYL1702",
            TreeRouteError::Failed(_) => "CYL1703",
        }
    }
}

/// A module by the tree route.
pub struct TreeModule {
    /// The LLVM module; none where something is missing.
    pub module: Option<OwnedModule>,
    /// What has no lowering yet.
    pub missing: Vec<Missing>,
    /// Names of the source files that positions refer to.
    pub sources: Vec<String>,
    /// MIR as text, where it was asked for.
    pub mir: Option<String>,
    /// C to be compiled, and to be given with what it says, before the module can be made.
    pub request: Option<ShimRequest>,
    /// The code for GPUs, where there is any.
    pub ptx: Option<String>,
    /// How it continues earlier versions, where it does.
    pub plan: Option<Plan>,
    /// What making the LLVM module took.
    pub emission: Duration,
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    #[repr(C)]
    struct Timespec {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    let mut time = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: the structure is that of this call on 64-bit Linux, and outlives it.
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(
        time.seconds.unsigned_abs(),
        u32::try_from(time.nanoseconds).unwrap_or(0),
    )
}

/// C functions that lowering asked for, compiled.
#[derive(Clone, Default, Debug)]
pub struct Shims {
    /// What they are, and what the headers said.
    pub facts: ShimFacts,
    /// Their code.
    pub bitcode: Option<Vec<u8>>,
}

/// Reads, lowers, verifies and emits a module, on a thread with a large stack: trees are deep.
///
/// With `before`, only what has changed since is compiled, where that can be.  A panic, which would
/// be a defect of ours, is an error like the others.
pub fn compile(
    json: &[u8],
    symbols: &Symbols,
    options: EmitOptions,
    want_mir: bool,
    shims: &Shims,
    before: Option<&Known>,
) -> Result<TreeModule, TreeRouteError> {
    let work = || recovery::run(|| compile_here(json, symbols, options, want_mir, shims, before));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(Ok(done)) => done,
        Ok(Err(crash)) => Err(TreeRouteError::Failed(crash.0)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(TreeRouteError::Failed(
                text.unwrap_or_else(|| "a panic".to_owned()),
            ))
        }
    }
}

fn compile_here(
    json: &[u8],
    symbols: &Symbols,
    options: EmitOptions,
    want_mir: bool,
    shims: &Shims,
    before: Option<&Known>,
) -> Result<TreeModule, TreeRouteError> {
    let tree = Tree::from_json(json)?;
    let Lowered {
        mut module,
        missing,
        shims: request,
    } = match lower::lower(&tree, symbols, shims.facts.clone()) {
        Ok(lowered) => lowered,
        Err(LowerError::Tree(error)) => return Err(error.into()),
        Err(LowerError::Missing(missing)) => Lowered {
            module: mir::Module::new(tree.module_name()),
            missing: vec![missing],
            shims: None,
        },
    };
    let sources = tree.sources().to_vec();
    let text = want_mir.then(|| mir::print(&module));
    // What is missing may be so for a wrong guess.
    let request =
        request.filter(|request| !request.known && (request.guessed || missing.is_empty()));
    if !missing.is_empty() || request.is_some() {
        return Ok(TreeModule {
            module: None,
            missing,
            sources,
            mir: text,
            request,
            ptx: None,
            plan: None,
            emission: Duration::ZERO,
        });
    }
    // Cheap beside what follows, and a leak that it finds is one that users do not.
    mir::verify(&module)?;
    if !module.frames.is_empty() {
        passes::suspend(&mut module);
        passes::frames(&mut module);
        mir::verify(&module)?;
    }
    let made = gpu::make(&mut module)?;
    if !made.refused.is_empty() {
        return Ok(TreeModule {
            module: None,
            missing: made.refused,
            sources,
            mir: text,
            request: None,
            ptx: None,
            plan: None,
            emission: Duration::ZERO,
        });
    }
    if passes::strides(&mut module) || !module.kernels.is_empty() {
        mir::verify(&module)?;
    }
    // Linked-in code and debug information are not told apart by function.
    let by_parts = shims.bitcode.is_none() && made.ptx.is_none() && !options.debug;
    let plan = before
        .filter(|_| by_parts)
        .map(|before| incremental::plan(&module, before));
    let started = cpu_time();
    let mut module = OwnedModule::from_mir(&module, options, plan.as_ref())?;
    let emission = cpu_time().saturating_sub(started);
    if let Some(bitcode) = &shims.bitcode {
        module.link(bitcode)?;
        if module.shims_outlive_their_frame() {
            return Ok(TreeModule {
                module: None,
                missing: vec![Missing::new(
                    "C that uses the frame of its caller (alloca)",
                    None,
                )],
                sources,
                mir: text,
                request: None,
                ptx: None,
                plan: None,
                emission: Duration::ZERO,
            });
        }
    }
    Ok(TreeModule {
        module: Some(module),
        missing,
        sources,
        mir: text,
        request: None,
        ptx: made.ptx,
        plan,
        emission,
    })
}
