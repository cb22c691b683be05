//! A thread's share of a loop with a static schedule and no chunk size.
//!
//! It is what libomp deals out, runs of `ceil(n / threads)` iterations in the order of the threads,
//! without asking libomp: two calls less, and bounds that no call can change.

use super::Result;
use super::body::Body;
use super::parallel::Region;
use crate::mir::{BinaryOp, Comparison, LocalId, Op, Type, Value};

impl Body<'_, '_> {
    /// Sets the first and the last iteration of this thread, of `units`, and whether it has the last
    /// of all.  The first one lies behind `top`, the last of all, where nothing falls to the thread.
    pub(super) fn own_share(
        &mut self,
        region: &Region,
        (units, top): (Value, Value),
        [last, lower, upper]: [LocalId; 3],
    ) -> Result<()> {
        let threads = self.openmp("omp_get_num_threads", &[], Type::I32, Vec::new());
        let Some(threads) = threads else {
            return self.defect("no number of threads");
        };
        let threads = self.widen(threads, 64, true);
        let number = self.widen(region.number, 64, true);
        let one = self.int(1, 64);
        let sum = self.op(Op::Binary(BinaryOp::Add, units, threads));
        let sum = self.op(Op::Binary(BinaryOp::Sub, sum, one));
        let each = self.op(Op::Binary(BinaryOp::UDiv, sum, threads));
        let from = self.op(Op::Binary(BinaryOp::Mul, number, each));
        let end = self.op(Op::Binary(BinaryOp::Add, from, each));
        let to = self.op(Op::Binary(BinaryOp::Sub, end, one));
        let ends = self.op(Op::Compare(Comparison::SGe, to, top));
        let begins = self.op(Op::Compare(Comparison::SLe, from, top));
        let both = self.op(Op::Binary(BinaryOp::And, ends, begins));
        let is_last = self.widen(both, 32, true);
        for (local, value) in [(last, is_last), (lower, from), (upper, to)] {
            self.b.effect(Op::Set(local, value));
        }
        Ok(())
    }
}
