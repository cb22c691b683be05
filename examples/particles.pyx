# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# distutils: extra_compile_args = -O2 -fopenmp
# distutils: extra_link_args = -fopenmp
"""Particles that fall and bounce: memoryviews, a cdef class, prange and a generator."""

from cython.parallel cimport prange
from libc.math cimport sqrt

cdef double GRAVITY = -9.81     # metres per second squared


cdef class Box:
    """Particles above a floor.  Heights in metres, velocities in metres per second."""

    cdef double[::1] height
    cdef double[::1] velocity
    cdef readonly long bounces

    def __init__(self, double[::1] height, double[::1] velocity):
        if height.shape[0] != velocity.shape[0]:
            raise ValueError("height and velocity differ in length")
        self.height = height
        self.velocity = velocity
        self.bounces = 0

    cpdef long step(self, double seconds):
        """Move all particles; how many touched the floor."""
        cdef Py_ssize_t i, count = self.height.shape[0]
        cdef double[::1] height = self.height
        cdef double[::1] velocity = self.velocity
        cdef double gravity = GRAVITY
        cdef long touched = 0
        for i in prange(count, nogil=True, schedule="static"):
            velocity[i] += gravity * seconds
            height[i] += velocity[i] * seconds
            if height[i] < 0:
                height[i] = -height[i]
                velocity[i] = -velocity[i] * 0.9
                touched += 1
        self.bounces += touched
        return touched

    cpdef double speed(self):
        """Root mean square of the velocities."""
        cdef Py_ssize_t i
        cdef double total = 0
        for i in range(self.velocity.shape[0]):
            total += self.velocity[i] * self.velocity[i]
        return sqrt(total / self.velocity.shape[0])


def simulate(box: Box, int steps, double seconds):
    """Yield the mean speed after each step."""
    for _ in range(steps):
        box.step(seconds)
        yield box.speed()


def final_speed(double[::1] height, double[::1] velocity, int steps=100):
    """The mean speed after a number of steps of a millisecond each."""
    speed = 0.0
    for speed in simulate(Box(height, velocity), steps, 1e-3):
        pass
    return speed
