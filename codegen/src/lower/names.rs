//! Names: reading, assigning and deleting variables.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::{Body, Variable};
use super::context::missing_node;
use super::memview::is_slice;
use crate::mir::{LocalId, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_name(&mut self, node: Node<'t>) -> Result<Value> {
        let Some(entry) = node.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        if self.reaches_through_scope(entry) {
            return self.read_shared(node, entry);
        }
        if let Some((address, ty)) = self.remote.get(&entry.id()).cloned() {
            return self.read_remote(node, entry, address, &ty);
        }
        if let Some(variable) = self.variables.get(&entry.id()).copied() {
            return self.read_variable(node, entry, variable);
        }
        if let Some(address) = self.comprehension_global(entry) {
            let ty = self.type_of(node)?;
            let value = self.op(Op::Load(ty.clone(), address));
            if ty != Type::Object {
                return Ok(value);
            }
            self.check_bound(entry, value)?;
            return Ok(self.owned(value));
        }
        if entry.flag("is_const") && !entry.flag("is_builtin") {
            return self.enum_constant(node, entry);
        }
        let in_module = entry
            .scope("scope")
            .is_some_and(|scope| scope.is_a("ModuleScope"));
        if entry.text("cname") == Some("__pyx_assertions_enabled()") {
            return self.rt_value("__pyx_assertions_enabled", ":i", &[]);
        }
        if entry.flag("is_builtin") && entry.flag("is_const") {
            return self.constant_builtin(node, entry);
        }
        if entry.flag("is_pyclass_attr") {
            return self.read_class_name(node, entry);
        }
        if entry.flag("is_builtin") && !in_module {
            let name = self.name(entry.text("name").unwrap_or_default());
            return self.rt_object("__Pyx_GetBuiltinName", "o:O", &[name]);
        }
        if entry.flag("is_pyglobal") || entry.flag("is_builtin") {
            if let Some(class) = self.extension_namespace(entry)? {
                let name = self.name(entry.text("name").unwrap_or_default());
                let globals = self.module_dict();
                let args = [class, globals, name];
                return self.rt_object("cyl_name_in_class", "ooo:O", &args);
            }
            if !in_module {
                return missing_node(node, "in a class body");
            }
            return self.read_module_name(entry.text("name").unwrap_or_default());
        }
        if entry.flag("is_cfunction") {
            return self.c_function_address(node, entry);
        }
        if (entry.flag("is_type")
            || entry
                .ty("type")
                .is_some_and(|ty| ty.text("name") == Some("type")))
            && let Some(ty) = self.type_of_entry(entry)
        {
            return self.type_object(ty);
        }
        if entry.flag("is_cglobal") && in_module {
            return self.read_global(node, entry);
        }
        missing_node(
            node,
            &format!("'{}'", entry.text("qualified_name").unwrap_or_default()),
        )
    }

    fn read_variable(
        &mut self,
        node: Node<'t>,
        entry: Entry<'t>,
        variable: Variable,
    ) -> Result<Value> {
        let Variable::Local { id, .. } = variable;
        if matches!(self.b.function.locals[id.0 as usize].ty, Type::Array(..)) {
            return Ok(self.op(Op::LocalAddr(id)));
        }
        let value = self.op(Op::Get(id));
        let unbound = node.flag("cf_maybe_null") || node.flag("cf_is_null");
        if unbound && !node.flag("allow_null") && *self.b.ty(value) == Type::Object {
            self.check_bound(entry, value)?;
        }
        Ok(value)
    }

    /// The variable that a name stands for, where it is the function's alone and owns its object.
    pub(super) fn own_local(&self, node: Node<'t>) -> Option<LocalId> {
        let entry = node.entry("entry").filter(|_| node.kind() == "NameNode")?;
        if self.reaches_through_scope(entry) || self.remote.contains_key(&entry.id()) {
            return None;
        }
        match self.variables.get(&entry.id()) {
            Some(Variable::Local { id, owned: true }) => Some(*id),
            _ => None,
        }
    }

    fn check_bound(&mut self, entry: Entry<'t>, value: Value) -> Result<()> {
        let null = self.is_null(value);
        let name = entry.text("name").unwrap_or_default();
        self.if_unlikely(null, |body| {
            let text = body.text(name);
            body.rt_void("__Pyx_RaiseUnboundLocalError", "p:v", &[text])?;
            body.raise_now();
            Ok(())
        })
    }

    /// The address of a place of the module's for an object that is made when it is first asked for.
    pub(super) fn kept_object(&mut self, name: &str) -> Value {
        let cache = self.m.variable(name, Type::Array(Box::new(Type::I64), 1));
        self.op(Op::GlobalAddr(cache))
    }

    /// A built-in type, or a built-in that Cython keeps.
    fn constant_builtin(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let cname = entry.text("cname").unwrap_or_default();
        let bare = cname.trim_start_matches('(').trim_end_matches(')');
        if let Some(symbol) = bare
            .strip_prefix('&')
            .or((bare == "__Pyx_PyFrozenDict_TypePtr").then_some(bare))
        {
            if !symbol.starts_with("Py") && symbol != "__Pyx_PyFrozenDict_TypePtr" {
                // A macro, for what only some versions of CPython have.
                return missing_node(node, &format!("built-in '{cname}'"));
            }
            return Ok(self.symbol_object(symbol));
        }
        if let Some(at) = bare.find("PyExc_") {
            return Ok(self.variable_object(&bare[at..]));
        }
        if entry.flag("is_builtin") && entry.ty("type").is_some_and(|ty| ty.flag("is_pyobject")) {
            let name = self.name(entry.text("name").unwrap_or_default());
            let cache = self.kept_object("builtin.cache");
            return self.rt_object("cyl_kept_builtin", "po:O", &[cache, name]);
        }
        missing_node(node, &format!("built-in '{cname}'"))
    }

    fn c_function_address(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        if let Some(address) = self.imported_address(entry) {
            return Ok(address);
        }
        match self.m.functions.get(&entry.id()).copied() {
            Some(function) => Ok(self.function_address(function)),
            None => match entry.text("cname") {
                Some(name) if super::struct_types::external(entry) => {
                    self.extern_function_address(node, name)
                }
                _ => self.named_function(node, entry),
            },
        }
    }

    fn read_global(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        if matches!(entry.text("visibility"), Some("extern")) {
            return self.extern_variable(node, entry);
        }
        if super::context::of_memoryview_code(entry) {
            return match entry.text("name") {
                Some("array") => self.rt_value("cyl_array_type", ":o", &[]),
                Some("memoryview") => self.rt_value("cyl_memoryview_type", ":o", &[]),
                _ => missing_node(node, "of Cython's memoryview code"),
            };
        }
        let address = self.global_address(node, entry)?;
        let ty = entry
            .ty("type")
            .ok_or_else(|| node.missing("entry.type", "type"))?;
        let ty = self.c_type(ty)?;
        if let Type::Array(..) = ty {
            return Ok(address);
        }
        let value = self.op(Op::Load(ty.clone(), address));
        if ty == Type::Object {
            // What runs later may assign to it.
            return Ok(self.owned(value));
        }
        Ok(value)
    }

    /// Assigns to a target; takes the value over.
    pub(super) fn assign(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let value = self.fitted(target, value)?;
        match target.kind() {
            "NameNode" => self.assign_name(target, value),
            "AttributeNode" => self.assign_attribute(target, value),
            "IndexNode" => self.assign_index(target, value),
            "MemoryViewIndexNode" => self.assign_memview_item(target, value),
            "BufferIndexNode" => self.assign_buffer_item(target, value),
            "MemoryCopyScalar" => self.assign_slice_scalar(target, value),
            "SliceIndexNode" => self.assign_slice(target, value),
            "TempRefNode" => self.assign_temp_ref(target, value),
            "ResultRefNode" => self.assign_result_ref(target, value),
            "AssignableTempNode" | "TrackTypeTempNode" => self.assign_match_temp(target, value),
            "TupleNode" | "ListNode" => self.unpack(target, value),
            _ => missing_node(target, "as a target"),
        }
    }

    /// A C number as the target's type has it.
    fn fitted(&mut self, target: Node<'t>, value: Value) -> Result<Value> {
        let have = self.b.ty(value).clone();
        let Some(ty) = target.ty("type").filter(|ty| !ty.flag("is_pyobject")) else {
            return Ok(value);
        };
        if super::indexing::is_byte(target) {
            // What does not fit is an error.
            return Ok(value);
        }
        if have == Type::Object && !self.temps.contains(&value) && self.c_type(ty)? == Type::Ptr {
            return Ok(self.op(Op::Cast(crate::mir::CastOp::Pointer, value, Type::Ptr)));
        }
        if !have.is_int() && !have.is_float() {
            return Ok(value);
        }
        let wanted = self.c_type(ty)?;
        if wanted == have || !wanted.is_int() && !wanted.is_float() {
            return Ok(value);
        }
        let narrower = matches!((&have, &wanted), (Type::Int(from), Type::Int(to)) if from >= to);
        match self.assigned {
            Some(from) => self.convert_number(value, from, ty),
            None if narrower || have.is_float() => self.convert_number(value, ty, ty),
            None => missing_node(target, "as a target of another C type"),
        }
    }

    fn assign_name(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        if is_slice(target) {
            return self.assign_slice_name(target, value);
        }
        let Some(entry) = target.entry("entry") else {
            return missing_node(target, "without an entry");
        };
        if self.reaches_through_scope(entry) {
            let address = self.shared_address(entry)?;
            self.store(address, value);
            return Ok(());
        }
        if let Some((address, ty)) = self.remote.get(&entry.id()).cloned() {
            if *self.b.ty(value) != ty || matches!(ty, Type::Array(..)) {
                return missing_node(target, "of another type in a parallel region");
            }
            self.store(address, value);
            return Ok(());
        }
        if let Some(Variable::Local { id, owned }) = self.variables.get(&entry.id()).copied() {
            if *self.b.ty(value) != Type::Object {
                let value = self.fit(value, target.expr_type()?, id);
                let ty = self.b.function.locals[id.0 as usize].ty.clone();
                if let Type::Array(..) = ty {
                    let address = self.op(Op::LocalAddr(id));
                    return self.copy_memory(address, value, &ty);
                }
                self.b.effect(Op::Set(id, value));
                return Ok(());
            }
            if !owned {
                return self.defect("assignment to a borrowed argument");
            }
            if entry.ty("type").is_some_and(super::buffers::is_buffer) {
                self.acquire_assigned(target, entry, id, value)?;
            }
            let value = self.give(value);
            if target.flag("cf_maybe_null") || target.flag("cf_is_null") || self.region.is_some() {
                self.replace(id, value);
            } else {
                let old = self.op(Op::Take(id));
                self.b.effect(Op::Set(id, value));
                self.b.effect(Op::DecRef(old));
            }
            return Ok(());
        }
        if let Some(address) = self.comprehension_global(entry) {
            self.store(address, value);
            return Ok(());
        }
        if entry.flag("is_pyclass_attr") && entry.flag("is_pyglobal") {
            return self.assign_class_name(target, entry, value);
        }
        if entry.flag("is_pyglobal")
            && let Some(class) = self.extension_namespace(entry)?
        {
            let name = self.name(entry.text("name").unwrap_or_default());
            self.rt_status(
                "__Pyx_SetItemOnTypeDict",
                "ooo:i",
                &[class, name, value],
                Raises::Negative,
            )?;
            self.release(value);
            return Ok(());
        }
        let in_module = entry
            .scope("scope")
            .is_some_and(|scope| scope.is_a("ModuleScope"));
        if entry.flag("is_pyglobal") && in_module {
            let dict = self.module_dict();
            let name = self.name(entry.text("name").unwrap_or_default());
            self.rt_status(
                "PyDict_SetItem",
                "ooo:i",
                &[dict, name, value],
                Raises::Negative,
            )?;
            self.release(value);
            return Ok(());
        }
        if entry.flag("is_cglobal") && in_module {
            if matches!(entry.text("visibility"), Some("extern")) {
                return self.assign_external(target, entry, value);
            }
            let address = self.global_address(target, entry)?;
            return self.store_as(target, address, value);
        }
        missing_node(target, "as a target of this scope")
    }

    /// Overwrites memory; an object there is released.  Takes the value over.
    pub(super) fn store(&mut self, address: Value, value: Value) {
        if *self.b.ty(value) != Type::Object {
            self.b.effect(Op::Store { address, value });
            return;
        }
        let value = self.give(value);
        self.replace_object(address, value);
    }

    /// Leaves memory that holds an object without one.
    pub(super) fn clear_object(&mut self, address: Value) {
        let null = self.null_object();
        self.replace_object(address, null);
    }

    /// Releases the object that memory holds; takes over `value`, which is owned or null.
    pub(super) fn replace_object(&mut self, address: Value, value: Value) {
        let old = self.op(Op::Load(Type::Object, address));
        let old = self.op(Op::Own(old));
        self.b.effect(Op::Store { address, value });
        self.b.effect(Op::XDecRef(old));
    }

    /// `del name`.
    pub(super) fn delete_name(&mut self, target: Node<'t>, ignore: bool) -> Result<()> {
        if is_slice(target) {
            return self.delete_slice_name(target);
        }
        let Some(entry) = target.entry("entry") else {
            return missing_node(target, "without an entry");
        };
        if self.reaches_through_scope(entry) {
            return self.delete_shared(target, entry);
        }
        if let Some((address, ty)) = self.remote.get(&entry.id()).cloned() {
            return self.delete_remote(target, entry, (address, &ty), ignore);
        }
        if let Some(variable) = self.variables.get(&entry.id()).copied() {
            // The name of `except ... as` goes at the clause's end, if it is still there.
            if !ignore {
                self.read_variable(target, entry, variable)?;
            }
            let Variable::Local { id, owned } = variable;
            if !owned {
                return missing_node(target, "del of an argument");
            }
            let old = self.op(Op::Take(id));
            self.b.effect(Op::XDecRef(old));
            return Ok(());
        }
        if entry.flag("is_pyclass_attr") {
            return self.delete_class_name(target, entry);
        }
        if let Some(class) = self
            .extension_namespace(entry)?
            .filter(|_| entry.flag("is_pyglobal"))
        {
            let name = self.name(entry.text("name").unwrap_or_default());
            self.rt_status(
                "__Pyx_DelItemOnTypeDict",
                "oo:i",
                &[class, name],
                Raises::Negative,
            )?;
            return Ok(());
        }
        if entry.flag("is_pyglobal") && entry.scope("scope").is_some_and(|s| s.is_a("ModuleScope"))
        {
            let module = self.module_object();
            let name = self.name(entry.text("name").unwrap_or_default());
            let null = self.null_object();
            self.rt_status(
                "PyObject_SetAttr",
                "ooo:i",
                &[module, name, null],
                Raises::Negative,
            )?;
            return Ok(());
        }
        missing_node(target, "del")
    }

    /// The address of a C variable, for `&` and for aggregates.
    pub(super) fn variable_address(&mut self, node: Node<'t>) -> Result<Value> {
        if node.kind() == "TempRefNode" {
            return self.temp_ref_address(node);
        }
        let Some(entry) = node.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        if self.reaches_through_scope(entry) {
            return self.shared_address(entry);
        }
        if let Some((address, _)) = self.remote.get(&entry.id()) {
            return Ok(*address);
        }
        if let Some(Variable::Local { id, .. }) = self.variables.get(&entry.id()).copied() {
            return Ok(self.op(Op::LocalAddr(id)));
        }
        if entry.flag("is_cglobal") {
            if let (Some("extern"), Some(name)) = (entry.text("visibility"), entry.text("cname")) {
                return Ok(self.shim_address(node.position(), name, "&"));
            }
            return self.global_address(node, entry);
        }
        missing_node(node, "address")
    }
}
