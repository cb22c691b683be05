//! Why a tree cannot be read or used.

/// Why a tree cannot be read, or lacks what is asked of it.
///
/// `path` is the place in the JSON, such as `nodes[12].a.body`; `.` is the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not JSON, cut short, or not of the schema's form.
    #[error("the exported tree cannot be read: {path}: {message}")]
    Malformed {
        /// Where.
        path: String,
        /// What is wrong, with line and column of the JSON.
        message: String,
    },
    /// Written to another version of the schema.
    #[error("the exported tree has schema {found}, but this reader knows {known}")]
    Schema {
        /// The number in the file.
        found: i64,
        /// The number of this reader.
        known: i64,
    },
    /// A reference to a row or source that does not exist.
    #[error("the exported tree is damaged: {path}: there is no {family} {index}, but {len} in all")]
    Reference {
        /// Where.
        path: String,
        /// What is referred to: "node", "type", "entry", "scope", "helper" or "source".
        family: &'static str,
        /// The index asked for.
        index: u32,
        /// How many there are.
        len: usize,
    },
    /// A class that `classes` does not describe, or whose description cannot be.
    #[error("the exported tree is damaged: {path}: {message}")]
    Class {
        /// Where.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A sound tree in which an object lacks an attribute that it must have.
    #[error("{place}: a {kind} has no {wanted} in its attribute `{attribute}` ({path})")]
    Missing {
        /// Where in the JSON.
        path: String,
        /// The class of the object.
        kind: String,
        /// The attribute.
        attribute: String,
        /// What it must hold: "node" or "type".
        wanted: &'static str,
        /// `file:line:column` of the source, or the module's name.
        place: String,
    },
}

impl TreeError {
    /// Stable code, as documented in the guide.
    pub fn code(&self) -> &'static str {
        match self {
            TreeError::Malformed { .. } => "CYL1601",
            TreeError::Schema { .. } => "CYL1602",
            TreeError::Reference { .. } => "CYL1603",
            TreeError::Class { .. } => "CYL1604",
            TreeError::Missing { .. } => "CYL1605",
        }
    }

    /// The place in the JSON.
    pub fn path(&self) -> &str {
        match self {
            TreeError::Malformed { path, .. }
            | TreeError::Reference { path, .. }
            | TreeError::Class { path, .. }
            | TreeError::Missing { path, .. } => path,
            TreeError::Schema { .. } => "schema",
        }
    }
}
