"""C's own operators, slices of C arrays as targets, and what else C has, by both routes."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from conftest import Both

_STEPS = '''
from cython.operator cimport dereference as deref, preincrement as inc, postincrement as pinc
from cython.operator cimport predecrement as dec, postdecrement as pdec

cdef struct P:
    int a
    double b

def integers(int x, unsigned char c, signed char s, long long q):
    """
    >>> integers(2**31 - 1, 255, -128, 2**63 - 1)
    (-2147483648, -2147483648, 0, 255, 127, 127, -9223372036854775808)
    """
    cdef int y = inc(x)
    cdef int before = c
    c_old = pinc(c)
    s_new = dec(s)
    return y, x, c, c_old, s_new, pinc(s), inc(q)

def floats(double d, float f):
    """
    >>> floats(1.5, 0.25)
    (2.5, 2.5, -0.75, 0.25)
    """
    a = inc(d)
    b = pdec(f)
    return a, d, f, b

def pointers():
    """
    >>> pointers()
    (10, 20, 30, 20, 2, 7, 1.5, 8)
    """
    cdef int[4] v = [10, 20, 30, 40]
    cdef int *p = &v[0]
    cdef P s
    cdef P *q = &s
    a = deref(p)
    inc(p)
    b = deref(p)
    pinc(p)
    c = deref(p)
    dec(p)
    d = deref(p)
    s.a, s.b = 7, 1.5
    e = p - &v[0] + 1
    old = pinc(deref(q).a)
    return a, b, c, d, e, old, deref(q).b, s.a

def places(int n):
    """
    >>> places(2)
    ([1, 2, 4], 5, 6)
    """
    cdef int[3] v = [1, 2, 3]
    cdef int *p = &n
    inc(v[n])
    n = 5
    old = pinc(deref(p))
    return list(v), old, n
'''

_SLICES = '''
def of_pointer():
    """
    >>> of_pointer()
    ([1, 2, 3, 4, 5], [9, 1, 2, 8, 7])
    """
    cdef int[5] a = [6, 5, 4, 3, 2]
    cdef int *p = &a[0]
    p[:] = [1, 2, 3, 4, 5]
    first = list(a)
    a[:] = [9, 6, 6, 8, 7]
    p[1:] = [1, 2]
    return first, list(a)

def of_array(int s, int e):
    """
    >>> of_array(1, 3)
    [0, 8, 9, 0]
    >>> of_array(1, 4)
    Traceback (most recent call last):
        ...
    ValueError: Assignment to slice of wrong length, expected 2, got 3
    """
    cdef int[4] a = [0, 0, 0, 0]
    a[s:e] = [8, 9]
    return list(a)
'''

_FORMATS = '''
def text(long double x, float f):
    """
    >>> text(1.5, 0.1)
    ('1.5', '1.500', '1.500000e+00', '0.10000000149011612')
    """
    return f"{x}", f"{x:.3f}", f"{x:e}", f"{f}"
'''

_SCOPES = '''
pairs = ((1, 2), (3, 4, 5))
found = {i: tuple(j for j in t if i != j) for t in pairs for i in t}
typed = [sum(k * i for k in range(3)) for i in range(4)]
try:
    bad = [list(1 // (k - i) for k in range(3)) for i in range(3)]
except ZeroDivisionError as error:
    raised = str(error)

def check():
    """
    >>> found == {1: (2,), 2: (1,), 3: (4, 5), 4: (3, 5), 5: (3, 4)}
    True
    >>> typed
    [0, 3, 6, 9]
    >>> raised
    'integer division or modulo by zero'
    >>> "t" in globals() or "i" in globals()
    False
    """
'''

_GENERATORS = '''
def in_and_out(int n):
    """
    >>> list(in_and_out(3))
    [0, 1, 2]
    >>> g = in_and_out(3); next(g); g.close(); list(g)
    0
    []
    >>> g = in_and_out(3); next(g)
    0
    >>> try: g.throw(KeyError("x"))
    ... except KeyError as e: print(e)
    'x'
    """
    cdef int i
    with nogil:
        for i in range(n):
            with gil:
                yield i

def deeper(int n):
    """
    >>> list(deeper(2))
    [0, 1, 10, 11, 'end']
    """
    cdef int i, j
    try:
        with nogil:
            for i in range(n):
                with gil:
                    with nogil:
                        for j in range(n):
                            with gil:
                                yield i * 10 + j
    finally:
        yield "end"
'''

_DEFAULTS = '''
class Noting(bytearray):
    pass

made = []

def make(data):
    made.append(bytes(data))
    return bytearray(data)

def view(const unsigned char[:] b=b"xyz"):
    """
    >>> view(), view(b"a"), view(None)
    (120, 97, None)
    >>> len(view.__defaults__), bytes(view.__defaults__[0])
    (1, b'xyz')
    """
    if b is None:
        return None
    return b[0]

def computed(int n, unsigned char[:] b=make(b"abc")):
    """
    >>> made
    [b'abc', b'cd']
    >>> computed(1), computed(2), computed(0, bytearray(b"z"))
    (98, 99, 122)
    >>> computed(1)
    98
    """
    return b[n]

cdef int inner(int n, unsigned char[:] b=make(b"cd")) except -1:
    b = b[n:]
    return b[0]

def call(n, o=None):
    """
    >>> call(0), call(1), call(0, bytearray(b"q"))
    (99, 100, 113)
    """
    return inner(n) if o is None else inner(n, o)

def closure(data):
    """
    >>> closure(b"12"), closure(b"34")
    (49, 51)
    """
    def function(const unsigned char[:] b=data):
        return b[0]
    return function()

cdef class C:
    cpdef shape(self, a, unsigned char[:] s=None, int k=2):
        return a, None if s is None else s[0], k
    def both(self, a, /, b=1, *, unsigned char[:] c=None):
        return a, b, c is None

def methods():
    """
    >>> methods()
    ((1, None, 2), (1, 122, 2), (1, 122, 5), (1, 3, True), (1, 1, False))
    >>> C.shape.__defaults__
    (None, 2)
    """
    cdef C c = C()
    return (c.shape(1), c.shape(1, bytearray(b"z")), (<object> c).shape(1, bytearray(b"z"), 5), c.both(1, 3),
            c.both(1, c=bytearray(b"z")))
'''

_STAR = '''
cdef object executable
cdef long hexversion
cdef str version
cdef double maxsize
from sys import *

def check():
    """
    >>> import sys
    >>> check() == (sys.executable, sys.hexversion, sys.version, float(sys.maxsize))
    True
    >>> "hexversion" in globals(), "platform" in globals()
    (False, True)
    """
    return executable, hexversion, version, maxsize
'''

_VARIABLES = '''
cdef object unset
cdef list nothing
cdef object given = 5
cdef class A:
    pass
cdef A instance

def read():
    """
    >>> initial
    (None, None, 5, None)
    >>> write(7); read()
    (7, [7], 5, True)
    """
    return unset, nothing, given, None if instance is None else True

def write(x):
    global unset, nothing, instance
    unset, nothing, instance = x, [x], A()

cdef take(object first, unsigned char[:] view):
    return first, view is None

cdef unsigned char[:] kept = bytearray(8)

def views():
    """
    >>> views()
    (None, False)
    """
    global kept
    result = take(never, kept)
    kept = bytearray(8)
    return result

cdef object never
initial = read()
'''

CASES = {"steps": _STEPS, "variables": _VARIABLES, "slices": _SLICES, "formats": _FORMATS, "scopes": _SCOPES,
         "generators": _GENERATORS, "defaults": _DEFAULTS, "star": _STAR}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_doctests_pass_by_both_routes(both: Both, case: str) -> None:
    for module in both(CASES[case]):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


@pytest.mark.parametrize("route", ["tree", "c"])
def test_star_of_another_type(tmp_path: Path, route: str) -> None:
    import cython_llvm

    path = tmp_path / "star_wrong.pyx"
    path.write_text("cdef list version\nfrom sys import *\ndef f(): return version\n")
    with pytest.raises(TypeError, match="Expected list, got str"):
        cython_llvm.import_file(path, f"star_wrong_{route}", route=route)
