//! Extension types of the module: their type objects, descriptions for the runtime, C method tables,
//! and the import of types from other modules.

use frontend_bridge::tree::{Entry, Scope, Type as TreeType, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::class_layout::look_up;
use super::class_slots::special;
use super::context::{Context, missing, of_memoryview_code};
use super::locks::holds_lock;
use super::runtime::letter;
use crate::mir::{Global, GlobalId, GlobalInit, Linkage, Op, Raises, Type, Value};

/// Flags of a description.
pub(super) const GC: i128 = 1;
const FINALIZE: i128 = 2;
const TRASHCAN: i128 = 4;
pub(super) const FINAL: i128 = 8;
const SEQUENCE: i128 = 16;
const MAPPING: i128 = 32;
const INTERNAL: i128 = 64;
const REDUCE: i128 = 128;
const TRIVIAL_CINIT: i128 = 256;
const CHECK_BASE: i128 = 512;
const NO_VERSION_TAG: i128 = 1024;
const CLEAR_TO_NULL: i128 = 2048;
const FAST_CINIT: i128 = 4096;
const GROWS_EXTERNAL: i128 = 8192;

/// An extension type that the module makes.
#[derive(Clone, Debug)]
pub(super) struct Class<'t> {
    pub ty: TreeType<'t>,
    pub scope: Scope<'t>,
    /// Qualified name.
    pub name: String,
    pub description: GlobalId,
    /// Whether it is made before the module's body runs.
    pub early: bool,
}

/// Types that declarations place in `builtins`, where they have no name: Cython's
/// `Code.ctypedef_builtins_map`.
const NOT_IN_BUILTINS: [&str; 4] = ["py_int", "py_long", "py_float", "wrapper_descriptor"];

impl<'t> Context<'t> {
    /// Notes the module's extension types; before anything is lowered.
    pub fn declare_classes(&mut self) -> Result<()> {
        let Some(scope) = self.tree.root().scope("scope") else {
            return Ok(());
        };
        for entry in scope.entries("c_class_entries") {
            if let (Some(ty), Some("extern")) = (entry.ty("type"), entry.text("visibility")) {
                // Imported where it is used.
                if !ty.flag("is_builtin_type") {
                    self.type_place(ty)?;
                }
                continue;
            }
            self.declare_class(entry)?;
        }
        self.sort_classes();
        Ok(())
    }

    /// Bases before what derives from them, otherwise as declared.
    fn sort_classes(&mut self) {
        let mut sorted = Vec::new();
        for id in self.class_order.clone() {
            let mut chain = Vec::new();
            let mut next = Some(id);
            while let Some(id) = next.filter(|id| !sorted.contains(id) && !chain.contains(id)) {
                chain.push(id);
                let base = self
                    .classes
                    .get(&id)
                    .and_then(|class| class.ty.ty("base_type"));
                next = base
                    .map(|base| base.id())
                    .filter(|base| self.classes.contains_key(base));
            }
            sorted.extend(chain.into_iter().rev());
        }
        self.class_order = sorted;
    }

    fn declare_class(&mut self, entry: Entry<'t>) -> Result<()> {
        let Some(ty) = entry.ty("type") else {
            return Ok(());
        };
        let Some(scope) = ty.scope("scope") else {
            return Ok(());
        };
        if scope.flag("is_closure_class_scope") || scope.flag("is_defaults_class_scope") {
            return Ok(());
        }
        let own = entry.flag("defined_in_pxd") || entry.position().is_some();
        if !own {
            return Ok(());
        }
        let done = self.declare_own_class(entry, ty, scope);
        match done {
            Err(error) => self.note(error),
            Ok(()) => Ok(()),
        }
    }

    fn declare_own_class(
        &mut self,
        entry: Entry<'t>,
        ty: TreeType<'t>,
        scope: Scope<'t>,
    ) -> Result<()> {
        let at = entry.position();
        if entry
            .attr("utility_code_definition")
            .is_some_and(Attr::truth)
        {
            return missing("extension type of Cython's own", at);
        }
        let locks = scope.entries("var_entries").into_iter().any(holds_lock);
        if scope.flag("has_explicitly_constructable_attrs") && !locks {
            return missing("extension type with C++ objects", at);
        }
        self.layout(ty, at)?;
        self.type_place(ty)?;
        let name = format!(
            "{}.{}",
            self.tree.module_name(),
            scope.text("class_name").unwrap_or_default()
        );
        // As runtime-abi/runtime/extension_type.c has it.
        let description = self.mir.structure("cyl_class", || {
            "pppppllpppppllppllllppplppplppl"
                .chars()
                .map(letter)
                .collect()
        });
        let description = self.variable(&format!("class.{name}"), Type::Struct(description));
        let early = ty.attr("early_init").is_none_or(Attr::truth);
        self.classes.insert(
            ty.id(),
            Class {
                ty,
                scope,
                name,
                description,
                early,
            },
        );
        self.class_order.push(ty.id());
        Ok(())
    }

    /// The place of the address of a type object.
    pub(super) fn type_place(&mut self, ty: TreeType<'t>) -> Result<GlobalId> {
        if let Some(found) = self.type_places.get(&ty.id()) {
            return Ok(*found);
        }
        let name = ty.text("name").unwrap_or_default();
        let global = if ty.flag("is_builtin_type") {
            let cname = ty
                .text("typeptr_cname")
                .or_else(|| ty.text("cname"))
                .unwrap_or_default();
            let symbol: String = cname
                .rsplit([')', '&', '*', '('])
                .find(|part| !part.is_empty())
                .unwrap_or_default()
                .to_owned();
            let data = self.mir.declare_data(&symbol);
            if symbol.starts_with("PyExc_") {
                // The place is a variable of CPython's; a copy of its address would not do.
                return missing(&format!("base class '{name}'"), None);
            }
            self.mir.add_global(Global {
                name: format!("type.{name}"),
                ty: Type::Ptr,
                init: GlobalInit::Extern(data),
                constant: true,
                linkage: Linkage::Internal,
            })
        } else {
            self.variable(&format!("type.{name}"), Type::Object)
        };
        self.type_places.insert(ty.id(), global);
        if let Some(variable) = ty
            .entry("entry")
            .and_then(|entry| entry.entry("as_variable"))
        {
            self.globals.insert(variable.id(), global);
        }
        Ok(global)
    }

    /// The address of a type object's place as an initial value.
    pub(super) fn type_place_init(&mut self, ty: TreeType<'t>) -> Result<GlobalInit> {
        let cname = ty.text("typeptr_cname").unwrap_or_default();
        if ty.flag("is_builtin_type")
            && let Some(at) = cname.find("PyExc_")
        {
            let symbol = cname[at..].trim_end_matches(')');
            return Ok(GlobalInit::Extern(self.mir.declare_data(symbol)));
        }
        Ok(GlobalInit::Global(self.type_place(ty)?))
    }

    /// The variable with the address of a type's C method table.
    pub(super) fn vtable_place(&mut self, ty: TreeType<'t>) -> Result<GlobalId> {
        if let Some(found) = self.vtables.get(&ty.id()) {
            return Ok(*found);
        }
        let name = ty.text("name").unwrap_or_default();
        let place = self.variable(&format!("vtable.address.{name}"), Type::Ptr);
        self.vtables.insert(ty.id(), place);
        Ok(place)
    }

    /// Fills the descriptions: after everything is lowered.
    pub fn define_classes(&mut self) -> Result<()> {
        for id in self.class_order.clone() {
            let class = self.classes[&id].clone();
            match self.define_class(&class) {
                Ok(init) => {
                    let description = &mut self.mir.globals[class.description.0 as usize];
                    description.init = init;
                    // So that what is done for all types alike is compiled for this one.
                    description.constant = true;
                }
                Err(error) => self.note(error)?,
            }
        }
        Ok(())
    }

    fn define_class(&mut self, class: &Class<'t>) -> Result<GlobalInit> {
        let at = class.ty.entry("entry").and_then(|entry| entry.position());
        let layout = self.layout(class.ty, at)?;
        let flags = self.class_flags(class);
        let slots = self.class_slots(class, flags)?;
        let methods = self.method_table(class.scope, Some(class))?;
        let properties = self.property_table(class)?;
        let docs = self.slot_docs(class)?;
        let base = class.ty.ty("base_type");
        let base_place = base
            .map(|base| self.type_place_init(base))
            .transpose()?
            .unwrap_or(GlobalInit::Zero);
        let text =
            |context: &mut Self, text: &str| GlobalInit::Global(context.c_string(text.as_bytes()));
        let name = text(self, &class.name);
        let short = text(self, class.scope.text("class_name").unwrap_or_default());
        let doc = match class.scope.attr("doc") {
            Some(Attr::Str(doc)) => text(self, doc),
            Some(Attr::Bytes { data, .. }) => GlobalInit::Global(self.c_string(data)),
            Some(Attr::None) | None => GlobalInit::Zero,
            Some(_) => return missing("extension type with this documentation", at),
        };
        let vtable = self.method_pointers(class)?;
        let base_vtable = match base {
            Some(base) if layout.base_methods > 0 => GlobalInit::Global(self.vtable_place(base)?),
            _ => GlobalInit::Zero,
        };
        let (mut objects, mut cyclic, mut dict_at, mut weakrefs_at) =
            (Vec::new(), Vec::new(), 0, 0);
        for field in layout
            .fields
            .iter()
            .filter(|field| field.ty == Type::Object)
        {
            let entry = field.entry;
            match entry.text("name") {
                Some("__weakref__") => {
                    weakrefs_at = field.at;
                    continue;
                }
                Some("__dict__") => dict_at = field.at,
                _ => {}
            }
            objects.push(field.at);
            if !entry.ty("type").is_some_and(|ty| ty.flag("is_gc_simple")) {
                cyclic.push(field.at);
            }
        }
        let (object_count, cyclic_count) = (objects.len(), cyclic.len());
        let offsets = |context: &mut Self, list: Vec<u64>| {
            let ty = Type::Array(Box::new(Type::I32), list.len().max(1) as u64);
            let mut init: Vec<_> = list
                .into_iter()
                .map(|at| GlobalInit::Int(i128::from(at)))
                .collect();
            if init.is_empty() {
                init.push(GlobalInit::Zero);
            }
            GlobalInit::Global(context.table("offsets", ty, GlobalInit::List(init), true))
        };
        let slices: Vec<u64> = layout
            .fields
            .iter()
            .filter(|field| {
                let ty = field.entry.ty("type");
                ty.is_some_and(|ty| ty.flag("is_memoryviewslice"))
            })
            .map(|field| field.at)
            .collect();
        let slice_count = slices.len() as u64;
        let slices = offsets(self, slices);
        let locks = layout.fields.iter();
        let locks = locks.filter_map(|field| self.mir.lock_place(&field.ty, field.at));
        let locks: Vec<u64> = locks.collect();
        let lock_count = locks.len() as u64;
        let locks = offsets(self, locks);
        let objects = offsets(self, objects);
        let cyclic = offsets(self, cyclic);
        let user = |context: &Self, name: &str| {
            special(class.scope, name)
                .map(|entry| context.wrapper_of(entry))
                .transpose()
        };
        let address = |found: Option<crate::mir::FuncId>| {
            found.map_or(GlobalInit::Zero, GlobalInit::Function)
        };
        let cinit = address(user(self, "__cinit__")?);
        let dealloc = address(user(self, "__dealloc__")?);
        let free = match class.scope.directive("freelist") {
            Some(Attr::Int(count)) if *count > 0 && base.is_none() => *count as u64,
            _ => 0,
        };
        let freelist = if free > 0 {
            let ty = Type::Array(Box::new(Type::Ptr), free);
            GlobalInit::Global(self.table("freelist", ty, GlobalInit::Zero, false))
        } else {
            GlobalInit::Zero
        };
        let free_count = match free {
            0 => GlobalInit::Zero,
            _ => GlobalInit::Global(self.table("free", Type::I64, GlobalInit::Zero, false)),
        };
        let number = |value: u64| GlobalInit::Int(i128::from(value));
        let storage = self.type_storage(class);
        let place = self.type_place(class.ty)?;
        let slots = self.slot_table(slots);
        Ok(GlobalInit::List(vec![
            GlobalInit::Global(place),
            base_place,
            name,
            doc,
            short,
            number(layout.size),
            GlobalInit::Int(flags),
            slots,
            methods,
            properties,
            vtable,
            base_vtable,
            number(layout.base_methods as u64),
            number(layout.vtable_at.unwrap_or(0)),
            objects,
            cyclic,
            number(object_count as u64),
            number(cyclic_count as u64),
            number(dict_at),
            number(weakrefs_at),
            cinit,
            dealloc,
            freelist,
            number(free),
            free_count,
            docs,
            slices,
            number(slice_count),
            storage,
            locks,
            number(lock_count),
        ]))
    }

    fn class_flags(&mut self, class: &Class<'t>) -> i128 {
        let (ty, scope) = (class.ty, class.scope);
        let directive = |name: &str| scope.directive(name).is_some_and(Attr::truth);
        let mut flags = 0;
        let mut set = |flag: i128, on: bool| flags |= if on { flag } else { 0 };
        set(GC, needs_gc(ty));
        set(
            FINALIZE,
            !ty.flag("is_final_type") || may_have_finalizer(ty),
        );
        set(TRASHCAN, needs_trashcan(ty));
        set(FINAL, ty.flag("is_final_type"));
        set(SEQUENCE, ty.flag("has_sequence_flag"));
        set(MAPPING, ty.flag("has_mapping_flag"));
        set(INTERNAL, scope.flag("is_internal") || directive("internal"));
        set(REDUCE, look_up(scope, "__reduce_cython__").is_some());
        set(
            TRIVIAL_CINIT,
            special(scope, "__cinit__").is_some_and(|entry| entry.flag("trivial_signature")),
        );
        set(
            FAST_CINIT,
            special(scope, "__cinit__").is_some_and(super::class_calls::by_vectorcall),
        );
        set(CHECK_BASE, ty.ty("base_type").is_some());
        set(GROWS_EXTERNAL, self.grows_external(ty));
        set(CLEAR_TO_NULL, self.tree.root().flag("clear_to_null"));
        let tagged = scope.directive("type_version_tag");
        set(NO_VERSION_TAG, tagged.is_some_and(|on| !on.truth()));
        flags
    }
}

impl<'t> Context<'t> {
    /// Whether objects of a type are larger than those of the base of it that a header declares:
    /// Cython allows that of bases without items only.
    fn grows_external(&mut self, ty: TreeType<'t>) -> bool {
        let mut base = ty.ty("base_type");
        while let Some(of) = base {
            if of.flag("is_external") && of.text("objstruct_cname") != Some("PyTypeObject") {
                return match (self.layout(ty, None), self.layout(of, None)) {
                    (Ok(own), Ok(of)) => own.size != of.size,
                    _ => false,
                };
            }
            base = of.ty("base_type");
        }
        false
    }
}

/// Whether objects of a type take part in garbage collection.
fn needs_gc(ty: TreeType<'_>) -> bool {
    let scope = ty.scope("scope");
    if ty.flag("is_builtin_type") {
        return !ty.flag("is_gc_simple");
    }
    if let Some(scope) = scope
        && scope.flag("has_cyclic_pyobject_attrs")
        && !scope.directive("no_gc").is_some_and(Attr::truth)
    {
        return true;
    }
    ty.flag("is_external") || ty.ty("base_type").is_some_and(needs_gc)
}

fn needs_trashcan(ty: TreeType<'_>) -> bool {
    let Some(scope) = ty.scope("scope").filter(|_| !ty.flag("is_builtin_type")) else {
        return ty.flag("builtin_trashcan");
    };
    match scope.directive("trashcan") {
        Some(Attr::Bool(false)) => return false,
        Some(on) if on.truth() && scope.flag("has_cyclic_pyobject_attrs") => return true,
        _ => {}
    }
    match ty.ty("base_type") {
        Some(base) => needs_trashcan(base),
        None => ty.flag("builtin_trashcan"),
    }
}

fn may_have_finalizer(ty: TreeType<'_>) -> bool {
    let mut next = Some(ty);
    while let Some(ty) = next {
        let Some(scope) = ty.scope("scope") else {
            return false;
        };
        if special(scope, "__del__").is_some()
            || ty.flag("is_external")
            || !scope.flag("implemented")
            || ty.flag("multiple_bases")
        {
            return true;
        }
        next = ty.ty("base_type");
    }
    false
}

impl<'t> Body<'_, 't> {
    /// Makes the module's types, and imports those of other modules; at the start of its execution.
    pub(super) fn make_classes(&mut self) -> Result<()> {
        let root = self.m.tree.root();
        let Some(scope) = root.scope("scope") else {
            return Ok(());
        };
        // Whichever of them fails, it is the module's first line that is shown.
        self.at(root);
        for entry in scope.entries("c_class_entries") {
            let made = entry
                .attr("utility_code_definition")
                .is_some_and(Attr::truth);
            if let (Some("extern"), Some(ty), false) =
                (entry.text("visibility"), entry.ty("type"), made)
            {
                self.import_class(ty)?;
            }
        }
        for id in self.m.class_order.clone() {
            let class = self.m.classes[&id].clone();
            if let Some(base) = class.ty.ty("base_type")
                && !base.flag("is_builtin_type")
                && !self.m.classes.contains_key(&base.id())
            {
                self.import_class(base)?;
            }
            if class.early {
                self.make_class(&class, None)?;
            }
        }
        for module in self.m.cimported() {
            for entry in module.entries("c_class_entries") {
                if !entry.flag("defined_in_pxd") {
                    continue;
                }
                if let Some(ty) = entry.ty("type") {
                    self.import_class(ty)?;
                }
            }
        }
        Ok(())
    }

    /// Calls the runtime to make one type.
    pub(super) fn make_class(&mut self, class: &Class<'t>, bases: Option<Value>) -> Result<()> {
        let description = self.op(Op::GlobalAddr(class.description));
        let module = self.module_object();
        let bases = match bases {
            Some(bases) => bases,
            None => self.null_object(),
        };
        self.rt_status(
            "cyl_class_ready",
            "poo:i",
            &[description, module, bases],
            NEGATIVE,
        )?;
        Ok(())
    }

    /// Imports a type of another module, once.
    fn import_class(&mut self, ty: TreeType<'t>) -> Result<()> {
        if ty.flag("is_builtin_type") || self.m.imported_types.contains(&ty.id()) {
            return Ok(());
        }
        let module = ty.text("module_name").unwrap_or_default();
        let mut name = ty.text("name").unwrap_or_default();
        let (size, align) = if ty.flag("is_external") {
            let of = ty.text("objstruct_cname").unwrap_or_default();
            match runtime_abi::structs::imported_size(of) {
                Some(size) => (size, 8),
                None => {
                    let layout = self.m.layout(ty, None)?;
                    (layout.size, layout.align)
                }
            }
        } else {
            let layout = self.m.layout(ty, None)?;
            (layout.size, layout.align)
        };
        let builtins = matches!(module, "__builtin__" | "builtins");
        if builtins && name == "unicode" {
            name = "str";
        }
        if builtins && NOT_IN_BUILTINS.contains(&name) {
            let symbol = match name {
                "py_float" => "PyFloat_Type",
                "wrapper_descriptor" => "PyWrapperDescr_Type",
                _ => "PyLong_Type",
            };
            let found = self.symbol_object(symbol);
            let place = self.m.type_place(ty)?;
            let place = self.op(Op::GlobalAddr(place));
            self.store(place, found);
            self.m.imported_types.insert(ty.id());
            return Ok(());
        }
        let module = if builtins { "builtins" } else { module };
        let check = match ty.text("check_size") {
            Some("error") => 0,
            Some("ignore") => 2,
            _ => 1,
        };
        let place = self.m.type_place(ty)?;
        let place = self.op(Op::GlobalAddr(place));
        let vtable = match ty.text("vtabptr_cname") {
            Some(_) => {
                let place = self.m.vtable_place(ty)?;
                self.op(Op::GlobalAddr(place))
            }
            None => self.null(),
        };
        let module = self.text(module);
        let name = self.text(name);
        let size = self.int(i128::from(size), 64);
        let align = self.int(i128::from(align), 64);
        let check = self.int(check, 32);
        let args = [place, vtable, module, name, size, align, check];
        self.rt_status("cyl_class_import", "pppplli:i", &args, Raises::Negative)?;
        self.m.imported_types.insert(ty.id());
        Ok(())
    }

    /// The type object of an extension type or a builtin type; borrowed.
    pub(super) fn type_object(&mut self, ty: TreeType<'t>) -> Result<Value> {
        let ty = match ty.ty("base").filter(|_| super::buffers::is_buffer(ty)) {
            Some(base) => base,
            None => super::types::resolve(ty),
        };
        if ty.flag("is_builtin_type") {
            let cname = ty
                .text("typeptr_cname")
                .or_else(|| ty.text("cname"))
                .unwrap_or_default();
            if let Some(at) = cname.find("PyExc_") {
                return Ok(self.variable_object(cname[at..].trim_end_matches(')')));
            }
            if let Some(at) = cname.find('&') {
                return Ok(self.symbol_object(cname[at + 1..].trim_end_matches(')')));
            }
            if cname.contains("__Pyx_PyFrozenDict_TypePtr") {
                return Ok(self.symbol_object("__Pyx_PyFrozenDict_TypePtr"));
            }
            return self.missing(&format!("type '{cname}'"));
        }
        if ty.entry("entry").is_some_and(of_memoryview_code) {
            match ty.text("name") {
                Some("array") => return self.rt_value("cyl_array_type", ":o", &[]),
                Some("memoryview") => return self.rt_value("cyl_memoryview_type", ":o", &[]),
                _ => {}
            }
        }
        if !self.m.classes.contains_key(&ty.id()) && !self.m.imported_types.contains(&ty.id()) {
            return self.missing(&format!("type '{}'", ty.text("name").unwrap_or_default()));
        }
        let place = self.m.type_place(ty)?;
        let address = self.op(Op::GlobalAddr(place));
        Ok(self.op(Op::Load(Type::Object, address)))
    }
}
