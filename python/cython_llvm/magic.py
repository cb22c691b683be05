"""``%load_ext cython_llvm``: the cell magics of Cython, compiled in this process.

The names, options and rules are those of Cython's own extension.  Different: no compiler is needed,
cells share C functions and types (`cells`), and a cell run again replaces what it defined.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from IPython.core import magic_arguments
from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.display import HTML

from . import cells, errors
from .settings import Settings, default_settings

_NO_PGO = (
    "%%cython --pgo is not supported: cython_llvm has no profile-guided optimisation; "
    "the cell runs twice all the same"
)


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; called by ``%load_ext cython_llvm``."""
    shell.register_magics(CythonMagics(shell))


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics out again; called by ``%unload_ext cython_llvm``."""
    for name in ("cython", "cython_inline", "cython_pyximport"):
        found = shell.magics_manager.magics["cell"].get(name)
        if isinstance(getattr(found, "__self__", None), CythonMagics):
            del shell.magics_manager.magics["cell"][name]


@magics_class
class CythonMagics(Magics):  # type: ignore[misc]
    """``%%cython``, ``%%cython_inline`` and ``%%cython_pyximport``."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._session = cells.Session()
        self._by_pyximport: dict[str, ModuleType] = {}

    @cell_magic  # type: ignore[misc]
    def cython_inline(self, line: str, cell: str) -> Any:
        """Compile and run a cell with `cython_llvm.inline`, and give its value::

            %%cython_inline
            return a + b

        ``a`` and ``b`` are taken from the user's namespace.
        """
        from .inlining import inline

        return inline(cell, locals=self.shell.user_global_ns, globals=self.shell.user_ns)

    @cell_magic  # type: ignore[misc]
    def cython_pyximport(self, line: str, cell: str) -> None:
        """Write a cell to ``NAME.pyx`` in the working directory, and import or reload it::

            %%cython_pyximport NAME
            def f(x):
                return 2.0 * x

        All its names go to the user's namespace.
        """
        import importlib

        from . import importer

        name = line.strip()
        if not name:
            raise ValueError("module name must be given")
        with open(name + ".pyx", "w", encoding="utf-8") as file:
            file.write(cell)
        importer.install()
        importlib.invalidate_caches()
        module = self._by_pyximport.get(name)
        if module is not None and sys.modules.get(name) is module:
            module = importlib.reload(module)
        else:
            if os.getcwd() not in sys.path and "" not in sys.path:
                sys.path.insert(0, "")
            module = importlib.import_module(name)
        self._by_pyximport[name] = module
        self._import_all(module)

    @magic_arguments.magic_arguments()
    @magic_arguments.argument(
        "-a", "--annotate", action="store_const", const="default", dest="annotate",
        help="Produce a colorized HTML version of the source.",
    )  # fmt: skip
    @magic_arguments.argument(
        "--annotate-fullc", action="store_const", const="fullc", dest="annotate",
        help="Produce a colorized HTML version of the source which includes the entire C that stock "
             "Cython generates.",
    )  # fmt: skip
    @magic_arguments.argument(
        "-+", "--cplus", action="store_true", default=False, help="Compile as C++ rather than C."
    )
    @magic_arguments.argument(
        "-3", dest="language_level", action="store_const", const=3, default=None,
        help="Select Python 3 syntax.",
    )  # fmt: skip
    @magic_arguments.argument(
        "-2", dest="language_level", action="store_const", const=2, default=None,
        help="Select Python 2 syntax.",
    )  # fmt: skip
    @magic_arguments.argument(
        "-f", "--force", action="store_true", default=False,
        help="Compile the cell even if the cache holds it.",
    )  # fmt: skip
    @magic_arguments.argument(
        "-X", "--directive", action="append", default=[], metavar="name=value,...",
        help="Set compiler directives (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "-c", "--compile-args", action="append", default=[],
        help="Extra flags for the compiler (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "--link-args", action="append", default=[],
        help="Extra flags for the linker (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "-l", "--lib", action="append", default=[],
        help="Add a library to link against (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument("-n", "--name", help="Specify a name for the Cython module.")
    @magic_arguments.argument(
        "-L", dest="library_dirs", metavar="dir", action="append", default=[],
        help="Add a path to the list of library directories (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "-I", "--include", action="append", default=[],
        help="Add a path to the list of include directories (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "-S", "--src", action="append", default=[],
        help="Add a path to the list of src files (can be specified multiple times).",
    )  # fmt: skip
    @magic_arguments.argument(
        "--pgo", dest="pgo", action="store_true", default=False, help="Not supported."
    )
    @magic_arguments.argument(
        "--verbose", dest="quiet", action="store_false", default=True,
        help="Print where the source is, how it was compiled, and how long that took.",
    )  # fmt: skip
    @cell_magic  # type: ignore[misc]
    def cython(self, line: str, cell: str) -> Any:
        """Compile a cell of Cython and import everything from it::

            %%cython
            cdef double half(double x):
                return x / 2
            def f(x):
                return half(x)

        No compiler is needed.  A cell may use the cdef functions and the types of cells before it.  A
        cell that defines the names of an earlier one is that cell run again: the new code takes the
        place of the old.
        """
        arguments = magic_arguments.parse_argstring(self.cython, line)
        code = cell if cell.endswith("\n") else cell + "\n"
        started = time.perf_counter()
        try:
            settings = _settings(arguments, code)
            with _warnings(), _distutils_log(arguments.quiet):
                if arguments.pgo:
                    print(_NO_PGO, file=sys.stderr)
                    self._session.run_aside(code, settings, "_pgo_", arguments.name)
                ran = self._session.run(code, settings, name=arguments.name, key=self._cell_id(),
                                        force=arguments.force)  # fmt: skip
            html = self._annotated(ran, arguments.annotate) if arguments.annotate else None
        except (errors.CompileError, errors.LinkError) as error:
            text = str(error)
            print(text if "error" in text.lower() else f"error: {text}", file=sys.stderr)
            return None
        if not arguments.quiet:
            taken = time.perf_counter() - started
            uses = ", ".join(used.module_name for used in ran.uses)
            print(f"[cython_llvm] {ran.loader.path}: module {ran.module_name}, {taken * 1e3:.0f} ms"
                  + (f", uses {uses}" if uses else ""))  # fmt: skip
        self._import_all(ran.module)
        return html

    def _cell_id(self) -> str | None:
        """What a notebook calls the cell, so that it is known when it is edited and run again."""
        try:
            metadata = self.shell.get_parent()["metadata"]
        except (AttributeError, KeyError, TypeError):
            return None
        found = metadata.get("cellId") or metadata.get("cell_id")
        return found if isinstance(found, str) else None

    def _import_all(self, module: ModuleType) -> None:
        names = module.__dict__
        wanted = names["__all__"] if "__all__" in names else [n for n in names if not n.startswith("_")]
        for name in wanted:
            if name not in names:
                raise AttributeError(f"'module' object has no attribute {name!r}")
            self.shell.push({name: names[name]})

    @staticmethod
    def _annotated(ran: cells.Cell, kind: str) -> Any:
        from . import frontend

        unit = frontend.generate_c(ran.loader.path, ran.module_name, ran.settings, annotate=kind)
        return HTML(_without_frame(unit.annotated))


@contextmanager
def _distutils_log(quiet: bool) -> Iterator[None]:
    """With --verbose, distutils says all that it does, where it takes part."""
    log = None if quiet else getattr(sys.modules.get("distutils"), "log", None)
    if log is None:
        yield
        return
    before = log.set_threshold(log.DEBUG)
    try:
        yield
    finally:
        log.set_threshold(before)


@contextmanager
def _warnings() -> Iterator[None]:
    """Print what clang warns of, as stock Cython's magic does."""
    from . import cdiag, compiling

    def show(built: compiling.Built) -> None:
        for message in built.messages:
            print(cdiag.format_diagnostic(message))

    compiling.listeners.append(show)
    try:
        yield
    finally:
        compiling.listeners.remove(show)


def _settings(arguments: Any, code: str) -> Settings:
    from Cython.Compiler import Options

    directives: dict[str, Any] = {}
    for given in arguments.directive:
        try:
            directives = Options.parse_directive_list(given, relaxed_bool=True, current_settings=directives)
        except ValueError as error:
            raise UsageError(f"%%cython -X {given}: {error}") from None
    settings = default_settings().with_(
        language="c++" if arguments.cplus else "c",
        language_level=arguments.language_level or 3,
        directives=directives,
        include_path=(os.getcwd(),),
        include_dirs=tuple(map(os.path.abspath, arguments.include)),
        library_dirs=tuple(map(os.path.abspath, arguments.library_dirs)),
        libraries=tuple(arguments.lib),
        extra_sources=tuple(os.path.abspath(source) for source in arguments.src),
        extra_compile_args=(*_said_in(code), *_flags(arguments.compile_args)),
        extra_link_args=tuple(_flags(arguments.link_args)),
    )
    if "numpy" in code:
        from . import distutils_header

        settings = distutils_header.with_numpy(settings)
    return settings


def _said_in(code: str) -> tuple[str, ...]:
    """Flags that let a cell's own C speak, and nothing else of the generated C."""
    if "#pragma message" in code or "#warning" in code:
        return ("-Wno-everything", "-W#pragma-messages", "-W#warnings")
    return ()


def _flags(given: list[str]) -> list[str]:
    """Flags that may stand in one option, separated by blanks; OpenMP is always there."""
    import shlex

    found = [flag for one in given for flag in shlex.split(one.strip("'\""))]
    return [flag for flag in found if not flag.startswith(("-fopenmp", "-qopenmp"))]


def _without_frame(html: str) -> str:
    """A page's styles and the content of its body, the link to the C file left out."""
    import re

    styles = re.findall("<style.*</style>", html, re.MULTILINE | re.DOTALL)
    body = re.search(r"<body[^>]*>(.+)</body>", html, re.MULTILINE | re.DOTALL)
    text = body.group(1) if body else html
    lines = [line for line in text.splitlines() if not line.startswith("<p>Raw output: <a href=")]
    return "\n".join([*styles, *lines])
