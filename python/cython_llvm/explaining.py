"""Which route a module takes, and why."""

from __future__ import annotations

import os
from types import ModuleType


class Explanation:
    """What `explain` found out; prints as a few lines.

    route: "c" or "tree".  reasons: what kept the module off the tree route, each with its place
    where there is one.
    """

    def __init__(self, module: str, path: str | None, route: str, reasons: tuple[str, ...],
                 cached: bool | None = None) -> None:  # fmt: skip
        self.module = module
        self.path = path
        self.route = route
        self.reasons = reasons
        self.cached = cached

    def __repr__(self) -> str:
        return f"<cython_llvm explanation: module {self.module!r}, route {self.route!r}>"

    def because(self) -> list[str]:
        """The reasons, a line for each."""
        return [f"  because {reason}" for reason in self.reasons]

    def __str__(self) -> str:
        out = [f"module {self.module}", f"  source: {self.path or 'unknown'}", f"  route:  {self.route}"]
        out += self.because()
        if self.cached is not None:
            out.append(f"  cached: {'yes' if self.cached else 'no'}")
        return "\n".join(out)


_ONLY_ROUTE = "the C route is the only one in this version"


def explain(module_or_path: ModuleType | str | os.PathLike[str]) -> Explanation:
    """Say which route a module (or a source file) takes, and why.

    Raises TypeError for a module that was not compiled from Cython source by this package.
    """
    if isinstance(module_or_path, ModuleType):
        from .loader import PyxLoader

        name = module_or_path.__name__
        found = getattr(getattr(module_or_path, "__spec__", None), "loader", None)
        found = getattr(found, "_inner", found)
        path = getattr(module_or_path, "__file__", None)
        if not isinstance(found, PyxLoader) and not str(path).endswith(".bc"):
            raise TypeError(f"module {name!r} was not loaded by cython_llvm")
        return Explanation(name, path, "c", (_ONLY_ROUTE,))
    path = os.path.abspath(os.fspath(module_or_path))
    if not os.path.exists(path):
        raise FileNotFoundError(f"no such file: '{path}'")
    name = os.path.splitext(os.path.basename(path))[0]
    return Explanation(name, path, "c", (_ONLY_ROUTE,))


def route_line(source: str | None, shown: str) -> str:
    """What the commands print with --explain: the route of one source, and why."""
    found = Explanation(shown, None, "c", (_ONLY_ROUTE,)) if source is None else explain(source)
    return "\n".join([f"{shown}: route: {found.route}", *found.because()])
