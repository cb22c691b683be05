# cython: language_level=3
"""Typed memoryviews of objects: taken, sliced, given back as objects."""
from cpython cimport array


cdef long take_bytes(x) except -1:
    cdef const unsigned char[:] m = x
    return m[0]


cdef long take_writable(x) except -1:
    cdef unsigned char[:] m = x
    return m[0]


cdef long take_contiguous(x) except -1:
    cdef const unsigned char[::1] m = x
    return m[0]


cdef double take_doubles(x) except? -1:
    cdef double[:] m = x
    return m[0]


cdef double take_matrix(x) except? -1:
    cdef double[:, :] m = x
    return m[0, 0]


def from_bytes(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    for i in range(n):
        s += take_bytes(x)
    return s


def from_writable(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    for i in range(n):
        s += take_writable(x)
    return s


def from_contiguous(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    for i in range(n):
        s += take_contiguous(x)
    return s


def from_doubles(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(n):
        s += take_doubles(x)
    return s


def from_matrix(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(n):
        s += take_matrix(x)
    return s


def slices(double[:] x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef double s = 0
    cdef double[:] y
    for i in range(n):
        y = x[1:]
        s += y[0]
        y = x[:-1]
        s += y[0]
    return s


def slices_stepped(double[:] x, Py_ssize_t a, Py_ssize_t b, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef double s = 0
    cdef double[:] y
    for i in range(n):
        y = x[a:b:2]
        s += y[0]
        y = x[::-1]
        s += y[0]
    return s


def rows(double[:, :] x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef double s = 0
    cdef double[:] y
    for i in range(n):
        for k in range(x.shape[0]):
            y = x[k]
            s += y[0]
    return s


def columns(double[:, :] x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef double s = 0
    cdef double[:] y
    for i in range(n):
        for k in range(x.shape[1]):
            y = x[:, k]
            s += y[0]
    return s


cdef double summed(double[:] x) noexcept:
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(x.shape[0]):
        s += x[i]
    return s


def passed(double[:, :] x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef double s = 0
    for i in range(n):
        for k in range(x.shape[0]):
            s += summed(x[k])
    return s


def copied(double[:] x, double[:] y, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        y[:] = x
        y[1:3] = 2.0
    return y[1]


def as_object(double[:] x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x
    return s is None


def object_items(x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef double[:] y = x
    o = y
    s = None
    for i in range(n):
        s = o[1]
        o[2] = 1.0
    return s


def object_fields(x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef double[:] y = x
    o = y
    for i in range(n):
        s += len(o)
        s += o.ndim
        s += len(o.shape)
    return s


def items(long[:] x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(x.shape[0]):
            s = x[k]
            x[k] = s
    return s


def array_items(array.array x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef double s = 0
    for i in range(n):
        for k in range(16):
            s += x.data.as_doubles[k]
    return s


def array_generic(x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
            x[k] = s
    return s


def numpy_generic(x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return float(s)


def plain_memoryview(x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef long s = 0
    for i in range(n):
        m = memoryview(x)
        for k in range(4):
            s += m[k]
    return s
