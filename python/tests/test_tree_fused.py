"""Calls of functions of fused types: what is remembered of them must not show."""

from __future__ import annotations

import array
import gc
import itertools
import sys
from typing import Any

import numpy as np
import pytest

from conftest import Both, outcome
from cython_llvm import cachefill

SOURCE = """
cimport cython
ctypedef fused number:
    int
    double
ctypedef fused anything:
    long
    double
    str
    list
    object
ctypedef fused view:
    double[:]
    float[:, :]
    const long[::1]
    int
ctypedef fused only:
    double

cdef class Ext:
    def method(self, number a, b=2, *, c=3):
        return cython.typeof(a), a, b, c
    @staticmethod
    def static(number a, number b):
        return cython.typeof(a), a, b
    cpdef both(self, number a):
        return cython.typeof(a)
    def get(self):
        return type(self).__name__

ctypedef fused kinds:
    Ext
    dict
    bytes
    object

def two(number a, number b):
    return cython.typeof(a), a, b
def mixed(number a, anything b):
    return cython.typeof(a), cython.typeof(b)
def one(anything a):
    return cython.typeof(a), a
def defaulted(number a, number b=7, c=None):
    return cython.typeof(a), a, b, c
def starred(number a, *args, **kwargs):
    return cython.typeof(a), a, args, kwargs
def viewed(view a):
    return cython.typeof(a)
def views(view a, number b):
    return cython.typeof(a), cython.typeof(b)
def single(only a, number b):
    return cython.typeof(a), a, cython.typeof(b)
def kind(kinds a, number b=0):
    return cython.typeof(a), cython.typeof(b)
cpdef cp(number a, x=1):
    return cython.typeof(a), a, x
def raises(number a):
    raise ValueError(a)
class Plain:
    def method(self, number a, b=2):
        return type(self).__name__, cython.typeof(a), a, b
    @staticmethod
    def static(number a):
        return cython.typeof(a), a
    @classmethod
    def klass(cls, number a):
        return cls.__name__, cython.typeof(a), a
"""


class Int(int):
    pass


class Liar:
    @property
    def __class__(self) -> Any:
        return self.kind

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __int__(self) -> int:
        return 5

    __index__ = __int__

    def __float__(self) -> float:
        return 5.5


def plain_names(found: Any, module: Any) -> str:
    """As text, without the module's name."""
    name = module.__name__
    return str(found).replace(f"{len(name)}{name}", "m").replace(name, "m")


def values() -> list[Any]:
    base = np.zeros((4, 4))
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    return [
        1,
        2.5,
        True,
        "x",
        None,
        [1],
        (1,),
        {},
        b"b",
        2**40,
        -(2**70),
        1j,
        Int(3),
        Liar(int),
        Liar(float),
        1,
        np.float64(2),
        np.int32(2),
        np.float32(2),
        np.complex128(1j),
        np.bool_(True),
        np.longdouble(2),
        np.datetime64("2020-01-01"),
        np.str_("s"),
        np.zeros(3),
        fixed,
        np.zeros(3, "f4"),
        np.zeros((2, 2), "f4"),
        base,
        base[0],
        base[:, 0],
        np.zeros(3, int),
        np.zeros(6, int)[::2],
        np.zeros(3, ">f8"),
        np.zeros(()),
        np.zeros(3, object),
        np.zeros((2, 2), "f4").T,
        array.array("d", [1]),
        array.array("l", [1]),
        memoryview(b"abc"),
        bytearray(b"x"),
        object(),
        int,
        1.5,
        "y",
    ]


def told(function: Any, *args: Any, **kwargs: Any) -> str:
    """The outcome as text, without addresses."""
    found = repr(outcome(function, *args, **kwargs))
    return found if " at 0x" not in found else found.split(" at 0x")[0]


@pytest.mark.filterwarnings("ignore")
def test_calls_find_what_cython_finds(both: Both) -> None:
    tree, c = both(SOURCE)
    given = values()
    for name in ("one", "viewed", "raises", "defaulted", "starred", "kind", "cp", "two"):
        for _ in range(2):
            for value in given:
                assert told(getattr(tree, name), value) == told(getattr(c, name), value), (
                    name,
                    value,
                )
    pairs = list(itertools.product(given, given))
    for name in ("two", "mixed", "views", "single", "defaulted", "starred", "kind"):
        for a, b in pairs:
            assert told(getattr(tree, name), a, b) == told(getattr(c, name), a, b), (name, a, b)
    results = []
    for module in (tree, c):
        found = []
        ext, plain = module.Ext(), module.Plain()
        for function in (
            module.two,
            module.defaulted,
            module.starred,
            module.cp,
            ext.method,
            module.Ext.method,
            module.Ext.static,
            ext.static,
            ext.both,
            plain.method,
            module.Plain.method,
            plain.static,
            module.Plain.static,
            plain.klass,
            module.Plain.klass,
        ):
            for _ in range(3):
                for args in (
                    (),
                    (1,),
                    (1, 2),
                    (1.5, 2),
                    (2, 1.5, 3),
                    (ext, 1),
                    (ext, 2.5),
                    (plain, 1),
                    (plain, 2.5, 3),
                    ("a",),
                    (1, "b"),
                    (1, 2, 3, 4, 5, 6, 7, 8),
                ):
                    found.append(told(function, *args))
                    found.append(told(function, *args, b=4))
                    found.append(told(function, *args, a=4.5))
                    found.append(told(function, *args, c=8))
                    found.append(told(function, *args, nothing=8))
        found.append(told(module.kind, module.Ext()).replace(module.__name__, ""))
        results.append([plain_names(one, module) for one in found])
    assert results[0] == results[1]


def test_indexing_and_attributes_are_those_of_cython(both: Both) -> None:
    results = []
    for module in both(SOURCE):
        found: list[Any] = []
        ext, plain = module.Ext(), module.Plain()
        for function in (
            module.two,
            module.defaulted,
            module.cp,
            ext.method,
            module.Ext.method,
            module.Ext.static,
            ext.static,
            plain.method,
            module.Plain.method,
            plain.klass,
            module.Plain.static,
        ):
            for index in (int, float, "int", "double", ("int",), ["int"], "no", 3, (int, int), ()):
                try:
                    chosen = function[index]
                except Exception as error:
                    found.append((type(error), str(error)))
                    continue
                found += [
                    told(chosen, *args)
                    for args in ((1,), (2.5,), (1, 2), (), (ext, 1), (plain, 2.5), ("x",))
                ]
                found += [
                    told(chosen, a=1),
                    told(chosen, 1, b=2),
                    chosen.__name__,
                    type(chosen).__name__,
                ]
                found.append(told(lambda chosen=chosen: chosen["int"]))
            found += [
                function.__name__,
                function.__qualname__,
                function.__doc__,
                sorted(function.__signatures__),
                type(function).__name__,
                type(function).__mro__[1].__name__,
                callable(function),
                getattr(function, "__self__", None) is None,
                function.__module__,
                type(function.__signatures__).__name__,
                function.__defaults__,
            ]
        found.append(told(module.mixed["int", "str"], 1, "a"))
        found.append(told(module.mixed["int|str"], 1, 3))
        results.append([plain_names(one, module) for one in found])
    assert results[0] == results[1]


def fused_functions() -> int:
    return sum(type(one).__name__ == "fused_cython_function" for one in gc.get_objects())


def test_nothing_is_leaked(both: Both) -> None:
    tree, _ = both(SOURCE)
    cachefill.wait_for_cache()
    gc.collect()
    functions = fused_functions()
    data, word = np.zeros(3), "some word"
    before = (
        sys.getrefcount(data),
        sys.getrefcount(word),
        sys.getrefcount(tree.one),
        sys.getrefcount(None),
    )
    for n in range(3000):
        tree.viewed(data)
        tree.one(word)
        tree.one(n)
        outcome(tree.raises, 2.5)
        outcome(tree.two, word, 1)
        outcome(tree.viewed, word)
        tree.Plain().method(2)
    gc.collect()
    after = (
        sys.getrefcount(data),
        sys.getrefcount(word),
        sys.getrefcount(tree.one),
        sys.getrefcount(None),
    )
    assert all(abs(a - b) < 20 for a, b in zip(before, after, strict=True)), (before, after)
    assert fused_functions() == functions


def test_more_types_than_are_remembered_apart(both: Both) -> None:
    """All pairs of types, several times over: more than there are places for."""
    modules = both(SOURCE)
    values = [1, 2.5, "x", [1], (2,), {3: 4}, None, b"y", True, {5}, modules[0].Ext, np.float64(3), range(3),
              2**70]  # fmt: skip
    for _ in range(3):
        for a, b in itertools.product(values, repeat=2):
            results = [[outcome(m.mixed, a, b), outcome(m.one, b), outcome(m.kind, a)] for m in modules]
            assert results[0] == results[1], (a, b)
    tree = modules[0]
    cachefill.wait_for_cache()
    gc.collect()
    before = [sys.getrefcount(tree.one.__signatures__[key]) for key in tree.one.__signatures__]
    for _ in range(50):
        for value in values:
            outcome(tree.one, value)
    after = [sys.getrefcount(tree.one.__signatures__[key]) for key in tree.one.__signatures__]
    assert before == after
