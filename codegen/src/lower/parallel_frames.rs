//! Parallel regions: the options of the statement, and the frame through which variables go.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{Entry, EntryId, Node, Value as Attr};

use super::Result;
use super::body::{Body, Variable};
use super::context::missing_node;
use super::memview::dimensions;
use super::parallel::{Captured, FIRST, KEPT, LINE, PARTS, RETURNED, Range, Region, START, WHY};
use super::parallel_loops::{inside, privates};
use super::types;
use crate::mir::{BinaryOp, Comparison, Op, StructId, Type, Value};

/// Where else than on the CPU a loop may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Device {
    /// What cannot go to a GPU is an error.
    pub required: bool,
    /// Where there is no GPU, the loop runs on the CPU.
    pub fallback: bool,
}

impl<'t> Body<'_, 't> {
    /// What the directives say of a loop's device; none for the CPU.
    pub(super) fn prange_device(&self, node: Node<'t>) -> Result<Option<Device>> {
        let required = match self.directive("prange_device") {
            Some(Attr::Str(name)) if name == "gpu" => true,
            Some(Attr::Str(name)) if name == "auto" => false,
            None | Some(Attr::None) => return Ok(None),
            Some(Attr::Str(name)) if name == "cpu" => return Ok(None),
            _ => return missing_node(node, "with this prange_device"),
        };
        let fallback = match self.directive("prange_fallback") {
            None | Some(Attr::None) => !required,
            Some(value) => value.truth(),
        };
        Ok(Some(Device { required, fallback }))
    }

    /// start, step, and the number of iterations, in 64 bits.
    pub(super) fn prange_counts(&mut self, node: Node<'t>) -> Result<Range> {
        let mut values = Vec::new();
        let mut unsigned = false;
        for name in ["start", "stop", "step"] {
            let Some(part) = node.node(name) else {
                values.push(None);
                continue;
            };
            let value = self.expr(part)?;
            if !self.b.ty(value).is_int() {
                return missing_node(node, "over something else than integers");
            }
            let ty = part.expr_type()?;
            let negative = types::unsigned(ty);
            unsigned |= negative;
            values.push(Some(self.widen(value, 64, negative)));
        }
        let one = self.int(1, 64);
        let zero = self.int(0, 64);
        let (start, stop, step) = match values.as_slice() {
            [start, Some(stop), step] => (*start, *stop, *step),
            _ => return missing_node(node, "without an end"),
        };
        if unsigned && (start.is_some() || step.is_some()) {
            return missing_node(node, "over unsigned integers");
        }
        let start = start.unwrap_or(zero);
        let length = self.op(Op::Binary(BinaryOp::Sub, stop, start));
        let Some(step) = step else {
            return Ok(Range {
                start,
                step: one,
                steps: length,
            });
        };
        let none = self.op(Op::Compare(Comparison::Eq, step, zero));
        self.if_unlikely(none, |body| body.rt_void("cyl_parallel_abort", ":v", &[]))?;
        // Rounded away from zero: length + step -+ 1.
        let up = self.op(Op::Compare(Comparison::SGt, step, zero));
        let minus = self.int(-1, 64);
        let sign = self.op(Op::Select(up, one, minus));
        let sum = self.op(Op::Binary(BinaryOp::Add, length, step));
        let sum = self.op(Op::Binary(BinaryOp::Sub, sum, sign));
        let steps = self.op(Op::Binary(BinaryOp::SDiv, sum, step));
        Ok(Range { start, step, steps })
    }

    /// `num_threads`, and the condition for threads at all.
    pub(super) fn thread_options(
        &mut self,
        node: Node<'t>,
    ) -> Result<(Option<Value>, Option<Value>)> {
        let mut found = [None, None];
        for (slot, name) in found.iter_mut().zip(["num_threads", "threading_condition"]) {
            if let Some(part) = node.node(name) {
                let value = self.expr(part)?;
                let ty = part.expr_type()?;
                if !self.b.ty(value).is_int() {
                    return missing_node(node, &format!("with this {name}"));
                }
                *slot = Some(if name == "num_threads" {
                    self.widen(value, 32, types::unsigned(ty))
                } else {
                    self.truth(value)?
                });
            }
        }
        Ok((found[0], found[1]))
    }

    pub(super) fn chunk(&mut self, node: Node<'t>) -> Result<Option<Value>> {
        let Some(part) = node.node("chunksize") else {
            return Ok(None);
        };
        let value = self.expr(part)?;
        if !self.b.ty(value).is_int() {
            return missing_node(node, "with this chunk size");
        }
        Ok(Some(self.widen(
            value,
            64,
            types::unsigned(part.expr_type()?),
        )))
    }

    /// The variables that a region uses.
    pub(super) fn captured(
        &mut self,
        node: Node<'t>,
        parts: &[Node<'t>],
    ) -> Result<Vec<Captured<'t>>> {
        let mut assigned: HashMap<EntryId, Option<String>> = HashMap::new();
        for part in parts {
            for (entry, operator) in privates(*part) {
                // A reduction of a loop inside a block is one of the block.
                let old = assigned.entry(entry).or_default();
                if operator.is_some() {
                    *old = operator;
                }
            }
            if part.kind() == "ParallelRangeNode" {
                // The index is never a reduction.
                if let Some(entry) = part.node("target").and_then(|target| target.entry("entry")) {
                    assigned.insert(entry.id(), None);
                }
            }
        }
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut addressed = HashSet::new();
        for inner in inside(node) {
            match inner.kind() {
                "TempNode" | "TempRefNode" => return missing_node(inner, "in a parallel region"),
                "AmpersandNode" => {
                    if let Some(entry) = inner.node("operand").and_then(|of| of.entry("entry")) {
                        addressed.insert(entry.id());
                    }
                }
                _ => {}
            }
            let Some(entry) = inner.entry("entry").filter(|_| inner.kind() == "NameNode") else {
                continue;
            };
            let private = assigned.get(&entry.id()).cloned();
            let local = self.variables.contains_key(&entry.id());
            if seen.contains(&entry.id()) {
                continue;
            }
            seen.insert(entry.id());
            let array = self.array_reduction(node, entry)?;
            if !local && private.is_none() && array.is_none() {
                continue;
            }
            if !local && !entry.flag("is_cglobal") {
                return missing_node(inner, "assigned in a parallel region");
            }
            let Some(ty) = entry.ty("type") else {
                return missing_node(inner, "without a type");
            };
            let slice = ty.flag("is_memoryviewslice");
            let ty = self.c_type(ty)?;
            let plain = matches!(
                ty,
                Type::Int(_) | Type::F32 | Type::F64 | Type::F80 | Type::Ptr
            ) || matches!(ty, Type::Struct(_)) && !slice && private == Some(None);
            let object = ty == Type::Object;
            let remote = (object && private.is_some())
                || (!slice && private.is_none() && matches!(ty, Type::Array(..) | Type::Struct(_)));
            if remote && object && !self.owns(entry) {
                return missing_node(inner, "borrowed, and assigned in a parallel region");
            }
            if !(plain || remote || (private.is_none() && (slice || object))) {
                return missing_node(inner, "of this type in a parallel region");
            }
            if let Some((entry, ty)) = super::buffers::table_of(entry) {
                if private.is_some() {
                    return missing_node(inner, "with a buffer assigned in a parallel region");
                }
                let (field, remote, private) = (FIRST + found.len() as u32, true, None);
                found.push(Captured {
                    entry,
                    ty,
                    field,
                    remote,
                    private,
                    array: None,
                });
            }
            let field = FIRST + found.len() as u32;
            let private = private.filter(|_| !remote);
            found.push(Captured {
                entry,
                ty,
                field,
                remote,
                private,
                array,
            });
        }
        for one in &mut found {
            one.remote |= one.private.is_none() && addressed.contains(&one.entry.id());
        }
        Ok(found)
    }

    /// Whether a variable owns its object.
    pub(super) fn owns(&self, entry: Entry<'t>) -> bool {
        matches!(
            self.variables.get(&entry.id()),
            Some(Variable::Local { owned: true, .. })
        )
    }

    /// The place where the function around keeps a variable.
    pub(super) fn outer_place(&mut self, entry: Entry<'t>) -> Result<Value> {
        if let Some(Variable::Local { id, .. }) = self.variables.get(&entry.id()).copied() {
            return Ok(self.op(Op::LocalAddr(id)));
        }
        let global = self.m.global_of(entry)?;
        Ok(self.op(Op::GlobalAddr(global)))
    }

    pub(super) fn make_frame(&mut self, captured: &[Captured<'t>]) -> Result<(StructId, Value)> {
        let mut fields = vec![Type::I32, Type::I32, Type::Ptr, Type::Ptr, Type::Ptr];
        fields.extend([Type::I64, Type::I64, Type::I64, Type::Ptr]);
        fields.extend(captured.iter().map(|one| {
            if one.remote || one.ty == Type::Object {
                Type::Ptr
            } else {
                one.ty.clone()
            }
        }));
        fields.push(Type::I64);
        fields.push(self.returned_type().unwrap_or(Type::I64));
        let name = format!("frame.{}", self.m.mir.structs.len());
        let structure = self.m.mir.structure(&name, || fields);
        let local = self.b.local("frame", Type::Struct(structure));
        let frame = self.op(Op::LocalAddr(local));
        let zero = self.int(0, 32);
        self.set_field(frame, structure, WHY, zero);
        self.set_field(frame, structure, LINE, zero);
        for field in (KEPT..START).chain([PARTS]) {
            let null = self.null();
            self.set_field(frame, structure, field, null);
        }
        for one in captured {
            let from = self.outer_place(one.entry)?;
            let to = self.op(Op::Field(frame, structure, one.field));
            if one.remote {
                self.b.effect(Op::Store {
                    address: to,
                    value: from,
                });
                continue;
            }
            self.copy_variable(one, to, from);
        }
        Ok((structure, frame))
    }

    /// The type of a C value that the function returns.
    pub(super) fn returned_type(&self) -> Option<Type> {
        let ty = self.b.function.locals[self.returned?.0 as usize].ty.clone();
        (ty.is_int() || ty.is_float() || ty == Type::Ptr).then_some(ty)
    }

    /// Reads a variable of the function around a region where it lies.
    pub(super) fn read_remote(
        &mut self,
        node: Node<'t>,
        entry: Entry<'t>,
        address: Value,
        ty: &Type,
    ) -> Result<Value> {
        if let Type::Array(..) = ty {
            return Ok(address);
        }
        let value = self.op(Op::Load(ty.clone(), address));
        if *ty != Type::Object {
            return Ok(value);
        }
        let null = self.is_null(value);
        let name = entry.text("name").unwrap_or_default();
        if !self.gil {
            return missing_node(node, "object without the GIL");
        }
        self.if_unlikely(null, |body| {
            let text = body.text(name);
            body.rt_void("__Pyx_RaiseUnboundLocalError", "p:v", &[text])?;
            body.raise_now();
            Ok(())
        })?;
        Ok(self.owned(value))
    }

    /// `return` in a region: the value goes to the frame.
    pub(super) fn return_from_region(&mut self, node: Node<'t>, region: &Region) -> Result<()> {
        if let Some(source) = node.node("value") {
            let value = self.expr(source)?;
            let Some(to) = node.ty("return_type").filter(|_| region.returns) else {
                return missing_node(node, "of this type in a parallel region");
            };
            let value = self.convert_number(value, source.expr_type()?, to)?;
            if *self.b.ty(value) != region.returned.1 {
                return missing_node(node, "of this type in a parallel region");
            }
            self.set_field(region.frame, region.structure, region.returned.0, value);
        } else if region.returns {
            return missing_node(node, "without a value in a parallel region");
        }
        self.leave(super::cleanup::Exit::Return)
    }

    /// Returns where a thread of the region did.
    pub(super) fn return_after(
        &mut self,
        frame: Value,
        structure: StructId,
        captured: usize,
    ) -> Result<()> {
        let why = self.get_field(frame, structure, WHY, Type::I32);
        let number = self.int(RETURNED, 32);
        let returned = self.op(Op::Compare(Comparison::Eq, why, number));
        let (out, on) = (self.b.block(), self.b.block());
        self.b.branch(returned, out, on);
        self.b.switch_to(out);
        if let (Some(ty), Some(local)) = (self.returned_type(), self.returned) {
            let value = self.get_field(frame, structure, FIRST + captured as u32 + 1, ty);
            self.b.effect(Op::Set(local, value));
        }
        self.leave(super::cleanup::Exit::Return)?;
        self.b.switch_to(on);
        Ok(())
    }

    pub(super) fn copy_variable(&mut self, one: &Captured<'t>, to: Value, from: Value) {
        if let (Type::Struct(_), Some(ty)) = (&one.ty, one.entry.ty("type"))
            && ty.flag("is_memoryviewslice")
        {
            self.copy_slice(to, from, dimensions(ty));
            return;
        }
        // A borrowed object is but an address here.
        let ty = if one.ty == Type::Object {
            Type::Ptr
        } else {
            one.ty.clone()
        };
        let value = self.op(Op::Load(ty, from));
        self.b.effect(Op::Store { address: to, value });
    }

    pub(super) fn copy_back(
        &mut self,
        captured: &[Captured<'t>],
        frame: Value,
        structure: StructId,
    ) -> Result<()> {
        for one in captured.iter().filter(|one| one.private.is_some()) {
            let from = self.op(Op::Field(frame, structure, one.field));
            let to = self.outer_place(one.entry)?;
            self.copy_variable(one, to, from);
        }
        Ok(())
    }

    pub(super) fn set_field(
        &mut self,
        frame: Value,
        structure: StructId,
        field: u32,
        value: Value,
    ) {
        let address = self.op(Op::Field(frame, structure, field));
        self.b.effect(Op::Store { address, value });
    }

    pub(super) fn get_field(
        &mut self,
        frame: Value,
        structure: StructId,
        field: u32,
        ty: Type,
    ) -> Value {
        let address = self.op(Op::Field(frame, structure, field));
        self.op(Op::Load(ty, address))
    }

    /// Raises what a thread of the region kept.
    pub(super) fn raise_kept(&mut self, frame: Value, structure: StructId) -> Result<()> {
        let kept = self.get_field(frame, structure, KEPT, Type::Ptr);
        let null = self.is_null(kept);
        let (raise, ok) = (self.b.cold_block(), self.b.block());
        self.b.branch(null, ok, raise);
        self.b.switch_to(raise);
        let address = self.op(Op::Field(frame, structure, KEPT));
        self.rt_void("cyl_parallel_restore", "p:v", &[address])?;
        let line = self.get_field(frame, structure, LINE, Type::I32);
        self.b.effect(Op::Set(self.line, line));
        let target = self.unwind_target();
        self.b.jump(target);
        self.b.switch_to(ok);
        Ok(())
    }
}
