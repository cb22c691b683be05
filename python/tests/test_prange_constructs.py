"""Constructs in parallel regions, and what the tree route makes of calls of libm: the same by both routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from conftest import write

np = pytest.importorskip("numpy")

SOURCE = """# cython: language_level=3
from cython.parallel import prange, parallel
from libc.math cimport sqrt
from libc.errno cimport errno

class Manager:
    def __init__(self, log, quiet):
        self.log, self.quiet = log, quiet
    def __enter__(self):
        self.log.append("in")
        return 7
    def __exit__(self, kind, value, traceback):
        self.log.append(getattr(kind, "__name__", None))
        return self.quiet

def managed(list log, int n, bint quiet):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True, num_threads=2):
        with gil:
            with Manager(log, quiet) as got:
                s += got
                if i == 3:
                    raise ValueError("three")
    return s

def of_dict(dict d, int n):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True, num_threads=2):
        with gil:
            for key, value in d.items():
                s += len(key) * value + i
            for value in d.values():
                s += value
    return s

def objects(int n):
    cdef int i
    cdef list found = []
    for i in prange(n, nogil=True, num_threads=3):
        with gil:
            for number in range(i, i + 3):
                found.append(number)
    return sorted(found)

cdef double corner(double[:, :] a) noexcept nogil:
    return a[0, a.shape[1] - 1]

def transposed(double[:, :] x, double[:] out):
    cdef Py_ssize_t i, j
    cdef double s = 0
    with nogil:
        s = corner(x.T)
    for i in prange(x.shape[1], nogil=True, num_threads=2):
        out[i] = x.T[i, 0] + corner(x.T)
    return s

def transposed_in_block(double[:, :] x):
    cdef Py_ssize_t i
    cdef double s = 0
    with nogil, parallel(num_threads=2):
        for i in prange(x.shape[1]):
            s += x.T[i, x.shape[0] - 1]
    return s

cdef double shared = 0

def of_module(int n):
    global shared
    cdef int i
    shared = 5
    for i in prange(n, nogil=True):
        shared = i
    return shared

def error_number(double x):
    global errno
    errno = 0
    y = sqrt(x)
    return y, errno
"""


@pytest.fixture(scope="module", params=["tree", "c"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = write(tmp_path_factory.mktemp("constructs") / f"constructs_{request.param}.pyx", SOURCE)
    return cython_llvm.import_file(path, path.stem, route=request.param)


def test_context_managers(made: Any) -> None:
    log: list[Any] = []
    assert made.managed(log, 3, False) == 21
    assert sorted(log, key=str) == [None] * 3 + ["in"] * 3
    log.clear()
    with pytest.raises(ValueError, match="three"):
        made.managed(log, 4, False)
    assert "ValueError" in log and len(log) % 2 == 0
    assert made.managed([], 5, True) == 35


def test_iteration_over_objects(made: Any) -> None:
    assert made.of_dict({"a": 1, "bcd": 2}, 4) == 4 * (1 + 6 + 3) + 2 * 6
    with pytest.raises(TypeError):
        made.of_dict({1: 2}, 2)
    assert made.objects(5) == sorted(number for i in range(5) for number in range(i, i + 3))


def test_transposed_views_without_the_gil(made: Any) -> None:
    x = np.arange(12.0).reshape(3, 4)
    out = np.zeros(4)
    assert made.transposed(x, out) == x[2, 0]
    assert list(out) == list(x[0] + x[2, 0])
    assert made.transposed_in_block(x) == x[2].sum()


def test_variables_of_the_module(made: Any) -> None:
    assert made.of_module(100) == 99
    assert made.of_module(0) == 5


def test_errno_is_kept_where_it_is_asked_for(made: Any) -> None:
    number, code = made.error_number(-1.0)
    assert number != number and code == 33
    assert made.error_number(4.0) == (2.0, 0)


SHARES = """# cython: language_level=3
from cython.parallel import prange, threadid
def shares(long start, long stop, long step, int threads):
    cdef long i = -77, last = -5, count = 0
    for i in prange(start, stop, step, nogil=True, num_threads=threads, schedule="static"):
        last = i
        count += 1
    return i, last, count
def one(long n, int threads, int[::1] who):
    cdef long i = -77, last = -5
    for i in prange(n, nogil=True, num_threads=threads):
        who[i] = threadid()
        last = 2 * i
    return i, last
"""


def test_threads_have_the_shares_that_openmp_gives_them(tmp_path: Path, cache_dir: Path) -> None:
    modules = []
    for route in ("tree", "c"):
        path = write(tmp_path / f"shares_{route}.pyx", SHARES)
        modules.append(cython_llvm.import_file(path, path.stem, route=route))
    for threads in (1, 2, 3, 4, 7):
        for n in (0, 1, 2, 3, 5, 6, 7, 8, 100, 101):
            found = []
            for module in modules:
                who = np.full(n, -1, np.intc)
                found.append((module.one(n, threads, who), list(who)))
            assert found[0] == found[1], (threads, n)
        for bounds in ((0, 10, 3), (10, 0, -3), (5, 5, 1), (7, 3, 2), (-4, 9, 1)):
            results = [module.shares(*bounds, threads) for module in modules]
            assert results[0] == results[1], (threads, bounds)
