//! Typed memoryviews: descriptions of item types, and slices of items that the runtime library has no
//! conversions for.

use frontend_bridge::tree::{Node, Type as TreeType, TypeId};

use super::Result;
use super::body::Body;
use super::context::{Context, missing};
use super::memview::{axes, dimensions, of_objects};
use super::types;
use crate::mir::{
    FuncId, Function, Global, GlobalId, GlobalInit, Linkage, Op, Signature, Terminator, Type, Value,
};

/// `PyBUF_INDIRECT | PyBUF_FORMAT`, `PyBUF_STRIDES | PyBUF_FORMAT`, and contiguity.
const FULL: i128 = 0x118 | 0x04;
const RECORDS: i128 = 0x18 | 0x04;
const C_CONTIGUOUS: i128 = 0x38 | 0x04;
const F_CONTIGUOUS: i128 = 0x58 | 0x04;

impl<'t> Context<'t> {
    fn view_table(&mut self, name: &str, ty: Type, init: GlobalInit) -> GlobalId {
        let name = format!("{name}.{}", self.mir.globals.len());
        self.mir.add_global(Global {
            name,
            ty,
            init,
            constant: true,
            linkage: Linkage::Internal,
        })
    }

    /// The description of an item type: Cython's `__Pyx_TypeInfo`.
    pub(super) fn type_info(&mut self, dtype: TreeType<'t>) -> Result<GlobalId> {
        if let Some(found) = self.type_infos.get(&dtype.id()) {
            return Ok(*found);
        }
        let mut element = dtype;
        let mut item = types::resolve(dtype);
        let mut extents = Vec::new();
        while item.flag("is_array") {
            let (Some(size), Some(base)) = (self.array_size(item, None), item.ty("base_type"))
            else {
                return missing("memoryview of arrays of unknown size", None);
            };
            extents.push(size);
            element = base;
            item = types::resolve(base);
        }
        // An array is described by its elements.
        let Some(name) = shown(element) else {
            return missing("memoryview of items of this type", None);
        };
        let mir = self.c_type(element, None)?;
        let size = self.mir.size_align(&mir).0;
        let mut fields = GlobalInit::Zero;
        let (mut unsigned, mut packed) = (false, false);
        let group = if item.flag("is_pyobject") {
            b'O'
        } else if item.flag("is_complex") {
            b'C'
        } else if item.flag("is_float") {
            b'R'
        } else if element.kind() == "CIntType"
            && element.int("rank") == Some(0)
            && element.int("signed") == Some(1)
        {
            // Of either sign; `const char` and other names of it are not.
            b'H'
        } else if item.flag("is_int") && !item.flag("is_enum") {
            unsigned = types::unsigned(item);
            if unsigned { b'U' } else { b'I' }
        } else if item.flag("is_struct") && extents.is_empty() {
            packed = item.flag("packed");
            let (table, pair) = self.struct_fields(item, &mir)?;
            fields = GlobalInit::Global(table);
            if pair { b'C' } else { b'S' }
        } else {
            return missing("memoryview of items of this type", None);
        };
        let structure = self.mir.structure("__Pyx_TypeInfo", || {
            let array = Type::Array(Box::new(Type::I64), 8);
            vec![
                Type::Ptr,
                Type::Ptr,
                Type::I64,
                array,
                Type::I32,
                Type::Int(8),
                Type::Int(8),
                Type::I32,
            ]
        });
        let text = self.c_string(name.as_bytes());
        let mut sizes: Vec<GlobalInit> = extents
            .iter()
            .map(|size| GlobalInit::Int(i128::from(*size)))
            .collect();
        sizes.resize(8, GlobalInit::Int(0));
        let init = GlobalInit::List(vec![
            GlobalInit::Global(text),
            fields,
            GlobalInit::Int(i128::from(size)),
            GlobalInit::List(sizes),
            GlobalInit::Int(extents.len() as i128),
            GlobalInit::Int(i128::from(group)),
            GlobalInit::Int(i128::from(unsigned)),
            GlobalInit::Int(i128::from(packed)),
        ]);
        let id = self.view_table("type.info", Type::Struct(structure), init);
        self.type_infos.insert(dtype.id(), id);
        Ok(id)
    }

    /// The members of a struct, and whether it may pass for a complex number.
    fn struct_fields(&mut self, item: TreeType<'t>, mir: &Type) -> Result<(GlobalId, bool)> {
        let Some(scope) = item.scope("scope") else {
            return missing("memoryview of an incomplete struct", None);
        };
        let entries = scope.entries("var_entries");
        let Type::Struct(id) = mir else {
            return missing("memoryview of items of this type", None);
        };
        let layout = self.mir.structs[id.0 as usize].clone();
        if layout.fields.len() != entries.len() || entries.is_empty() {
            return missing("memoryview of items of this type", None);
        }
        let structure = self.mir.structure("__Pyx_StructField", || {
            vec![Type::Ptr, Type::Ptr, Type::I64]
        });
        let mut rows = Vec::new();
        for (entry, offset) in entries.iter().zip(self.mir.field_offsets(mir)) {
            let Some(ty) = entry.ty("type") else {
                return missing("struct member without a type", None);
            };
            let info = self.type_info(ty)?;
            let name = self.c_string(entry.text("name").unwrap_or_default().as_bytes());
            rows.push(GlobalInit::List(vec![
                GlobalInit::Global(info),
                GlobalInit::Global(name),
                GlobalInit::Int(i128::from(offset)),
            ]));
        }
        rows.push(GlobalInit::List(vec![
            GlobalInit::Zero,
            GlobalInit::Zero,
            GlobalInit::Int(0),
        ]));
        let ty = Type::Array(Box::new(Type::Struct(structure)), rows.len() as u64);
        let pair = matches!(layout.fields.as_slice(), [a, b] if a == b && a.is_float());
        Ok((
            self.view_table("struct.fields", ty, GlobalInit::List(rows)),
            pair,
        ))
    }
}

/// What the runtime checks an object for that is to be a slice.
pub(super) struct Described {
    /// `__Pyx_TypeInfo` of the items.
    pub info: GlobalId,
    /// Access and packing of each axis.
    pub axes: GlobalId,
    /// 1 where it is contiguous as in C, 2 as in Fortran.
    pub order: i128,
    /// Flags for the buffer.
    pub buffer: i128,
}

impl<'t> Body<'_, 't> {
    /// An object as a slice, checked here against descriptions of axes and items.
    pub(super) fn described_slice(
        &mut self,
        object: Value,
        ty: TreeType<'t>,
        flags: i128,
    ) -> Result<Value> {
        let Described {
            info,
            axes,
            order,
            buffer,
        } = self.describe_slice(ty)?;
        let ndim = dimensions(ty);
        let storage = self.slice_storage("slice");
        let axes = self.op(Op::GlobalAddr(axes));
        let order = self.int(order, 32);
        let flags = self.int(buffer | flags, 32);
        let count = self.int(ndim as i128, 32);
        let info = self.op(Op::GlobalAddr(info));
        let args = [storage, axes, order, flags, count, info, object];
        self.rt_void("cyl_slice_take", "ppiiipo:v", &args)?;
        self.checked_slice(storage)?;
        Ok(storage)
    }

    /// What a slice of a type must be like.
    pub(super) fn describe_slice(&mut self, ty: TreeType<'t>) -> Result<Described> {
        let Some(dtype) = ty.ty("dtype") else {
            return self.missing("memoryview without a type");
        };
        let order = match (ty.flag("is_c_contig"), ty.flag("is_f_contig")) {
            (true, _) => 1,
            (_, true) => 2,
            _ => 0,
        };
        self.describe_axes(dtype, &axes(ty), order)
    }

    /// What a slice of such items and axes must be like.
    pub(super) fn describe_axes(
        &mut self,
        dtype: TreeType<'t>,
        axes: &[(&str, &str)],
        order: i128,
    ) -> Result<Described> {
        let info = self.m.type_info(dtype)?;
        let mut specs = Vec::new();
        let mut buffer = RECORDS;
        for (access, packing) in axes {
            let access = match *access {
                "direct" => 1,
                "ptr" => 2,
                _ => 4,
            };
            if access != 1 {
                buffer = FULL;
            }
            specs.push(GlobalInit::Int(
                access
                    | match *packing {
                        "contig" => 8,
                        "strided" => 16,
                        _ => 32,
                    },
            ));
        }
        match order {
            1 => buffer = C_CONTIGUOUS,
            2 => buffer = F_CONTIGUOUS,
            _ => {}
        }
        let ndim = axes.len();
        let axes = self.m.view_table(
            "axes",
            Type::Array(Box::new(Type::I32), ndim as u64),
            GlobalInit::List(specs),
        );
        Ok(Described {
            info,
            axes,
            order,
            buffer,
        })
    }

    /// The function that makes an object of an item (`reads`), or an item of an object.
    pub(super) fn item_converter(&mut self, dtype: TreeType<'t>, reads: bool) -> Result<FuncId> {
        let key: (TypeId, bool) = (dtype.id(), reads);
        if let Some(found) = self.m.item_converters.get(&key) {
            return Ok(*found);
        }
        let signature = if reads {
            Signature::new([Type::Ptr], Type::Object)
        } else {
            Signature::new([Type::Ptr, Type::Object], Type::I32)
        };
        let name = format!(
            "item.{}.{}",
            if reads { "get" } else { "set" },
            self.m.mir.functions.len()
        );
        let function = Function::new(&name, Linkage::Internal, signature);
        let mut body = Body::new(&mut *self.m, function, "item");
        let address = body.op(Op::Param(0));
        let ty = body.c_type(dtype)?;
        let array = matches!(ty, Type::Array(..));
        if reads {
            let value = if array {
                address
            } else {
                body.op(Op::Load(ty, address))
            };
            let made = body.to_python(value, dtype)?;
            let made = body.give(made);
            body.b.end(Terminator::Return(Some(made)));
            let failed = body.error_block();
            body.b.switch_to(failed);
            let null = body.null_object();
            let null = body.op(Op::XIncRef(null));
            body.b.end(Terminator::Return(Some(null)));
        } else {
            let object = body.op(Op::Param(1));
            let value = body.from_python(object, dtype)?;
            if array {
                body.copy_memory(address, value, &ty)?;
            } else {
                body.b.effect(Op::Store { address, value });
            }
            let one = body.int(1, 32);
            body.b.end(Terminator::Return(Some(one)));
            let failed = body.error_block();
            body.b.switch_to(failed);
            let zero = body.int(0, 32);
            body.b.end(Terminator::Return(Some(zero)));
        }
        let function = body.b.finish();
        let id = self.m.mir.add_function(function);
        self.m.item_converters.insert(key, id);
        Ok(id)
    }

    /// `CythonArrayNode`: an array object over memory.
    pub(super) fn lower_cython_array(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        let ty = node
            .ty("coercion_type")
            .ok_or_else(|| node.missing("coercion_type", "type"))?;
        let Some(dtype) = ty.ty("dtype") else {
            return self.missing("memoryview without a type");
        };
        if of_objects(ty) {
            return super::context::missing_node(node, "of these items");
        }
        let item = self.c_type(dtype)?;
        let size = self.int(i128::from(self.m.mir.size_align(&item).0), 64);
        let info = self.m.type_info(dtype)?;
        let data = if types::resolve(operand.expr_type()?).flag("is_array") {
            self.lvalue(operand)?
        } else {
            self.expr(operand)?
        };
        let shapes = node.nodes("shapes");
        let array = Type::Array(Box::new(Type::I64), shapes.len() as u64);
        let extents = self.b.local("shape", array);
        let extents = self.op(Op::LocalAddr(extents));
        for (index, shape) in shapes.iter().enumerate() {
            let value = self.expr(*shape)?;
            if !self.b.ty(value).is_int() {
                return super::context::missing_node(node, "with this shape");
            }
            let value = self.widen(value, 64, types::unsigned(shape.expr_type()?));
            let index = self.int(index as i128, 64);
            let address = self.op(Op::Index(extents, Type::I64, index));
            self.b.effect(Op::Store { address, value });
        }
        self.at(node);
        let info = self.op(Op::GlobalAddr(info));
        let count = self.int(shapes.len() as i128, 32);
        let mode = self.text(node.text("mode").unwrap_or("c"));
        self.rt_object(
            "cyl_array_from_pointer",
            "plpipp:O",
            &[info, size, data, count, extents, mode],
        )
    }
}

/// A type as Cython shows it in messages.
pub(super) fn shown(ty: TreeType<'_>) -> Option<String> {
    if ty.kind() == "CTypedefType" {
        return ty
            .text("typedef_name")
            .or_else(|| ty.text("name"))
            .map(str::to_owned);
    }
    if let Some(base) = ty.ty("cv_base_type") {
        return shown(base).map(|name| format!("const {name}"));
    }
    if ty.flag("is_pyobject") {
        return match ty.kind() {
            "PyObjectType" => Some("Python object".to_owned()),
            "BuiltinObjectType" => ty.text("name").map(|name| format!("{name} object")),
            _ => ty.text("name").map(str::to_owned),
        };
    }
    if ty.flag("is_struct") {
        return ty.text("name").map(str::to_owned);
    }
    if ty.flag("is_array") {
        let base = shown(ty.ty("base_type")?)?;
        return Some(format!("{base}[{}]", ty.int("size")?));
    }
    if ty.flag("is_complex") {
        return shown(ty.ty("real_type")?).map(|name| format!("{name} complex"));
    }
    Some(match ty.kind() {
        "CBIntType" => "bint".to_owned(),
        "CPySSizeTType" => "Py_ssize_t".to_owned(),
        "CSSizeTType" => "Py_ssize_t".to_owned(),
        "CSizeTType" => "size_t".to_owned(),
        "CPtrdiffTType" => "ptrdiff_t".to_owned(),
        "CPyHashTType" => "Py_hash_t".to_owned(),
        "CIntType" => {
            let sign = match ty.int("signed") {
                Some(0) => "unsigned ",
                Some(2) => "signed ",
                _ => "",
            };
            let name = match ty.int("rank")? {
                0 => "char",
                1 => "short",
                2 => "int",
                3 => "long",
                4 => "long long",
                _ => return None,
            };
            format!("{sign}{name}")
        }
        "CFloatType" => match ty.int("rank")? {
            5 => "float".to_owned(),
            6 => "double".to_owned(),
            7 => "long double".to_owned(),
            _ => return None,
        },
        _ => return None,
    })
}
