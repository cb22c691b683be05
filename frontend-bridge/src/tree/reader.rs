//! From the file's form to a checked tree.

use std::collections::HashMap;

use super::error::TreeError;
use super::ids::NodeId;
use super::schema::{Pairs, RawClass, RawRow, RawTree};
use super::store::{Attributes, Class, Position, Row, Tree};
use super::value::Value;

/// Checks all references, and interns all names.
pub(super) fn read(raw: RawTree<'_>) -> Result<Tree, TreeError> {
    let mut reader = Reader {
        lengths: Lengths {
            nodes: raw.nodes.len(),
            types: raw.types.len(),
            entries: raw.entries.len(),
            scopes: raw.scopes.len(),
            helpers: raw.helpers.len(),
            sources: raw.sources.len(),
        },
        names: HashMap::new(),
        classes: HashMap::new(),
    };
    reader
        .lengths
        .check(&Value::Node(NodeId(raw.root)))
        .map_err(|bad| bad.at("root".to_owned()))?;
    let classes = reader.all_classes(raw.classes)?;
    let nodes = reader.rows("nodes", raw.nodes)?;
    let types = reader.rows("types", raw.types)?;
    let entries = reader.rows("entries", raw.entries)?;
    let scopes = reader.rows("scopes", raw.scopes)?;
    let helpers = reader.rows("helpers", raw.helpers)?;
    Ok(Tree {
        cython: raw.cython,
        module: raw.module,
        root: NodeId(raw.root),
        sources: raw.sources,
        names: reader.names,
        classes,
        nodes,
        types,
        entries,
        scopes,
        helpers,
    })
}

struct Reader {
    lengths: Lengths,
    /// Attributes' names.
    names: HashMap<Box<str>, u32>,
    /// Classes by name.
    classes: HashMap<Box<str>, u32>,
}

impl Reader {
    fn all_classes(&mut self, raw: Pairs<'_, RawClass<'_>>) -> Result<Vec<Class>, TreeError> {
        for (name, _) in &raw.0 {
            let next = index(self.classes.len());
            if self.classes.insert(name.0.as_ref().into(), next).is_some() {
                return Err(TreeError::Duplicate {
                    path: format!("classes.{}", name.0),
                });
            }
        }
        raw.0
            .into_iter()
            .map(|(name, class)| self.class(&name.0, class))
            .collect()
    }

    fn class(&mut self, name: &str, raw: RawClass<'_>) -> Result<Class, TreeError> {
        let path = || format!("classes.{name}");
        if raw.mro.first().is_none_or(|first| first.0 != name) {
            return Err(TreeError::Class {
                path: path() + ".mro",
                message: "does not begin with the class itself".to_owned(),
            });
        }
        let mro = raw
            .mro
            .iter()
            .enumerate()
            .map(|(at, base)| self.class_of(&base.0, || format!("{}.mro[{at}]", path())))
            .collect::<Result<_, _>>()?;
        let own = self.attributes(raw.own, || path() + ".own")?;
        Ok(Class {
            name: name.into(),
            mro,
            own,
        })
    }

    fn rows(&mut self, table: &str, raw: Vec<RawRow<'_>>) -> Result<Vec<Row>, TreeError> {
        let mut rows = Vec::with_capacity(raw.len());
        for (at, row) in raw.into_iter().enumerate() {
            let path = || format!("{table}[{at}]");
            let class = self.class_of(&row.k.0, || path() + ".k")?;
            let position = row.p.map(|(source, line, column)| Position {
                source,
                line,
                column,
            });
            if let Some(Position { source, .. }) = position {
                inside("source", source, self.lengths.sources)
                    .map_err(|bad| bad.at(path() + ".p[0]"))?;
            }
            let own = self.attributes(row.a, || path() + ".a")?;
            rows.push(Row {
                class,
                position,
                own,
            });
        }
        Ok(rows)
    }

    fn class_of(&self, name: &str, path: impl Fn() -> String) -> Result<u32, TreeError> {
        self.classes
            .get(name)
            .copied()
            .ok_or_else(|| TreeError::Class {
                path: path(),
                message: format!("class `{name}` is not in `classes`"),
            })
    }

    fn attributes(
        &mut self,
        raw: Pairs<'_, Value>,
        path: impl Fn() -> String,
    ) -> Result<Attributes, TreeError> {
        let mut all = Vec::with_capacity(raw.0.len());
        for (name, value) in raw.0 {
            self.lengths
                .check(&value)
                .map_err(|bad| bad.at(format!("{}.{}", path(), name.0)))?;
            all.push((self.intern(&name.0), value));
        }
        all.sort_unstable_by_key(|(name, _)| *name);
        if let Some(twice) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let name = self.names.iter().find(|(_, id)| **id == twice[0].0);
            let name = name.map_or("", |(name, _)| name);
            return Err(TreeError::Duplicate {
                path: format!("{}.{name}", path()),
            });
        }
        Ok(all.into_boxed_slice())
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let next = index(self.names.len());
        self.names.insert(name.into(), next);
        next
    }
}

/// How many names there are, as the next one's index; a file of 2^32 names is larger than memory.
fn index(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 names")
}

/// How many rows each table has.
struct Lengths {
    nodes: usize,
    types: usize,
    entries: usize,
    scopes: usize,
    helpers: usize,
    sources: usize,
}

impl Lengths {
    /// Checks the references in a value.  It is as deep as the JSON reader lets it be.
    fn check(&self, value: &Value) -> Result<(), OutOfRange> {
        let (family, tag, index, len) = match value {
            Value::Node(id) => ("node", "n", id.0, self.nodes),
            Value::Type(id) => ("type", "t", id.0, self.types),
            Value::Entry(id) => ("entry", "e", id.0, self.entries),
            Value::Scope(id) => ("scope", "s", id.0, self.scopes),
            Value::Helper(id) => ("helper", "x", id.0, self.helpers),
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.check(item)
                        .map_err(|bad| bad.inside(&format!("[{at}]")))?;
                }
                return Ok(());
            }
            Value::Map(pairs) => {
                for (at, (key, item)) in pairs.iter().enumerate() {
                    self.check(key)
                        .map_err(|bad| bad.inside(&format!(".d[{at}][0]")))?;
                    self.check(item)
                        .map_err(|bad| bad.inside(&format!(".d[{at}][1]")))?;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        inside(family, index, len).map_err(|bad| bad.inside(&format!(".{tag}")))
    }
}

fn inside(family: &'static str, index: u32, len: usize) -> Result<(), OutOfRange> {
    if (index as usize) < len {
        return Ok(());
    }
    Err(OutOfRange {
        path: String::new(),
        family,
        index,
        len,
    })
}

/// A reference out of its table, while its path is put together from the inside out.
struct OutOfRange {
    path: String,
    family: &'static str,
    index: u32,
    len: usize,
}

impl OutOfRange {
    fn inside(mut self, segment: &str) -> Self {
        self.path.insert_str(0, segment);
        self
    }

    fn at(self, path: String) -> TreeError {
        TreeError::Reference {
            path: path + &self.path,
            family: self.family,
            index: self.index,
            len: self.len,
        }
    }
}
