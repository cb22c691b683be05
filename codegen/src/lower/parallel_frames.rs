//! Parallel regions: the options of the statement, and the frame through which variables go.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{Entry, EntryId, HelperId, Node, Value as Attr};

use super::Result;
use super::body::{Body, Variable};
use super::closures::in_scope_object;
use super::context::missing_node;
use super::memview::dimensions;
use super::parallel::{AROUND, Captured, KEPT, LINE, PARTS, START, WHY, variable_field};
use super::parallel_loops::{inside, privates};
use super::parallel_returns::returned_field;
use super::parallel_share::Counts;
use super::types;
use crate::mir::{CastOp, Op, StructId, Type, Value};

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

    /// Of the counts, these that the source tells: what is left is to be read where they were put.
    pub(super) fn known_counts(&mut self, node: Node<'t>) -> (Option<Value>, Option<Value>) {
        let mut known = |name: &str, otherwise: i64| {
            let number = match node.node(name) {
                None => Some(otherwise),
                Some(part) => Some(part)
                    .filter(|part| part.kind() == "IntNode")
                    .and_then(|part| part.text("value")?.parse::<i64>().ok()),
            };
            number.map(|number| self.int(i128::from(number), 64))
        };
        (known("start", 0), known("step", 1))
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
        let nodes = inside(node);
        let own_handles: HashSet<Option<HelperId>> = nodes
            .iter()
            .filter(|inner| inner.kind() == "TempsBlockNode")
            .flat_map(|inner| inner.helpers("temps"))
            .map(|handle| Some(handle.id()))
            .collect();
        for inner in nodes {
            match inner.kind() {
                "TempRefNode" if !own_handles.contains(&inner.helper("handle").map(|h| h.id())) => {
                    return missing_node(inner, "in a parallel region");
                }
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
            let shared = in_scope_object(entry);
            let array = match shared {
                true => None,
                false => self.array_reduction(node, entry)?,
            };
            let object = entry.ty("type").is_some_and(|ty| ty.flag("is_pyobject"));
            // What functions share is reached through their scope object.
            if (!local || shared) && private.is_none() && array.is_none() || shared && object {
                continue;
            }
            if !local && !shared && !entry.flag("is_cglobal") {
                return missing_node(inner, "assigned in a parallel region");
            }
            let Some(ty) = entry.ty("type") else {
                return missing_node(inner, "without a type");
            };
            let slice = ty.flag("is_memoryviewslice");
            let complex = types::resolve(ty).flag("is_complex");
            let ty = self.c_type(ty)?;
            let plain = matches!(
                ty,
                Type::Int(_) | Type::F32 | Type::F64 | Type::F80 | Type::Ptr
            ) || matches!(ty, Type::Struct(_))
                && !slice
                && (private == Some(None) || complex && private.is_some());
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
                let (field, remote, private) = (variable_field(found.len()), true, None);
                found.push(Captured {
                    entry,
                    ty,
                    field,
                    remote,
                    private,
                    array: None,
                });
            }
            let field = variable_field(found.len());
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
        if in_scope_object(entry) {
            return self.shared_address(entry);
        }
        let global = self.m.global_of(entry)?;
        Ok(self.op(Op::GlobalAddr(global)))
    }

    /// The structure of a region's frame, and a frame with what is known before; `counts` of
    /// the chunks of dynamic schedules.
    pub(super) fn make_frame(
        &mut self,
        captured: &[Captured<'t>],
        counts: Counts,
    ) -> Result<(StructId, Value)> {
        let mut fields = vec![Type::I32, Type::I32, Type::Ptr, Type::Ptr, Type::Ptr];
        fields.extend([Type::I64, Type::I64, Type::I64, Type::Ptr, Type::Ptr]);
        for one in captured {
            let address = one.remote || one.ty == Type::Object;
            fields.push(if address { Type::Ptr } else { one.ty.clone() });
            fields.push(Type::I64);
        }
        fields.push(Type::I64);
        let returned = self.returned_type().unwrap_or(Type::I64);
        let object = returned == Type::Object;
        fields.push(if object { Type::Ptr } else { returned });
        fields.extend(counts.field());
        let trace = self.traces_into().map(|trace| (trace, fields.len() as u32));
        fields.extend(trace.map(|_| Type::Ptr));
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
        if object {
            let null = self.null();
            self.set_field(frame, structure, returned_field(captured.len()), null);
        }
        if let Some((trace, field)) = trace {
            let trace = self.op(Op::LocalAddr(trace));
            self.set_field(frame, structure, field, trace);
        }
        self.clear_counts(counts, frame, structure, captured.len())?;
        if let Some(storage) = self.returned_slice {
            self.set_field(frame, structure, AROUND, storage);
        } else if self.scope_object.is_some() {
            let scope = self.current_scope_object();
            let scope = self.op(Op::Cast(CastOp::Pointer, scope, Type::Ptr));
            self.set_field(frame, structure, AROUND, scope);
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

    /// `del` of an object of the function around.
    pub(super) fn delete_remote(
        &mut self,
        node: Node<'t>,
        entry: Entry<'t>,
        (address, ty): (Value, &Type),
        ignore: bool,
    ) -> Result<()> {
        if *ty != Type::Object {
            return missing_node(node, "del in a parallel region");
        }
        if !ignore {
            let old = self.read_remote(node, entry, address, ty)?;
            self.release(old);
        }
        self.clear_object(address);
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
}
