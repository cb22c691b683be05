"""jit: functions, classes, generators and the like inside a function, beside plain Python."""

from __future__ import annotations

import asyncio
import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cython_llvm
from cython_llvm import jit

pytestmark = pytest.mark.usefixtures("cache_dir")

SOURCE = '''
import asyncio
import contextlib
import functools
import math

K = 3

class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

@contextlib.contextmanager
def pair():
    yield 1, 2

def counter(start):
    count = start
    def more(by=1):
        nonlocal count
        count += by
        return count
    return more

def squares(n):
    for i in range(n):
        yield i * i

def running(n, x):
    s = 0.0
    for i in range(n):
        s += i * x
        sent = yield s
        if sent is not None:
            s = float(sent)
    return "end"

def elements(a):
    for x in a:
        yield x * 2
    yield len(a)

def cleaned(log):
    try:
        yield 1
        yield 2
    finally:
        log.append("closed")

def delegating(a):
    got = yield from a
    return got

def overflowing(n):
    x = n
    while True:
        yield x
        x = x * n

def matching(a):
    match a:
        case [x, *_]:
            return "list", x
        case {"k": v, **rest}:
            return v, rest
        case int(n) if n > K:
            return "big", n
        case str() | bytes():
            return "text"
        case None:
            return 0
        case Point(x=0, y=y):
            return "on the axis", y
        case math.pi:
            return "pi"
        case _:
            return "other"

def matching_inside(a):
    def seen(v):
        match v:
            case math.pi | 3:
                return "known"
            case [first, *others] if len(others) < K:
                return first, others
            case dict(x) | str(x):
                return x
        return None
    return seen(a), seen(K), seen(math.pi)

def lambdas(a):
    f = lambda x, y=2, *z, k=a: x * y + k + a
    return f(3), f(3, 4), f(1, k=5), f.__name__, f.__qualname__, f.__module__

def expressions(n):
    g = (i * n for i in range(n))
    return list(g), next((i for i in range(n) if i > 2), None), {k: v for k, v in ((i, -i) for i in range(3))}

def named(a):
    return [y for x in a if (y := x * 2) > 2]

def decorated(a):
    @functools.lru_cache(None)
    def fib(n: int) -> int:
        "Words."
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    return fib(a), fib.__name__, fib.__qualname__, fib.__module__, fib.__doc__, fib.__annotations__

def classes(a):
    class C:
        "About C."
        K = a
        def get(self, x=a):
            return self.K + x
        @property
        def both(self):
            return self.K, self.__class__.__name__
        @staticmethod
        @functools.lru_cache(None)
        def still(x):
            return x
    class D(C):
        def get(self):
            return super().get() * 2
    assert D().both == (a, "D") and C.still(a) is a
    assert [n for n in C.__dict__ if n.startswith("_cyl")] == []
    return C().get(), D().get(), C.__qualname__, C.get.__qualname__, C.__doc__, C.__module__, D.__mro__[1] is C

def signs(a):
    f = lambda x: x * -1
    g = lambda x: 0 + x
    def h(x):
        x *= -1
        return x
    def i(x, y):
        d = {"k": [x]}
        d["k"][0] *= y
        d["k"] += [x * y]
        return d
    return f(a), g(-a), h(a), i(a, -1)

def importing(a):
    import os.path
    del (a,)
    return os.path.join("a", "b")

def unpacked_by_with(manager):
    with manager() as (x, y):
        return x + y

def sets_global(a):
    def set_it():
        global made
        made = a
        return made
    return set_it(), made

def in_a_loop(n):
    found = []
    for i in range(n):
        def f(j=i):
            return i * 10 + j
        found.append(f)
    return [f() for f in found]

def nested(a):
    def one(x):
        def two(y):
            return x + y + a
        return two
    return one(1)(2), one(1).__qualname__

def sees_changes(n):
    def get():
        return x
    x = n
    first = get()
    x = n + 1
    return first, get()

def unbound(n):
    def get():
        return later
    try:
        get()
    except NameError:
        later = n
    return get()

def hidden_builtin(a):
    def len(x):
        return -1
    return len(a)

async def waiting(n):
    await asyncio.sleep(0)
    total = 0
    async for i in counting(n):
        total += i
    async with Manager() as got:
        total += got
    assert [i async for i in counting(n) if i] == list(range(1, n)) and ... is Ellipsis
    assert [await same(i) for i in range(2)] == [0, 1]
    return total

async def same(x):
    return x

async def counting(n):
    for i in range(n):
        yield i
        await asyncio.sleep(0)

class Manager:
    async def __aenter__(self):
        return 100
    async def __aexit__(self, *args):
        return False

def around():
    n = 0
    def bump(k):
        nonlocal n
        n += k
        return n
    return bump, lambda: n
'''

CALLS: dict[str, list[tuple[Any, ...]]] = {
    "counter": [(0,), (2.5,)],
    "squares": [(5,), (0,)],
    "running": [(3, 0.5), (2, 2)],
    "elements": [([1, 2],), ("ab",)],
    "delegating": [([1, 2],)],
    "matching": [([1, 2],), ({"k": 1, "l": 2},), (9,), (2,), ("a",), (b"",), (None,), (math.pi,), (1.5,)],
    "matching_inside": [([1, 2],), ({"k": 1},), ("a",), (2.5,)],
    "lambdas": [(1,), (0.5,)],
    "expressions": [(5,)],
    "named": [([1, 2],)],
    "decorated": [(10,)],
    "classes": [(4,), ("s",)],
    "signs": [(0.0,), (2,)],
    "importing": [(1,)],
    "sets_global": [(3,), ("x",)],
    "in_a_loop": [(3,)],
    "nested": [(5,), (0.5,)],
    "sees_changes": [(5,)],
    "unbound": [(5,)],
    "hidden_builtin": [([1],)],
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("jit") / "jit_inner.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("jit_inner", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _seen(result: Any) -> Any:
    """What a result shows: of generators what they give, of functions what their calls give."""
    if callable(result):
        return result(), result(5), result.__qualname__, result.__module__, result.__name__
    if hasattr(result, "send"):
        given = []
        try:
            for _ in range(20):
                given.append(next(result))
        except StopIteration as stop:
            given.append(stop.value)
        return given
    return result


@pytest.mark.parametrize("name", CALLS)
def test_results_are_pythons(plain: ModuleType, name: str) -> None:
    function = getattr(plain, name)
    compiled = jit(function)
    for arguments in CALLS[name]:
        for _ in range(2):
            assert repr(_seen(compiled(*arguments))) == repr(_seen(function(*arguments)))
    assert compiled.reason is None and compiled.signatures


def test_objects_of_the_module(plain: ModuleType) -> None:
    assert jit(plain.matching)(plain.Point(0, 5)) == ("on the axis", 5)
    assert jit(plain.unpacked_by_with)(plain.pair) == 3


def test_generators_are_sent_to_and_closed(plain: ModuleType) -> None:
    for function in (plain.running, jit(plain.running)):
        generator = function(5, 1.0)
        assert [next(generator), generator.send(10), next(generator)] == [0.0, 11.0, 13.0]
        with pytest.raises(KeyError):
            generator.throw(KeyError("k"))
        log: list[str] = []
    for function in (plain.cleaned, jit(plain.cleaned)):
        generator = function(log)
        next(generator)
        generator.close()
    assert log == ["closed", "closed"]


def test_a_generators_integers_have_no_end(plain: ModuleType) -> None:
    ours, pythons = jit(plain.overflowing)(2**40), plain.overflowing(2**40)
    assert [next(ours) for _ in range(5)] == [next(pythons) for _ in range(5)]


def test_a_generator_sees_what_globals_are_when_it_goes_on() -> None:
    space: dict[str, Any] = {"K": 1}
    path = Path(__file__).with_name("jit_inner_none.py")  # there is none: the source comes from the cache
    import linecache

    text = "def g():\n    yield K\n    yield K\n"
    linecache.cache[str(path)] = (len(text), None, text.splitlines(True), str(path))
    exec(compile(text, str(path), "exec"), space)
    compiled = jit(space["g"])
    generator = compiled()
    first = next(generator)
    space["K"] = 2
    assert (first, next(generator)) == (1, 2) and compiled.reason is None


def test_elements_of_arrays_in_a_generator(plain: ModuleType) -> None:
    numpy = pytest.importorskip("numpy")
    compiled = jit(plain.elements)
    assert list(compiled(numpy.arange(3.0))) == [0.0, 2.0, 4.0, 3]
    assert compiled.signatures == [("float64[::1]",)] and compiled.reason is None


def test_coroutines(plain: ModuleType) -> None:
    compiled = jit(plain.waiting)
    assert asyncio.run(compiled(4)) == asyncio.run(plain.waiting(4)) == 106
    assert compiled.reason is None

    async def collected(numbers: Any) -> list[int]:
        return [x async for x in numbers]

    counting = jit(plain.counting)
    assert asyncio.run(collected(counting(3))) == [0, 1, 2] and counting.reason is None


def test_variables_of_an_enclosing_function_are_assigned(plain: ModuleType) -> None:
    bump, get = plain.around()
    compiled = jit(bump)
    assert [compiled(2), compiled(3), get(), bump(1), compiled(0.5)] == [2, 5, 5, 6, 6.5]
    assert compiled.reason is None


def test_what_is_left_to_python_is_said_with_its_line() -> None:
    @jit
    def frames(a: int) -> Any:
        b = a
        return sorted(locals())

    @jit
    def groups(a: int) -> Any:
        def inner() -> Any:
            return eval("1")

        return inner()

    assert frames(1) == ["a", "b"] and groups(1) == 1
    assert "locals in line 4 of " in frames.reason and "eval in line 4 of " in groups.reason
    assert f"{__file__}:{frames.py_func.__code__.co_firstlineno}" in frames.reason
    assert cython_llvm.jit(plain_function)(2) == 3


def plain_function(a: int) -> int:
    return a + 1
