# cython: boundscheck=False, wraparound=False, cdivision=True, language_level=3
"""Numerical kernels; each takes its data and returns a number to compare."""
from libc.math cimport exp, log, sqrt, erf


def mandelbrot(int n, int limit):
    cdef int i, j, k, inside = 0
    cdef double x, y, zx, zy, t
    for i in range(n):
        for j in range(n):
            x = -2.0 + 3.0 * i / n
            y = -1.5 + 3.0 * j / n
            zx = zy = 0
            for k in range(limit):
                t = zx * zx - zy * zy + x
                zy = 2 * zx * zy + y
                zx = t
                if zx * zx + zy * zy > 4:
                    break
            else:
                inside += 1
    return inside


def black_scholes(double[::1] price, double[::1] strike, double[::1] time, double[::1] out):
    cdef Py_ssize_t i
    cdef double d1, d2, v = 0.3, r = 0.02, root, s = 0
    for i in range(price.shape[0]):
        root = sqrt(time[i])
        d1 = (log(price[i] / strike[i]) + (r + v * v / 2) * time[i]) / (v * root)
        d2 = d1 - v * root
        out[i] = price[i] * 0.5 * (1 + erf(d1 / sqrt(2.0))) - strike[i] * exp(-r * time[i]) * 0.5 * (
            1 + erf(d2 / sqrt(2.0)))
        s += out[i]
    return s


def neighbours(unsigned char[:, ::1] grid, int[:, ::1] out):
    cdef Py_ssize_t i, j, a, b
    cdef int count
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            count = 0
            for a in range(-1, 2):
                for b in range(-1, 2):
                    count += grid[i + a, j + b]
            out[i, j] = count
    return out[1, 1] + out[2, 3]


def pairwise(double[:, ::1] x, double[:, ::1] out):
    cdef Py_ssize_t i, j, k
    cdef double d, s
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            s = 0
            for k in range(x.shape[1]):
                d = x[i, k] - x[j, k]
                s += d * d
            out[i, j] = sqrt(s)
    return out[0, 1] + out[3, 2]


def matmul(double[:, ::1] a, double[:, ::1] b, double[:, ::1] c):
    cdef Py_ssize_t i, j, k
    cdef double t
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            t = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += t * b[k, j]
    return c[1, 2]


def sieve(unsigned char[::1] flags):
    cdef Py_ssize_t i, j, n = flags.shape[0]
    cdef int count = 0
    for i in range(2, n):
        flags[i] = 1
    for i in range(2, n):
        if flags[i]:
            count += 1
            for j in range(i * i, n, i):
                flags[j] = 0
    return count


def stencil(double[:, ::1] a, double[:, ::1] b, int steps):
    cdef Py_ssize_t i, j
    cdef int s
    for s in range(steps):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        a, b = b, a
    return a[1, 1] + a[2, 2]


def strided_sum(double[:] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(x.shape[0]):
        s += x[i] * x[i]
    return s


def count_words(words):
    cdef dict counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return len(counts)
