//! Rust errors as `NativeError`, and diagnostics as dictionaries.

use codegen::CodegenError;
use frontend_bridge::Diagnostic;
use frontend_bridge::clang::ClangError;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reload::JitError;

create_exception!(
    _native,
    NativeError,
    PyException,
    "A step failed.  Attributes: code, message, diagnostics."
);

/// A list of dictionaries as `_native.pyi` describes them.
pub fn diagnostics_list<'py>(
    py: Python<'py>,
    diagnostics: &[Diagnostic],
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for diagnostic in diagnostics {
        let entry = PyDict::new(py);
        entry.set_item("severity", diagnostic.severity.as_str())?;
        entry.set_item("message", &diagnostic.message)?;
        entry.set_item("file", &diagnostic.file)?;
        entry.set_item("line", diagnostic.line)?;
        entry.set_item("column", diagnostic.column)?;
        entry.set_item("source_line", &diagnostic.source_line)?;
        entry.set_item("option", &diagnostic.option)?;
        list.append(entry)?;
    }
    Ok(list)
}

fn native_error(
    py: Python<'_>,
    code: &'static str,
    message: String,
    diagnostics: &[Diagnostic],
) -> PyErr {
    let error = NativeError::new_err((code, message.clone()));
    let value = error.value(py);
    let filled = value
        .setattr("code", code)
        .and_then(|()| value.setattr("message", message))
        .and_then(|()| value.setattr("diagnostics", diagnostics_list(py, diagnostics)?));
    match filled {
        Ok(()) => error,
        Err(failure) => failure,
    }
}

/// Turns each crate's error into a Python exception.
pub trait IntoPyErr {
    fn into_py_err(self, py: Python<'_>) -> PyErr;
}

impl IntoPyErr for ClangError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        native_error(py, self.code(), self.to_string(), self.diagnostics())
    }
}

impl IntoPyErr for CodegenError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        native_error(py, self.code(), self.to_string(), &self.diagnostics())
    }
}

impl IntoPyErr for JitError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        native_error(py, self.code(), self.to_string(), &[])
    }
}

impl IntoPyErr for codegen::tree_route::TreeRouteError {
    fn into_py_err(self, py: Python<'_>) -> PyErr {
        native_error(py, self.code(), self.to_string(), &[])
    }
}
