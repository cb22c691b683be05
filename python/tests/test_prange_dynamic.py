"""Loops with a dynamic schedule: the tree route deals the chunks out itself, the C route by libomp."""

from __future__ import annotations

from pathlib import Path

import pytest

import cython_llvm
from conftest import write

SOURCE = """
# cython: language_level=3, boundscheck=False, wraparound=False
from cython.parallel import prange, parallel, threadid

def counted(int[::1] times, int[::1] who, int chunk, int threads):
    cdef Py_ssize_t i, last = -1
    cdef double sum = 0
    for i in prange(times.shape[0], nogil=True, schedule="dynamic", chunksize=chunk, num_threads=threads):
        times[i] += 1
        who[i] = threadid()
        last = 3 * i
        sum += i
    return i, last, sum

def by_ones(int[::1] times, int threads):
    cdef Py_ssize_t i, last = -1
    for i in prange(times.shape[0] - 1, -1, -1, nogil=True, schedule="dynamic", num_threads=threads):
        times[i] += 1
        last = i
    return i, last

def raising(int[::1] times, int at):
    cdef Py_ssize_t i
    for i in prange(times.shape[0], nogil=True, schedule="dynamic", num_threads=2):
        times[i] += 1
        if i == at:
            with gil:
                raise ValueError(i)

def again(int[::1] times, int rounds):
    cdef Py_ssize_t i
    cdef int k
    with nogil:
        for k in range(rounds):
            for i in prange(times.shape[0], schedule="dynamic", chunksize=3, num_threads=3):
                times[i] += 1
        with parallel(num_threads=2):
            for k in range(rounds):
                for i in prange(times.shape[0], schedule="dynamic", chunksize=3):
                    times[i] += 1

def ahead(int[:, ::1] times, int[::1] most, int threads):
    # Threads do not wait at the ends of loops: each is as far as it gets.
    cdef Py_ssize_t i, k, spent
    cdef double x
    with nogil, parallel(num_threads=threads):
        for k in range(times.shape[0]):
            for i in prange(times.shape[1], schedule="dynamic"):
                times[k, i] += 1
            if threadid() == k % 3:
                x = 0
                for spent in range(20_000):
                    x = x + 1 / (1 + x)
                if x > 1e9:
                    most[0] = 1
            for i in prange(times.shape[1] - 1, schedule="dynamic", chunksize=2):
                times[k, i] += 1
"""


@pytest.mark.parametrize("route", ["tree", "c"])
def test_each_iteration_runs_once(tmp_path: Path, cache_dir: Path, route: str) -> None:
    np = pytest.importorskip("numpy")
    name = f"dynamic_{route}"
    m = cython_llvm.import_file(write(tmp_path / f"{name}.pyx", SOURCE), name, route=route)
    for n in (1, 2, 3, 7, 64, 1000):
        for threads in (1, 2, 3, 5):
            for chunk in (1, 2, 3, 63, 64, 65, 999, 1000, 1001, 2**31 - 1):
                times, who = np.zeros(n, np.intc), np.zeros(n, np.intc)
                got = m.counted(times, who, chunk, threads)
                assert got == (n - 1, 3 * (n - 1), n * (n - 1) / 2), (n, threads, chunk)
                assert (times == 1).all(), (n, threads, chunk)
                # A chunk is one thread's.
                for first in range(0, n, chunk):
                    assert len(set(who[first : first + chunk].tolist())) == 1, (n, threads, chunk)
            times = np.zeros(n, np.intc)
            assert m.by_ones(times, threads) == (0, 0)
            assert (times == 1).all()


@pytest.mark.parametrize("route", ["tree", "c"])
def test_loops_that_run_again_or_fail(tmp_path: Path, cache_dir: Path, route: str) -> None:
    np = pytest.importorskip("numpy")
    name = f"again_{route}"
    m = cython_llvm.import_file(write(tmp_path / f"{name}.pyx", SOURCE), name, route=route)
    times = np.zeros(1000, np.intc)
    m.again(times, 20)
    assert (times == 40).all()
    for at in (0, 500, 999):
        times = np.zeros(1000, np.intc)
        with pytest.raises(ValueError, match=f"^{at}$"):
            m.raising(times, at)
        assert times[at] == 1 and times.max() == 1
    for threads in (1, 2, 3, 4):
        times = np.zeros((500, 5), np.intc)
        m.ahead(times, np.zeros(1, np.intc), threads)
        assert (times[:, :-1] == 2).all() and (times[:, -1] == 1).all(), threads
    # What a loop left behind does not reach the next.
    times = np.zeros(1000, np.intc)
    m.by_ones(times, 2)
    assert (times == 1).all()
