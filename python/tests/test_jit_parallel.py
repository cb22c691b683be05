"""`jit`: loops over `cython.parallel.prange`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cython.parallel as par
import numpy as np
import pytest
from cython.parallel import prange

import cython_llvm


@pytest.fixture(autouse=True)
def _cache(cache_dir: object) -> None:
    pass


def loops(function: Any) -> list[str]:
    """What is said of the loops of the last specialisation, in their order."""
    return list(list(function.parallel_diagnostics().values())[-1].values())


def scaled(x: Any, out: Any, by: Any) -> None:
    for i in prange(x.shape[0], nogil=True, schedule="dynamic", chunksize=by, num_threads=2):
        out[i] = 4 * x[i]


def sums(x: Any) -> Any:
    s = 0.0
    most = least = x[0]
    count = 0
    product = 1.0
    for i in prange(1, len(x)):
        s += x[i] * x[i]
        most = max(most, x[i])
        least = min(x[i], least)
        product *= 1.0 + x[i] * 0.0001
        if x[i] > 0:
            count += 1
    return s, most, least, count, product


def pairs(p: Any, out: Any) -> None:
    n = p.shape[0]
    for i in par.prange(n):
        for j in range(n):
            s = 0.0
            for k in range(p.shape[1]):
                d = p[i, k] - p[j, k]
                s += d * d
            out[i, j] = math.sqrt(s)


def grid(a: Any, out: Any) -> None:
    for i in prange(a.shape[0]):
        for j in prange(a.shape[1] - 1, -1, -1):
            out[i, j] = math.sin(a[i, j]) + i - j


def skips(x: Any, out: Any) -> None:
    for i in prange(x.shape[0]):
        if x[i] < 0:
            continue
        out[i] = 100
        for k in range(1, 100):
            if k * x[i] > 3:
                out[i] = k
                break


def carried(x: Any, out: Any) -> Any:
    t = 0.0
    for i in prange(x.shape[0]):
        t = t + x[i]
        out[i] = t
    return t


def sometimes(x: Any, out: Any) -> None:
    t = 0.0
    for i in prange(x.shape[0]):
        if x[i] > 0:
            t = x[i]
        out[i] = t


def afterwards(x: Any) -> Any:
    t = 0.0
    for i in prange(x.shape[0]):
        t = 2 * x[i]
    return t


def peeks(x: Any, out: Any) -> Any:
    s = 0.0
    for i in prange(x.shape[0]):
        s += x[i]
        out[i] = s
    return s


def stops(x: Any) -> Any:
    for i in prange(x.shape[0]):
        if x[i] > 0.9:
            break
    return i


def returns(x: Any) -> Any:
    for i in prange(x.shape[0]):
        if x[i] > 0.9:
            return i
    return -1


def collects(x: Any, found: list) -> None:
    for i in prange(x.shape[0]):
        found.append(x[i])


def counts(n: Any, step: Any) -> Any:
    found = []
    for i in prange(0, n, step):
        found.append(i)
    return found


@pytest.mark.parametrize("function", [scaled, sums, pairs, grid, skips])
def test_parallel_loops_have_the_results_of_python(function: Callable[..., Any]) -> None:
    random = np.random.default_rng(3)
    for size in (1, 2, 1000):
        x = random.uniform(-1, 1, (size, 4) if function in (pairs, grid) else size)
        shape = (size, size) if function is pairs else x.shape
        here, there = np.zeros(shape), np.zeros(shape)
        rest = {scaled: (here, 7), sums: ()}.get(function, (here,))
        also = {scaled: (there, 7), sums: ()}.get(function, (there,))
        jitted = cython_llvm.jit(function)
        assert jitted(x, *rest) == pytest.approx(function(x, *also))
        assert (here == there).all()
        assert set(loops(jitted)) == {"parallel"}


@pytest.mark.parametrize(("function", "why"), [
    (carried, "'t' may be what another iteration has left"),
    (sometimes, "'t' may be what another iteration has left"),
    (afterwards, "'t' is an object"),
    (peeks, "it reads 's', which its iterations add to"),
    (stops, "it is left by break"),
    (returns, "Return in line 4"),
])  # fmt: skip
def test_other_loops_are_loops_over_range(function: Callable[..., Any], why: str) -> None:
    x = np.random.default_rng(4).uniform(-1, 1, 300)
    here, there = np.zeros(300), np.zeros(300)
    rest, also = ((here,), (there,)) if function in (carried, sometimes, peeks) else ((), ())
    jitted = cython_llvm.jit(function)
    assert jitted(x, *rest) == function(x, *also)
    assert (here == there).all()
    assert loops(jitted) == [f"as range: {why}"]


def test_what_cython_refuses_is_a_loop_over_range() -> None:
    found: list[float] = []
    jitted = cython_llvm.jit(collects)
    jitted(np.arange(5.0), found)
    assert found == [0, 1, 2, 3, 4]
    assert "not allowed without gil" in loops(jitted)[0]


def test_bounds_that_are_no_small_range() -> None:
    jitted = cython_llvm.jit(counts)
    assert jitted(10, 3) == [0, 3, 6, 9]
    assert jitted(-3, -1) == [0, -1, -2]
    with pytest.raises(ValueError, match="must not be zero"):
        jitted(3, 0)


def test_exceptions_and_overflow() -> None:
    def ratios(x: Any, y: Any) -> Any:
        s = 0.0
        for i in prange(x.shape[0]):
            s += x[i] / y[i]
        return s

    def total(x: Any, n: Any) -> Any:
        s = 0
        for i in prange(n):
            s += x[i]
        return s

    ratios, total = cython_llvm.jit(ratios), cython_llvm.jit(total)
    x = np.arange(1.0, 100)
    assert ratios(x, x) == 99
    with pytest.raises(ZeroDivisionError, match="float division by zero"):
        ratios(x, x - 50)
    large = np.full(10, 2**62)
    assert total(large, 1) == 2**62
    assert loops(total) == ["parallel"]
    assert total(large, 10) == 10 * 2**62  # again, in Python's integers
    with pytest.raises(IndexError):
        total(large, 11)


def test_the_name_may_mean_something_else() -> None:
    space: dict[str, Any] = {"prange": prange, "np": np}
    jitted = cython_llvm.jit(_with_globals(collecting_total, space))
    x = np.arange(10.0)
    assert jitted(x) == 45
    assert loops(jitted) == ["parallel"]
    space["prange"] = lambda n: range(0, n, 2)
    assert jitted(x) == 20
    assert jitted.parallel_diagnostics(("float64[::1]",)) == {}


def collecting_total(x: Any) -> Any:
    s = 0.0
    for i in prange(x.shape[0]):
        s += x[i]
    return s


def _with_globals(function: Any, space: dict[str, Any]) -> Any:
    return type(function)(function.__code__, space, function.__name__)
