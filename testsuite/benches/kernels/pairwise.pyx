# cython: language_level=3, boundscheck=False, wraparound=False
"""Distances between all pairs of points."""
from libc.math cimport sqrt


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
