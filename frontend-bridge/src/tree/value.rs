//! What an attribute holds, and its JSON form.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ids::{EntryId, HelperId, NodeId, ScopeId, TypeId};

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer beyond [`Value::Int`], in decimal.
    BigInt(String),
    /// A float, infinite or not a number included.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Str(String),
    /// Text with lone surrogates: UTF-8 in which these are encoded like other characters.
    WideStr(Vec<u8>),
    /// Bytes.
    Bytes {
        /// The bytes.
        data: Vec<u8>,
        /// The encoding that Cython notes with a literal.
        encoding: Option<String>,
    },
    /// A list, tuple or set.
    List(Vec<Value>),
    /// A dict, in its order.
    Map(Vec<(Value, Value)>),
    /// A node.
    Node(NodeId),
    /// A type.
    Type(TypeId),
    /// An entry.
    Entry(EntryId),
    /// A scope.
    Scope(ScopeId),
    /// A helper.
    Helper(HelperId),
    /// Utility code, by name.
    Utility(String),
    /// An object that is not exported, by its class.
    Opaque(String),
}

impl Value {
    /// Whether Python takes it for true; objects are.
    pub fn truth(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::WideStr(text) => !text.is_empty(),
            Value::Bytes { data, .. } => !data.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(pairs) => !pairs.is_empty(),
            Value::BigInt(_)
            | Value::Node(_)
            | Value::Type(_)
            | Value::Entry(_)
            | Value::Scope(_)
            | Value::Helper(_)
            | Value::Utility(_)
            | Value::Opaque(_) => true,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar, an array, or an object with one tag")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::BigInt(value.to_string()), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(tag) = map.next_key::<Tag>()? else {
            return Err(A::Error::custom("an object without a tag"));
        };
        let mut value = match tag {
            Tag::Node => Value::Node(NodeId(map.next_value()?)),
            Tag::Type => Value::Type(TypeId(map.next_value()?)),
            Tag::Entry => Value::Entry(EntryId(map.next_value()?)),
            Tag::Scope => Value::Scope(ScopeId(map.next_value()?)),
            Tag::Helper => Value::Helper(HelperId(map.next_value()?)),
            Tag::Bytes => Value::Bytes {
                data: map.next_value::<Latin1>()?.0,
                encoding: None,
            },
            Tag::Wide => Value::WideStr(map.next_value::<Wide>()?.0),
            Tag::Int => map.next_value::<Decimal>()?.0,
            Tag::Float => Value::Float(map.next_value::<NonFinite>()?.0),
            Tag::Complex => {
                let (re, im) = map.next_value::<(Part, Part)>()?;
                Value::Complex(re.0, im.0)
            }
            Tag::Map => Value::Map(map.next_value()?),
            Tag::Utility => Value::Utility(map.next_value()?),
            Tag::Opaque => Value::Opaque(map.next_value()?),
            Tag::Encoding => return Err(A::Error::custom("`enc` before `b`")),
        };
        match map.next_key::<Tag>()? {
            None => return Ok(value),
            Some(Tag::Encoding) => {
                let Value::Bytes { encoding, .. } = &mut value else {
                    return Err(A::Error::custom("`enc` goes with `b` alone"));
                };
                *encoding = Some(map.next_value()?);
            }
            Some(_) => return Err(A::Error::custom("more than one tag")),
        }
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("more than one tag"));
        }
        Ok(value)
    }
}

/// The key of a tagged object.
#[derive(serde::Deserialize)]
#[serde(field_identifier)]
enum Tag {
    #[serde(rename = "n")]
    Node,
    #[serde(rename = "t")]
    Type,
    #[serde(rename = "e")]
    Entry,
    #[serde(rename = "s")]
    Scope,
    #[serde(rename = "x")]
    Helper,
    #[serde(rename = "b")]
    Bytes,
    #[serde(rename = "enc")]
    Encoding,
    #[serde(rename = "w")]
    Wide,
    #[serde(rename = "i")]
    Int,
    #[serde(rename = "f")]
    Float,
    #[serde(rename = "c")]
    Complex,
    #[serde(rename = "d")]
    Map,
    #[serde(rename = "u")]
    Utility,
    #[serde(rename = "o")]
    Opaque,
}

/// A newtype read from a JSON string by a function of its own.
macro_rules! from_text {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $expected:literal, $parse:expr;)*) => {$(
        $(#[$doc])*
        struct $name($inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        let parse: fn(&str) -> Option<$inner> = $parse;
                        parse(text).map($name).ok_or_else(|| E::custom(concat!("not ", $expected)))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

from_text! {
    /// Bytes, one character each.
    Latin1(Vec<u8>), "bytes as Latin-1 text",
        |text| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    /// Text with surrogates.
    Wide(Vec<u8>), "UTF-8 with surrogates in hexadecimal",
        |text| unhex(text).filter(|bytes| is_wide_utf8(bytes));
    /// An integer of any size; one that fits becomes [`Value::Int`].
    Decimal(Value), "an integer in decimal", decimal;
    /// What JSON numbers cannot be.
    NonFinite(f64), "`nan`, `inf` or `-inf`", |text| match text {
        "nan" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    /// A part of a complex number, as Python's `repr` writes it.
    Part(f64), "a float as text", |text| text.parse().ok();
}

fn decimal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0" || (!digits.is_empty() && !digits.starts_with('0'));
    if !canonical || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        text.parse()
            .map_or_else(|_| Value::BigInt(text.to_owned()), Value::Int),
    )
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok())
        .collect()
}

/// Whether the bytes are UTF-8 but for surrogates, each encoded in three bytes.
fn is_wide_utf8(mut bytes: &[u8]) -> bool {
    while let Err(error) = std::str::from_utf8(bytes) {
        match &bytes[error.valid_up_to()..] {
            [0xED, 0xA0..=0xBF, 0x80..=0xBF, rest @ ..] => bytes = rest,
            _ => return false,
        }
    }
    true
}
