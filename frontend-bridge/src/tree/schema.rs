//! The file's form, before any of its references are looked at.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::error::TreeError;
use super::value::Value;

/// The version of the form that is read here.
const SCHEMA: i64 = 1;

/// The whole file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTree<'a> {
    pub schema: i64,
    pub cython: String,
    pub module: String,
    pub root: u32,
    pub sources: Vec<String>,
    #[serde(borrow)]
    pub classes: Pairs<'a, RawClass<'a>>,
    #[serde(borrow)]
    pub nodes: Vec<RawRow<'a>>,
    #[serde(borrow)]
    pub types: Vec<RawRow<'a>>,
    #[serde(borrow)]
    pub entries: Vec<RawRow<'a>>,
    #[serde(borrow)]
    pub scopes: Vec<RawRow<'a>>,
    #[serde(borrow)]
    pub helpers: Vec<RawRow<'a>>,
}

/// A class: itself and its bases, and what it says of all its instances.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClass<'a> {
    #[serde(borrow)]
    pub mro: Vec<Text<'a>>,
    #[serde(borrow)]
    pub own: Pairs<'a, Value>,
}

/// An object.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRow<'a> {
    #[serde(borrow)]
    pub k: Text<'a>,
    #[serde(default)]
    pub p: Option<(u32, u32, u32)>,
    #[serde(borrow)]
    pub a: Pairs<'a, Value>,
}

/// A JSON object in its order, double keys included.
pub(super) struct Pairs<'a, T>(pub Vec<(Text<'a>, T)>);

/// A string, borrowed from the file where it has no escapes.
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Pairs<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<'de, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de, T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

/// Reads the file's form.
pub(super) fn parse(json: &[u8]) -> Result<RawTree<'_>, TreeError> {
    // Following the path costs much, and is of use only where there is something to complain of:
    // then the file is read once more.
    let raw: RawTree<'_> = serde_json::from_slice(json).map_err(|error| explain(json, &error))?;
    if raw.schema == SCHEMA {
        Ok(raw)
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
    if let Some(found) = schema_of(json)
        && found != SCHEMA
    {
        return other_schema(found);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    match serde_path_to_error::deserialize::<_, RawTree<'_>>(&mut deserializer) {
        Err(error) => TreeError::Malformed {
            path: error.path().to_string(),
            message: error.inner().to_string(),
        },
        // All was well but for what follows it.
        Ok(_) => TreeError::Malformed {
            path: ".".to_owned(),
            message: error.to_string(),
        },
    }
}

/// The schema's number, of a file whose other parts may be of any form.
fn schema_of(json: &[u8]) -> Option<i64> {
    struct Number(Option<i64>);
    impl<'de> Deserialize<'de> for Number {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Numbers;
            impl<'de> Visitor<'de> for Numbers {
                type Value = Number;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
                    let mut found = None;
                    while let Some(key) = map.next_key::<Text<'de>>()? {
                        if key.0 == "schema" {
                            found = Some(map.next_value()?);
                        } else {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                    Ok(Number(found))
                }
            }
            deserializer.deserialize_map(Numbers)
        }
    }
    serde_json::from_slice::<Number>(json).ok()?.0
}
