# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Parallel loops, as one writes them."""

from cython.parallel import prange
from libc.math cimport sin, sqrt


def sum_sin(double[::1] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True):
        s += sin(x[i]) * x[i]
    return s


def all_pairs(double[:, ::1] x, double[:, ::1] out):
    cdef Py_ssize_t i, j, k
    cdef double d, s
    for i in prange(x.shape[0], nogil=True):
        for j in range(x.shape[0]):
            s = 0
            for k in range(x.shape[1]):
                d = x[i, k] - x[j, k]
                s = s + d * d
            out[i, j] = sqrt(s)


cdef int escape(double x, double y, int limit) noexcept nogil:
    cdef double a = 0, b = 0, t
    cdef int n
    for n in range(limit):
        t = a * a - b * b + x
        b = 2 * a * b + y
        a = t
        if a * a + b * b > 4:
            return n
    return limit


def mandelbrot(int[:, ::1] out, int limit):
    cdef Py_ssize_t i, j
    cdef Py_ssize_t rows = out.shape[0], columns = out.shape[1]
    for i in prange(rows, nogil=True, schedule="dynamic"):
        for j in range(columns):
            out[i, j] = escape(-2.0 + 3.0 * j / columns, -1.5 + 3.0 * i / rows, limit)


def difference(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])


def difference_strided(double[:] x, double[:] y, double[:] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])


def stencil(double[:, ::1] a, double[:, ::1] b):
    cdef Py_ssize_t i, j
    for i in prange(1, a.shape[0] - 1, nogil=True):
        for j in range(1, a.shape[1] - 1):
            b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])


def nothing(double[::1] x):
    cdef Py_ssize_t i
    for i in prange(2, nogil=True):
        x[i] = i
