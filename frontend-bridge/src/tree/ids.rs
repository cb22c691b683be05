//! Indices into the five tables.

/// One index type; they differ so that they are not mixed up.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) u32);

        impl $name {
            /// The place in the table, from 0.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A node of the tree.
    NodeId
    /// A type.
    TypeId
    /// A symbol-table entry.
    EntryId
    /// A scope.
    ScopeId
    /// A helper: an argument of a C function type, a slot's signature, an exception value.
    HelperId
}
