//! lld's text output as diagnostics.

use frontend_bridge::{Diagnostic, Severity};

/// Each `ld.lld: error: ...` or `warning: ...` starts a message; `>>> ` lines belong to the one
/// before.
pub fn parse(output: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in output.lines() {
        let body = line.strip_prefix("ld.lld: ").unwrap_or(line);
        let start = [
            ("error: ", Severity::Error),
            ("warning: ", Severity::Warning),
        ]
        .into_iter()
        .find_map(|(word, severity)| body.strip_prefix(word).map(|rest| (severity, rest)));
        match (start, found.last_mut()) {
            (Some((severity, message)), _) => found.push(Diagnostic::plain(severity, message)),
            (None, Some(last)) if !line.trim().is_empty() => {
                last.message.push('\n');
                last.message.push_str(line);
            }
            (None, None) if !line.trim().is_empty() => {
                found.push(Diagnostic::plain(Severity::Note, body));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn continuation_lines_join_their_message() {
        let text = "ld.lld: error: undefined symbol: nope\n>>> referenced by mod.c\n>>>   mod.o:(f)\n\
                    ld.lld: warning: odd\n";
        let found = parse(text);
        assert_eq!(
            found,
            vec![
                Diagnostic::plain(
                    Severity::Error,
                    "undefined symbol: nope\n>>> referenced by mod.c\n>>>   mod.o:(f)"
                ),
                Diagnostic::plain(Severity::Warning, "odd"),
            ]
        );
    }

    #[test]
    fn nothing_said_is_nothing_found() {
        assert_eq!(parse("\n"), vec![]);
    }
}
