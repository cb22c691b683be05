//! Variables declared with items, such as `np.ndarray[double, ndim=2]` and `object[int]`: their
//! buffer is taken when they are assigned to, and read by index.
//!
//! Beside the object such a variable has two locals: Python's `Py_buffer`, and a table with the
//! address of the data and, for each dimension, extent, stride and suboffset.  Cython's own entries
//! for these name them.

use frontend_bridge::tree::{Entry, Node, Scope, Type as TreeType};

use super::Result;
use super::body::{Body, Variable};
use super::context::missing_node;
use crate::mir::{BinaryOp, LocalId, Op, Raises, Type, Value};

/// Words of a `Py_buffer`, and those of them that are looked at.
const VIEW: u64 = 10;
const SHAPE: i128 = 6;
const STRIDES: i128 = 7;
const SUBOFFSETS: i128 = 8;

/// Words of the table: the data, then three for each dimension.
const PER_DIMENSION: u64 = 3;

/// `PyBUF_FORMAT` and `PyBUF_WRITABLE`.
const FORMAT: i128 = 0x04;
const WRITABLE: i128 = 0x01;

/// Where the buffer of a variable is kept.
#[derive(Clone, Copy)]
struct Buffer<'t> {
    ty: TreeType<'t>,
    /// The address of the table.
    table: Value,
    /// The place of the `Py_buffer`; not in a parallel region.
    view: Option<LocalId>,
    writable: bool,
}

/// Whether a type has items to be read from a buffer.
pub(super) fn is_buffer(ty: TreeType<'_>) -> bool {
    ty.kind() == "BufferType"
}

/// The type of an entry's table, and Cython's entry for it.
pub(super) fn table_of(entry: Entry<'_>) -> Option<(Entry<'_>, Type)> {
    let ty = entry.ty("type").filter(|ty| is_buffer(*ty))?;
    let table = entry.helper("buffer_aux")?.entry("buflocal_nd_var")?;
    Some((table, table_type(ty)))
}

fn table_type(ty: TreeType<'_>) -> Type {
    Type::Array(
        Box::new(Type::I64),
        1 + PER_DIMENSION * dimensions(ty) as u64,
    )
}

pub(super) fn dimensions(ty: TreeType<'_>) -> usize {
    ty.int("ndim").unwrap_or(1).clamp(0, 8) as usize
}

/// The word of a table for part of a dimension's description: extent, stride, suboffset.
pub(super) fn word_of(dim: usize, part: usize) -> usize {
    1 + PER_DIMENSION as usize * dim + part
}

/// The variable whose item a node is.
pub(super) fn buffer_name(node: Node<'_>) -> Option<Node<'_>> {
    let base = node
        .node("base")
        .filter(|_| node.kind() == "BufferIndexNode")?;
    let name = match base.kind() {
        "NoneCheckNode" => base.node("arg")?,
        _ => base,
    };
    (name.kind() == "NameNode").then_some(name)
}

impl<'t> Body<'_, 't> {
    /// Makes the places for the buffers of a function.
    pub(super) fn declare_buffers(&mut self, scope: Scope<'t>) -> Result<()> {
        for entry in scope.entries("buffer_entries") {
            let Some((table, ty)) = table_of(entry) else {
                return self.missing("buffer without its variables");
            };
            let view = entry
                .helper("buffer_aux")
                .and_then(|aux| aux.entry("rcbuf_var"));
            if super::closures::in_scope_object(entry) {
                return self.missing("buffer in a closure");
            }
            let id = self.b.local("buffer", ty);
            let owned = false;
            self.variables
                .insert(table.id(), Variable::Local { id, owned });
            let id = self.b.local("view", Type::Array(Box::new(Type::I64), VIEW));
            self.buffers.push(id);
            if let Some(view) = view {
                self.variables
                    .insert(view.id(), Variable::Local { id, owned });
            }
        }
        Ok(())
    }

    /// Takes the buffer of an argument.
    pub(super) fn acquire_argument(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<()> {
        let Some(Variable::Local { id, .. }) = self.variables.get(&entry.id()).copied() else {
            return missing_node(node, "with a buffer in a closure");
        };
        let buffer = self.buffer(node, entry)?;
        let value = self.op(Op::Get(id));
        let args = self.acquisition(node, &buffer, value)?;
        self.rt_status("cyl_buffer_get", "popiii:i", &args, Raises::Negative)?;
        self.unpack_buffer(node, &buffer)
    }

    /// Takes the buffer of what is assigned to a variable, before it is.
    pub(super) fn acquire_assigned(
        &mut self,
        target: Node<'t>,
        entry: Entry<'t>,
        local: LocalId,
        value: Value,
    ) -> Result<()> {
        let buffer = self.buffer(target, entry)?;
        let mut args = self.acquisition(target, &buffer, value)?;
        if target.flag("lhs_of_first_assignment") {
            let status = self.rt_value("cyl_buffer_get", "popiii:i", &args)?;
            let zero = self.int(0, 32);
            let failed = self.op(Op::Compare(crate::mir::Comparison::SLt, status, zero));
            self.if_unlikely(failed, |body| {
                let none = body.none();
                let none = body.op(Op::IncRef(none));
                body.replace(local, none);
                body.raise_now();
                Ok(())
            })?;
            return self.unpack_buffer(target, &buffer);
        }
        let old = self.op(Op::Get(local));
        args.push(old);
        let status = self.rt_value("cyl_buffer_replace", "popiiio:i", &args)?;
        self.unpack_buffer(target, &buffer)?;
        self.checked(status, Raises::Negative)?;
        Ok(())
    }

    /// Gives the function's buffers back.
    pub(super) fn release_buffers(&mut self) -> Result<()> {
        let buffers = self.buffers.clone();
        if buffers.is_empty() {
            return Ok(());
        }
        self.with_gil(|body| {
            for view in buffers {
                let view = body.op(Op::LocalAddr(view));
                body.rt_void("cyl_buffer_release", "p:v", &[view])?;
            }
            Ok(())
        })
    }

    fn buffer(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Buffer<'t>> {
        let Some((table, _)) = table_of(entry) else {
            return missing_node(node, "of a buffer without its variables");
        };
        let aux = entry.helper("buffer_aux");
        let view = aux
            .and_then(|aux| aux.entry("rcbuf_var"))
            .and_then(|view| self.variables.get(&view.id()))
            .map(|Variable::Local { id, .. }| *id);
        let Some(Variable::Local { id, .. }) = self.variables.get(&table.id()).copied() else {
            return missing_node(node, "of a buffer elsewhere");
        };
        let table = self.op(Op::LocalAddr(id));
        match entry.ty("type") {
            Some(ty) => Ok(Buffer {
                ty,
                table,
                view,
                writable: aux.is_some_and(|aux| aux.flag("writable_needed")),
            }),
            None => missing_node(node, "without a type"),
        }
    }

    /// The arguments of the runtime function that takes a buffer.
    fn acquisition(
        &mut self,
        node: Node<'t>,
        buffer: &Buffer<'t>,
        value: Value,
    ) -> Result<Vec<Value>> {
        let (Some(view), Some(dtype)) = (buffer.view, buffer.ty.ty("dtype")) else {
            return missing_node(node, "with a buffer elsewhere");
        };
        let mode = match buffer.ty.text("mode") {
            Some("full") => 0x118,
            Some("strided") => 0x18,
            Some("c") => 0x38,
            Some("fortran") => 0x58,
            _ => return missing_node(node, "with a buffer of this mode"),
        };
        let flags = FORMAT | mode | if buffer.writable { WRITABLE } else { 0 };
        let info = self.m.type_info(dtype)?;
        let view = self.op(Op::LocalAddr(view));
        let info = self.op(Op::GlobalAddr(info));
        let flags = self.int(flags, 32);
        let ndim = self.int(dimensions(buffer.ty) as i128, 32);
        let cast = self.int(i128::from(buffer.ty.flag("cast")), 32);
        Ok(vec![view, value, info, flags, ndim, cast])
    }

    /// Copies what is looked at from the `Py_buffer`.
    fn unpack_buffer(&mut self, node: Node<'t>, buffer: &Buffer<'t>) -> Result<()> {
        let Some(view) = buffer.view else {
            return missing_node(node, "with a buffer elsewhere");
        };
        let view = self.op(Op::LocalAddr(view));
        let data = self.word(view, 0, Type::I64);
        self.set_word(buffer.table, 0, data);
        let mut parts = vec![SHAPE, STRIDES];
        if buffer.ty.text("mode") == Some("full") {
            parts.push(SUBOFFSETS);
        }
        for (part, from) in parts.into_iter().enumerate() {
            let list = self.word(view, from, Type::Ptr);
            for dim in 0..dimensions(buffer.ty) {
                let value = self.word(list, dim as i128, Type::I64);
                self.set_word(buffer.table, word_of(dim, part) as i128, value);
            }
        }
        Ok(())
    }

    fn word(&mut self, address: Value, at: i128, ty: Type) -> Value {
        let at = self.int(at, 64);
        let place = self.op(Op::Index(address, Type::I64, at));
        self.op(Op::Load(ty, place))
    }

    fn set_word(&mut self, address: Value, at: i128, value: Value) {
        let at = self.int(at, 64);
        let place = self.op(Op::Index(address, Type::I64, at));
        self.b.effect(Op::Store {
            address: place,
            value,
        });
    }

    /// Part of a dimension's description: extent, stride, suboffset.
    fn dimension(&mut self, buffer: &Buffer<'t>, dim: usize, part: usize) -> Value {
        self.word(buffer.table, word_of(dim, part) as i128, Type::I64)
    }

    // ---------------------------------------------------------------- items

    /// `BufferIndexNode` as a value.
    pub(super) fn lower_buffer_index(&mut self, node: Node<'t>) -> Result<Value> {
        let (address, base) = self.item_of_buffer(node)?;
        self.load_item_at(node, address, base)
    }

    /// Assigns to an item; takes the value over.
    pub(super) fn assign_buffer_item(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let (address, base) = self.item_of_buffer(target)?;
        let ty = self.type_of(target)?;
        let from = self.assigned.unwrap_or(target.expr_type()?);
        let value = self.fit_type(value, from, &ty);
        self.store_item_at(target, address, base, value)
    }

    /// The address of an item, and the object, which may be a temporary.
    pub(super) fn item_of_buffer(&mut self, node: Node<'t>) -> Result<(Value, Value)> {
        let base = node.child("base")?;
        let Some(entry) = buffer_name(node).and_then(|name| name.entry("entry")) else {
            return missing_node(node, "of this kind");
        };
        // A GPU has the items without the object.
        let object = match self.on_device {
            Some(_) => self.null_object(),
            None => self.expr(base)?,
        };
        let places = self.item_indices(node, "buffer")?;
        self.at(node);
        let buffer = self.buffer(node, entry)?;
        if places.len() != dimensions(buffer.ty) {
            return missing_node(node, "with this many indices");
        }
        let wraparound = self.directive_on("wraparound") && buffer.ty.flag("negative_indices");
        let places = self.checked_places(places, wraparound, |body, dim| {
            body.dimension(&buffer, dim, 0)
        })?;
        let dtype = buffer
            .ty
            .ty("dtype")
            .ok_or_else(|| node.missing("type.dtype", "type"))?;
        let item = self.c_type(dtype)?;
        let mode = buffer.ty.text("mode").unwrap_or_default();
        let contiguous = match mode {
            "c" => Some(places.len().saturating_sub(1)),
            "fortran" => Some(0),
            _ => None,
        };
        let mut address = self.word(buffer.table, 0, Type::Ptr);
        for (dim, place) in places.into_iter().enumerate() {
            if contiguous == Some(dim) {
                address = self.op(Op::Index(address, item.clone(), place));
                continue;
            }
            let stride = self.dimension(&buffer, dim, 1);
            if mode == "full" {
                let suboffset = self.dimension(&buffer, dim, 2);
                let args = [address, place, stride, suboffset];
                address = self.rt_value("__pyx_memviewslice_index_full", "plll:p", &args)?;
                continue;
            }
            let offset = self.op(Op::Binary(BinaryOp::Mul, place, stride));
            address = self.op(Op::Index(address, Type::Int(8), offset));
        }
        Ok((address, object))
    }

    /// Copies a table of the function around a parallel region.
    pub(super) fn copy_table(&mut self, entry: Entry<'t>, ty: &Type, from: Value) -> Result<()> {
        let Type::Array(_, words) = *ty else {
            return self.defect("a buffer's table that is none");
        };
        let id = self.b.local("buffer", ty.clone());
        let to = self.op(Op::LocalAddr(id));
        for at in 0..words {
            let word = self.word(from, i128::from(at), Type::I64);
            self.set_word(to, i128::from(at), word);
        }
        let owned = false;
        self.variables
            .insert(entry.id(), Variable::Local { id, owned });
        Ok(())
    }
}
