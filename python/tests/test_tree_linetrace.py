"""What tracers hear of lines (`linetrace` with CYTHON_TRACE): the same by both routes."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cython_llvm
from conftest import outcome

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 13), reason="before sys.monitoring")

_HEADER = "# cython: language_level=3, linetrace=True, binding=True\n# distutils: define_macros={}=1\n"

_SOURCE = '''cimport cython
import contextlib

total = [
    1,
    len("ab"),
]

cdef class Point:
    cdef public int x
    cdef object other

    def __init__(self, x,
                 other=None):
        self.x = x
        self.other = other

    @property
    def twice(self):
        return 2 * self.x

    cpdef int moved(self,
                    int by):
        return self.x + by

    def __eq__(self, other):
        if not isinstance(other,
                          Point):
            return NotImplemented
        return self.x == other.x


class Plain:
    """Text."""
    size = (
        3
    )

    def method(self, a, *args,
               key=None, **rest):
        pass
        return a, args, key, rest


def many_lines(a, b):
    x = dict(
        a=a,
        b=[a,
           b],
        c=(a
           if b else
           b),
    )
    y = (a and
         b or
         len(
             x))
    z = f"""{a}
    {b}"""
    return [x,
            y,
            z]


def chain(int n):
    if n == 1:
        return "one"
    elif n == 2 or \\
            n == 3:
        return "few"
    elif n in (4,
               5):
        return "some"
    else:
        pass
    return "many"


def objects(n):
    if n > 1 and \\
            n < 5:
        n += 1
    elif n: n = 3
    else:
        n = 4
    while n > 0:
        n -= 1
        if n == 2: continue
        if n == 7:
            break
    else:
        n = 9
    return n


def loops(items, double[:] numbers):
    found = []
    cdef int i
    cdef double s = 0
    for item in items:
        found.append(item)
    for item in items: found.append(item)
    for i in range(3):
        if i == 1:
            continue
        found.append(i)
    else:
        found.append("end")
    for key, value in {"a": 1}.items():
        found.append(key)
    for letter in "ab":
        if letter == "b":
            break
    for i in range(numbers.shape[0]):
        s += numbers[i]
    for i in range(10, 0, -4):
        pass
    return found, s, [
        a * 2
        for a in items
        if a
    ], {a: 1 for a in items}, sum(
        a for a in items
    )


def tries(n):
    found = []
    for k in range(2):
        try:
            try:
                if n == 0:
                    raise ValueError(
                        n)
                if n == 1:
                    continue
                if n == 2:
                    return found
                if n == 3:
                    break
                found.append(k)
            except ValueError as error:
                found.append(str(error))
            else:
                found.append("else")
            finally:
                found.append("inner")
                found.append(k)
        finally:
            found.append("outer")
    try: found.append(1 // n)
    except (ZeroDivisionError,
            KeyError):
        found.append("zero")
    except TypeError: pass
    finally: found.append("last")
    return found


def raising(n):
    try:
        try:
            raise KeyError(n)
        finally:
            n += 1
            if n > 5:
                return n
    except KeyError as error:
        raise ValueError from error


@contextlib.contextmanager
def manager(found):
    found.append("in")
    try:
        yield 3
    finally:
        found.append("out")


def withs(n):
    found = []
    with manager(found) as x, \\
            manager(found):
        found.append(x)
        if n:
            return found
    with manager(found):
        raise_if(n == 0)
    return found


def raise_if(yes):
    if yes: raise IndexError("yes")


def numbers(n):
    try:
        for i in range(n):
            got = yield i
            if got:
                yield got
    finally:
        yield -1


def delegating(n):
    x = yield from numbers(n)
    return x


async def coroutine(n):
    return n + 1


def closures(n):
    def inner(a=n,
              b=2):
        nonlocal n
        n += a
        return n

    f = lambda a: (
        a + n)
    return inner() + f(1), (lambda: 3)()


def matching(subject):
    match subject:
        case [1, x]:
            return x
        case {"a": x,
              "b": y} if x:
            return x, y
        case str():
            return "text"
        case _:
            return None


cdef int without(int a) except -1 nogil:
    cdef int b = a
    if b == 3:
        with gil:
            raise ValueError(
                b)
    while b < 5:
        b += 1
    return b


cdef inline int plain(int a, int b=4) noexcept:
    return a * b


def nogils(int n):
    cdef int x = 0
    with nogil:
        x = without(n)
        if x:
            with gil:
                x += plain(x)
        x += 1
    return x


def asserts(n):
    assert n, \\
        "no n"
    del n
    global total
    total = None
    return (
        yield_nothing()
    )


def yield_nothing():
    return


@cython.linetrace(False)
def silent(n):
    n += 1
    return n


def fused(cython.integral n):
    cdef cython.integral m = n
    if cython.integral is int:
        m += 1
    else:
        m += 2
    return m


def run_coroutine(n):
    try:
        coroutine(n).send(None)
    except StopIteration as done:
        return done.value
'''

#: Calls, by the name of what is called.
_CALLS: dict[str, Callable[[Any], Any]] = {
    "point": lambda m: (m.Point(3).twice, m.Point(1, other=2).moved(4), m.Point(1) == m.Point(1),
                        m.Point(1) == 1),
    "plain": lambda m: m.Plain().method(1, 2, key=3, z=4),
    "many": lambda m: (m.many_lines(1, 2), m.many_lines(0, 0)),
    "chain": lambda m: [m.chain(n) for n in range(7)],
    "objects": lambda m: [m.objects(n) for n in (0, 1, 3, 9)],
    "loops": lambda m: m.loops([1, 2, 0], _doubles()),
    "tries": lambda m: [outcome(m.tries, n) for n in (0, 1, 2, 3, 4, "a")],
    "raising": lambda m: [outcome(m.raising, n) for n in (1, 7)],
    "withs": lambda m: [outcome(m.withs, n) for n in (0, 1)],
    "generators": lambda m: (list(m.numbers(2)), list(m.delegating(1)), _sent(m.numbers(2)), m.numbers(2)),
    "coroutine": lambda m: m.run_coroutine(4),
    "closures": lambda m: m.closures(3),
    "matching": lambda m: [m.matching(s) for s in ([1, 2], {"a": 1, "b": 2}, "a", 3)],
    "nogils": lambda m: [outcome(m.nogils, n) for n in (1, 3, 9)],
    "asserts": lambda m: [outcome(m.asserts, n) for n in (0, 1)],
    "others": lambda m: (m.silent(1), m.fused[int](1), m.fused["long"](1)),
}  # fmt: skip


def _doubles() -> Any:
    import array

    return array.array("d", [1, 2])


def _sent(generator: Any) -> list[object]:
    next(generator)
    return [generator.send("x"), outcome(generator.throw, KeyError("k")), outcome(next, generator)]


Event = tuple[str, str, int, str]


class Listener:
    """What a trace function hears, until it does something at one of the events."""

    def __init__(self, names: tuple[str, str], at: int = -1, what: str = "") -> None:
        self.names, self.at, self.what = names, at, what
        self.heard: list[Event] = []

    def __call__(self, frame: Any, event: str, value: Any) -> Any:
        if not any(name in frame.f_code.co_filename for name in self.names):
            return None
        told = "" if event == "exception" else repr(value)
        if " at 0x" in told:
            told = type(value).__name__
        name = frame.f_code.co_name.replace(*self.names)
        self.heard.append((name, event, frame.f_lineno, told.replace(*self.names)))
        if len(self.heard) == self.at + 1:
            if self.what == "raise":
                raise RuntimeError("of the tracer")
            if self.what == "stop":
                sys.settrace(None)
                return None
            if self.what == "leave":
                return None
            frame.f_trace_lines = False
        return self


def heard(module: ModuleType, call: Callable[[Any], Any], at: int = -1, what: str = "") -> Any:
    tree = module.__name__.replace("_c", "_tree")
    listener = Listener((module.__name__, tree), at, what)
    before = sys.gettrace()
    sys.settrace(listener)
    try:
        result = outcome(call, module)
    finally:
        sys.settrace(before)
    text = repr(result) if " at 0x" not in repr(result) else ""
    return listener.heard, text


@functools.cache
def _built(folder: Path, macro: str) -> list[ModuleType]:
    """Modules by the tree and the C route, and what was heard of their start."""
    modules = []
    for route in ("tree", "c"):
        name = f"lines_{macro.lower()}_{route}"
        path = folder / f"{name}.pyx"
        path.write_text(_HEADER.format(macro) + _SOURCE, encoding="utf-8")
        modules.append(cython_llvm.import_file(path, name, route=route))
    return modules


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


@pytest.mark.parametrize("name", _CALLS)
@pytest.mark.parametrize("macro", ["CYTHON_TRACE_NOGIL", "CYTHON_TRACE"])
def test_lines(folder: Path, macro: str, name: str) -> None:
    tree, c = _built(folder, macro)
    expected = heard(c, _CALLS[name])
    assert heard(tree, _CALLS[name]) == expected
    kinds = {event[1] for event in expected[0]}
    assert {"call", "line", "return"} <= kinds


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("what", ["raise", "stop", "leave", "lines off"])
def test_tracers_that_interfere(folder: Path, what: str) -> None:
    tree, c = _built(folder, "CYTHON_TRACE_NOGIL")
    for name, call in _CALLS.items():
        count = len(heard(c, call)[0])
        for at in range(0, count, 1 + count // 40):
            assert heard(tree, call, at, what) == heard(c, call, at, what), (name, at)


def test_the_start_of_a_module(tmp_path: Path) -> None:
    found = []
    for route in ("tree", "c"):
        name = f"lines_start_{route}"
        path = tmp_path / f"{name}.pyx"
        path.write_text(_HEADER.format("CYTHON_TRACE") + _SOURCE, encoding="utf-8")
        listener = Listener((name, "lines_start_tree"))
        sys.settrace(listener)
        try:
            cython_llvm.import_file(path, name, route=route)
        finally:
            sys.settrace(None)
        found.append(listener.heard)
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_no_macro_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines_silent.pyx"
    path.write_text(_HEADER.partition("\n")[0] + "\n" + _SOURCE, encoding="utf-8")
    module = cython_llvm.import_file(path, "lines_silent", route="tree")
    assert heard(module, _CALLS["tries"])[0] == []


def test_frames_are_given_back(folder: Path) -> None:
    tree, _ = _built(folder, "CYTHON_TRACE")
    one = object()
    before = sys.getrefcount(one)
    for _ in range(20):
        for at, what in ((-1, ""), (3, "raise"), (4, "raise")):
            heard(tree, lambda module: module.tries(one), at, what)
            heard(tree, lambda module: list(module.numbers(one)), at, what)
    assert sys.getrefcount(one) == before


def test_signatures_stay(folder: Path) -> None:
    tree, c = _built(folder, "CYTHON_TRACE")
    for function in ("many_lines", "closures", "nogils"):
        assert inspect.signature(getattr(tree, function)) == inspect.signature(getattr(c, function))


_PARALLEL = """
from cython.parallel cimport parallel, prange

cdef double doubled(double x) noexcept nogil:
    return x * 2

def loop(int n):
    cdef int i
    cdef double s = 0
    for i in prange(n, nogil=True, num_threads=1, schedule="{schedule}"):
        if i == 3:
            s += doubled(i)
            continue
        s += i
    else:
        s += 100
    return s

def block(int n):
    cdef int i, j
    cdef double s = 0, t = 0
    with nogil, parallel(num_threads=1):
        for i in prange(n, schedule="{schedule}"):
            for j in range(2):
                s += j
        for i in prange(n):
            t += i
    return s, t

def with_gil(n):
    cdef int i
    cdef int count = n
    for i in prange(count, nogil=True, num_threads=1):
        with gil:
            print(i,
                  end="")
    return n

def nested(int n):
    cdef int i, j
    cdef long s = 0
    for i in prange(n, nogil=True, num_threads=1):
        for j in prange(2):
            s += i * j
    return s

cdef int left(int n) except -9:
    cdef int i
    for i in prange(n, nogil=True, num_threads=1):
        if i == 2:
            with gil:
                raise ValueError(i)
        if n == 2 and i == 1:
            return 5
    return 0

def leaves(n):
    return left(n)

def threads(int n):
    cdef int i
    cdef double s = 0
    for i in prange(n, nogil=True, num_threads=4):
        s += doubled(i)
    return s
"""

_PARALLEL_CALLS: dict[str, Callable[[ModuleType], Any]] = {
    "loop": lambda module: module.loop(5),
    "empty": lambda module: module.loop(0),
    "block": lambda module: module.block(3),
    "with_gil": lambda module: module.with_gil(3),
    "nested": lambda module: module.nested(3),
    "raises": lambda module: module.leaves(4),
    "returns": lambda module: module.leaves(2),
}


@pytest.fixture(scope="module", params=["static", "dynamic"])
def parallel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[ModuleType]:
    folder, modules = tmp_path_factory.mktemp("lines"), []
    for route in ("tree", "c"):
        name = f"lines_parallel_{request.param}_{route}"
        path = folder / f"{name}.pyx"
        text = _HEADER.format("CYTHON_TRACE_NOGIL") + _PARALLEL.format(schedule=request.param)
        path.write_text(text, encoding="utf-8")
        modules.append(cython_llvm.import_file(path, name, route=route))
    return modules


@pytest.mark.parametrize("name", _PARALLEL_CALLS)
def test_parallel_loops(parallel: list[ModuleType], name: str) -> None:
    """Of one thread's iterations all lines are told of."""
    tree, c = parallel
    expected = heard(c, _PARALLEL_CALLS[name])
    assert heard(tree, _PARALLEL_CALLS[name]) == expected
    assert len(expected[0]) > 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("what", ["raise", "stop", "leave", "lines off"])
def test_tracers_that_interfere_with_parallel_loops(parallel: list[ModuleType], what: str) -> None:
    tree, c = parallel
    for name, call in _PARALLEL_CALLS.items():
        count = len(heard(c, call)[0])
        for at in range(count):
            if (name, what) == ("nested", "raise"):  # stock Cython crashes
                raised = "of the tracer" in heard(tree, call, at, what)[1]
                assert raised == (at < count - 1)  # what is raised at a return is dropped
                continue
            assert heard(tree, call, at, what) == heard(c, call, at, what), (name, at)


def test_other_threads_tell_nothing(parallel: list[ModuleType]) -> None:
    """The tracer is the calling thread's, which has a part of the iterations."""
    for module in parallel:
        events, *rest = heard(module, lambda module: module.threads(400))
        lines = [event for event in events if event[1] == "line"]
        assert 100 <= len(lines) < 400, rest
