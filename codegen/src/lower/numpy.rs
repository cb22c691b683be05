//! `cimport numpy`: NumPy's C API is made ready where the module does not do so itself.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use crate::mir::{Callee, Comparison, Op, Signature, Type};

/// What Cython raises where that fails.
const FAILED: &str = "numpy.core.multiarray failed to import (auto-generated because you didn't call \
    'numpy.import_array()' after cimporting numpy; use '<void>numpy._import_array' to disable if you \
    are certain you don't need it).";

/// Guarded as Cython guards it: another package's `numpy.pxd` need not be NumPy's.
const CALL: &str = "int @(void) {
#if defined(NPY_FEATURE_VERSION) && !defined(NO_IMPORT_ARRAY)
    return _import_array();
#else
    return 0;
#endif
}";

impl<'t> Body<'_, 't> {
    /// `CImportStatNode` and `FromCImportStatNode` of numpy.
    pub(super) fn import_numpy(&mut self, node: Node<'t>) -> Result<()> {
        let used = self.m.tree.entries().any(|entry| {
            matches!(entry.text("name"), Some("import_array" | "_import_array"))
                && entry.flag("used")
                && matches!(
                    entry.text("qualified_name"),
                    Some("numpy.import_array" | "numpy._import_array")
                )
        });
        if used || self.m.numpy_ready {
            return Ok(());
        }
        self.m.numpy_ready = true;
        self.at(node);
        let symbol = self.m.shims.function(self.m.tree, CALL, node.position());
        let signature = Signature::new([], Type::I32);
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        let status = self.op(Op::Call(callee, Vec::new()));
        let bad = self.int(-1, 32);
        let failed = self.op(Op::Compare(Comparison::Eq, status, bad));
        self.if_unlikely(failed, |body| {
            body.raise_builtin("PyExc_ImportError", FAILED)
        })
    }
}
