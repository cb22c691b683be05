"""Short ways for calls, assignments, comparisons and lists by the tree route: each has a longer one beside it,
for what does not fit, and both must do what the C route does."""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Iterator
from typing import Any

from conftest import Both
from test_tree_objects import outcome


def called(function: Any, args: tuple[Any, ...], keywords: dict[Any, Any]) -> Any:
    return outcome(lambda: function(*args, **keywords))


_SIGNATURES = """
def plain(a, b, c=3): return a, b, c
def only(a, b=2, /, c=3): return a, b, c
def named(a, *, b, c=3): return a, b, c
def optional(a=1, *, b=2): return a, b
def typed(int a, list b=None, *, double c=1.5): return a, b, c
def star(*args): return args
def ignored(*args, **kwargs): return args
def nothing_read(**kwargs): return 1
def reassigned(*args, **kwargs):
    kwargs = 5
    return args
def reassigned_and_read(*args, **kwargs):
    kwargs = args
    return kwargs
def captured(*args, **kwargs):
    def inner(): return kwargs
    return inner()
def deleted(*args, **kwargs):
    del kwargs
    return args
def seen(*args, **kwargs): return sorted(locals())
def first(a, *args, **kwargs): return a
class P:
    def method(self, a, *, b=1): return a, b
    def stars(*args, **kwargs): return args[1:]
    def rest(self, *args, **kwargs): return args
    @staticmethod
    def static(*args): return args
cdef class T:
    def method(self, a, *, b=1): return a, b
    def rest(self, *args, **kwargs): return args
    @staticmethod
    def static(*args): return args

def from_inside(f, x):
    made = []
    for call in (lambda: f(x), lambda: f(x, x), lambda: f(x, b=x), lambda: f(a=x, b=x), lambda: f(b=x, a=x),
                 lambda: f(x, b=x, c=x), lambda: f(x, x, x, x), lambda: f(x, d=x), lambda: f(c=x), lambda: f()):
        try:
            made.append(call())
        except TypeError as error:
            made.append(str(error))
    return made

def constant_arguments():
    return [star(1, "a", None) for _ in range(2)] + [star(*[1, "a"]), star()]

def constant_to_others(f):
    return f(1, 2)

def replaced_meanwhile(f):
    global star
    before, star = star, f
    try:
        return star(1, 2)
    finally:
        star = before
"""


def test_arguments_and_keywords(both: Both) -> None:
    tree, c = both(_SIGNATURES)
    cases: list[tuple[tuple[Any, ...], dict[Any, Any]]] = [
        ((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), ((1, 2, 3, 4), {}),
        ((1,), {"b": 2}), ((1,), {"c": 2}), ((), {"a": 1, "b": 2}), ((), {"b": 2, "a": 1}),
        ((1,), {"a": 2}), ((1, 2), {"b": 2}), ((1,), {"b": 2, "c": 4}), ((1,), {"d": 2}), ((), {"d": 2}),
        ((1,), {"".join(["", "b"]): 2}), ((1,), {"bb"[1:]: 2, "cc"[:1]: 3}), ((1,), {Name("b"): 2}),
        ((1,), {1: 2}), ((), {None: 1}), ((1,), {"b": None}), ((1,), {"b": [], "c": 2}), ((1,), {"c": "x"}),
    ]  # fmt: skip
    names = [name for name in vars(c) if not name.startswith("_")]
    functions = [
        name for name in names if name not in ("P", "T", "from_inside", "constant_arguments")
    ]
    seen = 0
    for name in functions:
        for args, keywords in cases:
            expected = called(getattr(c, name), args, keywords)
            assert called(getattr(tree, name), args, keywords) == expected, (name, args, keywords)
            seen += expected[0] is TypeError
    for kind in ("P", "T"):
        for name in ("method", "rest", "static", *(["stars"] if kind == "P" else [])):
            for args, keywords in cases:
                found = [
                    called(getattr(getattr(module, kind)(), name), args, keywords)
                    for module in (tree, c)
                ]
                assert found[0] == found[1], (kind, name, args, keywords)
    assert seen > 30
    for name in (
        "plain",
        "only",
        "named",
        "optional",
        "star",
        "ignored",
        "nothing_read",
        "captured",
        "first",
    ):
        assert tree.from_inside(getattr(tree, name), 7) == c.from_inside(getattr(c, name), 7), name


class Name(str):
    """A keyword that is none of the interned ones."""

    __slots__ = ()


def test_constant_arguments_of_a_function_that_keeps_its_tuple(both: Both) -> None:
    for module in both(_SIGNATURES):
        found = module.constant_arguments()
        assert found == [(1, "a", None), (1, "a", None), (1, "a"), ()]
        assert found[0] is found[1]
        assert module.constant_to_others(lambda *args: args) == (1, 2)
        assert module.replaced_meanwhile(lambda a, b: [b, a]) == [2, 1]


def test_keywords_leave_no_references(both: Both) -> None:
    tree, c = both(_SIGNATURES)
    for module in (tree, c):
        value = object()
        before = sys.getrefcount(value)
        for _ in range(100):
            module.plain(value, b=value, c=value)
            called(module.plain, (value,), {"a": value, "b": value})
            called(module.named, (value,), {"c": value})
            called(module.ignored, (value,), {"c": value})
            called(module.reassigned, (value,), {"c": value})
            called(module.typed, (1, [value]), {"c": value})
        assert sys.getrefcount(value) == before


_EXCHANGED = """
def two(a, b):
    a, b = b, a
    return a, b
def three(a, b, c):
    a, b, c = c, a, b
    return a, b, c
def often(a, b, int n):
    for i in range(n):
        a, b = b, a
    return a, b
def typed(list a, list b):
    a, b = b, a
    return a, b
def narrowed(list a, b):
    a, b = b, a
    return a, b
def unbound(a, bint given):
    if given:
        b = 1
    a, b = b, a
    return a, b
def same(a, b):
    a, b = a, b
    return a, b
def twice(a, b):
    a, b = b, b
    return a, b
def in_generator(a, b):
    for i in range(3):
        a, b = b, a
        yield a, b
def captured(a, b):
    a, b = b, a
    return (lambda: (a, b))()
cdef class T:
    cdef public object x, y
def fields(T t):
    t.x, t.y = t.y, t.x
    return t.x, t.y
def made(x, y):
    t = T()
    t.x, t.y = x, y
    return fields(t)
"""


def test_variables_that_get_each_others_objects(both: Both) -> None:
    tree, c = both(_EXCHANGED)
    x, y, z = [1], [2], object()
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("two", (x, z)), ("two", (x, x)), ("three", (x, y, z)), ("often", (x, z, 7)), ("often", (x, z, 8)),
        ("typed", (x, y)), ("typed", (None, y)), ("narrowed", (x, y)), ("narrowed", (x, z)),
        ("unbound", (x, True)), ("unbound", (x, False)), ("same", (x, z)), ("twice", (x, z)),
        ("captured", (x, z)), ("made", (x, z)),
    ]  # fmt: skip
    before = [sys.getrefcount(value) for value in (x, y, z)]
    for name, args in calls:
        assert outcome(getattr(tree, name), *args) == outcome(getattr(c, name), *args), (name, args)
    assert list(tree.in_generator(x, z)) == list(c.in_generator(x, z))
    assert [sys.getrefcount(value) for value in (x, y, z)] == before


_REPLACED = """
def through(list values, note):
    a = None
    for v in values:
        a = v
        note(a)
    a = values
    del a
    a = 1
    try:
        a = note("raise")
    except ValueError as e:
        a = e
        e = None
    try:
        del a
        note("raise")
        a = 2
    except ValueError:
        a = 3
    return a

def sometimes(bint first, value):
    if first:
        a = value
    a = value
    for a in (value, value):
        pass
    else:
        a = value
    with_list = [a for a in (1, 2)]
    return a, with_list

def unpacked(x):
    a = b = c = x
    for i in range(3):
        a, b, c = x
        (a, b), c = (c, a), b
    return a, b, c

def generated(x):
    a = x
    while True:
        a = yield a
"""


def test_variables_that_are_assigned_again(both: Both) -> None:
    def noting(told: list[Any]) -> Any:
        def note(value: Any) -> None:
            told.append(value)
            if value == "raise":
                raise ValueError(value)

        return note

    tree, c = both(_REPLACED)
    value = object()
    before = sys.getrefcount(value)
    results = []
    for module in (tree, c):
        told: list[Any] = []
        results.append([module.through([value, 1, value], noting(told)), told])
        for first in (True, False):
            results[-1].append(module.sometimes(first, value))
        results[-1].append(
            [outcome(module.unpacked, x) for x in ((1, 2, value), [1, 2, 3], "abc", (1, 2), None)]
        )
        generator = module.generated(value)
        results[-1].append([next(generator), generator.send(value), generator.send(1)])
        generator.close()
    assert results[0] == results[1]
    del results, told
    assert sys.getrefcount(value) == before


_COMPARED = """
def compared(a, b):
    cdef bint lt = a < b, le = a <= b, eq = a == b, ne = a != b, gt = a > b, ge = a >= b
    return lt, le, eq, ne, gt, ge
def with_int(int a, b): return 1 if a < b else 2 if a == b else 3, 1 if b < a else 2 if b == a else 3
def with_constants(a): return [1 if a < 0 else 0, 1 if a == 7 else 0, 1 if a > -3 else 0, 1 if a > 0.5 else 0,
                               1 if a != 1.0 else 0]
def computed(a, b):
    c = a
    c += b
    return a + b, a - b, a * b, a + 1, a - 1, 1 + a, c
"""


def _numbers() -> Iterator[Any]:
    for power in (0, 1, 2**15, 2**30 - 1, 2**30, 2**30 + 1, 2**31, 2**60, 2**63, 2**64):
        yield from (power, -power, float(power), -float(power))
    yield from (
        True,
        False,
        math.inf,
        -math.inf,
        math.nan,
        -0.0,
        0.5,
        7,
        -3,
        Small(7),
        Odd(7.0),
        3 + 0j,
    )


class Small(int):
    """No exact int."""


class Odd(float):
    """No exact float, and compared by its own."""

    def __lt__(self, other: Any) -> bool:
        return True


def test_comparisons_and_sums_of_numbers(both: Both) -> None:
    tree, c = both(_COMPARED)
    numbers = list(_numbers())
    for a in numbers:
        assert repr(outcome(tree.with_constants, a)) == repr(outcome(c.with_constants, a)), a
        for b in numbers:
            for name in ("compared", "computed"):
                found, expected = (outcome(getattr(module, name), a, b) for module in (tree, c))
                assert repr(found) == repr(expected), (name, a, b)
        for small in (-3, 0, 7):
            assert outcome(tree.with_int, small, a) == outcome(c.with_int, small, a), (small, a)


def test_lists_shrink_as_they_are_popped_from(both: Both) -> None:
    tree, c = both("""
def popped(list x, int n):
    cdef int i
    made = []
    for i in range(n):
        made.append(x.pop())
    return made
def of_any(x):
    return x.pop()
""")
    for length in (0, 1, 2, 5, 100):
        lists = [[object()] * length for _ in range(2)]
        for _ in range(length + 1):
            found = [
                outcome(module.popped, one, 1) for module, one in zip((tree, c), lists, strict=True)
            ]
            assert [one[0] for one in found] == [found[0][0]] * 2
            assert str(found[0][1]) == str(found[1][1]) or found[0][0] is list
            assert sys.getsizeof(lists[0]) == sys.getsizeof(lists[1])
    for value in ([1], [], {1}, set(), {"a": 1}, (), None):
        copies = [value.copy() if hasattr(value, "copy") else value for _ in range(2)]
        assert outcome(tree.of_any, copies[0]) == outcome(c.of_any, copies[1])
        assert copies[0] == copies[1]
    assert outcome(tree.popped, None, 1) == outcome(c.popped, None, 1)


_COPIED = """
def copied(double[:] x, double[:] y):
    y[:] = x
def contiguous(double[::1] x, double[::1] y):
    y[:] = x
def parts(double[:] x, int a, int b, int c, int d, int s, int t):
    x[a:b:s] = x[c:d:t]
def bytes_of(const unsigned char[:] x, unsigned char[:] y):
    y[:] = x
"""


def test_rows_of_memoryviews_are_copied(both: Both) -> None:
    tree, c = both(_COPIED)

    def after(
        module: Any, name: str, values: list[float], lengths: tuple[int, ...], *more: int
    ) -> Any:
        arrays = [array.array("d", values[:length]) for length in lengths]
        found = outcome(getattr(module, name), *arrays, *more)
        return found, arrays

    values = [float(i) for i in range(12)]
    for name in ("copied", "contiguous"):
        for lengths in ((0, 0), (1, 1), (12, 12), (1, 5), (5, 1), (3, 4), (0, 1)):
            assert after(tree, name, values, lengths) == after(c, name, values, lengths), (
                name,
                lengths,
            )
    steps = [(0, 5, 2, 7, 1, 1), (2, 7, 0, 5, 1, 1), (0, 12, 0, 12, 1, 1), (0, 6, 11, 5, 1, -1),
             (11, 5, 0, 6, -1, 1), (0, 12, 1, 12, 2, 2), (1, 12, 0, 12, 2, 2), (0, 4, 0, 1, 1, 1),
             (3, 3, 5, 5, 1, 1), (0, 4, 0, 5, 1, 1), (4, 8, 0, 8, 1, 2)]  # fmt: skip
    for step in steps:
        found = after(tree, "parts", values, (12,), *step)
        assert found == after(c, "parts", values, (12,), *step), step
    for module in (tree, c):
        target = bytearray(3)
        module.bytes_of(b"abc", target)
        assert target == b"abc"
