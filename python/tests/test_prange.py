"""``prange`` on the CPU by the tree route: what Cython has, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

import cython_llvm
from conftest import write

EXTREMES = """
# cython: language_level=3
from cython.parallel import prange
def call(double[::1] x, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        m = max(m, x[i])
    return m
def branch(double[::1] x, double m):
    cdef Py_ssize_t i
    cdef double v
    for i in prange(x.shape[0], nogil=True, schedule="dynamic", chunksize=7):
        v = x[i]
        if m > v:
            m = v
    return m
def both(int[::1] x):
    cdef Py_ssize_t i
    cdef int low = 2147483647, high = -low
    for i in prange(x.shape[0], nogil=True):
        low = x[i] if x[i] < low else low
        high = high if x[i] <= high else x[i]
    return low, high
def unsigned_most(unsigned char[::1] x):
    cdef Py_ssize_t i
    cdef unsigned char most = 0
    for i in prange(x.shape[0], nogil=True):
        most = max(x[i], most)
    return most
def seen_elsewhere(int[::1] x, int[::1] out):
    cdef Py_ssize_t i
    cdef int m = -5
    for i in prange(x.shape[0], nogil=True, num_threads=1):
        m = max(m, x[i])
        out[i] = m
    return m
"""


def test_greatest_and_least_values(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    m = cython_llvm.import_file(write(tmp_path / "extremes.pyx", EXTREMES), "extremes", route="tree")
    random = np.random.default_rng(3)
    for n in (0, 1, 2, 1000, 20000):
        x = random.uniform(-1, 1, n)
        whole = random.integers(-(10**6), 10**6, n).astype(np.intc)
        small = random.integers(1, 255, n).astype(np.uint8)
        for _ in range(5):
            assert m.call(x, -2.0) == max([*x, -2.0])
            assert m.branch(x, 0.5) == min([*x, 0.5])
            assert m.both(whole) == ((min(whole), max(whole)) if n else (2**31 - 1, 1 - 2**31))
            assert m.unsigned_most(small) == (max(small) if n else 0)
    assert m.call(random.uniform(0, 1, 1000), 7.0) == 7.0
    nan = float("nan")
    assert repr(m.call(random.uniform(0, 1, 1000), nan)) == "nan"


def test_a_variable_that_is_read_elsewhere_is_no_reduction(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    m = cython_llvm.import_file(write(tmp_path / "elsewhere.pyx", EXTREMES), "elsewhere", route="tree")
    x = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.intc)
    out = np.zeros_like(x)
    assert m.seen_elsewhere(x, out) == 9
    assert list(out) == [3, 3, 4, 4, 5, 9, 9, 9]


def test_the_c_route_has_no_reproducible_sums(tmp_path: Path, cache_dir: Path) -> None:
    text = """
    # cython: language_level=3, prange_reproducible=True
    from cython.parallel import prange
    def total(double[::1] x):
        cdef Py_ssize_t i
        cdef double s = 0
        for i in prange(x.shape[0], nogil=True):
            s += x[i]
        return s
    """
    path = write(tmp_path / "sums.pyx", text)
    with pytest.raises(cython_llvm.ModuleBuildError, match="needs route 'tree'"):
        cython_llvm.import_file(path, "sums", route="c")
