//! From bytes to the file's form, or to the place of what is wrong in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_path_to_error::Track;

use super::error::TreeError;
use super::names::Names;
use super::schema::RawTree;
use super::seed::Read;

/// The version of the form that is read here.
const SCHEMA: i64 = 1;

/// Reads the file's form, and the names in it.
pub(super) fn parse(json: &[u8]) -> Result<(RawTree, Names), TreeError> {
    // Following the path costs much, and is of use only where there is something to complain of:
    // then the file is read once more.
    let mut names = Names::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let raw = RawTree::read(&mut names, &mut deserializer)
        .and_then(|raw| deserializer.end().map(|()| raw))
        .map_err(|error| explain(json, &error))?;
    if raw.schema == SCHEMA {
        Ok((raw, names))
    } else {
        Err(other_schema(raw.schema))
    }
}

fn other_schema(found: i64) -> TreeError {
    TreeError::Schema {
        found,
        known: SCHEMA,
    }
}

/// Why `json` cannot be read, with the place.
fn explain(json: &[u8], error: &serde_json::Error) -> TreeError {
    // Another version may have any form.
    if let Ok(Number(Some(found))) = serde_json::from_slice(json)
        && found != SCHEMA
    {
        return other_schema(found);
    }
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let (path, message) = match RawTree::read(&mut Names::default(), tracked) {
        Err(error) => (track.path().to_string(), error.to_string()),
        // All was well but for what follows it.
        Ok(_) => (".".to_owned(), error.to_string()),
    };
    TreeError::Malformed { path, message }
}

/// The schema's number, of a file whose other parts may be of any form.
struct Number(Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Search;
        impl<'de> Visitor<'de> for Search {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "schema" {
                        found = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Number(found))
            }
        }
        from.deserialize_map(Search)
    }
}
