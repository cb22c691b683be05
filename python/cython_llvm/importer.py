"""``install()``: .pyx files import as Python modules do, with pyximport's parameters and rules.

The finder of .pyx files comes last on ``sys.meta_path``, that of .py files (``pyimport=True``)
first, as pyximport places them.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

from . import cache, loader, pyxbld
from .settings import Settings, default_settings

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

# Never compiled by pyimport: the compiler itself and what a build needs.
_PY_BLOCKED = frozenset({"Cython", "cython", "cython_llvm", "_cython_llvm_hook", "distutils",
                         "setuptools", "pyximport", "numpy", "pip", "importlib", "encodings",
                         "ctypes"})  # fmt: skip


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
            return pyxbld.apply(self._options(), fullname, source, self._setup_args)

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


class PyFinder(PyxFinder):
    """Finds .py files to compile, before everything else; falls back where asked to."""

    suffixes = (".py",)

    def __init__(self, options: Callable[[], Settings], *, in_place: bool = False,
                 setup_args: Mapping[str, Any] | None = None, fall_back: bool = False) -> None:  # fmt: skip
        super().__init__(options, in_place=in_place, setup_args=setup_args)
        self._fall_back = fall_back
        self._busy = False

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:  # fmt: skip
        top = fullname.partition(".")[0]
        # While a module is compiled, the compiler's own imports are plain ones.
        if top in _PY_BLOCKED or top in sys.stdlib_module_names or self._busy:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is None:
            return None
        spec.loader = _GuardedLoader(spec.loader, self)  # type: ignore[arg-type]
        return spec


class _GuardedLoader:
    """A loader whose compilation does not find itself, and may give way to plain Python."""

    def __init__(self, inner: loader.PyxLoader, finder: PyFinder) -> None:
        self._inner = inner
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        finder = self._finder
        finder._busy = True
        try:
            return self._inner.create_module(spec)
        except ImportError:
            if not finder._fall_back:
                raise
            return None
        finally:
            finder._busy = False

    def exec_module(self, module: ModuleType) -> None:
        if self._finder._fall_back and self._inner._fresh is None and not _is_extension(module):
            from importlib.machinery import SourceFileLoader

            plain = SourceFileLoader(self._inner.name, self._inner.path)
            module.__loader__ = plain
            plain.exec_module(module)
            return
        self._inner.exec_module(module)


def _is_extension(module: ModuleType) -> bool:
    return "__pyx_capi__" in module.__dict__ or "__test__" in module.__dict__


class _FileFinder:
    """Knows the modules that `import_file` loaded, so that reload() finds them again."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, Callable[[], Settings]]] = {}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        found = self.known.get(fullname)
        own = getattr(target, "__loader__", None)
        if found is None or getattr(own, "path", None) != found[0]:
            return None
        return loader.spec_for(fullname, *found)


_files = _FileFinder()


def _settings(
    *,
    language_level: Any = None,
    opt_level: int | None = None,
    march: str | None = None,
    route: str | None = None,
    directives: Mapping[str, Any] | None = None,
    include_path: Iterable[str] | None = None,
    language: str | None = None,
    debug: bool | None = None,
) -> Settings:
    changes: dict[str, Any] = {}
    given = {"language_level": language_level, "opt_level": opt_level, "march": march, "route": route,
             "language": language, "debug": debug}  # fmt: skip
    changes.update((name, value) for name, value in given.items() if value is not None)
    if directives is not None:
        changes["directives"] = dict(directives)
    if include_path is not None:
        changes["include_path"] = tuple(os.path.abspath(folder) for folder in include_path)
    return default_settings().with_(**changes)


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
) -> tuple[PyFinder | None, PyxFinder | None]:
    """Make ``import`` compile .pyx files (and .py files with ``pyimport=True``).

    The first nine parameters are pyximport's.  ``build_dir`` is the cache's place; ``setup_args``
    may hold ``include_dirs`` and ``options`` of ``build_ext``; ``build_in_temp``
    and ``reload_support`` are accepted and always so: nothing is built beside the source, and
    ``importlib.reload`` always recompiles.  ``inplace=True`` writes the shared library beside the
    source.  The others are settings of the compiler.

    Returns (importer of .py, importer of .pyx), None for what was installed already, as
    `uninstall` takes them.
    """
    if build_dir is not None:
        cache.set_directory(build_dir)

    def options() -> Settings:
        return _settings(language_level=language_level, opt_level=opt_level, march=march,
                         route=route, directives=directives, include_path=include_path)  # fmt: skip

    options()  # a wrong value is told now, not at the first import
    py_importer: PyFinder | None = None
    pyx_importer: PyxFinder | None = None
    if pyimport and _installed(PyFinder) is None:
        # Loaded now: the finder would otherwise meet the compiler's own modules half-way.
        from . import compiling  # noqa: F401

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


def import_file(
    path: str | os.PathLike[str],
    name: str | None = None,
    route: str = "auto",
    language: str | None = None,
    directives: Mapping[str, Any] | None = None,
    language_level: Any = None,
    include_path: Iterable[str] | None = None,
) -> ModuleType:
    """Compile and import one .pyx, .py or .bc file as module ``name`` (default: the file's name).

    The module is put into ``sys.modules``; ``importlib.reload`` recompiles it from the file.
    Raises `ModuleBuildError` (an ImportError).
    """
    source = os.path.abspath(os.fspath(path))
    if name is None:
        name = os.path.splitext(os.path.basename(source))[0]
    settings = _settings(route=route, language=language, directives=directives,
                         language_level=language_level, include_path=include_path)  # fmt: skip
    if source.endswith(".bc"):
        from . import bitcode

        return bitcode.import_bitcode(source, name, settings)

    def options() -> Settings:
        return pyxbld.apply(settings, name, source, {})

    if _files not in sys.meta_path:
        # First: it answers for reload() only, where a library beside the source must not win.
        sys.meta_path.insert(0, _files)  # type: ignore[arg-type]
    module = loader.load(loader.spec_for(name, source, options))
    _files.known[name] = (source, options)
    return module
