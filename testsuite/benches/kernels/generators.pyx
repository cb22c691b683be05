# cython: language_level=3
"""Generators: a pipeline, recursion, and a generator expression."""


def numbers(int n):
    cdef int i
    for i in range(n):
        yield i


def odd(it):
    for x in it:
        if x & 1:
            yield x


def pipeline(int n):
    total = 0
    for x in odd(numbers(n)):
        total += x
    return total


def walk(int depth):
    if depth > 0:
        yield from walk(depth - 1)
        yield depth
        yield from walk(depth - 1)


def recursive(int depth):
    return sum(walk(depth))


def expression(int n):
    return sum(x * x for x in range(n))
