//! The file's form, before any of its references are looked at.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::names::Names;
use super::seed::{Name, Read, fill, need, once, read, with};
use super::store::{Attributes, Position};
use super::value::Value;

/// The whole file; what else is at its top is passed over.
pub(super) struct RawTree {
    pub schema: i64,
    pub cython: String,
    pub module: String,
    pub root: u32,
    pub sources: Vec<String>,
    pub shared_functions: Vec<(String, String)>,
    pub line_marks: Option<Vec<RawLineMark>>,
    pub directive_defaults: Vec<(Value, Value)>,
    pub delegates: Vec<Delegate>,
    pub classes: Vec<RawClass>,
    pub nodes: Vec<RawRow>,
    pub types: Vec<RawRow>,
    pub entries: Vec<RawRow>,
    pub scopes: Vec<RawRow>,
    pub helpers: Vec<RawRow>,
}

/// Function, node, when, copies, line, whether the GIL is not held: see [`super::LineMark`].
pub(super) type RawLineMark = (Option<u32>, Option<u32>, String, String, u32, bool);

/// A class, and the attribute with the object that answers for what its instances lack.
pub(super) struct Delegate {
    pub class: u32,
    pub attribute: u32,
}

/// A class: itself and its bases, and what it says of all its instances.
pub(super) struct RawClass {
    pub name: u32,
    pub mro: Vec<u32>,
    pub own: Attributes,
}

/// An object, with its class by name.
pub(super) struct RawRow {
    pub kind: u32,
    pub position: Option<Position>,
    pub own: Attributes,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum RowKey {
    K,
    P,
    A,
}

read!(
    RawRow,
    "an object's row",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let (mut kind, mut place, mut own) = (None, None, None);
        while let Some(key) = map.next_key()? {
            match key {
                RowKey::K => fill(&mut kind, "k", map.next_value_seed(with::<Name>(names))?)?,
                RowKey::P => fill(
                    &mut place,
                    "p",
                    map.next_value::<Option<(u32, u32, u32)>>()?,
                )?,
                RowKey::A => fill(&mut own, "a", map.next_value_seed(with(names))?)?,
            }
        }
        Ok(RawRow {
            kind: need(kind, "k")?.0,
            position: place.flatten().map(|(source, line, column)| Position {
                source,
                line,
                column,
            }),
            own: need(own, "a")?,
        })
    }
);

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum ClassKey {
    Mro,
    Own,
}

/// A class without its name.
struct ClassBody(Vec<Name>, Attributes);

read!(
    ClassBody,
    "a class",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let (mut mro, mut own) = (None, None);
        while let Some(key) = map.next_key()? {
            match key {
                ClassKey::Mro => fill(&mut mro, "mro", map.next_value_seed(with(names))?)?,
                ClassKey::Own => fill(&mut own, "own", map.next_value_seed(with(names))?)?,
            }
        }
        Ok(ClassBody(need(mro, "mro")?, need(own, "own")?))
    }
);

read!(
    Vec<RawClass>,
    "the classes by name",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let mut classes = Vec::new();
        while let Some(Name(name)) = map.next_key_seed(with(names))? {
            let ClassBody(mro, own) = map.next_value_seed(with(names))?;
            classes.push(RawClass {
                name,
                mro: mro.into_iter().map(|base| base.0).collect(),
                own,
            });
        }
        let mut all: Vec<u32> = classes.iter().map(|class| class.name).collect();
        all.sort_unstable();
        once(names, all.into_iter())?;
        Ok(classes)
    }
);

read!(
    Vec<Delegate>,
    "attributes by class",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let mut delegates: Vec<Delegate> = Vec::new();
        while let Some(Name(class)) = map.next_key_seed(with(names))? {
            let Name(attribute) = map.next_value_seed(with(names))?;
            delegates.push(Delegate { class, attribute });
        }
        delegates.sort_unstable_by_key(|delegate| delegate.class);
        once(names, delegates.iter().map(|delegate| delegate.class))?;
        Ok(delegates)
    }
);

read!(
    Vec<RawRow>,
    "an array of rows",
    deserialize_seq,
    visit_seq<SeqAccess>,
    |names, seq| {
        let mut all = Vec::new();
        while let Some(row) = seq.next_element_seed(with(names))? {
            all.push(row);
        }
        Ok(all)
    }
);

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum TopKey {
    Schema,
    Cython,
    Module,
    Root,
    Sources,
    SharedFunctions,
    LineMarks,
    DirectiveDefaults,
    Delegates,
    Classes,
    Nodes,
    Types,
    Entries,
    Scopes,
    Helpers,
    #[serde(other)]
    Other,
}

read!(
    RawTree,
    "an exported tree",
    deserialize_map,
    visit_map<MapAccess>,
    |names, map| {
        let (mut schema, mut cython, mut module, mut root) = (None, None, None, None);
        let (mut sources, mut defaults, mut delegates, mut classes) = (None, None, None, None);
        let (mut nodes, mut types, mut entries) = (None, None, None);
        let (mut scopes, mut helpers, mut shared, mut lines) = (None, None, None, None);
        while let Some(key) = map.next_key()? {
            match key {
                TopKey::Schema => fill(&mut schema, "schema", map.next_value()?)?,
                TopKey::Cython => fill(&mut cython, "cython", map.next_value::<Label>()?)?,
                TopKey::Module => fill(&mut module, "module", map.next_value::<Label>()?)?,
                TopKey::Root => fill(&mut root, "root", map.next_value()?)?,
                TopKey::Sources => fill(&mut sources, "sources", map.next_value::<Vec<Label>>()?)?,
                TopKey::SharedFunctions => {
                    fill(
                        &mut shared,
                        "shared_functions",
                        map.next_value::<Vec<(Label, Label)>>()?,
                    )?;
                }
                TopKey::LineMarks => fill(&mut lines, "line_marks", map.next_value()?)?,
                TopKey::DirectiveDefaults => {
                    fill(
                        &mut defaults,
                        "directive_defaults",
                        map.next_value::<Mapping>()?,
                    )?;
                }
                TopKey::Delegates => {
                    fill(
                        &mut delegates,
                        "delegates",
                        map.next_value_seed(with(names))?,
                    )?;
                }
                TopKey::Classes => {
                    fill(&mut classes, "classes", map.next_value_seed(with(names))?)?
                }
                TopKey::Nodes => fill(&mut nodes, "nodes", map.next_value_seed(with(names))?)?,
                TopKey::Types => fill(&mut types, "types", map.next_value_seed(with(names))?)?,
                TopKey::Entries => {
                    fill(&mut entries, "entries", map.next_value_seed(with(names))?)?
                }
                TopKey::Scopes => fill(&mut scopes, "scopes", map.next_value_seed(with(names))?)?,
                TopKey::Helpers => {
                    fill(&mut helpers, "helpers", map.next_value_seed(with(names))?)?
                }
                TopKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(RawTree {
            schema: need(schema, "schema")?,
            cython: need(cython, "cython")?.0,
            module: need(module, "module")?.0,
            root: need(root, "root")?,
            sources: need(sources, "sources")?
                .into_iter()
                .map(|source| source.0)
                .collect(),
            shared_functions: shared
                .unwrap_or_default()
                .into_iter()
                .map(|(signature, name)| (signature.0, name.0))
                .collect(),
            line_marks: lines,
            directive_defaults: defaults.map_or_else(Vec::new, |defaults| defaults.0),
            delegates: delegates.unwrap_or_default(),
            classes: need(classes, "classes")?,
            nodes: need(nodes, "nodes")?,
            types: need(types, "types")?,
            entries: need(entries, "entries")?,
            scopes: need(scopes, "scopes")?,
            helpers: need(helpers, "helpers")?,
        })
    }
);

/// A name of something outside, such as a file: lone surrogates in it are replaced.
struct Label(String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Str(text) => Ok(Label(text)),
            Value::WideStr(bytes) => Ok(Label(String::from_utf8_lossy(&bytes).into_owned())),
            _ => Err(D::Error::custom("not a string")),
        }
    }
}

/// A mapping.
struct Mapping(Vec<(Value, Value)>);

impl<'de> Deserialize<'de> for Mapping {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Map(pairs) => Ok(Mapping(pairs)),
            _ => Err(D::Error::custom("not a mapping")),
        }
    }
}
