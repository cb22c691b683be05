"""Reductions of ``prange`` that stock Cython does not have: an order, C arrays, mixed signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from conftest import write

np = pytest.importorskip("numpy")

ORDERED = """
# cython: language_level=3, prange_reproducible=True
cimport cython
from cython.parallel import prange, parallel

ctypedef fused real:
    float
    double

def total(real[::1] x, int threads, int how):
    cdef Py_ssize_t i
    cdef real s = 0.125
    if how == 0:
        for i in prange(x.shape[0], nogil=True, num_threads=threads):
            s += x[i]
    elif how == 1:
        for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="static", chunksize=3):
            s += x[i]
    elif how == 2:
        for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="dynamic"):
            s += x[i]
    elif how == 3:
        for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="guided", chunksize=700):
            s += x[i]
    elif how == 4:
        for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="runtime"):
            s += x[i]
    else:
        for i in prange(x.shape[0], nogil=True, use_threads_if=threads > 4):
            s += x[i]
    return s

def down(double[::1] x, int threads):
    cdef Py_ssize_t i
    cdef double s = 0, p = 1, last = -1
    for i in prange(x.shape[0] - 1, -1, -3, nogil=True, num_threads=threads, schedule="dynamic"):
        last = x[i]
        s -= last
        p *= 1 + last * 1e-3
    else:
        s += 1
    return s, p, last, i

def extremes(double[::1] x, int threads):
    cdef Py_ssize_t i
    cdef double most = -5, least = 5
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="guided"):
        most = max(most, x[i])
        least = min(least, x[i])
    return repr((most, least))

def nested(double[:, ::1] x, int threads):
    cdef Py_ssize_t i, j
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="dynamic"):
        for j in prange(x.shape[1]):
            s += x[i, j]
    return s

cdef double inner(double[:, ::1] x, Py_ssize_t row) noexcept nogil:
    cdef Py_ssize_t j
    cdef double s = 0
    for j in prange(x.shape[1], schedule="dynamic"):
        s += x[row, j]
    return s

def calls(double[:, ::1] x, int threads):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True, num_threads=threads):
        s += inner(x, i)
    return s

def block(double[::1] x, int threads):
    cdef Py_ssize_t i, k
    cdef double s = 1, m = 0
    with nogil, parallel(num_threads=threads):
        for k in range(3):
            for i in prange(x.shape[0], schedule="dynamic"):
                s += x[i] * k
        for i in prange(x.shape[0]):
            m = max(m, x[i])
    return s, m

def into(int[::1] key, double[::1] x, int threads):
    cdef double sums[2][3]
    cdef Py_ssize_t i, j
    for i in range(2):
        for j in range(3):
            sums[i][j] = i * 10 + j
    for i in prange(key.shape[0], nogil=True, num_threads=threads, schedule="dynamic"):
        sums[key[i] // 3][key[i] % 3] += x[i]
    return [[sums[i][j] for j in range(3)] for i in range(2)]

def complex_numbers(double[::1] x, int threads):
    cdef Py_ssize_t i
    cdef double complex s = 1j, p = 1
    cdef float complex d = 0, q = 2
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="dynamic"):
        s += x[i] * (1 + 2j)
        d -= x[i]
        p *= 1 + x[i] * 1e-6j
        q *= 1 - x[i] * 1e-6j
    return s, d, p, q

def complex_arrays(int[::1] key, double[::1] x, int threads):
    cdef double complex sums[6]
    cdef float complex products[2]
    cdef Py_ssize_t i
    for i in range(6):
        sums[i] = i * 1j
    products[0] = products[1] = 1
    for i in prange(key.shape[0], nogil=True, num_threads=threads, schedule="dynamic"):
        sums[key[i]] += x[i] * (1 - 1j)
        products[key[i] & 1] *= 1 + x[i] * 1e-6j
    return list(sums), list(products)

def failing(double[::1] x, int threads):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True, num_threads=threads):
        if x[i] > 1e6:
            with gil:
                raise ValueError("large")
        s += x[i]
    return s
"""


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("ordered")
    return cython_llvm.import_file(write(folder / "ordered.pyx", ORDERED), "ordered", route="tree")


def numbers(count: int) -> Any:
    random = np.random.default_rng(5)
    return random.uniform(-1, 1, count) * 10.0 ** random.integers(-8, 5, count)


@pytest.mark.parametrize("count", [0, 1, 7, 512, 513, 40003])
def test_sums_do_not_depend_on_threads_and_schedules(ordered: Any, count: int) -> None:
    x = numbers(count)
    for values, near in ((x, 1e-12), (x.astype(np.float32), 1e-3)):
        found = {ordered.total(values, threads, how) for threads in range(1, 9) for how in range(6)}
        assert len(found) == 1
        assert found.pop() == pytest.approx(values.astype(float).sum() + 0.125, rel=near, abs=near * 1e5)


def test_other_reductions_and_loops(ordered: Any) -> None:
    x = numbers(5003)
    x[::7] = 0.0
    x[1::7] = -0.0
    plane = numbers(50 * 700).reshape(50, 700)
    key = np.random.default_rng(6).integers(0, 6, len(x)).astype(np.intc)
    for function, data in (
        (ordered.down, (x,)), (ordered.extremes, (x,)), (ordered.nested, (plane,)), (ordered.calls, (plane,)),
        (ordered.block, (x,)), (ordered.into, (key, x)), (ordered.complex_numbers, (x,)),
        (ordered.complex_arrays, (key, x)),
    ):  # fmt: skip
        found = {str(function(*data, threads)) for threads in (1, 2, 3, 4, 5, 6, 7, 8) for _ in range(3)}
        assert len(found) == 1, function
    s, _, last, i = ordered.down(x, 3)
    assert (last, i) == (x[(len(x) - 1) % 3], (len(x) - 1) % 3)
    assert s == pytest.approx(1 - x[::-1][::3].sum())
    assert ordered.block(x, 2) == (pytest.approx(1 + 3 * x.sum()), x.max())
    sums, difference, product, other = ordered.complex_numbers(x, 3)
    assert sums == pytest.approx(1j + x.sum() * (1 + 2j)) and difference == pytest.approx(-x.sum(), rel=1e-3)
    assert product == pytest.approx(np.prod(1 + x * 1e-6j))
    assert other == pytest.approx(2 * np.prod(1 - x * 1e-6j), rel=1e-3)
    sums, products = ordered.complex_arrays(key, x, 3)
    assert sums == pytest.approx([k * 1j + x[key == k].sum() * (1 - 1j) for k in range(6)])
    assert products == pytest.approx([np.prod(1 + x[key & 1 == k] * 1e-6j) for k in range(2)], rel=1e-3)
    assert ordered.extremes(x, 2) == repr((float(x.max()), float(x.min())))


def test_exceptions_leave_nothing_behind(ordered: Any) -> None:
    x = numbers(1000)
    whole = ordered.failing(x, 4)
    x[700] = 1e7
    for threads in range(1, 5):
        with pytest.raises(ValueError, match="large"):
            ordered.failing(x, threads)
    x[700] = numbers(1000)[700]
    assert ordered.failing(x, 3) == whole


MORE = """
# cython: language_level=3
from cython.parallel import prange, parallel
cdef long shared[4]
def histogram(unsigned char[::1] x, int threads):
    cdef int counts[256]
    cdef Py_ssize_t i
    for i in range(256):
        counts[i] = i
    for i in prange(x.shape[0], nogil=True, num_threads=threads, schedule="dynamic", chunksize=11):
        counts[x[i]] += 1
    return [counts[i] for i in range(256)]
def operators(unsigned char[::1] x, int threads):
    cdef long product[2]
    cdef unsigned char every[2]
    cdef unsigned short some[2]
    cdef short odd[2]
    cdef float real[2][2]
    cdef Py_ssize_t i
    product[0], product[1] = 3, 5
    every[0], every[1] = 255, 127
    some[0], some[1] = 0, 256
    odd[0], odd[1] = 1, 2
    real[0][0] = real[0][1] = real[1][0] = real[1][1] = 1
    for i in prange(x.shape[0], nogil=True, num_threads=threads):
        product[x[i] & 1] *= x[i] | 1
        every[i & 1] &= x[i] | 0x70
        some[i & 1] |= 1 << (x[i] & 7)
        odd[x[i] & 1] ^= x[i]
        real[i & 1][x[i] & 1] += 2
        real[1][0] -= 1
    return list(product), [every[0], every[1]], list(some), list(odd), [list(real[0]), list(real[1])]
def complex_numbers(unsigned char[::1] x, int threads):
    cdef double complex sums[2][2]
    cdef double complex products[2]
    cdef int complex whole = 1, factors = 1, turn
    cdef Py_ssize_t i
    sums[0][0] = sums[0][1] = sums[1][0] = sums[1][1] = 1j
    products[0] = products[1] = 1
    for i in prange(x.shape[0], nogil=True, num_threads=threads):
        sums[x[i] & 1][i & 1] += x[i]
        sums[0][0] -= 1j
        whole += x[i]
        if i < 8:
            products[i & 1] *= 1 + 1j
            turn.real = turn.imag = 1
            factors *= turn
    return [list(sums[0]), list(sums[1])], list(products), (whole.real, factors.real, factors.imag)
def of_module(unsigned char[::1] x, int threads):
    cdef Py_ssize_t i
    for i in range(4):
        shared[i] = 0
    with nogil, parallel(num_threads=threads):
        for i in prange(x.shape[0]):
            shared[x[i] & 3] -= 1
    return list(shared)
def elsewhere(int threads):
    # Not a reduction: every iteration has an item of its own, and one is read.
    cdef int items[8]
    cdef Py_ssize_t i
    for i in range(8):
        items[i] = 1
    for i in prange(8, nogil=True, num_threads=threads):
        items[i] += 1
        items[i] = items[i] * 10
    return list(items)
"""


def test_reductions_into_arrays(tmp_path: Path, cache_dir: Path) -> None:
    m = cython_llvm.import_file(write(tmp_path / "arrays.pyx", MORE), "arrays", route="tree")
    x = np.random.default_rng(7).integers(0, 256, 20001).astype(np.uint8)
    for threads in (1, 2, 3, 8):
        assert m.histogram(x, threads) == list(np.bincount(x, minlength=256) + np.arange(256))
        assert m.operators(x, threads) == m.operators(x, 1)
        assert m.of_module(x, threads) == list(-np.bincount(x & 3, minlength=4))
        assert m.elsewhere(threads) == [20] * 8
        sums, products, whole = m.complex_numbers(x, threads)
        at = np.arange(len(x)) & 1
        expected = [[1j + int(x[(x & 1 == k) & (at == n)].sum()) for n in range(2)] for k in range(2)]
        expected[0][0] -= 1j * len(x)
        assert (sums, products) == (expected, [(1 + 1j) ** 4] * 2)
        assert whole == (1 + int(x.sum()), 16, 0)
    few = np.array([1, 2, 3, 4, 5], np.uint8)
    assert m.operators(few, 2) == ([45, 75], [0x71, 0x70], [42, 256 | 20], [7, 5], [[1, 7], [0, 1]])


MIXED = """
# cython: language_level=3
from cython.parallel import prange
def total(double[::1] x):
    cdef Py_ssize_t i
    cdef double up = 1
    cdef long down = 2
    for i in prange(x.shape[0], nogil=True, num_threads=3):
        up += x[i]
        up -= 1
        down -= i
        if i % 3 == 0:
            down += 2 * i
    return up, down
"""


@pytest.mark.parametrize("route", ["tree", "c"])
def test_mixed_signs_are_one_reduction(tmp_path: Path, cache_dir: Path, route: Any) -> None:
    m = cython_llvm.import_file(write(tmp_path / f"mixed_{route}.pyx", MIXED), f"mixed_{route}", route=route)
    x = np.arange(1000.0)
    i = np.arange(1000)
    assert m.total(x) == (1 + x.sum() - 1000, 2 - i.sum() + 2 * i[::3].sum())


def test_other_mixtures_stay_errors(tmp_path: Path, cache_dir: Path) -> None:
    path = write(tmp_path / "wrong.pyx", MIXED.replace("up -= 1", "up *= 1"))
    with pytest.raises(cython_llvm.ModuleBuildError, match="inconsistent with previous reduction operator"):
        cython_llvm.import_file(path, "wrong", route="tree")
