"""Memoryview code in a module of its own: less to compile, and nothing else different."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cli_tools
from conftest import write
from cython_llvm import frontend, sharedutil
from cython_llvm.settings import Settings

SOURCE = """
    # cython: binding=True
    cimport cython
    from cython.parallel cimport prange
    cdef class Box:
        cdef double[:] held
        def __init__(self, double[:] held): self.held = held
        def get(self): return self.held
    def total(double[:, ::1] a):
        "The sum."
        cdef Py_ssize_t i
        cdef double out = 0
        for i in prange(a.shape[0], nogil=True):
            out += a[i, 0]
        return out
    def numbers(int[:] a):
        for i in range(a.shape[0]):
            yield a[i]
    def own(int n):
        return cython.view.array((n,), 8, "d")
    def raised(function, *args):
        try:
            return function(*args)
        except Exception as error:
            return type(error).__name__, str(error)
"""

PROGRAM = """
    if {stock}:
        from cython_llvm import sharedutil
        sharedutil.available = lambda: None
    import cython_llvm, array, re, pickle
    m = cython_llvm.import_file("views.pyx")
    d, i = array.array("d", [1, 2, 3, 4]), array.array("i", [5, 6])
    two = memoryview(d).cast("b").cast("d", (2, 2))
    view = m.Box(d).get()
    shown = [repr(view), str(view)[:19], type(view).__name__, type(view).__doc__, view.shape,
             view.strides, view.T.shape, view[1:].shape, view.is_c_contig(), view.nbytes,
             view.copy().base.__class__.__name__, list(view), len(view), view.size, view.ndim]
    shown += [m.total(two), m.total.__doc__, list(m.numbers(i)), repr(m.own(3))]
    shown += [m.raised(m.total, d), m.raised(m.total, 3), m.raised(m.numbers, d),
              m.raised(m.Box, None), m.raised(view.__getitem__, 9), m.raised(len, 3),
              m.raised(m.total, b"abcdefgh"), m.raised(pickle.dumps, view)[0],
              m.raised(m.own, -1), m.raised(setattr, view, "nothing", 1)]
    print("\\n".join(re.sub("0x[0-9a-f]+", "0x", str(line)) for line in shown))
"""


def test_it_is_there() -> None:
    assert sharedutil.available() == sharedutil.NAME


def test_less_to_compile(tmp_path: Path, cache_dir: Path) -> None:
    path = write(tmp_path / "views.pyx", SOURCE)
    whole = frontend.generate_c(str(path), "views", Settings())
    short = frontend.generate_c(str(path), "views", Settings(), shared_utility=sharedutil.NAME)
    assert len(short.c_text) < 0.75 * len(whole.c_text)
    assert sharedutil.NAME.encode() in short.c_text and sharedutil.NAME.encode() not in whole.c_text


def test_nothing_else_is_different(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "views.pyx", SOURCE)
    off = {"CYTHON_LLVM_CACHE": "0", "CYTHON_LLVM_ROUTE": "c"}
    shared = run(PROGRAM.replace("{stock}", "False"), **off)
    assert shared.count("\n") > 20
    # The one thing that tells them apart: where cython.array says it comes from.
    assert shared.count(f"{sharedutil.NAME}.array") == 1
    own = run(PROGRAM.replace("{stock}", "True"), **off)
    assert shared.replace(sharedutil.NAME, "views") == own
    # The tree route has the same code in its run-time library, which is not shown there.
    by_tree = run(PROGRAM.replace("{stock}", "False"), **off | {"CYTHON_LLVM_ROUTE": "tree"})
    assert by_tree.replace("cython_llvm._cyrt", sharedutil.NAME) == shared


def test_it_is_loaded_only_where_it_is_needed(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "plain.pyx", "x = 1\n")
    code = "import sys, cython_llvm; cython_llvm.import_file('plain.pyx'); print('NAME' in sys.modules)"
    assert run(code.replace("NAME", sharedutil.NAME)) == "False"


HELPERS = """
    cimport cython
    def add_one(int a, *, b=2): return a + b
    class K:
        def f(self): yield 3
    cdef class X:
        cdef object a
        def get(self, x): return f"{x} {x!r}", x.pop(), [i for i in x if i], self.a + 1, x[3], x[1:2]
    def g(x):
        try:
            y = x.d
        except ValueError as e:
            raise KeyError from e
        return y, {**x}, sum(i for i in y)
"""
VIEWS = """
    def part(int[:] a):
        cdef int[:] b = a[::2]
        b[:] = 2
        return list(b)
"""
#: Helpers come into a module that the user names one by one, as an import asks for them.
ASKING = """
    import importlib, sys, traceback
    from pkg import _real, _views
    def tried(name):
        try:
            return importlib.import_module("pkg." + name)
        except Exception as error:
            print(type(error).__name__, error, *traceback.extract_tb(error.__traceback__)[-1][:3])
            sys.modules.pop("pkg." + name, None)
            return str(error).split()
    while isinstance(words := tried("helpers"), list):
        assert words[-2] == "function", words
        _views.__pyx_capi__[words[-1]] = _real.__pyx_capi__[words[-1]]
    print(words.add_one(2), list(words.K().f()))
    # What is missing is told of in the same order: functions before types.
    while isinstance(words := tried("views"), list) and words[-2] == "function":
        _views.__pyx_capi__[words[-1]] = _real.__pyx_capi__[words[-1]]
    print(words)
    # All of it.
    sys.modules["pkg._views"] = _real
    import array
    print(tried("views").part(array.array("i", range(4))))
    # None of it.
    sys.modules["pkg._views"] = None
    for name in "helpers", "views":
        sys.modules.pop("pkg." + name, None)
    print(tried("nothing"), tried("first"))
"""


def _stock_command(folder: Path, *args: str) -> None:
    """What `cython` runs."""
    code = "from Cython.Compiler.Main import setuptools_main; setuptools_main()"
    done = cli_tools.run(folder, sys.executable, "-c", code, "--backend=llvm", *args)
    assert done.returncode == 0, done.stderr


def test_what_a_module_of_the_users_lacks(tmp_path: Path) -> None:
    """Imports ask it for what C would take from it, although the tree route has that itself."""
    shown = []
    package = tmp_path / "pkg"
    write(package / "__init__.py", "")
    write(package / "_views.py", "__pyx_capi__ = {}\n")
    write(package / "helpers.pyx", HELPERS)
    write(package / "views.pyx", VIEWS)
    write(package / "nothing.pyx", "")
    write(package / "first.pyx", "cdef class First: pass\n")
    _stock_command(tmp_path, "--generate-shared=pkg/_real.c")
    for route in "c", "tree":
        for name in "helpers", "views", "nothing", "first":
            _stock_command(tmp_path, "-3", f"--route={route}", "--shared=pkg._views", f"pkg/{name}.pyx")
        shown.append(cli_tools.python(tmp_path, textwrap.dedent(ASKING)).splitlines())
    assert shown[1] == shown[0]
    functions = [line for line in shown[0] if "does not export expected C function" in line]
    assert len(functions) > 15
    assert any(line.startswith("ModuleNotFoundError") for line in shown[0])
