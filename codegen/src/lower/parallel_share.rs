//! What falls to a thread, without asking libomp.
//!
//! With a static schedule and no chunk size it is what libomp deals out: runs in the order of the
//! threads, the first ones longer by one iteration where they do not come out even.  Two calls less,
//! and bounds that no call can change.
//!
//! With a dynamic schedule the frame counts the chunks that are taken: one atomic addition for each,
//! where libomp's dispatcher takes over a hundred nanoseconds.  Loops of a `with parallel()` block,
//! which may run many times at once, ask libomp.

use super::Result;
use super::body::Body;
use super::parallel::Region;
use super::parallel_returns::returned_field;
use crate::mir::{BinaryOp, Comparison, LocalId, Op, StructId, Type, Value};

/// Words before the count of chunks and from it on, so that it has a line of the cache of its own.
const APART: u64 = 8;

/// The field of a frame in which chunks are counted.
pub(super) fn chunks_type() -> Type {
    Type::Array(Box::new(Type::I64), 2 * APART)
}

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

    /// The address of the count of chunks, where a frame of so many variables has one.
    pub(super) fn chunks_place(
        &mut self,
        frame: Value,
        structure: StructId,
        captured: usize,
    ) -> Option<Value> {
        let field = returned_field(captured) + 1;
        let fields = &self.m.mir.structs[structure.0 as usize].fields;
        fields.get(field as usize)?;
        let first = self.op(Op::Field(frame, structure, field));
        let index = self.int(APART.into(), 64);
        Some(self.op(Op::Index(first, Type::I64, index)))
    }

    /// How large a chunk is, and how many there are of `top` + 1 iterations.
    pub(super) fn chunks(&mut self, chunk: Value, top: Value) -> (Value, Value) {
        let one = self.int(1, 64);
        let some = self.op(Op::Compare(Comparison::SGt, chunk, one));
        let size = self.op(Op::Select(some, chunk, one));
        let before = self.op(Op::Binary(BinaryOp::UDiv, top, size));
        (size, self.op(Op::Binary(BinaryOp::Add, before, one)))
    }

    /// Takes the next chunk: sets its first and last iteration, and whether it has the last of all.
    /// False where none is left.
    pub(super) fn take_chunk(
        &mut self,
        place: Value,
        (size, count): (Value, Value),
        top: Value,
        [last, lower, upper]: [LocalId; 3],
    ) -> Result<Value> {
        let number = self.rt_value("cyl_parallel_chunk", "p:l", &[place])?;
        let from = self.op(Op::Binary(BinaryOp::Mul, number, size));
        let one = self.int(1, 64);
        let next = self.op(Op::Binary(BinaryOp::Add, number, one));
        let ends = self.op(Op::Compare(Comparison::Eq, next, count));
        let far = self.op(Op::Binary(BinaryOp::Add, from, size));
        let to = self.op(Op::Binary(BinaryOp::Sub, far, one));
        let to = self.op(Op::Select(ends, top, to));
        let found = self.op(Op::Get(last));
        let is_last = self.widen(ends, 32, true);
        let is_last = self.op(Op::Binary(BinaryOp::Or, found, is_last));
        for (local, value) in [(last, is_last), (lower, from), (upper, to)] {
            self.b.effect(Op::Set(local, value));
        }
        Ok(self.op(Op::Compare(Comparison::ULt, number, count)))
    }
}
