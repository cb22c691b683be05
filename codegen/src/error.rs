//! What can go wrong between a module and its machine code.

use frontend_bridge::recovery::Crash;
use frontend_bridge::{Diagnostic, Severity};

#[derive(Debug, thiserror::Error)]
pub enum CodegenError {
    #[error("this is not a readable LLVM module: {0}")]
    UnreadableModule(String),
    #[error("the module is not well formed: {0}")]
    Unverified(String),
    #[error("no code can be made for CPU '{cpu}' with features '{features}'")]
    UnknownTarget { cpu: String, features: String },
    #[error("optimisation failed: {0}")]
    Optimizer(String),
    #[error("code generation failed: {message}")]
    Backend {
        message: String,
        diagnostics: Vec<Diagnostic>,
    },
    #[error("LLVM failed internally: {0}")]
    Crashed(#[from] Crash),
    #[error("{message}")]
    Linker {
        message: String,
        diagnostics: Vec<Diagnostic>,
    },
    #[error("the linker failed internally earlier and cannot be used again in this process")]
    LinkerPoisoned,
    #[error("no memory file for the linker's input: {0}")]
    MemoryFile(std::io::Error),
}

impl CodegenError {
    /// Stable code, as documented in the guide.
    pub fn code(&self) -> &'static str {
        match self {
            CodegenError::UnreadableModule(_) => "CYL1101",
            CodegenError::Unverified(_) => "CYL1102",
            CodegenError::UnknownTarget { .. } => "CYL1103",
            CodegenError::Optimizer(_) => "CYL1104",
            CodegenError::Backend { .. } => "CYL1105",
            CodegenError::Crashed(_) => "CYL1106",
            CodegenError::Linker { .. } => "CYL2001",
            CodegenError::LinkerPoisoned => "CYL2002",
            CodegenError::MemoryFile(_) => "CYL2003",
        }
    }

    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            CodegenError::Backend { diagnostics, .. }
            | CodegenError::Linker { diagnostics, .. } => diagnostics.clone(),
            other => vec![Diagnostic::plain(Severity::Error, other.to_string())],
        }
    }
}
