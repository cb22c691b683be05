//! Tables of extension types: slots, methods, properties, documentation, C methods.

use frontend_bridge::tree::{Entry, Scope, Value as Attr};

use super::Result;
use super::class_layout::look_up;
use super::class_slots::BINARY;
use super::classes::Class;
use super::context::{Context, missing};
use crate::mir::{GlobalInit, Type};

/// Special methods that are in the table of methods too.
const UNSKIPPED: &[&str] = &["__next__", "__await__", "__aiter__", "__anext__"];

/// METH_COEXIST.
const COEXIST: i128 = 0x40;

impl<'t> Context<'t> {
    pub(super) fn slot_table(&mut self, slots: Vec<(i128, crate::mir::FuncId)>) -> GlobalInit {
        let structure = self
            .mir
            .structure("cyl_slot", || vec![Type::I64, Type::Ptr]);
        let mut init: Vec<_> = slots
            .into_iter()
            .map(|(id, function)| {
                GlobalInit::List(vec![GlobalInit::Int(id), GlobalInit::Function(function)])
            })
            .collect();
        init.push(GlobalInit::List(vec![GlobalInit::Int(0), GlobalInit::Zero]));
        let ty = Type::Array(Box::new(Type::Struct(structure)), init.len() as u64);
        GlobalInit::Global(self.table("slots", ty, GlobalInit::List(init), true))
    }

    /// The PyMethodDef table of a class or module: methods, and those special ones that are also called
    /// by name.
    pub(super) fn method_table(
        &mut self,
        scope: Scope<'t>,
        class: Option<&Class<'t>>,
    ) -> Result<GlobalInit> {
        let binding = scope.directive("binding").is_some_and(Attr::truth);
        let mut init = Vec::new();
        for entry in scope.entries("pyfunc_entries") {
            // Functions of fused types are objects that statements bind.
            if entry.node("fused_cfunction").is_some() {
                continue;
            }
            if binding && entry.flag("is_overridable") {
                continue;
            }
            let name = entry.text("name").unwrap_or_default();
            let listed = !entry.flag("is_special") && name != "__getattribute__"
                || UNSKIPPED.contains(&name)
                || is_binary(name)
                || (name == "__getattr__"
                    && !scope.directive("fast_getattr").is_some_and(Attr::truth));
            if !listed {
                continue;
            }
            let Some(signature) = entry.helper("signature") else {
                continue;
            };
            let Some(flags) = super::methods::method_flags(signature) else {
                continue;
            };
            let coexist = if entry.flag("is_special") { COEXIST } else { 0 };
            let mut function = self.wrapper_of(entry)?;
            if let Some(class) = class
                && entry.flag("is_special")
                && name == "__next__"
            {
                function = self.next_method(class, function);
            }
            let text = self.c_string(name.as_bytes());
            let doc = self.doc(entry)?;
            init.push(GlobalInit::List(vec![
                GlobalInit::Global(text),
                GlobalInit::Function(function),
                GlobalInit::Int(flags | coexist),
                doc,
            ]));
        }
        if init.is_empty() {
            return Ok(GlobalInit::Zero);
        }
        init.push(GlobalInit::List(vec![
            GlobalInit::Zero,
            GlobalInit::Zero,
            GlobalInit::Int(0),
            GlobalInit::Zero,
        ]));
        let structure = self.mir.structure("PyMethodDef", || {
            vec![Type::Ptr, Type::Ptr, Type::I32, Type::Ptr]
        });
        let ty = Type::Array(Box::new(Type::Struct(structure)), init.len() as u64);
        Ok(GlobalInit::Global(self.table(
            "methods",
            ty,
            GlobalInit::List(init),
            false,
        )))
    }

    fn doc(&mut self, entry: Entry<'t>) -> Result<GlobalInit> {
        match entry.attr("doc") {
            Some(Attr::Str(doc)) => Ok(GlobalInit::Global(self.c_string(doc.as_bytes()))),
            Some(Attr::Bytes { data, .. }) => Ok(GlobalInit::Global(self.c_string(data))),
            Some(Attr::None) | None => Ok(GlobalInit::Zero),
            Some(_) => missing("method with this documentation", entry.position()),
        }
    }

    pub(super) fn property_table(&mut self, class: &Class<'t>) -> Result<GlobalInit> {
        let mut init = Vec::new();
        for entry in class.scope.entries("property_entries") {
            let Some(scope) = entry.scope("scope") else {
                return missing("property without a scope", entry.position());
            };
            let accessor = |context: &Self, name: &str| {
                look_up(scope, name)
                    .map(|entry| context.wrapper_of(entry))
                    .transpose()
            };
            let get = accessor(self, "__get__")?.map_or(GlobalInit::Zero, GlobalInit::Function);
            let (set, del) = (accessor(self, "__set__")?, accessor(self, "__del__")?);
            let text = self.c_string(entry.text("name").unwrap_or_default().as_bytes());
            let doc = self.doc(entry)?;
            let (mut setter, mut closure) = (GlobalInit::Zero, GlobalInit::Zero);
            if set.is_some() || del.is_some() {
                let params = [Type::Ptr, Type::Ptr, Type::Ptr];
                let signature = crate::mir::Signature::new(params, Type::I32);
                setter = GlobalInit::Extern(self.mir.declare("cyl_property_set", signature));
                let functions = [set, del]
                    .into_iter()
                    .map(|function| function.map_or(GlobalInit::Zero, GlobalInit::Function))
                    .collect();
                let ty = Type::Array(Box::new(Type::Ptr), 2);
                closure = GlobalInit::Global(self.table(
                    "property",
                    ty,
                    GlobalInit::List(functions),
                    true,
                ));
            }
            init.push(GlobalInit::List(vec![
                GlobalInit::Global(text),
                get,
                setter,
                doc,
                closure,
            ]));
        }
        if init.is_empty() {
            return Ok(GlobalInit::Zero);
        }
        init.push(GlobalInit::List(vec![const { GlobalInit::Zero }; 5]));
        let structure = self.mir.structure("PyGetSetDef", || vec![Type::Ptr; 5]);
        let ty = Type::Array(Box::new(Type::Struct(structure)), init.len() as u64);
        Ok(GlobalInit::Global(self.table(
            "properties",
            ty,
            GlobalInit::List(init),
            false,
        )))
    }

    /// Names and documentation of special methods that have some.
    pub(super) fn slot_docs(&mut self, class: &Class<'t>) -> Result<GlobalInit> {
        let mut init = Vec::new();
        for entry in class.scope.entries("pyfunc_entries") {
            let name = entry.text("name").unwrap_or_default();
            let wanted = entry.flag("is_special")
                && entry.text("wrapperbase_cname").is_some()
                && !matches!(name, "__getbuffer__" | "__releasebuffer__");
            if !wanted {
                continue;
            }
            let text = self.c_string(name.as_bytes());
            let doc = self.doc(entry)?;
            init.extend([GlobalInit::Global(text), doc]);
        }
        init.push(GlobalInit::Zero);
        let ty = Type::Array(Box::new(Type::Ptr), init.len() as u64);
        Ok(GlobalInit::Global(self.table(
            "docs",
            ty,
            GlobalInit::List(init),
            true,
        )))
    }

    /// The C method table, and its address in its place.
    pub(super) fn method_pointers(&mut self, class: &Class<'t>) -> Result<GlobalInit> {
        if class.ty.text("vtable_cname").is_none() {
            return Ok(GlobalInit::Zero);
        }
        let at = class.ty.entry("entry").and_then(|entry| entry.position());
        let count = self.layout(class.ty, at)?.method_count;
        // For methods that a reload brings.
        let room = class.ty.int("live_room").unwrap_or(0);
        let count = count.max(1) + usize::try_from(room).unwrap_or(0);
        let mut init = vec![GlobalInit::Zero; count];
        for entry in class.scope.entries("cfunc_entries") {
            let Some(cname) = self.method_cname(entry) else {
                continue;
            };
            let Some(function) = self.functions_by_name.get(&cname).copied() else {
                return missing(&format!("C method '{cname}'"), entry.position());
            };
            let index = self.method_index(class.ty, entry)?;
            let function = match self.shares_methods(class.ty) {
                true => self.c_entry(function, entry)?,
                false => function,
            };
            init[index] = GlobalInit::Function(function);
        }
        let ty = Type::Array(Box::new(Type::Ptr), count as u64);
        let table = self.table("vtable", ty, GlobalInit::List(init), false);
        let place = self.vtable_place(class.ty)?;
        self.mir.globals[place.0 as usize].init = GlobalInit::Global(table);
        Ok(GlobalInit::Global(table))
    }

    /// The C function of a method's entry: its own, or the one between for an older signature.
    fn method_cname(&self, entry: Entry<'t>) -> Option<String> {
        match self.wrapped_methods.get(&entry.id()) {
            Some(name) => Some(name.clone()),
            None => entry.text("func_cname").map(str::to_owned),
        }
    }
}

/// Whether a method's name is that of a number slot with a reversed form, or of the reversed form.
fn is_binary(name: &str) -> bool {
    let bare = name.trim_matches('_');
    BINARY
        .iter()
        .any(|(known, _)| bare == *known || bare.strip_prefix('r') == Some(known))
}
