//! What falls to a thread, without asking libomp.
//!
//! With a static schedule and no chunk size it is what libomp deals out: runs in the order of the
//! threads, the first ones longer by one iteration where they do not come out even.  Two calls less,
//! and bounds that no call can change.
//!
//! With a dynamic schedule the frame counts the chunks that are taken: one atomic addition for each,
//! where libomp's dispatcher takes over a hundred nanoseconds.  The loops of a `with parallel()` block,
//! after which threads do not wait, take turns with several counts.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::parallel::Region;
use super::parallel_returns::returned_field;
use crate::mir::{BinaryOp, Comparison, LocalId, Op, StructId, Type, Value};

/// Words of a line of the cache; a count has one of its own.
const LINE: u64 = 8;
/// Counts of a region with more than one loop; `runtime/parallel.c` is told with each call.
const LOOPS: u64 = 8;

/// What a region counts chunks in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// No loop has a dynamic schedule.
    None,
    /// The region is a loop.
    One,
    /// The region is a block with loops, which threads do not wait for each other after.
    Several,
}

impl Counts {
    /// For a region with such loops.
    pub(super) fn of(loops: &[Node<'_>], block: bool) -> Self {
        let dynamic = |node: &Node<'_>| node.text("schedule") == Some("dynamic");
        match (loops.iter().any(dynamic), block) {
            (false, _) => Self::None,
            (true, false) => Self::One,
            (true, true) => Self::Several,
        }
    }

    /// The field of a frame, with words that are not used at both ends.
    pub(super) fn field(self) -> Option<Type> {
        let lines = match self {
            Self::None => return None,
            Self::One => 2,
            Self::Several => LOOPS + 2,
        };
        Some(Type::Array(Box::new(Type::I64), lines * LINE))
    }
}

/// Where a region counts chunks.
#[derive(Clone, Copy)]
pub(super) struct Chunks {
    /// Of the first count.
    address: Value,
    /// How many loops with a dynamic schedule this thread has begun.
    loops: LocalId,
}

/// The count for a loop, and its number where there are several loops.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub address: Value,
    number: Option<Value>,
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
        let threads = self.number_of_threads()?;
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

    fn counts_address(&mut self, frame: Value, structure: StructId, captured: usize) -> Value {
        let field = returned_field(captured) + 1;
        let field = self.op(Op::Field(frame, structure, field));
        let index = self.int(LINE.into(), 64);
        self.op(Op::Index(field, Type::I64, index))
    }

    /// Where chunks are counted, in a frame of so many variables; in the region's function.
    pub(super) fn chunks_of(
        &mut self,
        frame: Value,
        structure: StructId,
        captured: usize,
    ) -> Option<Chunks> {
        let field = returned_field(captured) + 1;
        let fields = &self.m.mir.structs[structure.0 as usize].fields;
        fields.get(field as usize)?;
        let loops = self.b.local("loops", Type::I64);
        let zero = self.int(0, 64);
        self.b.effect(Op::Set(loops, zero));
        let address = self.counts_address(frame, structure, captured);
        Some(Chunks { address, loops })
    }

    /// Sets the counts of a new frame to zero.
    pub(super) fn clear_counts(
        &mut self,
        counts: Counts,
        frame: Value,
        structure: StructId,
        captured: usize,
    ) -> Result<()> {
        if counts == Counts::None {
            return Ok(());
        }
        let address = self.counts_address(frame, structure, captured);
        if counts == Counts::Several {
            let all = self.int(LOOPS.into(), 64);
            return self.rt_void("cyl_parallel_loops_start", "pl:v", &[address, all]);
        }
        let value = self.int(0, 64);
        self.b.effect(Op::Store { address, value });
        Ok(())
    }

    /// The count for the loop that begins.
    pub(super) fn enter_loop(&mut self, chunks: Chunks, node: Node<'_>) -> Result<Count> {
        if node.flag("is_parallel") {
            let address = chunks.address;
            return Ok(Count {
                address,
                number: None,
            });
        }
        let number = self.op(Op::Get(chunks.loops));
        let one = self.int(1, 64);
        let next = self.op(Op::Binary(BinaryOp::Add, number, one));
        self.b.effect(Op::Set(chunks.loops, next));
        let all = self.int(LOOPS.into(), 64);
        let args = [chunks.address, number, all];
        let address = self.rt_value("cyl_parallel_loop_enter", "pll:p", &args)?;
        let number = Some(number);
        Ok(Count { address, number })
    }

    /// Tells the others that this thread takes no more chunks.
    pub(super) fn leave_loop(&mut self, count: Count) -> Result<()> {
        let Some(number) = count.number else {
            return Ok(());
        };
        let threads = self.number_of_threads()?;
        let all = self.int(LOOPS.into(), 64);
        let args = [count.address, number, threads, all];
        self.rt_void("cyl_parallel_loop_leave", "plil:v", &args)
    }

    fn number_of_threads(&mut self) -> Result<Value> {
        match self.openmp("omp_get_num_threads", &[], Type::I32, Vec::new()) {
            Some(threads) => Ok(threads),
            None => self.defect("no number of threads"),
        }
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
        next: Count,
        (size, count): (Value, Value),
        top: Value,
        [last, lower, upper]: [LocalId; 3],
    ) -> Result<Value> {
        let number = self.rt_value("cyl_parallel_chunk", "p:l", &[next.address])?;
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
