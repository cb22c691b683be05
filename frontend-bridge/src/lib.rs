//! Both ways into the backend.
//!
//! `clang` takes C or C++ text (what Cython's generator writes) to an `llvm::Module`, in memory and
//! in this process.  `tree` reads Cython's analysed tree, which the Python side writes as JSON.
//! This crate neither optimises nor writes object code, and it never prints.

pub mod clang;
pub mod diagnostic;
pub mod recovery;
pub mod tree;

pub use diagnostic::{Diagnostic, Severity};
