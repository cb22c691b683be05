//! Object files to a shared library, by lld in this process.

mod messages;
mod shared;

pub use shared::link_shared;
