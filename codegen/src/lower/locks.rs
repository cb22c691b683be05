//! `cython.pymutex`, `cython.pythread_type_lock`, and `with` over them; critical sections.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::cleanup::Frame;
use super::context::{Context, missing_node};
use super::types;
use crate::mir::{LocalId, Op, Type, Value, locks};

/// Whether a type is one of the two.
pub(super) fn is_lock(ty: TreeType<'_>) -> bool {
    types::resolve(ty).kind() == "CythonLockType"
}

/// Whether a variable or field is one of the two.
pub(super) fn holds_lock(entry: Entry<'_>) -> bool {
    entry.ty("type").is_some_and(is_lock)
}

fn is_mutex(ty: TreeType<'_>) -> bool {
    types::resolve(ty).text("cname_part") == Some("PyMutex")
}

impl<'t> Context<'t> {
    /// The type of a lock: an address, and from CPython 3.13 on one byte for a mutex.
    pub(super) fn lock_type(&mut self, ty: TreeType<'t>) -> Type {
        let byte = is_mutex(ty) && self.symbols.resolve("PyMutex_Lock").is_some();
        let field = if byte { Type::Int(8) } else { Type::Ptr };
        let name = if is_mutex(ty) {
            locks::MUTEX
        } else {
            locks::THREAD_LOCK
        };
        Type::Struct(self.mir.structure(name, || vec![field]))
    }
}

/// What of a `with` over a lock a jump out of it has to mind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Locked {
    /// Where the lock's address is.
    local: LocalId,
    mutex: bool,
}

impl<'t> Body<'_, 't> {
    /// Makes a lock in a variable; it goes when the function ends.
    pub(super) fn declare_lock(&mut self, local: LocalId, ty: TreeType<'t>) -> Result<()> {
        self.locks.push((local, is_mutex(ty)));
        let address = self.op(Op::LocalAddr(local));
        self.lock_call("cyl_lock_init", address, is_mutex(ty))
    }

    /// Gives back the locks of the function's variables.
    pub(super) fn delete_locks(&mut self) -> Result<()> {
        for (local, mutex) in self.locks.clone() {
            let address = self.op(Op::LocalAddr(local));
            self.lock_call("cyl_lock_delete", address, mutex)?;
        }
        Ok(())
    }

    /// Makes the locks in the module's C variables.
    pub(super) fn make_global_locks(&mut self) -> Result<()> {
        let Some(scope) = self.m.tree.root().scope("scope") else {
            return Ok(());
        };
        for entry in scope.entries("var_entries") {
            let Some(ty) = entry.ty("type").filter(|ty| is_lock(*ty)) else {
                continue;
            };
            if entry.text("visibility") == Some("extern") || entry.scope("scope") != Some(scope) {
                continue;
            }
            let global = self.m.global_of(entry)?;
            let address = self.op(Op::GlobalAddr(global));
            self.lock_call("cyl_lock_init", address, is_mutex(ty))?;
        }
        Ok(())
    }

    fn lock_call(&mut self, function: &str, address: Value, mutex: bool) -> Result<()> {
        let mutex = self.int(mutex.into(), 32);
        self.rt_void(function, "pi:v", &[address, mutex])
    }

    /// The address of a lock, and the object that it is in, to be released: itself where it is in none.
    fn lock_address(&mut self, mut node: Node<'t>) -> Result<(Value, Value)> {
        while let "ProxyNode" | "CloneNode" | "CMethodSelfCloneNode" = node.kind() {
            node = node.child("arg")?;
        }
        let field = node.kind() == "AttributeNode"
            && node.child("obj")?.expr_type()?.flag("is_extension_type");
        if field {
            let (address, _, object) = self.field_address(node)?;
            return Ok((address, object));
        }
        match node.kind() {
            "NameNode" | "DereferenceNode" | "IndexNode" | "AttributeNode" => {
                let address = self.lvalue(node)?;
                Ok((address, address))
            }
            _ => missing_node(node, "as a lock"),
        }
    }

    /// A call of a lock's method, where it is one: `acquire`, `release`, `locked`, `can_check_locked`.
    pub(super) fn lock_method(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
    ) -> Result<Option<Value>> {
        let entry = function.entry("entry");
        let name = entry.and_then(|entry| entry.text("cname"));
        let Some(name) = function
            .text("cname")
            .or(name)
            .and_then(|name| name.strip_prefix("__Pyx_Locks_"))
        else {
            return Ok(None);
        };
        let own = node.nodes("args").first().copied();
        let (Some((_, method)), Some(own)) = (name.split_once('_'), own) else {
            return missing_node(node, "of a lock");
        };
        let (address, object) = self.lock_address(own)?;
        let mutex = is_mutex(own.expr_type()?);
        self.at(node);
        let result = match method {
            "Lock" => self.lock_call("cyl_lock_acquire", address, mutex),
            "LockGil" => self.lock_call("cyl_lock_acquire_gil", address, mutex),
            "LockNogil" => self.lock_call("cyl_lock_acquire_nogil", address, mutex),
            "Unlock" => self.lock_call("cyl_lock_release", address, mutex),
            "Locked" | "CanCheckLocked" => {
                let function = match method {
                    "Locked" => "cyl_lock_locked",
                    _ => "cyl_lock_can_tell",
                };
                let mutex = self.int(mutex.into(), 32);
                let answer = self.rt_value(function, "pi:i", &[address, mutex])?;
                self.release(object);
                return Ok(Some(answer));
            }
            _ => missing_node(node, "of a lock"),
        };
        result?;
        self.release(object);
        Ok(Some(self.int(0, 32)))
    }

    /// `CythonLockStatNode`: `with lock`.
    pub(super) fn lower_with_lock(&mut self, node: Node<'t>) -> Result<()> {
        let arg = node.child("arg")?;
        let mutex = is_mutex(arg.expr_type()?);
        let (address, object) = self.lock_address(arg)?;
        self.at(node);
        // As Cython has found: without the GIL, without one that is known, with it.
        let acquire = match node.int("in_nogil_context") {
            Some(1) => "cyl_lock_acquire_nogil",
            Some(2) => "cyl_lock_acquire",
            _ => "cyl_lock_acquire_gil",
        };
        let local = self.b.local("lock", Type::Ptr);
        self.b.effect(Op::Set(local, address));
        self.lock_call(acquire, address, mutex)?;
        let locked = Locked { local, mutex };
        let content = node.child("body")?;
        let frame = |depth, handlers| Frame::Lock {
            locked,
            depth,
            handlers,
        };
        self.framed(frame, |body| body.stat(content), |body| body.unlock(locked))?;
        self.release(object);
        Ok(())
    }

    /// Lets go of the lock of a `with`.
    pub(super) fn unlock(&mut self, locked: Locked) -> Result<()> {
        let address = self.op(Op::Get(locked.local));
        self.lock_call("cyl_lock_release", address, locked.mutex)
    }

    /// `CriticalSectionStatNode`: without free threading the GIL is lock enough, but what it is about is
    /// evaluated, and lives while it lasts.
    pub(super) fn lower_critical_section(&mut self, node: Node<'t>) -> Result<()> {
        let mut objects = Vec::new();
        for arg in node.nodes("args") {
            let object = match is_lock(arg.expr_type()?) {
                true => self.lock_address(arg)?.1,
                false => self.expr(arg)?,
            };
            objects.push(object);
        }
        if let Some(body) = node.node("body") {
            self.stat(body)?;
        }
        for object in objects.into_iter().rev() {
            self.release(object);
        }
        Ok(())
    }
}
