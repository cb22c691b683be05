//! `link_shared`.

use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::{IntoPyErr, diagnostics_list};

/// Links objects (bytes) and whatever `args` name into a shared library; returns warnings.
#[pyfunction]
pub fn link_shared(
    py: Python<'_>,
    args: Vec<String>,
    objects: Vec<Vec<u8>>,
) -> PyResult<Bound<'_, PyList>> {
    let warnings = py
        .detach(|| {
            let objects: Vec<&[u8]> = objects.iter().map(Vec::as_slice).collect();
            codegen::link::link_shared(&args, &objects)
        })
        .map_err(|error| error.into_py_err(py))?;
    diagnostics_list(py, &warnings)
}
