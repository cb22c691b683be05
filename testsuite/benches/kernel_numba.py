"""The kernels as numba takes them, where it can express them; by the functions' names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

njit = numba.njit(error_model="numpy")


def mandelbrot(n: int, limit: int) -> int:
    inside = 0
    for i in range(n):
        for j in range(n):
            x = -2.0 + 3.0 * i / n
            y = -1.5 + 3.0 * j / n
            zx = zy = 0.0
            for _ in range(limit):
                t = zx * zx - zy * zy + x
                zy = 2 * zx * zy + y
                zx = t
                if zx * zx + zy * zy > 4:
                    break
            else:
                inside += 1
    return inside


def black_scholes(price: Any, strike: Any, time: Any, out: Any) -> float:
    v, r, s = 0.3, 0.02, 0.0
    for i in range(price.shape[0]):
        root = math.sqrt(time[i])
        d1 = (math.log(price[i] / strike[i]) + (r + v * v / 2) * time[i]) / (v * root)
        d2 = d1 - v * root
        out[i] = price[i] * 0.5 * (1 + math.erf(d1 / math.sqrt(2.0))) - strike[i] * math.exp(
            -r * time[i]
        ) * 0.5 * (1 + math.erf(d2 / math.sqrt(2.0)))
        s += out[i]
    return s


def neighbours(grid: Any, out: Any) -> int:
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            count = np.int32(0)
            for a in range(-1, 2):
                for b in range(-1, 2):
                    count += np.int32(grid[i + a, j + b])
            out[i, j] = count - np.int32(grid[i, j])
    return out[1, 1] + out[2, 3]


def pairwise(x: Any, out: Any) -> float:
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            s = 0.0
            for k in range(x.shape[1]):
                d = x[i, k] - x[j, k]
                s += d * d
            out[i, j] = math.sqrt(s)
    return out[0, 1] + out[3, 2]


def rel_diff(x: Any, y: Any, out: Any) -> float:
    for i in range(x.shape[0]):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])
    return out[7]


def rel_diff_float(x: Any, y: Any, out: Any) -> float:
    for i in range(x.shape[0]):
        out[i] = (x[i] - y[i]) / (x[i] + y[i])
    return out[7]


def sum_int(x: Any) -> int:
    s = np.int32(0)
    for i in range(x.shape[0]):
        s = np.int32(s + x[i])
    return s


def sum_double(x: Any) -> float:
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i]
    return s


def matmul(a: Any, b: Any, c: Any) -> float:
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            t = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += t * b[k, j]
    return c[1, 2]


def stencil(a: Any, b: Any, steps: int) -> float:
    for _ in range(steps):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        a, b = b, a
    return a[1, 1] + a[2, 2]


def sieve(flags: Any) -> int:
    n = flags.shape[0]
    count = 0
    for i in range(2, n):
        flags[i] = 1
    for i in range(2, n):
        if flags[i]:
            count += 1
            for j in range(i * i, n, i):
                flags[j] = 0
    return count


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def ackermann(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def compiled() -> dict[str, Callable[..., Any]]:
    """By the kernels' names; compiled when first called."""
    global fib, ackermann
    fib, ackermann = njit(fib), njit(ackermann)
    summed, difference = njit(sum_int), njit(rel_diff)
    return {
        "mandelbrot": njit(mandelbrot),
        "black_scholes": njit(black_scholes),
        "neighbours": njit(neighbours),
        "neighbours_contiguous": njit(neighbours),
        "pairwise": njit(pairwise),
        "rel_diff": difference,
        "rel_diff_strided": difference,
        "rel_diff_float": njit(rel_diff_float),
        "sum_int": summed,
        "sum_int_strided": summed,
        "sum_int_checked": summed,
        "sum_strided_checked": njit(sum_double),
        "matmul": njit(matmul),
        "stencil_checked": njit(stencil),
        "sieve": njit(sieve),
        "fib_cpdef": fib,
        "ackermann": ackermann,
    }
