"""Code without the lock by the tree route, beside the C route."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from conftest import Both

FINALLY = """\
# cython: language_level=3
from cython.parallel import prange

cdef int left_by_return(int threads) except -1:
    cdef int i
    for i in prange(10, nogil=True, num_threads=threads):
        try:
            with gil:
                raise Noted("first")
        finally:
            return 5
    return 0

cdef int left_by_another(int threads) except -1:
    cdef int i
    for i in prange(10, nogil=True, num_threads=threads):
        try:
            with gil:
                raise Noted("first")
        finally:
            with gil:
                raise Noted("second")
    return 0

cdef int left_by_continue(int threads) except -1:
    cdef int i, n = 0
    with nogil:
        for i in range(5):
            try:
                try:
                    with gil:
                        raise Noted("first")
                finally:
                    n += 1
                    if i == 1:
                        continue
                    with gil:
                        raise Noted("second")
            finally:
                n += 10
                if i == 3:
                    break
                continue
    return n

cdef int raised_again(int threads) except -1:
    cdef int n = 0
    with nogil:
        try:
            with gil:
                raise Noted("first")
        finally:
            n += 1
    return n

def run(str name, made, int threads):
    global Noted
    Noted = made
    if name == "return":
        return left_by_return(threads)
    if name == "another":
        return left_by_another(threads)
    if name == "continue":
        return left_by_continue(threads)
    return raised_again(threads)
"""


class Noted(Exception):
    """An exception that is alive as long as it is in `alive`."""

    alive: weakref.WeakSet[Noted] = weakref.WeakSet()

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.alive.add(self)


def _outcome(module: Any, name: str, threads: int) -> tuple[Any, ...]:
    try:
        return (module.run(name, Noted, threads),)
    except Noted as error:
        lines, frame = [], error.__traceback__
        while frame is not None:
            lines.append((frame.tb_frame.f_code.co_name.rpartition(".")[2], frame.tb_lineno))
            frame = frame.tb_next
        return str(error), str(error.__context__), lines


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["return", "another", "continue", "again"])
def test_finally_without_the_lock_keeps_no_exception(both: Both, name: str, threads: int) -> None:
    tree, c = both(FINALLY)
    outcomes = []
    for module in (tree, c):
        Noted.alive.clear()
        outcomes.append([_outcome(module, name, threads) for _ in range(3)][-1])
        gc.collect()
        assert not Noted.alive, module
    assert outcomes[0] == outcomes[1]


def test_casts_to_objects_without_the_gil_own_nothing(both: Both) -> None:
    tree, c = both("""
cdef long passed = 0

cdef void take(object x) noexcept nogil:
    global passed
    passed += <void *> x is not NULL

cdef void give(object x) noexcept nogil:
    cdef void *p = <void *> x
    take(<object> p)

def run(x):
    with nogil:
        pass
    give(x)
    return passed
""")
    one = object()
    before = sys.getrefcount(one)
    assert (tree.run(one), tree.run(one)) == (c.run(one), c.run(one)) == (1, 2)
    assert sys.getrefcount(one) == before
