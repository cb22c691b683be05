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
