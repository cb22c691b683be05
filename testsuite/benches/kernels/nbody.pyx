# cython: language_level=3, cdivision=True
"""The planets' orbits, on C structs."""
from libc.math cimport sqrt

cdef struct Body:
    double x, y, z, vx, vy, vz, mass

cdef Body bodies[5]


cdef void advance(int steps, double dt) noexcept:
    cdef int s, i, j
    cdef double dx, dy, dz, d2, mag
    for s in range(steps):
        for i in range(5):
            for j in range(i + 1, 5):
                dx = bodies[i].x - bodies[j].x
                dy = bodies[i].y - bodies[j].y
                dz = bodies[i].z - bodies[j].z
                d2 = dx * dx + dy * dy + dz * dz
                mag = dt / (d2 * sqrt(d2))
                bodies[i].vx -= dx * bodies[j].mass * mag
                bodies[i].vy -= dy * bodies[j].mass * mag
                bodies[i].vz -= dz * bodies[j].mass * mag
                bodies[j].vx += dx * bodies[i].mass * mag
                bodies[j].vy += dy * bodies[i].mass * mag
                bodies[j].vz += dz * bodies[i].mass * mag
        for i in range(5):
            bodies[i].x += dt * bodies[i].vx
            bodies[i].y += dt * bodies[i].vy
            bodies[i].z += dt * bodies[i].vz


def nbody(start, int steps):
    cdef int i
    cdef double energy = 0
    for i, body in enumerate(start):
        bodies[i].x, bodies[i].y, bodies[i].z = body[0], body[1], body[2]
        bodies[i].vx, bodies[i].vy, bodies[i].vz = body[3], body[4], body[5]
        bodies[i].mass = body[6]
    advance(steps, 0.01)
    for i in range(5):
        energy += bodies[i].vx * bodies[i].mass
    return energy
