"""Object code loaded into this process, through the JIT or, where that cannot, the system's loader."""

from __future__ import annotations

import ctypes
import os
import tempfile
from typing import Any

from . import errors, linkargs, live_code, toolchain
from .settings import Settings

#: JITLink without a platform runtime has neither thread-local storage nor static constructors.
_UNSUPPORTED = "CYL2101"


def init_symbol(module_name: str) -> str:
    """The init function's name for a module (PEP 489)."""
    last = module_name.rpartition(".")[2]
    if last.isascii():
        return f"PyInit_{last}"
    return "PyInitU_" + last.encode("punycode").decode("ascii").replace("-", "_")


def libraries(settings: Settings, language: str, openmp: bool, runtime: bool = False) -> list[str]:
    """What the code may refer to besides the process's own symbols: paths and sonames.

    ``runtime``: the tree route's runtime library is among them.
    """
    found = []
    if runtime:
        from . import runtimelib

        found.append(runtimelib.path())
    if openmp:
        found.append(toolchain.openmp_library())
    if language == "c++":
        found += [linkargs.system_library(name) or name for name in ("libstdc++.so.6", "libgcc_s.so.1")]
    found += linkargs.shared_libraries(settings)
    return found


def needs_linking(settings: Settings) -> bool:
    """Whether there is more to the module than one object and shared libraries."""
    return bool(
        settings.extra_sources
        or settings.extra_objects
        or settings.extra_link_args
        or linkargs.has_static_libraries(settings)
    )


def load(objects: list[bytes], name: str, settings: Settings, *, language: str, openmp: bool,
         runtime: bool = False) -> int | None:  # fmt: skip
    """Load a module's object code; the address of its init function.

    Of weak symbols that several objects define, the first one's count.

    None where the JIT cannot load such code (it must be linked then).  Raises `errors.LinkError`
    naming what is missing.  The code stays for the life of the process once its init function may
    run: types, functions and method tables point into it.
    """
    from . import _native

    try:
        library = _native.JitLibrary.load_objects(
            objects, name, libraries(settings, language, openmp, runtime), toolchain.builtins_archive()
        )
    except _native.NativeError as error:
        if error.code == _UNSUPPORTED:
            return None
        raise _link_error(error, name) from None
    try:
        address: int = library.address(init_symbol(name))
        live_code.register(address, library)
        return address
    except _native.NativeError as error:
        library.release()  # nothing of it has run
        raise _link_error(error, name) from None


def _link_error(error: Any, name: str) -> errors.LinkError:
    return errors.LinkError(
        f"module '{name}': {error.message}", code=error.code, diagnostics=error.diagnostics
    )


def dlopen_init(path: str, name: str) -> int:
    """Address of the init function of a shared library, loaded by the system's loader."""
    try:
        library = ctypes.PyDLL(path)
        function = getattr(library, init_symbol(name))
    except OSError as error:
        raise errors.LinkError(f"module '{name}': {error}", code="CYL2110") from None
    except AttributeError:
        raise errors.LinkError(
            f"'{path}' has no {init_symbol(name)}", code="CYL2111"
        ) from None
    _keep.append(library)
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


_keep: list[Any] = []  # loaded for the life of the process


def private_copy(path: str) -> str:
    """A copy that the loader takes for another library, with variables of its own.

    The copy has no name on any disk.
    """
    with open(path, "rb") as file:
        return memory_file(file.read(), os.path.basename(path))


def memory_file(data: bytes, name: str) -> str:
    """A path for bytes that are not on a disk; lives as long as the process."""
    try:
        descriptor = os.memfd_create(name)
    except OSError:
        descriptor, path = tempfile.mkstemp(suffix="-" + name)
        os.unlink(path)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    _keep.append(descriptor)
    return f"/proc/self/fd/{descriptor}"
