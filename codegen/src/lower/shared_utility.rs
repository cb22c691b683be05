//! The module that the user has for helpers of Cython's (`cython --shared`): what C takes from it.

use frontend_bridge::tree::Tree;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::memoryview_module;
use crate::mir::{Op, Type};

/// The package's own module of that kind: by the tree route that is the run-time library's.
const OWN: &str = "cython_llvm._cyutility";

/// The module that the user has named.
pub(super) fn named_by_user(tree: &Tree) -> Option<&str> {
    memoryview_module(tree).filter(|name| *name != OWN)
}

impl Body<'_, '_> {
    /// Imports the module, and from it the helpers that C would call. Ours are in the run-time library:
    /// what counts is whether they are there.
    pub(super) fn fetch_shared_functions(&mut self) -> Result<()> {
        let tree = self.m.tree;
        let Some(module) = named_by_user(tree) else {
            return Ok(());
        };
        let functions = tree.shared_functions();
        if functions.is_empty() {
            return Ok(());
        }
        let line = self.b.line;
        if let Some(position) = tree.root().position() {
            self.b.line = position.line;
        }
        let module = self.text(module);
        let from = self.rt_object("PyImport_ImportModule", "p:O", &[module])?;
        let place = self.b.local("function", Type::Ptr);
        for (signature, name) in functions {
            // A place that is not null would pass for a function that has been imported.
            let null = self.null();
            self.b.effect(Op::Set(place, null));
            let place = self.op(Op::LocalAddr(place));
            let args = [from, self.text(name), place, self.text(signature)];
            self.rt_status("cyl_import_function", "oppp:i", &args, NEGATIVE)?;
        }
        self.release(from);
        self.b.line = line;
        Ok(())
    }

    /// Imports the types and layouts of memoryviews that the library uses.
    pub(super) fn fetch_shared_types(&mut self) -> Result<()> {
        if named_by_user(self.m.tree).is_some() {
            self.rt_status("cyl_shared_types", ":i", &[], NEGATIVE)?;
        }
        Ok(())
    }
}
