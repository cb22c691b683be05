# cython: language_level=3
"""Recursion: cpdef and C functions, and Python functions."""


cpdef long fib_cpdef(long n):
    return n if n < 2 else fib_cpdef(n - 1) + fib_cpdef(n - 2)


cdef long ack(long m, long n) noexcept:
    if m == 0:
        return n + 1
    if n == 0:
        return ack(m - 1, 1)
    return ack(m - 1, ack(m, n - 1))


def ackermann(long m, long n):
    return ack(m, n)


def fib_def(n):
    return n if n < 2 else fib_def(n - 1) + fib_def(n - 2)


def tak(x, y, z):
    if y >= x:
        return z
    return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))


def keywords(int n):
    def inner(a, b=2, *, c=3):
        return a + b + c
    total = 0
    for i in range(n):
        total += inner(i, c=4)
    return total


cdef bint even(long n) noexcept nogil:
    return True if n == 0 else odd(n - 1)


cdef bint odd(long n) noexcept nogil:
    return False if n == 0 else even(n - 1)


def mutual(long n, int times):
    cdef long found = 0
    cdef int i
    for i in range(times):
        found += even(n + i)
    return found
