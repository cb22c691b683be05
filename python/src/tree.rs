//! The tree route: the runtime library's symbols, and a module from an exported tree.

use codegen::emit::EmitOptions;
use codegen::lower;
use codegen::tree_route;
use frontend_bridge::clang::Outcome;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::IntoPyErr;
use crate::module::Module;

/// The functions that generated code may call.
#[pyclass(module = "cython_llvm._native", frozen)]
pub struct Symbols {
    symbols: lower::Symbols,
}

#[pymethods]
impl Symbols {
    /// From the JSON beside the runtime library.
    #[new]
    fn new(json: &[u8]) -> PyResult<Self> {
        let symbols = lower::Symbols::from_json(json)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { symbols })
    }
}

/// What is missing: (construct, file, line, column).
type Missing = (String, String, u32, u32);

/// (module or None, what is missing, MIR text or None) of an exported tree.
#[pyfunction]
#[pyo3(signature = (tree, symbols, debug = false, mir = false))]
pub fn compile_tree(
    py: Python<'_>,
    tree: &str,
    symbols: &Symbols,
    debug: bool,
    mir: bool,
) -> PyResult<(Option<Module>, Vec<Missing>, Option<String>)> {
    let made = py
        .detach(|| {
            let options = EmitOptions { debug };
            tree_route::compile(tree.as_bytes(), &symbols.symbols, options, mir)
        })
        .map_err(|error| error.into_py_err(py))?;
    let missing = made
        .missing
        .iter()
        .map(|missing| {
            let place = missing.position;
            let file = place
                .and_then(|at| made.sources.get(at.source as usize))
                .cloned()
                .unwrap_or_default();
            let (line, column) = place.map_or((0, 0), |at| (at.line, at.column));
            (missing.construct.clone(), file, line, column)
        })
        .collect();
    let module = made
        .module
        .map(|owned| Module::new(owned, Outcome::default()));
    Ok((module, missing, made.mir))
}
