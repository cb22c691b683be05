"""Calls of what the module defines, constructors, and loops over ranges, by both routes.

The sources say in doctests what they do; both modules must pass them.
"""

from __future__ import annotations

import doctest

from conftest import Both

_RANGES = '''# cython: language_level=3
def a(int i, int n, int s):
    """
    >>> for args in [(0,10,3),(10,0,-3),(0,10,-1),(10,0,1),(5,5,1),(-7,7,5),(7,-7,-5),(0,1,100),(1,0,-100)]:
    ...     assert a(*args) == list(range(*args)), args
    >>> a(1,2,0)
    Traceback (most recent call last):
    ...
    ValueError: range() arg 3 must not be zero
    >>> a(-2147483648, 2147483647, 2147483647) == list(range(-2147483648, 2147483647, 2147483647))
    True
    """
    cdef int j
    r = []
    for j in range(i, n, s):
        r.append(j)
    else:
        r = list(r)
    return r

def b(long long i, long long n, long long s):
    """
    >>> m = 2**63-1
    >>> for args in [(-m-1,m,m),(m,-m-1,-m-1),(m,-m-1,-m),(m-1,m,m)]:
    ...     assert b(*args) == list(range(*args)), args
    """
    cdef long long j
    r = []
    for j in range(i, n, s):
        r.append(j)
        if len(r) > 10: break
    return r

def c(int i, int n, int s):
    """
    >>> c(0, 10, 3)
    (9, 4)
    >>> c(3, 3, 3)
    (-5, 0)
    """
    cdef int j = -5, k = 0
    for j in range(i, n, s):
        i = n = s = 100
        if j == 3:
            k += 1
            continue
        k += 1
    return j, k
'''

_CALLS = '''# cython: language_level=3
cdef class A:
    cdef int x
cdef class C(A):
    cdef public object y
    def __cinit__(self, int k=3, *, z=2): self.y = (k, z)
    def __init__(self, int k=3, *, z=2): self.x=k
cdef class D(C):
    def __init__(self, *args, **kw): super().__init__(*args, **kw)
cdef class E(C):
    pass
class P(C):
    pass
cdef class R:
    cdef object r
    def __init__(self, x, y): self.r = R(1, 2)

def made():
    """
    >>> made()
    A
    TypeError C
    C (3, 2)
    C (5, 7)
    E (1, 9)
    TypeError E
    D (4, 2)
    P (4, 5)
    """
    print(type(A()).__name__)
    try: C("x")
    except TypeError as e: print("TypeError C")
    x = C(); print(type(x).__name__, x.y)
    x = C(5, z=7); print(type(x).__name__, x.y)
    x = E(1, z=9); print(type(x).__name__, x.y)
    try: E(1, 2)
    except TypeError as e: print("TypeError E")
    x = D(4); print(type(x).__name__, x.y)
    x = P(4, z=5); print(type(x).__name__, x.y)

def deep():
    """
    >>> deep()
    RecursionError
    """
    try: R(1, 2)
    except RecursionError: print("RecursionError")

def one(x): return "one", x
def call_one(): return one(1), one([2])
def rebind():
    """
    >>> rebind()
    (('one', 1), ('one', [2]))
    (('new', 1), ('new', [2]))
    (('one', 1), ('one', [2]))
    """
    print(call_one())
    g = globals()
    old = one
    g["one"] = lambda x: ("new", x)
    print(call_one())
    g["one"] = old
    print(call_one())
def gen(n):
    """
    >>> list(gen(3))
    [0, 1, 2]
    """
    cdef int i
    for i in range(n):
        yield i
def gn(int n):
    """
    >>> list(gn(3))
    [1, 2, 1, 3, 1, 2, 1]
    """
    if n > 0:
        yield from gn(n-1)
        if n>1: yield n
        yield from gn(n-1)
        if n == 1: yield 1
'''


def _passes(both: Both, text: str) -> None:
    for module in both(text):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_ranges_with_any_step_are_the_same(both: Both) -> None:
    _passes(both, _RANGES)


def test_calls_of_own_functions_and_classes_are_the_same(both: Both) -> None:
    _passes(both, _CALLS)
