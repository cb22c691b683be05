# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""2 * (x - y) / (x + y), where the types say contiguous, where they do not, and in float."""


def rel_diff(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])
    return out[7]


def rel_diff_strided(double[:] x, double[:] y, double[:] out):
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])
    return out[7]


def rel_diff_float(float[:] x, float[:] y, float[:] out):
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = (x[i] - y[i]) / (x[i] + y[i])
    return out[7]
