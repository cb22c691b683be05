//! Python classes: `class` statements, their namespaces, names in their bodies, `super()`.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// `PyClassDefNode`: bases, keywords, metaclass, namespace, body, class, decorators, name.
    pub(super) fn lower_class(&mut self, node: Node<'t>) -> Result<()> {
        let Some(scope) = node.scope("scope") else {
            return missing_node(node, "without a scope");
        };
        let original = self.placed_child(node, "orig_bases")?;
        let bases = self.placed_child(node, "bases")?;
        let keywords = self.placed_child(node, "mkw")?;
        let metaclass = self.placed_child(node, "metaclass")?;
        let dict_node = node.child("dict")?;
        let space = self.expr(dict_node)?;
        let space = self.owned(space);
        self.results.insert(dict_node.id(), space);
        if let (Some(bases), Some(original)) = (bases, original) {
            self.at(node);
            let short = "ooo:i";
            self.rt_status(
                "cyl_class_original_bases",
                short,
                &[space, bases, original],
                NEGATIVE,
            )?;
            self.release(original);
        }
        let cell = match node
            .node("class_cell")
            .filter(|cell| cell.flag("is_active"))
        {
            Some(_) => {
                let zero = self.int(0, 64);
                Some(self.rt_object("PyList_New", "l:O", &[zero])?)
            }
            None => None,
        };
        let outer = self.namespaces.insert(scope.id(), space);
        self.class_cells.push(cell);
        let done = self.stat(node.child("body")?);
        self.class_cells.pop();
        done?;
        let class_node = node.child("classobj")?;
        let class = self.expr(class_node)?;
        self.results.insert(class_node.id(), class);
        let result = self.expr(node.child("class_result")?)?;
        if let Some(cell) = cell {
            self.at(node);
            self.rt_status(
                "__Pyx_CyFunction_InitClassCell",
                "oo:i",
                &[cell, class],
                NEGATIVE,
            )?;
            self.release(cell);
        }
        self.at(node);
        self.assign(node.child("target")?, result)?;
        match outer {
            Some(outer) => self.namespaces.insert(scope.id(), outer),
            None => self.namespaces.remove(&scope.id()),
        };
        self.release(class);
        self.release(space);
        for value in [metaclass, keywords, bases].into_iter().flatten() {
            self.release(value);
        }
        Ok(())
    }

    /// Evaluates a child that other nodes refer to; an owned value, as it stays alive for long.
    fn placed_child(&mut self, node: Node<'t>, name: &str) -> Result<Option<Value>> {
        let Some(child) = node.node(name) else {
            return Ok(None);
        };
        let value = self.expr(child)?;
        let value = self.owned(value);
        self.results.insert(child.id(), value);
        Ok(Some(value))
    }

    /// The value of a part of a class statement that was evaluated before, or null.
    fn class_part(&mut self, node: Node<'t>, name: &str) -> Result<Value> {
        let class = node.child("class_def_node")?;
        let Some(part) = class.node(name) else {
            return Ok(self.null_object());
        };
        match self.results.get(&part.id()).copied() {
            Some(value) => Ok(value),
            None => missing_node(node, "of a part made elsewhere"),
        }
    }

    /// `PyClassMetaclassNode`: from the keywords, or from the bases.
    pub(super) fn lower_metaclass(&mut self, node: Node<'t>) -> Result<Value> {
        let bases = self.class_part(node, "bases")?;
        if node.child("class_def_node")?.node("mkw").is_some() {
            let keywords = self.class_part(node, "mkw")?;
            return self.rt_object("__Pyx_Py3MetaclassGet", "oo:O", &[bases, keywords]);
        }
        let null = self.null_object();
        self.rt_object("__Pyx_CalculateMetaclass", "oo:O", &[null, bases])
    }

    /// `PyClassNamespaceNode`: what `__prepare__` gives, with the class's module, name and text.
    pub(super) fn lower_class_namespace(&mut self, node: Node<'t>) -> Result<Value> {
        let doc = self.class_doc(node)?;
        let metaclass = self.class_part(node, "metaclass")?;
        let bases = self.class_part(node, "bases")?;
        let keywords = self.class_part(node, "mkw")?;
        let name = self.name(node.text("name").unwrap_or_default());
        let qualname = self.name(node.text("qualname").unwrap_or_default());
        let module = self.name(node.text("module_name").unwrap_or_default());
        let args = [metaclass, bases, name, qualname, keywords, module, doc];
        let result = self.rt_object("__Pyx_Py3MetaclassPrepare", "ooooooo:O", &args)?;
        self.release_under(result, &[doc]);
        Ok(result)
    }

    fn class_doc(&mut self, node: Node<'t>) -> Result<Value> {
        match node.node("doc") {
            Some(doc) => self.expr(doc),
            None => Ok(self.null_object()),
        }
    }

    /// `Py3ClassNode`: calls the metaclass.
    pub(super) fn lower_class_object(&mut self, node: Node<'t>) -> Result<Value> {
        let class = node.child("class_def_node")?;
        let metaclass = match class.node("metaclass") {
            Some(_) => self.class_part(node, "metaclass")?,
            None => self.symbol_object("PyType_Type"),
        };
        let bases = self.class_part(node, "bases")?;
        let space = self.class_part(node, "dict")?;
        let keywords = self.class_part(node, "mkw")?;
        let name = self.name(node.text("name").unwrap_or_default());
        let calculate = self.int(i128::from(node.flag("calculate_metaclass")), 32);
        let old = self.int(i128::from(node.flag("allow_py2_metaclass")), 32);
        let args = [metaclass, name, bases, space, keywords, calculate, old];
        self.rt_object("__Pyx_Py3ClassCreate", "oooooii:O", &args)
    }

    /// `ClassNode`: a class of Python 2's syntax without bases.
    pub(super) fn lower_plain_class_object(&mut self, node: Node<'t>) -> Result<Value> {
        let doc = self.class_doc(node)?;
        let bases = self.class_part(node, "bases")?;
        let space = self.class_part(node, "dict")?;
        let name = self.name(node.text("name").unwrap_or_default());
        let qualname = self.name(node.text("qualname").unwrap_or_default());
        let module = self.name(node.text("module_name").unwrap_or_default());
        let args = [bases, space, name, qualname, module, doc];
        let result = self.rt_object("cyl_class_plain", "oooooo:O", &args)?;
        self.release_under(result, &[doc]);
        Ok(result)
    }

    /// `ClassCellNode`: the class of the method that runs.
    pub(super) fn lower_class_cell(&mut self, node: Node<'t>) -> Result<Value> {
        if node.flag("is_generator") {
            return self.generator_class(node);
        }
        let own = self.function_object(node)?;
        self.rt_object("cyl_method_class", "o:o", &[own])
    }

    /// The function object that runs: a `def` function's first parameter.
    pub(super) fn function_object(&mut self, node: Node<'t>) -> Result<Value> {
        if self.b.function.frame.is_some() {
            return missing_node(node, "in a generator");
        }
        let first = self
            .b
            .function
            .signature
            .params
            .first()
            .map(|param| param.ty.clone());
        if first != Some(Type::Object) {
            return missing_node(node, "outside of a def function");
        }
        Ok(self.op(crate::mir::Op::Param(0)))
    }

    /// Notes a method that uses `super()` or `__class__` for the class that will be made.
    pub(super) fn note_class_cell(&mut self, node: Node<'t>, function: Value) -> Result<()> {
        let Some(Some(cell)) = self.class_cells.last().copied() else {
            return missing_node(node, "with super() outside of a class body");
        };
        self.rt_status("PyList_Append", "oo:i", &[cell, function], NEGATIVE)?;
        Ok(())
    }

    // ---------------------------------------------------------------- names

    /// The namespace of the class whose body this is.
    fn namespace(&self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let found = entry
            .scope("scope")
            .and_then(|scope| self.namespaces.get(&scope.id()).copied());
        match found {
            Some(space) => Ok(space),
            None => missing_node(node, "of a class body elsewhere"),
        }
    }

    /// A name read in a class body.
    pub(super) fn read_class_name(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let text = entry.text("name").unwrap_or_default();
        if node.flag("cf_is_null") || entry.flag("is_builtin") {
            return self.read_module_name(text);
        }
        let space = self.namespace(node, entry)?;
        let name = self.name(text);
        let dict = self.module_dict();
        let (version, cached) = self.global_cache();
        self.rt_object(
            "cyl_class_body_name",
            "ooopp:O",
            &[space, dict, name, version, cached],
        )
    }

    /// Assigns to a name in a class body; takes the value over.
    pub(super) fn assign_class_name(
        &mut self,
        target: Node<'t>,
        entry: Entry<'t>,
        value: Value,
    ) -> Result<()> {
        let space = self.namespace(target, entry)?;
        let text = entry.text("name").unwrap_or_default();
        let name = self.name(text);
        let own = target.text("name").unwrap_or(text);
        let setter = if own == "__new__" {
            "__Pyx_SetNewInClass"
        } else {
            "__Pyx_SetNameInClass"
        };
        self.rt_status(setter, "ooo:i", &[space, name, value], Raises::Negative)?;
        self.release(value);
        Ok(())
    }

    /// `del name` in a class body.
    pub(super) fn delete_class_name(&mut self, target: Node<'t>, entry: Entry<'t>) -> Result<()> {
        let space = self.namespace(target, entry)?;
        let name = self.name(entry.text("name").unwrap_or_default());
        self.rt_status(
            "cyl_class_body_delete",
            "oo:i",
            &[space, name],
            Raises::Negative,
        )?;
        Ok(())
    }

    /// The places where one use of a global keeps what it found.
    fn global_cache(&mut self) -> (Value, Value) {
        use crate::mir::Op;
        let version = self.m.variable("global.version", Type::I64);
        let cached = self.m.variable("global.cached", Type::Ptr);
        (
            self.op(Op::GlobalAddr(version)),
            self.op(Op::GlobalAddr(cached)),
        )
    }

    /// A global of the module, or a built-in.
    pub(super) fn read_module_name(&mut self, text: &str) -> Result<Value> {
        let name = self.name(text);
        let dict = self.module_dict();
        let (version, cached) = self.global_cache();
        self.rt_object("cyl_get_global", "oopp:O", &[dict, name, version, cached])
    }
}
