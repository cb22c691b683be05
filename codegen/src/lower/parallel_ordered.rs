//! `prange_reproducible` on the CPU: floating-point reductions that are the same for any number of
//! threads and any schedule.
//!
//! The iterations are cut into blocks, whose number depends on the length of the loop alone. Threads
//! take whole blocks; each block has its own parts of the reductions, which lie in a row of a table
//! (`runtime/parallel_ordered.c`) and are combined as a tree over the rows after the region.

use frontend_bridge::tree::{EntryId, Node};

use super::Result;
use super::body::{Body, Variable};
use super::parallel::{Captured, PARTS, Range, Region};
use super::parallel_arrays::flat;
use crate::mir::{BinaryOp, Comparison, LocalId, Op, StructId, Type, Value};

/// How many blocks a loop has at most.
const BLOCKS: i128 = 512;
/// The least of what they are lowered to for large arrays, and the bytes that are aimed at.
const FEWEST: i128 = 16;
const BYTES: i128 = 4 << 20;

/// A reduction with parts for each block.
#[derive(Clone)]
pub(super) struct Column {
    entry: EntryId,
    field: u32,
    /// The type of the parts and, for arrays, their number; the field has an address then.
    ty: Type,
    count: u64,
    array: bool,
    /// Of products of complex numbers: their type.
    complex: Option<Type>,
    operator: String,
    offset: i128,
}

/// The table of a region.
#[derive(Clone)]
pub(super) struct Ordered {
    columns: Vec<Column>,
    /// Bytes of a row.
    size: i128,
    /// How many loops this thread has come to.
    loops: Option<LocalId>,
}

/// The blocks of a loop.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    /// Iterations of a block, and the number of blocks.
    pub each: Value,
    pub count: Value,
    rows: Value,
}

impl Ordered {
    /// Whether a variable has a column.
    pub(super) fn has(&self, entry: EntryId) -> bool {
        self.columns.iter().any(|column| column.entry == entry)
    }
}

impl<'t> Body<'_, 't> {
    /// The table of a region in which floating-point reductions have an order.
    pub(super) fn ordered(&self, captured: &[Captured<'t>]) -> Option<Ordered> {
        if !self.directive_on("prange_reproducible") {
            return None;
        }
        let mut columns = Vec::new();
        // The first word of a row says that it is filled; rows and columns begin at multiples of 16.
        let mut size = 16;
        for one in captured {
            let operator = match (&one.private, &one.array) {
                (Some(Some(operator)), _) | (_, Some(operator)) => operator.clone(),
                _ => continue,
            };
            let (mut ty, mut count) = flat(&one.ty);
            let complex = (operator == "*" && matches!(ty, Type::Struct(_))).then(|| ty.clone());
            if let Type::Struct(id) = ty
                && let [part, _] = self.m.mir.structs[id.0 as usize].fields.as_slice()
            {
                // A complex number: in sums, its parts are added one by one.
                (ty, count) = (part, 2 * count);
            }
            let bytes = match ty {
                Type::F32 => 4,
                Type::F64 => 8,
                Type::F80 => 16,
                _ => continue,
            };
            columns.push(Column {
                entry: one.entry.id(),
                field: one.field,
                ty: ty.clone(),
                count,
                array: one.array.is_some(),
                complex,
                operator,
                offset: size,
            });
            size += (bytes * i128::from(count) + 15) / 16 * 16;
        }
        let loops = None;
        (!columns.is_empty()).then_some(Ordered {
            columns,
            size,
            loops,
        })
    }

    /// Begins to count the loops of a region.
    pub(super) fn begin_ordered(&mut self, ordered: &mut Ordered) {
        let loops = self.b.local("loops", Type::I64);
        let zero = self.int(0, 64);
        self.b.effect(Op::Set(loops, zero));
        ordered.loops = Some(loops);
    }

    /// Cuts a loop into blocks.
    pub(super) fn blocks(
        &mut self,
        region: &Region,
        ordered: &Ordered,
        steps: Value,
    ) -> Result<Blocks> {
        let Some(loops) = ordered.loops else {
            return self.defect("no count of loops");
        };
        let most = (BYTES / ordered.size).clamp(FEWEST, BLOCKS);
        let one = self.int(1, 64);
        let limit = self.int(most, 64);
        let each = self.rounded_up(steps, limit);
        let count = self.rounded_up(steps, each);
        let number = self.op(Op::Get(loops));
        let next = self.op(Op::Binary(BinaryOp::Add, number, one));
        self.b.effect(Op::Set(loops, next));
        let head = self.op(Op::Field(region.frame, region.structure, PARTS));
        let size = self.int(ordered.size, 64);
        let zero = self.int(0, 64);
        let mut rows = Ok(head);
        self.critical(region.thread, |body| {
            rows = body.rt_value(
                "cyl_parallel_rows",
                "pllll:p",
                &[head, zero, number, count, size],
            );
            Ok(())
        })?;
        let rows = rows?;
        Ok(Blocks { each, count, rows })
    }

    /// a / b, rounded up.
    fn rounded_up(&mut self, a: Value, b: Value) -> Value {
        let one = self.int(1, 64);
        let less = self.op(Op::Binary(BinaryOp::Sub, b, one));
        let sum = self.op(Op::Binary(BinaryOp::Add, a, less));
        self.op(Op::Binary(BinaryOp::SDiv, sum, b))
    }

    /// A chunk of iterations in blocks: at least one.
    pub(super) fn chunk_of_blocks(&mut self, chunk: Value, blocks: Blocks) -> Value {
        let whole = self.op(Op::Binary(BinaryOp::SDiv, chunk, blocks.each));
        let one = self.int(1, 64);
        let some = self.op(Op::Compare(Comparison::SGt, whole, one));
        self.op(Op::Select(some, whole, one))
    }

    /// Runs the blocks from and to, inclusive; `run` has the first and the last iteration of one.
    pub(super) fn each_block(
        &mut self,
        node: Node<'t>,
        region: &Region,
        (ordered, blocks): (&Ordered, Blocks),
        range: Range,
        (from, to): (Value, Value),
        run: impl FnOnce(&mut Self, (Value, Value)) -> Result<bool>,
    ) -> Result<bool> {
        let one = self.int(1, 64);
        let past = self.op(Op::Binary(BinaryOp::Add, to, one));
        let total = self.op(Op::Binary(BinaryOp::Sub, past, from));
        let mut breaks = false;
        self.count_to(total, |body, index| {
            let number = body.op(Op::Binary(BinaryOp::Add, from, index));
            let first = body.op(Op::Binary(BinaryOp::Mul, number, blocks.each));
            let end = body.op(Op::Binary(BinaryOp::Add, first, blocks.each));
            let within = body.op(Op::Compare(Comparison::SLt, end, range.steps));
            let end = body.op(Op::Select(within, end, range.steps));
            let last = body.op(Op::Binary(BinaryOp::Sub, end, one));
            body.reset_columns(node, region, ordered)?;
            breaks = run(body, (first, last))?;
            let size = body.int(ordered.size, 64);
            let at = body.op(Op::Binary(BinaryOp::Mul, number, size));
            let row = body.op(Op::Index(blocks.rows, Type::Int(8), at));
            body.store_columns(ordered, row)
        })?;
        // What is left here is no part of the sum any more.
        self.reset_columns(node, region, ordered)?;
        Ok(breaks)
    }

    fn column_local(&mut self, column: &Column) -> Result<LocalId> {
        match self.variables.get(&column.entry).copied() {
            Some(Variable::Local { id, .. }) => Ok(id),
            _ => self.defect("a reduction that is no local variable"),
        }
    }

    /// What each block starts from.
    fn reset_columns(&mut self, node: Node<'t>, region: &Region, ordered: &Ordered) -> Result<()> {
        for column in &ordered.columns {
            let local = self.column_local(column)?;
            if matches!(column.operator.as_str(), "max" | "min") {
                let field = self.get_field(
                    region.frame,
                    region.structure,
                    column.field,
                    column.ty.clone(),
                );
                self.b.effect(Op::Set(local, field));
                continue;
            }
            let to = self.op(Op::LocalAddr(local));
            let items = match &column.complex {
                Some(ty) => (ty, column.count / 2),
                None => (&column.ty, column.count),
            };
            self.fill_items(node, &column.operator, to, items)?;
        }
        Ok(())
    }

    fn store_columns(&mut self, ordered: &Ordered, row: Value) -> Result<()> {
        let one = self.int(1, 64);
        self.b.effect(Op::Store {
            address: row,
            value: one,
        });
        for column in &ordered.columns {
            let local = self.column_local(column)?;
            let offset = self.int(column.offset, 64);
            let to = self.op(Op::Index(row, Type::Int(8), offset));
            let from = self.op(Op::LocalAddr(local));
            let ty = column.ty.clone();
            let count = self.int(i128::from(column.count), 64);
            self.count_to(count, |body, index| {
                let [from, to] =
                    [from, to].map(|array| body.op(Op::Index(array, ty.clone(), index)));
                let value = body.op(Op::Load(ty, from));
                body.b.effect(Op::Store { address: to, value });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Combines the rows, after the region.
    pub(super) fn fold_ordered(
        &mut self,
        ordered: &Ordered,
        frame: Value,
        structure: StructId,
    ) -> Result<()> {
        let head = self.op(Op::Field(frame, structure, PARTS));
        let size = self.int(ordered.size, 64);
        for column in &ordered.columns {
            let into = if column.array {
                self.get_field(frame, structure, column.field, Type::Ptr)
            } else {
                self.op(Op::Field(frame, structure, column.field))
            };
            let operator = match column.operator.as_str() {
                "+" | "-" => '+',
                "*" if column.complex.is_some() => '.',
                "*" => '*',
                "max" => '>',
                "min" => '<',
                other => return self.missing(&format!("ordered reduction by '{other}'")),
            };
            let kind = match column.ty {
                Type::F32 => 32,
                Type::F64 => 64,
                _ => 80,
            };
            let offset = self.int(column.offset, 64);
            let kind = self.int(kind, 32);
            let operator = self.int(i128::from(u32::from(operator)), 32);
            let count = match column.complex {
                Some(_) => column.count / 2,
                None => column.count,
            };
            let count = self.int(i128::from(count), 64);
            let args = [head, size, offset, kind, operator, count, into];
            self.rt_void("cyl_parallel_fold", "plliilp:v", &args)?;
        }
        self.rt_void("cyl_parallel_forget", "p:v", &[head])
    }
}
