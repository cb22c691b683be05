//! What lowering cannot do.

use frontend_bridge::tree::{Position, TreeError};

/// A construct that has no lowering yet, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// In the words of Cython's tree: a node class, or a feature of one.
    pub construct: String,
    /// Where, if known.
    pub position: Option<Position>,
}

/// Why a piece of the tree has no MIR.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// Not lowered yet: the module takes the other route.
    #[error("{}", .0.construct)]
    Missing(Missing),
    /// The tree lacks what every tree has: exporter and lowering do not fit.
    #[error(transparent)]
    Tree(#[from] TreeError),
}
