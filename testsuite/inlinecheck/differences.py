# ruff: noqa: E501
"""Where ours is meant to do other than stock: case -> (why, what ours does)."""

from __future__ import annotations

_LOOKED_UP = "stock fails to look a type up where its module is Python"
_CIMPORT = "stock lets no cimport pass that its reader of fragments meets"
_NONE = "stock calls its own function for get_type=None with an argument too many"

DIFFERENT: dict[str, tuple[str, dict[str, str]]] = {
    "type_fraction": (_LOOKED_UP, {"result": "tuple ('Python object', 'Fraction', Fraction(1, 3))"}),
    "type_decimal": (_LOOKED_UP, {"result": "tuple ('Python object', 'Decimal', Decimal('1.10'))"}),
    "type_date": (_LOOKED_UP, {"result": "tuple ('Python object', 'date', datetime.date(2020, 1, 2))"}),
    "type_object": (_LOOKED_UP, {"result": "tuple ('Python object', 'Plain', <Plain>)"}),
    "type_subclass_of_int": (_LOOKED_UP, {"result": "tuple ('Python object', 'SubInt', 4)"}),
    "type_subclass_of_str": (_LOOKED_UP, {"result": "tuple ('Python object', 'SubStr', 's')"}),
    "type_namespace": (_LOOKED_UP, {"result": "tuple ('Python object', 'SimpleNamespace', namespace(a=1))"}),
    "type_float64": (_LOOKED_UP, {"result": "tuple ('Python object', 'float64', np.float64(1.5))"}),
    "type_float32": (_LOOKED_UP, {"result": "tuple ('Python object', 'float32', np.float32(1.5))"}),
    "type_int32": (_LOOKED_UP, {"result": "tuple ('Python object', 'int32', np.int32(7))"}),
    "as_objects": (_NONE, {"result": "int 9223372036854775808"}),
    "argument_object_assigned_other_type": (_LOOKED_UP, {"result": "str 'x'"}),
    "self_as_name": (_LOOKED_UP, {"result": "int 5"}),
    "attribute_error": (_LOOKED_UP, {"error": "AttributeError: 'Plain' object has no attribute 'nothing'"}),
    "cimport_libc": (_CIMPORT, {"result": "tuple (2.5, 6.0)"}),
    "cimport_module": (_CIMPORT, {"result": "float 2.0"}),
    "cimport_as": (_CIMPORT, {"result": "float 9.0"}),
    "cimport_star": (_CIMPORT, {"result": "float 2.0"}),
    "cimport_unknown": (_CIMPORT, {"error": "CompileError", "err": "Error compiling Cython file:\n------------------------------------------------------------\n...\n\ncimport there_is_no_such_pxd\n        ^\n------------------------------------------------------------\n<inline>.pyx:2:8: 'there_is_no_such_pxd.pxd' not found"}),
    "cimport_unknown_name": (_CIMPORT, {"error": "CompileError", "err": "Error compiling Cython file:\n------------------------------------------------------------\n...\n\nfrom libc.math cimport no_such_function\n^\n------------------------------------------------------------\n<inline>.pyx:2:0: 'libc/math/no_such_function.pxd' not found"}),
    "cimport_numpy": (_CIMPORT, {"result": "int 2"}),
    "cimport_cpython": (_CIMPORT, {"result": "int 2"}),
    "cimport_malloc": (_CIMPORT, {"result": "list [0, 2, 4, 6]"}),
    "memoryview_array": (_CIMPORT, {"result": "int 4"}),
}
