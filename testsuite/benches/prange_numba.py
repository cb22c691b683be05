"""The same loops as numba takes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba

njit = numba.njit(error_model="numpy", parallel=True)


@njit
def sum_sin(x: Any) -> float:
    s = 0.0
    for i in numba.prange(x.shape[0]):
        s += math.sin(x[i]) * x[i]
    return s


@njit
def all_pairs(x: Any, out: Any) -> None:
    for i in numba.prange(x.shape[0]):
        for j in range(x.shape[0]):
            s = 0.0
            for k in range(x.shape[1]):
                d = x[i, k] - x[j, k]
                s += d * d
            out[i, j] = math.sqrt(s)


@numba.njit(error_model="numpy")
def escape(x: float, y: float, limit: int) -> int:
    a = b = 0.0
    for n in range(limit):
        t = a * a - b * b + x
        b = 2 * a * b + y
        a = t
        if a * a + b * b > 4:
            return n
    return limit


@njit
def mandelbrot(out: Any, limit: int) -> None:
    rows, columns = out.shape
    for i in numba.prange(rows):
        for j in range(columns):
            out[i, j] = escape(-2.0 + 3.0 * j / columns, -1.5 + 3.0 * i / rows, limit)


@njit
def difference(x: Any, y: Any, out: Any) -> None:
    for i in numba.prange(x.shape[0]):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])


@njit
def stencil(a: Any, b: Any) -> None:
    for i in numba.prange(1, a.shape[0] - 1):
        for j in range(1, a.shape[1] - 1):
            b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])


@njit
def nothing(x: Any) -> None:
    for i in numba.prange(2):
        x[i] = i


def compiled() -> dict[str, Callable[..., Any]]:
    """By the loops' names; compiled when first called."""
    return {
        "sum_sin": sum_sin, "all_pairs": all_pairs, "mandelbrot": mandelbrot, "difference": difference,
        "difference_strided": difference, "stencil": stencil, "nothing": nothing,
    }  # fmt: skip
