//! From the file's form to a checked tree.

use super::error::TreeError;
use super::ids::NodeId;
use super::names::Names;
use super::schema::{Delegate, RawClass, RawLineMark, RawRow, RawTree};
use super::store::{Class, LineMark, Row, Tree};
use super::value::Value;

/// Checks all references.
pub(super) fn read(raw: RawTree, names: Names) -> Result<Tree, TreeError> {
    let mut reader = Reader {
        lengths: Lengths {
            nodes: raw.nodes.len(),
            types: raw.types.len(),
            entries: raw.entries.len(),
            scopes: raw.scopes.len(),
            helpers: raw.helpers.len(),
            sources: raw.sources.len(),
        },
        class_of: vec![None; names.len()],
        names: &names,
    };
    inside("node", raw.root, reader.lengths.nodes).map_err(|bad| bad.at("root".to_owned()))?;
    let line_marks = match raw.line_marks {
        Some(marks) => Some(reader.line_marks(marks)?),
        None => None,
    };
    let defaults = Value::Map(raw.directive_defaults);
    reader
        .lengths
        .check(&defaults)
        .map_err(|bad| bad.at("directive_defaults".to_owned()))?;
    let Value::Map(directive_defaults) = defaults else {
        unreachable!("it is made above")
    };
    let classes = reader.classes(raw.classes, &raw.delegates)?;
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
        shared_functions: raw.shared_functions,
        line_marks,
        directive_defaults,
        names,
        classes,
        nodes,
        types,
        entries,
        scopes,
        helpers,
        integers: Default::default(),
    })
}

struct Reader<'n> {
    lengths: Lengths,
    names: &'n Names,
    /// The class of each name that is one.
    class_of: Vec<Option<u32>>,
}

impl Reader<'_> {
    fn classes(
        &mut self,
        raw: Vec<RawClass>,
        delegates: &[Delegate],
    ) -> Result<Vec<Class>, TreeError> {
        for (class, at) in raw.iter().zip(0..) {
            self.class_of[class.name as usize] = Some(at);
        }
        let mut attribute_of = vec![None; self.names.len()];
        for delegate in delegates {
            attribute_of[delegate.class as usize] = Some(delegate.attribute);
        }
        raw.into_iter()
            .map(|class| self.class(class, &attribute_of))
            .collect()
    }

    fn line_marks(&self, raw: Vec<RawLineMark>) -> Result<Vec<LineMark>, TreeError> {
        let len = self.lengths.nodes;
        let made = raw.into_iter().enumerate().map(|(at, mark)| {
            let (function, node, when, copies, line, nogil) = mark;
            for (place, index) in [function, node].into_iter().enumerate() {
                let path = || format!("line_marks[{at}][{place}]");
                inside("node", index.unwrap_or(0), len).map_err(|bad| bad.at(path()))?;
            }
            Ok(LineMark {
                function: function.map(NodeId),
                node: node.map(NodeId),
                when,
                copies,
                line,
                nogil,
            })
        });
        made.collect()
    }

    /// Checks a class; `attribute_of` has the delegating attribute by the class's name.
    fn class(&self, raw: RawClass, attribute_of: &[Option<u32>]) -> Result<Class, TreeError> {
        let path = || format!("classes.{}", self.names.text(raw.name));
        if raw.mro.first() != Some(&raw.name) {
            return Err(TreeError::Class {
                path: path() + ".mro",
                message: "does not begin with the class itself".to_owned(),
            });
        }
        let mro = raw.mro.iter().enumerate();
        let mro = mro
            .map(|(at, base)| self.class_named(*base, || format!("{}.mro[{at}]", path())))
            .collect::<Result<_, _>>()?;
        let delegate = raw.mro.iter().find_map(|base| attribute_of[*base as usize]);
        self.check(&raw.own, || path() + ".own")?;
        Ok(Class {
            name: raw.name,
            mro,
            own: raw.own,
            delegate,
        })
    }

    fn rows(&self, table: &str, raw: Vec<RawRow>) -> Result<Vec<Row>, TreeError> {
        let row = |(at, row): (usize, RawRow)| {
            let path = || format!("{table}[{at}]");
            let class = self.class_named(row.kind, || path() + ".k")?;
            if let Some(position) = row.position {
                inside("source", position.source, self.lengths.sources)
                    .map_err(|bad| bad.at(path() + ".p[0]"))?;
            }
            self.check(&row.own, || path() + ".a")?;
            Ok(Row {
                class,
                position: row.position,
                own: row.own,
            })
        };
        raw.into_iter().enumerate().map(row).collect()
    }

    fn class_named(&self, name: u32, path: impl Fn() -> String) -> Result<u32, TreeError> {
        self.class_of[name as usize].ok_or_else(|| TreeError::Class {
            path: path(),
            message: format!("class `{}` is not in `classes`", self.names.text(name)),
        })
    }

    fn check(&self, all: &[(u32, Value)], path: impl Fn() -> String) -> Result<(), TreeError> {
        for (name, value) in all {
            self.lengths
                .check(value)
                .map_err(|bad| bad.at(format!("{}.{}", path(), self.names.text(*name))))?;
        }
        Ok(())
    }
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
    /// Checks the references in a value, which is as deep as the JSON reader lets it be.
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
