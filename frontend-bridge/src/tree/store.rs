//! A tree in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::TreeError;
use super::handles::{Entry, Helper, Node, Scope, Type};
use super::ids::{EntryId, HelperId, NodeId, ScopeId, TypeId};
use super::names::Names;
use super::value::Value;
use super::{lookup, parse, reader};

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which of [`Tree::sources`].
    pub source: u32,
    /// From 1.
    pub line: u32,
    /// From 0, in characters.
    pub column: u32,
}

/// A place where Cython's C tells a tracer of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineMark {
    /// The function or module whose code it is in; none where that is none of the tree's.
    pub function: Option<NodeId>,
    /// The node; none where that is not known.
    pub node: Option<NodeId>,
    /// When: `start` or `end` of the node, `iteration` of a loop with that body, a `case`.
    pub when: String,
    /// The copies of `finally` clauses that it is in, outermost first, a letter each: at the `n`ormal
    /// end, after an `e`xception, by `r`eturn, `b`reak or `c`ontinue.
    pub copies: String,
    pub line: u32,
    /// Whether it is told without the GIL.
    pub nogil: bool,
}

/// The analysed tree of one module.
pub struct Tree {
    pub(super) cython: String,
    pub(super) module: String,
    pub(super) root: NodeId,
    pub(super) sources: Vec<String>,
    pub(super) shared_functions: Vec<(String, String)>,
    pub(super) line_marks: Option<Vec<LineMark>>,
    /// Directives where nothing sets them, by name.
    pub(super) directive_defaults: Vec<(Value, Value)>,
    pub(super) names: Names,
    pub(super) classes: Vec<Class>,
    pub(super) nodes: Vec<Row>,
    pub(super) types: Vec<Row>,
    pub(super) entries: Vec<Row>,
    pub(super) scopes: Vec<Row>,
    pub(super) helpers: Vec<Row>,
    /// What was found out about integer types of C's headers: bits, and whether signed.
    pub(super) integers: Mutex<HashMap<TypeId, (u16, bool)>>,
}

/// Attributes in the order of their interned names.
pub(super) type Attributes = Box<[(u32, Value)]>;

/// A class of Cython's.
pub(super) struct Class {
    pub name: u32,
    /// Indices of itself and its bases, the most derived first.
    pub mro: Box<[u32]>,
    pub own: Attributes,
    /// The attribute with the object that answers for what an instance lacks.
    pub delegate: Option<u32>,
}

/// An object.
pub(super) struct Row {
    pub class: u32,
    pub position: Option<Position>,
    pub own: Attributes,
}

impl Tree {
    /// Reads and checks an exported tree.
    pub fn from_json(text: &[u8]) -> Result<Tree, TreeError> {
        let (raw, names) = parse::parse(text)?;
        reader::read(raw, names)
    }

    /// The module's node.
    pub fn root(&self) -> Node<'_> {
        self.node(self.root)
    }

    /// The node of an id, which must come from this tree; the others alike.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node::new(self, id)
    }

    /// The type of an id.
    pub fn ty(&self, id: TypeId) -> Type<'_> {
        Type::new(self, id)
    }

    /// The entry of an id.
    pub fn entry(&self, id: EntryId) -> Entry<'_> {
        Entry::new(self, id)
    }

    /// The scope of an id.
    pub fn scope(&self, id: ScopeId) -> Scope<'_> {
        Scope::new(self, id)
    }

    /// The helper of an id.
    pub fn helper(&self, id: HelperId) -> Helper<'_> {
        Helper::new(self, id)
    }

    /// All nodes, in the order in which the exporter met them: the root first.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        ids(&self.nodes).map(|index| self.node(NodeId(index)))
    }

    /// All types.
    pub fn types(&self) -> impl ExactSizeIterator<Item = Type<'_>> {
        ids(&self.types).map(|index| self.ty(TypeId(index)))
    }

    /// All entries.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        ids(&self.entries).map(|index| self.entry(EntryId(index)))
    }

    /// All scopes.
    pub fn scopes(&self) -> impl ExactSizeIterator<Item = Scope<'_>> {
        ids(&self.scopes).map(|index| self.scope(ScopeId(index)))
    }

    /// A directive where nothing sets it.
    pub fn directive_default(&self, name: &str) -> Option<&Value> {
        lookup::in_map(&self.directive_defaults, name)
    }

    /// The module's full name.
    pub fn module_name(&self) -> &str {
        &self.module
    }

    /// The sources that positions refer to, as Cython names them in messages.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// C declarations and names of the helpers that the module's C takes from the module that the user has
    /// for them, in C's order; none where that is not known.
    pub fn shared_functions(&self) -> &[(String, String)] {
        &self.shared_functions
    }

    /// Where C tells a tracer of lines, of a module with the directive `linetrace`; none where that is
    /// not known.
    pub fn line_marks(&self) -> Option<&[LineMark]> {
        self.line_marks.as_deref()
    }

    /// Notes what the C compiler says of an integer type of a header: bits, and whether signed.
    pub fn note_integer(&self, id: TypeId, bits: u16, signed: bool) {
        self.noted().insert(id, (bits, signed));
    }

    /// What was noted of an integer type.
    pub fn noted_integer(&self, id: TypeId) -> Option<(u16, bool)> {
        self.noted().get(&id).copied()
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<TypeId, (u16, bool)>> {
        self.integers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of Cython that analysed the module.
    pub fn cython_version(&self) -> &str {
        &self.cython
    }
}

fn ids(rows: &[Row]) -> std::ops::Range<u32> {
    // A row takes more than a byte, and a reader's ids have 32 bits.
    0..u32::try_from(rows.len()).unwrap_or(u32::MAX)
}
