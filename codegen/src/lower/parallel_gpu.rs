//! `prange` on a GPU, the side of the host: what goes into the arguments of a launch, the call of the
//! runtime, and what comes back.
//!
//! A launch has an array of words of 8 bytes.  The first ones are the loop's; then come the variables
//! that the loop knows: numbers in a word each, structs and arrays in as many as they need, memoryviews
//! and buffers as address, extents and strides.  The runtime replaces addresses by those of the device.

use std::collections::HashSet;

use frontend_bridge::tree::{Entry, EntryId, Node, NodeId};

use super::Result;
use super::body::Body;
use super::buffers::{self, buffer_name, is_buffer, table_of};
use super::closures::in_scope_object;
use super::memview::{DATA, SHAPE, STRIDES, axes, dimensions};
use super::parallel::{Captured, Range};
use super::parallel_frames::Device;
use super::parallel_grid::{grid, refuse_constructs, touched};
use super::parallel_loops::inside;
use super::types;
use crate::mir::{
    BlockId, Comparison, FuncId, Global, GlobalId, GlobalInit, Kernel, Linkage, Op, Terminator,
    Type, Value,
};

/// Words of a launch before those of variables; 4 to 6 are the runtime's.
pub(super) const STEPS: i128 = 0;
pub(super) const START: i128 = 1;
pub(super) const STEP: i128 = 2;
const INNER_STEPS: i128 = 3;
pub(super) const LINE: i128 = 7;
pub(super) const RESULTS: i128 = 6;
const INMOST_STEPS: i128 = 8;
pub(super) const HEADER: u32 = 9;

/// Kinds of entries in a kernel's description.
const SLICE: i128 = 1;
const REDUCTION: i128 = 2;
const LAST: i128 = 3;

/// Flags of a kernel.
const REQUIRED: i128 = 1;
const FALLBACK: i128 = 2;
const PLANE: i128 = 4;
const CUBE: i128 = 8;

/// A variable and its first word.
#[derive(Clone)]
pub(super) struct Place<'t> {
    pub one: Captured<'t>,
    pub word: u32,
    /// For memoryviews and buffers: the number of dimensions.
    pub dims: Option<usize>,
    /// For buffers: the table that items are read by.
    pub table: Option<(Entry<'t>, Type)>,
    /// For variables whose last value counts: the word among the results.
    pub last: Option<u32>,
    /// For reductions: the word of a thread's state.
    pub partial: Option<u32>,
}

/// What a loop on a GPU consists of.
pub(super) struct Plan<'t> {
    pub places: Vec<Place<'t>>,
    pub words: u32,
    pub results: u32,
    pub state: u32,
    /// The loops over the second and the third dimension.
    pub inner: Vec<Node<'t>>,
}

impl<'t> Body<'_, 't> {
    /// Runs a loop on a GPU, or goes to `cpu`; the current block ends.
    pub(super) fn prange_on_gpu(
        &mut self,
        node: Node<'t>,
        range: Range,
        device: Device,
        (cpu, otherwise, after): (BlockId, BlockId, BlockId),
    ) -> Result<()> {
        let plan = self.plan(node)?;
        let mut inner_steps = Vec::new();
        for inner in &plan.inner {
            inner_steps.push(self.prange_counts(*inner)?.steps);
        }
        let words = Type::Array(Box::new(Type::I64), u64::from(plan.words));
        let local = self.b.local("gpu", words);
        let launch = self.op(Op::LocalAddr(local));
        let one = self.int(1, 64);
        for (word, value) in [
            (STEPS, range.steps),
            (START, range.start),
            (STEP, range.step),
            (INNER_STEPS, inner_steps.first().copied().unwrap_or(one)),
            (INMOST_STEPS, inner_steps.get(1).copied().unwrap_or(one)),
        ] {
            self.set_launch_word(launch, word, value);
        }
        for place in &plan.places {
            self.give_variable(launch, place)?;
        }
        let function = self.kernel_function(node, range, &plan)?;
        let descriptor = self.describe_kernel(node, &plan, function, device)?;
        let descriptor = self.op(Op::GlobalAddr(descriptor));
        let status = self.rt_value("cyl_gpu_run", "pp:i", &[descriptor, launch])?;
        let [done, broken, check] = std::array::from_fn(|_| self.b.block());
        let failed = self.b.cold_block();
        let zero = self.int(0, 32);
        let bad = self.op(Op::Compare(Comparison::SLt, status, zero));
        self.b.branch(bad, failed, check);
        self.b.switch_to(failed);
        let line = self.launch_value(launch, LINE, Type::I32);
        self.b.effect(Op::Set(self.line, line));
        self.pass_on();
        self.b.switch_to(check);
        self.b.end(Terminator::Switch(
            status,
            vec![(1, cpu), (2, broken)],
            done,
        ));
        for (block, to) in [(done, otherwise), (broken, after)] {
            self.b.switch_to(block);
            for place in &plan.places {
                self.take_variable(launch, place)?;
            }
            if block == done {
                let last = self.op(Op::Binary(crate::mir::BinaryOp::Sub, range.steps, one));
                self.set_index(node, range, last)?;
            }
            self.b.jump(to);
        }
        Ok(())
    }

    // ---------------------------------------------------------------- what goes there

    fn plan(&mut self, node: Node<'t>) -> Result<Plan<'t>> {
        refuse_constructs(node)?;
        let captured = self.captured(node, &[node])?;
        let target = node.node("target").and_then(|target| target.entry("entry"));
        let mut known: HashSet<EntryId> = captured.iter().map(|one| one.entry.id()).collect();
        let mut places = Vec::new();
        let (mut words, mut results, mut state) = (HEADER, 0, 2);
        let mut all = captured;
        for inner in inside(node) {
            // The module's C variables, and those of functions outside, are read before the launch.
            if let Some(entry) = inner.entry("entry").filter(|_| inner.kind() == "NameNode")
                && (entry.flag("is_cglobal") || in_scope_object(entry))
                && let Some(ty) = entry.ty("type")
                && !(ty.flag("is_cfunction") || ty.flag("is_pyobject"))
                && known.insert(entry.id())
            {
                let slice = ty.flag("is_memoryviewslice");
                let ty = self.c_type(ty)?;
                if slice && in_scope_object(entry) {
                    return refuse(inner, "a memoryview of a function outside");
                }
                if !in_scope_object(entry) && (slice || !(ty.is_int() || ty.is_float())) {
                    return refuse(inner, "this kind of module variable");
                }
                let remote = false;
                all.push(Captured {
                    entry,
                    ty,
                    field: 0,
                    remote,
                    private: None,
                    array: None,
                });
            }
        }
        for one in all {
            let Some(name) = one.entry.text("name").map(str::to_owned) else {
                continue; // a buffer's table, which its variable brings along
            };
            let ty = one.entry.ty("type");
            let slice = ty.filter(|ty| ty.flag("is_memoryviewslice"));
            let buffer = ty.filter(|ty| is_buffer(*ty));
            let indirect = if let Some(buffer) = buffer {
                self.refuse_object(node, one.entry)?;
                (buffer.text("mode") == Some("full")).then_some("buffer")
            } else {
                slice
                    .filter(|slice| axes(*slice).iter().any(|(access, _)| *access != "direct"))
                    .map(|_| "memoryview")
            };
            if let Some(what) = indirect {
                let what = format!("{what} '{name}' with indirect dimensions");
                return refuse(node, &what);
            }
            let dims = slice.map(dimensions).or(buffer.map(buffers::dimensions));
            let words_of = match dims {
                Some(dims) => Some(1 + 2 * dims as u32),
                None => self.words(&one.ty),
            };
            let Some(size) = words_of else {
                let what = match one.ty {
                    Type::Object => "Python object",
                    Type::Ptr => "pointer",
                    _ => "variable",
                };
                return refuse(node, &format!("{what} '{name}'"));
            };
            let is_target = target.is_some_and(|target| target.id() == one.entry.id());
            let mut last = None;
            let mut partial = None;
            match &one.private {
                Some(Some(operator)) => {
                    let number = one.ty.is_int() || one.ty.is_float();
                    if !number && (size != 2 || operator == "*") {
                        return refuse(node, &format!("the complex reduction '{name}'"));
                    }
                    partial = Some(state);
                    state += size;
                }
                Some(None) if !is_target => {
                    last = Some(results);
                    results += size;
                }
                _ => {}
            }
            places.push(Place {
                dims,
                table: table_of(one.entry),
                one,
                word: words,
                last,
                partial,
            });
            words += size;
        }
        if words > 500 {
            return refuse(node, "more than 4000 bytes of variables");
        }
        if state > 2 + 60 {
            return refuse(node, "more than 60 reductions");
        }
        Ok(Plan {
            inner: grid(node),
            places,
            words,
            results,
            state,
        })
    }

    /// Refuses a loop that wants more of a variable with a buffer than its items.
    fn refuse_object(&self, node: Node<'t>, entry: Entry<'t>) -> Result<()> {
        // The loop's bounds are the host's to compute.
        let nodes = inside(node.child("body")?);
        let bases: HashSet<NodeId> = nodes
            .iter()
            .filter_map(|inner| buffer_name(*inner))
            .map(|name| name.id())
            .collect();
        for inner in nodes {
            let same = inner.kind() == "NameNode"
                && inner.entry("entry").map(|own| own.id()) == Some(entry.id());
            if same && !bases.contains(&inner.id()) {
                let name = entry.text("name").unwrap_or("variable");
                return refuse(inner, &format!("Python object '{name}'"));
            }
        }
        Ok(())
    }

    /// Words that a value takes; none for what a GPU does not know.
    fn words(&self, ty: &Type) -> Option<u32> {
        u32::try_from(self.bytes(ty)?.div_ceil(8)).ok()
    }

    /// Bytes that a value takes; none for what a GPU does not know.
    fn bytes(&self, ty: &Type) -> Option<u64> {
        self.known_there(ty).then(|| self.m.mir.size_align(ty).0)
    }

    /// Whether a type is made of numbers that a GPU has.
    fn known_there(&self, ty: &Type) -> bool {
        match ty {
            Type::Int(bits) => *bits <= 64,
            Type::F32 | Type::F64 => true,
            Type::Array(item, _) => self.known_there(item),
            Type::Struct(id) => {
                let fields = &self.m.mir.structs[id.0 as usize].fields;
                fields.iter().all(|field| self.known_there(field))
            }
            _ => false,
        }
    }

    // ---------------------------------------------------------------- there and back

    pub(super) fn launch_word(&mut self, launch: Value, word: i128) -> Value {
        let index = self.int(word, 64);
        self.op(Op::Index(launch, Type::I64, index))
    }

    fn set_launch_word(&mut self, launch: Value, word: i128, value: Value) {
        let address = self.launch_word(launch, word);
        self.b.effect(Op::Store { address, value });
    }

    pub(super) fn launch_value(&mut self, launch: Value, word: i128, ty: Type) -> Value {
        let address = self.launch_word(launch, word);
        self.op(Op::Load(ty, address))
    }

    /// Puts a variable among the arguments.
    fn give_variable(&mut self, launch: Value, place: &Place<'t>) -> Result<()> {
        let word = i128::from(place.word);
        if let Some((table, _)) = &place.table {
            let from = self.outer_place(*table)?;
            for (at, into) in table_words(place) {
                let value = self.launch_value(from, at, Type::I64);
                self.set_launch_word(launch, word + into, value);
            }
            return Ok(());
        }
        let from = self.outer_place(place.one.entry)?;
        let Some(dims) = place.dims else {
            let value = self.op(Op::Load(place.one.ty.clone(), from));
            self.set_launch_word(launch, word, value);
            return Ok(());
        };
        let data = self.slice_pointer(from, DATA);
        self.set_launch_word(launch, word, data);
        for dim in 0..dims {
            for (part, field) in [SHAPE, STRIDES].into_iter().enumerate() {
                let value = self.extent(from, field, dim);
                let word = word + 1 + (part * dims + dim) as i128;
                self.set_launch_word(launch, word, value);
            }
        }
        Ok(())
    }

    /// Takes what a loop made of a variable.
    fn take_variable(&mut self, launch: Value, place: &Place<'t>) -> Result<()> {
        if place.last.is_none() && place.partial.is_none() {
            return Ok(());
        }
        let address = self.outer_place(place.one.entry)?;
        let value = self.launch_value(launch, i128::from(place.word), place.one.ty.clone());
        self.b.effect(Op::Store { address, value });
        Ok(())
    }

    // ---------------------------------------------------------------- the description

    fn describe_kernel(
        &mut self,
        node: Node<'t>,
        plan: &Plan<'t>,
        function: FuncId,
        device: Device,
    ) -> Result<GlobalId> {
        let touched = touched(node);
        let mut items = Vec::new();
        let mut reductions = Vec::new();
        for place in &plan.places {
            let ty = place.one.entry.ty("type");
            let item = if let Some(dims) = place.dims {
                let Some(dtype) = ty.and_then(|ty| ty.ty("dtype")) else {
                    return refuse(node, "a memoryview of no type");
                };
                let item = self.c_type(dtype)?;
                let Some(size) = self.bytes(&item) else {
                    return refuse(node, &format!("a memoryview of {item}"));
                };
                let mut flags = touched.get(&place.one.entry.id()).copied().unwrap_or(3);
                if dtype.flag("is_const") {
                    flags &= 1;
                }
                [
                    SLICE,
                    i128::from(place.word),
                    i128::from(size),
                    dims as i128,
                    i128::from(flags),
                ]
            } else if let (Some(state), Some(Some(operator))) = (place.partial, &place.one.private)
            {
                let unsigned = ty.is_some_and(types::unsigned);
                let operator = match operator.as_str() {
                    "max" if unsigned => "umax",
                    "min" if unsigned => "umin",
                    other => other,
                };
                let sums = matches!(place.one.ty, Type::Struct(_));
                // The parts of a complex number are added one by one.
                let part = if sums { &Type::F64 } else { &place.one.ty };
                reductions.push((state, part.clone(), operator.to_owned()));
                let kind = match part {
                    Type::Int(bits) => i128::from(*bits),
                    Type::F32 => 1032,
                    _ => 1064,
                };
                let number = ["+", "*", "&", "|", "^", "max", "min", "umax", "umin"]
                    .iter()
                    .position(|known| *known == operator)
                    .unwrap_or(0);
                if sums {
                    let first = i128::from(place.word);
                    let item = [REDUCTION, first, kind, number as i128, 0];
                    items.push(GlobalInit::List(item.map(GlobalInit::Int).to_vec()));
                    reductions.push((state + 1, Type::F64, operator.to_owned()));
                    let item = [REDUCTION, first + 1, kind, number as i128, 0];
                    items.push(GlobalInit::List(item.map(GlobalInit::Int).to_vec()));
                    continue;
                }
                [REDUCTION, i128::from(place.word), kind, number as i128, 0]
            } else if let (Some(last), Some(size)) = (place.last, self.words(&place.one.ty)) {
                [
                    LAST,
                    i128::from(place.word),
                    i128::from(size),
                    i128::from(last),
                    0,
                ]
            } else {
                continue;
            };
            items.push(GlobalInit::List(item.map(GlobalInit::Int).to_vec()));
        }
        let name = format!(
            "{}_{}",
            clean(&self.b.function.name),
            self.m.mir.kernels.len()
        );
        let item = self.m.mir.structure("gpu.item", || vec![Type::I64; 5]);
        let count = items.len();
        let items = self.m.mir.add_global(Global {
            name: format!("gpu.items.{name}"),
            ty: Type::Array(Box::new(Type::Struct(item)), count as u64),
            init: if count == 0 {
                GlobalInit::Zero
            } else {
                GlobalInit::List(items)
            },
            constant: true,
            linkage: Linkage::Internal,
        });
        let mut flags = 0;
        if device.required {
            flags |= REQUIRED;
        }
        if device.fallback {
            flags |= FALLBACK;
        }
        flags |= match plan.inner.len() {
            0 => 0,
            1 => PLANE,
            _ => CUBE,
        };
        let line = node.position().map_or(0, |at| i128::from(at.line));
        let numbers = [
            flags,
            line,
            i128::from(plan.words),
            i128::from(plan.results),
            reductions.len() as i128,
            count as i128,
        ];
        let mut fields = vec![GlobalInit::Zero; 3];
        fields.extend(numbers.map(GlobalInit::Int));
        fields.extend([GlobalInit::Global(items), GlobalInit::Zero]);
        let structure = self.m.mir.structure("gpu.kernel", || {
            let mut types = vec![Type::Ptr; 3];
            types.extend(vec![Type::I64; 6]);
            types.extend([Type::Ptr, Type::Ptr]);
            types
        });
        let descriptor = self.m.mir.add_global(Global {
            name: format!("gpu.kernel.{name}"),
            ty: Type::Struct(structure),
            init: GlobalInit::List(fields),
            constant: false,
            linkage: Linkage::Internal,
        });
        self.m.mir.kernels.push(Kernel {
            name,
            function,
            descriptor,
            required: device.required,
            arguments: plan.words,
            state: plan.state,
            reductions,
            inner: plan.inner.len() as u32,
        });
        Ok(descriptor)
    }
}

/// The words of a buffer's table and where they are among those of a launch.
pub(super) fn table_words(place: &Place<'_>) -> Vec<(i128, i128)> {
    let dims = place.dims.unwrap_or(0);
    let mut words = vec![(0, 0)];
    for dim in 0..dims {
        for part in 0..2 {
            let into = 1 + part * dims + dim;
            words.push((buffers::word_of(dim, part) as i128, into as i128));
        }
    }
    words
}

/// The error for what a GPU has no answer to.
pub(super) fn refuse<T>(node: Node<'_>, what: &str) -> Result<T> {
    Err(super::LowerError::Missing(super::Missing::on_gpu(
        what,
        node.position(),
    )))
}

/// Letters that every assembler takes.
fn clean(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}
