"""Structs by value by the tree route: passed to and from C and other modules as C does it."""

from __future__ import annotations

import array
import random
import sys
import textwrap

import pytest

from conftest import ROUTE_PAIRS, Both, Sharing, outcome

#: Members of structs, some of which share eight bytes, are large, or leave a gap.
SHAPES = [
    "d", "dd", "ddd", "f", "ff", "fff", "ffff", "fd", "df", "i", "ii", "iii", "iiii", "iiiii", "b", "bb",
    "bh", "bi", "bd", "db", "if", "fi", "ffi", "iff", "dq", "qd", "qq", "qqq", "p", "pd", "bhiq",
    "hhhhf", "bbbbbbbbb",
]  # fmt: skip
NAMES = {"d": "double", "f": "float", "i": "int", "b": "signed char", "h": "short", "q": "long long",
         "p": "size_t"}  # fmt: skip


def callbacks(shapes: list[str], seed: int) -> tuple[str, int]:
    """A module in which C calls functions of Cython's with structs among other arguments, and back."""
    chance = random.Random(seed)
    verbatim, declared, bodies, calls = [], [], [], []
    for shape in shapes:
        fields = [(NAMES[kind], f"m{n}") for n, kind in enumerate(shape)]
        verbatim.append(f"typedef struct {{ {' '.join(f'{t} {n};' for t, n in fields)} }} S{shape};")
        declared.append(f"    ctypedef struct S{shape}:")
        declared += [f"        {kind} {name}" for kind, name in fields]
    for number in range(len(shapes) * 2):
        shape = shapes[number % len(shapes)]
        others = [chance.choice(["d", "i", "f", "q", *(f"S{s}" for s in shapes)])
                  for _ in range(chance.randrange(0, 9))]  # fmt: skip
        args = [*others, f"S{shape}"]
        chance.shuffle(args)
        c_types = [NAMES.get(arg, arg) for arg in args]
        names = [f"a{n}" for n in range(len(args))]
        params = ", ".join(f"{t} {n}" for t, n in zip(c_types, names, strict=True))
        values, terms = [], []
        for index, arg in enumerate(args):
            if arg in NAMES:
                values.append(str(chance.randrange(1, 50)))
                terms.append(names[index])
            else:
                values.append(f"(({arg}){{{', '.join(str(chance.randrange(1, 50)) for _ in arg[1:])}}})")
                terms += [f"{names[index]}.m{n}" for n in range(len(arg) - 1)]
        total = " + ".join(f"{weight + 1} * <double>{term}" for weight, term in enumerate(terms))
        verbatim.append(
            f"static double call{number}(S{shape} (*f)({', '.join(c_types)})) {{\n"
            f"    S{shape} got = f({', '.join(values)});\n    double total = 0; int weight = 1;\n"
            + "".join(f"    total += weight++ * (double) got.m{n};\n" for n in range(len(shape)))
            + "    return total;\n}"
        )
        declared.append(f"    double call{number}(S{shape} (*f)({', '.join(c_types)}) noexcept)")
        bodies.append(
            f"cdef S{shape} take{number}({params}) noexcept:\n    cdef double total = {total}\n"
            f"    cdef S{shape} made\n"
            + "".join(f"    made.m{n} = <{NAMES[kind]}> (total / {n + 1} % 100)\n"
                      for n, kind in enumerate(shape))
            + "    return made"
        )
        calls.append(f"call{number}(take{number})")
    c = "\n".join(verbatim).replace("\n", "\n    ")
    text = (f'cdef extern from *:\n    """\n    {c}\n    """\n' + "\n".join(declared) + "\n" + "\n".join(bodies)
            + "\ndef run():\n    return [" + ",\n            ".join(calls) + "]\n")  # fmt: skip
    return text, len(calls)


@pytest.mark.parametrize("seed", range(3))
def test_c_calls_functions_with_structs(both: Both, seed: int) -> None:
    text, count = callbacks(SHAPES, seed)
    tree, c = both(text)
    found = c.run()
    assert len(found) == count and len(set(found)) > count // 2
    assert tree.run() == found


SHARED = """
    cdef struct V3:
        double x, y, z
    cdef struct I2:
        int a, b
    cdef struct Mixed:
        char c
        float f
        short s
        double d
    cdef double sum3(V3 v, int k)
    cdef V3 make3(double x)
    cdef int sum2(I2 v)
    cdef I2 make2(int a)
    cdef double mixed(Mixed m, I2 i)
    cdef Mixed make_mixed(int a)
    cdef double complex twice(double complex z)
    cdef float complex twicef(float complex z)
"""
OWNER = """
    cdef double sum3(V3 v, int k): return v.x + 10 * v.y + 100 * v.z + k
    cdef V3 make3(double x): return V3(x, x + 1, x + 2)
    cdef int sum2(I2 v): return v.a + 10 * v.b
    cdef I2 make2(int a): return I2(a, a + 1)
    cdef double mixed(Mixed m, I2 i): return m.c + 10 * m.f + 100 * m.s + 1000 * m.d + i.a + i.b
    cdef Mixed make_mixed(int a): return Mixed(a, a + 1, a + 2, a + 3)
    cdef double complex twice(double complex z): return z * 2 + 1
    cdef float complex twicef(float complex z): return z * 2 + 1
"""
USER = """
    from {library} cimport *
    def run():
        return (sum3(make3(1), 5), sum2(make2(1)), mixed(make_mixed(1), make2(4)), twice(1 + 2j),
                twicef(3 + 4j))
"""


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_structs_go_between_modules(sharing: Sharing, routes: tuple[str, str]) -> None:
    _, module = sharing(SHARED, OWNER, USER, routes)
    assert module.run() == (326.0, 21, 4330.0, 3 + 4j, 7 + 8j)


LARGE = """
    cdef struct Big:
        char text[4096]
        int n
    cdef struct Nest:
        Big items[3]

    cdef Big make(int n):
        cdef Big b
        b.n = n
        b.text[0] = n
        return b

    cdef int take(Big b):
        b.n += 1
        return b.n + b.text[0]

    def copies(int n):
        cdef Big a, b
        a = make(n)
        b = a
        a.n = 100
        return b.n, a.n, take(b), b.n

    def nested(int n):
        cdef Nest x
        cdef Big b = make(n)
        x.items[1] = b
        x.items[2] = x.items[1]
        x.items[1].n = 0
        cdef Nest y = x
        return y.items[2].n, y.items[1].n, y.items[2].text[0]

    def generator(int n):
        cdef Big b = make(n)
        yield b.n
        cdef Big c = b
        c.n += 1
        yield b.n
        yield c.n

    def loop(int n):
        cdef Big a, b
        a.n = 0
        for i in range(n):
            b = a
            a.n = b.n + i
            b.n = 1000
        return a.n

    def array(int n):
        cdef double x[20000]
        cdef int i
        cdef double total = 0
        for i in range(n): x[i] = i
        for i in range(n): total += x[i]
        return total
"""


def test_large_structs_and_arrays_are_copied_as_memory(both: Both) -> None:
    """Taken apart into its scalars, a struct of 4097 took LLVM minutes."""
    for module in both(textwrap.dedent(LARGE)):
        assert module.copies(5) == (5, 100, 11, 5)
        assert module.nested(6) == (6, 0, 6)
        assert list(module.generator(4)) == [4, 4, 5]
        assert module.loop(5) == 10
        assert module.array(50) == 1225.0


SLICES = """
    cdef double total(double[:] items, int times) noexcept nogil
    cdef double[:] part(double[:, :] items, int row)
    cdef int checked(double[:] items, signed char at, double[:] more) except -1
    cdef class Base:
        cdef double[:] kept
        cdef int keep(self, double[:] items) except -1
        cdef double[:] give(self)
        cdef double both(self, double[:] a, object name, double[:] b)
"""
SLICES_OWNER = """
    cdef double total(double[:] items, int times) noexcept nogil:
        cdef double found = 0
        cdef Py_ssize_t i
        for i in range(items.shape[0]): found += items[i] * times
        return found
    cdef double[:] part(double[:, :] items, int row):
        if row > 100: raise KeyError("no such row")
        return items[row]
    cdef int checked(double[:] items, signed char at, double[:] more) except -1:
        if at < 0: raise IndexError(at)
        more[0] = items[at]
        return at
    cdef class Base:
        cdef int keep(self, double[:] items) except -1:
            self.kept = items
            return 0
        cdef double[:] give(self): return self.kept
        cdef double both(self, double[:] a, object name, double[:] b): return a[0] + b[0] + len(name)
    def through_base(Base object, items):
        object.keep(items)
        return object.both(items, "abc", object.give())
"""
SLICES_USER = """
    from {library} cimport total, part, checked, Base
    cdef class Derived(Base):
        cdef double both(self, double[:] a, object name, double[:] b): return 1000 + a[0] + b[0]
        cdef double own(self, double[:] a): return a[0] * 3
    def run(double[:] items, double[:, :] table):
        cdef double[:] more = items.copy()
        cdef double found
        cdef Base base = Base()
        cdef Derived derived = Derived()
        with nogil:
            found = total(items, 2)
        checked(items[1:], 1, more)
        base.keep(items)
        derived.keep(items[::2])
        return (found, list(part(table, 1)), more[0], list(base.give()), list(derived.give()),
                base.both(items, "ab", more), derived.both(items, "ab", more), derived.own(more))
    def fails(int which, double[:] items, double[:, :] table):
        if which == 0: return part(table, 101)
        if which == 1: return checked(items, -1, items)
        return Base().give()[0]
    def make(): return Derived()
"""


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_memoryviews_go_between_modules(sharing: Sharing, routes: tuple[str, str]) -> None:
    items = array.array("d", [1, 2, 3])
    table = memoryview(array.array("d", range(6))).cast("B").cast("d", (2, 3))
    first, module = sharing(SLICES, SLICES_OWNER, SLICES_USER, routes)
    before = sys.getrefcount(items)
    for _ in range(3):
        assert module.run(items, table) == (
            12.0, [3.0, 4.0, 5.0], 3.0, [1.0, 2.0, 3.0], [1.0, 3.0], 6.0, 1004.0, 9.0)  # fmt: skip
        assert outcome(module.fails, 0, items, table) == (KeyError, "'no such row'")
        assert outcome(module.fails, 1, items, table) == (IndexError, "-1")
        assert outcome(module.fails, 2, items, table)[0] is AttributeError
        assert first.through_base(module.make(), items) == 1002.0
    assert sys.getrefcount(items) == before
