"""``install()``: .pyx files import as Python modules do, with pyximport's parameters and rules.

The finder of .pyx files comes last on ``sys.meta_path``, that of .py files (``pyimport=True``)
first, as pyximport places them.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib_external import PathFinder  # importlib.machinery costs as much as the rest

from . import cache, loader
from .settings import Settings, chosen_settings

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from .pyimport import PyFinder


def _search(name: str, path: Sequence[str] | None, suffixes: Sequence[str]) -> str | None:
    """The source that ``import name`` means, packages (``__init__``) before modules."""
    last = name.rpartition(".")[2]
    for folder in sys.path if path is None else path:
        if not isinstance(folder, str):
            continue
        folder = folder or os.getcwd()
        base = os.path.join(folder, last)
        for suffix in suffixes:
            package = os.path.join(base, "__init__" + suffix)
            if os.path.isfile(package):
                return package
            if os.path.isfile(base + suffix):
                return base + suffix
        if path is None:
            # pyximport also takes files with the dotted name.
            for suffix in suffixes:
                dotted = os.path.join(folder, name + suffix)
                if "." in name and os.path.isfile(dotted):
                    return dotted
    return None


def _for_file(settings: Settings, name: str, source: str, setup_args: Mapping[str, Any]) -> Settings:
    """The settings with what ``setup_args`` and the files beside the source say."""
    base = os.path.splitext(source)[0]
    if setup_args or os.path.exists(base + ".pyxbld") or os.path.exists(base + ".pyxdep"):
        from . import pyxbld

        return pyxbld.apply(settings, name, source, setup_args)
    return settings


class PyxFinder:
    """Finds .pyx files, after everything else has looked."""

    suffixes: tuple[str, ...] = (".pyx",)

    def __init__(self, options: Callable[[], Settings], *, in_place: bool = False,
                 setup_args: Mapping[str, Any] | None = None) -> None:  # fmt: skip
        self._options = options
        self._in_place = in_place
        self._setup_args = dict(setup_args or {})

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:  # fmt: skip
        source = _search(fullname, path, self.suffixes)
        if source is None:
            return None
        source = os.path.abspath(source)

        def options() -> Settings:
            return _for_file(self._options(), fullname, source, self._setup_args)

        return loader.spec_for(fullname, source, options, in_place=self._in_place)


class PyxPackageFinder:
    """Takes over where Python would see a folder with an ``__init__.pyx`` as a namespace package.

    Stands right before the finder of sys.path, and asks it first.
    """

    def __init__(self, inner: PyxFinder) -> None:
        self.inner = inner

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:  # fmt: skip
        own = getattr(target, "__loader__", None)
        if type(own) is loader.PyxLoader:
            # reload(): a library beside the source must not take the place of the edited source.
            found = self.inner.find_spec(fullname, path, target)
            if found is not None and found.origin == own.path:
                return found
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is not None or not spec.submodule_search_locations:
            return spec
        return self.inner.find_spec(fullname, path, target) or spec


def _installed(kind: type) -> Any:
    return next((finder for finder in sys.meta_path if type(finder) is kind), None)


def install(
    pyximport: bool = True,
    pyimport: bool = False,
    build_dir: str | None = None,
    build_in_temp: bool = True,
    setup_args: Mapping[str, Any] | None = None,
    reload_support: bool = False,
    load_py_module_on_import_failure: bool = False,
    inplace: bool = False,
    language_level: Any = None,
    *,
    opt_level: int | None = None,
    march: str | None = None,
    route: str | None = None,
    directives: Mapping[str, Any] | None = None,
    include_path: Iterable[str] | None = None,
    watch: bool = False,
    prune: bool = False,
) -> tuple[PyFinder | None, PyxFinder | None]:
    """Make ``import`` compile .pyx files (and .py files with ``pyimport=True``).

    The first nine parameters are pyximport's.  ``build_dir`` is the cache's place; ``setup_args``
    may hold ``include_dirs`` and ``options`` of ``build_ext``; ``build_in_temp``
    and ``reload_support`` are accepted and always so: nothing is built beside the source, and
    ``importlib.reload`` always recompiles.  ``inplace=True`` writes the shared library beside the
    source.  ``watch=True`` starts a thread that reloads what is edited; ``prune=True`` makes reloads
    drop functions and classes that the source no longer has.  The others are settings of the compiler.

    Returns (importer of .py, importer of .pyx), None for what was installed already, as
    `uninstall` takes them.
    """
    if build_dir is not None:
        cache.set_directory(build_dir)

    def options() -> Settings:
        return chosen_settings(language_level=language_level, opt_level=opt_level, march=march,
                               route=route, directives=directives, include_path=include_path)  # fmt: skip

    if watch or prune:
        from . import live, live_watch

        live.options.prune = prune
        live_watch.watch(watch)
    options()  # a wrong value is told now, not at the first import
    py_importer: PyFinder | None = None
    pyx_importer: PyxFinder | None = None
    if pyimport:
        from .pyimport import PyFinder

        if _installed(PyFinder) is None:
            py_importer = PyFinder(options, in_place=inplace, setup_args=setup_args,
                                   fall_back=load_py_module_on_import_failure)  # fmt: skip
            sys.meta_path.insert(0, py_importer)  # type: ignore[arg-type]
    if pyximport and _installed(PyxFinder) is None:
        pyx_importer = PyxFinder(options, in_place=inplace, setup_args=setup_args)
        sys.meta_path.append(pyx_importer)  # type: ignore[arg-type]
        if PathFinder in sys.meta_path:
            packages = PyxPackageFinder(pyx_importer)
            sys.meta_path.insert(sys.meta_path.index(PathFinder), packages)  # type: ignore[arg-type]
    return py_importer, pyx_importer


def uninstall(py_importer: PyFinder | None, pyx_importer: PyxFinder | None) -> None:
    """Undo an `install`; takes what it returned.  Modules stay loaded."""
    for finder in list(sys.meta_path):
        if finder is not None and getattr(finder, "inner", finder) in (py_importer, pyx_importer):
            sys.meta_path.remove(finder)
    cache.set_directory(None)
