"""Statements, calls and directives by the tree route, beside the C route's answers."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from conftest import Both, outcome

MATCH = """
class Point:
    __match_args__ = ("x", "y")
    def __init__(self, x, y):
        self.x = x
        self.y = y

def kind(subject):
    match subject:
        case 1 | 2:
            return "small"
        case [7]:
            return "seven"
        case [first, *rest] if first != 0:
            return "list", first, rest
        case [_, [inner] | (_, inner)]:
            return "nested", inner
        case {"a": 1, **others}:
            return "a is 1", others
        case {"a": value, "b": _}:
            return "a and b", value
        case Point(0, y=other):
            return "on the axis", other
        case Point(x, y) as point if x == y:
            return "diagonal", type(point).__name__
        case str() | bytes():
            return "text"
        case float(number):
            return "number", number
        case None:
            return "nothing"
        case _:
            return "other"

def typed(int number):
    match number:
        case 1: return "one"
        case 2 | 3: return "some"
        case _: return "many"
"""


def test_patterns_match_the_same(both: Both) -> None:
    tree, c = both(MATCH)
    subjects: list[Any] = [1, 2, 3, True, [7], [1], [1, 2, 3], (4, 5), [0, [9]], [0, (1, 9)], [0, 1], [],
                           {"a": 1}, {"a": 1, "z": 2}, {"a": 5, "b": 6}, {}, "s", b"b", 1.5, None]  # fmt: skip
    for subject in subjects:
        assert tree.kind(subject) == c.kind(subject), subject
    for x, y in ((0, 5), (3, 3), (1, 2)):
        assert tree.kind(tree.Point(x, y)) == c.kind(c.Point(x, y)), (x, y)
    assert [tree.typed(n) for n in range(5)] == [c.typed(n) for n in range(5)]


def test_patterns_leave_reference_counts_alone(both: Both) -> None:
    tree, _ = both(MATCH)
    things = [object(), object()]
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(200):
        tree.kind(things)
        tree.kind([0, [things[0]]])
        tree.kind({"a": things[0], "b": things[1]})
        tree.kind({"a": 1, "c": things[1]})
        tree.kind(tree.Point(things[0], things[1]))
    assert [sys.getrefcount(thing) for thing in things] == before


CALLS = """
def star(*args): return args
def star_kw(*args, key=1): return args, key
def both_stars(*args, **kw): return args, kw
def only_kw(**kw): return kw
def nothing(): return 0
def one(x, /): return x
def plain(a, b=2): return a, b
def call_literal(f): return f(1, **{10: 20})
def call_computed(f, name, value): return f(1, **{name: value})
def call_mapping(f, mapping): return f(1, *(), **mapping)
def call_method(o, name): return o.update(**{name: 1})
"""


def test_calls_take_keywords_and_give_messages_the_same(both: Both) -> None:
    tree, c = both(CALLS)
    assert tree.star.__name__ == "star"
    for name in ("star", "star_kw", "both_stars", "only_kw", "nothing", "one", "plain"):
        f, g = getattr(tree, name), getattr(c, name)
        for args, kwargs in (((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), ((), {"x": 1}),
                             ((1,), {"key": 5}), ((1,), {"b": 5}), ((1,), {"a": 5})):  # fmt: skip
            assert outcome(f, *args, **kwargs) == outcome(g, *args, **kwargs), (name, args, kwargs)
        assert outcome(tree.call_literal, f) == outcome(c.call_literal, g), name
        for key in ("b", "key", 3, None):
            assert outcome(tree.call_computed, f, key, 4) == outcome(c.call_computed, g, key, 4), (name, key)
        for mapping in ({}, {"b": 1}, {1: 2}):
            there = outcome(c.call_mapping, g, mapping)
            assert outcome(tree.call_mapping, f, mapping) == there, (name, mapping)
    assert outcome(tree.call_method, {}, "a") == outcome(c.call_method, {}, "a")


def test_the_tuple_of_a_call_is_not_copied(both: Both) -> None:
    given = (object(), 1)
    for module in both(CALLS):
        assert module.star(*given) is given
        assert module.star_kw(*given)[0] is given
        assert module.both_stars(*given)[0] is given


def test_functions_without_binding_are_there(both: Both) -> None:
    tree, c = both("# cython: language_level=3, binding=False\ncpdef int twice(int x): return 2 * x\n")
    assert tree.twice(4) == c.twice(4) == 8
    assert type(tree.twice) is type(c.twice)
    assert outcome(tree.twice, "x") == outcome(c.twice, "x")


@pytest.mark.parametrize("encoding", ["ascii", "utf8"])
@pytest.mark.parametrize("kind", ["bytes", "str", "bytearray"])
def test_c_strings_are_converted_as_the_directives_say(both: Both, kind: str, encoding: str) -> None:
    tree, c = both(f"""# cython: language_level=3, c_string_type={kind}, c_string_encoding={encoding}
def out(char *text): return text
def part(char *text, int n): return text[:n]
def size(text):
    cdef char *address = text
    cdef int n = 0
    while address[n]: n += 1
    return n
""")
    for text in (b"abc", "abc", "a\xe9b", bytearray(b"xy"), 5):
        assert outcome(tree.out, text) == outcome(c.out, text), text
        assert outcome(tree.part, text, 2) == outcome(c.part, text, 2), text
        assert outcome(tree.size, text) == outcome(c.size, text), text


def test_a_profiler_is_told_the_same(both: Both) -> None:
    told = []
    for module in both("""# cython: language_level=3, profile=True
import cython
def f(x): return x + 1
cdef long g(long x) except? -1:
    if x > 5: raise ValueError(x)
    return x
cpdef h(x): return x
@cython.profile(False)
def quiet(x): return x
def no_value(x):
    y = x
class A:
    def m(self): return 1
def run():
    f(1); g(3)
    try: g(6)
    except ValueError: pass
    h(4); quiet(1); no_value(2); A().m()
    return "done"
"""):
        events: list[tuple[Any, ...]] = []

        def tell(frame: Any, event: str, arg: Any, events: list[tuple[Any, ...]] = events) -> None:
            if not event.startswith("c_"):
                events.append((event, frame.f_code.co_name, arg, frame.f_lineno))

        sys.setprofile(tell)
        try:
            module.run()
        finally:
            sys.setprofile(None)
        told.append(events)
    assert told[0] == told[1]
    assert ("return", "g", 3, 4) in told[0] and ("return", "g", None, 4) in told[0]


def test_constant_frozensets_are_one_object(both: Both) -> None:
    tree, c = both("""
def empty(): return frozenset(), frozenset(()), frozenset([])
def items(): return frozenset((1, "b", None, 1)), frozenset([None, 1, "b"]), frozenset(("b", 2))
""")
    for module in (tree, c):
        assert len({id(one) for one in module.empty()}) == 1
        one, same, other = module.items()
        assert one is same and other is not one
    assert tree.items() == c.items()
    assert importlib.import_module(tree.__name__) is tree


def test_assignments_to_many_targets_are_the_same(both: Both) -> None:
    tree, c = both("""
def numbers(a, b):
    cdef int i, j
    cdef long k, l
    i, j = k, l = x, y = z = [a, b]
    return i, j, k, l, x, y, z
def swap(a, b):
    a, b = c = b, a
    return a, b, c
def conjugates(double x, double complex z): return x.conjugate(), z.conjugate()
def exceptions(bint fatal):
    cdef Exception error = KeyError(1) if fatal else ValueError(2)
    return type(error)
""")
    for args in ((1, 2), (-1, 2**40), ("a", 1)):
        assert outcome(tree.numbers, *args) == outcome(c.numbers, *args), args
        assert tree.swap(*args) == c.swap(*args)
    assert tree.conjugates(1.5, 1 + 2j) == c.conjugates(1.5, 1 + 2j)
    assert tree.exceptions(True) is c.exceptions(True) and tree.exceptions(False) is c.exceptions(False)


def test_an_exception_is_released_when_its_clause_is_left_early(both: Both) -> None:
    for module in both("""
import weakref
class Thing: pass
def inner(thing): raise ValueError(thing)
def leave(how):
    thing = Thing()
    alive = weakref.ref(thing)
    for i in [0]:
        try:
            inner(thing)
        except ValueError:
            if how == "break": break
            continue
    thing = None
    return alive()
def fail():
    thing = Thing()
    alive = weakref.ref(thing)
    try:
        try: inner(thing)
        except ValueError: raise KeyError
    except KeyError as error: error.__context__ = None
    thing = None
    return alive()
def by_finally():
    thing = Thing()
    alive = weakref.ref(thing)
    for i in [0]:
        try: inner(thing)
        finally: break
    thing = None
    return alive()
"""):
        assert module.leave("break") is None and module.leave("continue") is None
        assert module.fail() is None and module.by_finally() is None


def test_defaults_and_results_of_float(both: Both) -> None:
    tree, c = both("""
cdef class Base:
    cpdef float nothing(self): return 0.0
    cpdef float default(self, float y=0.1): return y
class Derived(Base):
    def nothing(self): return 1.5
def calls(Base a):
    return a.nothing(), a.default(), a.default(2.5)
""")
    for module in (tree, c):
        assert module.calls(module.Base()) == (0.0, 0.10000000149011612, 2.5)
        assert module.calls(module.Derived()) == (1.5, 0.10000000149011612, 2.5)
    assert tree.Base().default() == c.Base().default()


def test_items_divided_and_shifted_in_place_as_in_c(both: Both) -> None:
    from array import array

    tree, c = both("""
cimport cython
@cython.cdivision(True)
def divide(int[:] a, unsigned char[:] b, long[:] c, unsigned int[:] d, short[:] e, long n):
    a[0] /= 2; a[1] %= 4; a[2] //= n
    b[0] /= 2; b[1] <<= 2; b[2] %= n
    c[0] >>= 2; c[1] /= 2; c[2] %= -4
    d[0] /= 2; d[1] >>= 3; d[2] /= n
    e[0] /= 2; e[1] <<= 9; e[2] >>= 1
    return a, b, c, d, e
""")
    values = [("i", [-7, 9, -9]), ("B", [200, 99, 7]), ("l", [-100, -7, 7]),
              ("I", [7, 4000000000, 4000000000]), ("h", [-5, 77, -3])]  # fmt: skip
    for n in (3, -2):
        found = []
        for module in (tree, c):
            arrays = [array(kind, items) for kind, items in values]
            module.divide(*arrays, n)
            found.append(arrays)
        assert found[0] == found[1]


def test_bytes_of_a_bytearray_are_checked_with_the_gil_and_wrap_without(both: Both) -> None:
    tree, c = both("""
def literal(bytearray b):
    b[0] = 256
def negative(bytearray b):
    b[0] = -1
def number(bytearray b, long n):
    b[1] = n
def small(bytearray b, signed char n):
    b[1] = n
def index(bytearray b, unsigned long at, int n):
    b[at] = n
def without(bytearray b, long n):
    with nogil:
        b[0] = 'x'
        b[1] = n
def outside(bytearray b, Py_ssize_t at):
    with nogil:
        b[at] = 1
""")
    for module in tree, c:
        assert outcome(module.literal, bytearray(2)) == outcome(module.negative, bytearray(2))
    for name, *more in [("literal",), ("negative",), ("number", 255), ("number", 256), ("number", -1),
                        ("small", -1), ("small", 5), ("index", 1, 7), ("index", 2**63 + 1, 7),
                        ("index", 5, 300), ("without", 513), ("without", -1), ("outside", 2),
                        ("outside", -2), ("outside", -3)]:  # fmt: skip
        found = []
        for module in tree, c:
            array = bytearray(b"ab")
            found.append((outcome(getattr(module, name), array, *more), array))
        assert found[0] == found[1], (name, more)


def test_items_go_by_unsigned_indexes_beyond_what_objects_have(both: Both) -> None:
    tree, c = both("def delete(o, unsigned long at):\n    del o[at]\n    return o\n")
    for index in (0, 2, 2**63 + 2, 2**64 - 1):
        for make in (lambda: {0: 1, 2**63 + 2: 3, 2**64 - 1: 4}, lambda: [1, 2]):
            assert outcome(tree.delete, make(), index) == outcome(c.delete, make(), index), index


def test_arguments_of_functions_that_take_the_gil_outlive_what_they_came_from(both: Both) -> None:
    tree, c = both("""
cdef class Owner:
    cdef object x
cdef object seen = None
cdef void replace(Owner owner, x) noexcept with gil:
    global seen
    owner.x = None
    seen = x + "!"
cdef void default(Owner owner, x=None) noexcept with gil:
    global seen
    owner.x = None
    seen = x + "?"
def f(text):
    owner = Owner()
    owner.x = "".join(["<", text, ">"])
    with nogil:
        replace(owner, owner.x)
    owner.x = "".join(["(", text, ")"])
    one = seen
    with nogil:
        default(owner, owner.x)
    return one, seen
""")
    assert tree.f("a") == c.f("a") == ("<a>!", "(a)?")


def test_c_arrays_of_module_level_last(both: Both) -> None:
    tree, c = both("""
ctypedef struct Pair:
    int a
    int b
cdef int one = 1
cdef int *numbers = [4, one, -1]
cdef Pair *pairs = [[1, one], [one + 1, 3]]
cdef char text[5]
text[0:5] = [97, 98, 99, 100, 0]
cdef char **names = [b"a", b"bc"]
def f(): return numbers[0], numbers[1], numbers[2], pairs[1].a, pairs[1].b, <bytes> text, <bytes> names[1]
""")
    assert tree.f() == c.f() == (4, 1, -1, 2, 3, b"abcd", b"bc")


def test_template_strings(both: Both) -> None:
    tree, c = both("""
def f(a, b, width):
    t = t"x{a}{b!r:>{width}}y{a + 1 = }z"
    return t.strings, [(i.value, i.expression, i.conversion, i.format_spec) for i in t.interpolations]
def empty(): return t"".strings, t"".interpolations
def fails(a): return t"{a.nothing}"
""")
    assert tree.f(1, "b", 5) == c.f(1, "b", 5)
    assert tree.empty() == c.empty() == (("",), ())
    assert outcome(tree.fails, 1) == outcome(c.fails, 1)


def test_numbers_are_aligned_to_the_right_on_demand(both: Both) -> None:
    tree, c = both("def f(int n): return f'{n:>8}|{n:>08x}|{n:-3}|{n:>5d}'\n")
    assert tree.f(-42) == c.f(-42) and tree.f(7) == c.f(7)
