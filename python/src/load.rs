//! A module's init function at an address: first import, and running it again into a module that
//! exists (reload).  Rules: PEP 489 and `Python/importdl.c`.

use std::ffi::{c_int, c_void};

use pyo3::exceptions::{PyImportError, PySystemError};
use pyo3::ffi;
use pyo3::prelude::*;
use runtime_abi::layouts::PyModuleDef;
use runtime_abi::slots::exec_slots;

type Init = unsafe extern "C" fn() -> *mut ffi::PyObject;

/// What `PyInit_*` gave.
enum Initialised<'py> {
    /// Multi-phase: a borrowed, static definition.
    Definition(*mut ffi::PyModuleDef),
    /// Single-phase: the module, already executed.
    Module(Bound<'py, PyAny>),
}

fn initialise(py: Python<'_>, address: u64) -> PyResult<Initialised<'_>> {
    if address == 0 {
        return Err(PySystemError::new_err(
            "the init function's address is null",
        ));
    }
    // SAFETY: the caller of the Python function vouches that this is a PyInit function, as
    // `JitLibrary.address("PyInit_...")` returns it.
    let init: Init = unsafe { std::mem::transmute::<usize, Init>(address as usize) };
    // SAFETY: called with the GIL held, as the import system does.
    let result = unsafe { init() };
    if result.is_null() {
        return Err(PyErr::take(py).unwrap_or_else(|| {
            PySystemError::new_err("the init function failed without an exception")
        }));
    }
    // SAFETY: a non-null result is a definition (borrowed) or a new reference to a module.
    unsafe {
        if ffi::PyObject_TypeCheck(result, &raw mut ffi::PyModuleDef_Type) != 0 {
            Ok(Initialised::Definition(result.cast::<ffi::PyModuleDef>()))
        } else {
            Ok(Initialised::Module(Bound::from_owned_ptr(py, result)))
        }
    }
}

/// Calls the init function; a multi-phase module is created from its definition, not executed.
#[pyfunction]
pub fn create_module<'py>(
    py: Python<'py>,
    init_address: u64,
    spec: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    match initialise(py, init_address)? {
        Initialised::Module(module) => Ok(module),
        // SAFETY: the definition is live (static data of loaded code), `spec` is a live object; a
        // non-null result is a new reference.
        Initialised::Definition(def) => unsafe {
            let module = ffi::PyModule_FromDefAndSpec(def, spec.as_ptr());
            Bound::from_owned_ptr_or_err(py, module)
        },
    }
}

/// Runs the module's own execution slots.  Does nothing for a single-phase module.
#[pyfunction]
pub fn exec_module(py: Python<'_>, module: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: `module` is live; PyModule_GetDef accepts only modules and says so by an exception.
    unsafe {
        let def = ffi::PyModule_GetDef(module.as_ptr());
        if def.is_null() {
            return match PyErr::take(py) {
                Some(error) => Err(error),
                None => Ok(()), // a module without a definition has nothing to run
            };
        }
        if (*def).m_slots.is_null() {
            return Ok(());
        }
        check(py, ffi::PyModule_ExecDef(module.as_ptr(), def))
    }
}

/// Calls the init function and runs its definition's execution slots on a module that exists.
#[pyfunction]
pub fn exec_into(py: Python<'_>, init_address: u64, module: &Bound<'_, PyAny>) -> PyResult<()> {
    let def = match initialise(py, init_address)? {
        Initialised::Definition(def) => def,
        Initialised::Module(_) => {
            return Err(PyImportError::new_err(
                "this module uses single-phase initialisation and cannot be run in an existing \
                 module object",
            ));
        }
    };
    // SAFETY: pyo3's PyModuleDef and ours are the same C struct; the definition is live.
    let slots = unsafe { exec_slots(def.cast::<PyModuleDef>()) };
    if slots.is_empty() {
        return Err(PyImportError::new_err(
            "the module definition has nothing to execute",
        ));
    }
    for slot in slots {
        // SAFETY: an execution slot takes a borrowed module with the GIL held.
        check(py, unsafe { slot(module.as_ptr().cast::<c_void>()) })?;
    }
    Ok(())
}

fn check(py: Python<'_>, result: c_int) -> PyResult<()> {
    if result == 0 {
        return Ok(());
    }
    Err(PyErr::take(py)
        .unwrap_or_else(|| PySystemError::new_err("module execution failed without an exception")))
}
