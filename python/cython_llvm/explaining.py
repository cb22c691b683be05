"""Which route a module takes, and why."""

from __future__ import annotations

import os
from types import ModuleType

from .settings import Settings, default_settings


class Explanation:
    """What `explain` found out; prints as a few lines.

    route: "c" or "tree".  reasons: what kept the module off the tree route, each with its place
    where there is one.  edit: how the last reload was compiled, where there was one by the tree route.
    """

    def __init__(self, module: str, path: str | None, route: str, reasons: tuple[str, ...],
                 cached: bool | None = None) -> None:  # fmt: skip
        self.module = module
        self.path = path
        self.route = route
        self.reasons = reasons
        self.cached = cached
        self.edit: str | None = None

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
        if self.edit is not None:
            out.append(f"  edit:   {self.edit}")
        return "\n".join(out)


#: Objects and bitcode are made to work without this package.
FILES_FOR_OTHERS = "files that others link or load have no run-time library of ours"

#: The C route was asked for.
ASKED_FOR_C = "the settings ask for the C route"
_ALL = "the tree route supports all of it"


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
            explanation = _explain(name, found.path, found.settings())
            explanation.edit = _last_edit(name)
            return explanation
        if not str(path).endswith(".bc"):
            raise TypeError(f"module {name!r} was not loaded by cython_llvm")
        return Explanation(name, path, "c", (FILES_FOR_OTHERS,))
    path = os.path.abspath(os.fspath(module_or_path))
    if not os.path.exists(path):
        raise FileNotFoundError(f"no such file: '{path}'")
    name = os.path.splitext(os.path.basename(path))[0]
    return _explain(name, path, default_settings())


def _last_edit(name: str) -> str | None:
    """What the last reload of a module had to do, in words."""
    from . import incremental, shortened

    report = incremental.reports.get(name)
    if report is None or name not in shortened.ways:
        return None
    why = shortened.ways[name]
    analysed = "only the edited function analysed" if not why else f"the whole source analysed, because {why}"
    return f"{report.compiled} of {report.functions} functions compiled; {analysed}"


def _explain(name: str, path: str, settings: Settings) -> Explanation:
    if settings.route == "c":
        return Explanation(name, path, "c", (ASKED_FOR_C,))
    reasons = why_not(path, name, settings)
    if settings.route == "tree":
        return Explanation(name, path, "tree", reasons or ("route='tree' asks for it",))
    return Explanation(name, path, "c" if reasons else "tree", reasons or (_ALL,))


def why_not(path: str, name: str, settings: Settings) -> tuple[str, ...]:
    """Everything that keeps a source file off the tree route; found once, then known."""
    from . import routes, sharedutil, verdicts

    with open(path, "rb") as file:
        source = file.read()
    key = verdicts.key(path, source, name, settings)
    known = verdicts.known(key)
    if known:
        return known
    unit, choice = routes.analyse(path, name, settings, shared_utility=sharedutil.available(),
                                  c_text=False)  # fmt: skip
    if choice.reasons:
        verdicts.remember(key, choice, unit.dependencies, unit.absent, unit.place)
    return choice.reasons


def route_line(shown: str, route: str, reasons: tuple[str, ...]) -> str:
    """What the commands print with --explain: the route of one source, and why."""
    found = Explanation(shown, None, route, reasons or (_ALL,))
    return "\n".join([f"{shown}: route: {found.route}", *found.because()])
