# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Functions of fused types over arrays."""

ctypedef fused number:
    int
    long long
    float
    double


def horner(number[::1] x, number[::1] y):
    cdef Py_ssize_t i
    cdef int k
    cdef number s
    for i in range(x.shape[0]):
        s = 1
        for k in range(12):
            s = s * x[i] + 3
        y[i] = s
    return y[0] + y[x.shape[0] - 1]


def clip_sum(number[:] x, number low, number high):
    cdef Py_ssize_t i
    cdef number v
    cdef double s = 0
    for i in range(x.shape[0]):
        v = x[i]
        if v < low:
            v = low
        elif v > high:
            v = high
        s += v
    return s
