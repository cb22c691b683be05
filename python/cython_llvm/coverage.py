"""A plugin for coverage.py: Cython's own, which finds the lines of modules without a C file too.

``plugins = cython_llvm.coverage`` in .coveragerc; where the hook is installed, ``Cython.Coverage`` is
the same.  What counts as a line, what is excluded, and how sources are found is Cython's part.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from math import inf
from typing import Any

from Cython import Coverage as stock

from . import tracedlines

#: What stands for the C file of a module that has none.
_SUFFIX = ".lines"
_SOURCES = (".pyx", ".py", ".pxd", ".pxi")
_INCLUDED = (".pxd", ".pxi")

#: When it was made, the module's main source without a suffix, its lines.
Found = tuple[float, str, bytes]


class Plugin(stock.Plugin):  # type: ignore[misc]
    """Cython's plugin, with a further place to look at."""

    def __init__(self) -> None:
        super().__init__()
        self._c_files_map: dict[str, Any] = {}
        self._lines: dict[str, bytes] = {}  # by what stands for a C file
        self._kept: set[str] = set()
        self._loaded = _Loaded()

    def file_tracer(self, filename: str) -> Any:
        tracer = super().file_tracer(filename)
        name = getattr(tracer, "c_file", None)
        if name in self._lines and name not in self._kept:
            self._kept.add(name)
            for source, (of, *_) in self._c_files_map.items():
                if of == name:
                    tracedlines.keep(source, name.removesuffix(_SUFFIX), self._lines[name])
        return tracer

    def _find_source_files(self, filename: str) -> tuple[str | None, str | None]:
        suffix = os.path.splitext(filename)[1].lower()
        found = max(self._candidates(filename, suffix), default=None) if suffix in _SOURCES else None
        c_file = py_file = None
        if found is None or suffix != ".pxi":
            c_file, py_file = super()._find_source_files(filename)
        if found is None or (c_file is not None and os.path.getmtime(c_file) > found[0]):
            return c_file, py_file
        _, module, lines = found
        self._lines[module + _SUFFIX] = lines
        return module + _SUFFIX, (module + ".py" if os.path.exists(module + ".py") else None)

    def _candidates(self, filename: str, suffix: str) -> Iterator[Found]:
        """What is known of the module that a source belongs to."""
        base = os.path.splitext(filename)[0]
        for found in self._loaded.found():
            for one in (found, _beside(filename, found)):  # the library may lie elsewhere
                if filename in self._sources(one):
                    yield one  # it is what runs
                    return
        kept = tracedlines.kept(filename)
        if kept is not None:
            yield kept
        yield from _with_lines([base + end for end in EXTENSION_SUFFIXES])
        if suffix in _INCLUDED:
            for library in _libraries_around(os.path.dirname(filename)):
                for found in _with_lines([library]):
                    if filename in self._sources(found):
                        yield found

    def _sources(self, found: Found) -> set[str]:
        """The files that a module's lines are of."""
        name = found[1] + _SUFFIX
        return {stock._find_dep_file_path(name, file, relative_path_search=True)
                for file in tracedlines.files(found[2])}  # fmt: skip

    def _parse_cfile_lines(self, c_file: str) -> Any:
        lines = self._lines.get(c_file)
        if lines is None:
            return super()._parse_cfile_lines(c_file)
        with tempfile.NamedTemporaryFile(suffix=".c") as file:
            file.write(lines)
            file.flush()
            return super()._parse_cfile_lines(file.name)


def _with_lines(libraries: list[str]) -> Iterator[Found]:
    """Those of the libraries that say which lines they have."""
    for path in libraries:
        lines = tracedlines.of_library(path) if os.path.isfile(path) else b""
        if lines:
            yield os.path.getmtime(path), _without_suffix(path), lines


def _beside(source: str, found: Found) -> Found:
    """The same, as if the module's main source lay beside a source."""
    time, module, lines = found
    return time, os.path.join(os.path.dirname(source), os.path.basename(module)), lines


def _without_suffix(library: str) -> str:
    """Where the source of a library is that lies beside it, without a suffix."""
    return next(library.removesuffix(end) for end in EXTENSION_SUFFIXES if library.endswith(end))


def _libraries_around(folder: str) -> Iterator[str]:
    """Extension modules in a folder, and in those of the packages around it."""
    while os.path.isdir(folder):
        yield from (os.path.join(folder, name) for name in sorted(os.listdir(folder))
                    if name.endswith(tuple(EXTENSION_SUFFIXES)))  # fmt: skip
        if not stock.is_package_dir(folder):
            return
        folder = os.path.dirname(folder)


class _Loaded:
    """What the modules of this process say of their lines."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._libraries: list[Found] = []

    def found(self) -> Iterator[Found]:
        """Those that have lines; they count for more than any file."""
        from .loader import PyxLoader

        for name in sys.modules.keys() - self._seen:
            values = getattr(sys.modules.get(name), "__dict__", {})
            if type(values.get("__loader__")) is not PyxLoader:
                self._seen.add(name)
                file = values.get("__file__")
                if isinstance(file, str) and file.endswith(tuple(EXTENSION_SUFFIXES)):
                    self._libraries += ((inf, *rest) for _, *rest in _with_lines([file]))
                continue
            loader = values["__loader__"]  # asked each time: a reload may change what it has
            lines = tracedlines.of_library(loader.library) if loader.library else b""
            lines = lines or tracedlines.compiled_from(loader.path)
            if lines:
                yield inf, os.path.splitext(loader.path)[0], lines
        yield from self._libraries


def coverage_init(registry: Any, options: Any) -> None:
    """What coverage.py calls."""
    plugin = Plugin()
    registry.add_configurer(plugin)
    registry.add_file_tracer(plugin)
