"""C and C++ files to object code, and objects to a shared library, from a cc command's flags.

The one place where build.py and the command line meet toolchain.py.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .ccflags import CompileFlags, parse_compile_flags
from .errors import CompileError, LinkError
from .settings import Settings, default_settings

if TYPE_CHECKING:
    from ._native import Module

# What a file written to disk is tuned for, as gcc's default is: every x86-64 machine runs it.
PORTABLE_CPU = "x86-64"

CXX_SUFFIXES = (".cc", ".cp", ".cpp", ".cxx", ".c++", ".C", ".CPP")

_UNKNOWN_FLAG = re.compile(
    r"(?:unknown argument:?|unsupported option|unsupported argument .* to option"
    r"|invalid (?:argument|value)|optimization flag) '(-[^']+)'"
)


def language_of(path: str) -> str:
    """ "c" or "c++", by the file's suffix."""
    return "c++" if os.path.splitext(path)[1] in CXX_SUFFIXES else "c"


def file_march() -> str:
    """The CPU for files written to disk: CYTHON_LLVM_CPU_NAME, else the portable baseline."""
    return os.environ.get("CYTHON_LLVM_CPU_NAME", "").strip() or PORTABLE_CPU


def file_settings() -> Settings:
    """The defaults for files written to disk."""
    return default_settings().with_(march=file_march())


def apply_compile_flags(settings: Settings, flags: CompileFlags) -> Settings:
    """``settings`` with what the flags say; what they leave open stays."""
    return settings.with_(
        opt_level=settings.opt_level if flags.opt_level is None else flags.opt_level,
        march=flags.march or settings.march,
        debug=settings.debug if flags.debug is None else flags.debug,
        include_dirs=(*settings.include_dirs, *flags.include_dirs),
        extra_compile_args=flags.args,
    )


def normalized(settings: Settings, language: str) -> Settings:
    """``settings`` whose extra_compile_args, as a user wrote them, are sorted into the fields."""
    flags = parse_compile_flags(settings.extra_compile_args, language)
    return apply_compile_flags(settings, flags)


@dataclass(frozen=True)
class Compiled:
    """One unoptimised module, and the settings that it was made with in the end."""

    module: Module
    settings: Settings
    refused_flags: tuple[str, ...]  # flags that clang does not know, and that were left out


def _refused(error: CompileError, args: Sequence[str]) -> list[str]:
    """Flags among ``args`` that clang's driver refused."""
    found: list[str] = []
    texts = [str(error), *(str(d["message"]) for d in error.diagnostics)]
    for text in texts:
        for match in _UNKNOWN_FLAG.finditer(text):
            flag = match.group(1)
            found += [arg for arg in args if arg == flag or arg.startswith(flag + "=")]
    return list(dict.fromkeys(found))


def compile_text(text: bytes, filename: str, language: str, settings: Settings) -> Compiled:
    """C or C++ text to a module.

    Flags made for gcc that clang refuses are left out and the rest is tried again, since build
    scripts pass them without asking.  Raises CompileError.
    """
    from . import toolchain

    settings = normalized(settings, language)
    refused: list[str] = []
    while True:
        try:
            module = toolchain.compile_c(text, filename, language, settings)
        except CompileError as error:
            args = settings.extra_compile_args
            bad = _refused(error, args)
            if not bad:
                raise
            refused += bad
            settings = settings.with_(extra_compile_args=tuple(a for a in args if a not in bad))
        else:
            return Compiled(module, settings, tuple(refused))


def object_code(compiled: Compiled) -> bytes:
    """Optimise and emit an ELF object.  Raises CompileError."""
    from . import toolchain

    toolchain.optimize(compiled.module, compiled.settings)
    return toolchain.emit(compiled.module, "obj", compiled.settings)


def read_source(path: str) -> bytes:
    """The bytes of a C or C++ file.  Raises CompileError naming it."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CompileError(
            f"cannot read {path}: {error.strerror or error}", code="CYL1003"
        ) from error


def compile_sources(sources: Sequence[str], settings: Settings) -> list[bytes]:
    """Each extra C or C++ source of a module to an object.  Raises CompileError."""
    return [
        object_code(compile_text(read_source(path), path, language_of(path), settings))
        for path in sources
    ]


def _object_wants_openmp(data: bytes) -> bool:
    return b"\0__kmpc_" in data or b"\0omp_" in data


def _object_wants_runtime(data: bytes) -> bool:
    """Whether an object is of the tree route: it calls the run-time library's functions."""
    return b"\0cyl_module_begin\0" in data


def _object_is_library(data: bytes) -> bool:
    """Whether an object of the tree route begins as `toolchain.library_object` has it."""
    return b"\0cyl_file_start\0" in data


def link(objects: Sequence[bytes], output: str, settings: Settings, language: str,
         lines: bytes = b"") -> None:  # fmt: skip
    """Link a shared library or extension module onto ``output``, whole or not at all.

    Objects of the tree route bring what they use of the run-time library; by themselves they are linked
    for size.  ``lines``: what the module says of its lines (`tracedlines`).  Raises LinkError;
    OSError where the directory cannot be written.
    """
    from . import toolchain, tracedlines

    for path in settings.extra_objects:
        if not os.path.exists(path):
            raise LinkError(f"no such object or library: {path}", code="CYL2004")
    finishing: list[Callable[[bytes], bytes]] = []
    compact = len(objects) == 1 and language == "c" and not settings.extra_objects
    compact = compact and _object_is_library(objects[0])
    if any(_object_wants_runtime(data) for data in objects):
        from . import elfsymbols, runtimelib

        if not settings.debug:
            own = set().union(*map(elfsymbols.functions, objects))
            finishing.append(functools.partial(elfsymbols.reduced, keep=own))
        arguments = (*settings.extra_link_args, *runtimelib.static_arguments())
        settings = settings.with_(extra_link_args=arguments)
    openmp = any(_object_wants_openmp(data) for data in objects)
    if lines:
        finishing.append(functools.partial(tracedlines.with_lines, lines=lines))
    toolchain.link_extension(objects, output, settings, language=language, openmp=openmp,
                             finish=finishing, compact=compact)  # fmt: skip


def warning_diagnostics(module: Any) -> list[Any]:
    """The warnings clang gave for a module, with the notes that belong to them."""
    return [d for d in module.diagnostics if d["severity"] in ("warning", "note")]
