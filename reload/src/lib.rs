//! Code loaded into this process.
//!
//! [`session`] is the one ORC LLJIT of the process; a [`Library`] is one module's code in it.
//! Only this crate touches the JIT.

pub mod error;
mod ffi;
pub mod library;
pub mod memory;
pub mod redirect;
mod session;

pub use error::JitError;
pub use library::Library;
