//! What extension types have in C: fields, C methods, type tests, and the namespace of their bodies.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::{missing, missing_node};
use super::memview::is_slice;
use super::types;
use crate::mir::{Comparison, FuncId, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// A field of an extension type, or the address of a C method.
    pub(super) fn lower_field(&mut self, node: Node<'t>) -> Result<Value> {
        let entry = node.entry("entry");
        if entry.is_some_and(|entry| entry.flag("is_cmethod")) {
            let unused = node
                .attr("result_is_used")
                .is_some_and(|used| !used.truth());
            if unused && node.child("obj")?.expr_type()?.flag("is_builtin_type") {
                return self.unused_method(node);
            }
            let mut held = Vec::new();
            let (function, pointer) = self.method_to_call(node, node, &mut held)?;
            let address = match (function, pointer) {
                (Some(function), _) => self.function_address(function),
                (None, Some(pointer)) => pointer,
                (None, None) => return missing_node(node, "of a C method"),
            };
            held.into_iter().rev().for_each(|value| self.release(value));
            return Ok(address);
        }
        let (address, ty, object) = self.field_address(node)?;
        if let Type::Array(..) = ty {
            if self.temps.contains(&object) {
                return missing_node(node, "array of a temporary object");
            }
            return Ok(address);
        }
        let value = self.op(Op::Load(ty.clone(), address));
        let wanted = self.type_of(node)?;
        if wanted != ty && ty != Type::Object && wanted != Type::Object {
            // An external type, whose field has another width than declared.
            let value = self.convert_number(value, node.expr_type()?, node.expr_type()?)?;
            self.release(object);
            return match *self.b.ty(value) == wanted {
                true => Ok(value),
                false => missing_node(node, "of another type in C"),
            };
        }
        if ty == Type::Object && self.gil {
            // What runs later may assign to it.
            let value = self.owned(value);
            self.release(object);
            return Ok(value);
        }
        self.release(object);
        Ok(value)
    }

    /// A field's address, its type, and the object that it is in, which the caller releases.
    pub(super) fn field_address(&mut self, node: Node<'t>) -> Result<(Value, Type, Value)> {
        let object = node.child("obj")?;
        let ty = object.expr_type()?;
        let Some(entry) = node.entry("entry") else {
            return missing_node(node, "without an entry");
        };
        if !ty.flag("is_extension_type") || ty.flag("is_builtin_type") || entry.flag("is_cproperty")
        {
            return missing_node(node, "of a C value");
        }
        let field = self.m.field(ty, entry)?;
        let object = self.object_with_fields(object)?;
        let at = self.int(i128::from(field.at), 64);
        let address = self.op(Op::Index(object, Type::Int(8), at));
        Ok((address, field.ty, object))
    }

    /// An object of which only a field is looked at: one that is a field itself is borrowed, and so is
    /// what a pointer points to, as in C.
    fn object_with_fields(&mut self, node: Node<'t>) -> Result<Value> {
        if node.kind() == "TypecastNode"
            && let Some(operand) = node.node("operand")
            && types::resolve(operand.expr_type()?).flag("is_ptr")
        {
            let pointer = self.expr(operand)?;
            return self.convert_number(pointer, operand.expr_type()?, node.expr_type()?);
        }
        let nested = node.kind() == "AttributeNode"
            && !node.flag("is_py_attr")
            && node
                .entry("entry")
                .is_some_and(|entry| entry.flag("is_variable") && !entry.flag("is_cproperty"))
            && node.expr_type()?.flag("is_pyobject");
        if !nested {
            return self.expr(node);
        }
        let (address, ty, object) = self.field_address(node)?;
        let value = self.op(Op::Load(ty, address));
        if self.temps.contains(&object) {
            let value = self.owned(value);
            self.release(object);
            return Ok(value);
        }
        Ok(value)
    }

    /// Assigns to a field; takes the value over.
    pub(super) fn assign_field(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        if is_slice(target) {
            return self.assign_slice_attribute(target, value);
        }
        if let Some(entry) = target
            .entry("entry")
            .filter(|entry| entry.flag("is_cproperty"))
        {
            return self.assign_c_property(target, entry, value);
        }
        let (address, ty, object) = self.field_address(target)?;
        let from = self.assigned.unwrap_or(target.expr_type()?);
        let value = self.fit_type(value, from, &ty);
        if let Type::Array(..) = ty {
            if self.type_of(target)? != ty {
                return missing_node(target, "as a target that C has as an array");
            }
            self.copy_memory(address, value, &ty)?;
            self.release(object);
            return Ok(());
        }
        if *self.b.ty(value) != ty {
            return missing_node(target, "as a target of another type");
        }
        self.store(address, value);
        self.release(object);
        Ok(())
    }

    /// The C method to call: the function itself where it is final, or its address from the method
    /// table.  Evaluates the object that the call is on.
    pub(super) fn method_to_call(
        &mut self,
        call: Node<'t>,
        function: Node<'t>,
        held: &mut Vec<Value>,
    ) -> Result<(Option<FuncId>, Option<Value>)> {
        if let Some(own) = call.node("self") {
            let value = self.expr(own)?;
            self.results.insert(own.id(), value);
            held.push(value);
        }
        let object = function.child("obj")?;
        let ty = object.expr_type()?;
        let Some(entry) = function.entry("entry") else {
            return missing_node(function, "without an entry");
        };
        if ty.flag("is_builtin_type")
            || !ty.flag("is_extension_type")
            || entry.flag("is_builtin_cmethod")
        {
            return missing_node(function, "C method of a builtin type");
        }
        let value = self.expr(object)?;
        held.push(value);
        if let Some(name) = entry.text("final_func_cname") {
            return match self.m.functions_by_name.get(name).copied() {
                Some(found) => Ok((Some(found), None)),
                None => missing_node(function, &format!("final C method '{name}'")),
            };
        }
        let index = self.m.method_index(ty, entry)?;
        let layout = self.m.layout(ty, entry.position())?;
        let Some(at) = layout.vtable_at else {
            return missing_node(function, "without a method table");
        };
        let at = self.int(i128::from(at), 64);
        let place = self.op(Op::Index(value, Type::Int(8), at));
        let table = self.op(Op::Load(Type::Ptr, place));
        Ok((None, Some(self.table_item(table, index))))
    }

    /// Whether the object of a C method is of a class that only this module calls methods of.
    pub(super) fn is_own_method(&self, function: Node<'t>) -> Result<bool> {
        let ty = function.child("obj")?.expr_type()?;
        Ok(self.m.classes.contains_key(&ty.id()) && !self.m.shares_methods(ty))
    }

    fn table_item(&mut self, table: Value, index: usize) -> Value {
        let index = self.int(index as i128, 64);
        let place = self.op(Op::Index(table, Type::Ptr, index));
        self.op(Op::Load(Type::Ptr, place))
    }

    /// The C function of the module that an entry names.
    pub(super) fn own_function(&self, entry: Entry<'t>) -> Option<FuncId> {
        if let Some(found) = self.m.functions.get(&entry.id()) {
            return Some(*found);
        }
        if !entry.flag("is_cfunction") || self.is_method_pointer(entry) {
            return None;
        }
        let names = [entry.text("func_cname"), entry.text("cname")];
        names
            .into_iter()
            .flatten()
            .find_map(|name| self.m.functions_by_name.get(name).copied())
    }

    /// Whether an entry names a C method of a class through the class's method table.
    pub(super) fn is_method_pointer(&self, entry: Entry<'t>) -> bool {
        entry
            .text("cname")
            .is_some_and(|cname| cname.contains("->"))
    }

    /// A C function by its name, or by its place in the method table of a class.
    pub(super) fn named_function(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let names = [entry.text("func_cname"), entry.text("cname")];
        if let Some((table, method)) = names[1].and_then(|cname| cname.split_once("->")) {
            let known = self.m.type_places.keys().map(|id| self.m.tree.ty(*id));
            let class = known
                .into_iter()
                .find(|ty| ty.text("vtabptr_cname") == Some(table));
            let Some(ty) = class else {
                return missing_node(node, &format!("C method of '{table}'"));
            };
            let mut owner = ty;
            let mut name = method;
            while let Some(rest) = name.strip_prefix("__pyx_base.") {
                name = rest;
                owner = match owner.ty("base_type") {
                    Some(base) => base,
                    None => return missing_node(node, "inherited without a base"),
                };
            }
            let layout = self.m.layout(owner, None)?;
            let Some(index) = layout.method_place(name) else {
                return missing_node(node, &format!("C method '{name}'"));
            };
            let place = self.m.vtable_place(ty)?;
            let place = self.op(Op::GlobalAddr(place));
            let table = self.op(Op::Load(Type::Ptr, place));
            return Ok(self.table_item(table, index));
        }
        for name in names.into_iter().flatten() {
            if let Some(found) = self.m.functions_by_name.get(name).copied() {
                if let Some(ty) = entry.ty("type").filter(|ty| ty.flag("is_cfunction"))
                    && !self.m.fits_c_but_slices(ty)?
                {
                    return missing_node(node, "address of a function with such structs");
                }
                return Ok(self.function_address(found));
            }
        }
        match entry.text("cname") {
            Some(name) if super::struct_types::external(entry) => {
                self.extern_function_address(node, name)
            }
            _ => missing_node(
                node,
                &format!(
                    "C function '{}'",
                    entry.text("qualified_name").unwrap_or_default()
                ),
            ),
        }
    }

    /// The type that an entry stands for, where it is an extension type.
    pub(super) fn type_of_entry(&self, entry: Entry<'t>) -> Option<TreeType<'t>> {
        if entry.flag("is_type") {
            return entry.ty("type").filter(|ty| ty.flag("is_extension_type"));
        }
        let cname = entry.text("cname")?;
        let of = |id| self.m.tree.ty(id);
        let mut known = self.m.type_places.keys().copied().map(of);
        known.find(|ty| ty.flag("is_extension_type") && ty.text("typeptr_cname") == Some(cname))
    }

    /// The type in whose body a name is, where it is an extension type; borrowed.
    pub(super) fn extension_namespace(&mut self, entry: Entry<'t>) -> Result<Option<Value>> {
        let Some(scope) = entry
            .scope("scope")
            .filter(|scope| scope.is_a("CClassScope"))
        else {
            return Ok(None);
        };
        match scope.ty("parent_type") {
            Some(ty) => Ok(Some(self.type_object(ty)?)),
            None => missing("class body without a type", entry.position()),
        }
    }

    /// None or an instance of an extension type, else TypeError.
    pub(super) fn extension_type_test(
        &mut self,
        value: Value,
        ty: TreeType<'t>,
        allow_none: bool,
    ) -> Result<Value> {
        let class = self.type_object(ty)?;
        let done = self.b.block();
        if allow_none {
            let none = self.none();
            let is_none = self.op(Op::Compare(Comparison::Eq, value, none));
            let more = self.b.block();
            self.b.branch(is_none, done, more);
            self.b.switch_to(more);
        }
        let status = self.rt_value("__Pyx_TypeTest", "oo:i", &[value, class])?;
        self.checked(status, Raises::Zero)?;
        self.b.jump(done);
        self.b.switch_to(done);
        Ok(value)
    }

    /// `cdef class`: its body; the type is made already, but for one with several bases.
    pub(super) fn lower_extension_class(&mut self, node: Node<'t>) -> Result<()> {
        let ty = node.entry("entry").and_then(|entry| entry.ty("type"));
        if let Some(class) = ty.and_then(|ty| self.m.classes.get(&ty.id())).cloned()
            && !class.early
        {
            let args = match node.node("type_init_args") {
                Some(args) => Some(self.expr(args)?),
                None => None,
            };
            self.at(node);
            self.make_class(&class, args)?;
            if let Some(args) = args {
                self.release(args);
            }
        }
        if let Some(scope) = node.scope("scope") {
            self.directives.push(scope.map("directives"));
        }
        let done = match node.node("body") {
            Some(body) => self.stat(body),
            None => Ok(()),
        };
        if node.scope("scope").is_some() {
            self.directives.pop();
        }
        done
    }

    /// What `cdef extern from` declares is in the scopes; properties of its types may have functions.
    pub(super) fn lower_extern_block(&mut self, node: Node<'t>) -> Result<()> {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match node.kind() {
                "CFuncDefNode" => self.stat(node)?,
                "CDefExternNode" | "CClassDefNode" | "CPropertyNode" | "CompilerDirectivesNode" => {
                    open.extend(node.node("body"));
                }
                "StatListNode" => open.extend(node.nodes("stats").into_iter().rev()),
                _ => {}
            }
        }
        Ok(())
    }

    /// `<void *> self.field`: the object's address, which may be null after `tp_clear`.
    pub(super) fn field_as_pointer(
        &mut self,
        cast: Node<'t>,
        operand: Node<'t>,
    ) -> Result<Option<Value>> {
        let variable = operand
            .entry("entry")
            .is_some_and(|entry| entry.flag("is_variable") && !entry.flag("is_cproperty"));
        let plain = operand.kind() == "AttributeNode" && !operand.flag("is_py_attr") && variable;
        let of_name = |obj: Node<'t>| {
            let ty = obj.ty("type");
            obj.kind() == "NameNode" && ty.is_some_and(|ty| ty.flag("is_extension_type"))
        };
        if !plain
            || !operand.node("obj").is_some_and(of_name)
            || !operand.expr_type()?.flag("is_pyobject")
            || self.c_type(cast.expr_type()?)? != Type::Ptr
        {
            return Ok(None);
        }
        let (address, ty, object) = self.field_address(operand)?;
        let value = self.op(Op::Load(ty, address));
        let value = self.op(Op::Cast(crate::mir::CastOp::Pointer, value, Type::Ptr));
        self.release(object);
        Ok(Some(value))
    }
}
