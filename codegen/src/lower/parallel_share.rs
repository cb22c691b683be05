//! A thread's share of a loop with a static schedule and no chunk size.
//!
//! It is what libomp deals out, without asking it: runs in the order of the threads, the first ones
//! longer by one iteration where they do not come out even.  Two calls less, and bounds that no call
//! can change.

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
        let each = self.op(Op::Binary(BinaryOp::UDiv, units, threads));
        let left = self.op(Op::Binary(BinaryOp::URem, units, threads));
        let far = self.op(Op::Binary(BinaryOp::Mul, number, each));
        let longer = self.op(Op::Compare(Comparison::ULt, number, left));
        let before = self.op(Op::Select(longer, number, left));
        let from = self.op(Op::Binary(BinaryOp::Add, far, before));
        let one = self.widen(longer, 64, true);
        let count = self.op(Op::Binary(BinaryOp::Add, each, one));
        let end = self.op(Op::Binary(BinaryOp::Add, from, count));
        let one = self.int(1, 64);
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
