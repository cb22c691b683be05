//! Reading with names interned on the way: what serde's derived code cannot be given.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::names::Names;
use super::store::Attributes;

/// Reads a `Self`, and interns the names in it.
pub(super) trait Read: Sized {
    /// Reads it.
    fn read<'de, D: Deserializer<'de>>(names: &mut Names, from: D) -> Result<Self, D::Error>;
}

/// [`Read`] as serde wants it.
pub(super) struct With<'n, T>(&'n mut Names, PhantomData<T>);

/// Reads a `T` where serde takes a seed.
pub(super) fn with<T: Read>(names: &mut Names) -> With<'_, T> {
    With(names, PhantomData)
}

impl<'de, T: Read> DeserializeSeed<'de> for With<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        T::read(self.0, from)
    }
}

/// [`Read`] of a type with one visitor function, `A` being what that reads from.
macro_rules! read {
    ($type:ty, $expected:literal, $start:ident, $visit:ident<$access:ident>,
     |$names:ident, $from:ident| $body:block) => {
        impl Read for $type {
            fn read<'de, D: Deserializer<'de>>(n: &mut Names, from: D) -> Result<Self, D::Error> {
                struct Reading<'n>(&'n mut Names);
                impl<'de> Visitor<'de> for Reading<'_> {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn $visit<A: $access<'de>>(self, mut $from: A) -> Result<$type, A::Error> {
                        let $names = self.0;
                        $body
                    }
                }
                from.$start(Reading(n))
            }
        }
    };
}
pub(super) use read;

/// An interned string.
pub(super) struct Name(pub u32);

impl Read for Name {
    fn read<'de, D: Deserializer<'de>>(names: &mut Names, from: D) -> Result<Self, D::Error> {
        struct Interned<'n>(&'n mut Names);
        impl Visitor<'_> for Interned<'_> {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name(self.0.intern(text)))
            }
        }
        from.deserialize_str(Interned(names))
    }
}

read!(
    Attributes,
    "an object",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let mut all = Vec::new();
        while let Some(Name(name)) = map.next_key_seed(with(names))? {
            all.push((name, map.next_value()?));
        }
        all.sort_unstable_by_key(|(name, _)| *name);
        once(names, all.iter().map(|(name, _)| *name))?;
        Ok(all.into_boxed_slice())
    }
);

/// Refuses the second of two equal numbers next to each other.
pub(super) fn once<E: Error>(names: &Names, sorted: impl Iterator<Item = u32>) -> Result<(), E> {
    let mut last = None;
    for number in sorted {
        if last == Some(number) {
            return Err(E::custom(format!(
                "`{}` is given twice",
                names.text(number)
            )));
        }
        last = Some(number);
    }
    Ok(())
}

read!(
    Vec<Name>,
    "an array of names",
    deserialize_seq,
    visit_seq<SeqAccess>,
    |names, seq| {
        let mut all = Vec::new();
        while let Some(name) = seq.next_element_seed(with(names))? {
            all.push(name);
        }
        Ok(all)
    }
);

/// Sets a field, once.
pub(super) fn fill<T, E: Error>(
    field: &mut Option<T>,
    name: &'static str,
    value: T,
) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// A field that must be there.
pub(super) fn need<T, E: Error>(field: Option<T>, name: &'static str) -> Result<T, E> {
    field.ok_or_else(|| E::missing_field(name))
}
