"""Types of C's headers that are declared as something else, and C types beyond the usual ones."""

from __future__ import annotations

import re
import textwrap

import pytest

from conftest import Both, outcome
from test_tree_integers import HEAD, TYPES, Expressions, compared

#: As declared, and as they are in C.
EXTERNAL = {"ALong": ("int", "long"), "AnInt": ("long", "int"), "AUShort": ("unsigned int", "unsigned short"),
            "AUInt": ("int", "unsigned int"), "AULong": ("short", "unsigned long"),
            "AUChar": ("unsigned long", "unsigned char"), "AnOdd": ("long long", "unsigned long long"),
            "AChar": ("long", "signed char")}  # fmt: skip
DECLARED = HEAD + "cdef extern from *:\n    '''\n" + "".join(
    f"    typedef {real} {name};\n" for name, (_, real) in EXTERNAL.items()) + "    '''\n" + "".join(
    f"    ctypedef {declared} {name}\n" for name, (declared, _) in EXTERNAL.items())  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_random_expressions_of_external_types(both: Both, seed: int) -> None:
    assert compared(both, DECLARED, Expressions(seed, [*EXTERNAL, *EXTERNAL, *TYPES])) > 300


def test_external_types_count_index_and_are_passed(both: Both) -> None:
    text = DECLARED + textwrap.dedent("""
    cdef AULong twice(AULong x, AUChar y) except? 7: return x * 2 + y
    cdef struct Pair:
        AUChar a
        AULong b
    def counted(AUShort n):
        cdef AUShort i
        cdef AUChar k
        cdef long total = 0
        for i in range(n): total += i
        for k from 3 <= k < n by 2: total += k
        for i in range(n, 2, -1): total -= 2 * i
        return total, i, k
    def indexed(AUChar i, ALong j, AChar k):
        cdef int[300] values
        cdef Py_ssize_t n
        for n in range(300): values[n] = n
        return values[i], values[j], values[k + 5], [1, 2, 3, 4][i & 3], "abcdef"[j & 3]
    def passed(x, y): return twice(x, y)
    def struct(x, y):
        cdef Pair p = Pair(x, y)
        p.a += 1
        p.b -= 1
        return p, sizeof(Pair), sizeof(p.b), sizeof(AUShort)
    def text(AUInt x, AUChar y): return f"{x} {y:5} {y}", "%d" % x, str(y)
    def closure(AUInt x):
        def inner(): return x + 1
        return inner()
    def generator(AUShort n):
        cdef AUShort i
        for i in range(n): yield i * 3
    def defaults(AUInt x=5, AUChar y=3, *, AULong z=2**63): return x - y, z
    def overflow(x, y):
        cdef AUShort r = x + y
        cdef AUInt s = x * y
        return r, s
    """)
    tree, c = both(text)
    calls = {"counted": [(0,), (5,), (20,), (70000,), (-1,)],
             "indexed": [(1, 2, 3), (255, 299, -5), (256, 0, 0)],
             "passed": [(3, 2), (2**63, 1), (0, 7), (-1, 0), (0, 256)],
             "struct": [(254, 0), (255, 2**64 - 1), (1.5, 1), ("x", 1)],
             "text": [(2**32 - 1, 255)], "closure": [(2**32 - 1,), (0,)], "defaults": [(), (1, 2), (-1,)],
             "overflow": [(65535, 0), (65535, 1), (2**16, 2**15), (None, 1)]}  # fmt: skip
    for name, arguments in calls.items():
        for given in arguments:
            ours, stock = (outcome(getattr(module, name), *given) for module in (tree, c))
            assert ours == stock, (name, given)
    assert list(tree.generator(4)) == list(c.generator(4)) == [0, 3, 6, 9]


def test_integers_of_128_bits(both: Both) -> None:
    text = textwrap.dedent("""
    cdef extern from *:
        ctypedef long long int128 "__int128_t"
        ctypedef unsigned long long uint128 "__uint128_t"
    cdef int128 add(int128 x, int128 y) except? -1: return x + y
    def signed(x, y): return add(x, y)
    def unsigned(uint128 x, uint128 y): return x * y, x - y, x // y, x % y, x >> 100, x << 3, x < y, x ^ y, ~x
    def powers(x, unsigned n):
        return <int128>(<int128>add(x, 0) ** <int128>n), <uint128>(<uint128>n ** <uint128>n)
    def low(uint128 x): return <unsigned long>x, <int>x, <double>x, <long long>(x >> 64)
    def product(unsigned long x, unsigned long y): return <unsigned long>((<uint128>x * y) >> 64)
    def array(x):
        cdef uint128 values[3]
        values[0] = values[1] = values[2] = x
        values[1] += 1
        return values[0], values[1], sizeof(values)
    """)
    tree, c = both(text)
    numbers = (0, 1, -1, 5, 2**63, 2**64 - 1, 2**64, 2**100 + 3, 2**126, 2**127 - 1, 2**127, 2**128 - 1,
               2**128, -(2**63), -(2**127), -(2**127) - 1, -(2**200), 1.5, "x", None, True)  # fmt: skip
    for x in numbers:
        for name in ("low", "array"):
            assert outcome(getattr(tree, name), x) == outcome(getattr(c, name), x), (name, x)
        for y in (1, 3, 2**64 + 1, -7):
            for name in ("signed", "unsigned", "product", "powers"):
                ours, stock = (outcome(getattr(module, name), x, y) for module in (tree, c))
                assert ours == stock, (name, x, y)
    assert tree.product(2**63, 6) == 3


def test_bool_of_c(both: Both) -> None:
    text = textwrap.dedent("""
    from libc.stdbool cimport bool
    cdef extern from *:
        '''
        typedef struct { _Bool on; int n; } Switch;
        static _Bool is_on(Switch s, _Bool also) { return s.on && also; }
        '''
        ctypedef struct Switch:
            bool on
            int n
        bool is_on(Switch s, bool also)
    cdef bool flip(bool x, error) except? 0:
        if error: raise ValueError(error)
        return not x
    def converted(bool x): return x
    def of_int(int n, double d):
        cdef bool x = n
        cdef bool y = <bool>d
        cdef bool[3] items = [n, 0, 7]
        return x, y, items[0] + items[1] + items[2], x + 1, sizeof(bool), x == True, not y, x and y, x or n
    def call(x, y, error=None): return flip(x, error), flip(flip(y, None), None)
    def member(x, bool also):
        cdef Switch s
        s.on = x
        s.n = 5
        return s.on, is_on(s, also), s.n
    def loop(bool stop):
        n = 0
        while not stop:
            n += 1
            stop = n > 3
        return n, stop
    """)
    tree, c = both(text)
    for x in (0, 1, 2, 256, -1, None, "", "x", [], 2**40):
        for name, more in (("converted", ()), ("call", (x,)), ("member", (x,)), ("loop", ())):
            ours, stock = (outcome(getattr(module, name), x, *more) for module in (tree, c))
            assert ours == stock, (name, x)
    for n in (0, 1, 2, 256, -1, 2**31 - 1):
        for d in (0.0, -0.0, 0.5, float("nan"), 256.0):
            assert tree.of_int(n, d) == c.of_int(n, d), (n, d)
    assert outcome(tree.call, 1, 1, "no") == outcome(c.call, 1, 1, "no") == (ValueError, "no")


def test_complex_integers(both: Both) -> None:
    # Of narrower ones, and of their parts, the C that Cython makes is not C.
    kinds = ("int", "long", "unsigned int", "long long")
    text = "cimport cython\n" + "".join(textwrap.dedent(f"""
    def arithmetic_{index}({kind} complex a, {kind} complex b):
        return -a, a + b, a - b, a * b, a == b, a != b, +a
    def quotient_{index}({kind} complex a, {kind} complex b): return a / b, b / a
    def truth_{index}({kind} complex a): return bool(a), a.conjugate()
    def mixed_{index}({kind} complex a, {kind} b, double c):
        return a + b, a * c, <double complex>a, <{kind} complex>c
    def items_{index}({kind} complex z):
        cdef {kind} complex[2] items = [z, z + 1]
        return z, items[1], sizeof(z)
    """) for index, kind in enumerate(kinds))  # fmt: skip
    tree, c = both(text)
    numbers = (0, 1, 3 - 4j, 2j, -7 + 1j, 100.9 - 3.9j, 200 + 100j, True, "x")
    for index in range(len(kinds)):
        for x in numbers:
            calls = [(f"truth_{index}", (x,)), (f"mixed_{index}", (x, 3, 2.5)), (f"items_{index}", (x,))]
            calls += [(f"{name}_{index}", (x, y)) for name in ("arithmetic", "quotient") for y in numbers]
            for name, given in calls:
                if "unsigned" in kinds[index] and "-" in repr(given):
                    continue  # C leaves open what a negative floating-point number becomes
                ours, stock = (repr(outcome(getattr(module, name), *given)) for module in (tree, c))
                assert ours == stock, (kinds[index], name, given)


def test_wide_text(both: Both) -> None:
    text = textwrap.dedent("""
    cdef Py_UNICODE* literal = u"a\u1234\U00020000"
    cdef Py_UNICODE* nothing = u""
    def constants(): return literal, nothing, literal[1:], literal[:2], literal[1:3], len(literal), literal[1]
    def array(str text):
        cdef Py_UNICODE[8] items
        cdef Py_UNICODE* p = text
        n = 0
        while p[n] and n < 7:
            items[n] = p[n]
            n += 1
        items[n] = 0
        return items, items[:n], items[1:n], len(items), p[:n]
    def given(Py_UNICODE* p): return p, p[0], p == None
    """)
    tree, c = both(text)
    assert outcome(tree.constants) == outcome(c.constants)
    for word in ("", "a", "\u20ac\U0001f600x", "abcdefg", None, 1, b"x"):
        for name in ("array", "given"):
            assert outcome(getattr(tree, name), word) == outcome(getattr(c, name), word), (name, word)


def test_fused_functions_of_classes_under_other_names(both: Both) -> None:
    text = textwrap.dedent("""
    cimport cython
    cdef class First: pass
    cdef class Second: pass
    ctypedef First Other
    ctypedef fused Either:
        Other
        Second
        int
    def which(Either x): return cython.typeof(x), type(x).__name__
    def typed(Other x, Second y not None): return x is None, y
    def test(cython.floating x=2.0): return x
    def codes(): return test.__code__ is test[float].__code__, test.__code__ == test[float].__code__
    def make(): return First(), Second()
    """)
    tree, c = both(text)
    ours, stock = tree.make(), c.make()
    for index in range(2):
        assert tree.which(ours[index]) == c.which(stock[index])
    assert tree.which(3) == c.which(3)
    for one, other in zip(((None, ours[1]), (ours[1], ours[1]), (ours[0], None)),
                          ((None, stock[1]), (stock[1], stock[1]), (stock[0], None)), strict=True):  # fmt: skip
        results = [repr(outcome(tree.typed, *one)), repr(outcome(c.typed, *other))]
        results = [re.sub(r"both_\d+_(tree|c)\.| at 0x\w+", "", result) for result in results]
        assert results[0] == results[1]
    assert tree.codes() == c.codes()
    assert tree.codes()[0] is False
