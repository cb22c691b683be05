//! Passes over MIR, between lowering and emission.

mod frames;
mod liveness;
mod suspend;

pub use frames::frames;
pub use suspend::suspend;

#[cfg(test)]
mod tests;
