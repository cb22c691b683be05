"""Extension types, fused methods and memoryviews in objects by the tree route, beside the C route."""

from __future__ import annotations

import array
import copy
import gc
import itertools
import sys
import textwrap

import pytest

from conftest import Both, outcome


def test_memoryviews_are_fields_and_give_their_memory_back(both: Both) -> None:
    text = """
        cdef class Holder:
            cdef double[:] view
            cdef public object other
            def __init__(self, data=None):
                if data is not None: self.view = data
            def item(self, int i): return self.view[i]
            def part(self): return list(self.view[1:])
            def swap(self, Holder other): self.view, other.view = other.view, self.view
            def whole(self): return self.view

        cdef Holder made(data): return Holder(data)

        def of_a_temporary(data): return made(data).view[0]
        def set_temporary(data): made(data).view = data
        def total(double[:] view):
            def inner(): return sum([view[i] for i in range(view.shape[0])])
            return inner
        def items(double[:] view):
            for i in range(view.shape[0]):
                yield view[i]
        def kept(data):
            cdef double[:] view = data
            def change(): view[0] += 1; return view[0]
            return change
    """
    for module in both(textwrap.dedent(text)):
        data = array.array("d", [1, 2, 3])
        before = sys.getrefcount(data)
        holder, second = module.Holder(data), module.Holder(array.array("d", [9]))
        assert (holder.item(1), holder.part()) == (2, [2, 3])
        holder.swap(second)
        assert (holder.item(0), second.item(0)) == (9, 1)
        assert outcome(module.Holder().item, 0) == (AttributeError, "Memoryview is not initialized")
        assert list(second.whole()) == [1, 2, 3]
        assert module.of_a_temporary(data) == 1
        module.set_temporary(data)
        assert module.total(data)() == 6
        assert list(module.items(data)) == [1, 2, 3]
        left = module.items(data)
        next(left)
        change = module.kept(data)
        assert (change(), change()) == (2, 3)
        holder.other = holder
        del holder, second, left, change
        gc.collect()
        assert sys.getrefcount(data) == before


def test_total_ordering_is_the_same_from_every_comparison(both: Both) -> None:
    text = ""
    names = ("lt", "le", "gt", "ge")
    signs = dict(zip(names, ("<", "<=", ">", ">="), strict=True))
    for name, equal in itertools.product(names, ("eq", "ne")):
        sign = {"eq": "==", "ne": "!="}[equal]
        text += f"""
@cython.total_ordering
cdef class {name}_{equal}:
    cdef object value
    def __init__(self, value): self.value = value
    def __{name}__(self, other):
        if not isinstance(other, {name}_{equal}): return NotImplemented
        return self.value {signs[name]} (<{name}_{equal}> other).value
    def __{equal}__(self, other):
        if not isinstance(other, {name}_{equal}): return NotImplemented
        return self.value {sign} (<{name}_{equal}> other).value
"""
    tree, c = both("cimport cython\n" + text)
    for name in (f"{name}_{equal}" for name in names for equal in ("eq", "ne")):
        for a, b in itertools.product((1, 2), repeat=2):
            for sign in ("<", "<=", ">", ">=", "==", "!="):
                kinds = [getattr(module, name) for module in (tree, c)]
                found = [eval(f"x {sign} y", {"x": kind(a), "y": kind(b)}) for kind in kinds]
                assert found[0] is found[1], (name, a, sign, b)
        for module in (tree, c):
            with pytest.raises(TypeError, match="'<' not supported"):
                _ = getattr(module, name)(1) < 3


def test_exceptions_are_types_of_arguments_and_bases(both: Both) -> None:
    text = """
        cdef class Failure(Exception):
            cdef public int code
            def __init__(self, code): self.code = code
        def take(OSError error): return error
        def take_exactly(Exception error not None): return error
        def value(error):
            cdef StopIteration stop = error
            stop.value = "new"
            return stop.value
        def fail(code): raise Failure(code)
    """
    tree, c = both(textwrap.dedent(text))
    for name, arg in [("take", FileNotFoundError(2)), ("take", None), ("take", KeyError(1)),
                      ("take_exactly", KeyError(2)), ("take_exactly", None), ("take_exactly", 3),
                      ("value", StopIteration("old")), ("value", KeyError(3))]:  # fmt: skip
        assert outcome(getattr(tree, name), arg) == outcome(getattr(c, name), arg), (name, arg)
    for module in (tree, c):
        with pytest.raises(module.Failure) as caught:
            module.fail(7)
        assert caught.value.code == 7


def test_fused_methods_pick_their_specialisation(both: Both) -> None:
    text = """
        cimport cython
        ctypedef fused number:
            int
            double
        cdef class Maker:
            cpdef str kind(self, number x): return cython.typeof(x)
            def both(self, number x, number y): return cython.typeof(x), x + y
            @staticmethod
            def plain(number x): return cython.typeof(x)
        def through(Maker maker, x): return maker.kind(<double> x)
    """
    tree, c = both(textwrap.dedent(text))
    for name, args in [("kind", (1,)), ("kind", (1.5,)), ("kind", ("x",)), ("both", (1, 2)),
                       ("both", (1.5, 2.0)), ("both", (1,)), ("plain", (2,)), ("plain", (2.5,))]:  # fmt: skip
        found = [outcome(getattr(module.Maker(), name), *args) for module in (tree, c)]
        assert found[0] == found[1], (name, args)
    for module in (tree, c):

        class Other(module.Maker):
            def kind(self, x):
                return "overridden"

        assert module.through(Other(), 1) == "overridden"
        assert module.through(module.Maker(), 1) == "double"
        assert module.Maker.kind["int"](module.Maker(), 3) == "int"


def test_c_methods_of_numbers_and_builtins(both: Both) -> None:
    text = """
        def conjugates(double x, double complex z, int n):
            return x.conjugate(), z.conjugate(), n.conjugate()
        def bound(list items):
            cdef set seen = set(items)
            add = seen.add
            for item in items: add(-item)
            seen.clear
            return sorted(seen)
        def popped(list items, i): return items.pop(i)
        cdef class Plain:
            cdef public int number
        def made():
            cdef Plain plain = Plain.__new__(Plain)
            plain.number = 3
            return plain.number, type(plain) is Plain
        def char_of(bytes text):
            cdef char c
            return [c in b"abc" or c == c"\\xe9" for c in text]
        def squares(int n):
            return list(x * x for x in [n, n + 1, n + 2])
    """
    tree, c = both(textwrap.dedent(text))
    calls = [("conjugates", (1.5, 2 + 3j, 4)), ("bound", ([1, 2],)), ("popped", ([1, 2, 3], 0)),
             ("popped", ([1], 5)), ("made", ()), ("char_of", (b"az\xe9",)), ("squares", (2,))]  # fmt: skip
    for name, args in calls:
        found = [outcome(getattr(module, name), *copy.deepcopy(args)) for module in (tree, c)]
        assert found[0] == found[1], (name, args)
