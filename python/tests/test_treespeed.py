"""What makes the tree route's code fast must not change what it does: beside the C route's answers."""

from __future__ import annotations

import array
import itertools
import math
import random
from collections.abc import Callable

from conftest import Both


def outcome(function: Callable[..., object], *args: object) -> object:
    """The result and its type, or the exception's type and text."""
    try:
        result = function(*args)
        return type(result), repr(result)
    except Exception as error:
        return type(error), str(error)


class Odd(int):
    def __add__(self, other: object) -> str:
        return "odd"

    def __lt__(self, other: object) -> bool:
        raise KeyError("lt")


# No sequence beside large numbers: it would be repeated so many times.
VALUES = [0, 1, -1, 2, 2**30 - 1, 2**30, -(2**30), 2**31, 2**60, -(2**70), True, 1.5, -0.0, float("nan"),
          None, {1}, Odd(3), 2 + 1j]  # fmt: skip


def test_operators_on_objects_are_the_same(both: Both) -> None:
    text = "".join(
        f"def op{n}({left}a, {right}b): return a {op} b\ndef if{n}({left}a, {right}b):\n"
        f"    if a {op} b: return 'yes'\n    return 'no'\n"
        for n, (op, (left, right)) in enumerate(itertools.product(
            ("+", "-", "*", "&", "|", "^", "<", "<=", "==", "!=", ">", ">="),
            (("", ""), ("int ", ""), ("", "int "), ("float ", ""), ("str ", "str ")))))  # fmt: skip
    tree, c = both(text)
    for name in [name for name in vars(c) if name.startswith(("op", "if"))]:
        words = [*"ab", b"a", "", 3, None, Odd(2)]
        for a, b in (*itertools.product(VALUES, VALUES), *itertools.product(words, words)):
            mine, theirs = outcome(getattr(tree, name), a, b), outcome(getattr(c, name), a, b)
            assert mine == theirs, (name, a, b)


def test_operators_with_constants_are_the_same(both: Both) -> None:
    text = "".join(
        f"def op{n}(a): return a {op} {constant}\ndef rev{n}(a): return {constant} {op} a\n"
        f"def inplace{n}(a):\n    a {op}= {constant}\n    return a\n"
        for n, (op, constant) in enumerate(itertools.product("+-*&|^", (1, -3, 1073741823, 1.5))))
    tree, c = both(text)
    for name in [name for name in vars(c) if name.startswith(("op", "rev", "inplace"))]:
        for a in VALUES:
            assert outcome(getattr(tree, name), a) == outcome(getattr(c, name), a), (name, a)


STRIDED = """
cimport cython

def total(double[:] x, double[:] y):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(x.shape[0]):
        s += x[i] * y[i]
    return s

def swapping(int[:] a, int[:] b, int times):
    cdef Py_ssize_t i
    for _ in range(times):
        for i in range(a.shape[0]):
            b[i] = a[i] + 1
        a, b = b, a[::-1]
    return list(a), list(b)

cdef long inner(unsigned char[:] x, int limit) except -1:
    cdef long s = 0
    for c in x:
        s += c
        if s > limit:
            raise ValueError(s)
    return s

def raising(unsigned char[:] x, int limit):
    return inner(x, limit)

def nothing(double[:] x):
    s = 0
    for i in range(3):
        s += x is None
    return s
"""


def test_packed_and_strided_memoryviews_are_the_same(both: Both) -> None:
    tree, c = both(STRIDED)
    doubles = memoryview(array.array("d", [0.1 * i for i in range(40)]))
    for one, two in itertools.product((doubles[:20], doubles[::2], doubles[19::-1]), repeat=2):
        assert tree.total(one, two) == c.total(one, two)
        assert outcome(tree.total, one, two[:3]) == outcome(c.total, one, two[:3])
    for step in (1, 2, -1):
        results = []
        for module in (tree, c):
            a, b = (memoryview(array.array("i", range(n, n + 24)))[::step] for n in (0, 100))
            results.append((module.swapping(a, b, 3), list(a), list(b)))
        assert results[0] == results[1]
    data = memoryview(bytearray(range(60)))
    for view, limit in itertools.product((data, data[::3]), (10, 5000)):
        assert outcome(tree.raising, view, limit) == outcome(c.raising, view, limit)
    assert tree.nothing(None) == c.nothing(None) == 3


def test_views_are_released_by_both_versions(both: Both) -> None:
    tree, _ = both(STRIDED)
    data = bytearray(range(60))
    for view in (memoryview(data), memoryview(data)[::3]):
        for limit in (10, 5000):
            outcome(tree.raising, view, limit)
        view.release()
    data.append(1)  # nobody holds on to it


def test_recursive_functions_inlined_into_themselves(both: Both) -> None:
    text = """# distutils: extra_compile_args = -O3
cpdef long fib(long n) except? -1:
    if n > 90:
        raise ValueError(n)
    return n if n < 2 else fib(n - 1) + fib(n - 2)

cdef long ack(long m, long n) noexcept:
    if m == 0:
        return n + 1
    return ack(m - 1, 1) if n == 0 else ack(m - 1, ack(m, n - 1))

def ackermann(long m, long n): return ack(m, n)

cdef int minus(int n) except? -1:
    return -1 if n == 0 else minus(n - 1)

def minus_one(int n): return minus(n)
"""
    tree, c = both(text)
    for n in (*range(20), 91):
        assert outcome(tree.fib, n) == outcome(c.fib, n)
    assert [tree.fib(n) for n in range(10)] == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
    assert tree.ackermann(2, 7) == c.ackermann(2, 7) == 17
    assert tree.minus_one(5) == -1


NESTS = """# distutils: extra_compile_args = -O3
# cython: cdivision=True
cimport cython
from libc.math cimport sqrt

cdef struct Body:
    double x, v, mass

cdef Body bodies[5]

cdef void advance(int steps, double dt) noexcept:
    cdef int s, i, j
    cdef double d, mag
    for s in range(steps):
        for i in range(5):
            for j in range(i + 1, 5):
                d = bodies[i].x - bodies[j].x
                mag = dt / (d * d * sqrt(d * d + 0.1) + 0.3)
                bodies[i].v -= d * bodies[j].mass * mag
                bodies[j].v += d * bodies[i].mass * mag
        for i in range(5):
            bodies[i].x += dt * bodies[i].v

def orbit(start, int steps, double dt):
    cdef int i
    for i in range(5):
        bodies[i].x, bodies[i].v, bodies[i].mass = start[i]
    advance(steps, dt)
    return [(bodies[i].x, bodies[i].v) for i in range(5)]

def left_early(double[:, :] m, double limit):
    cdef int i, j, seen = 0
    cdef double s = 0
    for i in range(4):
        for j in range(i, -1, -1):
            s += m[i, j] * m[j, i]
            seen += 1
            if s > limit:
                break
        else:
            s *= 0.5
            continue
        s -= 1
    return s, seen, i, j

def powers(double x, int first):
    cdef int i, j, k, last = first
    cdef double s = 0
    cdef double table[3][3]
    for i in range(3):
        for j in range(3):
            table[i][j] = x * i - j
    for i in range(3):
        for j in range(first, 3):
            for k in range(3):
                s = s * x + table[i][k] * table[k][j]
                last = i + j + k
    return s, last, [table[i][j] for i in range(3) for j in range(3)]

@cython.wraparound(False)
def checked(double[:] x):
    cdef int i, j
    cdef double s = 0
    for i in range(3):
        for j in range(2):
            s += x[i * 2 + j] * x[j]
    return s
"""


def orbit(start: list[tuple[float, float, float]], steps: int, dt: float) -> list[tuple[float, float]]:
    x, v, mass = ([one[i] for one in start] for i in range(3))
    for _ in range(steps):
        for i in range(5):
            for j in range(i + 1, 5):
                d = x[i] - x[j]
                mag = dt / (d * d * math.sqrt(d * d + 0.1) + 0.3)
                v[i] -= d * mass[j] * mag
                v[j] += d * mass[i] * mag
        for i in range(5):
            x[i] += dt * v[i]
    return list(zip(x, v, strict=True))


def test_nests_of_short_loops_are_the_same(both: Both) -> None:
    """Unrolled as a whole, with nothing contracted or reordered: Python's own answers."""
    tree, c = both(NESTS)
    rng = random.Random(3)
    for steps in (0, 1, 2, 50):
        start = [(rng.gauss(0, 1), rng.gauss(0, 1), 1.0 + i) for i in range(5)]
        assert tree.orbit(start, steps, 0.01) == c.orbit(start, steps, 0.01) == orbit(start, steps, 0.01)
    for limit in (-100.0, -1.0, 0.0, 1.0, 100.0, math.inf, math.nan):
        for _ in range(10):
            m = memoryview(array.array("d", [rng.gauss(0, 2) for _ in range(16)])).cast("B").cast("d", (4, 4))
            assert repr(tree.left_early(m, limit)) == repr(c.left_early(m, limit))
    for x, first in itertools.product((0.1, -3.7, 1e300, math.inf), (0, 1, 2, 3, 9)):
        assert repr(outcome(tree.powers, x, first)) == repr(outcome(c.powers, x, first))
    for n in (6, 5, 1, 0):
        x = memoryview(array.array("d", [rng.random() for _ in range(n)]))
        assert outcome(tree.checked, x) == outcome(c.checked, x)
