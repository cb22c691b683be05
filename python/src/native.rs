//! The types in `python/native/*.c`: calls that must cost tens of nanoseconds.

use std::ffi::c_int;

use pyo3::ffi;
use pyo3::prelude::*;

unsafe extern "C" {
    fn cyl_add_inline(module: *mut ffi::PyObject) -> c_int;
    fn cyl_add_dispatcher(module: *mut ffi::PyObject) -> c_int;
}

/// Adds the types to the extension module.
pub fn add_types(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for add in [cyl_add_inline, cyl_add_dispatcher] {
        // SAFETY: called with the GIL held, on a live module; -1 comes with an exception.
        if unsafe { add(module.as_ptr()) } < 0 {
            return Err(PyErr::fetch(module.py()));
        }
    }
    Ok(())
}
