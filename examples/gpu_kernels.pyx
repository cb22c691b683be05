# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Loops for the CPU and, with `prange_device`, for a GPU: plain Cython, which stock Cython compiles too.

The examples beside it, `testsuite/gpu` and `testsuite/benches/prange.py` run them.
"""

from cython.parallel import prange
from libc.math cimport erf, exp, log, sin, sqrt


def mandelbrot(int[:, ::1] out, double left, double top, double step, int most):
    cdef Py_ssize_t i, j
    cdef int k
    cdef double cr, ci, zr, zi, t
    for i in prange(out.shape[0], nogil=True, schedule="dynamic"):
        for j in prange(out.shape[1]):
            cr = left + j * step
            ci = top - i * step
            zr = 0
            zi = 0
            k = 0
            while k < most and zr * zr + zi * zi <= 4:
                t = zr * zr - zi * zi + cr
                zi = 2 * zr * zi + ci
                zr = t
                k = k + 1
            out[i, j] = k


cdef double normal(double x) noexcept nogil:
    return 0.5 * (1 + erf(x / sqrt(2.0)))


def black_scholes(double[::1] price, double[::1] strike, double[::1] years, double rate, double volatility,
                  double[::1] call):
    cdef Py_ssize_t i
    cdef double root, d1, d2
    for i in prange(price.shape[0], nogil=True):
        root = volatility * sqrt(years[i])
        d1 = (log(price[i] / strike[i]) + (rate + volatility * volatility / 2) * years[i]) / root
        d2 = d1 - root
        call[i] = price[i] * normal(d1) - strike[i] * exp(-rate * years[i]) * normal(d2)


def all_pairs(double[:, ::1] points, double[:, ::1] out):
    cdef Py_ssize_t i, j, k
    cdef double d, s
    for i in prange(points.shape[0], nogil=True):
        for j in prange(points.shape[0]):
            s = 0
            for k in range(points.shape[1]):
                d = points[i, k] - points[j, k]
                s = s + d * d
            out[i, j] = sqrt(s)


def difference(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])


def stencil(double[:, ::1] a, double[:, ::1] out):
    cdef Py_ssize_t i, j
    for i in prange(1, a.shape[0] - 1, nogil=True):
        for j in prange(1, a.shape[1] - 1):
            out[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])


def total(double[::1] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True):
        s += sin(x[i]) * x[i]
    return s
