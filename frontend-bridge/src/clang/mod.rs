//! Clang in this process: text in, `llvm::Module` or precompiled header out.

mod ffi;
mod run;

use std::path::Path;

use inkwell::context::Context;
use inkwell::module::Module;

use crate::Diagnostic;

/// What to compile.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    pub source: &'a [u8],
    /// The name that messages use; `#include "..."` looks in its folder.  The file need not exist.
    pub filename: &'a str,
    pub language: Language,
    /// As for the clang driver (`-O2`, `-DX=1`, `-isystem ...`).
    pub args: &'a [String],
    /// Files that exist only for this compilation.
    pub virtual_files: &'a [(String, Vec<u8>)],
    /// A precompiled header written by [`build_pch`] with the same arguments.
    pub pch: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    C,
    Cxx,
}

impl Language {
    /// Clang's `-x` name.
    pub fn name(self) -> &'static str {
        match self {
            Language::C => "c",
            Language::Cxx => "c++",
        }
    }
}

/// What came out besides the module.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Warnings, remarks and notes, in order.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that the preprocessor opened, the main text left out.
    pub dependencies: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ClangError {
    /// Clang refused the source; the diagnostics say why.
    #[error("{}", first_error(.0))]
    Rejected(Vec<Diagnostic>),
    /// Clang failed inside; the process goes on.
    #[error("clang failed internally: {}", first_error(.0))]
    Crashed(Vec<Diagnostic>),
}

impl ClangError {
    /// Stable code, as documented in the guide.
    pub fn code(&self) -> &'static str {
        match self {
            ClangError::Rejected(_) => "CYL1001",
            ClangError::Crashed(_) => "CYL1002",
        }
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            ClangError::Rejected(list) | ClangError::Crashed(list) => list,
        }
    }
}

fn first_error(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.iter().find(|d| d.is_error()) {
        Some(diagnostic) => diagnostic.to_string(),
        None => "no reason given".to_owned(),
    }
}

/// Compiles to a module in `context`, not yet optimised.
pub fn compile<'ctx>(
    context: &'ctx Context,
    request: &Request<'_>,
) -> Result<(Module<'ctx>, Outcome), ClangError> {
    let mut outcome = Outcome::default();
    let module = run::run(request, None, Some(context), &mut outcome)?;
    match module {
        Some(module) => Ok((module, outcome)),
        None => Err(ClangError::Rejected(outcome.diagnostics)),
    }
}

/// Writes a precompiled header to `output`, through a temporary file beside it.
pub fn build_pch(request: &Request<'_>, output: &Path) -> Result<Outcome, ClangError> {
    let mut outcome = Outcome::default();
    run::run(request, Some(output), None, &mut outcome)?;
    Ok(outcome)
}

/// Clang's version, e.g. `22.1.8`.
pub fn version() -> &'static str {
    run::version()
}
