"""What modules share by .pxd files and headers, between the tree route and the C route."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import cython_llvm
from cli_tools import SUFFIX, cython
from conftest import ROUTE_PAIRS, Sharing, write

PXD = """
# cython: language_level=3
cdef struct Pair:
    long a
    double b
cdef int counter
cdef object things
cdef double scale(double x, int by=*) except? -1
cdef signed char narrow(signed char x, unsigned char y) noexcept
cpdef long both(long x)
cdef class Base:
    cdef public object name
    cdef int n
    cdef readonly double[:] view
    cdef int number(self) except? -1
    cdef signed char small(self, short x)
    cpdef object shown(self, suffix=*)
cdef class Derived(Base):
    cdef list items
    cdef void add(self, object item)
"""
LIBRARY = """
# cython: language_level=3
counter = 3
things = ["one"]
cdef double scale(double x, int by=2) except? -1:
    if by == 0: raise ValueError("by nothing")
    return x * by
cdef signed char narrow(signed char x, unsigned char y) noexcept:
    return <signed char> (x - y)
cpdef long both(long x): return x + counter
cdef class Base:
    def __init__(self, name): self.name, self.n = name, len(name)
    cdef int number(self) except? -1:
        if self.n > 5: raise KeyError(self.name)
        return self.n
    cdef signed char small(self, short x): return <signed char> -x
    cpdef object shown(self, suffix="!"): return self.name + suffix
cdef class Derived(Base):
    def __cinit__(self): self.items = []
    cdef int number(self) except? -1: return -len(self.items)
    cdef void add(self, object item): self.items.append(item)
"""
CLIENT = """
# cython: language_level=3
from {library} cimport Base, Derived, Pair, both, counter, narrow, scale, things

cdef class Own(Derived):
    cdef int number(self) except? -1: return 100 + len(self.items)
    cpdef object shown(self, suffix="?"): return "own " + Derived.shown(self, suffix)

class Python(Own):
    def shown(self, suffix="%"): return "python"

def functions():
    global counter
    results = [scale(1.5), scale(1.5, 3), both(1), counter, list(things)]
    results += [narrow(-100, 28), narrow(3, 255), narrow(-1, 0)]
    counter += 1
    results += [both(1), counter]
    counter -= 1
    try: scale(1, 0)
    except ValueError as error: results.append(str(error))
    return results

def methods():
    cdef Base base = Base("base")
    cdef Derived derived = Derived("derived")
    cdef Own own = Own("own")
    derived.add(1); own.add(2); own.add(3)
    results = [base.number(), derived.number(), own.number(), base.n, own.items]
    results += [base.small(7), own.small(-100)]
    results += [base.shown(), derived.shown("."), own.shown(), (<Base> Python("p")).shown()]
    try: Base("too long").number()
    except KeyError as error: results.append(error.args)
    cdef Pair pair = Pair(1, 2.5)
    return results + [pair.a, pair.b, isinstance(own, Base), Base.__subclasses__() != []]
"""


def imported(folder: Path, name: str, text: str, route: str) -> types.ModuleType:
    return cython_llvm.import_file(write(folder / f"{name}.pyx", text), name, route=route)


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_cimported_classes_and_functions_work_across_routes(sharing: Sharing, routes: tuple[str, str]) -> None:
    _, module = sharing(PXD, LIBRARY, CLIENT, routes)
    assert module.functions() == [3, 4.5, 4, 3, ["one"], -128, 4, -1, 5, 4, "by nothing"]
    assert module.methods() == [4, -1, 102, 4, [2, 3], -7, 100, "base!", "derived.", "own own?", "python",
                                ("too long",), 1, 2.5, True, True]  # fmt: skip


POINTERS_PXD = """
# cython: language_level=3
cdef int bar(int i) except *
cdef int (*var_opt)(int) except? -1
cdef int (*var_orig)(int) except *
"""
POINTERS = """
# cython: language_level=3
cdef int bar(int i) except *:
    if i == 10: raise ValueError("ten")
    return i + 1
var_opt = bar
var_orig = bar
"""
POINTERS_CLIENT = """
# cython: language_level=3
from {library} cimport bar, var_opt, var_orig
cimport {library} as library

def calls(int i):
    return bar(i), var_opt(i), var_orig(i), library.bar(i), library.var_opt(i), library.var_orig(i)

def opt(int i): return var_opt(i)
def orig(int i): return var_orig(i)
"""


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_cimported_function_pointer_variables_are_called(sharing: Sharing, routes: tuple[str, str]) -> None:
    _, module = sharing(POINTERS_PXD, POINTERS, POINTERS_CLIENT, routes)
    assert module.calls(-2) == (-1,) * 6
    for function in (module.opt, module.orig):
        with pytest.raises(ValueError, match="ten"):
            function(10)


PUBLIC = """
# cython: language_level=3
cdef public enum Kind:
    FIRST = 1
    SECOND = FIRST + 1
cdef public struct Pair:
    int a
    double b
cdef public int counter = 7
cdef public api int add(int a, int b) except? -1:
    return a + b + counter
cdef api double half(double x) noexcept nogil:
    return x / 2
cdef api Pair *swap(Pair *pair) noexcept:
    pair.a = -pair.a
    return pair
cdef public api class Thing [object ThingObject, type ThingType]:
    cdef int n
    def __init__(self, n): self.n = n
    cdef int get(self): return self.n
"""


def test_public_names_come_with_cythons_headers_and_as_symbols(tmp_path: Path) -> None:
    found = {}
    for route in ("c", "tree"):
        folder = tmp_path / route
        write(folder / "shown.pyx", PUBLIC)
        done = cython(folder, "--backend=llvm", f"--route={route}", "shown.pyx")
        assert done.returncode == 0, done.stdout + done.stderr
        found[route] = {name: (folder / name).read_text() for name in ("shown.h", "shown_api.h")}
        library = folder / f"shown{SUFFIX}"
        spec = importlib.util.spec_from_file_location("shown", library)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        symbols = ctypes.PyDLL(str(library))
        assert (symbols.add(1, 2), ctypes.c_int.in_dll(symbols, "counter").value) == (10, 7)
        assert ctypes.addressof(ctypes.c_char.in_dll(symbols, "ThingType")) == id(module.Thing)
        assert sorted(module.__pyx_capi__) == ["add", "half", "swap"]
        assert module.FIRST == 1
    assert found["tree"] == found["c"]


def test_a_c_client_uses_the_api_header_of_a_tree_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shown.pyx", PUBLIC.replace("SECOND = FIRST + 1", "SECOND = 2"))
    done = cython(tmp_path, "--backend=llvm", "--route=tree", "shown.pyx")
    assert done.returncode == 0, done.stdout + done.stderr
    text = """
    # cython: language_level=3
    cdef extern from "shown_api.h":
        int import_shown() except -1
        int add(int, int) except? -1
        double half(double)
        struct Pair:
            int a
            double b
        Pair *swap(Pair *)
    def use():
        cdef Pair pair
        pair.a = 5
        import_shown()
        return add(1, 2), half(3), swap(&pair).a
    """
    module = imported(tmp_path, "api_client", text, "c")
    try:
        assert module.use() == (10, 1.5, -5)
    finally:
        for name in ("api_client", "shown"):
            sys.modules.pop(name, None)


def test_fused_functions_are_found_by_either_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fused_owner.pxd").write_text("cimport cython\ncdef cython.integral twice(cython.integral x)\n")
    owner = tmp_path / "fused_owner.pyx"
    owner.write_text("cimport cython\ncdef cython.integral twice(cython.integral x): return x * 2\n")
    capi = cython_llvm.import_file(owner, "fused_owner", route="tree").__pyx_capi__
    everything = dict(capi)
    for old in (True, False):
        capi.clear()
        capi.update({name: one for name, one in everything.items() if ("__pyx_fuse" in name) is old})
        user = tmp_path / f"fused_user_{old}.pyx"
        user.write_text("from fused_owner cimport twice\ndef f(int x): return twice(x)\n")
        assert cython_llvm.import_file(user, user.stem, route="tree").f(4) == 8


@pytest.mark.parametrize("body", ["cdef int a", "cdef int m(self): return 1"])
def test_classes_do_not_grow_types_with_items(tmp_path: Path, body: str) -> None:
    text = (f"cdef extern from *:\n    ctypedef class types.CodeType [object PyCodeObject]: pass\n"
            f"cdef class Grown(CodeType):\n    {body}\n")  # fmt: skip
    found = []
    for route in ("tree", "c"):
        path = tmp_path / f"grown_{route}.pyx"
        path.write_text(text)
        with pytest.raises(TypeError) as caught:
            cython_llvm.import_file(path, path.stem, route=route)
        found.append(str(caught.value))
    assert found[0] == found[1] and "PyVarObject" in found[0]


def test_a_case_twice_is_an_error_of_c(tmp_path: Path) -> None:
    path = tmp_path / "twice.pyx"
    path.write_text('cdef extern from *:\n    enum:\n        ONE "1"\n        UNE "1+0"\n'
                    "def f(int i): return i != ONE and i != UNE\n")  # fmt: skip
    with pytest.raises(ImportError, match="duplicate case"):
        cython_llvm.import_file(path, "twice")


def test_classes_that_only_a_pxd_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    pxd = """
        cdef class Empty:
            pass
        cdef class Base:
            cdef public int n
        cdef class Derived(Base):
            cdef object o
    """
    text = """
        cdef class Base: pass
        def made(): return Empty(), Derived()
        def set(Derived d, o):
            d.o = o
            return d.o
    """
    found = []
    for route in ("tree", "c"):
        name = f"unimplemented_{route}"
        write(tmp_path / f"{name}.pxd", pxd)
        module = cython_llvm.import_file(write(tmp_path / f"{name}.pyx", text), name, route=route)
        empty, derived = module.made()
        derived.n = 3
        below = type("Below", (module.Derived,), {})()
        with pytest.raises(TypeError) as caught:
            module.set(empty, 1)
        told = str(caught.value).replace(name, "")
        names = sorted(set(vars(module)) - {"__test__"})
        found.append((type(empty).__name__, derived.n, module.set(below, "x"), told, names))
    assert found[0] == found[1]
    assert {"Empty", "Base", "Derived"} <= set(found[0][-1])


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_functions_elsewhere_with_views_and_optional_arguments(
    sharing: Sharing, routes: tuple[str, str]
) -> None:
    pxd = """
        cdef double[:] scaled(double[:] x, double by=*, bint twice=*)
        cdef double total(double[:, :] x, short start=*, object more=*) except -1
        cdef class Adder:
            cdef double[:] add(self, double[:] x, signed char by=*)
    """
    library = """
        cdef double[:] scaled(double[:] x, double by=2, bint twice=False):
            cdef double[:] found = x.copy()
            for i in range(x.shape[0]):
                found[i] = x[i] * by * (2 if twice else 1)
            return found
        cdef double total(double[:, :] x, short start=7, object more=None) except -1:
            if more is not None: raise ValueError(more)
            return start + x[0, 0] + x[x.shape[0] - 1, x.shape[1] - 1]
        cdef class Adder:
            cdef double[:] add(self, double[:] x, signed char by=-1):
                return scaled(x, by)
    """
    client = """
        from {library} cimport scaled, total, Adder
        def f(x):
            added = list(Adder().add(x)), list(Adder().add(x, 5))
            return [list(scaled(x)), list(scaled(x, 3)), list(scaled(x, 3, True)), *added]
        def g(x, how):
            if how == 0: return total(x)
            if how == 1: return total(x, -5)
            return total(x, 3, how)
    """
    _, second = sharing(pxd, library, client, routes)
    x = np.array([1.0, 2.0, 4.0])
    for _ in range(3):
        assert second.f(x) == [[2, 4, 8], [3, 6, 12], [6, 12, 24], [-1, -2, -4], [5, 10, 20]]
        square = np.arange(4.0).reshape(2, 2)
        assert (second.g(square, 0), second.g(square, 1)) == (10, -2)
        with pytest.raises(ValueError, match="2"):
            second.g(square, 2)
