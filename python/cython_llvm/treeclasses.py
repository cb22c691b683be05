"""What of Cython's classes is exported, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .treescalars import scalar

# Left out: bookkeeping of the frontend's passes, what only its analysis needs, caches, and what
# follows from other attributes.  docs/tree-schema.md says of each that matters what stands for it.
LEFT_OUT_OF_CLASSES = frozenset({"counter"})
LEFT_OUT_OF_NODES = frozenset({
    "analysed", "annotation", "bytes_value", "cf_state", "cf_used", "cython_attribute",
    "cython_module_names", "decorators", "directive_comments", "directive_locals", "directive_returns",
    "env", "first", "fragment_scope", "has_explicit_exc_clause", "in_pxd", "inferred_type",
    "is_basic_c_type", "is_c_literal", "is_called", "is_cython_module", "is_numpy_call_with_exprs",
    "is_pxd", "is_used_as_rvalue", "np_args_idx", "original_args", "parallel_directives", "pos",
    "compilation_source", "type_according_to_pxd", "type_entry", "used",
})  # fmt: skip
LEFT_OUT_OF_TYPES = frozenset({
    "_assign_from_py_code", "_convert_from_py_code", "_convert_to_py_code", "_empty_declaration",
    "_needs_cpp_construction", "_special_assignable_reference_type", "_specialization_name",
    "cached_specialized_types", "dataclass_fields", "defered_declarations", "declaration_value",
    "from_py_utility_code", "is_strict_signature", "pos",
    "specialization_string", "specializations", "to_py_utility_code", "to_pyunicode_utility",
})  # fmt: skip
LEFT_OUT_OF_ENTRIES = frozenset({
    "annotation", "cf_assignments", "cf_references", "directive_locals", "error_on_uninitialized",
    "inner_entries", "known_standard_library_import", "might_overflow", "pos", "pytyping_modifiers",
    "specialiser",
})  # fmt: skip
LEFT_OUT_OF_SCOPES = frozenset({
    "_cached_defaults_c_class_entries", "_cached_tuple_types", "_context", "_in_with_gil_block",
    "cached_builtins", "closure_cname", "cname_to_entry", "defined_c_classes", "genexp_prefix",
    "has_extern_class", "id_counters", "identifier_to_entry", "imported_c_classes", "included_files",
    "module_entries", "node_positions_to_offset", "num_to_entry", "obj_to_entry", "pxd_file_loaded",
    "sue_entries", "type_names", "types_imported", "undeclared_cached_builtins", "utility_code_list",
})  # fmt: skip
LEFT_OUT_OF_HELPERS = frozenset({"_cfuncdef_node", "order", "pos"})

# Their classes say nothing of these; left out where they are false, 0 or empty.
FALSE_UNLESS_GIVEN = frozenset({
    "accept_builtin_subtypes", "calling_convention", "create_wrapper", "has_varargs", "init", "is_overridable",
    "is_static_method", "is_terminator", "needs_conversion", "needs_type_test", "nogil", "not_none",
    "num_kwonly_args", "num_posonly_args", "num_required_args", "num_required_kw_args",
    "optional_arg_count", "or_none", "with_gil",
})  # fmt: skip

# Of another module's scope, and of the scope of a class that another module defines, only this.
FOREIGN_MODULE = frozenset({
    "name", "qualified_name", "is_package", "module_name", "scope_prefix", "cpp", "cimported_modules",
    "c_class_entries", "cfunc_entries", "var_entries",
})  # fmt: skip
FOREIGN_CLASS = frozenset({
    "name", "qualified_name", "class_name", "scope_prefix", "parent_type", "outer_scope",
    "parent_scope", "var_entries", "inherited_var_entries", "cfunc_entries", "is_internal",
    "is_closure_class_scope", "has_pyobject_attrs", "has_cyclic_pyobject_attrs",
})  # fmt: skip
FOREIGN_BUILTIN = frozenset({"name", "qualified_name", "class_name", "parent_type"})
ENTRY_LISTS = ("c_class_entries", "cfunc_entries", "var_entries")

# Attributes that a class computes where another stores them.
COMPUTED = ("code_object", "is_fused", "is_temp", "node_positions", "to_py_function", "type",
             "typeptr_cname")  # fmt: skip

SCALARS = (bool, int, float, str, bytes, complex, type(None))
DEEPEST = 32  # containers within containers: JSON readers give up at 128 brackets

LEFT_OUT: Any = object()

Encoder = Callable[[Any], str | None]
Extra = Callable[[Any, "list[str]"], None]


class Plan:
    """How instances of one class are exported."""

    __slots__ = ("head", "defaults", "computed", "positioned", "special", "compact", "restricted",
                 "extra")  # fmt: skip

    def __init__(self) -> None:
        self.head = ""
        self.defaults: dict[str, Any] = {}  # or LEFT_OUT
        self.computed: tuple[str, ...] = ()
        self.positioned = False
        self.compact = False  # empty containers are left out
        self.restricted = False  # scopes of other modules are not exported whole
        self.special: dict[str, Callable[[Any, Any], str | None]] = {}
        self.extra: Extra | None = None


class Class:
    """What one of Cython's classes says of its instances; the same for every module."""

    __slots__ = ("head", "texts", "text", "objects", "defaults", "plan_defaults", "computed")

    def __init__(self, cls: type, families: tuple[type, ...]) -> None:
        mro = ",".join(f'"{base.__name__}"' for base in cls.__mro__[:-1])
        self.head = f'{{"mro":[{mro}],"own":{{'
        self.texts: dict[str, str] = {}
        self.text = ""
        self.objects: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        self.plan_defaults: dict[str, Any] | None = None  # with what is left out
        properties: dict[str, bool] = {}
        for base in reversed(cls.__mro__[:-1]):
            own = vars(base)
            for name, value in own.items():
                if name.startswith("__"):
                    continue
                properties[name] = isinstance(value, property)
                if isinstance(value, SCALARS) or isinstance(value, families):
                    self.defaults[name] = value
                elif name in self.defaults:
                    del self.defaults[name]
                    if base is cls:  # hides what a base says
                        self.texts[name] = f'"{name}":{{"o":"{type(value).__name__}"}}'
        for name, value in sorted(vars(cls).items()):
            if name.startswith("__") or name in LEFT_OUT_OF_CLASSES:
                continue
            if isinstance(value, SCALARS):
                self.texts[name] = f'"{name}":{scalar(value)}'
            elif isinstance(value, families):
                self.objects[name] = value
        self.texts = dict(sorted(self.texts.items()))
        self.computed = tuple(name for name in COMPUTED if properties.get(name))


class_cache: dict[type, Class] = {}
