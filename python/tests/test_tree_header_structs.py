"""Structs of which only C's header knows all, by the tree route, beside the C route: bit-fields, names that
the header does not have, arrays that are declared as structs."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import cython_llvm
from conftest import Both, outcome, write

BIT_FIELDS = '''
cdef extern from *:
    """
    typedef struct { unsigned a : 3; int b : 5; int c; } bits;
    typedef struct { int first; bits inner; bits *other; unsigned long long wide : 40; } Holder;
    static bits made(int a) { bits s = {a, 2, 3}; return s; }
    """
    ctypedef struct bits:
        unsigned int a
        int b
        int c
    ctypedef struct Holder:
        bits inner
        bits *other
        unsigned long long wide
    bits made(int a)
cdef class Keeper:
    cdef Holder held
def f(x, y, z):
    cdef bits s
    s.a = x
    s.b = y
    s.c = z
    return s.a, s.b, s.c, made(6).a
def g(x, y):
    cdef Holder h
    cdef bits far
    cdef Holder *there = &h
    cdef Keeper k = Keeper()
    h.other = &far
    there.inner.a = x
    there.other.a, h.other[0].b, h.wide = x + 1, y, <unsigned long long> x - 10
    k.held.inner.b = k.held.inner.a = y
    return h.inner.a, far.a, far.b, there.wide, k.held.inner.a, k.held.inner.b, there.wide > 5, -far.b
def changed(int n):
    cdef bits s = made(n)
    while s.a:
        s.a = s.a - 1
        s.b = s.b * 3
    return s.a, s.b, s.c
'''


def test_bit_fields(both: Both) -> None:
    tree, c = both(BIT_FIELDS)
    assert tree.f(9, -3, 7) == c.f(9, -3, 7) == (1, -3, 7, 6)
    for x in (0, 3, 7, 8, -1, 2**40):
        for y in (0, 5, -16, 15):
            assert outcome(tree.f, x, y, x) == outcome(c.f, x, y, x), (x, y)
            assert outcome(tree.g, x, y) == outcome(c.g, x, y), (x, y)
    assert [tree.changed(n) for n in range(9)] == [c.changed(n) for n in range(9)]


def test_an_address_of_a_bit_field_is_an_error_in_c_too(sources: Path) -> None:
    text = BIT_FIELDS + "def address():\n    cdef bits s\n    return <size_t> &s.a\n"
    path = write(sources / "fields_of_bits.pyx", text)
    with pytest.raises(cython_llvm.ModuleBuildError, match="the tree route lacks .*bit-field"):
        cython_llvm.import_file(path, "fields_of_bits_tree", route="tree")


MISNAMED = '''
cdef extern from *:
    """
    struct pair { long v[2]; };
    typedef struct pair counter_t;
    typedef struct pair key_t_;
    typedef struct { int n; counter_t *counter; key_t_ key; } state_t;
    static long summed(counter_t pair) { return pair.v[0] + pair.v[1]; }
    """
    struct s_pair:
        long v[2]
    ctypedef s_pair t_pair
    ctypedef t_pair counter_t
    ctypedef t_pair key_t_
    ctypedef struct state_t:
        int n
        counter_t *counter
        key_t_ key
    long summed(counter_t pair)
cdef class Owner:
    cdef counter_t counter
    cdef state_t state
    def fill(self, long n):
        cdef counter_t copy
        cdef key_t_ *key = &self.state.key
        self.state.counter = &self.counter
        for i in range(2):
            self.counter.v[i] = n + i
            key.v[i] = n * i
        copy = self.counter
        copy.v[0] += 100
        key = NULL
        return (copy.v[0], copy.v[1], self.state.counter.v[1], self.state.key.v[1], summed(copy),
                sizeof(counter_t))
'''


def test_structs_that_c_knows_by_their_typedefs_alone(both: Both) -> None:
    tree, c = both(MISNAMED)
    for n in (0, 3, -5):
        assert tree.Owner().fill(n) == c.Owner().fill(n) == (n + 100, n + 1, n + 1, n, 2 * n + 101, 16)


JUMPS = '''
from libc.setjmp cimport jmp_buf, setjmp, longjmp
cdef extern from *:
    """
    #include <setjmp.h>
    typedef struct { int number; jmp_buf back; } Errors;
    static jmp_buf back;
    static void __attribute__((noinline)) fail(Errors *errors, int n) {
        volatile char room[5000];
        room[n] = (char)n;
        longjmp(errors->back, n + room[n + 1] * 0);
    }
    """
    jmp_buf back
    ctypedef struct Errors:
        int number
        jmp_buf back
    void fail(Errors *errors, int n) nogil
cdef jmp_buf own
cdef class Caller:
    cdef Errors *errors
    cdef Errors place
    def call(self, int n):
        cdef int code
        self.errors = &self.place
        with nogil:
            code = setjmp(self.errors[0].back)
            if code == 0:
                fail(self.errors, n)
        return code, n
cdef void deep(int n) noexcept:
    if n == 0:
        longjmp(own, 7)
    deep(n - 1)
def of_module(int n):
    text = str(n)
    if setjmp(own) == 0:
        deep(n)
        return None
    return text
def of_header(int n):
    cdef int found = setjmp(back)
    if found < n:
        longjmp(back, found + 1)
    return found
'''


def test_jumps_out_of_functions(both: Both) -> None:
    tree, c = both(JUMPS)
    for module in (tree, c):
        assert [module.Caller().call(n) for n in (1, 5, 900)] == [(1, 1), (5, 5), (900, 900)]
        assert [module.of_module(n) for n in (0, 3, 1000)] == ["0", "3", "1000"]
        assert [module.of_header(n) for n in (0, 1, 5)] == [0, 1, 5]


def test_calls_whose_results_are_not_looked_at(both: Both) -> None:
    text = """
        cdef extern from *:
            '''
            static int calls = 0;
            static void counted(int by) { calls += by; }
            #define COUNTED(by) counted(by)
            '''
            int calls
            double counted(int by) nogil
            float COUNTED(int by) nogil
            long also "counted"(int by) nogil
        def f(int n):
            counted(n)
            with nogil:
                COUNTED(n + 1)
                also(100)
            return calls
    """
    tree, c = both(textwrap.dedent(text))
    assert [tree.f(n) for n in range(5)] == [c.f(n) for n in range(5)] == [101, 204, 309, 416, 525]


def test_complex_numbers_that_are_declared_as_real_ones(both: Both) -> None:
    text = """
        from libc.string cimport memcpy
        cdef extern from *:
            '''
            #include <complex.h>
            typedef double complex cc;
            typedef float complex fc;
            static inline cc times(cc z, cc w) { return z * w; }
            static inline fc twice(fc z) { return 2 * z; }
            static inline double part(cc z) { return creal(z) + 10 * cimag(z); }
            '''
            ctypedef double cc
            ctypedef float fc
            cc times(cc z, cc w) nogil
            fc twice(fc z) nogil
            double part(cc z) nogil
        cdef inline double complex squared(double complex z) noexcept nogil:
            cdef cc x
            cdef double complex out
            memcpy(&x, &z, sizeof(z))
            x = times(x, x)
            memcpy(&out, &x, sizeof(x))
            return out
        def f(double complex z, float complex y):
            cdef cc x
            cdef fc[2] small
            memcpy(&x, &z, sizeof(x))
            memcpy(&small[1], &y, sizeof(small[1]))
            small[0] = twice(small[1])
            memcpy(&y, small, sizeof(fc))
            return squared(z), part(x), part(times(x, x)), y, sizeof(cc), sizeof(small)
    """
    tree, c = both(textwrap.dedent(text))
    for z in (1 + 2j, -0.5j, 3 - 4j):
        assert tree.f(z, z) == c.f(z, z), z
    assert tree.f(1 + 2j, 1j) == (-3 + 4j, 21.0, 37.0, 2j, 16, 16)
