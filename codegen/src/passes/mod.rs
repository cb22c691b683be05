//! Passes over MIR, between lowering and emission.

mod frames;
mod liveness;
mod strides;
mod suspend;

pub use frames::frames;
pub(crate) use liveness::read_by;
pub use strides::strides;
pub use suspend::suspend;

#[cfg(test)]
mod tests;
