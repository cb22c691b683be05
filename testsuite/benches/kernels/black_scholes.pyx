# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Option prices; the C library's functions in a loop."""
from libc.math cimport erf, exp, log, sqrt


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
