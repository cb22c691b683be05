//! The tree route: the runtime library's symbols, and a module from an exported tree.

use std::collections::HashMap;

use codegen::emit::EmitOptions;
use codegen::incremental::Known;
use codegen::lower::{self, ShimFacts, ShimRequest, TraceMacros};
use codegen::mir::FloatMath;
use codegen::tree_route::{self, Shims};
use frontend_bridge::clang::Outcome;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

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

/// What there is of a module in object code, for compiling only what an edit changes.
#[pyclass(module = "cython_llvm._native", frozen)]
pub struct KnownCode {
    known: Known,
    /// How many functions were compiled for it.
    #[pyo3(get)]
    compiled: usize,
    /// Of how many.
    #[pyo3(get)]
    functions: usize,
    /// Seconds that making LLVM's IR took.
    #[pyo3(get)]
    emission: f64,
}

#[pymethods]
impl KnownCode {
    /// Nothing yet.
    #[new]
    fn new() -> Self {
        Self {
            known: Known::default(),
            compiled: 0,
            functions: 0,
            emission: 0.0,
        }
    }
}

/// What is missing: (construct, file, line, column, whether a loop must run on a GPU with it).
type Missing = (String, String, u32, u32, bool);

/// C that a module needs, as a dictionary.
fn request_dict<'py>(py: Python<'py>, request: ShimRequest) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("before", request.before)?;
    dict.set_item("text", request.text)?;
    dict.set_item("functions", request.functions)?;
    dict.set_item("numbers", request.numbers)?;
    dict.set_item("source", request.source)?;
    Ok(dict)
}

/// Shims that were compiled: bitcode, the functions in it, and numbers by their names.
type Given = (Vec<u8>, Vec<String>, HashMap<String, i64>);

/// What a tree becomes.
type Compiled<'py> = (
    Option<Module>,
    Vec<Missing>,
    Option<String>,
    Option<Bound<'py, PyDict>>,
    Option<String>,
    Option<KnownCode>,
);

/// (module or None, what is missing, MIR text or None, C that is needed first or None, PTX or
/// None, what is known once this is compiled or None) of a tree.
///
/// With `before`, the module holds only what has changed since, where it can be compiled by parts.
/// `trace`: CYTHON_PROFILE, CYTHON_TRACE and CYTHON_TRACE_NOGIL.  `float_math`: `exact`, `contract` or `fast`.
#[pyfunction]
#[pyo3(signature = (tree, symbols, debug = false, mir = false, shims = None, before = None,
    trace = (true, false, false), float_math = "exact"))]
#[allow(clippy::too_many_arguments)]
pub fn compile_tree<'py>(
    py: Python<'py>,
    tree: &str,
    symbols: &Symbols,
    debug: bool,
    mir: bool,
    shims: Option<Given>,
    before: Option<PyRef<'py, KnownCode>>,
    trace: (bool, bool, bool),
    float_math: &str,
) -> PyResult<Compiled<'py>> {
    let mut shims = shims.map_or_else(Shims::default, |(bitcode, functions, numbers)| Shims {
        facts: ShimFacts {
            functions: functions.into_iter().collect(),
            numbers,
            compiled: true,
            ..ShimFacts::default()
        },
        bitcode: Some(bitcode),
    });
    let (profile, trace, nogil) = trace;
    shims.facts.macros = TraceMacros {
        profile,
        trace,
        nogil,
    };
    shims.facts.float_math = match float_math {
        "contract" => FloatMath::Contract,
        "fast" => FloatMath::Fast,
        _ => FloatMath::Exact,
    };
    let before = before.map(|before| before.known.clone());
    // Of an interpreter built with Py_DEBUG, and of no other.
    let count_total = py.import("sys")?.hasattr("gettotalrefcount")?;
    let options = EmitOptions {
        debug,
        count_total,
        ..EmitOptions::default()
    };
    let made = py
        .detach(|| {
            let symbols = &symbols.symbols;
            tree_route::compile(
                tree.as_bytes(),
                symbols,
                options,
                mir,
                &shims,
                before.as_ref(),
            )
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
            let construct = missing.construct.clone();
            (construct, file, line, column, missing.on_gpu)
        })
        .collect();
    let module = made
        .module
        .map(|owned| Module::new(owned, Outcome::default()));
    let request = made
        .request
        .map(|request| request_dict(py, request))
        .transpose()?;
    let known = made.plan.map(|plan| KnownCode {
        compiled: plan.compiled,
        functions: plan.functions.len(),
        emission: made.emission.as_secs_f64(),
        known: plan.known,
    });
    Ok((module, missing, made.mir, request, made.ptx, known))
}
