# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Distances by small arrays on the stack; a sum over a matrix that is never stored; a fractal."""
from libc.math cimport sqrt


cdef double of_segment(double* p, double* a, double* b) noexcept nogil:
    cdef double d[3]
    cdef double e[3]
    cdef double t = 0, n = 0, s = 0
    cdef int k
    for k in range(3):
        d[k] = b[k] - a[k]
        e[k] = p[k] - a[k]
        t += d[k] * e[k]
        n += d[k] * d[k]
    t = t / n if n > 0 else 0
    t = 0 if t < 0 else 1 if t > 1 else t
    for k in range(3):
        e[k] -= t * d[k]
        s += e[k] * e[k]
    return sqrt(s)


def segments(double[:, ::1] points, double[:, ::1] ends):
    cdef Py_ssize_t i, j
    cdef double total = 0, best, one
    for i in range(points.shape[0]):
        best = 1e300
        for j in range(ends.shape[0] - 1):
            one = of_segment(&points[i, 0], &ends[j, 0], &ends[j + 1, 0])
            if one < best:
                best = one
        total += best
    return total


cdef double entry(long i, long j) noexcept nogil:
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1)


def spectral(int n, int times):
    cdef double[::1] u, v, w
    cdef long i, j
    cdef int k
    cdef double s, top = 0, below = 0
    import numpy
    u, v, w = numpy.ones(n), numpy.zeros(n), numpy.zeros(n)
    for k in range(times):
        for i in range(n):
            s = 0
            for j in range(n):
                s += entry(i, j) * u[j]
            w[i] = s
        for i in range(n):
            s = 0
            for j in range(n):
                s += entry(j, i) * w[j]
            v[i] = s
        u, v = v, u
    for i in range(n):
        top += u[i] * v[i]
        below += v[i] * v[i]
    return sqrt(top / below)


def julia(int n, double complex c, int limit):
    cdef int i, j, k
    cdef long total = 0
    cdef double complex z
    for i in range(n):
        for j in range(n):
            z = -1.5 + 3.0 * i / n + 1j * (-1.5 + 3.0 * j / n)
            for k in range(limit):
                if z.real * z.real + z.imag * z.imag > 4:
                    break
                z = z * z + c
            total += k
    return total
