//! Slots of extension types: which methods fill them, and the functions between where several methods
//! share a slot or the slot needs to know its class.

use frontend_bridge::tree::{Entry, Scope, Type as TreeType};

use super::Result;
use super::class_calls::by_vectorcall;
use super::class_layout::look_up;
use super::classes::{Class, GC};
use super::context::{Context, missing};
use crate::mir::{
    Builder, Callee, FuncId, Function, Global, GlobalId, GlobalInit, Linkage, Op, Signature,
    Terminator, Type,
};

/// Numbers of slots in CPython's stable ABI.
pub(super) mod slot {
    pub const MP_ASS_SUBSCRIPT: i128 = 3;
    pub const MP_SUBSCRIPT: i128 = 5;
    pub const NB_POWER: i128 = 33;
    pub const SQ_ASS_ITEM: i128 = 39;
    pub const SQ_ITEM: i128 = 44;
    pub const TP_CLEAR: i128 = 51;
    pub const TP_DEALLOC: i128 = 52;
    pub const TP_DESCR_GET: i128 = 54;
    pub const TP_DESCR_SET: i128 = 55;
    pub const TP_GETATTRO: i128 = 58;
    pub const TP_INIT: i128 = 60;
    pub const TP_NEW: i128 = 65;
    pub const TP_RICHCOMPARE: i128 = 67;
    pub const TP_SETATTRO: i128 = 69;
    pub const TP_TRAVERSE: i128 = 71;
    pub const TP_FINALIZE: i128 = 80;
    /// As runtime/extension_type.c has it: CPython has a number for it from 3.14 on only.
    pub const TP_VECTORCALL: i128 = 1000;
}

/// Slots that one method fills as it is.
const DIRECT: &[(&str, &[i128])] = &[
    ("__getbuffer__", &[1]),
    ("__releasebuffer__", &[2]),
    ("__len__", &[4, 45]),
    ("__abs__", &[6]),
    ("__bool__", &[9]),
    ("__float__", &[11]),
    ("__index__", &[13]),
    ("__iadd__", &[14]),
    ("__iand__", &[15]),
    ("__ifloordiv__", &[16]),
    ("__ilshift__", &[17]),
    ("__imul__", &[18]),
    ("__ior__", &[19]),
    ("__ipow__", &[20]),
    ("__imod__", &[21]),
    ("__irshift__", &[22]),
    ("__isub__", &[23]),
    ("__itruediv__", &[24]),
    ("__ixor__", &[25]),
    ("__int__", &[26]),
    ("__invert__", &[27]),
    ("__neg__", &[30]),
    ("__pos__", &[32]),
    ("__contains__", &[41]),
    ("__call__", &[50]),
    ("__hash__", &[59]),
    ("__init__", &[60]),
    ("__iter__", &[62]),
    ("__next__", &[63]),
    ("__repr__", &[66]),
    ("__str__", &[70]),
    ("__imatmul__", &[76]),
    ("__await__", &[77]),
    ("__aiter__", &[78]),
    ("__anext__", &[79]),
];

/// Number slots with a reversed form.
pub(super) const BINARY: &[(&str, i128)] = &[
    ("add", 7),
    ("and", 8),
    ("divmod", 10),
    ("floordiv", 12),
    ("lshift", 28),
    ("mul", 29),
    ("or", 31),
    ("pow", slot::NB_POWER),
    ("mod", 34),
    ("rshift", 35),
    ("sub", 36),
    ("truediv", 37),
    ("xor", 38),
    ("matmul", 75),
];

/// An argument of the runtime function behind a slot.
pub(super) enum Arg {
    Param(u32),
    Function(Option<FuncId>),
    Address(Option<GlobalId>),
    Int(i128, u16),
    /// The slot's own function.
    Own,
}

/// The special method of a scope itself.
pub(super) fn special<'t>(scope: Scope<'t>, name: &str) -> Option<Entry<'t>> {
    look_up(scope, name).filter(|entry| entry.flag("is_special"))
}

impl<'t> Context<'t> {
    /// The wrapper of a method.
    pub(super) fn wrapper_of(&self, entry: Entry<'t>) -> Result<FuncId> {
        match self.wrappers.get(&entry.id()) {
            Some(found) => Ok(*found),
            None => missing(
                &format!(
                    "method '{}'",
                    entry.text("qualified_name").unwrap_or_default()
                ),
                entry.position(),
            ),
        }
    }

    pub(super) fn special_wrapper(&self, scope: Scope<'t>, name: &str) -> Result<Option<FuncId>> {
        special(scope, name)
            .map(|entry| self.wrapper_of(entry))
            .transpose()
    }

    /// All slots of a class.
    pub(super) fn class_slots(
        &mut self,
        class: &Class<'t>,
        flags: i128,
    ) -> Result<Vec<(i128, FuncId)>> {
        let scope = class.scope;
        let mut slots = self.life_slots(class, flags)?;
        for (name, ids) in DIRECT {
            if special(scope, name).is_some_and(by_vectorcall) {
                continue;
            }
            let mut found = self.special_wrapper(scope, name)?;
            if found.is_none() {
                found = match *name {
                    "__bool__" => self.special_wrapper(scope, "__nonzero__")?,
                    "__int__" => self.special_wrapper(scope, "__long__")?,
                    _ => None,
                };
            }
            slots.extend(
                found
                    .into_iter()
                    .flat_map(|function| ids.iter().map(move |id| (*id, function))),
            );
        }
        self.number_slots(class, &mut slots)?;
        self.item_slots(class, &mut slots)?;
        self.attribute_slots(class, &mut slots)?;
        self.comparison_slot(class, &mut slots)?;
        Ok(slots)
    }

    fn life_slots(&mut self, class: &Class<'t>, flags: i128) -> Result<Vec<(i128, FuncId)>> {
        use Arg::{Address, Own, Param};
        let mut slots = Vec::new();
        let this = Some(class.description);
        let p = Type::Ptr;
        let new = self.needs_own(class, "__cinit__", true);
        self.constructor_slots(class, new, &mut slots)?;
        if new {
            let args = vec![Address(this), Param(0), Param(1), Param(2)];
            let made = self.thunk(
                class,
                "new",
                &[p.clone(), p.clone(), p.clone()],
                p.clone(),
                "cyl_class_new",
                args,
            );
            slots.push((slot::TP_NEW, made));
        }
        if self.needs_own(class, "__dealloc__", false) {
            let args = vec![Address(this), Param(0), Own];
            let made = self.thunk(
                class,
                "dealloc",
                std::slice::from_ref(&p),
                Type::Void,
                "cyl_class_dealloc",
                args,
            );
            slots.push((slot::TP_DEALLOC, made));
        }
        if flags & GC != 0 {
            let args = vec![Address(this), Param(0), Param(1), Param(2)];
            let params = [p.clone(), p.clone(), p.clone()];
            let made = self.thunk(
                class,
                "traverse",
                &params,
                Type::I32,
                "cyl_class_traverse",
                args,
            );
            slots.push((slot::TP_TRAVERSE, made));
            if !class
                .scope
                .directive("no_gc_clear")
                .is_some_and(|on| on.truth())
            {
                let args = vec![Address(this), Param(0)];
                let made = self.thunk(
                    class,
                    "clear",
                    std::slice::from_ref(&p),
                    Type::I32,
                    "cyl_class_clear",
                    args,
                );
                slots.push((slot::TP_CLEAR, made));
            }
        }
        if let Some(user) = self.special_wrapper(class.scope, "__del__")? {
            let args = vec![Arg::Function(Some(user)), Param(0)];
            let made = self.thunk(
                class,
                "finalize",
                &[p],
                Type::Void,
                "cyl_slot_finalize",
                args,
            );
            slots.push((slot::TP_FINALIZE, made));
        }
        Ok(slots)
    }

    /// Whether a class cannot do with its base's tp_new or tp_dealloc.
    fn needs_own(&self, class: &Class<'t>, method: &str, new: bool) -> bool {
        let Some(base) = class.ty.ty("base_type") else {
            return true;
        };
        class.scope.flag("has_pyobject_attrs")
            || class.scope.flag("has_memoryview_attrs")
            || class.scope.flag("has_explicitly_constructable_attrs")
            || (new && class.ty.text("vtabslot_cname").is_some())
            || special(class.scope, method).is_some()
            || !self.classes.contains_key(&base.id())
    }

    fn number_slots(&mut self, class: &Class<'t>, slots: &mut Vec<(i128, FuncId)>) -> Result<()> {
        use Arg::{Address, Function, Int, Own, Param};
        let c_api = class
            .scope
            .directive("c_api_binop_methods")
            .is_some_and(|on| on.truth());
        for (name, id) in BINARY {
            let forward = self.special_wrapper(class.scope, &format!("__{name}__"))?;
            let reversed = self.special_wrapper(class.scope, &format!("__r{name}__"))?;
            if forward.is_none() && reversed.is_none() {
                continue;
            }
            if c_api {
                slots.extend(forward.map(|function| (*id, function)));
                continue;
            }
            let power = *id == slot::NB_POWER;
            let params = vec![Type::Ptr; if power { 3 } else { 2 }];
            let extra = if power { Param(2) } else { Address(None) };
            let args = vec![
                Address(Some(class.description)),
                Int(*id, 64),
                Own,
                Function(forward),
                Function(reversed),
                Param(0),
                Param(1),
                extra,
            ];
            slots.push((
                *id,
                self.thunk(class, name, &params, Type::Ptr, "cyl_slot_binary", args),
            ));
        }
        Ok(())
    }

    fn item_slots(&mut self, class: &Class<'t>, slots: &mut Vec<(i128, FuncId)>) -> Result<()> {
        use Arg::{Address, Function, Int, Param};
        let scope = class.scope;
        let collection = scope
            .directive("collection_type")
            .and_then(|value| match value {
                frontend_bridge::tree::Value::Str(text) => Some(text.as_str()),
                _ => None,
            });
        let has_base = class.ty.ty("base_type").is_some();
        let wanted = |sequence: bool, all_index: bool| {
            sequence || has_base || collection != Some("sequence") || !all_index
        };
        if let Some(get) = special(scope, "__getitem__") {
            let user = self.wrapper_of(get)?;
            let index = takes_index(get, "Tz");
            if index {
                slots.push((slot::SQ_ITEM, user));
            } else {
                let args = vec![Function(Some(user)), Param(0), Param(1)];
                let made = self.thunk(
                    class,
                    "item",
                    &[Type::Ptr, Type::I64],
                    Type::Ptr,
                    "cyl_slot_item",
                    args,
                );
                slots.push((slot::SQ_ITEM, made));
            }
            if wanted(false, index) {
                let mut made = user;
                if index {
                    let args = vec![Function(Some(user)), Param(0), Param(1)];
                    let params = [Type::Ptr, Type::Ptr];
                    made = self.thunk(
                        class,
                        "subscript",
                        &params,
                        Type::Ptr,
                        "cyl_slot_subscript",
                        args,
                    );
                }
                slots.push((slot::MP_SUBSCRIPT, made));
            }
        }
        if special(scope, "__setitem__").is_none() && special(scope, "__delitem__").is_none() {
            return Ok(());
        }
        // Either of them may be inherited.
        let set = inherited_special(class.ty, "__setitem__");
        let del = inherited_special(class.ty, "__delitem__");
        let set_index = set.is_some_and(|entry| takes_index(entry, "TzO"));
        let del_index = del.is_some_and(|entry| takes_index(entry, "Tz"));
        let set_user = set.map(|entry| self.wrapper_of(entry)).transpose()?;
        let del_user = del.map(|entry| self.wrapper_of(entry)).transpose()?;
        let all_index = (set.is_none() || set_index) && (del.is_none() || del_index);
        for sequence in [true, false] {
            if !wanted(sequence, all_index) {
                continue;
            }
            let (id, name, runtime, key) = if sequence {
                (
                    slot::SQ_ASS_ITEM,
                    "ass_item",
                    "cyl_slot_ass_item",
                    Type::I64,
                )
            } else {
                (
                    slot::MP_ASS_SUBSCRIPT,
                    "ass_subscript",
                    "cyl_slot_ass_subscript",
                    Type::Ptr,
                )
            };
            let args = vec![
                Address(Some(class.description)),
                Function(set_user),
                Int(i128::from(set_index), 32),
                Function(del_user),
                Int(i128::from(del_index), 32),
                Param(0),
                Param(1),
                Param(2),
            ];
            slots.push((
                id,
                self.thunk(
                    class,
                    name,
                    &[Type::Ptr, key, Type::Ptr],
                    Type::I32,
                    runtime,
                    args,
                ),
            ));
        }
        Ok(())
    }

    fn attribute_slots(
        &mut self,
        class: &Class<'t>,
        slots: &mut Vec<(i128, FuncId)>,
    ) -> Result<()> {
        use Arg::{Address, Function, Param};
        let scope = class.scope;
        let p = Type::Ptr;
        let three = [p.clone(), p.clone(), p.clone()];
        if special(scope, "__getattr__").is_some() || look_up(scope, "__getattribute__").is_some() {
            let user = |context: &Self, name| {
                inherited_special(class.ty, name)
                    .map(|entry| context.wrapper_of(entry))
                    .transpose()
            };
            let args = vec![
                Function(user(self, "__getattribute__")?),
                Function(user(self, "__getattr__")?),
                Param(0),
                Param(1),
            ];
            let params = [p.clone(), p.clone()];
            let made = self.thunk(
                class,
                "getattro",
                &params,
                p.clone(),
                "cyl_slot_getattro",
                args,
            );
            slots.push((slot::TP_GETATTRO, made));
        }
        for (id, set, del, name, runtime) in [
            (
                slot::TP_SETATTRO,
                "__setattr__",
                "__delattr__",
                "setattro",
                "cyl_slot_setattro",
            ),
            (
                slot::TP_DESCR_SET,
                "__set__",
                "__delete__",
                "descr_set",
                "cyl_slot_descr_set",
            ),
        ] {
            let set = self.special_wrapper(scope, set)?;
            let del = self.special_wrapper(scope, del)?;
            if set.is_none() && del.is_none() {
                continue;
            }
            let this = Address(Some(class.description));
            let args = vec![
                this,
                Function(set),
                Function(del),
                Param(0),
                Param(1),
                Param(2),
            ];
            slots.push((
                id,
                self.thunk(class, name, &three, Type::I32, runtime, args),
            ));
        }
        if let Some(get) = self.special_wrapper(scope, "__get__")? {
            let args = vec![Function(Some(get)), Param(0), Param(1), Param(2)];
            let made = self.thunk(class, "descr_get", &three, p, "cyl_slot_descr_get", args);
            slots.push((slot::TP_DESCR_GET, made));
        }
        Ok(())
    }

    /// `__next__` as a method: what tp_iternext may leave out is raised.
    pub(super) fn next_method(&mut self, class: &Class<'t>, user: FuncId) -> FuncId {
        let args = vec![Arg::Function(Some(user)), Arg::Param(0)];
        self.thunk(
            class,
            "next",
            &[Type::Ptr, Type::Ptr],
            Type::Ptr,
            "cyl_method_next",
            args,
        )
    }

    /// A function that hands its parameters on to a runtime function, with what that needs besides.
    pub(super) fn thunk(
        &mut self,
        class: &Class<'t>,
        name: &str,
        params: &[Type],
        result: Type,
        runtime: &str,
        args: Vec<Arg>,
    ) -> FuncId {
        let name = format!("{}.{name}", class.name);
        let signature = Signature::new(params.to_vec(), result);
        let own = self
            .mir
            .add_function(Function::new(&name, Linkage::Internal, signature));
        self.fill_thunk(own, runtime, args);
        own
    }

    /// The body of such a function.
    pub(super) fn fill_thunk(&mut self, own: FuncId, runtime: &str, args: Vec<Arg>) {
        let function = self.mir.functions[own.0 as usize].clone();
        let result = function.signature.result.clone();
        let mut b = Builder::new(function);
        let mut values = Vec::new();
        for arg in args {
            values.push(match arg {
                Arg::Param(index) => b.value(&self.mir, Op::Param(index)),
                Arg::Function(Some(function)) => b.value(&self.mir, Op::FunctionAddr(function)),
                Arg::Own => b.value(&self.mir, Op::FunctionAddr(own)),
                Arg::Address(Some(global)) => b.value(&self.mir, Op::GlobalAddr(global)),
                Arg::Function(None) | Arg::Address(None) => b.null(&self.mir, Type::Ptr),
                Arg::Int(value, bits) => b.int(&self.mir, value, bits),
            });
        }
        let types: Vec<Type> = values.iter().map(|value| b.ty(*value).clone()).collect();
        let callee = self.mir.declare(runtime, Signature::new(types, result));
        let value = b.call(&self.mir, Callee::Extern(callee), values);
        b.end(Terminator::Return(value));
        self.mir.functions[own.0 as usize] = b.finish();
    }

    /// A table of the module's.
    pub(super) fn table(
        &mut self,
        name: &str,
        ty: Type,
        init: GlobalInit,
        constant: bool,
    ) -> GlobalId {
        let name = format!("{name}.{}", self.mir.globals.len());
        self.mir.add_global(Global {
            name,
            ty,
            init,
            constant,
            linkage: Linkage::Internal,
        })
    }
}

/// A special method of a type or a base of it in the module.
fn inherited_special<'t>(ty: TreeType<'t>, name: &str) -> Option<Entry<'t>> {
    let mut next = Some(ty);
    while let Some(ty) = next {
        if ty.flag("is_builtin_type") || ty.flag("is_external") {
            return None;
        }
        if let Some(entry) = ty.scope("scope").and_then(|scope| look_up(scope, name)) {
            return (entry.flag("is_special") || name == "__getattribute__").then_some(entry);
        }
        next = ty.ty("base_type");
    }
    None
}

/// Whether a method's signature is the one with a C index.
fn takes_index(entry: Entry<'_>, format: &str) -> bool {
    entry
        .helper("signature")
        .and_then(|signature| signature.text("fixed_arg_format"))
        == Some(format)
}
