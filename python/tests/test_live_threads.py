"""Reloads while other threads run the module: calls without the GIL, prange loops, C pointers."""

from __future__ import annotations

import ctypes
import importlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import write
from test_live import _pointer

#: CYTHON_LLVM_TEST_RELOADS asks for more.
RELOADS = int(os.environ.get("CYTHON_LLVM_TEST_RELOADS", "30"))

DECLARED = """
cdef long step(long x) noexcept nogil
cdef double shared(double x) noexcept nogil
"""
# Every version gives another factor; within a call it is the same all along.
SOURCE = """
from cython.parallel cimport prange

cdef long step(long x) noexcept nogil:
    return x * {factor}

cdef double shared(double x) noexcept nogil:
    return x * {factor} + 0 * step(1)

def alone(long n):
    cdef long i, total = 0
    with nogil:
        for i in range(n):
            total += step(1)
    return total

def together(int n):
    cdef int i
    cdef long total = 0
    for i in prange(n, nogil=True, num_threads=2):
        total += {factor}
    return total

cdef class Counter:
    cdef long seen
    def add(self, long n):
        self.seen = n * {factor}
        return self.seen // n
"""


class Runner:
    """A thread that calls a function until it is stopped, and what went wrong."""

    def __init__(self, work: Callable[[], None], stop: threading.Event) -> None:
        self.error: BaseException | None = None
        self.calls = 0
        self._work, self._stop = work, stop
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._work()
                self.calls += 1
                time.sleep(0.001)  # the compiler wants to run too
        except BaseException as error:
            self.error = error


@pytest.mark.parametrize("cached", [False, True])
def test_threads_run_on_while_the_module_is_reloaded(
    sources: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree")
    if not cached:
        monkeypatch.setenv("CYTHON_LLVM_CACHE", "0")
    name = f"threaded_{cached}"
    write(sources / f"{name}.pxd", DECLARED)
    path = write(sources / f"{name}.pyx", SOURCE.format(factor=1))
    module: Any = importlib.import_module(name)
    alone, together, counter = module.alone, module.together, module.Counter()
    signature = next(
        text for text in ("double (double)", "double (double) __attribute__((nothrow))") if _has(module, text)
    )
    pointer = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(_pointer(module, "shared", signature))
    factors = range(1, 4)

    def without_gil() -> None:
        # A loop that runs when step() is redirected adds what either version gives.
        assert 2000 <= alone(2000) <= 2000 * max(factors)

    def in_prange() -> None:
        assert together(1000) in [1000 * factor for factor in factors]

    def by_pointer() -> None:
        assert pointer(2.0) in [2.0 * factor for factor in factors]

    def method() -> None:
        assert counter.add(7) in factors

    stop = threading.Event()
    runners = [Runner(work, stop) for work in (without_gil, in_prange, by_pointer, method)]
    try:
        for number in range(RELOADS):
            factor = 1 + number % len(factors)
            write(path, SOURCE.format(factor=factor))
            importlib.reload(module)
            assert alone(10) == 10 * factor and together(10) == 10 * factor
            assert pointer(2.0) == 2.0 * factor and counter.add(3) == factor
    finally:
        stop.set()
        for runner in runners:
            runner.thread.join()
    for runner in runners:
        assert runner.error is None and runner.calls > 0


def _has(module: Any, signature: str) -> bool:
    try:
        return bool(_pointer(module, "shared", signature))
    except ValueError:
        return False
