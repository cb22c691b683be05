"""What lowering calls by name is in the run-time library, with the types that it is called with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cython_llvm import runtimelib

LOWERING = Path(__file__).parents[2] / "codegen" / "src" / "lower"

#: A call of a runtime function (lower/runtime.rs): its name and, where it is written there, its types.
CALL = re.compile(r'\brt_\w+\(\s*"(\w+)"\s*,\s*(?:"(\w*:\w)")?')
#: Names of helpers, also in tables and in arms of a match; not beginnings of names.
HELPER = re.compile(r'"((?:__Pyx_|cyl_)\w*[A-Za-z0-9])"')

#: Types, labels, and functions of Cython's C that lowering has its own code for.
NOT_CALLED = {
    "__Pyx_Globals", "__Pyx_MemoryView_Len", "__Pyx_PyByteArray_FromCString", "__Pyx_PyBytes_FromCString",
    "__Pyx_PyExec2", "__Pyx_PyExec3", "__Pyx_PyExecGlobals", "__Pyx_PyFrozenDict_TypePtr",
    "__Pyx_PyList_PopIndex", "__Pyx_PyObject_As", "__Pyx_PyObject_AsSString", "__Pyx_PyObject_AsUString",
    "__Pyx_PyObject_AsWritableSString", "__Pyx_PyObject_AsWritableUString", "__Pyx_PyObject_PopIndex",
    "__Pyx_PyUnicode_FromCString", "__Pyx_Py", "__Pyx_StructField", "__Pyx_TypeInfo", "__Pyx_c_conj",
    "__Pyx_long_cast", "__Pyx_memviewslice", "__Pyx_truncl", "cyl_class", "cyl_closure", "cyl_module_def",
    "cyl_parameters", "cyl_shared_utility", "cyl_slot",
}  # fmt: skip

LETTERS = {"o": "ptr", "O": "ptr", "p": "ptr", "b": "i32", "i": "i32", "l": "i64", "d": "double",
           "f": "float", "v": "void"}  # fmt: skip
NARROW = {"i1", "i8", "i16"}  # passed in 32 bits


def _sources() -> list[tuple[str, str]]:
    found = []
    for path in sorted(LOWERING.rglob("*.rs")):
        text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found.append((path.name, text))
    return found


def _known(name: str) -> dict | None:
    table = runtimelib.symbols()
    return table.get(name) or table.get(f"cyl_{name}")


def _fits(short: str, function: dict) -> bool:
    params, _, result = short.partition(":")
    types, wanted = [LETTERS[letter] for letter in params], function["params"]
    if len(types) < len(wanted) or (len(types) > len(wanted) and not function["varargs"]):
        return False
    narrow = all(one == c or one == "i32" and c in NARROW for one, c in zip(types, wanted, strict=False))
    return narrow and LETTERS[result] == function["ret"]


needs_sources = pytest.mark.skipif(not LOWERING.is_dir(), reason="needs the sources of lowering")
needs_library = pytest.mark.skipif(runtimelib.available() is None, reason="needs the run-time library")


@needs_sources
@needs_library
def test_functions_that_lowering_calls_are_there() -> None:
    calls = {(file, *found) for file, text in _sources() for found in CALL.findall(text)}
    assert len({name for _, name, _ in calls}) > 150, "the calls are found"
    lacking, wrong = [], []
    for file, name, short in sorted(calls):
        function = _known(name)
        if function is None:
            lacking.append((file, name))
        elif short and not _fits(short, function):
            wrong.append((file, name, short, function["ret"], function["params"]))
    assert not lacking
    assert not wrong


@needs_sources
@needs_library
def test_names_of_helpers_in_lowering_are_known() -> None:
    named = {(file, name) for file, text in _sources() for name in HELPER.findall(text)}
    assert sorted((file, name) for file, name in named if _known(name) is None and name not in NOT_CALLED) == []
    assert {name for _, name in named} >= {name for name in NOT_CALLED if _known(name) is None}, "stale names"
