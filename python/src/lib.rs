//! The extension module `cython_llvm._native`: the workspace as Python sees it.
//!
//! Thin on purpose: arguments are converted, the GIL is released, errors become `NativeError`.  The
//! Python side of the package decides what is compiled and where it goes.

mod error;
mod jit;
mod link;
mod load;
mod module;
mod native;
mod tree;

use pyo3::prelude::*;

#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("NativeError", m.py().get_type::<error::NativeError>())?;
    m.add_class::<module::Module>()?;
    m.add_class::<jit::JitLibrary>()?;
    m.add_function(wrap_pyfunction!(jit::mapped_ranges, m)?)?;
    m.add_function(wrap_pyfunction!(jit::replace_pointers, m)?)?;
    m.add_function(wrap_pyfunction!(jit::redirect_function, m)?)?;
    m.add_function(wrap_pyfunction!(module::compile_source, m)?)?;
    m.add_function(wrap_pyfunction!(module::build_pch, m)?)?;
    m.add_class::<module::HotBodies>()?;
    m.add_class::<tree::Symbols>()?;
    m.add_class::<tree::KnownCode>()?;
    m.add_function(wrap_pyfunction!(tree::compile_tree, m)?)?;
    m.add_function(wrap_pyfunction!(module::host_cpu, m)?)?;
    m.add_function(wrap_pyfunction!(module::versions, m)?)?;
    m.add_function(wrap_pyfunction!(module::device_math, m)?)?;
    m.add_function(wrap_pyfunction!(link::link_shared, m)?)?;
    m.add_function(wrap_pyfunction!(load::create_module, m)?)?;
    m.add_function(wrap_pyfunction!(load::exec_module, m)?)?;
    m.add_function(wrap_pyfunction!(load::exec_into, m)?)?;
    native::add_types(m)?;
    Ok(())
}
