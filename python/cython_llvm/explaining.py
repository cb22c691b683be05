"""Which route a module takes, and why."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING

from .settings import Settings, default_settings

if TYPE_CHECKING:
    from .treeroute import Missing


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


_AUTO = "'auto' takes the C route in this version"
_C = "the settings ask for the C route"
_FOR_OTHERS = "libraries that others load are made over the C route in this version"


def explain(module_or_path: ModuleType | str | os.PathLike[str]) -> Explanation:
    """Say which route a module (or a source file) takes, and why.

    What keeps a file off the tree route is listed construct by construct, with its line.  Raises
    TypeError for a module that was not compiled from Cython source by this package, CompileError
    where Cython refuses the source.
    """
    if isinstance(module_or_path, ModuleType):
        from .loader import PyxLoader

        name = module_or_path.__name__
        found = getattr(getattr(module_or_path, "__spec__", None), "loader", None)
        found = getattr(found, "_inner", found)
        path = getattr(module_or_path, "__file__", None)
        if isinstance(found, PyxLoader):
            return _explain(name, found.path, found.settings())
        if not str(path).endswith(".bc"):
            raise TypeError(f"module {name!r} was not loaded by cython_llvm")
        return Explanation(name, path, "c", (_FOR_OTHERS,))
    path = os.path.abspath(os.fspath(module_or_path))
    if not os.path.exists(path):
        raise FileNotFoundError(f"no such file: '{path}'")
    name = os.path.splitext(os.path.basename(path))[0]
    return _explain(name, path, default_settings())


def _explain(name: str, path: str, settings: Settings) -> Explanation:
    if settings.route == "c":
        return Explanation(name, path, "c", (_C,))
    missing = tuple(str(one) for one in unsupported(path, name, settings))
    if settings.route == "tree":
        return Explanation(name, path, "tree", missing or ("route='tree' asks for it",))
    if not missing:
        return Explanation(name, path, "c", (f"{_AUTO}; route='tree' supports all of this module",))
    return Explanation(name, path, "c", (_AUTO, *(f"the tree route lacks {one}" for one in missing)))


def unsupported(path: str, name: str, settings: Settings) -> tuple[Missing, ...]:
    """Every construct of a source file that the tree route does not support."""
    from . import sharedutil, treefrontend, treeroute

    if not treeroute.available():
        return (treeroute.Missing("the run-time library of the installed Cython", "", 0, 0),)
    tree, unit = treefrontend.analyse(path, name, settings, shared_utility=sharedutil.available())
    return treeroute.lower(tree, unit.settings).missing


def route_line(source: str | None, shown: str) -> str:
    """What the commands print with --explain: the route of one source, and why."""
    found = Explanation(shown, source, "c", (_FOR_OTHERS,))
    return "\n".join([f"{shown}: route: {found.route}", *found.because()])
