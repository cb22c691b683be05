# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Loops of `benches/prange.py` besides those of examples/gpu_kernels.pyx."""

from cython.parallel import prange


def difference_strided(double[:] x, double[:] y, double[:] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])


def nothing(double[::1] x):
    cdef Py_ssize_t i
    for i in prange(2, nogil=True):
        x[i] = i
