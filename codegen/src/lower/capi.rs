//! C functions and variables that modules share by their .pxd files.
//!
//! The module that defines them puts their addresses into its `__pyx_capi__`, as capsules named by the
//! C declaration; a module that cimports them fetches the addresses from there when it starts.

use frontend_bridge::tree::{Entry, Node, Scope, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::{Context, missing};
use crate::mir::{Callee, GlobalId, Op, Raises, Type, Value};

/// The runtime's names of Cython's functions for this, which have Cython's version in theirs.
const IMPORT_FUNCTION: &str = "cyl_import_function";
const IMPORT_VARIABLE: &str = "cyl_import_variable";

impl<'t> Context<'t> {
    /// The modules whose .pxd files this one uses, by way of others too, what they use before them:
    /// where modules cimport each other in a circle, this order decides which of them runs first.
    pub(super) fn cimported(&self) -> Vec<Scope<'t>> {
        let Some(own) = self.tree.root().scope("scope") else {
            return Vec::new();
        };
        let (mut seen, mut order) = (vec![own], Vec::new());
        self.add_cimported(own, &mut seen, &mut order);
        // Cython's own helpers: what uses them says what it needs.
        order.retain(|module| {
            let name = module.text("qualified_name");
            name.is_none() || name != super::context::memoryview_module(self.tree)
        });
        order
    }

    fn add_cimported(
        &self,
        scope: Scope<'t>,
        seen: &mut Vec<Scope<'t>>,
        order: &mut Vec<Scope<'t>>,
    ) {
        for module in scope.list("cimported_modules") {
            let Attr::Scope(module) = module else {
                continue;
            };
            let module = self.tree.scope(*module);
            if !seen.contains(&module) {
                seen.push(module);
                self.add_cimported(module, seen, order);
                order.push(module);
            }
        }
    }

    /// Makes the places for what is fetched from other modules.
    pub fn declare_cimports(&mut self) -> Result<()> {
        for module in self.cimported() {
            for entry in fetched(module) {
                let name = format!("{}.address", entry.text("cname").unwrap_or("imported"));
                let global = self.variable(&name, Type::Ptr);
                self.imported.insert(entry.id(), global);
            }
        }
        Ok(())
    }

    /// The place of the address of something that another module defines.
    pub fn imported_place(&self, entry: Entry<'t>) -> Option<GlobalId> {
        self.imported.get(&entry.id()).copied()
    }
}

impl<'t> Body<'_, 't> {
    /// Fetches what the module uses of others: variables of all of them first, then functions.
    pub(super) fn fetch_cimports(&mut self) -> Result<()> {
        let modules = self.m.cimported();
        for (list, function) in [
            ("var_entries", IMPORT_VARIABLE),
            ("cfunc_entries", IMPORT_FUNCTION),
        ] {
            for module in &modules {
                let wanted: Vec<_> = fetched(*module)
                    .into_iter()
                    .filter(|entry| entry.flag("is_cfunction") == (list == "cfunc_entries"))
                    .collect();
                if wanted.is_empty() {
                    continue;
                }
                let name = self.text(module.text("qualified_name").unwrap_or_default());
                let from = self.rt_object("PyImport_ImportModule", "p:O", &[name])?;
                let fused = wanted.iter().copied();
                let fused = fused.filter(|entry| entry.flag("is_fused_specialized"));
                for (signature, name, entry) in self.by_new_name(fused.collect())? {
                    if let Some(place) = self.m.imported_place(entry) {
                        let place = self.op(Op::GlobalAddr(place));
                        let args = [from, self.text(&name), place, self.text(&signature)];
                        self.rt_status("cyl_import_fused", "oppp:i", &args, NEGATIVE)?;
                    }
                }
                for (signature, name, entry) in self.sorted(wanted, false)? {
                    let Some(place) = self.m.imported_place(entry) else {
                        continue;
                    };
                    let (name, signature) = (self.text(&name), self.text(&signature));
                    let place = self.op(Op::GlobalAddr(place));
                    self.rt_status(
                        function,
                        "oppp:i",
                        &[from, name, place, signature],
                        NEGATIVE,
                    )?;
                }
                self.release(from);
            }
        }
        Ok(())
    }

    /// Puts what the module's .pxd file declares into `__pyx_capi__`.
    pub(super) fn export_declared(&mut self) -> Result<()> {
        let Some(scope) = self.m.tree.root().scope("scope") else {
            return Ok(());
        };
        for (list, function) in [
            ("var_entries", "__Pyx_ExportVoidPtr"),
            ("cfunc_entries", "__Pyx_ExportFunction"),
        ] {
            let wanted: Vec<_> = scope
                .entries(list)
                .into_iter()
                .filter(|entry| entry.flag("api") || entry.flag("defined_in_pxd"))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let (dict, module) = (self.module_dict(), self.module_object());
            let capi = self.rt_object("cyl_capi", "oo:O", &[dict, module])?;
            for (signature, name, entry) in self.sorted(wanted, true)? {
                let address = self.exported_address(entry)?;
                let (name, signature) = (self.text(&name), self.text(&signature));
                self.rt_status(
                    function,
                    "oppp:i",
                    &[capi, name, address, signature],
                    NEGATIVE,
                )?;
            }
            self.release(capi);
        }
        Ok(())
    }

    /// `cpdef` functions that are only declared, as `cdef extern from ...: cpdef double sqrt(double)`:
    /// the module gets Python functions around them.
    pub(super) fn wrap_declared(&mut self) -> Result<()> {
        let Some(scope) = self.m.tree.root().scope("scope") else {
            return Ok(());
        };
        let mut wanted = scope.entries("cfunc_entries");
        wanted.retain(|entry| entry.flag("create_wrapper"));
        wanted.sort_by_key(|entry| entry.text("name"));
        for entry in wanted {
            if let Err(error) = self.wrap_declared_function(entry) {
                self.m.note(error)?;
            }
        }
        Ok(())
    }

    fn wrap_declared_function(&mut self, entry: Entry<'t>) -> Result<()> {
        let maker = entry.ty("type").and_then(|ty| ty.text("to_py_function"));
        let maker = maker.and_then(|name| self.m.functions_by_name.get(name).copied());
        let (Some(maker), Some(cname)) = (maker, entry.text("cname")) else {
            return missing("Python wrapper of a declared C function", entry.position());
        };
        let root = self.m.tree.root();
        let unknown = self.m.symbols.resolve(cname).is_none();
        let address = match unknown && super::shim_calls::declared_in_c(entry) {
            true => self.shim_address(entry.position(), cname, ""),
            false => self.extern_function_address(root, cname)?,
        };
        let made = self
            .b
            .call(&self.m.mir, Callee::Function(maker), vec![address]);
        let Some(made) = made else {
            return self.defect("no object");
        };
        let made = self.checked(made, Raises::Null)?;
        let (module, name) = (
            self.module_object(),
            self.text(entry.text("name").unwrap_or_default()),
        );
        self.rt_status(
            "PyObject_SetAttrString",
            "opo:i",
            &[module, name, made],
            NEGATIVE,
        )?;
        self.release(made);
        Ok(())
    }

    /// Fused functions under their names of today.
    fn by_new_name(&self, entries: Vec<Entry<'t>>) -> Result<Vec<(String, String, Entry<'t>)>> {
        let mut rows = Vec::new();
        for entry in entries {
            let (Some(signature), Some(name)) = (entry.text("c_signature"), entry.text("name"))
            else {
                return missing("a shared C name without its declaration", entry.position());
            };
            rows.push((signature.to_owned(), name.to_owned(), entry));
        }
        rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Ok(rows)
    }

    /// By C declaration and name, as Cython orders them.
    fn sorted(
        &self,
        entries: Vec<Entry<'t>>,
        exported: bool,
    ) -> Result<Vec<(String, String, Entry<'t>)>> {
        let mut rows = Vec::new();
        for entry in entries {
            let (Some(signature), Some(name)) = (entry.text("c_signature"), entry.text("name"))
            else {
                return missing("a shared C name without its declaration", entry.position());
            };
            // Modules of earlier versions have only the first of a fused function's two names.
            let names = match entry.text("legacy_capi_name") {
                Some(legacy) if entry.flag("is_fused_specialized") && exported => {
                    vec![legacy, name]
                }
                Some(legacy) if entry.flag("is_fused_specialized") => vec![legacy],
                None if entry.flag("is_fused_specialized") => {
                    return missing("a shared fused function", entry.position());
                }
                _ => vec![name],
            };
            for name in names {
                rows.push((signature.to_owned(), name.to_owned(), entry));
            }
        }
        rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Ok(rows)
    }

    fn exported_address(&mut self, entry: Entry<'t>) -> Result<Value> {
        if entry.flag("is_cglobal") && !matches!(entry.text("visibility"), Some("extern")) {
            let global = self.m.global_of(entry)?;
            return Ok(self.op(Op::GlobalAddr(global)));
        }
        let Some(id) = self.m.functions.get(&entry.id()).copied() else {
            return missing("export of a function that is not lowered", entry.position());
        };
        let id = self.m.c_entry(id, entry)?;
        Ok(self.function_address(id))
    }

    /// The address of a variable or function of another module.
    pub(super) fn imported_address(&mut self, entry: Entry<'t>) -> Option<Value> {
        let place = self.m.imported_place(entry)?;
        let place = self.op(Op::GlobalAddr(place));
        Some(self.op(Op::Load(Type::Ptr, place)))
    }

    /// The address of a module-level C variable, this module's or another's.
    pub(super) fn global_address(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        if let Some(address) = self.imported_address(entry) {
            return Ok(address);
        }
        // Cython's own code in Cython has scopes of its own, and its variables in the module's.
        let own = self.m.tree.root().scope("scope");
        let ours = |scope: Scope<'t>| scope.entries("var_entries").contains(&entry);
        if entry.scope("scope") != own && !own.is_some_and(ours) {
            return super::context::missing_node(node, "variable of another module");
        }
        let global = self.m.global_of(entry)?;
        Ok(self.op(Op::GlobalAddr(global)))
    }
}

/// What a module that cimports this one fetches: all variables, and the functions that it uses.
fn fetched(module: Scope<'_>) -> Vec<Entry<'_>> {
    let mut found = module.entries("var_entries");
    found.retain(|entry| entry.flag("defined_in_pxd"));
    let mut functions = module.entries("cfunc_entries");
    functions.retain(|entry| entry.flag("defined_in_pxd") && entry.flag("used"));
    found.extend(functions);
    found
}
