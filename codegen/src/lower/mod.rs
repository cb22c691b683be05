//! Cython's analysed tree to MIR.
//!
//! [`lower`] takes a whole module.  [`expr`] and [`stat`] hold the tables that map each of Cython's
//! node classes to its lowering function: they are the index of the language, and what is absent
//! from them is reported by name and place, never guessed.  A lowering function never emits LLVM.

mod arguments;
mod arithmetic;
mod attributes;
mod body;
mod calls;
mod class_layout;
mod class_slots;
mod classes;
mod cleanup;
mod coerce;
mod compare;
mod containers;
mod context;
mod control_flow;
mod cpdef;
mod defaults;
mod error;
mod exceptions;
mod expr;
mod functions;
mod imports;
mod literals;
mod loops;
mod memview;
mod memview_index;
mod memview_slice;
mod methods;
mod module;
mod module_init;
mod names;
mod namespaces;
mod pyclass;
mod runtime;
mod stat;
mod symbols;
mod types;
mod with_stat;

pub use error::{LowerError, Missing};
pub use module::{Lowered, lower};
pub use symbols::{CSignature, Symbols};

/// What lowering functions give.
type Result<T> = std::result::Result<T, LowerError>;
