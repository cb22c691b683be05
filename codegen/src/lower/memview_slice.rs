//! Typed memoryviews: slicing, and assignment to slices.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::{
    DATA, MEMVIEW, SHAPE, STRIDES, SUBOFFSETS, axes, dimensions, is_slice, of_objects,
};
use super::types;
use crate::mir::{BinaryOp, Comparison, LocalId, Op, Raises, Type, Value};

/// What one index of a slicing does.
enum Part<'t> {
    /// A new dimension of length one.
    NewAxis,
    /// `:`.
    Whole,
    /// `start:stop:step`.
    Range([Option<Value>; 3]),
    /// An integer.
    Item(Value, Node<'t>),
}

impl<'t> Body<'_, 't> {
    /// `MemoryViewSliceNode` as a value.
    pub(super) fn lower_memview_slice(&mut self, node: Node<'t>) -> Result<Value> {
        let base = node.child("base")?;
        let from = base.expr_type()?;
        if !is_slice(base) {
            return missing_node(node, "of something else");
        }
        let source = self.expr(base)?;
        if node.flag("is_ellipsis_noop") {
            return Ok(source);
        }
        let parts = self.slicing_parts(node)?;
        self.at(node);
        let made = self.slice_storage("slice");
        for field in [MEMVIEW, DATA] {
            let value = self.slice_pointer(source, field);
            let address = self.slice_field(made, field);
            self.b.effect(Op::Store { address, value });
        }
        // A part of a variable that is only read from now needs no acquisition of its own.
        let borrowed = node.flag("use_borrowed_ref") && !self.temps.contains(&source);
        if !borrowed {
            self.acquire_slice(made)?;
            self.hold_slice(made);
        }
        self.fill_slice(node, (source, from), made, parts)?;
        if !borrowed {
            self.forget_temp(made);
            self.release(source);
            self.hold_slice(made);
        }
        Ok(made)
    }

    /// Evaluates the indices in their order.
    fn slicing_parts(&mut self, node: Node<'t>) -> Result<Vec<Part<'t>>> {
        let mut coerced = node.nodes("indices").into_iter();
        let mut parts = Vec::new();
        for index in node.nodes("original_indices") {
            if index.kind() == "NoneNode" {
                coerced.next();
                parts.push(Part::NewAxis);
                continue;
            }
            if index.kind() != "SliceNode" {
                let Some(index) = coerced.next() else {
                    return missing_node(node, "without an index");
                };
                let value = self.place(index)?;
                parts.push(Part::Item(value, index));
                continue;
            }
            let mut range = [None, None, None];
            for (slot, name) in range.iter_mut().zip(["start", "stop", "step"]) {
                if index.child(name)?.kind() == "NoneNode" {
                    continue;
                }
                let Some(part) = coerced.next() else {
                    return missing_node(node, "without an index");
                };
                *slot = Some(self.place(part)?);
            }
            let whole = range.iter().all(Option::is_none);
            parts.push(if whole {
                Part::Whole
            } else {
                Part::Range(range)
            });
        }
        Ok(parts)
    }

    fn place(&mut self, index: Node<'t>) -> Result<Value> {
        let value = self.expr(index)?;
        if !self.b.ty(value).is_int() {
            return missing_node(index, "as an index of a memoryview");
        }
        Ok(self.widen(value, 64, types::unsigned(index.expr_type()?)))
    }

    fn fill_slice(
        &mut self,
        node: Node<'t>,
        (source, from): (Value, TreeType<'t>),
        made: Value,
        parts: Vec<Part<'t>>,
    ) -> Result<()> {
        let axes = axes(from);
        let direct = axes.iter().all(|(access, _)| *access == "direct");
        // The dimension of the result that a pointer was last followed in.
        let followed = self.b.local("suboffset.dim", Type::I32);
        let none = self.int(-1, 32);
        self.b.effect(Op::Set(followed, none));
        let (mut dim, mut new_dim) = (0, 0);
        for part in parts {
            if let Part::NewAxis = part {
                for (field, value) in [(SHAPE, 1), (STRIDES, 0), (SUBOFFSETS, -1)] {
                    let value = self.int(value, 64);
                    let address = self.extent_address(made, field, new_dim);
                    self.b.effect(Op::Store { address, value });
                }
                new_dim += 1;
                continue;
            }
            let Some((access, _)) = axes.get(dim).copied() else {
                return missing_node(node, "with too many indices");
            };
            match part {
                Part::NewAxis => {}
                Part::Whole => {
                    self.whole_dimension(source, made, dim, new_dim, access == "direct", followed)?;
                    new_dim += 1;
                }
                Part::Range(range) => {
                    self.range_of_dimension(source, made, dim, new_dim, range, followed)?;
                    new_dim += 1;
                }
                Part::Item(place, index) => {
                    let followed = (!direct).then_some((followed, access));
                    self.item_of_dimension(index, source, made, dim, place, followed)?;
                }
            }
            dim += 1;
        }
        Ok(())
    }

    fn whole_dimension(
        &mut self,
        source: Value,
        made: Value,
        dim: usize,
        new_dim: usize,
        direct: bool,
        followed: LocalId,
    ) -> Result<()> {
        for field in [SHAPE, STRIDES] {
            let value = self.extent(source, field, dim);
            let address = self.extent_address(made, field, new_dim);
            self.b.effect(Op::Store { address, value });
        }
        let value = if direct {
            self.int(-1, 64)
        } else {
            self.extent(source, SUBOFFSETS, dim)
        };
        let address = self.extent_address(made, SUBOFFSETS, new_dim);
        self.b.effect(Op::Store { address, value });
        if !direct {
            let zero = self.int(0, 64);
            let indirect = self.op(Op::Compare(Comparison::SGe, value, zero));
            let this = self.int(new_dim as i128, 32);
            let before = self.op(Op::Get(followed));
            let now = self.op(Op::Select(indirect, this, before));
            self.b.effect(Op::Set(followed, now));
        }
        Ok(())
    }

    fn range_of_dimension(
        &mut self,
        source: Value,
        made: Value,
        dim: usize,
        new_dim: usize,
        range: [Option<Value>; 3],
        followed: LocalId,
    ) -> Result<()> {
        let mut args = vec![made];
        for field in [SHAPE, STRIDES, SUBOFFSETS] {
            args.push(self.extent(source, field, dim));
        }
        args.push(self.int(dim as i128, 32));
        args.push(self.int(new_dim as i128, 32));
        args.push(self.op(Op::LocalAddr(followed)));
        for part in range {
            args.push(match part {
                Some(value) => value,
                None => self.int(0, 64),
            });
        }
        for part in range {
            args.push(self.int(i128::from(part.is_some()), 32));
        }
        args.push(self.int(1, 32));
        let short = "plll".to_owned() + "iip" + "lll" + "iii" + "i:i";
        self.rt_status(
            "__pyx_memoryview_slice_memviewslice",
            &short,
            &args,
            Raises::Negative,
        )?;
        Ok(())
    }

    /// An integer index: the data starts further on.
    fn item_of_dimension(
        &mut self,
        index: Node<'t>,
        source: Value,
        made: Value,
        dim: usize,
        place: Value,
        followed: Option<(LocalId, &str)>,
    ) -> Result<()> {
        self.at(index);
        let mut place = place;
        if self.directive_on("wraparound") {
            let zero = self.int(0, 64);
            let negative = self.op(Op::Compare(Comparison::SLt, place, zero));
            let length = self.extent(source, SHAPE, dim);
            let other = self.op(Op::Binary(BinaryOp::Add, place, length));
            place = self.op(Op::Select(negative, other, place));
        }
        if self.directive_on("boundscheck") {
            let length = self.extent(source, SHAPE, dim);
            let beyond = self.op(Op::Compare(Comparison::UGe, place, length));
            let message = format!("Index out of bounds (axis {dim})");
            self.if_unlikely(beyond, |body| {
                body.raise_builtin("PyExc_IndexError", &message)
            })?;
        }
        let stride = self.extent(source, STRIDES, dim);
        let offset = self.op(Op::Binary(BinaryOp::Mul, place, stride));
        if let Some((followed, access)) = followed {
            return self.item_behind(source, made, dim, offset, followed, access);
        }
        let data = self.slice_pointer(made, DATA);
        let value = self.op(Op::Index(data, Type::Int(8), offset));
        let address = self.slice_field(made, DATA);
        self.b.effect(Op::Store { address, value });
        Ok(())
    }

    /// The same where a pointer may have to be followed: now, or later in a dimension that stays.
    fn item_behind(
        &mut self,
        source: Value,
        made: Value,
        dim: usize,
        offset: Value,
        followed: LocalId,
        access: &str,
    ) -> Result<()> {
        let before = self.op(Op::Get(followed));
        let zero = self.int(0, 32);
        let now = self.op(Op::Compare(Comparison::SLt, before, zero));
        self.if_else(
            now,
            |body| {
                let data = body.slice_pointer(made, DATA);
                let value = body.op(Op::Index(data, Type::Int(8), offset));
                let address = body.slice_field(made, DATA);
                body.b.effect(Op::Store { address, value });
                if access == "direct" {
                    return Ok(());
                }
                let suboffset = body.extent(source, SUBOFFSETS, dim);
                let zero = body.int(0, 64);
                let follows = if access == "full" {
                    body.op(Op::Compare(Comparison::SGe, suboffset, zero))
                } else {
                    body.op(Op::Compare(Comparison::Eq, zero, zero))
                };
                body.if_else(
                    follows,
                    |body| {
                        let inner = body.op(Op::Load(Type::Ptr, value));
                        let value = body.op(Op::Index(inner, Type::Int(8), suboffset));
                        let address = body.slice_field(made, DATA);
                        body.b.effect(Op::Store { address, value });
                        Ok(())
                    },
                    |_| Ok(()),
                )
            },
            |body| {
                let array = body.slice_field(made, SUBOFFSETS);
                let place = body.op(Op::Cast(crate::mir::CastOp::SExt, before, Type::I64));
                let address = body.op(Op::Index(array, Type::I64, place));
                let old = body.op(Op::Load(Type::I64, address));
                let value = body.op(Op::Binary(BinaryOp::Add, old, offset));
                body.b.effect(Op::Store { address, value });
                Ok(())
            },
        )
    }

    // ---------------------------------------------------------------- assignment

    /// `MemoryCopySlice`: the contents of one slice into another.
    pub(super) fn assign_slice_contents(
        &mut self,
        target: Node<'t>,
        source: Node<'t>,
        value: Value,
    ) -> Result<()> {
        let destination = target.child("dst")?;
        if !is_slice(source) || !is_slice(destination) {
            return missing_node(target, "of something else");
        }
        let (from, to) = (source.expr_type()?, destination.expr_type()?);
        let place = self.expr(destination)?;
        self.at(target);
        let (n, m) = (dimensions(from), dimensions(to));
        let a = self.slice_for_c(value, n);
        let b = self.slice_for_c(place, m);
        let n = self.int(n as i128, 32);
        let m = self.int(m as i128, 32);
        let objects = self.int(i128::from(of_objects(to)), 32);
        self.rt_status(
            "cyl_memview_copy_contents",
            "ppiii:i",
            &[a, b, n, m, objects],
            Raises::Negative,
        )?;
        self.release(place);
        self.release(value);
        Ok(())
    }

    /// `MemoryCopyScalar`: one value into every item.
    pub(super) fn assign_slice_scalar(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let destination = target.child("dst")?;
        if !is_slice(destination) {
            return missing_node(target, "of something else");
        }
        let ty = destination.expr_type()?;
        let dtype = ty
            .ty("dtype")
            .ok_or_else(|| target.missing("type.dtype", "type"))?;
        let item = self.c_type(dtype)?;
        if *self.b.ty(value) != item || matches!(item, Type::Array(..)) {
            return missing_node(target, "of a value of another type");
        }
        if axes(ty).iter().any(|(access, _)| *access != "direct") {
            return missing_node(target, "of indirect dimensions");
        }
        let place = self.expr(destination)?;
        self.at(target);
        let data = self.slice_pointer(place, DATA);
        let ranges = destination.nodes("original_indices").iter().any(|index| {
            index.kind() == "SliceNode"
                && ["start", "stop", "step"].iter().any(|part| {
                    index
                        .node(part)
                        .is_some_and(|part| part.kind() != "NoneNode")
                })
        });
        let ndim = dimensions(ty);
        if (ty.flag("is_c_contig") || ty.flag("is_f_contig")) && !ranges {
            let mut count = self.extent(place, SHAPE, 0);
            for dim in 1..ndim {
                let more = self.extent(place, SHAPE, dim);
                count = self.op(Op::Binary(BinaryOp::Mul, count, more));
            }
            self.count_to(count, |body, index| {
                let address = body.op(Op::Index(data, item.clone(), index));
                body.fill_item(address, value);
                Ok(())
            })?;
        } else {
            self.fill_strided(place, data, 0, ndim, value)?;
        }
        self.release(place);
        self.release(value);
        Ok(())
    }

    fn fill_item(&mut self, address: Value, value: Value) {
        if *self.b.ty(value) != Type::Object {
            self.b.effect(Op::Store { address, value });
            return;
        }
        let mine = self.op(Op::IncRef(value));
        self.replace_object(address, mine);
    }

    fn fill_strided(
        &mut self,
        slice: Value,
        at: Value,
        dim: usize,
        ndim: usize,
        value: Value,
    ) -> Result<()> {
        if dim == ndim {
            self.fill_item(at, value);
            return Ok(());
        }
        let count = self.extent(slice, SHAPE, dim);
        let stride = self.extent(slice, STRIDES, dim);
        self.count_to(count, |body, index| {
            let offset = body.op(Op::Binary(BinaryOp::Mul, index, stride));
            let address = body.op(Op::Index(at, Type::Int(8), offset));
            body.fill_strided(slice, address, dim + 1, ndim, value)
        })
    }

    /// A loop from 0 to below a count.
    pub(super) fn count_to(
        &mut self,
        count: Value,
        each: impl FnOnce(&mut Self, Value) -> Result<()>,
    ) -> Result<()> {
        let counter = self.b.local("index", Type::I64);
        let zero = self.int(0, 64);
        self.b.effect(Op::Set(counter, zero));
        let (head, inside, after) = (self.b.block(), self.b.block(), self.b.block());
        self.b.jump(head);
        self.b.switch_to(head);
        let now = self.op(Op::Get(counter));
        let more = self.op(Op::Compare(Comparison::SLt, now, count));
        self.b.branch(more, inside, after);
        self.b.switch_to(inside);
        each(self, now)?;
        let one = self.int(1, 64);
        let next = self.op(Op::Binary(BinaryOp::Add, now, one));
        self.b.effect(Op::Set(counter, next));
        self.b.jump(head);
        self.b.switch_to(after);
        Ok(())
    }
}
