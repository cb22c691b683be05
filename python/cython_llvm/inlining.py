"""``inline``: Cython code in a string, compiled and run where it stands; and whole modules from strings.

The rules are those of ``cython.inline``, whose helper functions do the reading: which names are
unbound, what C type a value gets, which lines go to module level.  What is built from that, and how
it is found again, is ours: the key covers everything that decides the result.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from . import cache, loader
from .settings import Settings, default_settings

UNSAFE_TYPES: Any = object()  # stands for cython.inline's default, which is expensive to import
_CIMPORT = re.compile(r"(?<![\w.])cimport(?=[ \t(*])")
_OF_CYTHON = re.compile(r"(?<![\w.])from[ \t]+cython(?=[ \t]+cimport(?![\w]))")
_STAR = re.compile(r"(?<![\w.])cimport[ \t]*(?:\([ \t]*)?\*")
_QUALIFIED = re.compile(r"([.\w]+)[.]")

#: (code, signature, options) -> function taking the values in the order of their names.
_compiled: dict[Any, Callable[..., Any]] = {}
_unbound: dict[str, tuple[str, ...]] = {}
_lock = threading.RLock()


def _helpers() -> Any:
    """Cython's own module for inline code."""
    from .inlinehelpers import helpers

    return helpers()


def _unbound_symbols(code: str, stripped: str, quiet: bool) -> tuple[str, ...] | None:
    known = _unbound.get(code)
    if known is not None:
        return known
    from . import compiler_import, frontend, lexicon

    helpers = _helpers()
    from Cython.Compiler.Errors import CompilerCrash, PyrexError

    stripped = _OF_CYTHON.sub("from cimported", stripped)  # whose names the reading would drop
    data = stripped.encode("utf-8", "surrogatepass")
    frontend.check_nesting(data, "<inline>")
    with frontend.LOCK, compiler_import.no_programs():
        lexicon.note_source(data)
        try:
            found = helpers.unbound_symbols(stripped)
        except (AssertionError, CompilerCrash):
            # A fragment cannot cimport; as imports, the same names are bound.
            try:
                found = helpers.unbound_symbols(_CIMPORT.sub("import", stripped))
            except (AssertionError, PyrexError):
                if not quiet:
                    print("Could not parse code as a string (to extract unbound symbols).")
                return None
        except PyrexError as error:
            raise frontend.cython_error(str(error), "<inline>") from error
    symbols = tuple(sorted(found))
    _unbound[code] = symbols
    return symbols


def _bind(values: dict[str, Any], symbols: Iterable[str], frame: Any,
          locals: Mapping[str, Any] | None, globals: Mapping[str, Any] | None, tell: bool) -> None:  # fmt: skip
    missing = [symbol for symbol in symbols if symbol not in values]
    if not missing:
        return
    if locals is None:
        locals = frame.f_locals
    if globals is None:
        globals = frame.f_globals
    for symbol in missing:
        if symbol in locals:
            values[symbol] = locals[symbol]
        elif symbol in globals:
            values[symbol] = globals[symbol]
        elif tell:
            print(f"Couldn't find {symbol!r}")


def _type_of(value: Any, context: Any) -> str:
    """Cython's choice; an object where it finds a .pxd that does not declare the value's type."""
    try:
        return str(_helpers().unsafe_type(value, context))
    except AttributeError:
        return "object"


def prepare(
    code: str,
    get_type: Any = UNSAFE_TYPES,
    lib_dir: str | None = None,
    cython_include_dirs: Iterable[str] | None = None,
    cython_compiler_directives: Mapping[str, Any] | None = None,
    force: bool = False,
    quiet: bool = False,
    locals: Mapping[str, Any] | None = None,
    globals: Mapping[str, Any] | None = None,
    language_level: Any = None,
    **kwds: Any,
) -> Any:
    """Compile and run a piece of Cython; the same as ``cython.inline``.

    Unbound names are taken from the keywords, then the caller's locals, then its globals; their C
    types from their values (``get_type(value, context)``; None makes all of them objects).  Without
    ``return`` the result is the dictionary of local variables.  A function as ``code`` is returned
    unchanged.  ``lib_dir`` is where the generated sources go; ``force`` compiles again.

    Raises `CompileError` with Cython's message.
    """
    if not isinstance(code, str):
        return None, code, None
    return plan(sys._getframe(1), code, get_type, lib_dir, cython_include_dirs,
                cython_compiler_directives, force, quiet, locals, globals, language_level, kwds)  # fmt: skip


def plan(frame: Any, code: str, get_type: Any, lib_dir: str | None,
         cython_include_dirs: Iterable[str] | None,
         cython_compiler_directives: Mapping[str, Any] | None, force: bool, quiet: bool,
         locals: Mapping[str, Any] | None, globals: Mapping[str, Any] | None,
         language_level: Any, kwds: dict[str, Any]) -> tuple[Any, Any, Any]:  # fmt: skip
    """(function, its arguments, how the call is recognised), as the native `inline` wants it."""
    directives = dict(cython_compiler_directives or {})
    options = {} if locals is not None or globals is not None or force else _recognised(
        get_type=get_type, lib_dir=lib_dir, cython_include_dirs=cython_include_dirs,
        cython_compiler_directives=cython_compiler_directives, force=force, quiet=quiet,
        locals=locals, globals=globals, language_level=language_level,
    )  # fmt: skip
    if language_level is None and "language_level" not in directives:
        language_level = "3"
    if language_level is not None:
        directives["language_level"] = language_level
    _check_directives(directives)
    include_path = tuple(cython_include_dirs or ())
    given = frozenset(kwds)
    place = None
    with _lock:
        helpers = _helpers()
        if get_type is UNSAFE_TYPES:
            get_type = _type_of
        elif get_type is None:
            get_type = lambda value, context=None: "object"  # noqa: E731
        stripped, literals = helpers.strip_string_literals(code)
        stripped = helpers.strip_common_indent(stripped)
        symbols = _unbound_symbols(code, stripped, quiet)
        if symbols is not None:
            # What `from x cimport *` brings, nobody knows yet.
            _bind(kwds, symbols, frame, locals, globals, tell=not _STAR.search(stripped))
        if symbols is None or any(symbol not in kwds for symbol in symbols):
            options = {}  # what is not there may come
        cimports = []
        values = dict(kwds)
        for name, value in list(kwds.items()):
            if value is helpers.cython_module:
                cimports.append(f"\ncimport cython as {name}")
                del kwds[name]
        context = helpers._create_context(include_path or (".",))
        names = sorted(kwds)
        signature = tuple((get_type(kwds[name], context), name) for name in names)
        if _looks_for_files(code, signature):
            # What "." means is a part of the key.
            relative = include_path or (".",)
            include_path = tuple(map(os.path.abspath, relative))
            place = os.getcwdb() if include_path != relative else None
        shown = (tuple(sorted((k, repr(v)) for k, v in directives.items())), include_path)
        key = (code, signature, tuple(cimports), shown)
        function = None if force else _compiled.get(key)
        if function is None:
            function = _build(helpers, key, stripped, literals, directives, include_path, lib_dir, force)
            _compiled[key] = function
    variant = _variant(values, kwds, given, options, place, helpers.cython_module)
    return function, tuple([kwds[name] for name in names]), variant


def _check_directives(directives: Mapping[str, Any]) -> None:
    """Raise what Cython raises of directives that there are none of."""
    from Cython.Compiler.Options import CompilationOptions, default_options, get_directive_defaults

    from .directives import register

    register()
    if not directives.keys() <= get_directive_defaults().keys():
        CompilationOptions(default_options, compiler_directives=dict(directives))


#: Kinds of guards, as python/native/guards.h numbers them.
_OF_TYPE, _THE_SAME, _ARRAY, _INT64, _EQUAL = range(5)

_PLAIN = (bool, int, str, type(None))


def _recognised(**options: Any) -> dict[str, Any]:
    """Guards for the options of a call; one that cannot be recognised is left out."""
    guards: dict[str, Any] = {}
    for name, value in options.items():
        if type(value) in _PLAIN:
            guards[name] = (_THE_SAME, None, value, 0, 0, 0)
        elif type(value) is dict:
            if all(type(one) in _PLAIN for pair in value.items() for one in pair):
                guards[name] = (_EQUAL, dict, dict(value), 0, 0, 0)
        elif type(value) in (list, tuple) and all(type(one) is str for one in value):
            guards[name] = (_EQUAL, type(value), type(value)(value), 0, 0, 0)
    if options["get_type"] is UNSAFE_TYPES:
        guards["get_type"] = (_THE_SAME, None, UNSAFE_TYPES, 0, 0, 0)
    return guards


def _variant(values: Mapping[str, Any], passed: Mapping[str, Any], given: frozenset[str],
             options: dict[str, Any], place: bytes | None, cython_module: Any) -> Any:  # fmt: skip
    """How a call with the same outcome is recognised; None where it cannot be."""
    if "get_type" not in options:
        return None
    found = []
    for name in sorted(values):
        value = values[name]
        kind = type(value)
        guard: tuple[Any, ...]
        if value is cython_module:
            guard = (_THE_SAME, None, value, 0, 0, 0)
        elif kind is ModuleType:
            guard = (_OF_TYPE, kind, cython_module, 0, 0, 0)
        elif (numpy := sys.modules.get("numpy")) is not None and isinstance(value, numpy.ndarray):
            if value.dtype.isbuiltin != 1:
                return None  # not the one object that stands for such arrays
            guard = (_ARRAY, kind, value.dtype, value.ndim, 0, 0)
        else:
            guard = (_OF_TYPE, kind, None, 0, 0, 0)
        found.append((name, name in given, name in passed, guard))
    return place, tuple(found), options


def _public() -> Any:
    import functools

    from . import _native

    made = functools.update_wrapper(_native.InlineFunction(prepare), prepare)
    made.__name__ = made.__qualname__ = "inline"
    return made


inline: Any = _public()


def _looks_for_files(code: str, signature: tuple[tuple[str, str], ...]) -> bool:
    """Whether the include path can matter."""
    return "cimport" in code or "include" in code or any(_QUALIFIED.match(kind) for kind, _ in signature)


def _build(helpers: Any, key: Any, stripped: str, literals: Mapping[str, str],
           directives: Mapping[str, Any], include_path: tuple[str, ...],
           lib_dir: str | None, force: bool) -> Callable[..., Any]:  # fmt: skip
    _, signature, cimports, _ = key
    lines = list(cimports)
    settings = default_settings().with_(directives=directives, include_path=include_path or (".",))
    modules = {found.group(1) for kind, _ in signature if (found := _QUALIFIED.match(kind))}
    for module in sorted(modules):
        lines.append(f"\ncimport {module}")
    if "numpy" in modules:
        macro = ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")
        settings = settings.with_(define_macros=(*settings.define_macros, macro))
    module_body, function_body = helpers.extract_func_code(stripped)
    parameters = ", ".join(f"{kind} {name}" for kind, name in signature)
    text = (f"\n{module_body}\n" + "\n".join(lines) + f"\ndef __invoke({parameters}):\n"
            f"{function_body}\n    return locals()\n")  # fmt: skip
    for placeholder, literal in literals.items():
        text = text.replace(placeholder, literal)
    name = "_cython_inline_" + hashlib.sha256(repr((key, settings.identity())).encode()).hexdigest()
    module = load_source_text(text, name, settings, lib_dir, force=force)
    invoke: Callable[..., Any] = module.__invoke
    return invoke


def inline_module(
    code: str,
    name: str | None = None,
    *,
    directives: Mapping[str, Any] | None = None,
    language: str | None = None,
    language_level: Any = None,
    include_path: Iterable[str] = (),
    opt_level: int | None = None,
    march: str | None = None,
) -> ModuleType:
    """Compile a string as a module of its own and import it.

    Everything a .pyx file may hold may stand in it, cdef functions and classes among them.  Equal
    code with equal options gives the same module in one process.  Raises `CompileError`, and
    ValueError for a name that no module can have.
    """
    folders = tuple(map(os.path.abspath, include_path))
    changes: dict[str, Any] = {"include_path": folders, "language": language,
                               "language_level": language_level}  # fmt: skip
    if directives:
        changes["directives"] = dict(directives)
    if opt_level is not None:
        changes["opt_level"] = opt_level
    if march is not None:
        changes["march"] = march
    settings = default_settings().with_(**changes)
    if name is not None and not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{name!r} cannot be a module's name")
    code = _dedent(code)
    if name is None:
        key = hashlib.sha256(repr((code, settings.identity())).encode()).hexdigest()
        name = "_cython_module_" + key[:32]
        known = sys.modules.get(name)
        if known is not None:
            return known
    return load_source_text(code, name, settings)


def _dedent(code: str) -> str:
    import textwrap

    return textwrap.dedent(code)


def load_source_text(code: str, name: str, settings: Settings, folder: str | None = None, *,
                     force: bool = False) -> ModuleType:  # fmt: skip
    """Compile a string as module ``name`` and import it; raises `CompileError`.

    The source is written to ``folder`` (default: the cache), where tracebacks find it.  ``force``
    compiles what the cache holds already, too.
    """
    path = _write_source(code, name, folder)
    return _load(name, path, settings, force)


def _load(name: str, path: str, settings: Settings, force: bool) -> ModuleType:
    return load_spec(loader.spec_for(name, path, lambda: settings, force=force))


def load_spec(spec: Any) -> ModuleType:
    """Import by a spec; raises `CompileError`."""
    found: ModuleType = own_error(lambda: loader.load(spec))
    return found


def own_error(work: Callable[[], Any]) -> Any:
    """What ``work`` gives; where compiling for an import failed, the compiler's own error."""
    from . import errors

    try:
        return work()
    except errors.ModuleBuildError as error:
        if isinstance(error.__cause__, errors.CompileError):
            raise error.__cause__ from None
        raise


def _write_source(code: str, name: str, folder: str | None) -> str:
    """Path of the source, written where it is not there yet; raises `CompileError`."""
    from . import errors, scratch

    data = code.encode("utf-8")
    if folder is not None:
        try:
            os.makedirs(folder, exist_ok=True)
            return place_source(data, name, folder)
        except OSError as error:
            raise errors.CompileError(
                f"the source of inline code cannot be written to '{folder}': {error.strerror}",
                code="CYL1208",
            ) from error
    folder = cache.subdirectory("inline")
    if folder is not None:
        try:
            return place_source(data, name, folder)
        except OSError as error:
            cache.warn_unwritable(error)
    try:
        return place_source(data, name, private_folder())
    except OSError as error:
        raise scratch.refused(error) from error


def place_source(data: bytes, name: str, folder: str) -> str:
    path = os.path.join(os.path.abspath(folder), name + ".pyx")
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                cache.touch(path)
                return path
    except OSError:
        pass
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


_private: dict[int, str] = {}  # process -> its folder: a forked child has one of its own


def private_folder() -> str:
    """A folder for sources where the cache has no place; gone at the process's end."""
    process = os.getpid()
    folder = _private.get(process)
    if folder is None or not os.path.isdir(folder):
        import atexit

        from . import scratch

        folder = _private[process] = scratch.make("cython_llvm-inline-")
        atexit.register(_remove, folder, process)
    return folder


def _remove(folder: str, process: int) -> None:
    import shutil

    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
