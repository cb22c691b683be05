//! What lowering cannot do.

use frontend_bridge::tree::{Position, TreeError};

/// A construct that has no lowering yet, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// In the words of Cython's tree: a node class, or a feature of one.
    pub construct: String,
    /// Where, if known.
    pub position: Option<Position>,
    /// Whether it is in a loop that has to run on a GPU: C would be no way out.
    pub on_gpu: bool,
}

impl Missing {
    /// Something that the C route has.
    pub fn new(construct: impl Into<String>, position: Option<Position>) -> Missing {
        Missing {
            construct: construct.into(),
            position,
            on_gpu: false,
        }
    }

    /// What a GPU cannot do, in a loop that has to run there.
    pub fn on_gpu(what: &str, position: Option<Position>) -> Missing {
        Missing {
            on_gpu: true,
            ..Missing::new(format!("prange on the GPU: {what}"), position)
        }
    }
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
