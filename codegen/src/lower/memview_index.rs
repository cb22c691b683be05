//! Typed memoryviews: items, in-place operators on them, attributes and methods.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::{DATA, SHAPE, STRIDES, SUBOFFSETS, axes, dimensions, is_slice, of_objects};
use crate::mir::{BinaryOp, Comparison, Op, Raises, Type, Value};

/// `PyBUF_C_CONTIGUOUS | PyBUF_FORMAT`, and the Fortran way.
const C_CONTIGUOUS: i128 = 0x38 | 0x04;
const F_CONTIGUOUS: i128 = 0x58 | 0x04;

impl<'t> Body<'_, 't> {
    /// `MemoryViewIndexNode` as a value.
    pub(super) fn lower_memview_index(&mut self, node: Node<'t>) -> Result<Value> {
        let (address, base) = self.item_of_slice(node)?;
        self.load_item_at(node, address, base)
    }

    /// Assigns to an item; takes the value over.
    pub(super) fn assign_memview_item(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let (address, base) = self.item_of_slice(target)?;
        self.store_item_at(target, address, base, value)
    }

    /// The address of an item, and the slice, which may be a temporary.
    pub(super) fn item_of_slice(&mut self, node: Node<'t>) -> Result<(Value, Value)> {
        let base = node.child("base")?;
        let ty = base.expr_type()?;
        if !is_slice(base) || node.nodes("indices").len() != dimensions(ty) {
            return missing_node(node, "of this kind");
        }
        let slice = self.expr(base)?;
        let places = self.item_indices(node, "memoryview")?;
        self.at(node);
        let wraparound = self.directive_on("wraparound");
        let places = self.checked_places(places, wraparound, |body, dim| {
            body.extent(slice, SHAPE, dim)
        })?;
        let dtype = ty
            .ty("dtype")
            .ok_or_else(|| node.missing("type.dtype", "type"))?;
        let item = self.c_type(dtype)?;
        let mut address = self.slice_pointer(slice, DATA);
        for (dim, ((access, packing), place)) in axes(ty).into_iter().zip(places).enumerate() {
            address = self.along(slice, address, (access, packing), dim, place, &item)?;
        }
        Ok((address, slice))
    }

    /// Indices brought into range from the end, and checked, as the directives say.
    pub(super) fn checked_places(
        &mut self,
        places: Vec<(Value, bool)>,
        wraparound: bool,
        mut length: impl FnMut(&mut Self, usize) -> Value,
    ) -> Result<Vec<Value>> {
        let check = self.directive_on("boundscheck");
        let mut found = Vec::new();
        let mut wrong: Option<(Value, Value)> = None;
        for (dim, (place, unsigned)) in places.into_iter().enumerate() {
            let mut place = place;
            if wraparound && !unsigned {
                let zero = self.int(0, 64);
                let negative = self.op(Op::Compare(Comparison::SLt, place, zero));
                let length = length(self, dim);
                let other = self.op(Op::Binary(BinaryOp::Add, place, length));
                place = self.op(Op::Select(negative, other, place));
            }
            if check {
                // No extent is negative: what is, is beyond it as an unsigned number.
                let length = length(self, dim);
                let beyond = self.op(Op::Compare(Comparison::UGe, place, length));
                let axis = self.int(dim as i128, 32);
                wrong = Some(match wrong {
                    None => (beyond, axis),
                    Some((any, last)) => {
                        let last = self.op(Op::Select(beyond, axis, last));
                        (self.op(Op::Binary(BinaryOp::Or, any, beyond)), last)
                    }
                });
            }
            found.push(place);
        }
        if let Some((any, axis)) = wrong {
            let function = if self.gil {
                "__Pyx_RaiseBufferIndexError"
            } else {
                "__Pyx_RaiseBufferIndexErrorNogil"
            };
            self.if_unlikely(any, |body| {
                body.rt_void(function, "i:v", &[axis])?;
                body.raise_now();
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// One step into a slice.
    fn along(
        &mut self,
        slice: Value,
        address: Value,
        (access, packing): (&str, &str),
        dim: usize,
        place: Value,
        item: &Type,
    ) -> Result<Value> {
        let contiguous = packing == "contig";
        match access {
            "direct" if contiguous => Ok(self.op(Op::Index(address, item.clone(), place))),
            "direct" => {
                let stride = self.extent(slice, STRIDES, dim);
                let offset = self.op(Op::Binary(BinaryOp::Mul, place, stride));
                Ok(self.op(Op::Index(address, Type::Int(8), offset)))
            }
            "ptr" => {
                let address = if contiguous {
                    self.op(Op::Index(address, Type::Ptr, place))
                } else {
                    let stride = self.extent(slice, STRIDES, dim);
                    let offset = self.op(Op::Binary(BinaryOp::Mul, place, stride));
                    self.op(Op::Index(address, Type::Int(8), offset))
                };
                let inner = self.op(Op::Load(Type::Ptr, address));
                let suboffset = self.extent(slice, SUBOFFSETS, dim);
                Ok(self.op(Op::Index(inner, Type::Int(8), suboffset)))
            }
            "full" => {
                let stride = self.extent(slice, STRIDES, dim);
                let suboffset = self.extent(slice, SUBOFFSETS, dim);
                let args = [address, place, stride, suboffset];
                self.rt_value("__pyx_memviewslice_index_full", "plll:p", &args)
            }
            _ => self.missing("memoryview with this access"),
        }
    }

    /// `InPlaceAssignmentNode`: what Cython keeps for items of memoryviews.
    pub(super) fn lower_in_place(&mut self, node: Node<'t>) -> Result<()> {
        let (target, source) = (node.child("lhs")?, node.child("rhs")?);
        let member = target.kind() == "AttributeNode" && !target.flag("is_py_attr");
        let slice = target.kind() == "MemoryViewIndexNode" && is_slice(target.child("base")?);
        if !slice && !member && target.kind() != "BufferIndexNode" {
            return missing_node(node, "of this target");
        }
        let value = self.expr(source)?;
        let mut packed = false;
        let (address, base) = match target.kind() {
            "BufferIndexNode" => self.item_of_buffer(target)?,
            "AttributeNode" => {
                let (address, anywhere) = self.lvalue_as_declared(target)?;
                packed = anywhere;
                (address, address)
            }
            _ => self.item_of_slice(target)?,
        };
        let (ty, from) = (target.expr_type()?, source.expr_type()?);
        let item = self.type_of(target)?;
        let old = match packed {
            true => self.load_packed(address, item.clone()),
            false => self.op(Op::Load(item.clone(), address)),
        };
        let given = self.b.ty(value).clone();
        let operator = node.text("operator").unwrap_or_default();
        let new = match (&item, &given) {
            (item, given) if item.is_float() => {
                // C computes in the wider type.
                let wide = if rank(given) > rank(item) { from } else { ty };
                let doubles = self.as_doubles(item, (old, ty), (value, from));
                let (x, y) = match doubles {
                    Some(both) => both,
                    None => (
                        self.convert_number(old, ty, wide)?,
                        self.convert_number(value, from, wide)?,
                    ),
                };
                let op = match operator {
                    "+" => BinaryOp::FAdd,
                    "-" => BinaryOp::FSub,
                    "*" => BinaryOp::FMul,
                    "/" => BinaryOp::FDiv,
                    _ => {
                        return missing_node(
                            node,
                            &format!("with '{operator}' of floating-point numbers"),
                        );
                    }
                };
                let made = self.op(Op::Binary(op, x, y));
                if doubles.is_some() {
                    self.convert_float(made, item)
                } else {
                    self.convert_number(made, wide, ty)?
                }
            }
            (Type::Int(bits), Type::Int(_)) => {
                let (Some(x), Some(y)) = (self.c_integer(old, ty), self.c_integer(value, from))
                else {
                    return missing_node(node, "of this type");
                };
                let made = self.c_operation(node, operator, x, y)?;
                self.c_value(made, *bits)
            }
            _ => return missing_node(node, "of this type"),
        };
        if packed {
            self.store_packed(address, new);
        } else {
            self.b.effect(Op::Store {
                address,
                value: new,
            });
        }
        self.release(base);
        Ok(())
    }

    // ---------------------------------------------------------------- attributes

    /// `.shape`, `.strides`, `.suboffsets`: the address of the array.
    pub(super) fn lower_memview_attribute(&mut self, node: Node<'t>) -> Result<Value> {
        let field = match node.text("attribute") {
            Some("shape") => SHAPE,
            Some("strides") => STRIDES,
            Some("suboffsets") => SUBOFFSETS,
            Some("_data") => DATA,
            _ => return missing_node(node, "of a memoryview"),
        };
        let slice = self.expr(node.child("obj")?)?;
        let address = self.slice_field(slice, field);
        // The storage stays as it is where a temporary slice is given back.
        self.release(slice);
        if field == DATA {
            return Ok(self.op(Op::Load(Type::Ptr, address)));
        }
        Ok(address)
    }

    /// `len(memoryview)`.
    pub(super) fn memview_length(&mut self, arg: Node<'t>) -> Result<Value> {
        let slice = self.expr(arg)?;
        let length = self.extent(slice, SHAPE, 0);
        self.release(slice);
        Ok(length)
    }

    /// `copy()`, `copy_fortran()`, `is_c_contig()`, `is_f_contig()`.
    pub(super) fn memview_method(&mut self, node: Node<'t>, function: Node<'t>) -> Result<Value> {
        let args = node.nodes("args");
        let [arg] = args.as_slice() else {
            return missing_node(node, "of a memoryview's method");
        };
        let own = node.node("self");
        let own_value = match own {
            Some(own) if arg.kind() == "CloneNode" => {
                let value = self.expr(own)?;
                self.results.insert(own.id(), value);
                Some(value)
            }
            _ => None,
        };
        let slice = self.expr(*arg)?;
        let ty = arg.expr_type()?;
        if !is_slice(*arg) {
            return missing_node(node, "of a memoryview's method");
        }
        self.at(node);
        let ndim = dimensions(ty);
        let count = self.int(ndim as i128, 32);
        let copy = self.slice_for_c(slice, ndim);
        let name = function.text("attribute").unwrap_or_default();
        let result = match name {
            "copy" | "copy_fortran" => {
                if !self.gil {
                    return missing_node(node, "without the GIL");
                }
                let (mode, flag) = if name == "copy" {
                    ("c", C_CONTIGUOUS)
                } else {
                    ("fortran", F_CONTIGUOUS)
                };
                let size = self.item_size(node, ty)?;
                let mode = self.text(mode);
                let flag = self.int(flag, 32);
                let objects = self.int(i128::from(of_objects(ty)), 32);
                let storage = self.slice_storage("copy");
                let args = [storage, copy, mode, count, size, flag, objects];
                self.rt_void("__pyx_memoryview_copy_new_contig", "pppilii:v", &args)?;
                self.checked_slice(storage)?;
                storage
            }
            "is_c_contig" | "is_f_contig" => {
                let order = self.int(
                    i128::from(if name == "is_c_contig" { b'C' } else { b'F' }),
                    32,
                );
                self.rt_value("cyl_memview_is_contig", "pii:i", &[copy, order, count])?
            }
            _ => return missing_node(node, &format!("of a memoryview's '{name}'")),
        };
        self.release(slice);
        if let Some(own) = own_value {
            self.release(own);
        }
        Ok(result)
    }

    /// The size of an item in bytes.
    pub(super) fn item_size(&mut self, node: Node<'t>, ty: TreeType<'t>) -> Result<Value> {
        let dtype = ty
            .ty("dtype")
            .ok_or_else(|| node.missing("type.dtype", "type"))?;
        let size = match self.c_type(dtype)? {
            Type::Int(bits) => i128::from(bits / 8),
            Type::F32 => 4,
            Type::F64 | Type::Ptr | Type::Object => 8,
            Type::F80 => 16,
            of @ Type::Struct(_) => i128::from(self.m.mir.size_align(&of).0),
            other => return missing_node(node, &format!("of items of {other}")),
        };
        Ok(self.int(size, 64))
    }

    /// `.T`.
    pub(super) fn lower_transpose(&mut self, node: Node<'t>) -> Result<Value> {
        let source = node.child("obj")?;
        let slice = self.expr(source)?;
        let ty = source.expr_type()?;
        self.at(node);
        let copy = self.slice_for_c(slice, dimensions(ty));
        self.acquire_slice(copy)?;
        self.hold_slice(copy);
        self.rt_status("__pyx_memslice_transpose", "p:i", &[copy], Raises::Negative)?;
        self.forget_temp(copy);
        self.release(slice);
        self.hold_slice(copy);
        Ok(copy)
    }
}

/// The order of C's usual arithmetic conversions, of integers below floating-point numbers.
fn rank(ty: &Type) -> u8 {
    match ty {
        Type::F32 => 1,
        Type::F64 => 2,
        Type::F80 => 3,
        _ => 0,
    }
}
