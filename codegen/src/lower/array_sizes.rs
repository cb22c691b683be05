//! How many items C arrays have: numbers, constants of enums and macros, and what C makes of them.

use frontend_bridge::tree::{Position, Type as TreeType};

use super::context::Context;
use super::enums::known_value;
use super::struct_types::external;

impl<'t> Context<'t> {
    /// The number of items of an array type; `None` where it is declared without one, or not known.
    pub(super) fn array_size(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Option<u64> {
        if let Some(size) = ty.int("size") {
            return u64::try_from(size).ok();
        }
        self.size_in_c(ty.text("size")?, at)
    }

    /// The value of a C expression that is such a number.
    pub(super) fn size_in_c(&mut self, written: &str, at: Option<Position>) -> Option<u64> {
        let c = self.with_own_constants(written)?;
        if let Ok(size) = c.trim_matches(['(', ')']).trim().parse() {
            return Some(size);
        }
        let size = self.c_number(&format!("(long long)({c})"), 1, at);
        u64::try_from(size).ok()
    }

    /// A C expression with the values of this and other modules' enums in place of their names, which
    /// no header knows.
    fn with_own_constants(&self, c: &str) -> Option<String> {
        let mut made = String::new();
        let mut rest = c;
        while !rest.is_empty() {
            let inside = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let end = rest.find(|letter| !inside(letter)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end.max(1));
            rest = after;
            if !word.starts_with("__pyx_") {
                made.push_str(word);
                continue;
            }
            let mut entries = self.tree.entries();
            let entry = entries.find(|entry| entry.text("cname") == Some(word))?;
            if external(entry) {
                return None;
            }
            made.push_str(&known_value(entry, 0)?.to_string());
        }
        Some(made)
    }
}
