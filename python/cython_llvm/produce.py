"""From the C text of one module to the file that the user asked for.

Used by `cython --backend=llvm` and `cythonize --backend=llvm`.  Imports Cython nowhere.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Any

from . import atomic, cobject, distutils_header, tracedlines
from .cdiag import CSource, format_error
from .errors import CompileError, CythonLLVMError
from .settings import Settings

SUFFIXES = {"obj": ".o", "bc": ".bc", "ll": ".ll", "asm": ".s", "tree": ".tree.json",
            "mir": ".mir", "ptx": ".ptx"}  # fmt: skip


@dataclass(frozen=True)
class CUnit:
    """The generated C of one module.  ``name``: where stock Cython would have put it."""

    text: bytes
    name: str
    language: str
    source: str | None = None

    def lines(self) -> bytes:
        """What the code says of its lines, for `coverage`."""
        return tracedlines.of_c(self.text)

    def context(self) -> CSource:
        """What maps clang's lines to the user's."""
        return CSource(self.name, self.text.decode("utf-8", "replace"), self.source)


def extension_suffix() -> str:
    """The suffix of extension modules for this interpreter, ".cpython-311-...so"."""
    return os.environ.get("SETUPTOOLS_EXT_SUFFIX") or sysconfig.get_config_var("EXT_SUFFIX")


def output_name(module_name: str, emit: str) -> str:
    """The file name for a module (its last component) and a kind of output."""
    last = module_name.rpartition(".")[2]
    return last + (extension_suffix() if emit == "so" else SUFFIXES[emit])


def numpy_include() -> str | None:
    """NumPy's header directory, found without importing NumPy; None where it is missing."""
    spec = PathFinder.find_spec("numpy")
    for directory in (spec.submodule_search_locations or []) if spec else []:
        for core in ("_core", "core"):
            include = os.path.join(directory, core, "include")
            if os.path.isdir(include):
                return include
    return None


def with_module_headers(settings: Settings, unit: CUnit) -> Settings:
    """``settings`` with the directories that this module's own #includes need."""
    extra: list[str] = []
    if unit.source is not None:
        extra.append(os.path.dirname(os.path.abspath(unit.source)))
    if distutils_header.includes_numpy(unit.text):
        include = numpy_include()
        if include is not None:
            extra.append(include)
    new = [directory for directory in extra if directory not in settings.include_dirs]
    return settings.with_(include_dirs=(*settings.include_dirs, *new))


def from_distutils(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """``settings`` with the keys of ``# distutils:`` headers, as Extension spells them."""
    merged: dict[str, Any] = {}
    lists = ("include_dirs", "libraries", "library_dirs", "runtime_library_dirs",
             "extra_objects", "extra_compile_args", "extra_link_args", "undef_macros")  # fmt: skip
    for key in lists:
        if values.get(key):
            merged[key] = (*getattr(settings, key), *values[key])
    if values.get("define_macros"):
        macros = [(m[0], m[1] if len(m) > 1 else None) for m in values["define_macros"]]
        merged["define_macros"] = (*settings.define_macros, *macros)
    return settings.with_(**merged)


def resolve(paths: Sequence[str], roots: Sequence[str]) -> tuple[str, ...]:
    """Each relative path against the first of ``roots`` that has it; unchanged if none has."""
    found: list[str] = []
    for path in paths:
        candidates = [path] if os.path.isabs(path) else [os.path.join(r, path) for r in roots]
        found.append(next((c for c in candidates if os.path.exists(c)), path))
    return tuple(found)


def resolved(settings: Settings, roots: Sequence[str]) -> Settings:
    """``settings`` whose relative paths are looked for under ``roots`` in turn."""
    names = ("include_dirs", "library_dirs", "extra_objects", "extra_sources")
    return settings.with_(**{name: resolve(getattr(settings, name), roots) for name in names})


def produce(unit: CUnit, settings: Settings, emit: str, output: str) -> list[str]:
    """Compile and write ``output``, whole or not at all; returns warnings for the user.

    settings.extra_sources are compiled and linked in for emit="so".  Raises CompileError,
    LinkError, OSError.
    """
    from . import toolchain

    if emit in ("tree", "mir", "ptx"):
        raise CompileError(f"{output}: --emit={emit}: C has no tree; name a .pyx or .py file")
    atomic.check_writable(output)
    language = unit.language
    settings = with_module_headers(settings, unit)
    compiled = cobject.compile_text(unit.text, unit.name, language, settings)
    warnings = [
        f"{unit.source or unit.name}: warning: flag left out, clang has no such: {flag}"
        for flag in compiled.refused_flags
    ]
    if emit == "so":
        objects = [cobject.object_code(compiled)]
        objects += cobject.compile_sources(settings.extra_sources, settings)
        if any(cobject.language_of(path) == "c++" for path in settings.extra_sources):
            language = "c++"
        cobject.link(objects, output, settings, language, unit.lines())
        return warnings
    if emit != "bc":  # bitcode is finished where it is loaded, for the CPU that is there
        toolchain.optimize(compiled.module, compiled.settings)
    data = toolchain.emit(compiled.module, emit, compiled.settings)
    atomic.write_bytes(output, data)
    return warnings


def failure_text(error: BaseException, unit: CUnit | None, output: str) -> str:
    """What to print for an error of `produce`."""
    if isinstance(error, CythonLLVMError):
        return format_error(error, unit.context() if unit is not None else None)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return f"{output}: cannot be written: {reason} [CYL4001]"
    return f"{output}: {type(error).__name__}: {error}"

