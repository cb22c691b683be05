# cython: language_level=3, cdivision=True
"""Escape times; floating point in registers."""


def mandelbrot(int n, int limit):
    cdef int i, j, k, inside = 0
    cdef double x, y, zx, zy, t
    for i in range(n):
        for j in range(n):
            x = -2.0 + 3.0 * i / n
            y = -1.5 + 3.0 * j / n
            zx = zy = 0
            for k in range(limit):
                t = zx * zx - zy * zy + x
                zy = 2 * zx * zy + y
                zx = t
                if zx * zx + zy * zy > 4:
                    break
            else:
                inside += 1
    return inside
