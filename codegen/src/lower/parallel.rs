//! `prange` and `with parallel()`: regions that OpenMP's threads run.
//!
//! A region becomes a function of its own, which the OpenMP runtime calls in every thread with the
//! address of a frame.  What the region reads of the function around it is copied into the frame
//! before and from there into the thread's own locals; what it assigns is copied back by the rules of
//! OpenMP's lastprivate and reduction clauses, as Cython chooses them.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{Entry, EntryId, Node};

use super::body::{Body, Variable};
use super::closures::ScopeObject;
use super::context::missing_node;
use super::parallel_gpu::refuse;
use super::parallel_loops::{inside, privates};
use super::parallel_ordered::Ordered;
use super::parallel_returns::returned_field;
use super::parallel_share::{Chunks, Counts};
use super::{LowerError, Result};
use crate::mir::{
    BlockId, Callee, Comparison, FuncId, Function, Global, GlobalId, GlobalInit, Linkage, Op,
    Signature, StructId, Terminator, Type, Value,
};

/// Fields of a frame before those of variables.
pub(super) const WHY: u32 = 0;
pub(super) const LINE: u32 = 1;
pub(super) const KEPT: u32 = 2;
pub(super) const START: u32 = 5;
pub(super) const STEP: u32 = 6;
pub(super) const STEPS: u32 = 7;
/// The table of parts of reductions that have an order.
pub(super) const PARTS: u32 = 8;
/// The scope object of the function around, or the place for the memoryview that it returns.
pub(super) const AROUND: u32 = 9;
const FIRST: u32 = 10;

/// The field of the n-th variable.  A word lies between any two: LLVM writes neighbours with one
/// instruction, and keeps them in one register for that, also where a loop has to take them apart.
pub(super) fn variable_field(index: usize) -> u32 {
    FIRST + 2 * index as u32
}

/// How a region was left, besides normally.
pub(super) const BROKEN: i128 = 2;
pub(super) const RETURNED: i128 = 3;
pub(super) const RAISED: i128 = 4;

/// The region whose function is lowered.
#[derive(Clone)]
pub(super) struct Region {
    pub frame: Value,
    pub structure: StructId,
    /// The thread's number for libomp, and in the region.
    pub thread: Value,
    pub number: Value,
    pub fields: HashMap<EntryId, u32>,
    /// Where the value goes that the function around returns.
    pub returned: (u32, Type),
    pub returns: bool,
    /// Reductions that do not depend on the number of threads.
    pub ordered: Option<Ordered>,
    /// Where the chunks of loops with a dynamic schedule are counted.
    pub chunks: Option<Chunks>,
}

/// A variable of the function around that a region knows.
#[derive(Clone)]
pub(super) struct Captured<'t> {
    pub entry: Entry<'t>,
    pub ty: Type,
    pub field: u32,
    /// Used where it lies: the field has its address.
    pub remote: bool,
    /// Assigned in the region: the operator where it is a reduction.
    pub private: Option<Option<String>>,
    /// A C array that the region only combines values with: by this operator.
    pub array: Option<String>,
}

/// The counts of a `prange`.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub start: Value,
    pub step: Value,
    pub steps: Value,
}

impl<'t> Body<'_, 't> {
    /// `ParallelRangeNode`.
    pub(super) fn lower_prange(&mut self, node: Node<'t>) -> Result<()> {
        let range = self.prange_counts(node)?;
        if node.flag("is_nested_prange") {
            return self.sequential(node, range);
        }
        let holds = node.flag("acquire_gil");
        if self.gil && (node.flag("is_parallel") || !holds) {
            return missing_node(node, "where the GIL is held");
        }
        let mut device = self.prange_device(node)?;
        if holds {
            if device.is_some_and(|device| device.required) {
                return refuse(node, "a loop that holds the GIL");
            }
            device = None;
        }
        if !node.flag("is_parallel") {
            if device.is_some_and(|device| device.required) {
                return refuse(node, "a loop in a 'with parallel()' block");
            }
            return self.shared_loop(node, range);
        }
        let threads = self.thread_options(node)?;
        let chunk = self.chunk(node)?;
        let after = self.b.block();
        let otherwise = self.b.block();
        let enter = self.b.block();
        let zero = self.int(0, 64);
        let some = self.op(Op::Compare(Comparison::SGt, range.steps, zero));
        self.b.branch(some, enter, otherwise);
        self.b.switch_to(enter);
        if let Some(device) = device {
            let cpu = self.b.block();
            let (kernels, missing) = (self.m.mir.kernels.len(), self.m.missing.len());
            let depth = self.temps.len();
            let done = self.prange_on_gpu(node, range, device, (cpu, otherwise, after));
            let failed = matches!(done, Err(LowerError::Missing(_)));
            if !device.required && (failed || self.m.missing.len() > missing) {
                // It stays on the CPU: what was begun is given up.
                self.m.mir.kernels.truncate(kernels);
                self.m.missing.truncate(missing);
                self.temps.truncate(depth);
                self.b.jump(cpu);
            } else {
                done?;
            }
            self.b.switch_to(cpu);
        }
        let captured = self.captured(node, &[node])?;
        let counts = Counts::of(&[node], false);
        let (structure, frame) = self.make_frame(&captured, counts)?;
        for (field, value) in [
            (START, range.start),
            (STEP, range.step),
            (STEPS, range.steps),
        ] {
            self.set_field(frame, structure, field, value);
        }
        let chunk_field = variable_field(captured.len());
        if let Some(chunk) = chunk {
            self.set_field(frame, structure, chunk_field, chunk);
        }
        let (region, may_raise, may_break) =
            self.region_function(node, &captured, structure, |body, region| {
                body.prange_in_region(node, region, &captured, chunk.map(|_| chunk_field))
            })?;
        self.fork(threads, region, frame)?;
        if let Some(ordered) = self.ordered(&captured) {
            self.fold_ordered(&ordered, frame, structure)?;
        }
        self.copy_back(&captured, frame, structure)?;
        if may_raise {
            self.raise_kept(frame, structure, captured.len(), may_break)?;
        }
        if may_break {
            self.return_after(frame, structure, captured.len())?;
            let why = self.get_field(frame, structure, WHY, Type::I32);
            let limit = self.int(BROKEN, 32);
            let whole = self.op(Op::Compare(Comparison::SLt, why, limit));
            self.b.branch(whole, otherwise, after);
        } else {
            self.b.jump(otherwise);
        }
        if holds && let Some(clause) = node.node("else_clause") {
            // Cython runs it without the GIL, whatever it does.
            self.b.switch_to(otherwise);
            self.with_lock(true, true, |body| body.stat(clause))?;
            self.b.jump(after);
            self.b.switch_to(after);
            return Ok(());
        }
        self.loop_end(node, otherwise, after)
    }

    /// `ParallelWithBlockNode`.
    pub(super) fn lower_parallel_block(&mut self, node: Node<'t>) -> Result<()> {
        if self.gil || self.region.is_some() {
            return missing_node(node, "where the GIL is held, or in another");
        }
        let threads = self.thread_options(node)?;
        let mut parts = vec![node];
        parts.extend(
            inside(node)
                .into_iter()
                .filter(|inner| inner.kind() == "ParallelRangeNode" && !inner.flag("is_parallel")),
        );
        let captured = self.captured(node, &parts)?;
        let counts = Counts::of(&parts[1..], true);
        let (structure, frame) = self.make_frame(&captured, counts)?;
        let own: HashSet<EntryId> = privates(node).into_iter().map(|(entry, _)| entry).collect();
        let (region, may_raise, may_return) =
            self.region_function(node, &captured, structure, |body, region| {
                let (left, next, out) = (body.b.block(), body.b.block(), body.b.block());
                body.return_block = out;
                let done = body.loop_body(node.child("body")?, left, next);
                body.return_block = body.region_end;
                done?;
                let end = body.b.block();
                body.b.jump(end);
                let returns = body.reached(out) || body.region_returns;
                body.b.switch_to(out);
                let number = body.int(RETURNED, 32);
                body.set_field(region.frame, region.structure, WHY, number);
                let region_end = body.region_end;
                body.b.jump(region_end);
                if body.reached(left) || body.reached(next) {
                    return missing_node(node, "left by break or continue");
                }
                body.b.switch_to(end);
                body.combine(&captured, region)?;
                Ok(returns)
            })?;
        self.fork(threads, region, frame)?;
        if let Some(ordered) = self.ordered(&captured) {
            self.fold_ordered(&ordered, frame, structure)?;
        }
        // What is private to the block ends with it.
        let outer: Vec<Captured<'t>> = captured
            .iter()
            .filter(|one| !own.contains(&one.entry.id()))
            .cloned()
            .collect();
        self.copy_back(&outer, frame, structure)?;
        if may_raise {
            self.raise_kept(frame, structure, captured.len(), may_return)?;
        }
        if may_return {
            self.return_after(frame, structure, captured.len())?;
        }
        Ok(())
    }

    /// `threadid()`.
    pub(super) fn lower_thread_number(&mut self, node: Node<'t>) -> Result<Value> {
        match self.openmp("omp_get_thread_num", &[], Type::I32, Vec::new()) {
            Some(number) => Ok(number),
            None => missing_node(node, ""),
        }
    }

    // ---------------------------------------------------------------- regions

    /// Lowers a region into a function; whether it raises, and whether it breaks.
    fn region_function(
        &mut self,
        node: Node<'t>,
        captured: &[Captured<'t>],
        structure: StructId,
        content: impl FnOnce(&mut Body<'_, 't>, &Region) -> Result<bool>,
    ) -> Result<(FuncId, bool, bool)> {
        let signature = Signature::new([Type::Ptr, Type::Ptr, Type::Ptr], Type::Void);
        let name = format!(
            "{}.parallel.{}",
            self.b.function.name,
            self.m.mir.functions.len()
        );
        let mut function = Function::new(&name, Linkage::Internal, signature);
        function.gil = false;
        function.source = self.b.function.source;
        function.float_math = self.b.function.float_math;
        let directives = self.directives.clone();
        let qualified = self.qualified_name.clone();
        let outer = self.returned_type();
        let (scope, slice) = (self.scope_object, self.returned_slice);
        let (around, copies) = (self.function, self.copies.clone());
        let traces = self.traces_into().is_some();
        let mut body = Body::new(&mut *self.m, function, &qualified);
        body.directives = directives;
        (body.function, body.copies) = (around, copies);
        body.at(node);
        let frame = body.op(Op::Param(2));
        let thread = body.op(Op::Param(0));
        let thread = body.op(Op::Load(Type::I32, thread));
        let number = body.op(Op::Param(1));
        let number = body.op(Op::Load(Type::I32, number));
        if slice.is_some() {
            body.returned_slice = Some(body.get_field(frame, structure, AROUND, Type::Ptr));
        } else if let Some((_, class)) = scope {
            let local = body.b.local("scope", Type::Object);
            let object = body.get_field(frame, structure, AROUND, Type::Object);
            body.b.effect(Op::Set(local, object));
            body.scope_object = Some((ScopeObject::Local(local), class));
        }
        if traces {
            let last = body.m.mir.structs[structure.0 as usize].fields.len() - 1;
            let trace = body.get_field(frame, structure, last as u32, Type::Ptr);
            body.region_tells_lines(trace);
        }
        let returns = outer.is_some();
        let returned = (returned_field(captured.len()), outer.unwrap_or(Type::I64));
        let mut region = Region {
            frame,
            structure,
            thread,
            number,
            fields: HashMap::new(),
            returned,
            returns,
            ordered: body.ordered(captured),
            chunks: body.chunks_of(frame, structure, captured.len()),
        };
        if let Some(ordered) = &mut region.ordered {
            body.begin_ordered(ordered);
        }
        for one in captured {
            if let Some(operator) = &one.array {
                body.own_array(node, one, operator)?;
                continue;
            }
            if one.remote {
                let address = body.get_field(frame, structure, one.field, Type::Ptr);
                if one.entry.text("name").is_none() {
                    body.copy_table(one.entry, &one.ty, address)?;
                    continue;
                }
                body.remote
                    .insert(one.entry.id(), (address, one.ty.clone()));
                continue;
            }
            let local = body
                .b
                .local(one.entry.text("name").unwrap_or("variable"), one.ty.clone());
            body.variables.insert(
                one.entry.id(),
                Variable::Local {
                    id: local,
                    owned: false,
                },
            );
            region.fields.insert(one.entry.id(), one.field);
            let to = body.op(Op::LocalAddr(local));
            match &one.private {
                // The greatest and the least value start from what was there before.
                Some(Some(operator)) if !matches!(operator.as_str(), "max" | "min") => {
                    let value = body.identity(node, operator, &one.ty)?;
                    body.b.effect(Op::Store { address: to, value });
                }
                _ => {
                    let from = body.op(Op::Field(frame, structure, one.field));
                    body.copy_variable(one, to, from);
                    if let Some(ty) = one.entry.ty("type")
                        && ty.flag("is_memoryviewslice")
                    {
                        body.note_stride(to, from, ty)?;
                    }
                }
            }
        }
        let (begin, start) = (body.b.block(), body.b.block());
        body.b.jump(begin);
        body.b.switch_to(begin);
        let holds = node.flag("acquire_gil");
        let gil = holds.then(|| body.op(Op::EnsureGil));
        body.b.switch_to(start);
        body.gil = holds;
        body.region = Some(region.clone());
        body.region_end = body.return_block;
        let missing = body.m.missing.len();
        let breaks = content(&mut body, &region)?;
        let end = body.return_block;
        body.b.jump(end);
        let failed = body.error_block();
        let raises = body.reached(failed) || body.region_keeps;
        body.b.switch_to(failed);
        let kept = region_kept(&mut body, &region);
        body.keep_exception(kept)?;
        body.b.jump(end);
        body.b.switch_to(begin);
        let state = if raises && !holds {
            let token = body.b.local("token", Type::I32);
            let address = body.op(Op::LocalAddr(token));
            let state = body.rt_value("cyl_parallel_begin", "p:p", &[address])?;
            Some((state, token))
        } else {
            None
        };
        body.b.jump(start);
        body.b.switch_to(end);
        let owned = std::mem::take(&mut body.owned_locals);
        if !owned.is_empty() {
            body.with_gil(|body| {
                owned.iter().for_each(|local| body.clear_local(*local));
                Ok(())
            })?;
        }
        if let Some((state, token)) = state {
            let token = body.op(Op::Get(token));
            body.rt_void("cyl_parallel_end", "pi:v", &[state, token])?;
        }
        if let Some(token) = gil {
            body.b.effect(Op::ReleaseGil(token));
        }
        body.b.end(Terminator::Return(None));
        let complete = body.m.missing.len() == missing;
        let function = body.b.finish();
        let id = self.m.mir.add_function(function);
        if !complete {
            self.m.mir.functions[id.0 as usize].blocks.clear();
        }
        Ok((id, raises, breaks))
    }

    /// Keeps this thread's exception for later.
    pub(super) fn keep_exception(&mut self, (kept, kept_line): (Value, Value)) -> Result<()> {
        let line = self.op(Op::Get(self.line));
        self.rt_void("cyl_parallel_fetch", "ppi:v", &[kept, kept_line, line])
    }

    /// Whether a block is jumped to.
    pub(super) fn reached(&self, block: BlockId) -> bool {
        self.b
            .function
            .blocks
            .iter()
            .any(|from| from.terminator.successors().contains(&block))
    }

    /// Starts the threads and waits for them.
    fn fork(
        &mut self,
        options: (Option<Value>, Option<Value>),
        region: FuncId,
        frame: Value,
    ) -> Result<()> {
        let place = self.place_for_openmp(2);
        let address = self.function_address(region);
        if options.0.is_none() && options.1.is_none() {
            self.fork_call(place, address, frame);
            return Ok(());
        }
        let thread = self.openmp(
            "__kmpc_global_thread_num",
            &[Type::Ptr],
            Type::I32,
            vec![place],
        );
        let Some(thread) = thread else {
            return self.defect("no thread number");
        };
        if let Some(count) = options.0 {
            let most = self.openmp("omp_get_max_threads", &[], Type::I32, vec![]);
            let Some(most) = most else {
                return self.defect("no number of threads");
            };
            let zero = self.int(0, 32);
            let given = self.op(Op::Compare(Comparison::Ne, count, zero));
            let count = self.op(Op::Select(given, count, most));
            let types = [Type::Ptr, Type::I32, Type::I32];
            self.openmp(
                "__kmpc_push_num_threads",
                &types,
                Type::Void,
                vec![place, thread, count],
            );
        }
        let Some(condition) = options.1 else {
            self.fork_call(place, address, frame);
            return Ok(());
        };
        self.if_else(
            condition,
            |body| {
                body.fork_call(place, address, frame);
                Ok(())
            },
            |body| {
                let types = [Type::Ptr, Type::I32];
                body.openmp(
                    "__kmpc_serialized_parallel",
                    &types,
                    Type::Void,
                    vec![place, thread],
                );
                let own = body.b.local("thread", Type::I32);
                body.b.effect(Op::Set(own, thread));
                let own = body.op(Op::LocalAddr(own));
                let bound = body.b.local("bound", Type::I32);
                let bound = body.op(Op::LocalAddr(bound));
                body.b.call(
                    &body.m.mir,
                    Callee::Function(region),
                    vec![own, bound, frame],
                );
                body.openmp(
                    "__kmpc_end_serialized_parallel",
                    &types,
                    Type::Void,
                    vec![place, thread],
                );
                Ok(())
            },
        )
    }

    fn fork_call(&mut self, place: Value, region: Value, frame: Value) {
        let signature = Signature::new([Type::Ptr, Type::I32, Type::Ptr], Type::Void).varargs();
        let callee = Callee::Extern(self.m.mir.declare("__kmpc_fork_call", signature));
        let one = self.int(1, 32);
        self.b
            .call(&self.m.mir, callee, vec![place, one, region, frame]);
    }

    /// Calls a function of the OpenMP runtime.
    pub(super) fn openmp(
        &mut self,
        name: &str,
        params: &[Type],
        result: Type,
        args: Vec<Value>,
    ) -> Option<Value> {
        let signature = Signature::new(params.iter().cloned(), result);
        let callee = Callee::Extern(self.m.mir.declare(name, signature));
        self.b.call(&self.m.mir, callee, args)
    }

    /// OpenMP's description of a place in the source; `flags` says what stands there.
    pub(super) fn place_for_openmp(&mut self, flags: i128) -> Value {
        let global: GlobalId = match self.m.openmp_places.get(&flags) {
            Some(found) => *found,
            None => {
                let text = self.m.c_string(b";unknown;unknown;0;0;;");
                let structure = self.m.mir.structure("ident_t", || {
                    vec![Type::I32, Type::I32, Type::I32, Type::I32, Type::Ptr]
                });
                let zero = GlobalInit::Int(0);
                let init = vec![
                    zero.clone(),
                    GlobalInit::Int(flags),
                    zero.clone(),
                    zero,
                    GlobalInit::Global(text),
                ];
                let made = self.m.mir.add_global(Global {
                    name: format!("openmp.place.{flags}"),
                    ty: Type::Struct(structure),
                    init: GlobalInit::List(init),
                    constant: false,
                    linkage: Linkage::Internal,
                });
                self.m.openmp_places.insert(flags, made);
                made
            }
        };
        self.op(Op::GlobalAddr(global))
    }
}

/// Where a region keeps an exception, and its line.
pub(super) fn region_kept(body: &mut Body<'_, '_>, region: &Region) -> (Value, Value) {
    let kept = body.op(Op::Field(region.frame, region.structure, KEPT));
    let line = body.op(Op::Field(region.frame, region.structure, LINE));
    (kept, line)
}
