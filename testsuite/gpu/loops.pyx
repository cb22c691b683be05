# cython: language_level=3
"""Loops that run on the CPU and on a GPU, besides those of examples/gpu_kernels.pyx: cases.py compares."""

from cython.parallel import prange
from libc.math cimport (
    atan2, cos, erf, exp, expf, fabs, floor, fma, fmod, hypot, log, pow, sin, sinf, sqrt, sqrtf, tan, tanh,
)

cdef struct point:
    double x
    float y
    int tag

cdef double scale = 2.5
cdef int offset = 7

cdef double half(double value, double by) except? -1 nogil:
    return value / by

cdef int check_sign(const double[:] y, Py_ssize_t i) except -1 nogil:
    if y[i] < 0:
        raise ValueError("negative value")
    return 0

cdef inline double horner(double x) noexcept nogil:
    cdef int k
    cdef double total = 0
    for k in range(5):
        total = total * x + k
    return total

cdef double deeper(double x) noexcept nogil:
    return horner(x) + horner(-x)

def add(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = x[i] + y[i] * scale + offset
    return i

def strided(double[:] x, float[:] out):
    cdef Py_ssize_t i
    for i in prange(out.shape[0], nogil=True):
        out[i] = <float> (2 * x[i])

def quotients(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    with nogil:
        for i in prange(x.shape[0]):
            out[i] = x[i] / y[i]

def plane(double[:, :] a, double[:, :] out):
    cdef Py_ssize_t i, j = -1
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            out[i, j] = a[i, j] * 10 + i - j
    return i, j

def triangle(double[:, ::1] a):
    cdef Py_ssize_t i, j
    cdef double total = 0
    for i in prange(a.shape[0], nogil=True):
        for j in prange(i + 1):
            total += a[i, j]
    return total

def plane_sum(double[:, ::1] a):
    cdef Py_ssize_t i, j
    cdef long total = 0
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            total += <long> a[i, j]
    return total

def cube(int[:, :, ::1] a, int[:, :, ::1] out):
    cdef Py_ssize_t i, j, k
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            for k in range(a.shape[2]):
                out[i, j, k] = a[i, j, a.shape[2] - 1 - k]

def reductions(long[::1] x, long start):
    cdef Py_ssize_t i
    cdef long s = start, d = start, p = 1, a = -1, o = 0, e = 0, low = start, high = start
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
        d -= x[i]
        p *= (x[i] & 1) * 2 + 1
        a &= x[i] | 0xff00
        o |= x[i]
        e ^= x[i]
        low = min(low, x[i])
        high = max(high, x[i])
    return s, d, p, a, o, e, low, high

def unsigned_extremes(unsigned char[::1] x):
    cdef Py_ssize_t i
    cdef unsigned char low = 255, high = 0
    for i in prange(x.shape[0], nogil=True):
        if x[i] < low:
            low = x[i]
        high = x[i] if x[i] > high else high
    return low, high

def float_sum(float[::1] x):
    cdef Py_ssize_t i
    cdef float s = 0
    cdef double t = 1
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
        t *= 1 + x[i] / 1000
    return s, t

def last_values(int n):
    cdef int i = -5, twice = -6, steps = 0
    for i in prange(n, nogil=True):
        twice = 2 * i
        steps = steps + 0
    return i, twice

def last_of_range(int start, int stop, int step):
    cdef int i = -5, seen = -6
    for i in prange(start, stop, step, nogil=True):
        seen = i
    else:
        seen = seen + 1000
    return i, seen

def skips(int[::1] x, int[::1] out):
    cdef int i, k, n
    for i in prange(x.shape[0], nogil=True):
        n = x[i]
        if n < 0:
            continue
        k = 0
        while n != 1 and k < 100:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            k = k + 1
            if n == 0:
                break
        out[i] = k

def finds(int[::1] x, int wanted):
    cdef int i, found = 0
    for i in prange(x.shape[0], nogil=True):
        if x[i] == wanted:
            found += 1
            break
    else:
        found = -1
    return found

def helpers(double[::1] x, double[::1] out, double by):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = half(x[i], by) + deeper(x[i])
        check_sign(out, i)

def raises(double[::1] x, double limit):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        if x[i] > limit:
            with gil:
                raise OverflowError("more than the limit")

def divides(int[::1] x, int[::1] y, int[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = x[i] // y[i] + x[i] % y[i]

def beyond(double[:, :] x, Py_ssize_t column):
    cdef Py_ssize_t i
    cdef double total = 0
    for i in prange(x.shape[0], nogil=True):
        total += x[i, column]
    return total

def mathematics(double[::1] x, double[:, ::1] out):
    cdef Py_ssize_t i
    cdef double v
    for i in prange(x.shape[0], nogil=True):
        v = x[i]
        out[i, 0] = sin(v)
        out[i, 1] = cos(v)
        out[i, 2] = tan(v)
        out[i, 3] = exp(v)
        out[i, 4] = log(fabs(v) + 1)
        out[i, 5] = pow(fabs(v), 1.7)
        out[i, 6] = atan2(v, 2)
        out[i, 7] = sqrt(fabs(v))
        out[i, 8] = tanh(v)
        out[i, 9] = erf(v)
        out[i, 10] = fmod(v, 0.7)
        out[i, 11] = floor(v)
        out[i, 12] = hypot(v, 3)
        out[i, 13] = fma(v, v, v)
        out[i, 14] = v % 0.7
        out[i, 15] = v // 0.7

def single_mathematics(float[::1] x, float[:, ::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i, 0] = sinf(x[i])
        out[i, 1] = expf(x[i])
        out[i, 2] = sqrtf(x[i] * x[i])
        out[i, 3] = x[i] / 3

def complexes(double complex[::1] x, double complex[::1] out, double complex c):
    cdef Py_ssize_t i
    cdef double complex z
    cdef int k
    for i in prange(x.shape[0], nogil=True):
        z = 0
        for k in range(20):
            if z.real * z.real + z.imag * z.imag > 4:
                break
            z = z * z + x[i]
        out[i] = z * c

def table(unsigned char[::1] x, int[::1] out):
    cdef Py_ssize_t i
    cdef int[4] weights
    weights[0] = 1
    weights[1] = 10
    weights[2] = 100
    weights[3] = 1000
    for i in prange(x.shape[0], nogil=True):
        out[i] = weights[x[i] & 3]

def points(point[::1] p, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(p.shape[0], nogil=True):
        out[i] = p[i].x + p[i].y * p[i].tag

def shifted(double[::1] x):
    cdef double[::1] a = x[1:]
    cdef double[::1] b = x[:x.shape[0] - 1]
    cdef Py_ssize_t i
    for i in prange(0, a.shape[0], 2, nogil=True):
        b[i] = a[i] + 1

def in_place(double[:] x, int[:] n):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        x[i] *= 3
        x[i] += 1
        n[i] ^= 5

def solid(int[:, :, ::1] a, int[:, :, ::1] out):
    cdef Py_ssize_t i, j = -1, k = -1
    for i in prange(a.shape[0], nogil=True):
        for j in prange(1, a.shape[1]):
            for k in prange(a.shape[2] - 1, -1, -1):
                out[i, j, k] = a[i, j, a.shape[2] - 1 - k] - a[i, j - 1, k]
    return i, j, k

def solid_sum(double[:, :, :] a):
    cdef Py_ssize_t i, j, k
    cdef long last = -1, count = 0
    cdef double high = -1
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            for k in prange(0, a.shape[2], 2):
                count += 1
                last = <long> a[i, j, k]
                high = max(high, a[i, j, k])
    return count, last, high

def solid_raise(double[:, :, :] a, Py_ssize_t most):
    cdef Py_ssize_t i, j, k
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            for k in prange(a.shape[2]):
                a[i, j, k + most] += 1

cdef double dot(double[:] a, double[:] b) except? -1 nogil:
    cdef Py_ssize_t k
    cdef double s = 0
    for k in range(a.shape[0]):
        s += a[k] * b[k]
    return s

def row_products(double[:, :] x, double[:, :] y, double[:] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = dot(x[i, :], y[:, i]) + x[i][1]

def ranges(double[:, :] x, double[:] out, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = dot(x[i, a:b:c], x[i, a:b:c]) + dot(x[i, 1:], x[i, :-1]) + x[i, ::-1][0] + x[i, a:].shape[0]

def fields(point[:] p):
    cdef Py_ssize_t i
    for i in prange(p.shape[0], nogil=True):
        p[i].x = i
        p[i].y += p[i].tag

def complex_sum(double complex[:] x, double complex start):
    cdef Py_ssize_t i
    cdef double complex s = start, d = 0
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
        d -= x[i].real + 2j
    return s, d

def in_closure(double[:] x, double by):
    cdef double s = 0
    cdef long last = -1
    def inside(long more):
        nonlocal s, last
        cdef long k = -1
        cdef double[:] y = x
        for k in prange(y.shape[0], nogil=True):
            s += y[k] * by
            last = k + more
        return k
    return inside(10), s, last


def buffers(object[double, ndim=2, mode="strided"] x, object[int, ndim=1, mode="c"] columns, double by):
    cdef Py_ssize_t i, j, m = x.shape[0], n = x.shape[1]
    cdef double s = 0
    for i in prange(m, nogil=True):
        for j in range(n):
            x[i, j] = by * x[i, j] + columns[j]
            s += x[i, j]
    return s


def buffer_beyond(object[double, mode="strided"] x, Py_ssize_t to):
    cdef Py_ssize_t i
    for i in prange(to, nogil=True):
        x[i] += 1


def buffer_of_points(object[point, mode="strided"] x, float by):
    cdef Py_ssize_t i, n = len(x)
    for i in prange(n, nogil=True):
        x[i].y = by * x[i].tag


def cut_off(double[::1] x, float[::1] y, int[::1] i32, long[::1] i64, unsigned int[::1] u32,
            unsigned long[::1] u64, signed char[::1] i8, unsigned short[::1] u16):
    cdef Py_ssize_t i
    cdef long total = 0
    for i in prange(x.shape[0], nogil=True):
        i32[i] = <int> x[i]
        i64[i] = <long> x[i]
        u32[i] = <unsigned int> x[i]
        u64[i] = <unsigned long> x[i]
        i8[i] = <signed char> x[i]
        u16[i] = <unsigned short> x[i]
        total += <int> y[i] ^ <long> y[i] ^ <long> <unsigned long> y[i]
    return total


def cut_off_constants(int[::1] i32, unsigned long[::1] u64):
    cdef Py_ssize_t i
    for i in prange(i32.shape[0], nogil=True):
        i32[i] = <int> 3e9
        u64[i] = <unsigned long> 1e20
