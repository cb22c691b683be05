"""Loops that iterate until something becomes of a number are interleaved; results stay those of each alone."""

from __future__ import annotations

import struct
from types import ModuleType
from typing import Any

import pytest

import cython_llvm

SOURCE = """
# cython: language_level=3, cdivision=True
from libc.math cimport fabs

def escapes(int n, int limit, int[:] out):
    cdef int i, j, k
    cdef double x, y, zx, zy, t
    for i in range(n):
        for j in range(n):
            x = -2.0 + 3.0 * i / n
            y = -1.5 + 3.0 * j / n
            zx = zy = 0
            for k in range(limit):
                t = zx * zx - zy * zy + x
                zy = 2 * zx * zy + y
                zx = t
                if zx * zx + zy * zy > 4:
                    break
            else:
                k = limit
            out[i * n + j] = k

def newton(int n):
    cdef int i, k, steps = 0
    cdef double a, x, total = 0
    for i in range(n):
        a = 1 + i * 0.37
        x = a
        k = 0
        while fabs(x * x - a) > 1e-9 and k < 60:
            x = 0.5 * (x + a / x)
            k += 1
        total += x * k
        steps += k
    return total, steps

def sometimes(int n):
    cdef int i, k, total = 0
    cdef double x, y
    for i in range(n):
        if i % 3:
            x = i * 0.01 - 2
            y = 0.25
            k = 0
            while x * x + y * y < 4 and k < 50:
                x, y = x * x - y * y + 0.3, 2 * x * y - 0.1
                k += 1
            total = total * 31 + k
        else:
            total += 2
    return total

def dependent(int n):
    cdef int i, k, total = 0
    cdef double x, y = 0.25
    for i in range(n):
        x = y * 0.001
        k = 0
        while x * x + y * y < 4 and k < 50:
            x, y = x * x - y * y + 0.3, 2 * x * y - 0.1
            k += 1
        total = total * 31 + k
        y = x * 0.01
    return total, x, y

def three_ways(int n):
    cdef int i, k, why
    cdef double x, y, total = 0
    for i in range(n):
        x = i * 0.02
        y = 0.3
        k = 0
        while True:
            if k >= 100:
                why = 1
                break
            x = x * 0.9 + y
            if x > 5:
                why = 2
                break
            y = y * 1.01 - x * 0.001
            if y < 0:
                why = 3
                break
            k += 1
        total += x + why * 100 + k
    return total

def twice(int n):
    cdef int i, j, k, total = 0
    cdef double x, y
    for i in range(n):
        for j in range(2):
            x = i * 0.01 + j - 2
            y = 0.25
            k = 0
            while x * x + y * y < 4 and k < 50:
                x, y = x * x - y * y + 0.3, 2 * x * y - 0.1
                k += 1
            total = total * 31 + k
    return total

def raising(int n, int bad):
    cdef int i, k, total = 0
    cdef double x, y
    for i in range(n):
        x = i * 0.01 - 2
        y = 0.25
        k = 0
        while x * x + y * y < 4 and k < 50:
            x, y = x * x - y * y + 0.3, 2 * x * y - 0.1
            k += 1
        if i == bad:
            raise ValueError(i, k, total)
        total = total * 31 + k
    return total
"""

SIZES = [0, 1, 2, 3, 4, 5, 8, 13, 40, 101]


@pytest.fixture(scope="module")
def levels() -> dict[int, ModuleType]:
    """The module without optimisation, and with it."""
    return {
        level: cython_llvm.inline_module(SOURCE, f"escapes_{level}", opt_level=level) for level in (0, 2, 3)
    }


def bits(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    return struct.pack("d", value) if isinstance(value, float) else value


@pytest.mark.parametrize("name", ["newton", "sometimes", "dependent", "three_ways", "twice"])
def test_results_are_those_of_each_iteration_by_itself(levels: dict[int, ModuleType], name: str) -> None:
    for size in SIZES:
        plain, *others = (bits(getattr(module, name)(size)) for module in levels.values())
        assert all(other == plain for other in others), (name, size)


@pytest.mark.parametrize("limit", [-1, 0, 1, 2, 3, 4, 5, 100])
def test_escape_times_are_stored(levels: dict[int, ModuleType], limit: int) -> None:
    from array import array

    for size in SIZES:
        found = []
        for module in levels.values():
            out = array("i", [-7]) * (size * size)
            module.escapes(size, limit, out)
            found.append(out)
        assert found[0] == found[1] == found[2], size


def test_an_exception_between_comes_in_its_place(levels: dict[int, ModuleType]) -> None:
    for size in SIZES:
        for bad in (-1, 0, 1, size - 2, size - 1):
            found = []
            for module in levels.values():
                try:
                    found.append(module.raising(size, bad))
                except ValueError as error:
                    found.append(error.args)
            assert found[0] == found[1] == found[2], (size, bad)
