//! Messages of clang (and, through `codegen`, of LLVM and lld) as values.

use std::fmt;

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Remark,
    Note,
    Warning,
    Error,
    Fatal,
}

impl Severity {
    /// The word that compilers print.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Remark => "remark",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }
}

/// One message with its place.  `line` and `column` are 1-based (bytes), 0 where unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    /// After `#line` mapping.
    pub file: Option<String>,
    pub line: u32,
    pub column: u32,
    /// The physical line, where it is at hand.
    pub source_line: Option<String>,
    /// The warning's flag, e.g. `-Wunused-variable`.
    pub option: Option<String>,
}

impl Diagnostic {
    /// A message without a place.
    pub fn plain(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            file: None,
            line: 0,
            column: 0,
            source_line: None,
            option: None,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity >= Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:{}:{}: ", self.line, self.column)?;
        }
        write!(f, "{}: {}", self.severity.as_str(), self.message)
    }
}
