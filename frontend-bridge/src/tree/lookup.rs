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
        &self.class().name
    }

    pub fn is_a(self, class: &str) -> bool {
        self.mro().any(|base| &*base.name == class)
    }

    pub fn attr(self, name: &str) -> Option<&'t Value> {
        let name = *self.tree.names.get(name)?;
        find(&self.row.own, name).or_else(|| self.mro().find_map(|base| find(&base.own, name)))
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
