"""What profilers and tracers hear of functions and generators, by both routes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conftest import Both

_SOURCE = '''# cython: language_level=3, profile=True
cimport cython

cpdef long both_ways(long a):
    return a

cdef class A:
    cpdef method(self, long a):
        return a
    def __len__(self):
        return 3

def numbers(n):
    got = yield 1
    yield got
    return n

def failing():
    yield 1
    raise ValueError("x")

def delegating():
    yield from numbers(4)
    yield from [5]

async def coroutine(x):
    return x

@cython.profile(False)
def silent():
    yield 1

def drop():
    g = numbers(1)
    next(g)
    g.close()

def handling():
    g = failing()
    next(g)
    try:
        g.throw(KeyError("k"))
    except KeyError as error:
        return str(error)

cdef int without_lock(int a) noexcept nogil:
    return a + 1

def run():
    a = A()
    both_ways(1), (<object> both_ways)(2), a.method(3), (<object> a).method(4), len(a)
    x = list(numbers(2)), list(delegating()), list(silent()), sum(k for k in range(3))
    try:
        list(failing())
    except ValueError:
        pass
    try:
        coroutine(7).send(None)
    except StopIteration as done:
        x = x, done.value
    drop()
    with nogil:
        without_lock(3)
    return x, handling(), [k for k in numbers(1)]
'''


def heard(module: ModuleType, install: Any) -> list[tuple[str, str, str]]:
    found = []

    def listen(frame: Any, event: str, value: object) -> Any:
        if not event.startswith("c_") and "both_" in frame.f_code.co_filename + frame.f_code.co_name:
            found.append((frame.f_code.co_name, event, repr(value)))
        return listen

    install(listen)
    try:
        module.run()
    finally:
        install(None)
    return found


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="before sys.monitoring")
def test_calls_and_resumptions(both: Both) -> None:
    tree, c = both(_SOURCE)
    found = heard(tree, sys.setprofile)
    assert found == heard(c, sys.setprofile)
    assert [event for event in found if event[0] == "numbers"][:4] == [
        ("numbers", "call", "None"), ("numbers", "return", "1"),
        ("numbers", "call", "None"), ("numbers", "return", "None")]  # fmt: skip
    assert not heard(tree, sys.settrace)
    assert tree.run() == c.run()


def test_frames_are_given_back(both: Both) -> None:
    tree, _ = both("# cython: language_level=3, profile=True\ndef g(x):\n    yield x\n    yield x\n"
                   "def run(x):\n    for k in g(x): pass\n    next(g(x))\n")  # fmt: skip
    one = object()
    before = sys.getrefcount(one)
    sys.setprofile(lambda *args: None)
    try:
        for _ in range(50):
            tree.run(one)
    finally:
        sys.setprofile(None)
    assert sys.getrefcount(one) == before


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="before sys.monitoring")
@pytest.mark.parametrize("macro", ["CYTHON_TRACE", "CYTHON_TRACE_NOGIL", "CYTHON_PROFILE=0"])
def test_macros(tmp_path: Path, macro: str) -> None:
    import cython_llvm

    modules = []
    for route in ("tree", "c"):
        name = f"both_{macro.partition('=')[0].lower()}_{route}"
        header = f"# distutils: define_macros={macro if '=' in macro else macro + '=1'}\n"
        path = tmp_path / f"{name}.pyx"
        path.write_text(header + _SOURCE, encoding="utf-8")
        modules.append(cython_llvm.import_file(path, name, route=route))
    for install in (sys.setprofile, sys.settrace):
        found, theirs = (heard(module, install) for module in modules)
        assert found == theirs
        assert bool(found) == (macro != "CYTHON_PROFILE=0" and (install is sys.setprofile or "TRACE" in macro))
        if install is sys.setprofile:
            assert ("without_lock" in {event[0] for event in found}) == (macro == "CYTHON_TRACE_NOGIL")


def test_a_macro_that_is_no_number(tmp_path: Path) -> None:
    import cython_llvm

    path = tmp_path / "odd.pyx"
    path.write_text("# distutils: define_macros=CYTHON_TRACE=defined(X)\ndef f(): return 1\n")
    with pytest.raises(ImportError, match="macro CYTHON_TRACE as"):
        cython_llvm.import_file(path, "odd", route="tree")
