"""Cython's run-time helpers for the tree route: one shared library of the wheel.

What Cython puts into every module's C as static functions - calls, attribute access, conversions,
CyFunctions, generators - is here compiled once, from the utility code of the installed Cython, into
``_cyrt``.  Modules made from the analysed tree call it as plain external symbols;
``_cyrt.symbols.json`` says with which types.

The library is the extension module `cython_llvm._cyrt` as well: importing it fills the state
(strings, types) that the helpers use.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import re
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import runtimeutilities

if TYPE_CHECKING:
    from . import _native

NAME = "cython_llvm._cyrt"
SYMBOLS = "_cyrt.symbols.json"
#: The same code to be linked into libraries that must work without this package.
ARCHIVE = "_cyrt.a"
#: Of the same code, what callers had better inline.
HOT = "_cyrt.hot"

#: Functions that others may call, by how their names begin.
_EXPORTED = re.compile(r"__Pyx|__pyx_|cyl_|Py(?!Init_)|_Py_|_PyUnicode_")
#: Parts of the module that is only there to hold the helpers, and of its types' slots.
_OWN = re.compile(r"__pyx_(?:pw|pf|mdef|gb|tp|pymod|getprop|setprop|sq|mp|nb|bf|specialmethod|f)_"
                  r"|__Pyx_(?:Init(?:Constants|Globals|Cached\w+|AfterSharedUtility)|CreateCodeObjects)$"
                  r"|__Pyx_(?:modinit|Cleanup)\w*"
                  r"|__pyx_(?:array|memoryview|memoryviewslice|MemviewEnum)___|__pyx_unpickle_")  # fmt: skip

# The least that makes Cython set up every type and every string that helpers rely on.
_SOURCE = """\
# cython: language_level=3, binding=True
def outer(a):
    def inner(b):
        return a + b
    return inner
def generator(a):
    yield a
    yield from a
async def coroutine(a):
    await a
async def asynchronous(a):
    yield await a
cdef class Box:
    cdef object held
def view(a):
    cdef double[:] b = a
    return b
def star():
    try:
        pass
    except* ValueError:
        pass
class Plain:
    def method(self):
        return super().method()
"""


def _path() -> str:
    return os.path.join(os.path.dirname(__file__), "_cyrt" + sysconfig.get_config_var("EXT_SUFFIX"))


def path() -> str:
    """Where the library is, or would be."""
    return _path()


def _symbols_path(library: str) -> str:
    return os.path.join(os.path.dirname(library), SYMBOLS)


def _version() -> str:
    import Cython

    return str(Cython.__version__)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any] | None:
    try:
        with open(_symbols_path(_path()), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def static_arguments() -> list[str]:
    """Arguments that link the helpers into a library: no more than it uses, and seen by nobody else."""
    archive = os.path.join(os.path.dirname(_path()), ARCHIVE)
    return [archive, "-Wl,--gc-sections", "-Wl,--exclude-libs,ALL"]


def available() -> str | None:
    """The library's path, where it has been built for the installed Cython."""
    table = _table()
    if table is None or table["cython"] != _version() or not os.path.exists(_path()):
        return None
    return _path()


@lru_cache(maxsize=1)
def hot_bodies() -> _native.HotBodies:
    """Bodies of functions to be inlined into their callers; see ``link_hot``."""
    from . import _native

    with open(os.path.join(os.path.dirname(_path()), HOT), "rb") as file:
        return _native.HotBodies(file.read())


def symbols() -> dict[str, Any]:
    """What may be called: types by name, see `build`."""
    table = _table()
    if table is None:
        raise FileNotFoundError(f"{_symbols_path(_path())}: the run-time library has not been built")
    return table["symbols"]


@contextmanager
def _named_sources() -> Iterator[None]:
    """While this lasts, C names each piece of utility code by itself in tracebacks.

    Cython has one entry, of the first piece in use, for all of a module's.
    """
    from Cython.Compiler.Scanning import StringSourceDescriptor

    stock = StringSourceDescriptor.get_filenametable_entry
    StringSourceDescriptor.get_filenametable_entry = lambda source: source.name
    try:
        yield
    finally:
        StringSourceDescriptor.get_filenametable_entry = stock


def _c_text(folder: str) -> bytes:
    """C of a module that holds all of it."""
    from Cython.Compiler import Errors, Main, Options, Pipeline
    from Cython.Compiler.Scanning import FileSourceDescriptor
    from Cython.Compiler.StringEncoding import EncodedString

    source, output = os.path.join(folder, "_cyrt.pyx"), os.path.join(folder, "_cyrt.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(_SOURCE)
    options = Options.CompilationOptions(Options.default_options, output_file=output)
    Errors.reset()
    context = Main.Context.from_options(options)
    place = Main.CompilationSource(FileSourceDescriptor(source, "_cyrt.pyx"), EncodedString(NAME), folder)
    result = Main.create_default_resultobj(place, options)
    pipeline = Pipeline.create_pyx_pipeline(context, options, result)
    at = [getattr(stage, "__name__", "") for stage in pipeline].index("inject_utility_code_stage")
    pipeline.insert(at, runtimeutilities.add_all)
    with _named_sources():
        error, _ = Pipeline.run_pipeline(pipeline, place)
    if error is not None or Errors.get_errors_count():
        raise RuntimeError(f"Cython could not make the run-time library: {error}")
    with open(output, "rb") as file:
        return file.read()


_WRAPPER = re.compile(
    r"(?P<ret>.*?)(?P<name>\w+)\((?P<params>[^()]*(?:\([^()]*\)[^()]*)*)\)(?: = (?P<call>.+))?"
)


def _wrapper(text: str) -> str:
    """A C function `cyl_NAME` for a prototype in the table, with what it is to call."""
    found = _WRAPPER.fullmatch(text)
    if found is None:
        raise ValueError(f"runtime_utilities.toml: not a prototype: {text}")
    names = []
    for param in _split(found["params"] if found["params"] != "void" else ""):
        if not param:
            continue
        pointer = re.search(r"\(\*(\w+)\)", param)
        names.append(pointer[1] if pointer else re.findall(r"\w+", param)[-1])
    call = found["call"] or f"{found['name']}({', '.join(names)})"
    back = "" if found["ret"].strip() == "void" else f"return ({found['ret']}) "
    return (f"{found['ret']}cyl_{found['name']}({found['params']}); /*proto*/\n"
            f"{found['ret']}cyl_{found['name']}({found['params']}) {{ {back}{call}; }}\n")  # fmt: skip


def _families() -> Iterator[str]:
    """Wrappers of macros that there are for every type of a kind, where they are macros."""
    def of_macro(ret: str, name: str, params: str) -> str:
        return f"#ifdef {name}\n{_wrapper(f'{ret} {name}({params})')}#endif\n"

    for kind in runtimeutilities.c_integers():
        name, code = kind.specialization_name(), kind.empty_declaration_code()
        yield of_macro("PyObject *", f"__Pyx_PyUnicode_From_{name}",
                       f"{code} v, Py_ssize_t width, char padding, char format")  # fmt: skip
        for op in ("add", "sub", "mul", "lshift"):
            yield of_macro(code, f"__Pyx_{op}_const_{name}_checking_overflow", f"{code} a, {code} b, int *o")
    for kind in runtimeutilities.complexes():
        code, real = kind.empty_declaration_code(), kind.real_type.empty_declaration_code()
        for op in ("sum", "diff", "prod", "quot", "pow"):
            yield of_macro(code, f"__Pyx_c_{op}{kind.funcsuffix}", f"{code} a, {code} b")
        for op in ("neg", "conj"):
            yield of_macro(code, f"__Pyx_c_{op}{kind.funcsuffix}", f"{code} a")
        yield of_macro("int", f"__Pyx_c_eq{kind.funcsuffix}", f"{code} a, {code} b")
        yield of_macro("int", f"__Pyx_c_is_zero{kind.funcsuffix}", f"{code} a")
        yield of_macro(real, f"__Pyx_c_abs{kind.funcsuffix}", f"{code} a")
    operators, numbers = runtimeutilities.OPERATORS.values(), runtimeutilities.NUMBERS
    for op, place, one, two in itertools.product(operators, ("", "InPlace"), numbers, numbers):
        yield of_macro("PyObject *", f"__Pyx_PyNumber_{place}{op}_{one}_{two}", "PyObject *a, PyObject *b")


def _split(params: str) -> list[str]:
    depth, parts = 0, [""]
    for char in params:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


# Makes sure that the module's state is there, cheaply after the first call; and, for helpers that
# work on the state of the module they are in, functions that are given the caller's.
_OWN_C = """
/* `*cache` starts as NULL; it is for one source file. */
void cyl_add_traceback(void **cache, PyObject *globals, const char *function, int line,
                       const char *filename); /*proto*/
void cyl_add_traceback(void **cache, PyObject *globals, const char *function, int line,
                       const char *filename) {
    PyThreadState *state = __Pyx_PyThreadState_Current;
    PyObject *type, *value, *traceback;
    PyFrameObject *frame = NULL;
    PyCodeObject *code = NULL;
    __Pyx_ErrFetchInState(state, &type, &value, &traceback);
    if (!type) return; /* the end of an iteration */
    if (unlikely(!*cache)) *cache = PyMem_Calloc(1, sizeof(struct __Pyx_CodeObjectCache));
    if (likely(*cache)) code = __pyx__find_code_object(*cache, line);
    if (!code) {
        code = __Pyx_CreateCodeObjectForTraceback(function, 0, line, filename);
        if (likely(code && *cache)) __pyx__insert_code_object(*cache, line, code);
    }
    if (likely(code)) frame = PyFrame_New(state, code, globals, NULL);
    if (likely(frame)) {
#if CYTHON_FAST_THREAD_STATE && PY_VERSION_HEX < 0x030C00A6
        if (likely(!state->curexc_type)) {
            state->curexc_type = type;
            state->curexc_value = value;
            state->curexc_traceback = traceback;
        } else
#endif
            __Pyx_ErrRestoreInState(state, type, value, traceback);
        __Pyx_PyFrame_SetLineNumber(frame, line);
        PyTraceBack_Here(frame);
    } else {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
    }
    Py_XDECREF(code);
    Py_XDECREF((PyObject *) frame);
}

/* `version` and `cached` are the place's own and start as 0 and NULL. */
PyObject *cyl_get_global(PyObject *globals, PyObject *name, PY_UINT64_T *version, PyObject **cached); /*proto*/
PyObject *cyl_get_global(PyObject *globals, PyObject *name, PY_UINT64_T *version, PyObject **cached) {
    PY_UINT64_T now = __PYX_GET_DICT_VERSION(globals);
    if (unlikely(*version != now)) {
        PyObject *value = _PyDict_GetItem_KnownHash(globals, name, ((PyASCIIObject *) name)->hash);
        if (unlikely(!value && PyErr_Occurred())) return NULL;
        *version = now;
        *cached = value;
    }
    return likely(*cached) ? __Pyx_NewRef(*cached) : __Pyx_GetBuiltinName(name);
}

PyObject *cyl_get_name_in_class(PyObject *space, PyObject *globals, PyObject *name); /*proto*/
PyObject *cyl_get_name_in_class(PyObject *space, PyObject *globals, PyObject *name) {
    PY_UINT64_T version = 0;
    PyObject *cached = NULL, *value = PyObject_GetItem(space, name);
    if (likely(value)) return value;
    if (unlikely(!PyErr_ExceptionMatches(PyExc_KeyError))) return NULL;
    PyErr_Clear();
    return cyl_get_global(globals, name, &version, &cached);
}
"""

_CODE_FIELDS = re.compile(rb"(unsigned int (?:argcount|num_\w+|nlocals|flags|first_line)) : \d+;")


_STRINGS = re.compile(
    r"(?P<lengths>str_length_index.*?)#ifndef CYTHON_COMPRESS_STRINGS"
    r".*?/\* compression: none .*?static const char bytes\[\] = (?P<data>.*?);\n"
    r".*?for \(int i = 0; i < (?P<str>\d+); i\+\+\).*?i >= (?P<interned>\d+)\)", re.DOTALL)  # fmt: skip


def _string_macros(text: str) -> str:
    """The strings of the module, which Cython's text fills a table with, for ``runtime/features.c``."""
    found = _STRINGS.search(text)
    if found is None:
        raise RuntimeError("the run-time library's strings are not where they are expected")
    lengths = re.findall(r"\{(\d+)\}", found["lengths"])
    macros = {"DATA": found["data"], "LENGTHS": ",".join(lengths), "STR": found["str"],
              "INTERNED": found["interned"]}  # fmt: skip
    return "".join(f"#define CYL_STRING_{name} {value}\n" for name, value in macros.items())


def _with_wrappers(text: bytes) -> bytes:
    # The fields of a code object's description are as wide as this one module needs.
    text = _CODE_FIELDS.sub(rb"\1;", text)
    wrappers = map(_wrapper, itertools.chain.from_iterable(runtimeutilities.contents()["wrappers"].values()))
    # Of a precompiled header's functions only those in use would be emitted: an include before
    # Python.h, one without consequences, keeps it away.
    text = b"#include <stddef.h>\n" + text
    # Some of Cython's names have its version in them.
    from Cython.Compiler.Naming import cyversion

    versioned = f"#define CYL_VERSIONED(name) name##_{cyversion}\n"
    versioned += _string_macros(text.decode())
    return text + "".join((versioned, _OWN_C, *_own_sources(), *wrappers, *_families())).encode()


def _own_sources() -> Iterator[str]:
    """C of ours in the repository, for what needs CPython's macros and Cython's helpers at once."""
    folder = Path(__file__).resolve().parents[2] / "runtime-abi" / "runtime"
    for path in sorted(folder.glob("*.c")):
        yield path.read_text(encoding="utf-8")


#: Before the names of functions that take the place of others where they are inlined.
_SHORT = "cyl_hot_"


def _hot(exported: set[str]) -> Iterator[str]:
    """What callers are to inline."""
    for expression in runtimeutilities.contents()["hot"]:
        found = [name for name in sorted(exported) if re.fullmatch(expression, name)]
        if not found:
            raise RuntimeError(f"'hot' of runtime_utilities.toml: nothing is called {expression}")
        yield from (name for name in found if _SHORT + name not in exported)
    yield from (name for name in sorted(exported) if name.startswith(_SHORT))


def _exported(signatures: dict[str, Any]) -> list[str]:
    withheld = set(runtimeutilities.contents()["own_state"])
    return [name for name, one in signatures.items()
            if one["defined"] and name not in withheld
            and _EXPORTED.match(name) and not _OWN.match(name)]  # fmt: skip


_DECLARED = re.compile(r"PyAPI_FUNC\([^)]*\)\s*(\w+)\s*\(")
_HEADERS = ("Python.h", "frameobject.h", "structmember.h", "math.h", "stdio.h", "stdlib.h", "string.h",
            "time.h", "complex.h", "ctype.h", "strings.h", "signal.h", "locale.h", "unistd.h")  # fmt: skip


def _others(settings: Any) -> dict[str, Any]:
    """Signatures of what the interpreter and the C library offer in their public headers."""
    from . import errors, toolchain

    include = Path(toolchain.python_include())
    names = list(runtimeutilities.contents()["c_library"])
    for header in sorted((*include.glob("*.h"), *include.glob("cpython/*.h"))):
        names += _DECLARED.findall(header.read_text(encoding="utf-8"))
    names = [name for name in dict.fromkeys(names) if _in_process(name)]
    for _ in range(3):
        lines = ["#define PY_SSIZE_T_CLEAN", *(f"#include <{name}>" for name in _HEADERS),
                 "void *cyl_declared[] = {", *(f"(void *) &{name}," for name in names), "0};"]  # fmt: skip
        try:
            text = "\n".join(lines).encode()
            return toolchain.compile_c(text, "declared.c", "c", settings,
                                       extra_args=["-ferror-limit=0"]).function_signatures()  # fmt: skip
        except errors.CompileError as error:
            # Some are of headers that Python.h leaves out, and of platforms other than this one.
            lost = {name for one in error.diagnostics for name in re.findall(r"'(\w+)'", one["message"])}
            if not lost.intersection(names):
                raise
            names = [name for name in names if name not in lost]
    raise RuntimeError("CPython's headers could not be read")


def _in_process(name: str) -> bool:
    return any(hasattr(library, name) for library in (ctypes.CDLL(None), ctypes.CDLL("libm.so.6")))


def _check_undefined(names: list[str]) -> None:
    """Nothing may be missing but what a link brings in."""
    wanted = re.compile("_*(Py|pyx)", re.IGNORECASE)
    missing = [name for name in names if wanted.match(name) and not _in_process(name)]
    if missing:
        raise RuntimeError(f"the run-time library would lack {', '.join(missing)}")


_FUNCTION = re.compile(r"^define [^@]*@([\w.$]+)\(.*?^\}", re.MULTILINE | re.DOTALL)
_FIELD = r"%struct\.__pyx_mstatetype, ptr @__pyx_mstate_global_static, i32 0, i32 {}\b"


def _uses_own_state(ir: str) -> set[str]:
    """The functions that work on the globals, or the cached code objects, of the module they are in."""
    found = re.search(r"^%struct\.__pyx_mstatetype = type \{ (.*) \}$", ir, re.MULTILINE)
    if found is None:
        raise RuntimeError("the run-time library's state is not where it is expected")
    # The module's dictionary is the first field, cython_runtime the third.
    cache = re.findall(r"\[[^]]*\]|[%\w.]+", found[1]).index("%struct.__Pyx_CodeObjectCache")
    state = "@__pyx_mstate_global_static"
    own = re.compile("|".join((r"ptr @__pyx_m\b", rf"(?:load ptr, ptr|ptr noundef) {state}\b",
                               *map(_FIELD.format, (0, 2, cache)))))  # fmt: skip
    return {one[1] for one in _FUNCTION.finditer(ir) if own.search(one[0])}


#: Linked in, the code is unwound by debuggers only, as that of the modules is.
_STATIC = ("-DCYL_STATIC=1", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")


def _static_object(module: Any, exported: set[str], settings: Any) -> bytes:
    """The code to be linked into libraries: small, and in parts that can be left out."""
    from . import toolchain

    module.export_functions(sorted(exported))
    fast, quick = (re.compile("|".join(runtimeutilities.contents()[kind])) for kind in ("fast", "quick"))
    names = module.defined_symbols()
    for_speed = [*_hot(exported), *filter(fast.fullmatch, names)]
    problems = module.split_state(
        "__pyx_mstate_global_static", "PyInit__cyrt", for_speed, list(filter(quick.fullmatch, names))
    )
    if problems:
        raise RuntimeError("the run-time library's state cannot be taken apart:\n" + "\n".join(problems))
    toolchain.optimize(module, settings)
    module.pack_tables()
    return toolchain.emit(module, "obj", settings)


def build(output: str | None = None) -> str:
    """Generate, compile and link the library, and write its table; its path.

    A step of the wheel's build.  The table has every function by its name: `ret` and `params` are
    types in LLVM's words, `abi` the attributes that decide how values are passed (the result's, then
    each parameter's), `defined` is whether it is in the library: the others are CPython's and the C
    library's.
    """
    from . import archive, atomic, toolchain
    from .frontend import LOCK
    from .settings import Settings

    output = output or _path()
    # For every machine that the wheel may land on.
    settings = Settings(opt_level=2, march="x86-64")
    with tempfile.TemporaryDirectory() as folder:
        with LOCK:
            text = _with_wrappers(_c_text(folder))
        # A name without the folder: it stays in the code.
        module, static = (
            toolchain.compile_c(text, "_cyrt.c", "c", settings,
                                extra_args=["-femit-all-decls", "-Werror=implicit-function-declaration", *more])
            for more in ((), _STATIC))  # fmt: skip
    signatures = module.function_signatures()
    exported = set(module.export_functions(_exported(signatures)))
    if found := exported & _uses_own_state(module.to_ir()):
        raise RuntimeError(f"these belong into own_state of runtime_utilities.toml: {', '.join(sorted(found))}")
    toolchain.optimize(module, settings)
    _check_undefined(module.undefined_symbols())
    hot, _ = module.extract_hot(list(_hot(exported)))
    atomic.write_bytes(os.path.join(os.path.dirname(output), HOT), hot)
    code = toolchain.emit(module, "obj", settings)
    toolchain.link_extension([code], output, settings)
    members = [("cyrt.o", _static_object(static, exported, settings))]
    atomic.write_bytes(os.path.join(os.path.dirname(output), ARCHIVE), archive.archive_bytes(members))
    table = {name: one for name, one in sorted({**_others(settings), **signatures}.items())
             if name in exported or not one["defined"] and _in_process(name)}  # fmt: skip
    with open(_symbols_path(output), "w", encoding="utf-8") as file:
        json.dump({"cython": _version(), "symbols": table}, file, indent=0)
        file.write("\n")
    _table.cache_clear()
    hot_bodies.cache_clear()
    return output
