# cython: boundscheck=False, wraparound=False, cdivision=True
"""Heat spreading over a plate: a stencil over memoryviews, a cdef class, prange, a generator."""

from cython.parallel import prange

cdef double FACTOR = 0.25


cdef class Plate:
    """A square plate with a hot edge."""

    cdef double[:, ::1] now
    cdef double[:, ::1] then
    cdef readonly int steps

    def __init__(self, double[:, ::1] start, double[:, ::1] scratch):
        self.now = start
        self.then = scratch
        self.steps = 0

    cpdef double step(self):
        """One step; returns the largest change."""
        cdef Py_ssize_t i, j, n = self.now.shape[0], m = self.now.shape[1]
        cdef double[:, ::1] a = self.now
        cdef double[:, ::1] b = self.then
        cdef double change, largest = 0
        for i in prange(1, n - 1, nogil=True, schedule="static"):
            for j in range(1, m - 1):
                b[i, j] = FACTOR * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                change = b[i, j] - a[i, j]
                if change < 0:
                    change = -change
                if change > largest:
                    largest = change
        self.now, self.then = b, a
        self.steps += 1
        return largest


def total(double[:, ::1] plate):
    """The plate's heat."""
    cdef double s = 0
    cdef Py_ssize_t i, j
    for i in prange(plate.shape[0], nogil=True):
        for j in range(plate.shape[1]):
            s += plate[i, j]
    return s


def changes(Plate plate, double until):
    """The largest change of each step, as long as it is above ``until``."""
    cdef double largest = until + 1
    while largest > until:
        largest = plate.step()
        yield largest
