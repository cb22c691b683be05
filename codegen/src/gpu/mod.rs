//! `prange` on NVIDIA GPUs: the loops that lowering has set aside become PTX.
//!
//! [`extract`] makes them fit for a GPU, and refuses with its line what cannot go there; `emit`
//! makes one PTX module of them; [`describe`] tells the runtime (`runtime/gpu.c`) what it is.

mod describe;
mod emit;
mod extract;
mod kernel_text;
mod math;
mod rewrite;

pub use math::BITCODE as DEVICE_MATH;
pub(crate) use math::of_libm;

use crate::emit::EmitError;
use crate::lower::Missing;
use crate::mir::Module;

/// The GPU part of a module.
#[derive(Debug, Default)]
pub struct Made {
    /// PTX text; none where nothing runs on a GPU.
    pub ptx: Option<String>,
    /// What was asked to run there and cannot.
    pub refused: Vec<Missing>,
}

/// Makes the GPU part of a module, and fills in what the module says of it.
pub fn make(module: &mut Module) -> Result<Made, EmitError> {
    if module.kernels.is_empty() {
        return Ok(Made::default());
    }
    let found = extract::extract(module);
    if !found.refused.is_empty() || found.kernels.is_empty() {
        return Ok(Made {
            ptx: None,
            refused: found.refused,
        });
    }
    let ptx = emit::ptx(module, &found.kernels, &found.functions)?;
    describe::describe(module, &found.kernels, &found.sites, &ptx);
    Ok(Made {
        ptx: Some(ptx),
        refused: Vec::new(),
    })
}
