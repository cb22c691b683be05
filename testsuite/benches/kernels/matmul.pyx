# cython: language_level=3, boundscheck=False, wraparound=False
"""The naive matrix product, and a stencil with bounds checks."""
cimport cython


def matmul(double[:, ::1] a, double[:, ::1] b, double[:, ::1] c):
    cdef Py_ssize_t i, j, k
    cdef double t
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            t = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += t * b[k, j]
    return c[1, 2]


@cython.boundscheck(True)
@cython.wraparound(True)
def stencil_checked(double[:, ::1] a, double[:, ::1] b, int steps):
    cdef Py_ssize_t i, j
    cdef int s
    for s in range(steps):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        a, b = b, a
    return a[1, 1] + a[2, 2]
