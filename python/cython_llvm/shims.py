"""C that a module of the tree route needs from clang: shims for macros, and what headers know.

Lowering asks (codegen/src/lower/shims.rs); here the answer is compiled in this process and kept on
disk, by its text and the headers that it was made from.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import cache, cachestore, errors, headersearch, oddmacros, pch, toolchain
from .settings import Settings

#: clang of a member that has no address.
_BIT_FIELD = re.compile(r"cannot compute offset of bit-field '(\w*)'")
#: What only Cython's own declarations of array.array, behind `cimport cpython.array`, know.
_OF_ARRAYS = re.compile(r"\b(?:arrayobject|arraydescr|__Pyx_data_union|__Pyx_PyArray_\w+)\b")

_FRAMES = """
#include "frameobject.h"
#if PY_VERSION_HEX >= 0x030b00a6 && PY_VERSION_HEX < 0x030d0000
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
#include "internal/pycore_frame.h"
#endif
"""


@dataclass(frozen=True)
class Shims:
    """Bitcode, the functions in it, its numbers, the headers it was made from, and clang's warnings."""

    bitcode: bytes
    functions: list[str]
    numbers: dict[str, int]
    headers: tuple[str, ...]
    messages: tuple[Any, ...] = ()

    def given(self) -> tuple[bytes, list[str], dict[str, int]]:
        """As `_native.compile_tree` takes it."""
        return self.bitcode, self.functions, self.numbers


def build(
    request: dict[str, Any],
    settings: Settings,
    *,
    frames: bool = False,
    fields: frozenset[str] = frozenset(),
) -> Shims:
    """Compile what lowering asked for.  Raises `errors.CompileError` with places in the .pyx.

    ``frames``: whether Cython's C knows the frames of functions, which its code for tracers includes.
    ``fields``: members that `bit_fields` found; lowering is told so in place of their offsets.
    """
    settings, text, filename = _input(request, settings, frames, fields)
    key = cache.key("shims", text, filename, toolchain.driver_args(settings, "c"), os.getcwd())
    found = cache.lookup(key, "shims.bc")
    if found is not None:
        manifest = cache.manifest_of(key)
        try:
            with open(found, "rb") as file:
                data = file.read()
            headers = tuple(entry[0] for entry in manifest.dependencies) if manifest else ()
            return _shims(data, request, headers)
        except (OSError, errors.CompileError):
            pass
    module = _compile(text, filename, settings)
    own = (str(toolchain.data_dir()), toolchain.python_include())
    headers = tuple(
        header
        for header in module.dependencies
        if not header.startswith(own) and os.path.basename(header) != pch.HEADER_NAME
    )
    state = cachestore.fingerprint(headers)
    data = toolchain.emit(module, "bc", settings)
    if len(state) == len(set(map(os.path.abspath, headers))):
        flags = toolchain.driver_args(settings, "c")
        absent = headersearch.shadowing(flags, os.path.dirname(filename), headers)
        cachestore.store(key, "shims.bc", data, state, absent)
    return _shims(data, request, headers, tuple(module.diagnostics))


def _input(
    request: dict[str, Any], settings: Settings, frames: bool, fields: frozenset[str]
) -> tuple[Settings, bytes, str]:
    """The settings, the text, and its name."""
    settings = _with_headers(settings, request)
    array = _array() if _OF_ARRAYS.search(request["text"]) else ""
    array += _FRAMES if frames and "PyFrameObject" in request["text"] else ""
    asked = _without_offsets(request["text"], fields) if fields else request["text"]
    parts = ["#define PY_SSIZE_T_CLEAN\n", request["before"], _macros(), array, asked]
    text = "".join(parts).encode("utf-8", "surrogateescape")
    source = os.path.abspath(request["source"])
    # A name of the text's own: the folder is where #include "..." looks.
    filename = os.path.splitext(source)[0] + ".c"
    return settings, text, filename


def odd_macros(
    request: dict[str, Any],
    settings: Settings,
    *,
    frames: bool = False,
    fields: frozenset[str] = frozenset(),
) -> list[tuple[str, str, int]]:
    """The macros that C failed at because they are no expressions, each with the file and line of its use."""
    settings, text, filename = _input(request, settings, frames, fields)

    def compile_text(text: str, numbers: list[str]) -> dict[str, int]:
        module = _compile(text.encode("utf-8", "surrogateescape"), filename, settings)
        return {name: module.number(name) for name in numbers}

    return oddmacros.found(text.decode("utf-8", "surrogateescape"), compile_text)


def bit_fields(error: errors.CompileError) -> set[str]:
    """The names of the bit-fields that C failed at, being asked for their offsets."""
    found = (_BIT_FIELD.search(one["message"]) for one in error.diagnostics)
    return {match[1] for match in found if match}


def _without_offsets(text: str, fields: frozenset[str]) -> str:
    """What lowering asks about members that are bit-fields, answered by -1."""
    names = "|".join(map(re.escape, sorted(fields)))
    asked = rf"^(const long long cyl_fact_\w+) = .*(?:, |->)(?:{names})\).*;$"
    return re.sub(asked, r"\1 = -1;", text, flags=re.MULTILINE)


def _with_headers(settings: Settings, request: dict[str, Any]) -> Settings:
    """The folders of the module and, where the text asks for it, of NumPy's headers."""
    from . import produce

    unit = produce.CUnit(request["text"].encode("utf-8", "surrogateescape"), "", "c", request["source"])
    return produce.with_module_headers(settings, unit)


def _compile(text: bytes, filename: str, settings: Settings) -> Any:
    try:
        return toolchain.compile_c(text, filename, "c", settings)
    except errors.CompileError as error:
        from . import cdiag

        shown = cdiag.format_error(error, cdiag.CSource(filename, text.decode("utf-8", "replace"), None))
        raise errors.CompileError(shown, code=error.code, diagnostics=error.diagnostics) from None


def _shims(data: bytes, request: dict[str, Any], headers: tuple[str, ...],
           messages: tuple[Any, ...] = ()) -> Shims:  # fmt: skip
    from . import _native

    try:
        module = _native.Module.from_bitcode(data, "shims")
    except _native.NativeError as error:
        raise toolchain.compile_error(error) from None
    numbers = {name: module.number(name) for name in request["numbers"]}
    known = {name: value for name, value in numbers.items() if value is not None}
    return Shims(data, request["functions"], known, headers, messages)


@lru_cache(maxsize=1)
def _macros() -> str:
    """Cython's own macros, which headers and verbatim blocks may use."""
    from Cython import __version__
    from Cython.Compiler.Code import UtilityCode
    from Cython.Compiler.ModuleNode import build_hex_version

    parts = [f'#define __PYX_ABI_VERSION "{__version__.replace(".", "_")}"',
             f"#define CYTHON_HEX_VERSION {build_hex_version(__version__)}",
             "#define CYTHON_FUTURE_DIVISION 1"]  # fmt: skip
    for name in ("CModulePreamble", "CInitCode", "PythonCompatibility", "MathInitCode"):
        for text in UtilityCode.load_as_string(name, "ModuleSetupCode.c"):
            if text:
                parts.append(text)
    return "\n".join(parts) + "\n"


@lru_cache(maxsize=1)
def _array() -> str:
    """Cython's declarations of array.array, which no header has."""
    from Cython.Compiler.Code import UtilityCode

    proto, code = UtilityCode.load_as_string("ArrayAPI", "arrayarray.h")
    return f"typedef struct arrayobject arrayobject;\n{proto or ''}\n{code or ''}\n"
