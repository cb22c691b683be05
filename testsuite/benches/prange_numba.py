"""The same loops as numba takes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba

njit = numba.njit(error_model="numpy", parallel=True)


@njit
def total(x: Any) -> float:
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


@njit
def mandelbrot(out: Any, left: float, top: float, step: float, most: int) -> None:
    for i in numba.prange(out.shape[0]):
        for j in range(out.shape[1]):
            cr = left + j * step
            ci = top - i * step
            zr = zi = 0.0
            k = 0
            while k < most and zr * zr + zi * zi <= 4:
                t = zr * zr - zi * zi + cr
                zi = 2 * zr * zi + ci
                zr = t
                k += 1
            out[i, j] = k


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
        "total": total, "all_pairs": all_pairs, "mandelbrot": mandelbrot, "difference": difference,
        "difference_strided": difference, "stencil": stencil, "nothing": nothing,
    }  # fmt: skip
