//! From an LLVM module to something that runs: optimised, retargeted, written out, linked.
//!
//! Modules come from `frontend-bridge` (the C route) or, later, from the tree route's MIR.  This
//! crate does no file I/O but the linked output, which lld writes, and it never prints.

pub mod cold;
pub mod context;
mod cycles;
pub mod emit;
pub mod error;
pub mod exports;
pub mod features;
pub mod files;
pub mod gpu;
pub mod hot;
pub mod incremental;
pub mod link;
pub mod live;
pub mod lower;
pub mod mir;
pub mod optimize;
pub mod output;
pub mod owned;
pub mod passes;
pub mod shims;
mod symbols;
pub mod target;
pub mod tree_route;

pub use error::CodegenError;
pub use owned::OwnedModule;
