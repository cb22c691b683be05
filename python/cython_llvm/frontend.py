"""Stock Cython, in this process, from a source file to C text.

Cython is used as it is installed: its own pipeline, options and messages.  What it would print is
collected instead, and every file that it read, or looked for in vain, is noted for the cache.
"""

from __future__ import annotations

import gc
import io
import os
import re
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import distutils_header, errors, floatmath, live_info, scratch, tracedlines
from .settings import Settings

#: Cython's compiler keeps global state; one compilation at a time.
LOCK = threading.RLock()

_PLACE = re.compile(r"^(?P<file>[^\n:]+):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$", re.MULTILINE)
_NESTING = re.compile(
    rb"""#[^\n]*|\"\"\".*?\"\"\"|'''.*?'''|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[(\[{]|[)\]}]""",
    re.DOTALL,
)
_MAXIMUM_NESTING = 1000  # brackets; Cython's parser, which recurses, runs out of stack at some 3500
_MAXIMUM_INCLUDES = 100  # of one file from one place, where they go round in a circle

#: Modules whose names are hashes of their code: no .pxd belongs to them, and nobody cimports them.
NAMED_BY_CONTENT = ("_cython_inline_", "_cython_jit_")

_NUMPY = re.compile(rb"\b(?:cimport\s+numpy|from\s+numpy[\w.]*\s+cimport|cython\.cimports\.numpy)\b")


@dataclass(frozen=True)
class CUnit:
    """What Cython made of one module."""

    module_name: str
    source_path: str
    c_text: bytes
    c_filename: str  # beside the source; it need not exist
    language: str  # "c" or "c++"
    settings: Settings  # merged with the source's own `# distutils:` lines
    headers: dict[str, bytes] = field(default_factory=dict)  # public and api headers, by file name
    dependencies: tuple[str, ...] = ()  # existing files that were read, the source left out
    absent: tuple[str, ...] = ()  # files that would have been read, had they been there
    warnings: str = ""
    annotated: str = ""  # HTML
    place: str = ""  # the working directory, where what .pxd files pass on depends on it
    live: bytes = b""  # what the code is to say of itself for a later reload
    lines: bytes = b""  # what it says of its lines, for `coverage`


class _Watch:
    """The files that Cython asked for."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self.absent: dict[str, None] = {}
        self._includes: dict[tuple[str, str], int] = {}

    def goes_round(self, source: str, target: str) -> bool:
        """Note an `include`; true where it has long been clear that it would never end."""
        edge = (os.path.abspath(source), os.path.abspath(target))
        self._includes[edge] = times = self._includes.get(edge, 0) + 1
        if times < _MAXIMUM_INCLUDES:
            return False
        reached, new = {edge[1]}, [edge[1]]
        while new:
            here = new.pop()
            for origin, to in self._includes:
                if origin == here and to not in reached:
                    reached.add(to)
                    new.append(to)
        return edge[0] in reached


def _context_class(watch: _Watch, messages: io.StringIO) -> type:
    from Cython.Compiler import Errors, Options
    from Cython.Compiler.Main import Context

    class WatchedContext(Context):
        """Notes which files are looked for, and keeps messages to itself."""

        def setup_errors(self, options: Any, result: Any) -> None:
            Errors.reset()
            Errors.open_listing_file(None, echo_to_stderr=False)
            Errors.threadlocal.cython_errors_echo_file = messages

        def parse(self, source_desc: Any, scope: Any, pxd: Any, full_module_name: str) -> Any:
            tree = super().parse(source_desc, scope, pxd, full_module_name)
            prelude = PRELUDES.get(getattr(source_desc, "filename", ""))
            return _with_prelude(tree, prelude, self, scope) if prelude else tree

        def process_pxd(self, source_desc: Any, scope: Any, module_name: str) -> Any:
            result = super().process_pxd(source_desc, scope, module_name)
            for entry in scope.c_class_entries if Options.cimport_from_pyx else ():
                for method in getattr(entry.type.scope, "cfunc_entries", ()):
                    # The functions themselves are nothing that others could call, only their table is.
                    method.func_cname = method.final_func_cname = None
            return result

        def find_include_file(self, filename: str, source_file_pos: Any = None) -> str | None:
            path: str | None = super().find_include_file(filename, source_file_pos)
            if path and source_file_pos and watch.goes_round(source_file_pos[0].filename, path):
                Errors.error(source_file_pos, f"'{filename}' includes itself again and again")
                return None
            return path

        def search_include_directories(self, qualified_name: str, *args: Any, **kwargs: Any) -> Any:
            if qualified_name.startswith(NAMED_BY_CONTENT):
                return None
            path = super().search_include_directories(qualified_name, *args, **kwargs)
            if path and os.path.abspath(path) not in watch.found:
                watch.found[os.path.abspath(path)] = None
                _note_for_lexicon(path)
            self._note_absent(qualified_name, path, *args, **kwargs)
            return path

        def _note_absent(self, qualified_name: str, found: str | None, suffix: str = "",
                         source_pos: Any = None, include: bool = False, sys_path: bool = False,
                         source_file_path: str | None = None) -> None:  # fmt: skip
            from Cython.Utils import find_root_package_dir

            origin = source_file_path
            if origin is None and source_pos:
                origin = getattr(source_pos[0], "filename", None)
            dirs = list(self.include_directories)
            if origin:
                dirs.insert(0, os.path.dirname(origin) if include else find_root_package_dir(origin))
            names = [qualified_name + suffix]
            if not include:
                nested = qualified_name.replace(".", os.sep)
                names += [nested + suffix, os.path.join(nested, "__init__" + suffix)]
            for folder in dirs:
                for name in names:
                    path = os.path.abspath(os.path.join(folder, name))
                    if found and path == os.path.abspath(found):
                        return
                    if not os.path.exists(path):
                        watch.absent[path] = None

    return WatchedContext


#: Cimports that stand before the text of a source: path -> text.
PRELUDES: dict[str, str] = {}


def _with_prelude(tree: Any, prelude: str, context: Any, scope: Any) -> Any:
    """A module's tree with further statements in front; they count as in its first line."""
    from Cython.Compiler import Nodes, Parsing
    from Cython.Compiler.Scanning import PyrexScanner

    source = tree.pos[0]
    scanner = PyrexScanner(
        io.StringIO(prelude.replace("\n", ";")), source, source_encoding="utf-8", scope=scope, context=context
    )
    first = Parsing.p_module(scanner, None, tree.full_module_name)
    tree.body = Nodes.StatListNode(tree.body.pos, stats=[first.body, tree.body])
    return tree


def silent_context(options: Any) -> Any:
    """A context for a compilation whose messages nobody wants."""
    return _context_class(_Watch(), io.StringIO()).from_options(options)  # type: ignore[attr-defined]


def cython_error(text: str, source: str) -> errors.CompileError:
    """What to raise where Cython refused ``source`` with ``text``."""
    diagnostics = [
        {
            "severity": "error",
            "message": found["message"],
            "file": found["file"],
            "line": int(found["line"]),
            "column": int(found["column"]),
            "source_line": None,
            "option": None,
        }
        for found in _PLACE.finditer(text)
        if not found["message"].startswith("warning:")
    ]
    message = text.strip("\n") or f"Cython could not compile '{source}' and gave no reason"
    return _error_class()(message, code="CYL1201", diagnostics=diagnostics)


@lru_cache(maxsize=1)
def _error_class() -> type[errors.CompileError]:
    """Caught as our CompileError and as Cython's own, since it is Cython that refuses."""
    from Cython.Compiler.Errors import CompileError as CythonsCompileError

    class CythonCompileError(errors.CompileError, CythonsCompileError):
        """Cython refused the source."""

        def __init__(self, message: str, **keywords: Any) -> None:
            errors.CompileError.__init__(self, message, **keywords)
            self.position = None
            self.message_only = self.formatted_message = message
            self.reported = True

        def __str__(self) -> str:
            return str(self.args[0])

    CythonCompileError.__name__ = CythonCompileError.__qualname__ = "CompileError"
    return CythonCompileError


def _read_source(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise errors.CompileError(
            f"'{path}' cannot be read: {error.strerror}", code="CYL1203"
        ) from error
    if b"\0" in data:
        raise errors.CompileError(
            f"'{path}' is not Cython source: it holds a NUL byte at offset {data.index(0)}",
            code="CYL1204",
        )
    check_nesting(data, path)
    return data


def check_nesting(source: bytes, name: str) -> None:
    """Raise `CompileError` for source that would make Cython's parser run out of stack."""
    if _nesting(source) > _MAXIMUM_NESTING:
        raise errors.CompileError(
            f"'{name}': brackets are nested more than {_MAXIMUM_NESTING} deep", code="CYL1205"
        )


def _nesting(source: bytes) -> int:
    """How deep brackets are nested, about."""
    if source.count(b"(") + source.count(b"[") + source.count(b"{") <= _MAXIMUM_NESTING:
        return 0
    depth = deepest = 0
    for found in _NESTING.finditer(source):
        first = found[0][:1]
        if first in b"([{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b")]}":
            depth = max(depth - 1, 0)
    return deepest


def _options(settings: Settings, language: str, output: str, shared_utility: str | None) -> Any:
    from Cython.Compiler import Options

    values: dict[str, Any] = {
        "include_path": list(settings.include_path),
        "cplus": language == "c++",
        "compiler_directives": dict(settings.directives),
        "output_file": output,
        "errors_to_stderr": False,
        "annotate": False,
        "formal_grammar": False,
    }
    if settings.language_level is not None:
        values["language_level"] = settings.language_level
    if settings.compile_time_env is not None:
        values["compile_time_env"] = dict(settings.compile_time_env)
    if shared_utility is not None:
        values["shared_utility_qualified_name"] = shared_utility
    return Options.CompilationOptions(Options.default_options, **values)


def generate_c(
    path: str,
    module_name: str,
    settings: Settings,
    *,
    shared_utility: str | None = None,
    annotate: str | None = None,
) -> CUnit:
    """Run Cython on one file; raises `errors.CompileError` with the text that Cython prints.

    ``shared_utility`` is the qualified name of a module that holds the memoryview code.
    ``annotate``: "default" or "fullc", for the annotated HTML too.
    """
    path = os.path.abspath(path)
    source = _read_source(path)
    settings, language = distutils_header.merge(settings, source, path)
    if _NUMPY.search(source):
        settings = distutils_header.with_numpy(settings)
    with LOCK, scratch.folder() as folder:
        _current.append(_Current(settings, language))
        try:
            return _generate(path, module_name, settings, language, folder, shared_utility, annotate)
        finally:
            _current.pop()


@dataclass
class _Current:
    """A compilation that goes on."""

    settings: Settings
    language: str
    watch: _Watch | None = None


_current: list[_Current] = []


def current() -> tuple[Settings, str]:
    """The settings and the language of the compilation that goes on.

    With what the source itself says, and the .pxd files that have been read for it by now.
    """
    now = _current[-1]
    found = now.watch.found if now.watch is not None else {}
    return distutils_header.merge_pxds(now.settings, found)[0], now.language


def _generate(path: str, module_name: str, settings: Settings, language: str, folder: str,
              shared_utility: str | None, annotate: str | None = None) -> CUnit:  # fmt: skip
    from . import compiler_import, lexicon, prange_frontend

    compiler_import.import_compiler()
    _note_for_lexicon(path)
    from Cython import Utils
    from Cython.Compiler import Main

    # Cython remembers where files are for the life of the process; files come and go.
    Utils.clear_function_caches()
    suffix = ".cpp" if language == "c++" else ".c"
    base = os.path.splitext(os.path.basename(path))[0]
    output = os.path.join(folder, base + suffix)
    watch, messages = _Watch(), io.StringIO()
    _current[-1].watch = watch
    from Cython.Compiler import Options

    thresholds = gc.get_threshold()
    from_pyx = Options.cimport_from_pyx
    # A compilation's objects live until its end; looking for garbage among them is in vain.
    gc.set_threshold(200_000, *thresholds[1:])
    try:
        options = _options(settings, language, output, shared_utility)
        options.annotate = annotate or False
        context = _context_class(watch, messages).from_options(options)
        Options.cimport_from_pyx = settings.cimport_from_pyx
        with compiler_import.no_programs(), prange_frontend.mixed_signs():
            result = Main.compile_single(path, options, module_name, context=context)
    except Exception as error:
        text = messages.getvalue()
        if isinstance(error, (Main.Errors.PyrexError, ValueError, UnicodeError, RuntimeError)):
            raise cython_error(text + str(error), path) from error
        if isinstance(error, LookupError) and "encoding" in str(error):
            raise errors.CompileError(f"'{path}': {error}", code="CYL1204") from error
        if isinstance(error, OSError) and scratch.is_full(error):
            raise scratch.refused(error) from error
        raise errors.CompileError(
            f"Cython failed inside on '{path}':\n{text}{traceback.format_exc()}", code="CYL1202"
        ) from error
    finally:
        Options.cimport_from_pyx = from_pyx
        gc.set_threshold(*thresholds)
        lexicon.save()
    if result.num_errors or not result.c_file or not os.path.exists(result.c_file):
        raise cython_error(messages.getvalue(), path)
    if os.path.getsize(result.c_file):
        # It is C that was asked for, not the tree.
        refuse_c_route(path, _read_file(path), settings.directives)
    dependencies = [name for name in watch.found if name != path]
    c_text = _read_file(result.c_file)
    settings, place = distutils_header.merge_pxds(settings, dependencies)
    if distutils_header.includes_numpy(c_text):
        settings = distutils_header.with_numpy(settings)
    module = context.find_module(module_name, need_pxd=0)
    if floats := floatmath.clang_flags(module.directives):
        settings = settings.with_(extra_compile_args=(*floats, *settings.extra_compile_args))
    return CUnit(
        module_name=module_name,
        source_path=path,
        c_text=c_text,
        c_filename=os.path.splitext(path)[0] + suffix,
        language=language,
        settings=settings,
        headers=_headers(folder, os.path.basename(output)),
        dependencies=tuple(dependencies),
        absent=tuple(watch.absent),
        warnings=messages.getvalue(),
        place=place,
        annotated=_read_file(os.path.splitext(output)[0] + ".html").decode() if annotate else "",
        live=live_info.describe(module, _read_file(path), language),
        lines=getattr(result, "traced_lines", b"") or tracedlines.of_c(c_text),
    )


def refuse_c_route(path: str, source: bytes, directives: Mapping[str, Any]) -> None:
    """Raise `CompileError` for a source with directives that need the tree route."""
    from . import directives as ours

    found = ours.needs_tree_route(source.decode("utf-8", "replace"), directives)
    if found is not None:
        raise errors.CompileError(f"'{path}', {found}: needs route 'tree'", code="CYL1302")


def _note_for_lexicon(path: str) -> None:
    from . import lexicon

    try:
        lexicon.note_source(_read_file(path))
    except OSError:
        pass  # Cython reports it


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _headers(folder: str, c_name: str) -> dict[str, bytes]:
    return {
        name: _read_file(os.path.join(folder, name))
        for name in sorted(os.listdir(folder))
        if name != c_name and name.endswith((".h", ".pxi"))
    }
