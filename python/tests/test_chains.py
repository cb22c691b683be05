"""Polynomials over arrays: several iterations are computed side by side, with the bits of each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cython_llvm

SOURCE = """
# cython: boundscheck=False, wraparound=False
ctypedef fused number:
    float
    double

def power(number[:] x, number[:] y):
    cdef Py_ssize_t i
    cdef int k
    cdef number s
    for i in range(x.shape[0]):
        s = 1
        for k in range(12):
            s = s * x[i] + 3
        y[i] = s

def contiguous(double[::1] x, double[::1] y):
    cdef Py_ssize_t i
    cdef double v, s
    for i in range(x.shape[0]):
        v = x[i]
        s = ((((((v * 0.5 + 0.25) * v - 0.75) * v + 1.5) * v - 2.5) * v + 0.125) * v - 3.0)
        y[i] = ((((s * v + 0.3) * v - 0.7) * v + 0.11) * v - 0.9) * v + y[i]

def of_two(double[::1] x, double[::1] y, double[::1] z):
    cdef Py_ssize_t i
    cdef int k
    cdef double s
    for i in range(x.shape[0]):
        s = 1
        for k in range(6):
            s = (s * x[i] + 3) * y[i] + x[i]
        z[i] = s

def ten(double[::1] x):
    cdef double y[10]
    cdef Py_ssize_t i
    cdef int k
    cdef double s
    for i in range(10):
        s = 1
        for k in range(8):
            s = s * x[i] + 3
        y[i] = s
    return [y[i] for i in range(10)]
"""

# How many iterations later what is written is read: LLVM knows it.
AHEAD = """
def ahead_{by}(double[::1] x):
    cdef Py_ssize_t i
    cdef int k
    cdef double s
    for i in range(x.shape[0] - {by}):
        s = 1
        for k in range(12):
            s = s * x[i] + 0.5
        x[i + {by}] = s
"""
DISTANCES = [12, 16, 40]
SOURCE += "".join(AHEAD.format(by=by) for by in DISTANCES)


@pytest.fixture(scope="module", params=["tree", "c"])
def module(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYTHON_LLVM_ROUTE", request.param)
        yield cython_llvm.inline_module(SOURCE, f"polynomials_{request.param}", opt_level=3)


def chain(v: Any, steps: int, term: float) -> Any:
    """What one iteration computes, in the type of its number."""
    number = type(v)
    s = number(1)
    for _ in range(steps):
        s = s * v + number(term)
    return s


def power(x: np.ndarray, y: np.ndarray) -> None:
    for i, v in enumerate(x):
        y[i] = chain(v, 12, 3)


SIZES = [0, 1, 3, 7, 8, 9, 27, 28, 29, 31, 55, 56, 57, 63, 111, 113, 200, 1003]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_arrays_that_are_apart(module: ModuleType, size: int, dtype: type) -> None:
    x = np.linspace(-1.5, 1.5, size, dtype=dtype)
    y, expected = np.zeros_like(x), np.zeros_like(x)
    module.power(x, y)
    power(x, expected)
    assert y.tobytes() == expected.tobytes()


@pytest.mark.parametrize("shift", [*range(-9, 10), 16, 24, 27, 28, 29, 32, 56, 64, -28, -56])
def test_arrays_that_overlap(module: ModuleType, shift: int) -> None:
    """What an iteration writes is read by a later one, or by an earlier one before."""
    size, at = 150, 70
    got, expected = (np.linspace(-1.2, 1.2, size + 2 * at) for _ in range(2))
    results = []
    for function, whole in ((module.power, got), (power, expected)):
        x, y = whole[at : at + size], whole[at + shift : at + shift + size]
        with np.errstate(over="ignore", invalid="ignore"):
            function(x, y)
        results.append(whole.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("by", DISTANCES)
def test_what_is_read_some_iterations_later(module: ModuleType, by: int) -> None:
    got, expected = np.linspace(-0.5, 0.4, 300), np.linspace(-0.5, 0.4, 300).tolist()
    getattr(module, f"ahead_{by}")(got)
    for i in range(300 - by):
        expected[i + by] = chain(expected[i], 12, 0.5)
    assert got.tolist() == expected


def test_strided(module: ModuleType) -> None:
    x = np.linspace(-1.5, 1.5, 300)[::3]
    y, expected = np.zeros(200)[::2], np.zeros(100)
    module.power(x, y)
    power(x, expected)
    assert y.tolist() == expected.tolist()


@pytest.mark.parametrize("size", SIZES)
def test_of_more_than_one_array(module: ModuleType, size: int) -> None:
    x, y = np.linspace(-1.1, 1.1, size), np.linspace(1.2, -0.9, size)
    expected = []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        s = 1.0
        for _ in range(6):
            s = (s * a + 3) * b + a
        expected.append(s)
    z = np.zeros(size)
    module.of_two(x, y, z)
    assert z.tolist() == expected
    z = y.copy()
    module.contiguous(x, z)
    expected = []
    for v, b in zip(x.tolist(), y.tolist(), strict=True):
        s = (((((v * 0.5 + 0.25) * v - 0.75) * v + 1.5) * v - 2.5) * v + 0.125) * v - 3.0
        expected.append(((((s * v + 0.3) * v - 0.7) * v + 0.11) * v - 0.9) * v + b)
    assert z.tolist() == expected


def test_of_a_known_number(module: ModuleType) -> None:
    x = np.linspace(-1.1, 1.1, 10)
    assert module.ten(x) == [chain(v, 8, 3) for v in x.tolist()]
