# cython: language_level=3
"""Arithmetic on Python's numbers, and what converts them from and to C."""


def add_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = x
    for i in range(n):
        s = s + 1
    return s


def subtract_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = x
    for i in range(n):
        s = 3 - s
        s = s - 3
    return s


def multiply_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x * 3
    return s


def divide_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x // 3
        s = x % 3
    return s


def true_divide(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x / 4
    return s


def bits_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x & 15
        s = x | 16
        s = x ^ 3
        s = x >> 1
        s = x << 2
    return s


def add_objects(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + y
        s = s - y
        s = s * y
    return s


def divide_objects(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x // y
        s = x % y
        s = x / y
    return s


def bits_objects(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x & y
        s = x | y
        s = x ^ y
        s = x >> y
    return s


def add_inplace(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = x
    for i in range(n):
        s += y
        s -= 2
    return s


def power(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x ** 2
        s = 2 ** x
    return s


def unary(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = -x
        s = ~s
        s = abs(s)
    return s


def big(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + y
        s = x - 1
        s = x * y
    return s


def float_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + 1.0
        s = 2.0 * x
        s = x / 3.0
    return s


def float_objects(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + y
        s = s * y
        s = s - x
        s = s / y
    return s


def typed_float(float x, float y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + y
        s = x * y
        s = x - y
    return s


def typed_int(int x, int y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = x + y
        s = x * y
        s = x - 1
    return s


def less(x, y, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if x < y:
            found += 1
        if x >= y:
            found += 1
    return found


def equal_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if x == 7:
            found += 1
        if x != 0:
            found += 1
    return found


def less_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if x < 10:
            found += 1
        if x > 100:
            found += 1
    return found


def compare_floats(x, y, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if x < y:
            found += 1
        if x == y:
            found += 1
        if x > 0.5:
            found += 1
    return found


def compare_value(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x < y
        s = x == y
    return s


def chained(x, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if 0 <= x < 10:
            found += 1
    return found


def truth(x, list y, z, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if x:
            found += 1
        if y:
            found += 1
        if not z:
            found += 1
        if x and z:
            found += 1
    return found


def select(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x or y
        s = x if x is y else y
    return s


def to_c(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    cdef int k
    cdef double d = 0
    cdef unsigned char u
    for i in range(n):
        s = x
        k = x
        u = x
        d += y
    return s + k + u + d


def from_c(Py_ssize_t n, double d):
    cdef Py_ssize_t i
    cdef int k = 1000
    s = t = u = None
    for i in range(n):
        s = i
        t = d
        u = k
    return s, t, u


def count_up(x, Py_ssize_t n):
    s = 0
    while s < n:
        s += 1
    return s


def calls_of_types(x, y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = t = None
    for i in range(n):
        s = int(y)
        t = float(x)
        s = bool(x)
    return s, t
