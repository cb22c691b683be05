# cython: language_level=3
"""Exceptions in a loop: raised, met in C, and not raised at all."""


cdef int fail(int i) except -1:
    if i % 2:
        raise ValueError(i)
    return i


def raised(int n):
    cdef int i, caught = 0
    for i in range(n):
        try:
            fail(i)
        except ValueError:
            caught += 1
    return caught


def parse(items):
    caught = 0
    for item in items:
        try:
            int(item)
        except ValueError:
            caught += 1
    return caught


def not_raised(int n):
    cdef int i
    total = 0
    for i in range(n):
        try:
            total += fail(2 * i)
        except ValueError:
            total -= 1
        finally:
            total += 1
    return total
