//! What handles of all families have in common.

use super::ids::{EntryId, HelperId, NodeId, ScopeId, TypeId};
use super::store::{Attributes, Class, Row, Tree};
use super::value::Value;

/// A family of objects, by its index type.
pub(super) trait Family: Copy {
    /// The name of the table in the JSON.
    const TABLE: &'static str;
    /// The rows of the family.
    fn rows(tree: &Tree) -> &[Row];
    /// The id in a value that refers to this family.
    fn of(value: &Value) -> Option<Self>;
}

macro_rules! families {
    ($($id:ident, $field:ident, $variant:ident;)*) => {$(
        impl Family for $id {
            const TABLE: &'static str = stringify!($field);

            fn rows(tree: &Tree) -> &[Row] {
                &tree.$field
            }

            fn of(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(id) => Some(*id),
                    _ => None,
                }
            }
        }
    )*};
}

families! {
    NodeId, nodes, Node;
    TypeId, types, Type;
    EntryId, entries, Entry;
    ScopeId, scopes, Scope;
    HelperId, helpers, Helper;
}

/// A typedef of a typedef of ... ends before this, and a damaged file may go in circles.
const LONGEST_DELEGATION: usize = 64;

/// A row with the tree that it is of.
#[derive(Clone, Copy)]
pub(super) struct Object<'t> {
    pub tree: &'t Tree,
    pub row: &'t Row,
}

impl<'t> Object<'t> {
    fn class(self) -> &'t Class {
        &self.tree.classes[self.row.class as usize]
    }

    fn mro(self) -> impl Iterator<Item = &'t Class> {
        self.class()
            .mro
            .iter()
            .map(move |at| &self.tree.classes[*at as usize])
    }

    pub fn kind(self) -> &'t str {
        self.tree.names.text(self.class().name)
    }

    pub fn is_a(self, class: &str) -> bool {
        let name = self.tree.names.number(class);
        name.is_some_and(|name| self.mro().any(|base| base.name == name))
    }

    pub fn attr(self, name: &str) -> Option<&'t Value> {
        let name = self.tree.names.number(name)?;
        let mut object = self;
        for _ in 0..LONGEST_DELEGATION {
            let found = object.undelegated(name);
            if found.is_some() {
                return found;
            }
            object = object.delegate()?;
        }
        None
    }

    /// The object's own attributes.
    pub fn own(self) -> impl Iterator<Item = (&'t str, &'t Value)> {
        self.row
            .own
            .iter()
            .map(move |(name, value)| (self.tree.names.text(*name), value))
    }

    /// An attribute of the object or its class.
    fn undelegated(self, name: u32) -> Option<&'t Value> {
        find(&self.row.own, name).or_else(|| self.mro().find_map(|base| find(&base.own, name)))
    }

    /// The object that answers for what this one lacks, as some of Cython's `__getattr__` do.
    fn delegate(self) -> Option<Object<'t>> {
        let tree = self.tree;
        let row = match self.undelegated(self.class().delegate?)? {
            Value::Node(id) => &tree.nodes[id.index()],
            Value::Type(id) => &tree.types[id.index()],
            Value::Entry(id) => &tree.entries[id.index()],
            Value::Scope(id) => &tree.scopes[id.index()],
            Value::Helper(id) => &tree.helpers[id.index()],
            _ => return None,
        };
        Some(Object { tree, row })
    }

    pub fn directive(self, name: &str) -> Option<&'t Value> {
        in_map(self.map("directives"), name).or_else(|| self.tree.directive_default(name))
    }

    pub fn flag(self, name: &str) -> bool {
        self.attr(name).is_some_and(Value::truth)
    }

    pub fn int(self, name: &str) -> Option<i64> {
        match self.attr(name)? {
            Value::Int(value) => Some(*value),
            Value::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub fn text(self, name: &str) -> Option<&'t str> {
        match self.attr(name)? {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn list(self, name: &str) -> &'t [Value] {
        match self.attr(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    pub fn map(self, name: &str) -> &'t [(Value, Value)] {
        match self.attr(name) {
            Some(Value::Map(pairs)) => pairs,
            _ => &[],
        }
    }

    pub fn one<F: Family>(self, name: &str) -> Option<F> {
        F::of(self.attr(name)?)
    }

    pub fn many<F: Family + 't>(self, name: &str) -> impl Iterator<Item = F> + use<'t, F> {
        self.list(name).iter().filter_map(F::of)
    }
}

fn find(attributes: &Attributes, name: u32) -> Option<&Value> {
    let at = attributes
        .binary_search_by_key(&name, |(known, _)| *known)
        .ok()?;
    Some(&attributes[at].1)
}

/// The value of a key that is text.
pub(super) fn in_map<'t>(map: &'t [(Value, Value)], name: &str) -> Option<&'t Value> {
    map.iter().find_map(|(key, value)| match key {
        Value::Str(key) if key == name => Some(value),
        _ => None,
    })
}
