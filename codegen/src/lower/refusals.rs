//! What is refused before anything is lowered: directives that have no meaning here yet, and what
//! Cython's code generator, which does not run here, would report as an error.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Missing;
use super::context::Context;
use super::parallel_loops::privates;

/// Directives that change what is generated and that lowering knows nothing of, where they are not
/// what they usually are.
const DIRECTIVES: [&str; 7] = [
    "c_compile_guard",
    "callspec",
    "np_pythran",
    "old_style_globals",
    "set_initial_path",
    "subinterpreters_compatible",
    "unraisable_tracebacks",
];

/// Conditions of `c_compile_guard` that CPython's C preprocessor finds true.
const TRUE_GUARDS: [&str; 4] = [
    "!CYTHON_COMPILING_IN_LIMITED_API",
    "!CYTHON_COMPILING_IN_PYPY",
    "CYTHON_COMPILING_IN_CPYTHON",
    OWN_RERAISE,
];

/// True of CPython before 3.12, for parts of Cython's own `except*`.
const OWN_RERAISE: &str = "CYTHON_USE_OWN_PREP_RERAISE_STAR";

/// Slots of Python 2 that Cython's C refuses by an `#error`.
const OLD_SLICES: [&str; 3] = ["__delslice__", "__getslice__", "__setslice__"];

/// Whether a loop has a Python object as a reduction.
fn reduces_objects(node: Node<'_>) -> bool {
    let object = |id| {
        let ty = node.tree().entry(id).ty("type");
        ty.is_some_and(|ty| ty.flag("is_pyobject"))
    };
    privates(node)
        .into_iter()
        .any(|(entry, operator)| operator.is_some() && object(entry))
}

impl Context<'_> {
    /// Notes what is refused of the whole module.
    pub fn refuse(&mut self) {
        self.refuse_directives();
        let nodes: Vec<_> = self.tree.nodes().collect();
        for node in nodes {
            if node.kind() == "SingleAssignmentNode" && late_literal(node) {
                self.note_refused("ListNode: assigned to a pointer", node);
            }
            if node.kind() == "ParallelRangeNode" && reduces_objects(node) {
                self.note_refused("ParallelRangeNode: a reduction of objects", node);
            }
        }
        let slots = self
            .tree
            .scopes()
            .filter(|scope| scope.flag("is_c_class_scope"));
        let slots = slots.flat_map(|scope| scope.entries("pyfunc_entries"));
        let old = |name: &str| OLD_SLICES.contains(&name);
        let found = slots.filter(|entry| entry.text("name").is_some_and(old));
        let found: Vec<_> = found.map(|entry| entry.position()).collect();
        for position in found {
            self.missing
                .push(Missing::new("DefNode: a slot of Python 2", position));
        }
    }

    fn refuse_directives(&mut self) {
        let mut found = Vec::new();
        for name in DIRECTIVES {
            let usual = self.tree.directive_default(name);
            let given = self.tree.root().directive(name);
            if given.is_some() && given != usual {
                found.push((name, self.tree.root().position()));
            }
        }
        for scope in self.tree.scopes() {
            for (key, value) in scope.map("directives") {
                let Attr::Str(key) = key else { continue };
                let Some(name) = DIRECTIVES.iter().find(|name| *name == key) else {
                    continue;
                };
                let holds = *name == "c_compile_guard"
                    && matches!(value, Attr::Str(text) if TRUE_GUARDS.contains(&text.as_str())
                        && (text != OWN_RERAISE || self.reraise_is_own()));
                if !holds
                    && Some(value) != self.tree.directive_default(name)
                    && !found.iter().any(|(known, _)| known == name)
                {
                    found.push((*name, None));
                }
            }
        }
        for (name, position) in found {
            self.missing
                .push(Missing::new(format!("directive {name}"), position));
        }
    }

    fn note_refused(&mut self, construct: &str, node: Node<'_>) {
        self.missing.push(Missing::new(construct, node.position()));
    }
}

/// A list for a pointer anywhere but where the pointer is declared.
fn late_literal(node: Node<'_>) -> bool {
    let (Some(target), Some(value)) = (node.node("lhs"), node.node("rhs")) else {
        return false;
    };
    target.kind() == "NameNode"
        && matches!(value.kind(), "CArrayNode" | "ListNode")
        && target.ty("type").is_some_and(|ty| ty.flag("is_ptr"))
        && !target.flag("lhs_of_first_assignment")
        && !value.flag("in_module_scope")
}
