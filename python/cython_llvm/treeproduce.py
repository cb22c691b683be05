"""Files of the tree route: the exported tree, MIR, and what LLVM makes of it."""

from __future__ import annotations

from . import atomic, errors
from .settings import Settings


def wanted(settings: Settings, emit: str) -> bool:
    """Whether a file is to be made from the tree."""
    return emit in ("tree", "mir", "ptx") or settings.route == "tree"


def write(tree: str, source: str, settings: Settings, emit: str, output: str) -> None:
    """Write ``output``, whole or not at all.  Raises CompileError or OSError."""
    atomic.check_writable(output)
    if emit == "tree":
        atomic.write_bytes(output, tree.encode("ascii"))
        return
    from . import cobject, runtimelib, toolchain, treeroute

    # As the C route sorts what a user wrote.
    settings = cobject.normalized(settings, "c")
    lowered = treeroute.lower(tree, settings, mir=emit == "mir")
    if lowered.missing:
        raise treeroute.refusal(source, lowered.missing)
    if emit == "ptx":
        if lowered.ptx is None:
            raise errors.CompileError(
                f"'{source}' has nothing that runs on a GPU: prange_device is 'cpu', or no prange loop can",
                code="CYL1303",
            )
        atomic.write_bytes(output, lowered.ptx.encode())
        return
    if emit == "mir":
        atomic.write_bytes(output, (lowered.mir or "").encode())
        return
    if emit == "so":
        toolchain.optimize(lowered.module, settings)
        linked = (*settings.extra_link_args, *runtimelib.static_arguments())
        settings = settings.with_(extra_link_args=linked)
        code = toolchain.emit(lowered.module, "obj", settings)
        openmp = toolchain.uses_openmp(lowered.module)
        further = cobject.compile_sources(settings.extra_sources, settings)
        cxx = any(cobject.language_of(path) == "c++" for path in settings.extra_sources)
        toolchain.link_extension(
            [code, *further], output, settings, language="c++" if cxx else "c", openmp=openmp
        )
        return
    if emit != "bc":  # bitcode is finished where it is loaded, for the CPU that is there
        toolchain.optimize(lowered.module, settings)
    atomic.write_bytes(output, toolchain.emit(lowered.module, emit, settings))
