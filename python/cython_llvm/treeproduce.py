"""Files of the tree route: the exported tree, MIR, and what LLVM makes of it."""

from __future__ import annotations

from . import atomic
from .errors import CompileError
from .settings import Settings

#: What can be written by the tree route; shared libraries for others need the C route so far.
KINDS = ("tree", "mir", "obj", "bc", "ll", "asm")


def wanted(settings: Settings, emit: str) -> bool:
    """Whether a file is to be made from the tree.  Raises CompileError where that cannot be."""
    if emit in ("tree", "mir"):
        return True
    if settings.route == "tree" and emit not in KINDS:
        raise CompileError(
            f"--route=tree --emit={emit}: shared libraries and C are written over the C route only; "
            f"the tree route serves import and inline (route='tree') and --emit={', '.join(KINDS)}",
            code="CYL4002",
        )
    return settings.route == "tree"


def write(tree: str, source: str, settings: Settings, emit: str, output: str) -> None:
    """Write ``output``, whole or not at all.  Raises CompileError or OSError."""
    atomic.check_writable(output)
    if emit == "tree":
        atomic.write_bytes(output, tree.encode("ascii"))
        return
    from . import toolchain, treeroute

    lowered = treeroute.lower(tree, settings, mir=emit == "mir")
    if lowered.missing:
        raise treeroute.refusal(source, lowered.missing)
    if emit == "mir":
        atomic.write_bytes(output, (lowered.mir or "").encode())
        return
    if emit != "bc":  # bitcode is finished where it is loaded, for the CPU that is there
        toolchain.optimize(lowered.module, settings)
    atomic.write_bytes(output, toolchain.emit(lowered.module, emit, settings))
