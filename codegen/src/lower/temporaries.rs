//! Temporaries that Cython's transforms put into the tree, and variables that live in a part of a
//! function only: those of comprehensions.

use frontend_bridge::tree::{Entry, Node, Scope, Value as Attr};

use super::Result;
use super::body::{Body, Variable};
use super::cleanup::{Frame, Handler};
use super::context::missing_node;
use super::error::LowerError;
use crate::mir::{GlobalId, LocalId, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// A local that owns its object until the function ends, if not released before.
    pub(super) fn owned_local(&mut self, name: &str) -> LocalId {
        let local = self.b.local(name, Type::Object);
        self.owned_locals.push(local);
        local
    }

    /// Releases what a local owns.
    pub(super) fn clear_local(&mut self, local: LocalId) {
        let old = self.op(Op::Take(local));
        self.b.effect(Op::XDecRef(old));
    }

    /// Lowers a part of the function; the locals are released on every way out of it.
    pub(super) fn with_locals<T>(
        &mut self,
        locals: &[LocalId],
        lower: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if locals.is_empty() {
            return lower(self);
        }
        let failed = self.b.cold_block();
        let depth = self.temps.len();
        let frames = self.frames.len();
        for local in locals {
            self.frames.push(Frame::Local { local: *local });
        }
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let done = lower(self);
        self.handlers.pop();
        self.frames.truncate(frames);
        let done = done?;
        for local in locals {
            self.clear_local(*local);
        }
        let back = self.b.current();
        let (temps, ended) = (self.temps.clone(), self.b.ended());
        self.temps.truncate(depth);
        self.b.switch_to(failed);
        for local in locals {
            self.clear_local(*local);
        }
        self.pass_on();
        self.temps = temps;
        self.b.switch_to(back);
        debug_assert_eq!(ended, self.b.ended());
        Ok(done)
    }

    /// `TempsBlockNode`: statements with variables of their own.
    pub(super) fn lower_temps_block(&mut self, node: Node<'t>) -> Result<()> {
        let mut owned = Vec::new();
        for handle in node.helpers("temps") {
            let Some(ty) = handle.ty("type") else {
                return missing_node(node, "without a type");
            };
            let ty = self.c_type(ty)?;
            let local = if ty == Type::Object {
                if !handle.flag("needs_cleanup") {
                    return missing_node(node, "of borrowed objects");
                }
                let local = self.owned_local("temporary");
                owned.push(local);
                local
            } else {
                self.b.local("temporary", ty)
            };
            self.handle_locals.insert(handle.id(), local);
        }
        let body = node.child("body")?;
        self.with_locals(&owned, |lowering| lowering.stat(body))
    }

    fn handle_local(&self, node: Node<'t>) -> Result<LocalId> {
        let found = node
            .helper("handle")
            .and_then(|handle| self.handle_locals.get(&handle.id()));
        match found {
            Some(local) => Ok(*local),
            None => missing_node(node, "outside its block"),
        }
    }

    /// `TempRefNode`; an object is borrowed from the temporary.
    pub(super) fn lower_temp_ref(&mut self, node: Node<'t>) -> Result<Value> {
        let local = self.handle_local(node)?;
        Ok(self.op(Op::Get(local)))
    }

    pub(super) fn temp_ref_address(&mut self, node: Node<'t>) -> Result<Value> {
        let local = self.handle_local(node)?;
        Ok(self.op(Op::LocalAddr(local)))
    }

    pub(super) fn assign_temp_ref(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let local = self.handle_local(target)?;
        self.set_local(target, local, value)
    }

    /// `ResultRefNode` as a target: the result of a `TempResultFromStatNode`.
    pub(super) fn assign_result_ref(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        match self.node_locals.get(&target.id()).copied() {
            Some(local) => self.set_local(target, local, value),
            None => missing_node(target, "as a target outside its statement"),
        }
    }

    pub(super) fn set_local(
        &mut self,
        target: Node<'t>,
        local: LocalId,
        value: Value,
    ) -> Result<()> {
        let ty = self.b.function.locals[local.0 as usize].ty.clone();
        if ty == Type::Object {
            let value = self.give(value);
            self.replace(local, value);
            return Ok(());
        }
        if *self.b.ty(value) == Type::Object {
            return missing_node(target, "of a C type, as an object's target");
        }
        let value = match ty {
            Type::Int(bits) => self.widen(value, bits, false),
            _ => value,
        };
        self.b.effect(Op::Set(local, value));
        Ok(())
    }

    /// A variable that a node stands for, and what is lowered with it.  Takes the value over.
    pub(super) fn with_node_local<T>(
        &mut self,
        node: Node<'t>,
        value: Value,
        lower: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let ty = self.b.ty(value).clone();
        if ty != Type::Object {
            let local = self.b.local("let", ty);
            self.b.effect(Op::Set(local, value));
            self.node_locals.insert(node.id(), local);
            return lower(self);
        }
        let local = self.owned_local("let");
        let value = self.give(value);
        self.replace(local, value);
        self.node_locals.insert(node.id(), local);
        self.with_locals(&[local], lower)
    }

    /// `TempResultFromStatNode`: a statement that assigns the expression's value.
    pub(super) fn lower_temp_result(&mut self, node: Node<'t>) -> Result<Value> {
        let reference = node.child("result_ref")?;
        let body = node.child("body")?;
        let ty = self.type_of(node)?;
        if ty != Type::Object {
            let local = self.b.local("result", ty);
            self.node_locals.insert(reference.id(), local);
            self.stat(body)?;
            return Ok(self.op(Op::Get(local)));
        }
        let local = self.owned_local("result");
        self.node_locals.insert(reference.id(), local);
        let value = self.with_locals(&[local], |lowering| {
            lowering.stat(body)?;
            Ok(lowering.op(Op::Take(local)))
        })?;
        Ok(self.hold(value))
    }

    /// Declares the variables of a comprehension, and lowers it with them.
    pub(super) fn with_scope<T>(
        &mut self,
        node: Node<'t>,
        scope: Option<Scope<'t>>,
        lower: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(scope) = scope.filter(|_| node.flag("has_local_scope")) else {
            return lower(self);
        };
        if self.shared_with_functions(scope) {
            return self.with_module_variables(scope, lower);
        }
        let mut owned = Vec::new();
        // Its `var_entries` are those of the function around it, which has declared most of them.
        for (_, value) in scope.map("entries") {
            let Attr::Entry(entry) = value else { continue };
            let entry = self.m.tree.entry(*entry);
            if !entry.flag("is_variable") || super::closures::in_scope_object(entry) {
                continue;
            }
            let declared = match self.variables.get(&entry.id()).copied() {
                Some(Variable::Local { id, .. }) => Ok(id),
                #[allow(unreachable_patterns)]
                Some(_) => continue,
                None => self.declare(entry, true),
            };
            match declared {
                Ok(local) if self.b.function.locals[local.0 as usize].ty == Type::Object => {
                    owned.push(local);
                }
                Ok(_) => {}
                Err(LowerError::Missing(missing)) if entry.flag("used") => {
                    return Err(LowerError::Missing(missing));
                }
                Err(LowerError::Missing(_)) => {}
                Err(other) => return Err(other),
            }
        }
        self.with_locals(&owned, lower)
    }

    /// Whether functions inside a comprehension of the module's body use its variables, which are the
    /// module's own then.
    fn shared_with_functions(&self, scope: Scope<'t>) -> bool {
        let outer = scope.scope("outer_scope");
        let inside = |node: Node<'t>| {
            let local = node.scope("local_scope");
            local.and_then(|local| local.scope("outer_scope")) == Some(scope)
        };
        outer.is_some_and(|outer| outer.is_a("ModuleScope")) && self.m.tree.nodes().any(inside)
    }

    /// Lowers a comprehension whose variables are the module's; they are cleared on every way out.
    fn with_module_variables<T>(
        &mut self,
        scope: Scope<'t>,
        lower: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut objects = Vec::new();
        for (_, value) in scope.map("entries") {
            let Attr::Entry(entry) = value else { continue };
            let entry = self.m.tree.entry(*entry);
            if !entry.flag("is_variable") {
                continue;
            }
            if entry
                .ty("type")
                .is_some_and(|ty| ty.flag("is_memoryviewslice"))
            {
                return self.missing("memoryview of a comprehension that functions share");
            }
            let global = self.m.global_of(entry)?;
            if self.m.mir.globals[global.0 as usize].ty == Type::Object {
                objects.push(global);
            }
        }
        let failed = self.b.cold_block();
        let depth = self.temps.len();
        self.handlers.push(Handler {
            block: failed,
            depth,
        });
        let done = lower(self);
        self.handlers.pop();
        let done = done?;
        self.clear_globals(&objects);
        let back = self.b.current();
        let temps = self.temps.clone();
        self.temps.truncate(depth);
        self.b.switch_to(failed);
        self.clear_globals(&objects);
        self.pass_on();
        self.temps = temps;
        self.b.switch_to(back);
        Ok(done)
    }

    fn clear_globals(&mut self, globals: &[GlobalId]) {
        for global in globals {
            let address = self.op(Op::GlobalAddr(*global));
            self.clear_object(address);
        }
    }

    /// The address of such a variable.
    pub(super) fn comprehension_global(&mut self, entry: Entry<'t>) -> Option<Value> {
        let global = self.m.globals.get(&entry.id()).copied()?;
        let shared = entry.flag("in_subscope") && entry.flag("is_cglobal");
        shared.then(|| self.op(Op::GlobalAddr(global)))
    }
}
