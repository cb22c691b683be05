"""C text to machine code in this process: flags, headers, precompiled header, linking.

The one module of the package that knows where the wheel's headers and libraries lie and which
flags clang and lld get.  The native library is imported on first use only.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import ctext, errors, linkargs, pch
from .settings import Settings

if TYPE_CHECKING:
    from . import _native

TRIPLE = "x86_64-unknown-linux-gnu"

# CPython's own -fwrapv, and the aliasing that Cython's C relies on.  No contraction: results are
# those of Cython's default build on every CPU (docs/ARCHITECTURE.md, floating point).  OpenMP 4.5,
# as gcc 12: from 5.0 on a dynamic schedule may be handed out in any order, and libomp's form of it
# loses the last iteration's lastprivate values (docs/ARCHITECTURE.md, prange).
_CODE_FLAGS = (
    "-fPIC",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-fopenmp",
    "-fopenmp-version=45",
    "-pthread",
    "-DNDEBUG",
)

# Errors in clang, warnings in gcc 12: what Cython with gcc accepts is accepted here.
_LENIENCE = (
    "-Qunused-arguments",
    "-Wno-unknown-warning-option",
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=implicit-int",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-pointer-types",
    "-Wno-error=incompatible-function-pointer-types",
    "-Wno-error=return-mismatch",
    "-Wno-error=return-type",
    "-Wno-c++11-narrowing",
    "-Wno-error=register",
)


def data_dir() -> Path:
    """The wheel's headers (``include/``) and libraries (``lib/``)."""
    return Path(__file__).parent / "data"


@lru_cache(maxsize=1)
def _native_module() -> Any:
    from . import _native

    return _native


def _existing(*paths: Path) -> list[str]:
    return [str(path) for path in paths if path.is_dir()]


@lru_cache(maxsize=1)
def python_include() -> str:
    """The folder of Python.h: this interpreter's own, else the wheel's copy."""
    own = sysconfig.get_path("include")
    if own and os.path.isfile(os.path.join(own, "Python.h")):
        return own
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return str(data_dir() / "include" / version)


@lru_cache(maxsize=4)
def system_include_args(language: str) -> tuple[str, ...]:
    """The wheel's C (and C++) headers first; the machine's, where there are any, last."""
    include = data_dir() / "include"
    folders: list[str] = []
    if language == "c++":
        folders += _existing(include / "c++", include / "c++-multiarch", include / "c++" / "backward")
    folders += _existing(include / "clang", include / "libc-multiarch", include / "libc")
    args = ["-nostdinc"]
    if language == "c++":
        args.append("-nostdinc++")
    for folder in folders:
        args += ["-isystem", folder]
    for folder in _existing(
        Path("/usr/local/include"), Path("/usr/include/x86_64-linux-gnu"), Path("/usr/include")
    ):
        args += ["-idirafter", folder]
    return tuple(args)


def target_args(settings: Settings) -> list[str]:
    """What decides the shape of the code: target, level, CPU, debug information."""
    args = [f"--target={TRIPLE}", f"-O{settings.opt_level}", f"-march={settings.march}"]
    if settings.march == "native":
        # Clang tunes for the generic CPU otherwise.
        args.append("-mtune=native")
    args += ["-g", "-gdwarf-4"] if settings.debug else ["-g0"]
    return args


def driver_args(settings: Settings, language: str) -> list[str]:
    """All flags for clang's driver, for a source in ``language`` ("c" or "c++")."""
    args = target_args(settings) + list(_CODE_FLAGS) + list(_LENIENCE)
    args += ["-D" + name if value is None else f"-D{name}={value}"
             for name, value in settings.define_macros]  # fmt: skip
    args += ["-U" + name for name in settings.undef_macros]
    args += ["-I" + folder for folder in settings.include_dirs]
    args.append("-I" + python_include())
    args += system_include_args(language)
    args += settings.extra_compile_args
    return args


def compile_error(error: Any, *, kind: type[errors.CompileError] = errors.CompileError) -> errors.CompileError:
    """One of ours from a NativeError, with its code and diagnostics."""
    return kind(error.message, code=error.code, diagnostics=error.diagnostics)


def _warning_args(extra_args: Sequence[str]) -> list[str]:
    wanted = any(arg.startswith("-W") and not arg.startswith("-Wno-") for arg in extra_args)
    return [] if wanted else ["-w"]


def compile_c(
    text: bytes,
    filename: str,
    language: str,
    settings: Settings,
    *,
    extra_args: Sequence[str] = (),
    virtual_files: Sequence[tuple[str, bytes]] = (),
) -> _native.Module:
    """Compile C or C++ to an unoptimised module; raises `errors.CompileError`.

    Warnings are off unless a -W flag is among the arguments, as generated C is full of them.
    """
    native = _native_module()
    args = driver_args(settings, language)
    args += _warning_args((*settings.extra_compile_args, *extra_args))
    args += extra_args
    text = ctext.adapt(text)
    header = pch.for_source(text, language, args)
    try:
        return native.compile_source(text, filename, language, args, list(virtual_files), header)
    except native.NativeError as error:
        if header is None:
            raise compile_error(error) from None
    # A stale or damaged precompiled header must never be what fails a compilation.
    pch.discard(header)
    try:
        return native.compile_source(text, filename, language, args, list(virtual_files), None)
    except native.NativeError as error:
        raise compile_error(error) from None


def target_cpu(module: _native.Module, settings: Settings) -> None:
    """Make a module that names no CPU be compiled for that of the settings."""
    module.retarget(settings.march, "")


def optimize(module: _native.Module, settings: Settings) -> None:
    """Run LLVM's pipeline at the settings' level."""
    native = _native_module()
    try:
        module.optimize(settings.opt_level)
    except native.NativeError as error:
        raise compile_error(error) from None


def library_object(module: _native.Module, settings: Settings) -> bytes:
    """Optimise a module of the tree route for a library in a file; its object."""
    native = _native_module()
    module.begin_file(settings.opt_level)
    optimize(module, settings)
    try:
        module.finish_file()
    except native.NativeError as error:
        raise compile_error(error) from None
    return emit(module, "obj", settings)


def emit(module: _native.Module, kind: str, settings: Settings) -> bytes:
    """The module as ``kind``: "obj", "bc", "ll" or "asm"."""
    native = _native_module()
    try:
        if kind == "obj":
            return module.to_object()
        if kind == "bc":
            return module.to_bitcode()
        if kind == "ll":
            return module.to_ir().encode()
        if kind == "asm":
            return module.to_asm().encode()
    except native.NativeError as error:
        raise compile_error(error) from None
    raise ValueError(f"kind must be obj, bc, ll or asm, not {kind!r}")


def uses_openmp(module: _native.Module) -> bool:
    """Whether the code calls the OpenMP runtime."""
    return any(symbol.startswith(("__kmpc_", "omp_", "kmp_", "GOMP_")) for symbol in module.undefined_symbols())


def openmp_library() -> str:
    """Path of the OpenMP runtime in the wheel."""
    return str(data_dir() / "lib" / "libomp.so.5")


def builtins_archive() -> str | None:
    """Path of clang's builtins (128-bit division, complex multiplication, ...), or None."""
    path = data_dir() / "lib" / "libclang_rt.builtins-x86_64.a"
    return str(path) if path.is_file() else None


def _rewrite(path: str, change: Callable[[bytes], bytes]) -> None:
    with open(path, "r+b") as file:
        data = change(file.read())
        file.seek(0)
        file.write(data)
        file.truncate()


def _link_compact(args: Sequence[str], objects: Sequence[bytes], output: str) -> None:
    """Link without pages that are made read-only, and without builtins that only functions left out refer
    to."""
    from . import elfsymbols

    native = _native_module()
    relro = args.index("relro")
    args = [*args[:relro], "norelro", *args[relro + 1 :]]
    builtins = _builtins()
    if builtins is not None:
        native.link_shared([one for one in args if one != builtins_archive()], list(objects))
    if builtins is None or elfsymbols.undefined(Path(output).read_bytes()) & builtins:
        native.link_shared(args, list(objects))


@lru_cache(maxsize=1)
def _builtins() -> frozenset[bytes] | None:
    """Names of clang's builtins; None where they cannot be told."""
    from . import archive

    path = builtins_archive()
    return archive.symbols(Path(path).read_bytes()) if path else frozenset()


def link_extension(
    objects: Sequence[bytes],
    output: str,
    settings: Settings,
    *,
    language: str = "c",
    openmp: bool = False,
    finish: Sequence[Callable[[bytes], bytes]] = (),
    compact: bool = False,
) -> None:
    """Link an extension module with lld; raises `errors.LinkError`.

    The output is written beside its place and renamed, so that a failure leaves what was there;
    ``finish`` may change it before.  ``compact``: small is more than what protects against writing.
    """
    native = _native_module()
    temporary = f"{output}.{os.getpid()}.tmp"
    args = linkargs.arguments(
        temporary,
        settings,
        language=language,
        openmp=openmp_library() if openmp else None,
        builtins=builtins_archive(),
    )
    try:
        if compact:
            _link_compact(args, objects, temporary)
        else:
            native.link_shared(args, list(objects))
        for change in finish:
            _rewrite(temporary, change)
        os.replace(temporary, output)
    except native.NativeError as error:
        raise compile_error(error, kind=errors.LinkError) from None
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
