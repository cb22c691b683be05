"""The kernels' data: which function of which module is called with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import object_cases


@dataclass(frozen=True)
class Case:
    """One kernel; ``arguments`` makes fresh ones for each call."""

    module: str
    name: str
    arguments: Callable[[], tuple[Any, ...]]
    #: What the case is called, where the function has several.
    label: str = ""
    #: Which mean it counts for: the kernels', whose bar it is, or that of operations on objects.
    group: str = "kernels"

    @property
    def title(self) -> str:
        return self.label or self.name


def blank(shape: int | tuple[int, ...], dtype: Any = float) -> Any:
    """An array for results.  Its memory has been written to: a page of fresh memory costs whoever
    writes to it first more than the kernel, and which engine gets fresh pages is chance."""
    return np.full(shape, 0, dtype)


def cases() -> list[Case]:
    return kernels() + [
        Case(module, name, arguments, label, "objects")
        for module, rows in object_cases.rows().items()
        for name, label, arguments in rows
    ]


def kernels() -> list[Case]:
    rng = np.random.default_rng(1)
    n = 200_000
    prices = [rng.uniform(10, 50, n), rng.uniform(10, 50, n), rng.uniform(0.1, 2, n)]
    grid = rng.integers(0, 2, (1000, 1000), dtype=np.uint8)
    points = rng.normal(size=(500, 16))
    a, b = rng.normal(size=(250, 250)), rng.normal(size=(250, 250))
    x, y = rng.uniform(1, 2, 5_000), rng.uniform(1, 2, 5_000)
    single, other = x.astype(np.float32), y.astype(np.float32)
    numbers = rng.integers(-1000, 1000, 4_000_000, dtype=np.int32)
    halves = rng.normal(size=4_000_000)[::2]
    whole = rng.integers(-9, 9, 5_000, dtype=np.int32)
    near = rng.normal(size=(400, 3))
    text = " ".join(f"w{i}" for i in rng.integers(0, 500, 200_000))
    items = [str(i) if i % 2 else f"x{i}" for i in range(40_000)]
    planets = [[*rng.normal(size=6), 1.0 + i] for i in range(5)]
    return [
        Case("mandelbrot", "mandelbrot", lambda: (500, 300)),
        Case("black_scholes", "black_scholes", lambda: (*prices, blank(n))),
        Case("neighbours", "neighbours", lambda: (grid, blank(grid.shape, np.int32))),
        Case("neighbours", "neighbours_contiguous", lambda: (grid, blank(grid.shape, np.int32))),
        Case("pairwise", "pairwise", lambda: (points, blank((500, 500)))),
        Case("rel_diff", "rel_diff", lambda: (x, y, blank(5_000))),
        Case("rel_diff", "rel_diff_strided", lambda: (x, y, blank(5_000))),
        Case("rel_diff", "rel_diff_float", lambda: (single, other, blank(5_000, np.float32))),
        Case("reductions", "sum_int", lambda: (numbers,)),
        Case("reductions", "sum_int_strided", lambda: (numbers[::2],)),
        Case("reductions", "sum_int_checked", lambda: (numbers,)),
        Case("reductions", "sum_strided_checked", lambda: (halves,)),
        Case("matmul", "matmul", lambda: (a, b, blank((250, 250)))),
        Case("matmul", "stencil_checked", lambda: (a.copy(), a.copy(), 100)),
        Case("sieve", "sieve", lambda: (blank(2_000_000, np.uint8),)),
        Case("sieve", "sieve_list", lambda: (300_000,)),
        Case("nbody", "nbody", lambda: (planets, 50_000)),
        Case("fused", "horner", lambda: (whole, np.full_like(whole, 0)), "horner_int"),
        Case("fused", "horner", lambda: (x, np.full_like(x, 0)), "horner_double"),
        Case("fused", "horner", lambda: (single, np.full_like(single, 0)), "horner_float"),
        Case("fused", "clip_sum", lambda: (numbers[:400_000], -500, 500), "clip_sum_int"),
        Case("fused", "clip_sum", lambda: (halves[:400_000], -0.5, 0.5), "clip_sum_double"),
        Case("distances", "segments", lambda: (near[:300], near)),
        Case("distances", "spectral", lambda: (300, 4)),
        Case("distances", "julia", lambda: (150, -0.4 + 0.6j, 100)),
        Case("words", "word_count", lambda: (text,)),
        Case("words", "word_count_typed", lambda: (text,)),
        Case("trees", "trees", lambda: (12, 10)),
        Case("trees", "search_tree", lambda: (20_000,)),
        Case("generators", "pipeline", lambda: (400_000,)),
        Case("generators", "recursive", lambda: (15,)),
        Case("generators", "expression", lambda: (400_000,)),
        Case("exceptions", "raised", lambda: (100_000,)),
        Case("exceptions", "parse", lambda: (items,)),
        Case("exceptions", "not_raised", lambda: (400_000,)),
        Case("recursion", "fib_cpdef", lambda: (30,)),
        Case("recursion", "ackermann", lambda: (2, 1500)),
        Case("recursion", "mutual", lambda: (2_000, 200)),
        Case("recursion", "fib_def", lambda: (22,)),
        Case("recursion", "tak", lambda: (14, 8, 2)),
        Case("recursion", "keywords", lambda: (100_000,)),
    ]


@dataclass(frozen=True)
class Call:
    """A function of `calls.pyx`, what it is called with, and the share of stock's time that is the bar."""

    what: str
    name: str
    arguments: tuple[Any, ...]
    bar: float


def calls() -> list[Call]:
    return [
        Call("int, int", "two_ints", (3, 4), 1.0),
        Call("double[:]", "view", (np.zeros(10),), 0.5),
        Call("fused {int, double}: int, int", "fused", (1, 2), 0.25),
        Call("fused {int, double}: float, float", "fused", (1.0, 2.0), 0.25),
        Call("cython.integral: int, int", "integral", (1, 2), 0.25),
        Call("cython.floating: float, float", "floating", (1.0, 2.0), 0.25),
        Call("cython.numeric: int, int", "numeric", (1, 2), 0.25),
        Call("cython.numeric: float, float", "numeric", (1.0, 2.0), 0.25),
        Call("two fused types: int, float", "two_types", (1, 2.0), 0.25),
        Call("fused, of a cpdef: int, int", "cpdef_fused", (1, 2), 0.25),
        Call("fused {double, double[:]}: float, float", "with_views", (1.0, 2.0), 0.25),
        Call("fused {double[:], float[:]}: array, int", "views", (np.zeros(10), 2), 0.25),
        Call("fused array and two of its items' type", "clip", (np.zeros(10), 1.0, 2.0), 0.25),
    ]
