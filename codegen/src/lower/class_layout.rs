//! Where the fields of an extension type and the methods of its C method table lie: as in the struct
//! that Cython's C has for it.

use std::rc::Rc;

use frontend_bridge::tree::{Entry, Position, Type as TreeType, Value as Attr};

use super::Result;
use super::context::{Context, missing};
use crate::mir::Type;

/// Cython's name of the base's part of a struct, in the C names of what is inherited.
const BASE: &str = "__pyx_base.";

/// A field of the type's own.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field<'t> {
    pub entry: Entry<'t>,
    pub at: u64,
    pub ty: Type,
}

/// Whether a header has the struct of an extension type: of a class that is `extern` without one,
/// Cython's C declares the struct itself.
pub(super) fn declared_by_header(ty: TreeType<'_>) -> bool {
    ty.flag("is_external")
        && ty
            .entry("entry")
            .is_none_or(|entry| entry.flag("in_cinclude"))
}

/// The struct of an extension type.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Layout<'t> {
    pub size: u64,
    pub align: u64,
    /// Own fields, the base's not among them.
    pub fields: Vec<Field<'t>>,
    /// Where the address of the C method table is.
    pub vtable_at: Option<u64>,
    /// Own methods of the table, and their places in it: behind the base's, where a reload has not
    /// left them in others.
    pub methods: Vec<(Entry<'t>, usize)>,
    /// Length of the base's table.
    pub base_methods: usize,
    /// Length of the table.
    pub method_count: usize,
}

impl Layout<'_> {
    /// The place in the table of an own method.
    pub fn method_place(&self, cname: &str) -> Option<usize> {
        let named = |(method, _): &&(Entry<'_>, usize)| method.text("cname") == Some(cname);
        self.methods.iter().find(named).map(|(_, place)| *place)
    }
}

impl<'t> Context<'t> {
    /// The layout of an extension type.
    pub fn layout(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Rc<Layout<'t>>> {
        if let Some(found) = self.layouts.get(&ty.id()) {
            return Ok(found.clone());
        }
        let made = Rc::new(self.make_layout(ty, at)?);
        self.layouts.insert(ty.id(), made.clone());
        Ok(made)
    }

    fn make_layout(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Layout<'t>> {
        let name = ty.text("name").unwrap_or_default();
        let Some(scope) = ty.scope("scope").filter(|_| !ty.flag("is_builtin_type")) else {
            return missing(&format!("struct of '{name}'"), at);
        };
        if declared_by_header(ty) {
            return self.external_layout(ty, at);
        }
        let mut layout = Layout {
            size: 16,
            align: 8,
            fields: Vec::new(),
            vtable_at: None,
            methods: Vec::new(),
            base_methods: 0,
            method_count: 0,
        };
        if let Some(base) = ty.ty("base_type") {
            if base.flag("is_builtin_type") {
                let of = base.text("objstruct_cname").unwrap_or_default();
                match runtime_abi::structs::object_size(of) {
                    Some(size) => layout.size = size,
                    None => {
                        return missing(&format!("extension type with the base struct '{of}'"), at);
                    }
                }
            } else {
                let base = self.layout(base, at)?;
                layout.size = base.size;
                layout.align = base.align;
                layout.vtable_at = base.vtable_at;
                layout.base_methods = base.method_count;
                layout.method_count = base.method_count;
            }
        }
        if ty.text("vtabslot_cname").is_some() && layout.vtable_at.is_none() {
            layout.vtable_at = Some(layout.place(8, 8));
        }
        for entry in scope.entries("cfunc_entries") {
            if ty.text("vtabstruct_cname").is_some() && !entry.flag("is_inherited") {
                let usual = layout.base_methods + layout.methods.len();
                let given = entry.int("live_slot");
                let place = given.and_then(|at| usize::try_from(at).ok());
                let place = place.unwrap_or(usual);
                layout.method_count = layout.method_count.max(place + 1);
                layout.methods.push((entry, place));
            }
        }
        for entry in scope.entries("var_entries") {
            let Some(field) = entry.ty("type") else {
                return missing("a field without a type", entry.position());
            };
            if entry.flag("is_cpp_optional") {
                return missing("a field of a C++ class", entry.position());
            }
            let ty = if entry.flag("is_declared_generic") {
                Type::Object
            } else {
                self.c_type(field, entry.position())?
            };
            if ty == Type::Void {
                return missing("a field of this type", entry.position());
            }
            let (size, align) = self.mir.size_align(&ty);
            let at = layout.place(size, align);
            layout.fields.push(Field { entry, at, ty });
        }
        layout.size = layout.size.next_multiple_of(layout.align);
        Ok(layout)
    }

    /// The layout of objects whose struct a header declares.
    fn external_layout(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Layout<'t>> {
        let name = ty.text("name").unwrap_or_default();
        let Some(structure) = super::ctypes::object_struct(ty) else {
            return missing(&format!("struct of '{name}', which C declares"), at);
        };
        let at = ty.entry("entry").and_then(|entry| entry.position()).or(at);
        let size = self.c_number(&format!("sizeof({structure})"), 16, at);
        let align = self.c_number(&format!("_Alignof({structure})"), 8, at);
        // Fields are asked for one by one.
        Ok(Layout {
            size: size.max(16) as u64,
            align: align.max(1) as u64,
            fields: Vec::new(),
            vtable_at: None,
            methods: Vec::new(),
            base_methods: 0,
            method_count: 0,
        })
    }

    /// The field that an entry of the type's scope names, inherited ones included.
    pub fn field(&mut self, ty: TreeType<'t>, entry: Entry<'t>) -> Result<Field<'t>> {
        let (owner, cname) = self.owner(ty, entry)?;
        if declared_by_header(owner)
            && let (Some(structure), Some(declared)) =
                (super::ctypes::object_struct(owner), entry.ty("type"))
        {
            let (at, ty) = self.external_member(&structure, cname, declared, entry.position())?;
            return Ok(Field { entry, at, ty });
        }
        let layout = self.layout(owner, entry.position())?;
        match layout
            .fields
            .iter()
            .find(|field| field.entry.text("cname") == Some(cname))
        {
            Some(field) => Ok(field.clone()),
            None => missing(&format!("field '{cname}'"), entry.position()),
        }
    }

    /// The place in the C method table of a method that an entry of the type's scope names.
    pub fn method_index(&mut self, ty: TreeType<'t>, entry: Entry<'t>) -> Result<usize> {
        let (owner, cname) = self.owner(ty, entry)?;
        let layout = self.layout(owner, entry.position())?;
        match layout.method_place(cname) {
            Some(index) => Ok(index),
            None => missing(&format!("C method '{cname}'"), entry.position()),
        }
    }

    /// The type that has what an entry names as its own, and the C name there.
    fn owner(&self, ty: TreeType<'t>, entry: Entry<'t>) -> Result<(TreeType<'t>, &'t str)> {
        let mut cname = entry.text("cname").unwrap_or_default();
        let mut owner = ty;
        while let Some(rest) = cname.strip_prefix(BASE) {
            cname = rest;
            owner = match owner.ty("base_type") {
                Some(base) => base,
                None => return missing("something inherited without a base", entry.position()),
            };
        }
        Ok((owner, cname))
    }
}

impl Layout<'_> {
    /// Room for something behind what there is.
    fn place(&mut self, size: u64, align: u64) -> u64 {
        let at = self.size.next_multiple_of(align);
        self.size = at + size;
        self.align = self.align.max(align);
        at
    }
}

/// The entry of a name in a scope itself.
pub(super) fn look_up<'t>(
    scope: frontend_bridge::tree::Scope<'t>,
    name: &str,
) -> Option<Entry<'t>> {
    scope
        .map("entries")
        .iter()
        .find_map(|(key, value)| match (key, value) {
            (Attr::Str(key), Attr::Entry(id)) if key == name => Some(scope.tree().entry(*id)),
            _ => None,
        })
}
