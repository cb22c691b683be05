"""`cython.pymutex`, `cython.pythread_type_lock` and critical sections: by both routes, and between them."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest

from conftest import ROUTE_PAIRS, Both, Sharing, outcome

_SOURCE = """
cimport cython

cdef cython.{lock} of_module
cdef int count = 0

cdef class Holder:
    cdef cython.{lock} lock
    cdef public object other

    def locked(self):
        return self.lock.locked()

cdef class Derived(Holder):
    cdef cython.{lock} second

    def both(self):
        with self.lock, self.second:
            return self.lock.locked(), self.second.locked()

def held(Holder holder, how):
    seen = [holder.lock.locked()]
    for k in range(3):
        with holder.lock:
            seen.append(holder.lock.locked())
            if how == "return":
                return seen
            if how == "break":
                break
            if how == "continue":
                continue
            if how == "raise":
                raise ValueError(seen)
    return seen

def made(int n):
    return Derived().both()

def work(int n):
    global count
    for k in range(n):
        with of_module:
            count += 1
    return count

def work_nogil(int n):
    global count
    cdef int k
    with nogil:
        for k in range(n):
            with of_module:
                count += 1
            of_module.acquire()
            count -= 1
            of_module.release()
    return count

cdef int through(cython.{lock}* lock, int* number) except -1 nogil:
    with lock[0]:
        number[0] += 1
        if number[0] == 3:
            with gil:
                raise KeyError(number[0])
    return 0

def pointers(int n):
    cdef cython.{lock} own
    cdef int number = 0
    try:
        for _ in range(n):
            through(&own, &number)
            with nogil:
                through(&own, &number)
    except KeyError as error:
        return own.locked(), own.can_check_locked(), str(error)
    return number

def generator(Holder holder):
    cdef cython.{lock} own
    with holder.lock:
        yield own.locked(), holder.lock.locked()
        with own:
            yield own.locked(), holder.lock.locked()

def closure():
    cdef cython.{lock} own
    def inner():
        with own:
            return own.locked()
    return inner

def evaluated(seen):
    def note(x):
        seen.append(x)
        return x
    with cython.critical_section(note([]), note(())):
        seen.append("inside")
    return seen

cdef Holder taken(Holder holder):
    other, holder.other = holder.other, None
    return other

def released(Holder holder):
    with taken(holder).lock:
        return sum([1 for _ in range(3)])
"""


@pytest.mark.parametrize("lock", ["pymutex", "pythread_type_lock"])
def test_locks(both: Both, lock: str) -> None:
    modules = both(_SOURCE.replace("{lock}", lock))

    def used(module: Any) -> list[object]:
        found: list[object] = []
        holder = module.Holder()
        for how in ("", "return", "break", "continue", "raise"):
            found += [outcome(module.held, holder, how), holder.locked()]
        found += [module.made(1), module.pointers(1), module.pointers(5), module.evaluated([])]
        steps = module.generator(holder)
        found += [next(steps), holder.locked(), next(steps), list(steps), holder.locked()]
        abandoned = module.generator(holder)
        next(abandoned)
        abandoned.close()
        found += [holder.locked(), module.closure()(), module.work(10), module.work_nogil(100)]
        return found

    tree, c = map(used, modules)
    assert tree == c
    assert c[:2] == [[False, True, True, True], False]
    # C gives such an object back before it lets go of the lock.
    holder = modules[0].Holder()
    holder.other = modules[0].Holder()
    assert modules[0].released(holder) == 3


@pytest.mark.parametrize("lock", ["pymutex", "pythread_type_lock"])
def test_threads_wait_for_each_other(both: Both, lock: str) -> None:
    for module in both(_SOURCE.replace("{lock}", lock)):
        before = module.work(0)
        for function in (module.work, module.work_nogil):
            threads = [threading.Thread(target=function, args=(2000,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        assert module.work(0) == before + 8000


def test_objects_with_locks_go(both: Both) -> None:
    for module in both(_SOURCE.replace("{lock}", "pymutex")):
        gc.collect()
        blocks = []
        for _ in range(4):
            for _ in range(200):
                module.made(1)
                module.closure()()
                list(module.generator(module.Holder()))
            blocks.append(sys.getallocatedblocks())
        assert blocks[-1] - blocks[1] < 50


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_shared_classes_have_their_locks(sharing: Sharing, routes: tuple[str, str]) -> None:
    pxd = "cimport cython\ncdef class Holder:\n    cdef cython.pymutex lock\n    cdef int n\n"
    library = """
        cdef class Holder:
            def add(self):
                with self.lock:
                    self.n += 1
                return self.n
        """
    client = """
        cimport cython
        from {library} cimport Holder
        cdef class Derived(Holder):
            cdef cython.pythread_type_lock own
        def use(Holder holder):
            with holder.lock:
                holder.n += 1
            return holder.lock.locked(), holder.n
        def derived():
            cdef Derived one = Derived()
            with one.own, one.lock:
                return one.own.locked(), one.lock.locked()
        """
    first, second = sharing(pxd, library, client, routes)
    holder = first.Holder()
    assert (holder.add(), second.use(holder), holder.add()) == (1, (False, 2), 3)
    assert second.derived() == (True, True)


def test_arrays_of_locks_are_refused(tmp_path: Any) -> None:
    import cython_llvm

    path = tmp_path / "lock_array.pyx"
    path.write_text("cimport cython\ncdef cython.pymutex locks[3]\ndef f():\n    with locks[0]: return 1\n")
    with pytest.raises(ImportError, match="array of locks"):
        cython_llvm.import_file(path, "lock_array", route="tree")
