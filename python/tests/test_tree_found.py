"""Constructs that real packages use, by the tree route, beside the C route."""

from __future__ import annotations

import array
import sys

import pytest

from conftest import Both, outcome

VIEWS = """
import cython

def first(double[:] view=None):
    return None if view is None else view[0]

def keyword(int n, *, const unsigned int[::1] view=None, int[:, :] more=None, object other="x"):
    return n, view is None, more is None, other

cdef class Views:
    cdef public double[::1] held

    def first(self, double[:] view=None, int n=3):
        return n if view is None else view[n]

    def keep(self, double[::1] view=None):
        self.held = view
        return self.held is None

def truths(bint[:] view, int at, value):
    old = view[at]
    view[at] = value
    return old, view[at], [x for x in view], memoryview(view).format
"""


def test_memoryviews_left_out_are_none(both: Both) -> None:
    tree, c = both(VIEWS)
    numbers = array.array("d", [0.5, 1.5, 2.5, 3.5])
    for module in (tree, c):
        assert module.first() is None
        assert module.first(numbers) == 0.5
        assert module.first.__defaults__ == (None,)
        assert module.keyword.__kwdefaults__ == {"view": None, "more": None, "other": "x"}
        assert module.Views().first() == 3
        assert module.Views().first(numbers, 1) == 1.5
        assert module.Views().keep()
        assert not module.Views().keep(numbers)
    for args in ((1,), (1, 2), ("x",)):
        assert outcome(tree.keyword, *args) == outcome(c.keyword, *args)
    assert outcome(tree.first, [1.0]) == outcome(c.first, [1.0])


def test_references_of_a_memoryview_left_out(both: Both) -> None:
    tree, _ = both(VIEWS)
    before = sys.getrefcount(None)
    for _ in range(1000):
        tree.first()
        tree.first.__defaults__  # noqa: B018
        tree.Views().keep()
    assert abs(sys.getrefcount(None) - before) < 100


def test_memoryviews_of_truths(both: Both) -> None:
    tree, c = both(VIEWS)
    for value in (0, 1, 2, True, None, 3.5, "x"):
        given = [array.array("i", [1, 0, 5]) for _ in range(2)]
        assert outcome(tree.truths, given[0], 1, value) == outcome(c.truths, given[1], 1, value)
        assert given[0] == given[1]


PACKED = """
from cython.view cimport array as cvarray
from libc.string cimport memset

cdef packed struct Bin:
    char kind
    double total
    unsigned int count
    short few[3]

cdef struct Pair:
    int key
    double[2] values

def fill(int n):
    cdef Bin[:] bins = cvarray((n,), sizeof(Bin), 'T{c:kind:^d:total:^I:count:^(3)h:few:}')
    cdef Bin *one = &bins[0]
    cdef int i
    memset(one, 0, n * sizeof(Bin))
    for i in range(10 * n):
        bins[i % n].total += i * 0.5
        bins[i % n].count += 1
        bins[i % n].few[i % 3] = i
    one.total *= 2
    one.kind = n
    return [(b.kind, b.total, b.count, b.few) for b in bins], one.total, bins[n - 1].count, sizeof(Bin)

def views(int n):
    cdef Pair pairs[4]
    cdef Bin bins[3]
    cdef Pair[:] view = <Pair[:n]> pairs
    cdef int i
    for i in range(4):
        pairs[i].key = i
        pairs[i].values[0] = i / 2.
        pairs[i].values[1] = i * 2.
    view[1].key = 77
    made = <Pair[:n]> pairs
    other = <Bin[:3]> bins
    return (memoryview(made).format, memoryview(made).itemsize, made.shape, [p.key for p in view], pairs[1].key,
            memoryview(other).format, memoryview(other).itemsize)
"""


def test_packed_structs_are_changed_in_place(both: Both) -> None:
    tree, c = both(PACKED)
    for n in (1, 3, 7):
        assert tree.fill(n) == c.fill(n)


def test_arrays_of_structs_from_pointers(both: Both) -> None:
    tree, c = both(PACKED)
    for n in (1, 4, 0):
        assert outcome(tree.views, n) == outcome(c.views, n)


ENUMS = """
cpdef enum Kind:
    NONE = 0
    SOME = 1
    MORE = -1

cpdef Kind flip(Kind kind):
    return NONE if kind == SOME else SOME

def use():
    return list(Kind), Kind.MORE, Kind(1), Kind['NONE'], Kind.SOME | 4, isinstance(Kind.SOME, int)
"""


def test_enums_that_python_sees(both: Both) -> None:
    tree, c = both(ENUMS)
    assert str(tree.use()) == str(c.use())
    for value in (0, 1, -1, 5, "x", tree.Kind.SOME):
        assert str(outcome(tree.flip, value)) == str(outcome(c.flip, value))
    wrong = [str(outcome(module.Kind, 9)).replace(module.__name__, "m") for module in (tree, c)]
    assert wrong[0] == wrong[1]


WITHOUT_GIL = """
cdef class Part:
    cdef int n
    cdef int get(self) noexcept nogil:
        return self.n

cdef int of(Part part, int more) noexcept nogil:
    return part.n + more

cdef class Whole:
    cdef public Part part
    def __init__(self, int n):
        self.part = Part()
        self.part.n = n
    cdef int total(self) noexcept nogil:
        return of(self.part, 1) + self.part.get()
    def get(self):
        with nogil:
            found = self.total()
        return found
"""


@pytest.mark.parametrize("n", [0, 3, -8])
def test_attributes_are_arguments_without_the_gil(both: Both, n: int) -> None:
    tree, c = both(WITHOUT_GIL)
    whole = tree.Whole(n)
    part = whole.part
    before = sys.getrefcount(part)
    assert whole.get() == c.Whole(n).get() == 2 * n + 1
    after = sys.getrefcount(part)
    assert after == before


def test_constants_of_enums_without_a_name_are_the_modules(both: Both) -> None:
    text = """
cdef extern from "limits.h":
    cpdef enum:
        CHAR_BIT
cpdef enum:
    ANON_A = 2
    ANON_B = -7
    ANON_C = ANON_A * 3
cdef enum:
    HIDDEN = 5
"""
    names = ("CHAR_BIT", "ANON_A", "ANON_B", "ANON_C", "HIDDEN")
    tree, c = ([getattr(module, name, None) for name in names] for module in both(text))
    assert tree == c == [8, 2, -7, 6, None]


FUSED_DEFAULTS = """
cdef enum Kind:
    FIRST = 3
    SECOND
ctypedef fused number:
    double
    long
    object
cdef number ranked(number x, Kind kind=FIRST, bint keep=True, const double[:] labels=None):
    return x + <int>kind + (0 if keep else 10) + (0 if labels is None else 100)
cdef number unused(number x, Kind kind=SECOND):
    return x
def go(double[:] labels):
    return (ranked[double](3.0), ranked[long](2, SECOND), ranked[object](1, FIRST, False),
            ranked[double](1, FIRST, True, labels))
"""


def test_defaults_of_fused_c_functions_that_are_constants(both: Both) -> None:
    tree, c = both(FUSED_DEFAULTS)
    labels = array.array("d", [1.0])
    assert tree.go(labels) == c.go(labels) == (6.0, 6, 14, 104.0)


NONE_WITHOUT_GIL = """
cdef int absent(double[:] x, const int[:, ::1] y) noexcept nogil:
    return (x is None) + 2 * (y is None)
def call(double[:] x, int n):
    cdef int i, r = 0
    cdef int[:, ::1] y = None
    with nogil:
        for i in range(n):
            r = absent(None, y) * 10 + absent(x, None)
        x = None
        r = r * 10 + (x is None)
    return r
"""


def test_none_as_a_memoryview_without_the_gil(both: Both) -> None:
    tree, c = both(NONE_WITHOUT_GIL)
    numbers = array.array("d", [1.0])
    assert tree.call(numbers, 1) == c.call(numbers, 1) == 321
    held, before = sys.getrefcount(numbers), sys.getrefcount(None)
    for _ in range(100):
        tree.call(numbers, 10)
    assert sys.getrefcount(numbers) == held
    assert abs(sys.getrefcount(None) - before) < 50


MACROS = '''
cdef extern from *:
    """
    typedef struct { double real; double imag; } pair_t;
    #define SAME(a, b) (a.real == b.real && a.imag == b.imag)
    #define THIRD(p) p[2]
    struct point { int x, y; };
    static void shift(const struct point *p, int n) { ((struct point *) p)->x += n; }
    static const char *named(char const *name) { return name + 1; }
    """
    ctypedef struct pair_t:
        double real
        double imag
    bint SAME(pair_t a, pair_t b)
    int THIRD(int *p)
    struct point:
        int x
        int y
    ctypedef point *point_const_ptr "point const *"
    ctypedef char *char_const_ptr "char const *"
    int shift(point_const_ptr p, int n)
    char_const_ptr named(char_const_ptr name)

def same(double a):
    cdef pair_t x, y
    x.real, x.imag = a, 1
    y.real, y.imag = 3, 1
    return SAME(x, y)

def third():
    cdef int[3] numbers = [1, 2, 3]
    return THIRD(numbers), THIRD(&numbers[0])

def shifted():
    cdef point p = point(2, 3)
    shift(&p, 3)
    return p.x, p.y, named(b"abc")
'''


def test_macros_that_do_not_guard_their_arguments_and_functions_declared_loosely(both: Both) -> None:
    tree, c = both(MACROS)
    assert tree.same(3) == c.same(3) == 1
    assert tree.same(4) == c.same(4) == 0
    assert tree.third() == c.third() == (3, 3)
    assert tree.shifted() == c.shifted() == (5, 3, b"bc")


FUSED_COMPLEX = """
import cython
ctypedef double complex complex128_t
ctypedef fused item:
    complex128_t
    float complex
    double
    object
def kind(const item[:] values, default=None):
    return cython.typeof(values), values[0]
"""


def test_dispatch_on_arrays_of_complex_numbers(both: Both) -> None:
    np = pytest.importorskip("numpy")
    tree, c = both(FUSED_COMPLEX)
    for dtype in ("D", "F", "d", "O", "q", "f"):
        array_ = np.ones(2, dtype)
        assert outcome(tree.kind, array_) == outcome(c.kind, array_), dtype


LOOKED_UP = """
def plain(tzinfo=object, *, key=sorted, kind=int):
    return tzinfo, key, kind
class Class:
    def method(self, tzinfo=object, fold=None):
        return tzinfo
cdef class Ext:
    def method(self, tzinfo=object, fold=None):
        return tzinfo
"""


def test_builtins_as_defaults(both: Both) -> None:
    tree, c = both(LOOKED_UP)
    before = sys.getrefcount(object)
    for module in (tree, c):
        for _ in range(100):
            assert module.plain() == (object, sorted, int)
            assert module.plain(1, key=2) == (1, 2, int)
            assert module.Class().method() is module.Ext().method() is object
            assert module.Class().method(5) == module.Ext().method(5) == 5
        assert module.plain.__defaults__ == (object,)
        assert module.plain.__kwdefaults__ == {"key": sorted, "kind": int}
    assert abs(sys.getrefcount(object) - before) < 20


POWERS = """
cimport cython
from libc.stdint cimport int64_t, uint16_t
ctypedef int64_t own_t
ctypedef uint16_t small_t
ctypedef signed char tiny_t
@cython.cpow(True)
def powers(own_t a, own_t b, small_t c, small_t d, tiny_t e, tiny_t f):
    return a ** b, c ** d, e ** f
"""


def test_powers_of_typedefs(both: Both) -> None:
    tree, c = both(POWERS)
    for args in [(3, 5, 3, 5, 3, 4), (-2, 63, 255, 3, -3, 3), (7, -1, 0, 0, -2, 7), (1, -5, 2, 17, 0, 5)]:
        assert outcome(tree.powers, *args) == outcome(c.powers, *args), args


RELEASED = """
cdef added(a, b, c=None):
    return [a, b, c]

def called(make):
    return len(added(make("a"), make("b"), make("c")))

def operated(make):
    return (make("a") + make("b")) * make("c")

def cascaded(make):
    return make("a") == make("b") in 42

def cascaded_more(make):
    return make("a") == make("b") == make("c") in make("d")
"""


def test_objects_are_released_in_the_order_of_c_and_none_is_kept(both: Both) -> None:
    tree, c = both(RELEASED)
    log: list[str] = []

    class Made:
        alive = 0

        def __init__(self, name: str) -> None:
            self.name = name
            Made.alive += 1

        def __add__(self, other: object) -> Made:
            return Made("sum")

        def __mul__(self, other: object) -> int:
            return 3

        def __eq__(self, other: object) -> Made:  # type: ignore[override]
            return Made("equal")

        __hash__ = None  # type: ignore[assignment]

        def __del__(self) -> None:
            log.append(self.name)
            Made.alive -= 1

    for name in ("called", "operated", "cascaded", "cascaded_more"):
        logs = []
        for module in (tree, c):
            log.clear()
            result = outcome(getattr(module, name), Made)
            assert Made.alive == 0, (name, module)
            # By an exception, C releases temporaries in the order of their variables.
            logs.append((result, sorted(log) if name.startswith("cascaded") else log[:]))
        assert logs[0] == logs[1], name
