//! What can go wrong while code is loaded.

use frontend_bridge::recovery::Crash;

#[derive(Debug, thiserror::Error)]
pub enum JitError {
    #[error("the JIT could not be started: {0}")]
    Start(String),
    #[error("this module cannot be loaded by the JIT: {0}; link it and load the library instead")]
    Unsupported(String),
    #[error("the code could not be loaded: {0}")]
    Load(String),
    #[error("symbols not found: {}", .0.join(", "))]
    MissingSymbols(Vec<String>),
    #[error("library '{path}' could not be opened: {reason}")]
    Library { path: String, reason: String },
    #[error("the code could not be freed: {0}")]
    Free(String),
    #[error("a function could not be redirected: {0}")]
    Redirect(String),
    #[error("a name holds a NUL byte")]
    BadName,
    #[error("the JIT failed internally: {0}")]
    Crashed(#[from] Crash),
}

impl JitError {
    /// Stable code, as documented in the guide.
    pub fn code(&self) -> &'static str {
        match self {
            JitError::Start(_) => "CYL2100",
            JitError::Unsupported(_) => "CYL2101",
            JitError::Load(_) => "CYL2102",
            JitError::MissingSymbols(_) => "CYL2103",
            JitError::Library { .. } => "CYL2104",
            JitError::Free(_) => "CYL2105",
            JitError::Redirect(_) => "CYL2108",
            JitError::BadName => "CYL2106",
            JitError::Crashed(_) => "CYL2107",
        }
    }

    /// From ORC's text for a failed lookup or load.
    pub(crate) fn from_orc(text: String) -> Self {
        match missing_symbols(&text) {
            symbols if symbols.is_empty() => JitError::Load(text),
            symbols => JitError::MissingSymbols(symbols),
        }
    }
}

/// ORC says `Symbols not found: [ a, b ]`.
fn missing_symbols(text: &str) -> Vec<String> {
    let Some((_, rest)) = text.split_once("Symbols not found: [") else {
        return vec![];
    };
    let list = rest.split(']').next().unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn missing_symbols_are_named() {
        let error = JitError::from_orc("Symbols not found: [ nope, also_nope ]".to_owned());
        assert_eq!(error.to_string(), "symbols not found: nope, also_nope");
        assert_eq!(error.code(), "CYL2103");
    }

    #[test]
    fn other_failures_keep_their_text() {
        assert_eq!(
            JitError::from_orc("out of range".to_owned()).code(),
            "CYL2102"
        );
    }
}
