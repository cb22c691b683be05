# cython: language_level=3
"""What one call from Python costs."""
cimport cython

ctypedef fused number:
    int
    double


def two_ints(int a, int b):
    return a + b


def view(double[:] x):
    return x.shape[0]


def fused(number a, number b):
    return a + b


def integral(cython.integral a, cython.integral b):
    return a + b


def floating(cython.floating a, cython.floating b):
    return a + b


def numeric(cython.numeric a, cython.numeric b):
    return a + b


def two_types(cython.integral a, cython.floating b):
    return a + b


cpdef cpdef_fused(number a, number b):
    return a + b


ctypedef fused scalar_or_view:
    double
    double[:]


def with_views(scalar_or_view a, scalar_or_view b):
    return 1


ctypedef fused some_view:
    float[:]
    double[:]


def views(some_view a, int b):
    return b


def clip(number[:] a, number low, number high):
    return 1
