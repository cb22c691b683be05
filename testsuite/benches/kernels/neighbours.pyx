# cython: language_level=3, boundscheck=False, wraparound=False
"""Neighbours on a grid that happens to be contiguous, and the same where the type says so."""


def neighbours(unsigned char[:, :] grid, int[:, :] out):
    cdef Py_ssize_t i, j, a, b
    cdef int count
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            count = 0
            for a in range(-1, 2):
                for b in range(-1, 2):
                    count += grid[i + a, j + b]
            out[i, j] = count - grid[i, j]
    return out[1, 1] + out[2, 3]


def neighbours_contiguous(unsigned char[:, ::1] grid, int[:, ::1] out):
    cdef Py_ssize_t i, j, a, b
    cdef int count
    for i in range(1, grid.shape[0] - 1):
        for j in range(1, grid.shape[1] - 1):
            count = 0
            for a in range(-1, 2):
                for b in range(-1, 2):
                    count += grid[i + a, j + b]
            out[i, j] = count - grid[i, j]
    return out[1, 1] + out[2, 3]
