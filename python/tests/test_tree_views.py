"""Arrays as arguments that are memoryviews: the short way to them beside Cython's own."""

from __future__ import annotations

import array
import gc
import itertools
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from conftest import Both, outcome

LAYOUTS = ("[:]", "[::1]", "[:, :]", "[:, ::1]", "[::1, :]", "[:, :, ::1]", "[:, :, :]")
TYPES = ("double", "const double", "float", "int", "const unsigned char", "char", "long long", "short",
         "size_t", "object", "double complex", "const long double")  # fmt: skip

#: All that the object behind a slice says about its buffer.
FACTS = """
def view{n}({type}{layout} x):
    if x is None:
        return None
    view = x.base if False else (<object> x)
    return (view.shape, view.strides, view.suboffsets, view.ndim, view.itemsize, view.nbytes, view.size,
            view.is_c_contig(), view.is_f_contig(), type(view.base).__name__, type(view).__name__,
            bytes(memoryview(view).format, "ascii"), memoryview(view).readonly)
"""


def arrays() -> Iterator[Any]:
    yield None
    yield 3
    yield array.array("d", [1, 2, 3])
    yield b"bytes"
    yield bytearray(b"bytes")
    kinds = ["d", "f", "i", "u1", "i1", "q", "h", "N", "O", "D", "F", "g", "?", ">f8", "e", "M8[s]", "S3"]
    for kind in kinds:
        yield np.zeros(5, kind)
        yield np.zeros((2, 3), kind)
    base = np.arange(240.0).reshape(2, 4, 5, 6)
    yield base
    yield from (base[0], base[0].T, base[0, :, ::2], base[0, ::-1], base[0, 0], base[0, 0].T, base[0, 0, :, 0])
    yield from (base[0, 0, 0], base[0, 0, 0, ::2], base[0, 0, 0, ::-1], base[0, 0, 0, :1:2], base[0, 0, :1])
    yield from (base[0, 0, :, :1], base[0, 0, 0, :0], base[0, 0, :0], base[0, 0, :, :0], base[0, :, :1, ::2])
    yield np.float64(2)
    yield np.zeros(())
    fixed = np.arange(6.0)
    fixed.flags.writeable = False
    yield fixed
    yield fixed[::2]
    yield np.frombuffer(b"\0" * 41, dtype="u1")[1:].view("f8")
    yield np.broadcast_to(np.zeros(3), (4, 3))
    yield np.asfortranarray(np.zeros((3, 4)))
    yield np.asfortranarray(np.zeros((3, 4)))[:, 1:2]
    yield np.lib.stride_tricks.as_strided(np.zeros(4), (1, 4), (999, 8))
    yield np.lib.stride_tricks.as_strided(np.zeros(4), (4, 1), (8, 3))
    yield np.matrix([[1.0, 2.0]])
    yield np.zeros(4).view(np.recarray)
    yield np.ma.zeros(3)


@pytest.mark.filterwarnings("ignore")
def test_arrays_as_slices_are_what_cython_makes_of_them(both: Both) -> None:
    functions = [FACTS.format(n=n, type=type_, layout=layout)
                 for n, (type_, layout) in enumerate(itertools.product(TYPES, LAYOUTS))]  # fmt: skip
    tree, c = both("".join(functions))
    accepted = 0
    for value in arrays():
        for n in range(len(functions)):
            mine = outcome(getattr(tree, f"view{n}"), value)
            assert mine == outcome(getattr(c, f"view{n}"), value), (functions[n], value)
            accepted += isinstance(mine[0], tuple) if mine else 0
    assert accepted > 100


LIVES = """
def kept(double[:] x):
    return x
def part(double[:] x):
    return x[1:3].base, x[1:3]
def written(double[:] x, value):
    x[0] = value
    return x.base
cdef class Holder:
    cdef double[:] view
    def __init__(self, double[:] view):
        self.view = view
    def get(self):
        return self.view
    def swap(self, double[:] view):
        view, self.view = self.view, view
        return view
def raises(double[:] x, int index):
    return x[index]
def tracked(double[:] x, collector):
    return [type(one).__name__ for one in collector.get_referrers((<object> x).base)].count("memoryview")
def empty(double[:] x):
    return x.shape[0]
def many(list arrays):
    cdef double[:] x
    total = 0.0
    kept = []
    for a in arrays:
        x = a
        total += x[0]
        kept.append(x)
    return total, [one[0] for one in kept]
"""


def test_references_to_arrays_are_counted(both: Both) -> None:
    results = []
    for module in both(LIVES):
        data = np.arange(5.0)
        found: list[Any] = [sys.getrefcount(data)]
        views = [module.kept(data) for _ in range(40)]
        found += [sys.getrefcount(data), [view[2] for view in views]]
        del views
        found += [sys.getrefcount(data), module.part(data)[0] is data, [*module.part(data)[1]]]
        found += [module.written(data, 7) is data, data[0]]
        holders = [module.Holder(data) for _ in range(20)]
        found += [sys.getrefcount(data), [holder.get()[1] for holder in holders]]
        found += [holders[0].swap(np.ones(3))[1], holders[0].get()[1], sys.getrefcount(data)]
        del holders
        for index in (2, 9):
            found += [outcome(module.raises, data, index), sys.getrefcount(data)]
        found.append(module.tracked(data, gc))
        gc.collect()
        found.append(sys.getrefcount(data))
        found.append(module.many([np.full(2, n, float) for n in range(50)]))
        before = sys.getrefcount(None)
        for _ in range(5000):
            module.empty(data)
            outcome(module.empty, np.zeros(2, "f4"))
        found += [abs(sys.getrefcount(None) - before) < 50, sys.getrefcount(data)]
        view = module.kept(data)
        data.shape = (1, 5)
        found += [view.shape, view.strides, view[4]]
        results.append(found)
    assert results[0] == results[1]


def test_a_type_that_only_bears_the_name_is_no_array(both: Both) -> None:
    class Fake:
        pass

    Fake.__module__, Fake.__qualname__, Fake.__name__ = "numpy", "ndarray", "numpy.ndarray"
    tree, c = both("def f(double[:] x):\n    return x[0]\n")
    for value in (Fake(), np.ones(2), Fake()):
        assert outcome(tree.f, value) == outcome(c.f, value)


def test_sums_are_added_in_order(both: Both) -> None:
    text = """
def distance(double[:] x, double[:] y):
    cdef Py_ssize_t i
    cdef double s = 0, d
    for i in range(x.shape[0]):
        d = x[i] - y[i]
        s += d * d
    return s
"""
    x, y = (np.random.default_rng(n).normal(size=1003) * 10.0 ** (n + np.arange(1003) % 13) for n in (1, 2))
    expected = 0.0
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        expected += (a - b) * (a - b)
    assert [module.distance(x, y) for module in both(text)] == [expected, expected]


def test_small_integers_and_defaults_of_functions_that_return_views(both: Both) -> None:
    text = """
        cdef double[:] made(unsigned char n, signed short by, char *text = b"ab") noexcept:
            cdef double[::1] found = np.zeros(n % 5 + 1)
            found[0] = n
            found[n % 5] += by + text[0]
            return found
        cdef double[:] summed(const unsigned char[:] text, bint twice=False, double start=0.5) except *:
            cdef double[:] found = made(text[0], -1)
            if text[0] == 7: raise ValueError(text[1])
            for i in range(1, text.shape[0]):
                found[0] += made(text[i], i, b"z")[0] + start
                if twice: found[0] *= 2
            return found
        cdef class Maker:
            cdef double[:] make(self, unsigned char n, short by=3):
                return made(n, by)
            cpdef double[:] open(self, unsigned char n, short by=3):
                return self.make(n, by)
        def f(bytes text, int how):
            if how == 0: return list(summed(text))
            if how == 1: return list(summed(text, True))
            if how == 2: return list(summed(text, False, 2))
            if how == 3: return list(Maker().make(text[0])) + list(Maker().make(text[0], -9))
            return list(Maker().open(text[0])) + list(Maker().open(text[0], how))
    """
    tree, c = both("import numpy as np\n" + textwrap.dedent(text))
    for given in (b"a", b"\xff\xfe\x80", b"hello", b"\x07\x08"):
        for how in range(5):
            assert outcome(tree.f, given, how) == outcome(c.f, given, how), (given, how)


def test_copies_of_views_of_complex_numbers_and_structs(both: Both) -> None:
    text = """
        import numpy as np
        cdef struct Pair:
            char a
            double b
        cdef packed struct Packed:
            char a
            float b
        def numbers(double complex[:, :] x, float complex[::1] y):
            cdef double complex[::1, :] turned = x.copy_fortran()
            cdef double complex[:, ::1] copied = x.copy()
            cdef float complex[::1] other = y.copy()
            x[0, 0], y[0] = 9, 8
            arrays = np.array(turned), np.array(copied)
            return arrays[0].tolist(), arrays[1].tolist(), list(other), arrays[0].flags.f_contiguous
        def structs(x, y):
            cdef Pair[:] pairs = x
            cdef Packed[::1] packed = y
            cdef Pair[::1] copied = pairs.copy()
            cdef Packed[::1] other = packed.copy()
            pairs[0].b = packed[0].b = -1
            return [(one.a, one.b) for one in copied], [(one.a, one.b) for one in other]
    """
    tree, c = both(textwrap.dedent(text))
    for module in (tree, c):
        matrix = np.arange(12).reshape(3, 4)[:, ::2] * (1 + 2j)
        assert module.numbers(matrix.copy(), np.array([1j, 2], np.complex64)) == (
            matrix.tolist(), matrix.tolist(), [1j, 2], True)  # fmt: skip
        pairs = np.zeros(6, np.dtype([("a", "i1"), ("b", "f8")], align=True))
        packed = np.zeros(2, [("a", "i1"), ("b", "f4")])
        pairs["a"], pairs["b"], packed["b"] = range(6), range(6), 2
        found = module.structs(pairs[::3], packed)
        assert found == ([(0, 0.0), (3, 3.0)], [(0, 2.0), (0, 2.0)])
