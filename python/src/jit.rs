//! `JitLibrary`: a module's code in this process.

use std::sync::Mutex;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use reload::Library;
use reload::memory::{self, Range};
use reload::redirect;

use crate::error::IntoPyErr;
use crate::module::Module;

/// Code loaded by the JIT.  It stays when this object goes; see `release`.
#[pyclass(module = "cython_llvm._native", frozen)]
pub struct JitLibrary {
    library: Mutex<Option<Library>>,
}

#[pymethods]
impl JitLibrary {
    /// Loads ELF objects as one library; `builtins` is an archive of compiler builtins.
    #[staticmethod]
    #[pyo3(signature = (objects, name, libraries = vec![], builtins = None))]
    fn load_objects(
        py: Python<'_>,
        objects: Vec<PyBackedBytes>,
        name: &str,
        libraries: Vec<String>,
        builtins: Option<&str>,
    ) -> PyResult<Self> {
        let library = py
            .detach(|| {
                let objects: Vec<&[u8]> = objects.iter().map(AsRef::as_ref).collect();
                Library::load_objects(&objects, name, &libraries, builtins)
            })
            .map_err(|error| error.into_py_err(py))?;
        Ok(Self {
            library: Mutex::new(Some(library)),
        })
    }

    /// Generates code for a module and loads it.
    #[staticmethod]
    #[pyo3(signature = (module, name, libraries = vec![], builtins = None))]
    fn load_module(
        py: Python<'_>,
        module: &Module,
        name: &str,
        libraries: Vec<String>,
        builtins: Option<&str>,
    ) -> PyResult<Self> {
        let object = module.object(py)?;
        let library = py
            .detach(|| Library::load_object(&object, name, &libraries, builtins))
            .map_err(|error| error.into_py_err(py))?;
        Ok(Self {
            library: Mutex::new(Some(library)),
        })
    }

    /// Address of a symbol; the first call links the code.
    fn address(&self, py: Python<'_>, symbol: &str) -> PyResult<u64> {
        py.detach(|| {
            let library = self
                .library
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            library.as_ref().map(|library| library.address(symbol))
        })
        .ok_or_else(|| PyRuntimeError::new_err("the code has been released"))?
        .map_err(|error| error.into_py_err(py))
    }

    /// Where its sections lie: (start, size, whether writable).
    fn ranges(&self, py: Python<'_>) -> PyResult<Vec<Place>> {
        let library = self
            .library
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let found = library
            .as_ref()
            .ok_or_else(|| PyRuntimeError::new_err("the code has been released"))?
            .ranges()
            .map_err(|error| error.into_py_err(py))?;
        Ok(found.into_iter().map(place).collect())
    }

    /// Frees the code.  Sound only while nothing can reach it any more.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self
            .library
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
        match taken {
            // SAFETY: the caller states that nothing refers to the code; the Python side calls
            // this only for code whose PyInit function never ran.
            Some(library) => py
                .detach(|| unsafe { library.free() })
                .map_err(|error| error.into_py_err(py)),
            None => Ok(()),
        }
    }
}

type Place = (u64, u64, bool);

fn place(range: Range) -> Place {
    (range.start, range.size, range.writable)
}

/// The segments of the shared library that holds an address, as `JitLibrary.ranges`.
#[pyfunction]
pub fn mapped_ranges(address: u64) -> Vec<Place> {
    memory::mapped_ranges(address)
        .into_iter()
        .map(place)
        .collect()
}

/// Replaces a pointer by another wherever it stands in the writable ones of `ranges`; how often.
///
/// The ranges must be those of loaded code.
#[pyfunction]
pub fn replace_pointers(ranges: Vec<Place>, from: u64, to: u64) -> usize {
    let ranges: Vec<Range> = ranges
        .into_iter()
        .map(|(start, size, writable)| Range {
            start,
            size,
            writable,
        })
        .collect();
    // SAFETY: the caller vouches that the ranges are live and `from` an address of an object in
    // that code; no other word there has such a value.
    unsafe { memory::replace_words(&ranges, from, to) }
}

/// Makes calls of the C function at `from` run the one at `to`; both must have one signature.
#[pyfunction]
pub fn redirect_function(py: Python<'_>, from: u64, to: u64) -> PyResult<()> {
    // SAFETY: the caller vouches for both addresses.
    unsafe { redirect::redirect(from, to) }.map_err(|error| error.into_py_err(py))
}
