# cython: language_level=3
"""Sums: contiguous and strided, with bounds checks and without."""
cimport cython


@cython.boundscheck(False)
@cython.wraparound(False)
def sum_int(int[::1] x):
    cdef Py_ssize_t i
    cdef int s = 0
    for i in range(x.shape[0]):
        s += x[i]
    return s


@cython.boundscheck(False)
@cython.wraparound(False)
def sum_int_strided(int[:] x):
    cdef Py_ssize_t i
    cdef int s = 0
    for i in range(x.shape[0]):
        s += x[i]
    return s


def sum_int_checked(int[::1] x):
    cdef Py_ssize_t i
    cdef int s = 0
    for i in range(x.shape[0]):
        s += x[i]
    return s


def sum_strided_checked(double[:] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in range(x.shape[0]):
        s += x[i]
    return s
