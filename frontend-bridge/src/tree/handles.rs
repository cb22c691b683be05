//! Copyable handles to the objects of a tree.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::error::TreeError;
use super::ids::{EntryId, HelperId, NodeId, ScopeId, TypeId};
use super::lookup::{Family, Object};
use super::store::{Position, Tree};
use super::value::Value;

/// One handle type.
macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident, $id:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'t> {
            tree: &'t Tree,
            id: $id,
        }

        impl<'t> $name<'t> {
            pub(super) fn new(tree: &'t Tree, id: $id) -> Self {
                Self { tree, id }
            }

            fn object(self) -> Object<'t> {
                Object { tree: self.tree, row: &$id::rows(self.tree)[self.id.index()] }
            }

            /// The tree that it is of.
            pub fn tree(self) -> &'t Tree {
                self.tree
            }

            /// Its index.
            pub fn id(self) -> $id {
                self.id
            }

            /// The name of its class.
            pub fn kind(self) -> &'t str {
                self.object().kind()
            }

            /// Whether `class` is its class or one of the bases.
            pub fn is_a(self, class: &str) -> bool {
                self.object().is_a(class)
            }

            /// An attribute: its own, or else the class's default, or else what the object says to
            /// which it delegates (a typedef to the type that it names).
            pub fn attr(self, name: &str) -> Option<&'t Value> {
                self.object().attr(name)
            }

            /// Its own attributes, without those of its class.
            pub fn own(self) -> impl Iterator<Item = (&'t str, &'t Value)> {
                self.object().own()
            }

            /// Whether Python takes the attribute for true; absent is false.
            pub fn flag(self, name: &str) -> bool {
                self.object().flag(name)
            }

            /// An integer; `True` is 1 and `False` 0, as in Python.
            pub fn int(self, name: &str) -> Option<i64> {
                self.object().int(name)
            }

            /// Text without lone surrogates.
            pub fn text(self, name: &str) -> Option<&'t str> {
                self.object().text(name)
            }

            /// The node in an attribute.
            pub fn node(self, name: &str) -> Option<Node<'t>> {
                self.object().one(name).map(|id| self.tree.node(id))
            }

            /// The nodes in a list; what else is in it is skipped.
            pub fn nodes(self, name: &str) -> Vec<Node<'t>> {
                self.object().many(name).map(|id| self.tree.node(id)).collect()
            }

            /// The type in an attribute.
            pub fn ty(self, name: &str) -> Option<Type<'t>> {
                self.object().one(name).map(|id| self.tree.ty(id))
            }

            /// The types in a list; what else is in it is skipped.
            pub fn types(self, name: &str) -> Vec<Type<'t>> {
                self.object().many(name).map(|id| self.tree.ty(id)).collect()
            }

            /// The entry in an attribute.
            pub fn entry(self, name: &str) -> Option<Entry<'t>> {
                self.object().one(name).map(|id| self.tree.entry(id))
            }

            /// The entries in a list; what else is in it is skipped.
            pub fn entries(self, name: &str) -> Vec<Entry<'t>> {
                self.object().many(name).map(|id| self.tree.entry(id)).collect()
            }

            /// The scope in an attribute.
            pub fn scope(self, name: &str) -> Option<Scope<'t>> {
                self.object().one(name).map(|id| self.tree.scope(id))
            }

            /// The helper in an attribute.
            pub fn helper(self, name: &str) -> Option<Helper<'t>> {
                self.object().one(name).map(|id| self.tree.helper(id))
            }

            /// The helpers in a list; what else is in it is skipped.
            pub fn helpers(self, name: &str) -> Vec<Helper<'t>> {
                self.object().many(name).map(|id| self.tree.helper(id)).collect()
            }

            /// A list, tuple or set; empty where there is none.
            pub fn list(self, name: &str) -> &'t [Value] {
                self.object().list(name)
            }

            /// A dict in its order; empty where there is none.
            pub fn map(self, name: &str) -> &'t [(Value, Value)] {
                self.object().map(name)
            }

            /// A compiler directive: as its `directives` have it, or else the default of them all.
            pub fn directive(self, name: &str) -> Option<&'t Value> {
                self.object().directive(name)
            }

            /// Its place in the source.
            pub fn position(self) -> Option<Position> {
                self.object().row.position
            }

            /// The error of an attribute that must hold a `wanted` but does not.
            pub fn missing(self, name: &str, wanted: &'static str) -> TreeError {
                TreeError::Missing {
                    path: format!("{}[{}].a.{name}", $id::TABLE, self.id.index()),
                    kind: self.kind().to_owned(),
                    attribute: name.to_owned(),
                    wanted,
                    place: place(self.tree, self.position()),
                }
            }
        }

        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.id == other.id && std::ptr::eq(self.tree, other.tree)
            }
        }

        impl Eq for $name<'_> {}

        impl Hash for $name<'_> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.id.hash(state);
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} {})", stringify!($name), self.id.index(), self.kind())
            }
        }
    )*};
}

handles! {
    /// A node of the tree.
    Node, NodeId;
    /// A type.
    Type, TypeId;
    /// A symbol-table entry.
    Entry, EntryId;
    /// A scope.
    Scope, ScopeId;
    /// A helper: an argument of a C function type, a slot's signature, an exception value.
    Helper, HelperId;
}

impl<'t> Node<'t> {
    /// The node in an attribute that must have one.
    pub fn child(self, name: &str) -> Result<Node<'t>, TreeError> {
        self.node(name).ok_or_else(|| self.missing(name, "node"))
    }

    /// The type of an expression.
    pub fn expr_type(self) -> Result<Type<'t>, TreeError> {
        self.ty("type").ok_or_else(|| self.missing("type", "type"))
    }
}

/// `file:line:column`, or the module's name.
fn place(tree: &Tree, position: Option<Position>) -> String {
    let Some(Position {
        source,
        line,
        column,
    }) = position
    else {
        return tree.module_name().to_owned();
    };
    format!("{}:{line}:{column}", tree.sources()[source as usize])
}
