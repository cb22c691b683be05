"""Files of the tree route: the exported tree, MIR, and what LLVM makes of it."""

from __future__ import annotations

from typing import Any

from . import atomic, cobject, errors, produce, routes
from .settings import Settings

#: What `auto` writes by the tree route: files that need no run-time library beside them, or that are
#: to be looked at.  Objects and bitcode are for others to link or load.
COMPLETE = ("so", "ll", "asm")


def write_stage(tree: str, source: str, settings: Settings, emit: str, output: str) -> None:
    """Write the tree, or its MIR, as text.  Raises CompileError or OSError."""
    atomic.check_writable(output)
    if emit == "tree":
        atomic.write_bytes(output, tree.encode("ascii"))
        return
    from . import treeroute

    lowered = treeroute.lower(tree, routes.for_tree(settings), mir=emit == "mir")
    if lowered.missing:
        raise routes.refusal(source, routes.lacking(lowered))
    if emit == "mir":
        atomic.write_bytes(output, (lowered.mir or "").encode())
        return
    if lowered.ptx is None:
        raise errors.CompileError(
            f"'{source}' has nothing that runs on a GPU: prange_device is 'cpu', or no prange loop can",
            code="CYL1303",
        )
    atomic.write_bytes(output, lowered.ptx.encode())


def write(module: Any, unit: produce.CUnit, settings: Settings, emit: str, output: str) -> None:
    """Write a lowered module as ``output``, whole or not at all, further C sources linked in.

    Raises CompileError, LinkError, OSError.
    """
    from . import toolchain

    atomic.check_writable(output)
    settings = produce.with_module_headers(settings, unit)
    for_tree = routes.for_tree(settings)
    if emit != "so":
        if emit != "bc":  # bitcode is finished where it is loaded, for the CPU that is there
            module.begin_file(for_tree.opt_level)
            toolchain.optimize(module, for_tree)
        atomic.write_bytes(output, toolchain.emit(module, emit, for_tree))
        return
    objects = [toolchain.library_object(module, for_tree)]
    objects += cobject.compile_sources(settings.extra_sources, settings)
    cxx = any(cobject.language_of(path) == "c++" for path in settings.extra_sources)
    cobject.link(objects, output, for_tree, "c++" if cxx else "c", unit.lines())
