//! The directives `c_string_type` and `c_string_encoding`: which functions convert between C strings
//! and objects in this module.

use frontend_bridge::tree::Value as Attr;

use super::Result;
use super::body::Body;
use super::context::Context;
use super::symbols::CSignature;

impl Context<'_> {
    /// The symbol and types of a function that generated code calls, as this module has it.
    pub(super) fn resolve(&self, name: &str) -> Option<(String, &CSignature)> {
        match self.coded(name) {
            Some(name) => self.symbols.resolve(&name),
            None => self.symbols.resolve(name),
        }
    }

    fn text_directive(&self, name: &str) -> Option<&str> {
        match self.tree.root().directive(name) {
            Some(Attr::Str(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The name of a conversion, where the directives make it another one.
    fn coded(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix("__Pyx_Py")?;
        let encoding = self.text_directive("c_string_encoding");
        let (kind, from) = match rest.split_once("_From") {
            Some(("Object", from)) if from.contains("String") => {
                let kind = match self.text_directive("c_string_type") {
                    Some("str") => "Unicode",
                    Some("bytearray") => "ByteArray",
                    _ => "Bytes",
                };
                (kind, from)
            }
            Some(("Unicode", from)) if from.contains("String") => ("Unicode", from),
            _ => {
                let string = rest.strip_prefix("Object_As")?;
                let sized = string.ends_with("StringAndSize");
                if !sized && !string.ends_with("String") {
                    return None;
                }
                let size = if sized { "_and_size" } else { "" };
                return Some(format!("cyl_object_as_string{size}_{}", encoding?));
            }
        };
        match (kind, encoding) {
            ("Unicode", Some(encoding)) if from.ends_with("AndSize") => {
                Some(format!("cyl_unicode_from_size_{encoding}"))
            }
            ("Unicode", Some(encoding)) => Some(format!("cyl_unicode_from_string_{encoding}")),
            _ if rest.starts_with("Object") => Some(format!("__Pyx_Py{kind}_From{from}")),
            _ => None,
        }
    }
}

impl Body<'_, '_> {
    /// The runtime's conversions of C strings know two encodings.
    pub(super) fn refuse_encoding(&self) -> Result<()> {
        match self.m.text_directive("c_string_encoding") {
            Some("ascii" | "utf8") | None => Ok(()),
            Some(_) => self.missing("c_string_encoding"),
        }
    }
}
