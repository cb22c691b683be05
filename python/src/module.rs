//! `Module` and what makes one.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use codegen::target::host::Cpu;
use codegen::{CodegenError, OwnedModule, hot};
use frontend_bridge::Diagnostic;
use frontend_bridge::clang::{self, Language, Outcome, Request};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::error::{IntoPyErr, diagnostics_list};

/// One LLVM module in a context of its own.
#[pyclass(module = "cython_llvm._native", frozen)]
pub struct Module {
    owned: Mutex<OwnedModule>,
    diagnostics: Vec<Diagnostic>,
    #[pyo3(get)]
    dependencies: Vec<String>,
}

impl Module {
    pub(crate) fn new(owned: OwnedModule, outcome: Outcome) -> Self {
        Self {
            owned: Mutex::new(owned),
            diagnostics: outcome.diagnostics,
            dependencies: outcome.dependencies,
        }
    }

    fn lock(&self) -> MutexGuard<'_, OwnedModule> {
        self.owned
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs one step without the GIL.
    fn step<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut OwnedModule) -> Result<R, CodegenError> + Send,
    ) -> PyResult<R> {
        py.detach(|| work(&mut self.lock()))
            .map_err(|error| error.into_py_err(py))
    }

    /// The object file's bytes.
    pub fn object(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        self.step(py, OwnedModule::object)
    }
}

/// What `Module.extract_hot` wrote.
#[pyclass(module = "cython_llvm._native", frozen)]
pub struct HotBodies(hot::Bodies);

#[pymethods]
impl HotBodies {
    #[new]
    fn new(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let bodies = hot::Bodies::read(data).map_err(|error| error.into_py_err(py))?;
        Ok(Self(bodies))
    }
}

#[pymethods]
impl Module {
    #[staticmethod]
    #[pyo3(signature = (data, name = "module"))]
    fn from_bitcode(py: Python<'_>, data: &[u8], name: &str) -> PyResult<Self> {
        let owned = py
            .detach(|| OwnedModule::from_bitcode(data, name))
            .map_err(|error| error.into_py_err(py))?;
        Ok(Self::new(owned, Outcome::default()))
    }

    #[staticmethod]
    #[pyo3(signature = (text, name = "module"))]
    fn from_ir(py: Python<'_>, text: &str, name: &str) -> PyResult<Self> {
        let owned = py
            .detach(|| OwnedModule::from_text(text, name))
            .map_err(|error| error.into_py_err(py))?;
        Ok(Self::new(owned, Outcome::default()))
    }

    /// Warnings and notes of the compilation.
    #[getter]
    fn diagnostics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        diagnostics_list(py, &self.diagnostics)
    }

    /// Runs LLVM's default pipeline for -O<level>.
    fn optimize(&self, py: Python<'_>, level: u8) -> PyResult<()> {
        if level > 3 {
            return Err(PyValueError::new_err(format!(
                "level must be 0 to 3, not {level}"
            )));
        }
        self.step(py, |owned| owned.optimize(level))
    }

    /// Leaves loop-free functions with these prefixes out of optimisation; returns how many.
    fn mark_cold(&self, py: Python<'_>, prefixes: Vec<String>) -> usize {
        py.detach(|| self.lock().mark_cold(&prefixes))
    }

    /// Makes the code replaceable while it runs, gives it `data` under `symbol`, and lets variables be
    /// found by their names.
    #[pyo3(signature = (symbol, data, variables = Vec::new()))]
    fn prepare_live(&self, py: Python<'_>, symbol: &str, data: &[u8], variables: Vec<String>) {
        py.detach(|| self.lock().prepare_live(symbol, data, &variables));
    }

    /// Makes every function be compiled for another CPU; "native" is this machine's.
    fn retarget(&self, py: Python<'_>, cpu: &str, features: &str) {
        py.detach(|| self.lock().retarget(&Cpu::named(cpu, features)));
    }

    fn to_ir(&self, py: Python<'_>) -> PyResult<String> {
        self.step(py, OwnedModule::text)
    }

    fn to_bitcode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.step(py, OwnedModule::bitcode)?))
    }

    fn to_asm(&self, py: Python<'_>) -> PyResult<String> {
        let bytes = self.step(py, OwnedModule::assembly)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn to_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.object(py)?))
    }

    /// The value of a constant integer by its symbol.
    fn number(&self, symbol: &str) -> Option<i64> {
        self.lock().number(symbol)
    }

    fn defined_symbols(&self) -> Vec<String> {
        self.lock().symbols().defined
    }

    fn undefined_symbols(&self) -> Vec<String> {
        self.lock().symbols().undefined
    }

    /// Makes functions with these names visible to other libraries; those that have a body.
    fn export_functions(&self, py: Python<'_>, names: Vec<String>) -> Vec<String> {
        py.detach(|| self.lock().export_functions(&names))
    }

    /// Takes the run-time library's state apart, for linking into others; what stands in the way.
    fn split_state(
        &self,
        py: Python<'_>,
        state: &str,
        entry: &str,
        fast: Vec<String>,
        quick: Vec<String>,
    ) -> PyResult<Vec<String>> {
        self.step(py, |owned| owned.split_state(state, entry, &fast, &quick))
    }

    /// Before optimisation, for a file: what runs once is made small rather than quickly compiled, the
    /// interpreter's functions are called directly.
    fn begin_file(&self, level: u8) -> usize {
        self.lock().begin_file(level)
    }

    /// After optimisation, for a library in a file: texts are packed.
    fn finish_file(&self, py: Python<'_>) -> PyResult<()> {
        self.step(py, |owned| owned.finish_file())
    }

    /// After optimisation, for code that is linked into libraries: tables of addresses are packed.
    fn pack_tables(&self, py: Python<'_>) -> PyResult<u32> {
        self.step(py, |owned| owned.pack_tables())
    }

    /// Bodies of functions for others to inline, as `HotBodies` reads them, and the names of those that
    /// cannot be.
    fn extract_hot<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<String>)> {
        let (bitcode, refused) = self.step(py, |owned| owned.extract_hot(&names))?;
        Ok((PyBytes::new(py, &bitcode), refused))
    }

    /// Brings in bodies of what the module declares.
    fn link_hot(&self, py: Python<'_>, bodies: &HotBodies) -> PyResult<()> {
        self.step(py, |owned| owned.link_hot(&bodies.0))
    }

    /// Every function's signature by its name, in LLVM's words.
    fn function_signatures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for signature in py.detach(|| self.lock().signatures()) {
            let one = PyDict::new(py);
            one.set_item("ret", signature.ret)?;
            one.set_item("params", signature.params)?;
            one.set_item("varargs", signature.varargs)?;
            one.set_item("defined", signature.defined)?;
            one.set_item("abi", signature.abi)?;
            all.set_item(signature.name, one)?;
        }
        Ok(all)
    }
}

fn language(name: &str) -> PyResult<Language> {
    match name {
        "c" => Ok(Language::C),
        "c++" => Ok(Language::Cxx),
        other => Err(PyValueError::new_err(format!(
            "language must be 'c' or 'c++', not '{other}'"
        ))),
    }
}

/// Compiles C or C++ text to an unoptimised module.
#[pyfunction]
#[pyo3(name = "compile_source")]
#[pyo3(signature = (source, filename, language, args, virtual_files = vec![], pch = None))]
pub fn compile_source(
    py: Python<'_>,
    source: &[u8],
    filename: &str,
    language: &str,
    args: Vec<String>,
    virtual_files: Vec<(String, Vec<u8>)>,
    pch: Option<&str>,
) -> PyResult<Module> {
    let request = Request {
        source,
        filename,
        language: self::language(language)?,
        args: &args,
        virtual_files: &virtual_files,
        pch,
    };
    let (owned, outcome) = py
        .detach(|| OwnedModule::compile(&request))
        .map_err(|error| error.into_py_err(py))?;
    Ok(Module::new(owned, outcome))
}

/// Writes a precompiled header; returns the files it was made from.
#[pyfunction]
pub fn build_pch(
    py: Python<'_>,
    source: &[u8],
    filename: &str,
    language: &str,
    args: Vec<String>,
    output: &str,
) -> PyResult<Vec<String>> {
    let request = Request {
        source,
        filename,
        language: self::language(language)?,
        args: &args,
        virtual_files: &[],
        pch: None,
    };
    let outcome = py
        .detach(|| clang::build_pch(&request, Path::new(output)))
        .map_err(|error| error.into_py_err(py))?;
    Ok(outcome.dependencies)
}

/// (CPU name, features) of this machine as LLVM names them.
#[pyfunction]
pub fn host_cpu() -> (String, String) {
    let cpu = Cpu::host();
    (cpu.name, cpu.features)
}

/// Bitcode of libm's functions for GPUs, made for this machine.
#[pyfunction]
pub fn device_math(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, codegen::gpu::DEVICE_MATH)
}

/// Versions of what is linked in.
#[pyfunction]
pub fn versions(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let versions = PyDict::new(py);
    versions.set_item("cython_llvm", env!("CARGO_PKG_VERSION"))?;
    versions.set_item("llvm", clang::version())?;
    versions.set_item("clang", clang::version())?;
    versions.set_item("lld", clang::version())?;
    Ok(versions)
}
