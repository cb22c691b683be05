# distutils: extra_compile_args = -fopenmp
# distutils: extra_link_args = -fopenmp
"""Memoryviews, prange, a cdef class and a generator."""
from cython.parallel import prange


cdef class Account:
    cdef double total
    cdef public int count

    def __init__(self):
        self.total = 0.0

    cpdef double add(self, double x):
        self.total += x
        self.count += 1
        return self.total


def parallel_sum(double[:] x):
    cdef double s = 0
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
    return s


def smooth(double[:, ::1] a, double[:, ::1] b):
    cdef Py_ssize_t i, j
    for i in range(1, a.shape[0] - 1):
        for j in range(1, a.shape[1] - 1):
            b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])


def squares(int n):
    for i in range(n):
        yield i * i


def f(x):
    return sum(squares(x)) + parallel_sum(memoryview(bytearray(8 * x)).cast("d"))
