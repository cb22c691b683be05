"""Which of Cython's utility code the run-time library holds.

Some is named in ``runtime_utilities.toml``; of the rest there is a piece for each type, pair of types or
operator.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def contents() -> dict[str, Any]:
    """The lists in ``runtime_utilities.toml``."""
    with open(Path(__file__).parent / "runtime_utilities.toml", "rb") as file:
        return tomllib.load(file)


def _utilities() -> Iterator[Any]:
    """The utility code that names no type."""
    from Cython.Compiler.Code import UtilityCode

    for file, names in contents()["utilities"].items():
        for name in names:
            yield UtilityCode.load_cached(name, file)


def _of_builtins() -> Iterator[Any]:
    """What stands behind Python's builtin functions, methods and properties."""
    from Cython.Compiler import Builtin

    scopes = [Builtin.builtin_scope]
    scopes += [kind.scope for kind in Builtin.builtin_types.values() if kind.scope is not None]
    for scope in scopes:
        for entry in scope.entries.values():
            parts = getattr(entry.scope, "entries", {}).values() if entry.is_cproperty else ()
            for one in (entry, *entry.overloaded_alternatives, *parts):
                yield from filter(None, (one.utility_code, one.utility_code_definition))


def c_integers() -> list[Any]:
    """Every C integer type, and the typedefs of the C library that pxd files know."""
    from Cython.Compiler import PyrexTypes as P

    return [P.c_char_type, P.c_schar_type, P.c_uchar_type, P.c_short_type, P.c_ushort_type, P.c_int_type,
           P.c_uint_type, P.c_long_type, P.c_ulong_type, P.c_longlong_type, P.c_ulonglong_type,
           P.c_py_ssize_t_type, P.c_size_t_type, P.c_ptrdiff_t_type,
           P.c_py_hash_t_type, P.c_py_ucs4_type, P.c_bint_type, *_typedefs()]  # fmt: skip


@lru_cache(maxsize=1)
def _typedefs() -> list[Any]:
    from Cython.Compiler import PyrexTypes as P

    return [P.CTypedefType(name, getattr(P, f"c_{base}_type"), name, 1)
            for base, names in contents()["typedefs"].items() for name in names]  # fmt: skip


def complexes() -> list[Any]:
    from Cython.Compiler import PyrexTypes as P

    return [P.c_float_complex_type, P.c_double_complex_type, P.c_longdouble_complex_type]


#: Of Python's numbers: the operators, and the types, that Cython has a function of its own for.
OPERATORS = {"+": "Add", "-": "Subtract", "*": "Multiply", "^": "Xor", "&": "And", "|": "Or"}
NUMBERS = ("object", "int", "float")


def _of_types(scope: Any) -> Iterator[Any]:
    """Utility code with a C type in it; some of it goes to ``scope`` by itself."""
    from Cython.Compiler import PyrexTypes as P
    from Cython.Compiler.Code import TempitaUtilityCode, UtilityCode

    load, template = UtilityCode.load_cached, TempitaUtilityCode.load_cached
    for kind in c_integers():
        plain = getattr(kind, "resolve", lambda kind=kind: kind)()
        name, code = kind.specialization_name(), kind.empty_declaration_code()
        kind.create_to_py_utility_code(scope)
        kind.create_from_py_utility_code(scope)
        if kind is P.c_bint_type:
            continue
        yield template("CIntToPyUnicode", "TypeConversion.c",
                       {"TYPE": code, "TO_PY_FUNCTION": f"__Pyx_PyUnicode_From_{name}"})  # fmt: skip
        yield load("IntPow", "CMath.c").specialize(
            func_name="__Pyx_pow_" + code.replace(" ", "_"), type=code, signed=plain.signed and 1 or 0)
        yield load("DivInt", "CMath.c").specialize(kind)
        yield load("ModInt", "CMath.c").specialize(kind)
        for operation in ("lshift", "add", "sub", "mul"):
            for const_rhs in (False, True):
                kind.overflow_check_binop(operation, scope, const_rhs=const_rhs)
    for name, code, signed in (("int128_t", "__int128", 1), ("uint128_t", "unsigned __int128", 0)):
        yield load("IntPow", "CMath.c").specialize(func_name=f"__Pyx_pow_{name}", type=code, signed=signed)
    P.c_anon_enum_type.create_to_py_utility_code(scope)
    P.c_anon_enum_type.create_from_py_utility_code(scope)
    for kind in (P.c_float_type, P.c_double_type, P.c_longdouble_type):
        yield load("ModFloat", "CMath.c").specialize(kind, math_h_modifier=kind.math_h_modifier)
    for kind in complexes():
        kind.create_to_py_utility_code(scope)
        kind.create_from_py_utility_code(scope)


def _of_objects() -> Iterator[Any]:
    """Utility code with an operator, a method or Python types in it."""
    from Cython.Compiler import PyrexTypes as P
    from Cython.Compiler.Code import TempitaUtilityCode
    from Cython.Compiler.Options import buffer_max_dims

    load = TempitaUtilityCode.load_cached
    for order in ("ObjC", "CObj"):
        for op in ("Add", "Subtract", "Multiply", "And", "Or", "Xor", "Rshift", "Lshift", "Remainder",
                   "FloorDivide", "TrueDivide"):  # fmt: skip
            yield load("PyLongBinop", "Optimize.c", {"op": op, "order": order, "ret_type": P.py_object_type})
        for op in ("Add", "Subtract", "Remainder", "TrueDivide", "Divide"):
            yield load("PyFloatBinop", "Optimize.c", {"op": op, "order": order, "ret_type": P.py_object_type})
        for op, ret in itertools.product(("Eq", "Ne"), (P.py_object_type, P.c_bint_type)):
            for name in ("PyLongCompare", "PyFloatBinop"):
                yield load(name, "Optimize.c", {"op": op, "order": order, "ret_type": ret})
    for (op, name), one, two in itertools.product(OPERATORS.items(), *[NUMBERS] * 2):
        yield load("PyNumberBinop", "Optimize.c", {
            "op_name": f"PyNumber_{name}", "inplace_op_name": f"PyNumber_InPlace{name}",
            "c_op": op, "type1": one, "type2": two})  # fmt: skip
    comparisons = {"==": "Eq", "!=": "Ne", "<": "Lt", "<=": "Le", ">=": "Ge", ">": "Gt"}
    types = ("object", "int", "float", "str", "bytes", "bytearray")
    for (op, name), one, two, as_object in itertools.product(comparisons.items(), types, types, (True, False)):
        yield load("PyObjectCompare", "Optimize.c",
                   {"type1": one, "type2": two, "c_op": op, "op": name, "return_obj": as_object})  # fmt: skip
    for access in ("Get", "Set"):
        yield load("SliceObject", "ObjectHandling.c", {"access": access})
    for tag in ("ExactDict", "ExactFrozenDict", "NotDict", ""):
        yield load("DoubleStarCapture", "MatchCase.c", {"tag": tag})
    for name in contents()["unicode_predicates"]:
        yield load("py_unicode_predicate", "StringTools.c", {"method_name": name})
    yield load("CallSlotAsVectorcall", "ExtensionTypes.c",
               {"ret_type": "PyObject *", "name": "tpnew", "obj_type": "PyTypeObject*", "error_value": "NULL"})
    yield load("CallSlotAsVectorcall", "ExtensionTypes.c",
               {"ret_type": "int", "name": "tpinit", "obj_type": "PyObject*", "error_value": "-1"})
    for name in ("BufferStructDeclare", "BufferGetAndValidate"):
        yield load(name, "Buffer.c", {"max_dims": buffer_max_dims})


def _of_views(scope: Any) -> None:
    """Conversions of typed memoryviews of numbers and objects with up to three dimensions."""
    from Cython.Compiler import PyrexTypes as P

    kinds = [P.py_object_type, P.c_float_type, P.c_double_type, P.c_longdouble_type, *complexes()]
    kinds += [kind for kind in c_integers() if kind not in (P.c_bint_type, P.c_py_ucs4_type)]
    strided, follow, contig = (("direct", packing) for packing in ("strided", "follow", "contig"))
    for kind, ndim in itertools.product(kinds, (1, 2, 3)):
        layouts = {(strided,) * ndim, (*[follow] * (ndim - 1), contig), (contig, *[follow] * (ndim - 1))}
        dtypes = [kind] if kind is P.py_object_type else [kind, P.c_const_type(kind)]
        for dtype, axes in itertools.product(dtypes, sorted(layouts)):
            view = P.MemoryViewSliceType(dtype, list(axes))
            view.create_from_py_utility_code(scope)
            view.create_to_py_utility_code(scope)


def _of_fused() -> Iterator[Any]:
    """The search for the specialisation that arguments ask for."""
    from Cython.Compiler.UtilityCode import CythonUtilityCode

    for name in ("match_signatures_single", "match_signatures"):
        yield CythonUtilityCode.load(name, "FusedFunction.pyx")


def add_all(module_node: Any) -> Any:
    """A stage of Cython's pipeline."""
    scope = module_node.scope
    for one in itertools.chain(_utilities(), _of_types(scope), _of_objects(), _of_builtins(), _of_fused()):
        scope.use_utility_code(one)
    _of_views(scope)
    return module_node
