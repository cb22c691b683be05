//! What makes instances of extension types from the arguments of a vectorcall, without a tuple and a
//! dictionary of them: the types for which Cython's C has it, by the same conditions.

use frontend_bridge::tree::{Entry, Node, Scope, Type as TreeType};

use super::Result;
use super::body::Body;
use super::class_layout::look_up;
use super::class_slots::{Arg, slot, special};
use super::classes::Class;
use super::context::Context;
use crate::mir::{FuncId, Function, Linkage, Signature, Type};

/// `Signature.FastcallUsed.TP_NEW`: a constructor that takes the arguments of a vectorcall.
const OF_VECTORCALL: i64 = 2;

/// Whether a constructor takes the arguments of a vectorcall.
pub(super) fn by_vectorcall(entry: Entry<'_>) -> bool {
    entry
        .helper("signature")
        .is_some_and(|signature| signature.int("use_fastcall") == Some(OF_VECTORCALL))
}

fn parent<'t>(scope: Scope<'t>) -> Option<Scope<'t>> {
    scope.scope("parent_scope")
}

impl<'t> Context<'t> {
    /// Whether a type has a tp_vectorcall: nothing of its construction is out of sight.
    fn has_vectorcall(&self, ty: TreeType<'t>) -> bool {
        let Some(home) = ty.scope("scope").and_then(parent) else {
            return false;
        };
        let mut next = Some(ty);
        while let Some(ty) = next {
            let Some(scope) = ty.scope("scope") else {
                return false;
            };
            let known = ty.flag("is_extension_type")
                && !ty.flag("is_external")
                && !ty.flag("multiple_bases")
                && self.classes.contains_key(&ty.id())
                && parent(scope).is_some_and(|found| found.id() == home.id());
            let fits = ["__cinit__", "__init__"].into_iter().all(|name| {
                look_up(scope, name)
                    .is_none_or(|entry| entry.flag("is_special") && by_vectorcall(entry))
            });
            if !known || !fits {
                return false;
            }
            next = ty.ty("base_type");
        }
        true
    }

    /// The tp_vectorcall of a type, declared before it is made.
    pub(super) fn vectorcall_of(&mut self, ty: TreeType<'t>) -> Option<FuncId> {
        if let Some(found) = self.vectorcalls.get(&ty.id()) {
            return Some(*found);
        }
        if !self.has_vectorcall(ty) {
            return None;
        }
        let name = format!("{}.vectorcall", self.classes.get(&ty.id())?.name);
        let params = [Type::Object, Type::Ptr, Type::I64, Type::Object];
        let signature = Signature::new(params, Type::Object);
        let id = self
            .mir
            .add_function(Function::new(&name, Linkage::Internal, signature));
        self.vectorcalls.insert(ty.id(), id);
        Some(id)
    }

    /// The slots that construct: tp_init where `__init__` takes other arguments than the slot gives, and
    /// tp_vectorcall.  `new`: whether the class has a tp_new of its own.
    pub(super) fn constructor_slots(
        &mut self,
        class: &Class<'t>,
        new: bool,
        slots: &mut Vec<(i128, FuncId)>,
    ) -> Result<()> {
        use Arg::{Address, Function as Code, Param};
        let p = Type::Ptr;
        let own_init = special(class.scope, "__init__").filter(|entry| by_vectorcall(*entry));
        if let Some(entry) = own_init {
            let args = vec![
                Code(Some(self.wrapper_of(entry)?)),
                Param(0),
                Param(1),
                Param(2),
            ];
            let params = [p.clone(), p.clone(), p.clone()];
            let made = self.thunk(class, "init", &params, Type::I32, "cyl_slot_init", args);
            slots.push((slot::TP_INIT, made));
        }
        let Some(vectorcall) = self.vectorcall_of(class.ty) else {
            return Ok(());
        };
        let base = class.ty.ty("base_type");
        let of_base = base.and_then(|base| self.class_makes.get(&base.id()).copied());
        let make = match of_base.filter(|_| !new) {
            Some(make) => make,
            None => {
                let this = Address(Some(class.description));
                let args = vec![this, Code(of_base), Param(0), Param(1), Param(2), Param(3)];
                let params = [p.clone(), p.clone(), Type::I64, p.clone()];
                self.thunk(class, "make", &params, p, "cyl_class_make", args)
            }
        };
        self.class_makes.insert(class.ty.id(), make);
        let mut init = None;
        let mut next = Some(class.ty);
        while let (None, Some(ty)) = (init, next) {
            init = ty
                .scope("scope")
                .and_then(|scope| special(scope, "__init__"));
            next = ty.ty("base_type");
        }
        let init = init.map(|entry| self.wrapper_of(entry)).transpose()?;
        let this = Address(Some(class.description));
        let args = vec![
            this,
            Code(Some(make)),
            Code(init),
            Param(0),
            Param(1),
            Param(2),
            Param(3),
        ];
        self.fill_thunk(vectorcall, "cyl_class_call", args);
        slots.push((slot::TP_VECTORCALL, vectorcall));
        Ok(())
    }
}

impl<'t> Body<'_, 't> {
    /// What makes an instance where a name stands for an extension type of the module.
    pub(super) fn called_class(&mut self, name: Node<'t>) -> Option<FuncId> {
        let entry = name.entry("entry").filter(|_| name.kind() == "NameNode")?;
        if entry.flag("is_pyglobal")
            || entry.flag("is_builtin")
            || super::closures::in_scope_object(entry)
            || self.variables.contains_key(&entry.id())
            || self.remote.contains_key(&entry.id())
        {
            return None;
        }
        let ty = self.type_of_entry(entry)?;
        self.m.vectorcall_of(ty)
    }
}
