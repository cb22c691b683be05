//! What the dispatch of fused functions looks at in arrays and memoryviews.
//!
//! Cython writes the dispatch as Cython code of its own, which declares, as if C had them, types of
//! the module and functions that Cython's C would have.

use frontend_bridge::tree::Type as TreeType;

use super::Result;
use super::body::Body;
use super::buffers::is_buffer;
use super::context::Context;
use super::memview::dimensions;
use super::memview_types::{Described, shown};
use crate::mir::{Op, Type, Value};

impl<'t> Context<'t> {
    /// The module's own type that a declaration names as if C had it.
    pub(super) fn own_twin(&self, ty: TreeType<'t>, cname: &str) -> Option<TreeType<'t>> {
        let bare = cname
            .split(' ')
            .rfind(|word| !matches!(*word, "" | "const" | "volatile"))
            .filter(|name| name.starts_with("__pyx_t_"))?;
        self.tree.types().find(|other| {
            if other.id() == ty.id() || other.kind() != ty.kind() {
                return false;
            }
            match other.kind() {
                "CTypedefType" => {
                    other.text("typedef_cname") == Some(bare) && !other.flag("typedef_is_external")
                }
                _ => {
                    other.text("cname") == Some(bare)
                        && !other
                            .entry("entry")
                            .is_some_and(super::struct_types::external)
                }
            }
        })
    }
}

impl<'t> Body<'_, 't> {
    /// A function that the dispatch calls; `None` for all others.
    pub(super) fn fused_helper(
        &mut self,
        name: &str,
        args: &[(Value, TreeType<'t>)],
    ) -> Result<Option<Option<Value>>> {
        match (name, args) {
            ("__PYX_XCLEAR_MEMVIEW", [(slice, _), _]) => {
                self.clear_slice(*slice);
                Ok(Some(None))
            }
            (_, [(object, _), _]) if name.starts_with("__Pyx_PyObject_to_MemoryviewSlice_") => {
                let found = self.m.tree.types().find(|ty| {
                    ty.flag("is_memoryviewslice") && ty.text("from_py_function") == Some(name)
                });
                let (described, ndim) = match found {
                    Some(ty) => (self.describe_slice(ty)?, dimensions(ty)),
                    None => self.named_slice(name)?,
                };
                self.matching_slice(*object, described, ndim)
                    .map(|made| Some(Some(made)))
            }
            _ => Ok(None),
        }
    }

    /// The slice that a conversion's name speaks of: strided axes, and the items of some buffer.
    fn named_slice(&mut self, name: &str) -> Result<(Described, usize)> {
        let mut rest = name.trim_start_matches("__Pyx_PyObject_to_MemoryviewSlice_");
        let mut axes = Vec::new();
        while let Some(more) = rest.strip_prefix("ds") {
            axes.push(("direct", "strided"));
            rest = more;
        }
        let item = rest.strip_prefix('_');
        let dtype = self.m.tree.types().find_map(|ty| {
            let array = is_buffer(ty) || ty.flag("is_memoryviewslice");
            let dtype = ty.ty("dtype").filter(|_| array)?;
            // The dispatch speaks of items without `const`.
            let dtype = dtype.ty("cv_base_type").unwrap_or(dtype);
            (item.is_some() && item == mangled(dtype).as_deref()).then_some(dtype)
        });
        match dtype {
            Some(dtype) if !axes.is_empty() => {
                Ok((self.describe_axes(dtype, &axes, 0)?, axes.len()))
            }
            _ => self.missing(&format!("C function '{name}'")),
        }
    }

    /// An object as a slice by value; its memoryview is null where it does not fit.
    fn matching_slice(
        &mut self,
        object: Value,
        described: Described,
        ndim: usize,
    ) -> Result<Value> {
        let Described {
            info,
            axes,
            order,
            buffer,
        } = described;
        let structure = self.slice_by_value();
        let local = self.b.local("slice", structure);
        let storage = self.op(Op::LocalAddr(local));
        let axes = self.op(Op::GlobalAddr(axes));
        let info = self.op(Op::GlobalAddr(info));
        let order = self.int(order, 32);
        let flags = self.int(buffer, 32);
        let ndim = self.int(ndim as i128, 32);
        let args = [storage, axes, order, flags, ndim, info, object];
        self.rt_void("cyl_slice_match", "ppiiipo:v", &args)?;
        Ok(self.op(Op::Get(local)))
    }

    /// `__Pyx_memviewslice`, as declared in C.
    fn slice_by_value(&mut self) -> Type {
        let array = Type::Array(Box::new(Type::I64), 8);
        let fields = vec![Type::Ptr, Type::Ptr, array.clone(), array.clone(), array];
        Type::Struct(self.m.mir.structure("C.__Pyx_memviewslice", || fields))
    }
}

/// The name of an item type in the names of conversions.
fn mangled(ty: TreeType<'_>) -> Option<String> {
    if ty.flag("is_pyobject") {
        return Some("object".to_owned());
    }
    if ty.kind() == "CTypedefType" {
        return ty.text("typedef_cname").map(|name| format!("nn_{name}"));
    }
    if ty.flag("is_struct_or_union") {
        let cname = ty.text("cname")?;
        return Some(match ty.flag("typedef_flag") {
            true => format!("nn_{cname}"),
            false => format!("nn_{}__{cname}", ty.text("kind")?),
        });
    }
    if ty.flag("is_complex") {
        return ty
            .text("from_parts")?
            .strip_suffix("_from_parts")
            .map(str::to_owned);
    }
    Some(
        shown(ty)?
            .replace("long long", "PY_LONG_LONG")
            .replace(' ', "_"),
    )
}
