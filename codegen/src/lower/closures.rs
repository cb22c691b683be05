//! Scope objects: variables that functions share with those inside them.
//!
//! Cython declares an extension type for each; here they are structs behind an object's head, known
//! to the runtime by a descriptor.

use std::collections::HashMap;

use frontend_bridge::tree::{Entry, EntryId, Node, Scope};

use super::Result;
use super::body::Body;
use super::context::{Context, missing, missing_node};
use crate::mir::{
    Frame, FrameId, Global, GlobalId, GlobalInit, Linkage, LocalId, Op, StructId, Type, Value,
};

/// A kind of scope object.
#[derive(Clone, Debug)]
pub(super) struct Closure {
    pub frame: FrameId,
    pub structure: StructId,
    pub descriptor: GlobalId,
    /// Fields by their C names.
    pub fields: HashMap<String, u32>,
    /// The field of the scope object outside, and its kind.
    pub outer: Option<(u32, EntryId)>,
}

/// Where a function has its scope object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ScopeObject {
    /// In a local.
    Local(LocalId),
    /// It is the generator's.
    Frame,
}

const OUTER: &str = "__pyx_outer_scope";

impl<'t> Context<'t> {
    /// A kind of scope object by the entry of Cython's extension type.
    pub fn closure(&mut self, class: Entry<'t>) -> Result<Closure> {
        if let Some(found) = self.closures.get(&class.id()) {
            return Ok(found.clone());
        }
        let Some(scope) = class.ty("type").and_then(|ty| ty.scope("scope")) else {
            return missing("scope object without fields", class.position());
        };
        let mut types = vec![Type::I64, Type::Ptr];
        let mut fields = HashMap::new();
        let mut outer = None;
        let (mut objects, mut slices) = (Vec::new(), Vec::new());
        for entry in scope.entries("var_entries") {
            let (Some(ty), Some(cname)) = (entry.ty("type"), entry.text("cname")) else {
                continue;
            };
            if ty.flag("is_buffer") {
                return missing("buffer that functions share", entry.position());
            }
            let mir = self.c_type(ty, entry.position())?;
            let index = types.len() as u32;
            if mir == Type::Object {
                objects.push(index);
            } else if ty.flag("is_memoryviewslice") {
                slices.push(index);
            }
            if cname == OUTER {
                outer = ty.entry("entry").map(|class| (index, class.id()));
            }
            types.push(mir);
            fields.insert(cname.to_owned(), index);
        }
        let name = class.text("name").unwrap_or("scope").to_owned();
        let structure = self.mir.structure(&format!("scope.{name}"), || types);
        let full = self.c_string(format!("{}.{name}", self.tree.module_name()).as_bytes());
        let shape = self.mir.structure("cyl_closure", || {
            vec![
                Type::Ptr,
                Type::I64,
                Type::Ptr,
                Type::I32,
                Type::I32,
                Type::Ptr,
                Type::I64,
                Type::Ptr,
                Type::I64,
            ]
        });
        let descriptor = self.mir.add_global(Global {
            name: format!("scope.{name}.type"),
            ty: Type::Struct(shape),
            init: GlobalInit::Zero,
            constant: false,
            linkage: Linkage::Internal,
        });
        let keep = scope
            .directive("no_gc_clear")
            .is_some_and(|value| value.truth());
        let frame = FrameId(self.mir.frames.len() as u32);
        self.mir.frames.push(Frame {
            structure,
            descriptor,
            name: full,
            objects,
            slices,
            keep,
        });
        let made = Closure {
            frame,
            structure,
            descriptor,
            fields,
            outer,
        };
        self.closures.insert(class.id(), made.clone());
        Ok(made)
    }
}

/// The scope object's kind that a scope's own variables lie in.
fn class_of<'t>(scope: Scope<'t>) -> Option<Entry<'t>> {
    let mut scope = Some(scope);
    // Bounded: a damaged file may go in circles.
    for _ in 0..64 {
        let now = scope?;
        if let Some(class) = now.entry("scope_class") {
            return Some(class);
        }
        scope = now
            .scope("outer_scope")
            .or_else(|| now.scope("parent_scope"));
    }
    None
}

/// Whether a variable lies in a scope object.
pub(super) fn in_scope_object(entry: Entry<'_>) -> bool {
    entry.flag("in_closure") || entry.flag("from_closure")
}

impl<'t> Body<'_, 't> {
    /// Whether a variable lies in a scope object, and threads of a parallel region have none of their own.
    pub(super) fn reaches_through_scope(&self, entry: Entry<'_>) -> bool {
        let thread = self.region.is_some() || self.on_device.is_some();
        in_scope_object(entry) && !(thread && self.variables.contains_key(&entry.id()))
    }

    /// The start of a function that has a scope object, its own or that of the function outside.
    pub(super) fn start_scope_object(&mut self, node: Node<'t>, scope: Scope<'t>) -> Result<()> {
        let own = node.flag("needs_closure");
        let outer = node.flag("needs_outer_scope");
        if !own && !outer {
            return Ok(());
        }
        let Some(class) = scope.entry("scope_class") else {
            return missing_node(node, "without a scope object");
        };
        let outer = match outer {
            true if node.flag("is_cyfunction") => {
                let function = self.op(Op::Param(0));
                Some(self.rt_value("cyl_function_closure", "o:o", &[function])?)
            }
            true => Some(self.op(Op::Param(0))),
            false => None,
        };
        let local = self.b.local("scope", Type::Object);
        self.scope_object = Some((ScopeObject::Local(local), class.id()));
        if !own {
            if let Some(outer) = outer {
                self.b.effect(Op::Set(local, outer));
            }
            return Ok(());
        }
        let closure = self.m.closure(class)?;
        let made = self.new_scope_object(&closure)?;
        if let (Some(outer), Some((field, _))) = (outer, closure.outer) {
            let address = self.op(Op::Field(made, closure.structure, field));
            let outer = self.op(Op::IncRef(outer));
            self.b.effect(Op::Store {
                address,
                value: outer,
            });
        }
        self.forget_temp(made);
        self.b.effect(Op::Set(local, made));
        self.owned_locals.push(local);
        Ok(())
    }

    /// A new scope object.
    pub(super) fn new_scope_object(&mut self, closure: &Closure) -> Result<Value> {
        let descriptor = self.op(Op::GlobalAddr(closure.descriptor));
        self.rt_object("cyl_closure_new", "p:O", &[descriptor])
    }

    /// The scope object; borrowed.  Null in functions without.
    pub(super) fn current_scope_object(&mut self) -> Value {
        match self.scope_object {
            Some((ScopeObject::Local(local), _)) => self.op(Op::Get(local)),
            Some((ScopeObject::Frame, _)) => self.op(Op::Frame),
            None => self.null_object(),
        }
    }

    /// The address of a variable that lies in a scope object.
    pub(super) fn shared_address(&mut self, entry: Entry<'t>) -> Result<Value> {
        let own = entry.entry("defining_entry").unwrap_or(entry);
        let (Some(cname), Some(scope)) = (own.text("cname"), own.scope("scope")) else {
            return self.missing("variable of a function outside");
        };
        let Some(wanted) = class_of(scope) else {
            return self.missing("variable outside without a scope object");
        };
        let Some((_, first)) = self.scope_object else {
            return self.missing("variable outside of a function without a scope object");
        };
        let mut object = self.current_scope_object();
        let mut class = first;
        // Bounded: a damaged file may go in circles.
        for _ in 0..64 {
            let closure = self.m.closure(self.m.tree.entry(class))?;
            if class == wanted.id() {
                let Some(field) = closure.fields.get(cname) else {
                    return self.missing(&format!("'{cname}' in a scope object"));
                };
                return Ok(self.op(Op::Field(object, closure.structure, *field)));
            }
            let Some((field, outer)) = closure.outer else {
                break;
            };
            let address = self.op(Op::Field(object, closure.structure, field));
            object = self.op(Op::Load(Type::Object, address));
            class = outer;
        }
        self.missing("variable of a function further outside")
    }

    /// Reads a variable that lies in a scope object.
    pub(super) fn read_shared(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let address = self.shared_address(entry)?;
        let ty = entry
            .ty("type")
            .ok_or_else(|| node.missing("entry.type", "type"))?;
        let ty = self.c_type(ty)?;
        if matches!(ty, Type::Array(..)) {
            return Ok(address);
        }
        let value = self.op(Op::Load(ty.clone(), address));
        if ty != Type::Object {
            return Ok(value);
        }
        let unbound = node.flag("cf_maybe_null") || node.flag("cf_is_null");
        let mine = self.op(Op::XIncRef(value));
        if unbound && !node.flag("allow_null") {
            let null = self.is_null(mine);
            let name = entry.text("name").unwrap_or_default();
            let function = if entry.flag("from_closure") {
                "__Pyx_RaiseClosureNameError"
            } else {
                "__Pyx_RaiseUnboundLocalError"
            };
            self.hold(mine);
            self.if_unlikely(null, |body| {
                let text = body.text(name);
                body.rt_void(function, "p:v", &[text])?;
                body.raise_now();
                Ok(())
            })?;
            return Ok(mine);
        }
        Ok(self.hold(mine))
    }

    /// `del` of a variable that lies in a scope object.
    pub(super) fn delete_shared(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<()> {
        let old = self.read_shared(node, entry)?;
        self.release(old);
        let address = self.shared_address(entry)?;
        self.clear_object(address);
        Ok(())
    }

    /// Moves a parameter into the scope object.
    pub(super) fn share_argument(&mut self, entry: Entry<'t>, value: Value) -> Result<()> {
        if entry
            .ty("type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"))
        {
            return self.share_slice(entry, value);
        }
        let address = self.shared_address(entry)?;
        if let Some(ty) = entry.ty("type")
            && let array @ Type::Array(..) = self.c_type(ty)?
        {
            return self.copy_memory(address, value, &array);
        }
        let value = if *self.b.ty(value) == Type::Object {
            self.op(Op::XIncRef(value))
        } else {
            value
        };
        self.b.effect(Op::Store { address, value });
        Ok(())
    }
}
