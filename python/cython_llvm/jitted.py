"""``@cython_llvm.jit``: a Python function compiled for the types that it is called with.

The object that the decorator gives is native (python/native/dispatcher.c); `_Controller` does for it
what happens once per combination of types.  What C types an argument gets, `jitcode` says.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import dis
import functools
import hashlib
import inspect
import re
import textwrap
import threading
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

from . import jitcode, settings
from .jitcode import View

#: Kinds of guards, as python/native/guards.h numbers them.
_OF_TYPE, _ARRAY, _INT64 = 0, 2, 3
_C, _F, _ALIGNED, _WRITEABLE = 0x1, 0x2, 0x100, 0x400
_MOST_OVERFLOWS = 8

_lock = threading.RLock()


def jit(function: Any = None, *, directives: dict[str, Any] | None = None,
        opt_level: int | None = None, fastmath: bool = False) -> Any:  # fmt: skip
    """Compile a Python function at its first call with arguments of new types.

    Floats become C doubles, ints 64-bit integers whose overflow is noticed, arrays of numbers that
    are only read and written by element typed memoryviews; everything else stays an object.  Results
    are those of the Python function; see the guide for what arrays' elements are.

    The result has ``py_func``, ``signatures``, ``inspect_llvm()``, ``inspect_asm()``,
    ``inspect_source()``, ``parallel_diagnostics()`` and ``recompile()``.  ``directives``: Cython's, for the
    generated modules; `prange_device` says where loops over `cython.parallel.prange` run.  ``fastmath``:
    short for that directive, which gives up Python's order of operations.
    CYTHON_LLVM_DISABLE_JIT=1 makes the decorator return the function unchanged.
    """
    if function is None:
        return functools.partial(jit, directives=directives, opt_level=opt_level, fastmath=fastmath)
    if settings.env_flag("CYTHON_LLVM_DISABLE_JIT", False):
        return function
    if not isinstance(function, FunctionType):
        raise TypeError(f"jit compiles Python functions, not {type(function).__name__} objects")
    given = {"fastmath": True} if fastmath else {}
    controller = _Controller(function, given | (directives or {}), opt_level)
    return controller.dispatcher


class _Specialisation:
    """Code for one combination of argument types."""

    def __init__(self, signature: tuple[str, ...], function: Callable[..., Any],
                 types: dict[str, Any] | None = None, module: ModuleType | None = None,
                 code: jitcode.Code | None = None) -> None:  # fmt: skip
        self.signature = signature
        self.function = function
        self.types = types or {}
        self.module = module
        self.source = code.text if code else ""
        self.loops = code.loops if code else {}
        self.restartable = bool(code and code.restartable)
        self.exact: Callable[..., Any] | None = None
        self.overflows = 0


class _Controller:
    """What a dispatcher asks; its public attributes are the dispatcher's."""

    def __init__(self, function: FunctionType, directives: dict[str, Any], opt_level: int | None) -> None:
        from . import _native

        self.py_func = function
        self.reason: str | None = None  # why the function is left to Python
        self._directives = directives
        self._opt_level = opt_level
        names = function.__globals__
        found = names.get("__builtins__", builtins)
        self._builtins: dict[str, Any] = found if isinstance(found, dict) else vars(found)
        self.dispatcher: Any = _native.JitDispatcher(self, names, self._builtins)
        functools.update_wrapper(self.dispatcher, function)
        self._parameters = _names_of(function.__code__)
        self.dispatcher._takes(function, self._parameters)
        cells = function.__closure__ or ()
        self._cells = dict(zip(function.__code__.co_freevars, cells, strict=True))
        self._read: jitcode.Function | None = None
        self._specialisations: list[_Specialisation] = []
        self._by_types: dict[Any, _Specialisation] = {}
        self._order: list[_Specialisation] = []  # as the dispatcher counts them
        self._installed: list[tuple[_Specialisation, tuple[Any, ...]]] = []
        self._watched: dict[str, tuple[Any, bool]] = {}
        self._watched_free: dict[str, Any] = {}
        self._volatile: set[str] = set()

    # ------------------------------------------------------------ calls

    def call(self, args: tuple[Any, ...]) -> Any:
        """A call that no specialisation fits: a value for every parameter, ``*rest`` and ``**named`` too."""
        if self.reason is not None:
            return self._plainly(args)
        with _lock:
            found = self._specialise(args)
        if found is None or found.function is self.py_func:
            return self._plainly(args)
        try:
            return found.function(*args)
        except OverflowError:
            if not found.restartable:
                raise
        return self._exact(found)(*args)

    def _plainly(self, args: tuple[Any, ...]) -> Any:
        """The Python function, with a value for every parameter."""
        code = self.py_func.__code__
        named = dict(zip(self._parameters, args, strict=True))
        plain = list(args[: code.co_argcount])
        keywords: dict[str, Any] = {}
        if code.co_flags & inspect.CO_VARARGS:
            plain.extend(args[code.co_argcount])
        for name in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]:
            keywords[name] = named[name]
        if code.co_flags & inspect.CO_VARKEYWORDS:
            keywords.update(args[-1])
        return self.py_func(*plain, **keywords)

    def overflow(self, index: int, args: tuple[Any, ...]) -> Any:
        """The integers of a call did not fit: the same in Python's own.

        Only for functions that change nothing before they return, so that running again is right.
        """
        one = self._order[index]
        exact = self._exact(one)
        one.overflows += 1
        if one.overflows == _MOST_OVERFLOWS:
            with _lock:
                one.function, one.restartable = exact, False
                self._install()
        return exact(*args)

    def _exact(self, one: _Specialisation) -> Callable[..., Any]:
        """The code of a specialisation with Python's integers wherever 64 bits might not do."""
        with _lock:
            if one.exact is None:
                code = jitcode.translate(self._function(), one.types, exact=True)
                module = self._compile(code.text)
                module._cyl_bind(self.py_func.__globals__, self._builtins, self._cells)
                one.exact = getattr(module, self._name())
            return one.exact

    # ------------------------------------------------------------ specialisations

    def _specialise(self, args: tuple[Any, ...]) -> _Specialisation | None:
        if not self.dispatcher._holds():
            self._forget()
        types, guards, lasting = [], [], True
        for value in args:
            kind, guard = _type_of(value)
            types.append(kind)
            guards.append(guard)
            lasting = lasting and guard is not None
        key = tuple(map(str, types))
        if all(kind == "obj" for kind in types):
            one = self._generic(len(args))
        else:
            known = self._by_types.get(key)
            one = known or self._made(key, types) or self._generic(len(args))
        if self.reason is not None:
            return None
        if lasting:
            self._by_types[key] = one
            self._guards(one, tuple(guards))
        return one

    def _guards(self, one: _Specialisation, guards: tuple[Any, ...]) -> None:
        if self.dispatcher._add(one.function, guards, one.restartable):
            self._order.append(one)
            self._installed.append((one, guards))

    def _install(self) -> None:
        """Tell the dispatcher everything anew."""
        self.dispatcher._forget()
        installed, self._installed = self._installed, []
        self._order = []
        for one, guards in installed:
            self._guards(one, guards)

    def _generic(self, count: int) -> _Specialisation:
        key = ("object",) * count
        return self._by_types.get(key) or self._made(key, ["obj"] * count) or self._plain(key)

    def _plain(self, key: tuple[str, ...]) -> _Specialisation:
        """The Python function, where there is nothing better."""
        one = self._by_types[key] = _Specialisation(key, self.py_func)
        return one

    def _made(self, key: tuple[str, ...], types: list[Any]) -> _Specialisation | None:
        from . import errors

        try:
            function = self._function()
            named = dict(zip(self._parameters, types, strict=True))
            code, module = self._translated(function, named)
        except jitcode.Unsupported as error:
            self.reason = self._placed(str(error))
            return None
        except errors.CompileError as error:
            if self._directives.get("prange_device") == "gpu":
                raise
            if all(kind == "obj" for kind in types):
                self.reason = str(error)
            return None
        shown = tuple(_SHOWN.get(name, name) for name in key)
        one = _Specialisation(shown, getattr(module, self._name()), named, module, code)
        module._cyl_bind(self.py_func.__globals__, self._builtins, self._cells)
        self._by_types[key] = one
        self._specialisations.append(one)
        self._watched.update(code.watched)
        # A name is taken for granted as a global, or as a builtin that no global hides.
        watched: list[tuple[str, Any, bool]] = []
        for name, (value, of_builtins) in self._watched.items():
            watched.append((name, value, of_builtins))
            if of_builtins:
                watched.append((name, None, False))
        self._watched_free.update(code.watched_free)
        cells = tuple((self._cells[name], value) for name, value in self._watched_free.items())
        self.dispatcher._watch(tuple(watched), cells)
        return one

    def _translated(self, function: jitcode.Function, types: dict[str, Any]) -> tuple[jitcode.Code, ModuleType]:
        """The source and its module; loops over prange that Cython refuses are loops over range."""
        from . import errors

        device = self._directives.get("prange_device", "cpu")
        code = jitcode.translate(function, types, device=device != "cpu")
        parallel = [line for line, why in code.loops.items() if not why]
        if device == "gpu" and len(parallel) < len(code.loops):
            told = (f"{self._line(line)}: prange on the GPU: {why}" for line, why in code.loops.items() if why)
            raise errors.CompileError("\n".join(told), code="CYL1301")
        try:
            return code, self._compile(code.text)
        except errors.CompileError as error:
            if not parallel or device == "gpu":
                raise
            said = [line.partition(": ")[2] or line for line in str(error).splitlines() if line.strip()]
            why = f"Cython: {said[-1] if said else error}"
            code = jitcode.translate(function, types, serial={**code.loops, **dict.fromkeys(parallel, why)})
            return code, self._compile(code.text)

    def _line(self, line: int) -> str:
        """Where a line of the function is."""
        code = self.py_func.__code__
        return f"{code.co_filename}:{code.co_firstlineno - 1 + line}"

    def _placed(self, reason: str) -> str:
        """Why a function is left to Python, with where it is; lines are counted from its first."""
        code = self.py_func.__code__
        if not re.search(r" in line \d+$", reason):
            return reason
        return f"{reason} of {self.py_func.__qualname__}, {code.co_filename}:{code.co_firstlineno}"

    def _name(self) -> str:
        return self._function().name()

    def _function(self) -> jitcode.Function:
        if self._read is None:
            tree = _tree_of(self.py_func.__code__)
            free = {name: _content(cell) for name, cell in self._cells.items()}
            postponed = self.py_func.__code__.co_flags & __future__.annotations.compiler_flag
            self._read = jitcode.read(tree, self.py_func.__globals__, self._volatile, free,
                                      self.py_func.__qualname__, bool(postponed))  # fmt: skip
        return self._read

    def _settings(self) -> settings.Settings:
        made = settings.default_settings().with_(directives=self._directives)
        return made if self._opt_level is None else made.with_(opt_level=self._opt_level)

    def _compile(self, text: str) -> ModuleType:
        from . import inlining

        options = self._settings()
        key = hashlib.sha256(repr((text, options.identity())).encode()).hexdigest()
        return inlining.load_source_text(text, "_cython_jit_" + key, options)

    def _forget(self) -> None:
        """A global that the code takes for granted means something else now."""
        self.dispatcher._forget()
        self._specialisations, self._by_types, self._order = [], {}, []
        self._installed = []
        for name, (value, of_builtins) in self._watched.items():
            hidden = of_builtins and name in self.py_func.__globals__
            where = self._builtins if of_builtins else self.py_func.__globals__
            if hidden or where.get(name) is not value:
                self._volatile.add(name)  # looked up at each use from now on
        for name, value in self._watched_free.items():
            if _content(self._cells[name]) is not value:
                self._volatile.add(name)
        self._watched, self._watched_free, self._read = {}, {}, None
        self.dispatcher._watch((), ())
        self.reason = None

    # ------------------------------------------------------------ for people

    @property
    def signatures(self) -> list[tuple[str, ...]]:
        """The argument types that code exists for."""
        return [one.signature for one in self._specialisations]

    def inspect_source(self, signature: tuple[str, ...] | None = None) -> Any:
        """The Cython source of a specialisation; without a signature all of them, by signature."""
        return self._each(signature, lambda one: one.source)

    def inspect_llvm(self, signature: tuple[str, ...] | None = None) -> Any:
        """The optimised LLVM IR, as `inspect_source`."""
        return self._each(signature, lambda one: self._llvm(one).to_ir())

    def inspect_asm(self, signature: tuple[str, ...] | None = None) -> Any:
        """The assembly, as `inspect_source`."""
        return self._each(signature, lambda one: self._llvm(one).to_asm())

    def parallel_diagnostics(self, signature: tuple[str, ...] | None = None) -> Any:
        """The loops over prange of a specialisation, as `inspect_source`: by line of the file, whether they
        are parallel, or why they are loops over range."""
        first = self.py_func.__code__.co_firstlineno - 1

        def shown(one: _Specialisation) -> dict[int, str]:
            found = one.loops.items()
            return {first + line: f"as range: {why}" if why else "parallel" for line, why in found}

        return self._each(signature, shown)

    def recompile(self) -> None:
        """Compile anew for the types seen so far; for changed globals that the code uses."""
        self._forget()

    def _each(self, signature: tuple[str, ...] | None, shown: Callable[[_Specialisation], Any]) -> Any:
        if signature is None:
            return {one.signature: shown(one) for one in self._specialisations}
        for one in self._specialisations:
            if one.signature == tuple(signature):
                return shown(one)
        raise KeyError(signature)

    def _llvm(self, one: _Specialisation) -> Any:
        from . import frontend, sharedutil, toolchain, treefrontend, treeroute

        assert one.module is not None
        path, name, options = str(one.module.__file__), one.module.__name__, self._settings()
        module = None
        if options.route != "c" and treeroute.available():
            tree, unit = treefrontend.analyse(path, name, options, shared_utility=sharedutil.available())
            module = treeroute.lower(tree, unit.settings).module
        if module is None:
            unit = frontend.generate_c(path, name, options, shared_utility=sharedutil.available())
            module = toolchain.compile_c(unit.c_text, unit.c_filename, "c", unit.settings)
        toolchain.optimize(module, options)
        return module


def _names_of(code: CodeType) -> tuple[str, ...]:
    """All parameters, in the order in which they are written."""
    names = code.co_varnames
    plain, keyword = code.co_argcount, code.co_kwonlyargcount
    after = plain + keyword
    rest = (names[after],) if code.co_flags & inspect.CO_VARARGS else ()
    named = (names[after + len(rest)],) if code.co_flags & inspect.CO_VARKEYWORDS else ()
    return (*names[:plain], *rest, *names[plain:after], *named)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _tree_of(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The syntax tree that a function's code was made from; it is compiled again, to be sure of it."""
    try:
        source = textwrap.dedent(inspect.getsource(code))
        module = ast.parse(source)
        tree = module.body[0] if module.body else None
        if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raise jitcode.Unsupported("it is not written as a def")
        if code.co_freevars:
            outer = ast.parse(f"def outer({', '.join(code.co_freevars)}): pass")
            assert isinstance(outer.body[0], ast.FunctionDef)
            outer.body[0].body = [tree]
            module = outer
        made = compile(module, code.co_filename, "exec", code.co_flags & _FUTURE, dont_inherit=True)
    except (OSError, TypeError, SyntaxError, ValueError) as error:
        raise jitcode.Unsupported(f"its source is not at hand: {error}") from None
    wanted = _steps(code)
    inside = [one for one in made.co_consts if isinstance(one, CodeType)]
    if code.co_freevars:
        inside = [one for outer in inside for one in outer.co_consts if isinstance(one, CodeType)]
    if any(_steps(one) == wanted for one in inside):
        return tree
    raise jitcode.Unsupported("its source is not what it was made from")


def _steps(code: CodeType) -> list[Any]:
    """What code does, step by step; calls of attributes look different where a module is imported."""
    jumps = {*dis.hasjrel, *dis.hasjabs}
    steps: list[Any] = [code.co_varnames, code.co_freevars]
    for one in dis.get_instructions(code):
        if one.opname in ("PUSH_NULL", "PRECALL", "NOP"):
            continue
        name = one.opname.replace("LOAD_METHOD", "LOAD_ATTR")
        if isinstance(one.argval, CodeType):
            steps.append((name, _steps(one.argval)))
        elif name == "LOAD_CONST" and isinstance(one.argval, str) and "<locals>" in one.argval:
            steps.append((name, one.argval.rpartition(".<locals>.")[2]))  # a qualified name
        else:
            steps.append((name, None if one.opcode in jumps else repr(one.argval)))
    return steps


_FUTURE = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0
)

_SHOWN = {"float": "float64", "int": "int64", "obj": "object"}


def _type_of(value: Any) -> tuple[Any, Any]:
    """(type for `jitcode`, guard); no guard where the type says too little of the next value."""
    kind = type(value)
    if kind is float:
        return "float", (_OF_TYPE, float, None, 0, 0, 0)
    if kind is int:
        if -(1 << 63) <= value < 1 << 63:
            return "int", (_INT64, None, None, 0, 0, 0)
        return "obj", None
    view = _view(value, kind)
    if view is not None:
        return view
    return "obj", (_OF_TYPE, kind, None, 0, 0, 0)


def _view(value: Any, kind: type) -> tuple[Any, Any] | None:
    import sys

    numpy = sys.modules.get("numpy")
    if numpy is None or kind is not numpy.ndarray:
        return None
    dtype = value.dtype
    if dtype.isbuiltin != 1 or dtype.name not in jitcode.ELEMENTS or not 1 <= value.ndim <= 4:
        return "obj", None
    flags = value.flags
    if not flags.aligned or not dtype.isnative:
        return "obj", None
    wanted, mask = _ALIGNED, _ALIGNED | _WRITEABLE | _C
    if flags.writeable:
        wanted |= _WRITEABLE
    if flags.c_contiguous:
        layout = "C"
        wanted |= _C
    else:
        layout = "F" if flags.f_contiguous else "A"
        mask |= _F
        wanted |= _F if flags.f_contiguous else 0
    view = View(dtype.name, value.ndim, layout, flags.writeable)
    return view, (_ARRAY, kind, dtype, value.ndim, mask, wanted)
