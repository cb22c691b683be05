"""Numbers chosen by comparisons, products of complex numbers, items by number, and exceptions that are
met: made fast, and the same as by the C route."""

from __future__ import annotations

import array
import itertools
import math
import struct
from collections.abc import Sequence

import pytest

from conftest import Both, outcome

NAN, INF = math.nan, math.inf
DOUBLES = [0.0, -0.0, 1.0, -1.5, 2.5, INF, -INF, NAN]

CHOICES = """# distutils: extra_compile_args = -O3
def clipped({type}[:] x, {type} low, {type} high, {type}[:] out):
    cdef Py_ssize_t i
    cdef {type} v, s = 0
    for i in range(x.shape[0]):
        v = x[i]
        if v < low:
            v = low
        elif v > high:
            v = high
        out[i] = v
        s += v
    return s

def running({type}[:] x, {type} low, {type} high, {type}[:] out):
    cdef Py_ssize_t i
    cdef {type} s = 0
    for i in range(x.shape[0]):
        s += x[i]
        if not s >= low:
            s = low
        if s > high:
            s = -s
        out[i] = s
    return s

def least({type}[:] x, {type} low, {type} high, {type}[:] out):
    cdef Py_ssize_t i, at = -1
    cdef {type} best = high
    for i in range(x.shape[0]):
        if x[i] <= best:
            best = x[i]
            at = i
        out[i] = -x[i] if x[i] < low or x[i] != x[i] else low if x[i] == high else 0
    return best, at
"""


def bits(values: Sequence[float]) -> bytes:
    return struct.pack(f"{len(values)}d", *values)


@pytest.mark.parametrize("type_", ["double", "float"])
def test_numbers_are_chosen_as_by_branches(both: Both, type_: str) -> None:
    tree, c = both(CHOICES.replace("{type}", type_))
    code = type_[0]
    values = array.array(code, DOUBLES * 7)
    for step, low, high in itertools.product((1, 3, -2), DOUBLES, DOUBLES):
        view = memoryview(values)[::step]
        for name in ("clipped", "running", "least"):
            found = []
            for module in (tree, c):
                out = array.array(code, [9.0] * len(view))
                result = getattr(module, name)(view, low, high, out)
                found.append((repr(result), bits(out)))
            assert found[0] == found[1], (name, step, low, high)


def test_products_of_complex_numbers(both: Both) -> None:
    text = """
def product(double complex a, double complex b): return a * b
def single(float complex a, float complex b): return a * b
def power(double complex z, int n):
    cdef double complex w = 1
    for _ in range(n):
        w *= z
    return w
"""
    tree, c = both(text)
    numbers = [complex(x, y) for x, y in itertools.product(DOUBLES, DOUBLES)]
    for a, b in itertools.product(numbers, numbers):
        for name in ("product", "single"):
            mine, theirs = getattr(tree, name)(a, b), getattr(c, name)(a, b)
            assert repr(mine) == repr(theirs), (name, a, b)
        assert repr(tree.power(a, 3)) == repr(c.power(a, 3))


class Listed(list):
    def __getitem__(self, index: object) -> object:
        return "listed", index

    def __setitem__(self, index: object, value: object) -> None:
        self.append(("set", index, value))


class Tupled(tuple):
    __slots__ = ()

    def __getitem__(self, index: object) -> object:
        return "tupled", index


def test_items_by_number(both: Both) -> None:
    text = """
cimport cython
def get(o, Py_ssize_t i): return o[i]
def get_int(o, int i): return o[i]
def get_unsigned(o, unsigned char i): return o[i]
@cython.wraparound(False)
def forward(o, Py_ssize_t i): return o[i]
def put(o, Py_ssize_t i, value): o[i] = value
def more(o, Py_ssize_t i): o[i] += 1
"""
    tree, c = both(text)
    makers = (
        lambda: [1, 2, 3], lambda: (1, 2, 3), lambda: "abc", lambda: b"abc", lambda: bytearray(b"abc"),
        lambda: {0: 4, -1: 5}, lambda: Listed([1, 2]), lambda: Tupled((1, 2)), lambda: None, lambda: range(3),
        lambda: array.array("i", [1, 2, 3]), list, tuple,
    )  # fmt: skip
    for make, i in itertools.product(makers, (0, 1, 2, 3, -1, -3, -4, 2**40)):
        for name in ("get", "get_int", "get_unsigned", "forward"):
            assert outcome(getattr(tree, name), make(), i) == outcome(getattr(c, name), make(), i), (name, i)
        for name, rest in (("put", (7,)), ("more", ())):
            found = []
            for module in (tree, c):
                o = make()
                found.append((outcome(getattr(module, name), o, i, *rest), repr(o)))
            assert found[0] == found[1], (name, i)


def test_items_by_number_keep_count(both: Both) -> None:
    import sys

    tree, _ = both("""
def around(o, x, y, int times):
    cdef int i
    for i in range(times):
        o[i % 2] = x
        o[-1] = y
        if o[i % 2] is None or o[0 - 1] is None:
            return False
    return True
""")
    x, y = object(), object()
    before = sys.getrefcount(x), sys.getrefcount(y)
    assert tree.around([None, None], x, y, 100)
    assert (sys.getrefcount(x), sys.getrefcount(y)) == before


def test_exceptions_are_met_by_class(both: Both) -> None:
    text = """
from io import UnsupportedOperation as Other
class Mine(KeyError): pass
def raise_(what):
    raise what
def met(what):
    try:
        raise_(what)
    except KeyError as error:
        return "key", repr(error)
    except (ValueError, OSError):
        return "value or os"
    except StopIteration:
        return "stop"
def with_others(what):
    try:
        raise_(what)
    except KeyError:
        return "key"
    except Other:
        return "other"
    except:
        return "any"
def shadowed(what):
    ValueError = TypeError
    try:
        raise_(what)
    except ValueError:
        return "type"
def inner(what):
    try:
        try:
            raise_(what)
        except IndexError:
            return "index"
        finally:
            1 / 1
    except LookupError:
        try:
            raise ValueError(2)
        except ValueError:
            pass
        return "lookup"
"""
    tree, c = both(text)
    from io import UnsupportedOperation

    kinds = (KeyError, ValueError, OSError, FileNotFoundError, StopIteration, TypeError, UnsupportedOperation,
             IndexError, RuntimeError, KeyboardInterrupt)  # fmt: skip
    names = ("met", "with_others", "shadowed", "inner")
    for kind, name, made in itertools.product((*kinds, int), names, (True, False)):
        found = []
        for module in (tree, c):
            try:
                found.append(repr(getattr(module, name)(kind(2) if made else kind)))
            except BaseException as error:
                trace, lines = error.__traceback__, []
                while trace is not None:
                    lines.append((trace.tb_frame.f_code.co_name.split(".")[-1], trace.tb_lineno))
                    trace = trace.tb_next
                found.append((type(error).__name__, str(error), lines[1:], repr(error.__context__)))
        assert found[0] == found[1], (name, kind, made)
    assert tree.met(tree.Mine(4)) == c.met(c.Mine(4))
