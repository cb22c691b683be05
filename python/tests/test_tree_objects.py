"""Short ways for operations on objects by the tree route: what they do is what the C route does."""

from __future__ import annotations

import array
import sys
from typing import Any

import pytest

from conftest import Both


def outcome(function: Any, *args: Any) -> Any:
    """A result with its type, or an exception with its message."""
    try:
        result = function(*args)
    except Exception as error:
        return type(error), str(error)
    return type(result), result


def test_buffers_taken_as_memoryviews(both: Both) -> None:
    tree, c = both("""
def bytes_of(x):
    cdef const unsigned char[:] m = x
    return [m[i] for i in range(m.shape[0])], m.strides[0], m.suboffsets[0]

def contiguous(x):
    cdef const unsigned char[::1] m = x
    return bytes(m)

def written(x):
    cdef unsigned char[:] m = x
    m[0] = 7
    return len(m)

def chars(x):
    cdef const char[:] m = x
    return [m[i] for i in range(m.shape[0])]

def either(x):
    cdef char[:] m = x
    return [m[i] for i in range(m.shape[0])]

def doubles(x):
    cdef double[:] m = x
    return [m[i] for i in range(m.shape[0])]

def longs(x):
    cdef long[:] m = x
    return [m[i] for i in range(m.shape[0])]

def matrix(x):
    cdef const unsigned char[:, :] m = x
    return m.shape[0]

def fields(x):
    cdef const unsigned char[:] m = x
    o = m
    return o.shape, o.strides, o.nbytes, o.itemsize, o.ndim, o.size, o.base is x, bytes(o)

def kept(x):
    cdef const unsigned char[:] m = x
    return m

def many(list objects):
    cdef const unsigned char[:] a, b, c
    made = []
    for o in objects:
        a = b = c = o
        made.append(a[1:])
    return [bytes(v) for v in made]
""")
    whole = memoryview(bytes(range(8)))
    for name in (
        "bytes_of",
        "contiguous",
        "chars",
        "either",
        "doubles",
        "longs",
        "matrix",
        "fields",
        "written",
    ):
        for make in (
            lambda: b"abc", lambda: b"", lambda: bytearray(b"abc"), lambda: bytearray(b"x"),
            lambda: array.array("B", [1, 2]), lambda: array.array("b", [-1, 2]),
            lambda: array.array("d", [1.5, 2]), lambda: array.array("d"), lambda: array.array("l", [3]),
            lambda: array.array("q", [3]),
            lambda: array.array("u", "ab"), lambda: whole, lambda: whole[::2], lambda: whole[::-1],
            lambda: whole[2:2], lambda: whole.cast("B", (2, 4)), lambda: memoryview(array.array("d", [2, 3])),
            lambda: memoryview(b"abcd").cast("c"), lambda: "text", lambda: None, lambda: 3,
        ):  # fmt: skip
            ours, stock = make(), make()
            assert outcome(getattr(tree, name), ours) == outcome(getattr(c, name), stock), (
                name,
                ours,
            )
            if isinstance(ours, bytearray | array.array):
                # Nobody holds its buffer any more.
                assert ours == stock
                ours.extend(ours)
    shared = bytearray(b"abc")
    held = tree.kept(shared)
    with pytest.raises(BufferError):
        shared.append(1)
    assert bytes(held) == b"abc"
    del held
    shared.append(1)
    objects = [bytes([i] * 3) for i in range(60)]
    assert tree.many(objects) == c.many(objects) == [o[1:] for o in objects]
    count = sys.getrefcount(shared)
    for _ in range(100):
        tree.bytes_of(shared)
        outcome(tree.doubles, shared)
    assert sys.getrefcount(shared) == count


def test_slices_of_memoryviews(both: Both) -> None:
    tree, c = both("""
def slices(long[:] x, Py_ssize_t a, Py_ssize_t b, Py_ssize_t s):
    return [list(v) for v in (x[a:], x[:b], x[a:b], x[a:b:s], x[::s], x[a::s], x[:b:s])]
""")
    x = array.array("l", range(7))
    for a in range(-9, 10, 3):
        for b in range(-9, 10, 2):
            for s in (-8, -2, -1, 0, 1, 3):
                assert outcome(tree.slices, x, a, b, s) == outcome(c.slices, x, a, b, s), (a, b, s)


def test_text_that_grows(both: Both) -> None:
    tree, c = both("""
def grown(str s, str t, n):
    before = s
    cdef str u = s
    for i in range(n):
        u += t
    return before, s, u

def wide(n):
    cdef str s = "a"
    for i in range(n):
        s += chr(i)
    return s

def other(str s, str t):
    try:
        s += t
    except TypeError as error:
        return s, str(error)
    return s

def assigned_meanwhile(str s):
    cdef str t = s + "."
    t += (t := "new")
    return t

def twice(str s):
    cdef str t = s + "."
    t += t
    t += t
    return t

def in_closure(str s):
    def inner():
        return s
    s += "x"
    return s, inner()

def unset(bint yes):
    cdef str s
    if yes:
        s = "a"
    s += "b"
    return s
""")
    for args in (
        ("a", "b", 5),
        ("", "b", 3),
        ("ab", "", 3),
        ("ab", "\xe9", 3),
        ("\u20ac", "b", 3),
        ("ab", "b", 0),
    ):
        assert outcome(tree.grown, *args) == outcome(c.grown, *args)
    assert tree.wide(70_000) == c.wide(70_000)
    for args in ((None, "b"), ("a", None), (None, None), ("a", "b")):
        assert outcome(tree.other, *args) == outcome(c.other, *args)
    for name, argument in (
        ("twice", "ab"),
        ("in_closure", "s"),
        ("unset", True),
        ("unset", False),
    ):
        assert outcome(getattr(tree, name), argument) == outcome(getattr(c, name), argument), name
    # As in Python; the C route reads the variable last.
    assert tree.assigned_meanwhile("s") == "s.new"
    import time

    def seconds(n: int) -> float:
        started = time.process_time()
        assert len(tree.grown("", "abcdefgh", n)[2]) == 8 * n
        return time.process_time() - started

    # In proportion to its length, not to the square of it: that would be 400 times as long.
    assert min(seconds(200_000) for _ in range(3)) < 100 * max(
        min(seconds(10_000) for _ in range(3)), 1e-4
    )


def test_unpacking(both: Both) -> None:
    tree, c = both("""
def two(x):
    a, b = x
    return a, b

def three(x):
    a, (b, d), e = x
    return a, b, d, e

def typed(tuple x):
    a, b = x
    return b, a

def lists(list x):
    a, b = x
    return b, a

def swapped(list x):
    x[0], x[1] = x
    return x
""")
    values: list[Any] = [
        (1, 2), [1, 2], [1], (1,), [], (), [1, 2, 3], (1, 2, 3), "ab", "abc", {1: 2, 3: 4},
        None, 5,
        [1, (2, 3), 4], (1, [2, 3], 4), [1, "ab", 4], [1, 2, 3],
    ]  # fmt: skip
    for name in ("two", "three", "typed", "lists", "swapped"):
        for value in values:
            if not isinstance(value, list):
                assert outcome(getattr(tree, name), value) == outcome(getattr(c, name), value), (
                    name,
                    value,
                )
            else:
                assert outcome(getattr(tree, name), list(value)) == outcome(
                    getattr(c, name), list(value)
                ), (name, value)
    one = object()
    pair = [one, one]
    count = sys.getrefcount(one)
    for _ in range(10):
        tree.two(pair)
        outcome(tree.two, [one])
        outcome(tree.two, [one] * 3)
    assert sys.getrefcount(one) == count


def test_truth_and_comparisons_with_constants(both: Both) -> None:
    tree, c = both("""
class Odd(int):
    def __eq__(self, other):
        return "odd"
    def __ne__(self, other):
        raise ValueError("odd")
    __hash__ = None

def truths(list a, tuple b, dict d, str s, bytes e):
    return bool(a), bool(b), bool(d), bool(s), bool(e), not a, 1 if b else 2, [] if d else 3, s and e

def constants(x):
    found = []
    for test in range(7):
        try:
            if test == 0:
                found.append(1 if x == 7 else 0)
            elif test == 1:
                found.append(1 if x != 7 else 0)
            elif test == 2:
                found.append(1 if 0 == x else 0)
            elif test == 3:
                found.append(1 if x == -5 else 0)
            elif test == 4:
                found.append(1 if x == 100000000000 else 0)
            elif test == 5:
                found.append(x == 7)
            else:
                found.append(x != 0)
        except ValueError as error:
            found.append(str(error))
    return found

def powers(x):
    return 2 ** x, x ** 2

def odd(x):
    return Odd(x)
""")
    full = ([0], (0,), {0: 0}, "a", b"a")
    for args in (full, ([], (), {}, "", b""), (None,) * 5):
        assert outcome(tree.truths, *args) == outcome(c.truths, *args)
    for value in (
        7,
        0,
        -5,
        -7,
        7.0,
        True,
        None,
        "7",
        10**11,
        -(10**11),
        10**30,
        7 + 2**60,
        7 + 2**30,
        0.0,
        float("nan"),
    ):
        assert outcome(tree.constants, value) == outcome(c.constants, value), value
    assert outcome(tree.constants, tree.odd(7)) == outcome(c.constants, c.odd(7))
    for value in (0, 5, 62, 63, 64, 200, -1, -2, 2.5, True, None, "a"):
        assert outcome(tree.powers, value) == outcome(c.powers, value), value


def test_small_numbers_and_items(both: Both) -> None:
    tree, c = both("""
def items(bytearray x, Py_ssize_t i, v):
    x[i] = v
    return x, x[i]

def small(signed char a, unsigned char b, short d, unsigned short e):
    return a, b, d, e, [a, b, d, e]

def letters(str s, bytes t):
    return [ord(ch) for ch in s], [ch for ch in t], [ord(s[i]) for i in range(len(s))]

def ordinal(x):
    return ord(x)

def generic(x, Py_ssize_t i, v):
    found = x[i]
    x[i] = v
    return found, x
""")
    for i in (0, 2, -1, -3, 3, -4):
        for value in (0, 255, 256, -1, "a", None):
            args = (i, value)
            assert outcome(tree.items, bytearray(b"abc"), *args) == outcome(
                c.items, bytearray(b"abc"), *args
            ), args
            for make in (
                lambda: bytearray(b"abc"),
                lambda: [1, 2, 3],
                lambda: {0: 1, -1: 2},
                lambda: array.array("B", b"abc"),
            ):
                assert outcome(tree.generic, make(), *args) == outcome(c.generic, make(), *args), (
                    args
                )
    for args in (
        (-128, 255, -32768, 65535),
        (127, 0, 32767, 0),
        (-129, 0, 0, 0),
        (0, 256, 0, 0),
        (0, 0, 2**15, 0),
        (0, 0, 0, -1),
    ):
        assert outcome(tree.small, *args) == outcome(c.small, *args), args
    for args in (("a\xe9\u20ac\U0001f600", b"\x00\xff"), ("", b""), (None, b""), ("", None)):
        assert outcome(tree.letters, *args) == outcome(c.letters, *args), args
    for value in ("a", "\U0001f600", "", "ab", b"a", b"", bytearray(b"z"), 3, None):
        assert outcome(tree.ordinal, value) == outcome(c.ordinal, value), value


def test_loops_over_dicts_and_sets(both: Both) -> None:
    tree, c = both("""
def keys(x, add):
    found = []
    for k in x:
        found.append(k)
        if add:
            if isinstance(x, dict):
                x[len(x) + 10] = 1
            else:
                x.add(len(x) + 10)
    return found

def entries(dict x, add):
    found = []
    for k, v in x.items():
        found.append((k, v))
        if add:
            del x[k]
    for v in x.values():
        found.append(v)
    for item in x.items():
        found.append(item)
    return found

def of_set(set x, add):
    return keys(x, add) + [v for v in x]
""")
    for add in (False, True):
        assert outcome(tree.entries, {1: 2, 3: 4}, add) == outcome(c.entries, {1: 2, 3: 4}, add)
        assert outcome(tree.keys, {1: 2, 3: 4}, add) == outcome(c.keys, {1: 2, 3: 4}, add)
        assert outcome(tree.of_set, {1, 2}, add) == outcome(c.of_set, {1, 2}, add)
    for value in (None, {}, {1: {}}):
        assert outcome(tree.entries, value, False) == outcome(c.entries, value, False)


def test_constants_that_are_kept(both: Both) -> None:
    tree, c = both("""
def sliced(x):
    return x[1:3], x[:2], x[::2], x[-2:]

def looked_up(x):
    return sum(x), sorted(x), hash("a") == hash("a"), id(x) == id(x), min(x)

def defaults(a, b=2, c=3):
    return a, b, c
""")
    for value in ("abcd", [1, 2, 3, 4], (1, 2, 3), b"abcd", range(9), None, 3):
        for _ in range(2):
            assert outcome(tree.sliced, value) == outcome(c.sliced, value)
    for _ in range(2):
        assert outcome(tree.looked_up, [3, 1]) == outcome(c.looked_up, [3, 1])
    for args in ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)):
        assert outcome(tree.defaults, *args) == outcome(c.defaults, *args)
    assert outcome(lambda: tree.defaults(1, c=5)) == outcome(lambda: c.defaults(1, c=5))
    assert outcome(lambda: tree.defaults(1, d=5)) == outcome(lambda: c.defaults(1, d=5))
    assert outcome(lambda: tree.defaults(b=5)) == outcome(lambda: c.defaults(b=5))


def test_generators_over_iterators(both: Both) -> None:
    tree, c = both("""
def over(x):
    y = yield from x
    yield y

def nested(x):
    yield from over(x)
""")

    class Other:
        def __init__(self) -> None:
            self.left = 3

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> int:
            self.left -= 1
            if not self.left:
                raise StopIteration("end")
            return self.left

        def send(self, value: Any) -> Any:
            return value

    for name in ("over", "nested"):
        for make in (lambda: [1, 2], lambda: Other(), lambda: (i for i in range(3)), lambda: None):
            assert outcome(lambda f, m: list(f(m())), getattr(tree, name), make) == \
                outcome(lambda f, m: list(f(m())), getattr(c, name), make)  # fmt: skip
        generator, stock = (getattr(module, name)(Other()) for module in (tree, c))
        assert next(generator) == next(stock)
        assert outcome(generator.send, "sent") == outcome(stock.send, "sent")
        running = getattr(tree, name)
        loop: list[Any] = []

        def again(loop: list[Any] = loop) -> Any:
            yield 1
            yield outcome(next, loop[0])

        loop.append(running(again()))
        assert next(loop[0]) == 1
        assert next(loop[0])[0] is ValueError
