//! Cython's analysed tree, as `python/cython_llvm/treeexport.py` writes it.
//!
//! [`Tree::from_json`] reads and checks a whole module: every id lies in its table and every class
//! is known, so that what follows need not ask again.  [`Node`], [`Type`], [`Entry`], [`Scope`] and
//! [`Helper`] are small copyable handles into it; their attributes are looked up by name, on the
//! object first and then along its class's bases.  Kinds and attributes unknown to this crate are
//! kept.  References form a graph, with cycles, and nothing here follows them.

mod error;
mod handles;
mod ids;
mod lookup;
mod names;
mod parse;
mod reader;
mod schema;
mod seed;
mod store;
mod value;

#[cfg(test)]
mod tests;

pub use error::TreeError;
pub use handles::{Entry, Helper, Node, Scope, Type};
pub use ids::{EntryId, HelperId, NodeId, ScopeId, TypeId};
pub use store::{LineMark, Position, Tree};
pub use value::Value;
