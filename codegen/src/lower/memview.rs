//! Typed memoryviews: their storage, ownership, variables, and conversions from and to objects.
//!
//! The value of an expression that is a memoryview slice is the address of its storage: that of a
//! variable, which is only borrowed, or that of a local of its own, which is among the temporaries
//! where it counts as an acquisition.  Storage of variables is never handed to C functions (a copy
//! is), so that LLVM keeps data pointer, shape and strides in registers.

use frontend_bridge::tree::{Entry, Node, Type as TreeType, Value as Attr};

use super::Result;
use super::body::{Body, Variable};
use super::cleanup::Frame;
use super::context::{Context, missing_node};
use crate::mir::{
    BlockId, Callee, Comparison, KnownStride, Op, Raises, Signature, StructId, Type, UnaryOp, Value,
};

/// Fields of a slice.
pub(super) const MEMVIEW: u32 = 0;
pub(super) const DATA: u32 = 1;
pub(super) const SHAPE: u32 = 2;
pub(super) const STRIDES: u32 = 3;
pub(super) const SUBOFFSETS: u32 = 4;

/// `PyBUF_WRITABLE`.
const WRITABLE: i128 = 1;

impl Context<'_> {
    /// The struct of a slice: Cython's `__Pyx_memviewslice`.
    pub(super) fn slice_struct(&mut self) -> StructId {
        self.mir.structure("__Pyx_memviewslice", || {
            let array = Type::Array(Box::new(Type::I64), 8);
            vec![Type::Ptr, Type::Ptr, array.clone(), array.clone(), array]
        })
    }

    /// The type of a parameter: slices are passed by address, arrays as C passes them.
    pub(super) fn param_type(&mut self, ty: TreeType<'_>, made: Type) -> Type {
        if ty.flag("is_memoryviewslice") || matches!(made, Type::Array(..)) {
            Type::Ptr
        } else {
            made
        }
    }
}

/// Whether the expression is a memoryview slice.
pub(super) fn is_slice(node: Node<'_>) -> bool {
    node.ty("type")
        .is_some_and(|ty| ty.flag("is_memoryviewslice"))
}

/// The number of dimensions of a memoryview type.
pub(super) fn dimensions(ty: TreeType<'_>) -> usize {
    ty.int("ndim").unwrap_or(0).clamp(0, 8) as usize
}

impl<'t> Body<'_, 't> {
    /// Lowers an expression whose value is a slice.
    pub(super) fn slice_expr(&mut self, node: Node<'t>) -> Result<Value> {
        match node.kind() {
            "NameNode" => self.slice_name(node),
            "DefaultNonLiteralArgNode" => self.lower_default_arg(node),
            "MemoryViewSliceNode" => self.lower_memview_slice(node),
            "AttributeNode" if node.flag("is_memslice_transpose") => self.lower_transpose(node),
            "AttributeNode" if !node.flag("is_py_attr") => self.slice_attribute(node),
            "CoerceToMemViewSliceNode" => {
                let arg = node.child("arg")?;
                if arg.kind() == "NoneNode" {
                    return Ok(self.none_slice(dimensions(node.expr_type()?)));
                }
                let object = self.expr(arg)?;
                self.at(node);
                let made = self.slice_from_object(object, node.expr_type()?)?;
                self.release(object);
                Ok(made)
            }
            "CoerceToTempNode" => {
                let arg = node.child("arg")?;
                let value = self.expr(arg)?;
                self.owned_slice(value, arg.expr_type()?)
            }
            "ProxyNode" => {
                let arg = node.child("arg")?;
                self.expr(arg)
            }
            "NoneCheckNode" => self.lower_none_check(node),
            "CloneNode"
            | "ResultRefNode"
            | "EvalWithTempExprNode"
            | "SimpleCallNode"
            | "AssignmentExpressionNode" => self.plain_expr(node),
            "CondExprNode" => self.slice_conditional(node),
            _ => missing_node(node, "of a memoryview"),
        }
    }

    // ---------------------------------------------------------------- storage

    /// New storage for a slice: its address.
    pub(super) fn slice_storage(&mut self, name: &str) -> Value {
        let structure = self.m.slice_struct();
        let local = self.b.local(name, Type::Struct(structure));
        self.op(Op::LocalAddr(local))
    }

    /// None as a slice, borrowed; nobody needs the GIL for it.
    fn none_slice(&mut self, ndim: usize) -> Value {
        let storage = self.slice_storage("none");
        let none = self.m.mir.declare_data("_Py_NoneStruct");
        let none = self.op(Op::ExternAddr(none));
        let null = self.null();
        for (field, value) in [(MEMVIEW, none), (DATA, null)] {
            let address = self.slice_field(storage, field);
            self.b.effect(Op::Store { address, value });
        }
        let value = self.int(0, 64);
        for field in [SHAPE, STRIDES, SUBOFFSETS] {
            for dim in 0..ndim {
                let address = self.extent_address(storage, field, dim);
                self.b.effect(Op::Store { address, value });
            }
        }
        storage
    }

    /// A pointer field of a slice.
    pub(super) fn slice_pointer(&mut self, slice: Value, field: u32) -> Value {
        let address = self.slice_field(slice, field);
        self.op(Op::Load(Type::Ptr, address))
    }

    /// The address of a field of a slice.
    pub(super) fn slice_field(&mut self, slice: Value, field: u32) -> Value {
        let structure = self.m.slice_struct();
        self.op(Op::Field(slice, structure, field))
    }

    /// The address of what a slice says about a dimension.
    pub(super) fn extent_address(&mut self, slice: Value, field: u32, dim: usize) -> Value {
        let array = self.slice_field(slice, field);
        let index = self.int(dim as i128, 64);
        self.op(Op::Index(array, Type::I64, index))
    }

    /// What a slice says about a dimension: extent, stride, or suboffset.
    pub(super) fn extent(&mut self, slice: Value, field: u32, dim: usize) -> Value {
        let address = self.extent_address(slice, field, dim);
        self.op(Op::Load(Type::I64, address))
    }

    /// Copies the parts of a slice that are in use.
    pub(super) fn copy_slice(&mut self, to: Value, from: Value, ndim: usize) {
        for field in [MEMVIEW, DATA] {
            let value = self.slice_pointer(from, field);
            let address = self.slice_field(to, field);
            self.b.effect(Op::Store { address, value });
        }
        for field in [SHAPE, STRIDES, SUBOFFSETS] {
            for dim in 0..ndim {
                let value = self.extent(from, field, dim);
                let address = self.extent_address(to, field, dim);
                self.b.effect(Op::Store { address, value });
            }
        }
    }

    /// A copy for a C function to look at.
    pub(super) fn slice_for_c(&mut self, slice: Value, ndim: usize) -> Value {
        let copy = self.slice_storage("slice");
        self.copy_slice(copy, slice, ndim);
        copy
    }

    // ---------------------------------------------------------------- ownership

    /// Notes a slice that holds an acquisition as a temporary.
    pub(super) fn hold_slice(&mut self, slice: Value) {
        self.temps.push(slice);
        self.b.effect(Op::HoldSlice(slice));
    }

    /// A temporary is none any more: where it was a slice, what it held is somebody else's.
    pub(super) fn no_slice_held(&mut self, temp: Value) {
        if *self.b.ty(temp) != Type::Object {
            self.b.effect(Op::GiveSlice(temp));
        }
    }

    /// Counts another slice of the same memory.
    pub(super) fn acquire_slice(&mut self, slice: Value) -> Result<()> {
        let memview = self.slice_pointer(slice, MEMVIEW);
        self.rt_void("cyl_memview_acquire", "p:v", &[memview])
    }

    /// Gives a slice back; one that is null or None is nothing.
    pub(super) fn drop_slice(&mut self, slice: Value) {
        let memview = self.slice_pointer(slice, MEMVIEW);
        let signature = Signature::new([Type::Ptr], Type::Void);
        let changes = |frame: &Frame| matches!(frame, Frame::Gil { .. });
        let name = match self.gil && !self.frames.iter().any(changes) {
            true => "cyl_memview_release_gil",
            false => "cyl_memview_release",
        };
        let callee = Callee::Extern(self.m.mir.declare(name, signature));
        self.b.call(&self.m.mir, callee, vec![memview]);
    }

    /// Gives a slice back and marks its storage as unset.
    pub(super) fn clear_slice(&mut self, slice: Value) {
        self.drop_slice(slice);
        let null = self.null();
        let address = self.slice_field(slice, MEMVIEW);
        self.b.effect(Op::Store {
            address,
            value: null,
        });
        let address = self.slice_field(slice, DATA);
        self.b.effect(Op::Store {
            address,
            value: null,
        });
    }

    /// A slice that is a temporary for sure.
    pub(super) fn owned_slice(&mut self, slice: Value, ty: TreeType<'t>) -> Result<Value> {
        if self.temps.contains(&slice) {
            return Ok(slice);
        }
        let mine = self.slice_for_c(slice, dimensions(ty));
        self.acquire_slice(mine)?;
        self.hold_slice(mine);
        Ok(mine)
    }

    /// Overwrites the storage of a variable; takes the slice over.
    pub(super) fn assign_slice_to(
        &mut self,
        storage: Value,
        slice: Value,
        ty: TreeType<'t>,
    ) -> Result<()> {
        let ndim = dimensions(ty);
        if self.temps.contains(&slice) {
            self.forget_temp(slice);
            self.drop_slice(storage);
            self.copy_slice(storage, slice, ndim);
            return Ok(());
        }
        // Often it is another part of the same memory: nothing to count.
        let old = self.slice_pointer(storage, MEMVIEW);
        let new = self.slice_pointer(slice, MEMVIEW);
        let same = self.op(Op::Compare(Comparison::Eq, old, new));
        self.if_else(
            same,
            |_| Ok(()),
            |body| {
                body.acquire_slice(slice)?;
                body.drop_slice(storage);
                Ok(())
            },
        )?;
        self.copy_slice(storage, slice, ndim);
        Ok(())
    }

    // ---------------------------------------------------------------- variables

    /// The storage of a variable that is a slice.
    fn slice_variable(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        if self.reaches_through_scope(entry) {
            return self.shared_address(entry);
        }
        if let Some(Variable::Local { id, .. }) = self.variables.get(&entry.id()).copied() {
            return Ok(self.op(Op::LocalAddr(id)));
        }
        let in_module = entry
            .scope("scope")
            .is_some_and(|scope| scope.is_a("ModuleScope"));
        let external = matches!(entry.text("visibility"), Some("extern"));
        if entry.flag("is_cglobal") && in_module && !external {
            let global = self.m.global_of(entry)?;
            return Ok(self.op(Op::GlobalAddr(global)));
        }
        missing_node(node, "of a memoryview in this scope")
    }

    fn slice_name(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(entry) = node.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        let storage = self.slice_variable(node, entry)?;
        let unbound = node.flag("cf_maybe_null") || node.flag("cf_is_null");
        let checked = match node.attr("initialized_check") {
            Some(value) => value.truth(),
            None => self.directive_on("initializedcheck"),
        };
        if unbound && checked && !node.flag("allow_null") {
            let memview = self.slice_pointer(storage, MEMVIEW);
            let null = self.is_null(memview);
            let name = entry.text("name").unwrap_or_default();
            let function = if self.gil && entry.flag("from_closure") {
                "__Pyx_RaiseClosureNameError"
            } else if self.gil {
                "__Pyx_RaiseUnboundLocalError"
            } else {
                "__Pyx_RaiseUnboundLocalErrorNogil"
            };
            self.if_unlikely(null, |body| {
                let text = body.text(name);
                body.rt_void(function, "p:v", &[text])?;
                body.raise_now();
                Ok(())
            })?;
        }
        Ok(storage)
    }

    /// Assigns to a name; takes the slice over.
    pub(super) fn assign_slice_name(&mut self, target: Node<'t>, slice: Value) -> Result<()> {
        let Some(entry) = target.entry("entry") else {
            return missing_node(target, "without an entry");
        };
        let storage = self.slice_variable(target, entry)?;
        if let Some(Variable::Local { id, .. }) = self.variables.get(&entry.id())
            && !self.slices.contains(id)
        {
            return self.defect("assignment to a borrowed slice");
        }
        self.assign_slice_to(storage, slice, target.expr_type()?)
    }

    /// `del name`.
    pub(super) fn delete_slice_name(&mut self, target: Node<'t>) -> Result<()> {
        let storage = self.slice_name(target)?;
        let local = target
            .entry("entry")
            .and_then(|entry| self.variables.get(&entry.id()).copied());
        if let Some(Variable::Local { id, .. }) = local
            && !self.slices.contains(&id)
        {
            return missing_node(target, "del of an argument");
        }
        self.clear_slice(storage);
        Ok(())
    }

    /// An argument that came by address: copied, and counted where it is assigned to.
    pub(super) fn slice_argument(
        &mut self,
        entry: Entry<'t>,
        from: Value,
        assigned: bool,
    ) -> Result<()> {
        let Some(ty) = entry.ty("type") else {
            return self.missing("variable without a type");
        };
        let local = self.declare(entry, false)?;
        let storage = self.op(Op::LocalAddr(local));
        self.copy_slice(storage, from, dimensions(ty));
        self.note_stride(storage, from, ty)?;
        if assigned {
            self.acquire_slice(storage)?;
        } else {
            self.slices.retain(|known| *known != local);
        }
        Ok(())
    }

    /// Of an argument whose type leaves the last stride open: it is often that of items one after the
    /// other.
    pub(super) fn note_stride(
        &mut self,
        storage: Value,
        from: Value,
        ty: TreeType<'t>,
    ) -> Result<()> {
        let last = dimensions(ty).saturating_sub(1);
        let open = axes(ty).get(last).copied() == Some(("direct", "strided"));
        let (true, Some(dtype)) = (open && self.b.current() == BlockId(0), ty.ty("dtype")) else {
            return Ok(());
        };
        let size = match self.c_type(dtype)? {
            Type::Int(bits) => u64::from(bits / 8),
            Type::F32 => 4,
            Type::F64 => 8,
            _ => return Ok(()),
        };
        let stride = self.extent(from, STRIDES, last);
        let address = self.extent_address(storage, STRIDES, last);
        self.b.effect(Op::Store {
            address,
            value: stride,
        });
        self.b.function.strides.push(KnownStride { stride, size });
        Ok(())
    }

    /// `return` of a slice: into the caller's storage.
    pub(super) fn return_slice(&mut self, node: Node<'t>, storage: Value) -> Result<()> {
        let Some(source) = node.node("value") else {
            return missing_node(node, "without a value");
        };
        if !is_slice(source) {
            return missing_node(node, "of another type");
        }
        let value = self.expr(source)?;
        self.assign_slice_to(storage, value, source.expr_type()?)
    }

    fn slice_conditional(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = node.expr_type()?;
        let storage = self.slice_storage("result");
        let truth = self.condition(node.child("condition")?)?;
        let (yes, no) = (node.child("true_val")?, node.child("false_val")?);
        let part = |body: &mut Self, which: Node<'t>| -> Result<()> {
            if !is_slice(which) {
                return missing_node(which, "as a memoryview");
            }
            let value = body.expr(which)?;
            let value = body.owned_slice(value, ty)?;
            body.forget_temp(value);
            body.copy_slice(storage, value, dimensions(ty));
            Ok(())
        };
        self.if_else(truth, |body| part(body, yes), |body| part(body, no))?;
        self.hold_slice(storage);
        Ok(storage)
    }

    // ---------------------------------------------------------------- conversions

    /// An object as a slice, which is a temporary.
    pub(super) fn slice_from_object(&mut self, object: Value, ty: TreeType<'t>) -> Result<Value> {
        if !self.gil {
            return self.missing("memoryview of an object without the GIL");
        }
        // Arrays on the GPU have no buffers.
        let device =
            matches!(self.directive("prange_device"), Some(Attr::Str(name)) if name != "cpu");
        if device {
            let object = self.rt_object("cyl_gpu_object", "o:O", &[object])?;
            let slice = self.slice_from_buffer(object, ty)?;
            self.release(object);
            return Ok(slice);
        }
        self.slice_from_buffer(object, ty)
    }

    fn slice_from_buffer(&mut self, object: Value, ty: TreeType<'t>) -> Result<Value> {
        let constant = ty.ty("dtype").is_some_and(|dtype| dtype.flag("is_const"));
        self.described_slice(object, ty, if constant { 0 } else { WRITABLE })
    }

    /// Storage that was filled, or has a null memoryview with an exception.
    pub(super) fn checked_slice(&mut self, storage: Value) -> Result<()> {
        let memview = self.slice_pointer(storage, MEMVIEW);
        self.checked(memview, Raises::Null)?;
        self.hold_slice(storage);
        Ok(())
    }

    /// A slice as a new object.
    pub(super) fn slice_to_object(&mut self, slice: Value, ty: TreeType<'t>) -> Result<Value> {
        let mut functions = Vec::new();
        for name in ["_dtype_to_py_func", "_dtype_from_py_func"] {
            let Some(symbol) = ty.text(name) else {
                return self.missing("conversion of a memoryview to an object");
            };
            if symbol == "NULL" {
                functions.push(self.null());
                continue;
            }
            if self.m.symbols.resolve(symbol).is_none() {
                let Some(dtype) = ty.ty("dtype") else {
                    return self.missing("memoryview without a type");
                };
                let function = self.item_converter(dtype, name == "_dtype_to_py_func")?;
                functions.push(self.function_address(function));
                continue;
            }
            let id = self.m.mir.declare_data(symbol);
            functions.push(self.op(Op::ExternAddr(id)));
        }
        let ndim = dimensions(ty);
        let copy = self.slice_for_c(slice, ndim);
        let count = self.int(ndim as i128, 32);
        let objects = self.int(i128::from(of_objects(ty)), 32);
        let made = self.rt_object(
            "cyl_memview_object",
            "pippi:O",
            &[copy, count, functions[0], functions[1], objects],
        )?;
        Ok(made)
    }

    /// Whether a slice is None.
    pub(super) fn slice_is_none(&mut self, slice: Value) -> Value {
        let memview = self.slice_pointer(slice, MEMVIEW);
        let none = self.none();
        self.op(Op::Compare(Comparison::Eq, memview, none))
    }

    /// An argument that must not be None.
    pub(super) fn slice_not_none(&mut self, arg: Node<'t>, slice: Value) -> Result<()> {
        let none = self.slice_is_none(slice);
        let message = format!(
            "Argument '{}' must not be None",
            arg.text("name").unwrap_or_default()
        );
        self.if_unlikely(none, |body| body.raise_builtin("PyExc_TypeError", &message))
    }

    /// Marks the storage of a slice as unset, whatever lies there.
    pub(super) fn clear_memview(&mut self, storage: Value) {
        let null = self.null();
        let address = self.slice_field(storage, MEMVIEW);
        self.b.effect(Op::Store {
            address,
            value: null,
        });
    }

    /// At the end of a function that falls off its end: an exception where no slice is returned.
    pub(super) fn returned_slice_is_set(&mut self, storage: Value) -> Result<()> {
        let memview = self.slice_pointer(storage, MEMVIEW);
        let null = self.is_null(memview);
        self.if_unlikely(null, |body| {
            body.raise_builtin(
                "PyExc_TypeError",
                "Memoryview return value is not initialized",
            )
        })
    }

    /// A comparison of a slice with None.
    pub(super) fn compare_slice(
        &mut self,
        node: Node<'t>,
        left: Node<'t>,
        right: Node<'t>,
    ) -> Result<Value> {
        let (slice, other) = if is_slice(left) {
            (left, right)
        } else {
            (right, left)
        };
        let negative = match node.text("operator") {
            Some("is" | "==") => false,
            Some("is_not" | "!=") => true,
            _ => return missing_node(node, "of memoryviews"),
        };
        if other.kind() != "NoneNode" || node.node("cascade").is_some() {
            return missing_node(node, "of memoryviews");
        }
        let value = self.expr(slice)?;
        let none = self.slice_is_none(value);
        self.release(value);
        let result = if negative {
            self.op(Op::Unary(UnaryOp::Not, none))
        } else {
            none
        };
        Ok(self.as_int(result))
    }
}

/// Access and packing of each dimension.
pub(super) fn axes(ty: TreeType<'_>) -> Vec<(&str, &str)> {
    use frontend_bridge::tree::Value as Attr;
    ty.list("axes")
        .iter()
        .map(|axis| match axis {
            Attr::List(parts) => match parts.as_slice() {
                [Attr::Str(access), Attr::Str(packing)] => (access.as_str(), packing.as_str()),
                _ => ("", ""),
            },
            _ => ("", ""),
        })
        .collect()
}

/// Whether the items are objects.
pub(super) fn of_objects(ty: TreeType<'_>) -> bool {
    ty.ty("dtype")
        .is_some_and(|dtype| dtype.flag("is_pyobject"))
}
