"""``.bc`` files (``cython --backend=llvm --emit=bc``): optimised here, for this machine's CPU."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from . import codeload, errors, runtimelib, toolchain
from .settings import Settings


def import_bitcode(path: str, name: str, settings: Settings) -> ModuleType:
    """Import an extension module from LLVM bitcode."""
    from . import _native

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise errors.ModuleBuildError(
            f"'{path}' cannot be read: {error.strerror}", name=name, path=path, code="CYL3003"
        ) from error
    try:
        module = _native.Module.from_bitcode(data, name)
        if settings.march == "native":
            module.retarget("native", "")
        module.optimize(settings.opt_level)
        wanted = codeload.init_symbol(name)
        if wanted not in module.defined_symbols():
            raise errors.ModuleBuildError(
                f"'{path}' does not define module '{name}': it has no {wanted}",
                name=name, path=path, code="CYL3004",
            )  # fmt: skip
        obj = module.to_object()
    except _native.NativeError as error:
        raise errors.ModuleBuildError(
            f"'{path}': {error.message}", name=name, path=path, code=error.code,
            diagnostics=error.diagnostics,
        ) from None  # fmt: skip
    cxx = any(symbol.startswith(("_ZSt", "__cxa_", "_ZNSt")) for symbol in module.undefined_symbols())
    language = "c++" if cxx else "c"
    openmp = toolchain.uses_openmp(module)
    # By the tree route: the helpers are the runtime library's.
    runtime = any(symbol.startswith(("cyl_", "__Pyx_")) for symbol in module.undefined_symbols())
    spec = ModuleSpec(name, None, origin=path)
    try:
        address = codeload.load([obj], name, settings, language=language, openmp=openmp, runtime=runtime)
        if address is None:
            if runtime:
                linked = (*settings.extra_link_args, *runtimelib.static_arguments())
                settings = settings.with_(extra_link_args=linked)
            address = _linked(obj, name, settings, language, openmp)
    except errors.CompileError as error:
        raise errors.ModuleBuildError(str(error), name=name, path=path, code=error.code) from error
    created: ModuleType = _native.create_module(address, spec)
    created.__file__ = path
    created.__spec__ = spec
    sys.modules[name] = created
    try:
        _native.exec_module(created)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return created


def _linked(obj: bytes, name: str, settings: Settings, language: str, openmp: bool) -> int:
    import os

    from . import scratch

    with scratch.folder() as folder:
        output = os.path.join(folder, name + ".so")
        toolchain.link_extension([obj], output, settings, language=language, openmp=openmp)
        return codeload.dlopen_init(codeload.private_copy(output), name)
