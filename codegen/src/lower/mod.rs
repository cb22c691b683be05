//! Cython's analysed tree to MIR.
//!
//! [`lower`] takes a whole module.  [`expr`] and [`stat`] hold the tables that map each of Cython's
//! node classes to its lowering function: they are the index of the language, and what is absent
//! from them is reported by name and place, never guessed.  A lowering function never emits LLVM.

// `to_python` and `from_python` convert the value they are given, in Cython's words.
#![allow(clippy::wrong_self_convention)]

mod arguments;
mod arithmetic;
mod array_sizes;
mod attributes;
mod body;
mod buffers;
mod builtin_methods;
mod c_integers;
mod c_steps;
mod calls;
mod capi;
mod carrays;
mod class_calls;
mod class_comparisons;
mod class_layout;
mod class_slots;
mod class_tables;
mod classes;
mod cleanup;
mod closures;
mod code_objects;
mod coerce;
mod compare;
mod complex;
mod complex_integers;
mod comprehensions;
mod containers;
mod context;
mod control_flow;
mod coroutines;
mod cpdef;
mod cstructs;
mod ctypes;
mod defaults;
mod displays;
mod divmod;
mod enums;
mod error;
mod except_star;
mod exceptions;
mod expr;
mod external_members;
mod externs;
mod formatting;
mod frozensets;
mod functions;
mod fused;
mod fused_buffers;
mod generators;
mod import_star;
mod imports;
mod indexing;
mod items;
mod iteration;
mod keyword_calls;
mod known_calls;
mod literals;
mod loops;
mod match_stat;
mod memview;
mod memview_defaults;
mod memview_fields;
mod memview_index;
mod memview_slice;
mod memview_types;
mod methods;
mod module;
mod module_init;
mod names;
mod namespaces;
mod nogil;
mod numpy;
mod operators;
mod overflow;
mod packed_structs;
mod parallel;
mod parallel_arrays;
mod parallel_extrema;
mod parallel_frames;
mod parallel_gil;
mod parallel_gpu;
mod parallel_grid;
mod parallel_kernel;
mod parallel_loops;
mod parallel_ordered;
mod parallel_returns;
mod parallel_share;
mod pyclass;
mod range_loops;
mod refusals;
mod rounding;
mod runtime;
mod shared;
mod shared_utility;
mod shim_calls;
mod shims;
mod slicing;
mod stat;
mod struct_types;
mod struct_values;
mod symbols;
mod template_strings;
mod temporaries;
mod text_coding;
mod tracing;
mod types;
mod ufuncs;
mod unpacking;
mod unseen;
mod value_methods;
mod wide_values;
mod with_stat;

pub use error::{LowerError, Missing};
pub use module::{Lowered, lower};
pub use shims::{ShimFacts, ShimRequest, TraceMacros};
pub use symbols::{CSignature, Symbols};

/// What lowering functions give.
type Result<T> = std::result::Result<T, LowerError>;
