//! Machines that code is made for.

pub mod host;
pub mod nvptx;
