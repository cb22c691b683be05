# cython: language_level=3, boundscheck=False, wraparound=False
"""Primes; a step known at run time, and a list of results."""


def sieve(unsigned char[::1] flags):
    cdef Py_ssize_t i, j, n = flags.shape[0]
    cdef int count = 0
    for i in range(2, n):
        flags[i] = 1
    for i in range(2, n):
        if flags[i]:
            count += 1
            j = i * i
            while j < n:
                flags[j] = 0
                j += i
    return count


def sieve_list(int n):
    cdef int i, j
    flags = bytearray(n)
    primes = []
    for i in range(2, n):
        if not flags[i]:
            primes.append(i)
            for j in range(i, n, i):
                flags[j] = 1
    return len(primes)
