"""Integers as C computes them: literals are `int`, promotions, the usual arithmetic conversions."""

from __future__ import annotations

import random
import re
import textwrap

import pytest

from conftest import Both, outcome

TYPES = ["signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long",
         "unsigned long", "long long", "unsigned long long", "Py_ssize_t", "size_t", "bint",
         "Small"]  # fmt: skip
LITERALS = ["1", "2", "10", "255", "-1", "-5", "0x7fffffff", "2147483647", "-2147483647", "0o17", "0b1010",
            "16777619", "1000000007", "5U", "7L", "3LL", "9UL", "31"]  # fmt: skip
VALUES = [0, 1, 2, 3, 10, 100, -1, -100, 127, 255, 30000, 65535, 2**31 - 1, -(2**31), 2**31 + 5,
          2**32 - 1, 2**63 - 1]  # fmt: skip
ENUM = re.compile(r"\d+both_\d_\w+_Enum")
HEAD = """
cimport cython
cdef enum Enum:
    ONE = 1
    MANY = 70000
ctypedef unsigned short Small
"""


class Expressions:
    """Random expressions of integers x, y, z."""

    def __init__(self, seed: int, types: list[str] = TYPES) -> None:
        self.random = random.Random(seed)
        self.types = types

    def number(self, depth: int) -> str:
        pick = self.random.choice
        if depth == 0 or self.random.random() < 0.15:
            return pick(["x", "y", "z", pick(LITERALS)])
        x, y = self.number(depth - 1), self.number(depth - 1)
        # Types that C has otherwise than declared: a division may end the process.
        divisor = y if self.types is TYPES else pick(["3", "7"])
        return pick([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"({x} & {y})", f"({x} | {y})",
            f"({x} ^ {y})", f"({x} << ({y} & 7))", f"({x} >> ({y} & 7))", f"(-({x}))", f"(~{x})",
            f"({x} // {divisor})", f"({x} % {divisor})", f"<{pick(self.types)}>({x})",
            f"({x} if {self.truth(depth - 1)} else {y})", f"({self.truth(depth - 1)})",
            f"max({x}, {y})", f"({x} - 10)", f"({x} + 1)", f"({x} * 31)"])  # fmt: skip

    def truth(self, depth: int) -> str:
        operator = self.random.choice(["<", "<=", ">", ">=", "==", "!="])
        return f"{self.number(depth)} {operator} {self.number(depth)}"

    def function(self, name: str) -> str:
        pick = self.random.choice
        first, second, third = pick(self.types), pick([*self.types, "Enum"]), pick([*self.types, "Enum"])
        end = pick([
            f"return {self.number(3)}", f"return {self.truth(2)}",
            f"cdef double d = {self.number(2)}\n    return d",
            f"cdef {pick(self.types)} n = {self.number(3)}\n    return n, n + 1",
            f"x {pick('+-*&|^')}= {self.number(2)}\n    return x",
            f"if {self.number(2)}: return 1\n    return {self.number(2)} / 3.0",
            f"if {self.number(2)} == 5: return 1\n    elif z == 3 or z == -1: return 2\n"
            f"    elif z == 255: return 4\n    else: return 3"])  # fmt: skip
        decorator = "@cython.cdivision(True)\n" if pick([0, 0, 1]) else ""
        if decorator:
            # What C leaves undefined.
            end = end.replace("// y", "// 3").replace("% y", "% 7").replace("//", "+").replace("%", "-")
        return f"{decorator}def {name}({first} x, {second} y, {third} z):\n    {end}\n"


@pytest.mark.parametrize("seed", range(3))
def test_random_expressions_are_those_of_c(both: Both, seed: int) -> None:
    assert compared(both, HEAD, Expressions(seed)) > 300


def compared(both: Both, head: str, made: Expressions) -> int:
    """Random functions by both routes; how often there was a result."""
    names = [f"f{index}" for index in range(60)]
    functions = {name: made.function(name) for name in names}
    tree, c = both(head + "\n".join(functions.values()))
    count = 0
    for name in names:
        for _ in range(30):
            arguments = [made.random.choice(VALUES) for _ in range(3)]
            # The names of enums have the module's in them.
            ours, stock = (ENUM.sub("Enum", repr(outcome(getattr(module, name), *arguments)))
                           for module in (tree, c))  # fmt: skip
            assert ours == stock, (name, arguments, functions[name])
            count += "Error" not in stock
    return count


def test_unsigned_integers_and_literals_wrap_in_32_bits(both: Both) -> None:
    text = """
    def hashed(bytes text):
        cdef unsigned int h = 2166136261
        cdef unsigned char c
        for c in text: h = (h ^ c) * 16777619
        return (h * 16777619) % 1000, (h * 31) >> 3, h - 10 < 0, h + 2147483647
    def below(unsigned int n): return n - 10, n - 10 < 0, n - 10 > 5, -5 < n, -n
    def wraps(int x): return x + 1, x * 2 > x, x << 1, (x + 1) // 2
    def divided(unsigned int n): return (n - 10) // 2, (n - 10) % 7
    def quotient(unsigned int n):
        with_c = (n - 10) / 3.0
        return with_c, <double>(n - 10), <long>(n - 10), <int>(n - 10)
    def mixed(unsigned long u, long long s):
        return u + s, (u + s) // 2, (u + s) >> 1, u + s < 0, <double>(u + s)
    def cases(unsigned int n):
        if n - 10 == 1: return "one"
        elif n - 10 == 4294967295: return "all"
        return "none"
    def stored(unsigned int n):
        return max(n - 10, 5), 1 < n - 10 < 100, abs(n - 10), (n - 10) ** 2, (n - 10) or 5, [1, 2, 3][n - 10]
    """
    tree, c = both(textwrap.dedent(text))
    for name, arguments in {
        "hashed": (b"", b"hello"), "below": (0, 3, 10, 2**32 - 1), "wraps": (2**31 - 1, 5, -(2**31)),
        "divided": (3, 20), "quotient": (3, 20), "cases": (9, 11, 12), "stored": (3, 11)}.items():  # fmt: skip
        for argument in arguments:
            ours, stock = (outcome(getattr(module, name), argument) for module in (tree, c))
            assert ours == stock, (name, argument)
    for arguments in ((1, -5), (2**63, 2), (0, -1)):
        assert tree.mixed(*arguments) == c.mixed(*arguments)
    # What gcc makes of them.
    assert tree.below(3)[:4] == (4294967289, False, True, True)
    assert tree.wraps(2**31 - 1)[0] == -(2**31)


def test_unsigned_indices_delete(both: Both) -> None:
    text = "def f(list x, size_t i):\n    del x[i]\n    return x\n"
    tree, c = both(text)
    for index in (0, 2, 3, 2**63, 2**64 - 1):
        assert outcome(tree.f, [1, 2, 3], index) == outcome(c.f, [1, 2, 3], index)


def test_methods_of_values_that_are_never_none(both: Both) -> None:
    """Cython drops the check of a variable when it knows it in full, but not in what refers to the check."""
    text = """
def f(long n):
    cdef list items = []
    for i in range(2):
        items.extend(tuple(c for c in range(3) if n == 1))
        items = ([n] + items)[n:7]
    return items
"""
    tree, c = both(text)
    assert tree.f(1) == c.f(1) == [0, 1, 2, 0, 1, 2]


def test_numbers_that_are_looked_for_in_bytes_become_chars(both: Both) -> None:
    text = """
def in_bytes(Py_ssize_t i, bytes o): return i in o, i not in o
def in_bytearray(Py_ssize_t i, bytearray o): return i in o, i not in o
def int_in_bytearray(int i, bytearray o): return i in o
def byte_in_bytearray(unsigned char i, bytearray o): return i in o
def big_in_bytes(unsigned long long i, bytes o): return i in o
"""
    tree, c = both(text)
    for data in (b"", b"abc", bytes(range(256)), None):
        for number in (0, 97, 200, 255, 256 + 97, -1, 1 << 40):
            for name in ("in_bytes", "in_bytearray", "int_in_bytearray", "byte_in_bytearray", "big_in_bytes"):
                given = bytearray(data) if "array" in name and data is not None else data
                ours, stock = (outcome(getattr(module, name), number, given) for module in (tree, c))
                assert ours == stock, (name, number, data)
