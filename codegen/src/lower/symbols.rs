//! The functions that generated code may call: those of the runtime library, CPython and libc, with
//! their C signatures as LLVM sees them.

use std::collections::HashMap;

use serde::Deserialize;

/// A C function's types, as LLVM writes them ("i32", "ptr", "double").
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct CSignature {
    /// The result.
    #[serde(rename = "ret")]
    pub result: String,
    /// The parameters.
    pub params: Vec<String>,
    /// More may follow.
    pub varargs: bool,
}

/// Functions of the OpenMP runtime.
const OPENMP: &[(&str, &str, &[&str])] = &[
    ("omp_set_num_threads", "void", &["i32"]),
    ("omp_get_num_threads", "i32", &[]),
    ("omp_get_max_threads", "i32", &[]),
    ("omp_get_thread_num", "i32", &[]),
    ("omp_get_num_procs", "i32", &[]),
    ("omp_in_parallel", "i32", &[]),
    ("omp_set_dynamic", "void", &["i32"]),
    ("omp_get_dynamic", "i32", &[]),
    ("omp_set_nested", "void", &["i32"]),
    ("omp_get_nested", "i32", &[]),
    ("omp_get_thread_limit", "i32", &[]),
    ("omp_get_level", "i32", &[]),
    ("omp_get_wtime", "double", &[]),
    ("omp_get_wtick", "double", &[]),
];

/// Signatures by symbol.
#[derive(Clone, Default, Debug)]
pub struct Symbols {
    functions: HashMap<String, CSignature>,
}

impl Symbols {
    /// From (symbol, signature) pairs.
    pub fn new(functions: impl IntoIterator<Item = (String, CSignature)>) -> Symbols {
        Symbols {
            functions: functions.into_iter().collect(),
        }
    }

    /// From the table that python/cython_llvm/runtimelib.py writes.
    pub fn from_json(text: &[u8]) -> Result<Symbols, serde_json::Error> {
        #[derive(Deserialize)]
        struct Table {
            symbols: HashMap<String, CSignature>,
        }
        let mut table: Table = serde_json::from_slice(text)?;
        for (name, result, params) in OPENMP {
            let params = params.iter().map(|param| (*param).to_owned()).collect();
            let signature = CSignature {
                result: (*result).to_owned(),
                params,
                varargs: false,
            };
            table.symbols.entry((*name).to_owned()).or_insert(signature);
        }
        Ok(Symbols {
            functions: table.symbols,
        })
    }

    /// The symbol that does what a C name does: itself, or the runtime's wrapper of a macro.
    pub fn resolve(&self, name: &str) -> Option<(String, &CSignature)> {
        // Names that CPython's headers define as others.
        let name = match name {
            "PyObject_Length" => "PyObject_Size",
            "PySequence_Length" => "PySequence_Size",
            "PyMapping_Length" => "PyMapping_Size",
            "__Pyx_PyObject_AsWritableString"
            | "__Pyx_PyObject_AsWritableUString"
            | "__Pyx_PyObject_AsWritableSString"
            | "__Pyx_PyObject_AsSString"
            | "__Pyx_PyObject_AsUString" => "__Pyx_PyObject_AsString",
            "__Pyx_PyObject_FromCString" => "__Pyx_PyObject_FromString",
            "__Pyx_PyBytes_FromCString" => "__Pyx_PyBytes_FromString",
            "__Pyx_PyByteArray_FromCString" => "__Pyx_PyByteArray_FromString",
            "__Pyx_PyUnicode_FromCString" => "__Pyx_PyUnicode_FromString",
            name => name,
        };
        if let Some(found) = self.functions.get(name) {
            return Some((name.to_owned(), found));
        }
        let wrapper = format!("cyl_{name}");
        self.functions
            .get(&wrapper)
            .map(|found| (wrapper.clone(), found))
    }

    /// Whether nothing is known: no table was given.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}
