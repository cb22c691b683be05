"""``prange`` in the places and with the statements that programs have it in: the same by both routes."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Both, outcome

np = pytest.importorskip("numpy")

STATEMENTS = """# cython: language_level=3
from cython.parallel import prange, parallel, threadid
cimport openmp

cdef struct Point:
    double x
    int n
    int[3] a

def different_strides(double[:, :] a, double[:, ::1] b, double[::1, :] c, double[:, :] out):
    cdef Py_ssize_t i, j
    cdef double s = 0
    for i in prange(a.shape[0], nogil=True, num_threads=3):
        for j in prange(a.shape[1]):
            out[i, j] = a[i, j] + 10 * b[i, j] + 100 * c[i, j]
            s += out[i, j]
    return s, i, j

def three_deep(int n, int m, int k):
    cdef int i = -1, j = -2, l = -3
    cdef long s = 0
    for i in prange(n, nogil=True, schedule="dynamic"):
        for j in prange(m, 0, -2):
            for l in prange(1, k, 3):
                s += i * 100 + j * 10 + l
    return s, i, j, l

def struct_read(int n):
    cdef Point p
    cdef int i
    cdef double s = 0
    p.x = 1.5
    p.n = 3
    p.a[0], p.a[1], p.a[2] = 1, 2, 3
    for i in prange(n, nogil=True, num_threads=2):
        s += p.x * i + p.a[i % 3]
    return s, p.n

def struct_assigned(int n):
    cdef Point p, q
    cdef int i
    p.x, p.n = -1, 0
    p.a[0] = p.a[1] = p.a[2] = 0
    q = p
    for i in prange(n, nogil=True, num_threads=2):
        q = p
        q.x = i
    return q.x

def struct_by_pointer(int n):
    cdef Point p
    cdef Point* at = &p
    cdef int i
    at.n = 0
    for i in prange(n, nogil=True, num_threads=2):
        if i == 5:
            at.n = i
    return p.n

def c_tuple(int n):
    cdef int i
    cdef (int, double) t = (0, 0)
    for i in prange(n, nogil=True):
        t = (i, i * 0.5)
    return t

def pointer_of_a_thread(int n):
    cdef int[10] a
    cdef int* p = a
    cdef int* q
    cdef int i
    for i in range(10):
        a[i] = i
    for i in prange(n, nogil=True):
        q = p + i
        q[0] = q[0] * 2
    return list(a)

def broken(int n, int at):
    cdef int i = -4, seen = -1
    for i in prange(n, nogil=True, num_threads=1):
        if i == at:
            break
        seen = i
    else:
        seen = seen + 1000
    return i, seen

def returned(int n, int at):
    cdef int i
    for i in prange(n, nogil=True, num_threads=1):
        if i == at:
            with gil:
                return i * 10
    return -1

cdef long returned_without_gil(long n, long at) noexcept nogil:
    cdef long i
    for i in prange(n):
        if i == at:
            return i * 10
    return -1

def returned_in_c(long n, long at):
    return returned_without_gil(n, at)

def continued(int n, int at):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True):
        if i % 3 == 0 or i == at:
            continue
        if i % 3 == 1:
            continue
        s += i
    return s

def handled(int n, int bad):
    cdef int i
    cdef long s = 0
    seen = []
    for i in prange(n, nogil=True, num_threads=2):
        with gil:
            try:
                try:
                    if i == bad:
                        raise ValueError(i)
                    s += 1
                finally:
                    seen.append(-i)
            except ValueError as e:
                seen.append(e.args[0])
    return s, sorted(seen)

def raised_while_handling(int n, int bad):
    cdef int i
    log = []
    try:
        for i in prange(n, nogil=True, num_threads=2):
            with gil:
                try:
                    if i == bad:
                        raise ValueError(i)
                except ValueError as e:
                    log.append("in")
                    raise KeyError(i) from e
                finally:
                    if i == bad:
                        log.append("finally")
    except KeyError as e:
        log.append((type(e).__name__, e.args, type(e.__cause__).__name__))
    return log

def finally_without_gil(int n, int bad):
    cdef int i
    cdef long s = 0, f = 0
    for i in prange(n, nogil=True, num_threads=1):
        try:
            if i == bad:
                with gil:
                    raise ValueError("x")
            s += i
        finally:
            f += 1
    return s, f

def gil_in_nogil_in_gil(int n, int bad):
    cdef int i
    cdef long s = 0, f = 0
    for i in prange(n, nogil=True, num_threads=2):
        with gil:
            try:
                try:
                    with nogil:
                        s += i
                        if i == bad:
                            with gil:
                                raise ValueError("x")
                finally:
                    f += 1
            except ValueError:
                f += 100
    return s, f

def broken_in_try(int n, int bad):
    cdef int i = -4, r = 0
    for i in prange(n, nogil=True, num_threads=1):
        try:
            if i == bad:
                break
            r = i
        finally:
            r = r + 1000
    return i, r

def continued_in_try(int n, int bad):
    cdef int i = -4
    cdef long r = 0, q = 0
    for i in prange(n, nogil=True, num_threads=2):
        try:
            if i % 2 or i == bad:
                continue
            r += i
        finally:
            q += 1
    return i, r, q

def loops_inside(int n, int at):
    cdef int i, k = 0
    cdef long s = 0
    for i in prange(n, nogil=True):
        k = 0
        while True:
            k = k + 1
            if k > i:
                break
            if k % 2 or k == at:
                continue
            s += k
    return s, k

def assigned_together(int n, int at):
    cdef int i, a = 0, b = 0, c = 0
    cdef long s = 0
    for i in prange(n, nogil=True):
        a = b = i
        if (c := i * 2) > 4:
            s += c if i % 2 else -c
    return a, b, c, s

def slices(double[:, :] x, double[:, :] y):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        x[i] = y[x.shape[0] - 1 - i]
        x[i, 1:3] = 7
    return np_list(x)

def np_list(double[:, :] x):
    return [list(row) for row in x]

def divided(long[::1] x):
    cdef Py_ssize_t i
    cdef long s = 0
    for i in prange(x.shape[0], nogil=True):
        s += 100 // x[i]
    return s

def too_large(int n):
    cdef int i
    cdef object big = 1 << 70
    cdef long v = 0
    for i in prange(n, nogil=True):
        with gil:
            v = big
    return v

def truths(int n):
    cdef int i
    cdef bint some = False, every = True
    for i in prange(n, nogil=True):
        some |= i == 5
        every &= i < 100
    return some, every

def narrow(bytes data):
    cdef const unsigned char[:] v = data
    cdef Py_ssize_t i
    cdef unsigned char x = 0
    cdef signed char y = 0
    cdef unsigned short z = 1
    for i in prange(v.shape[0], nogil=True):
        x ^= v[i]
        y += v[i]
        z *= v[i] | 1
    return x, y, z

def extended(int n):
    cdef int i
    cdef long double s = 0, p = 1
    for i in prange(n, nogil=True):
        s += i
        p *= 2
    return <double> s, <double> p

def locks(int n):
    cdef int i
    cdef openmp.omp_lock_t lock
    cdef long s = 0
    cdef long* p = &s
    openmp.omp_init_lock(&lock)
    for i in prange(n, nogil=True, num_threads=2):
        openmp.omp_set_lock(&lock)
        p[0] += i
        openmp.omp_unset_lock(&lock)
    openmp.omp_destroy_lock(&lock)
    return s

def empty(int n):
    cdef int i = 77, x = 5
    cdef double d = 2.5
    for i in prange(n, nogil=True):
        x = i
        d = i
    else:
        d = d + 1
    return i, x, d

def far(long n):
    cdef long i
    for i in prange(n, nogil=True, num_threads=1):
        if i == 100:
            break
    return i
"""

PLACES = """# cython: language_level=3
cimport cython
from cython.parallel import prange, parallel, threadid

ctypedef fused number:
    int
    long
    float
    double

def fused(number[:] x):
    cdef number s = 0
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
    return s

cdef number fused_in_c(number a, int n) noexcept nogil:
    cdef number s = 0
    cdef int i
    for i in prange(n):
        s += a
    return s

def fused_by_c():
    return fused_in_c[int](3, 10), fused_in_c[double](0.5, 10), fused_in_c[float](0.25, 4)

cpdef long cpdef_function(long n):
    cdef long i, s = 0
    for i in prange(n, nogil=True):
        s += i
    return s

cpdef long cpdef_nogil(long n) except? -1 nogil:
    cdef long i, s = 0
    for i in prange(n):
        s += i
    return s

cdef inline double inlined(double[::1] x, int threads) nogil:
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], num_threads=threads):
        s += x[i]
    return s

cdef inline int inlined_raising(double[::1] x) except -1 nogil:
    cdef Py_ssize_t i
    for i in prange(x.shape[0]):
        if x[i] < 0:
            with gil:
                raise ValueError("negative")
    return 7

def by_inlined(double[::1] x):
    cdef double r
    with nogil:
        r = inlined(x, 2) + inlined(x, 3)
    return r, inlined_raising(x)

cdef long recursive(int depth, int n) noexcept nogil:
    cdef int i
    cdef long s = 0
    if depth == 0:
        return 1
    for i in prange(n):
        s += recursive(depth - 1, n)
    return s

def by_recursion(int depth, int n):
    return recursive(depth, n)

cdef class Holder:
    cdef public long total
    cdef public double scale
    cdef double[::1] data
    cdef int[5] few
    cdef public list log
    def __init__(self, data, scale, total):
        self.data, self.scale, self.total, self.log = data, scale, total, []
        for i in range(5):
            self.few[i] = i
    def summed(self):
        cdef Py_ssize_t i
        cdef double s = 0
        for i in prange(self.data.shape[0], nogil=True):
            s += self.data[i] * self.scale + self.few[i % 5]
        return s
    cpdef double by_cpdef(self, int threads):
        cdef Py_ssize_t i
        cdef double s = 0
        for i in prange(self.data.shape[0], nogil=True, num_threads=threads):
            s += self.data[i] * self.scale
        return s
    cdef double item(self, Py_ssize_t i) noexcept nogil:
        return self.data[i] * 2
    def calls(self):
        cdef Py_ssize_t i
        cdef double s = 0
        for i in prange(self.data.shape[0], nogil=True):
            s += self.item(i)
        return s
    def writes(self):
        cdef Py_ssize_t i
        for i in prange(self.data.shape[0], nogil=True):
            self.data[i] = i * self.scale
        return list(self.data), list(self.few)
    def with_gil(self):
        cdef int i
        for i in prange(6, nogil=True, num_threads=2):
            with gil:
                self.log.append(i)
        return sorted(self.log)
    def to_total(self):
        cdef int i
        cdef long s = 0
        for i in prange(self.total, nogil=True):
            s += i
        return s

def methods(data):
    h = Holder(data, 2.0, 11)
    return h.summed(), h.by_cpdef(2), h.calls(), h.writes(), h.with_gil(), h.to_total()

def options(int n, int threads, int chunk, bint wanted):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True, schedule="dynamic", chunksize=chunk + 1, num_threads=threads * 2):
        s += i
    for i in prange(n, nogil=True, schedule="static", chunksize=chunk, num_threads=threads):
        s += i
    for i in prange(n, nogil=True, schedule="guided", chunksize=chunk):
        s += i
    for i in prange(n, nogil=True, schedule="runtime"):
        s += i
    for i in prange(n, nogil=True, use_threads_if=wanted):
        s += i
    for i in prange(n, nogil=True, use_threads_if=n > 10 and wanted, num_threads=threads):
        s += i
    return s

def threads_used(int threads, bint wanted, int[::1] who):
    cdef int i
    for i in prange(who.shape[0], nogil=True, num_threads=threads, use_threads_if=wanted, schedule="static"):
        who[i] = threadid()
    return sorted(set(who))

def generator(int n):
    cdef int i
    cdef long s = 0
    for k in range(3):
        for i in prange(n, nogil=True):
            s += i
        yield s

def closure(int n):
    cdef long s = 0
    cdef int q = 0
    def inner(int k):
        nonlocal s, q
        cdef int i
        for i in prange(n, nogil=True):
            s += k
            q = i
        return s, q
    return inner

def by_closure(int n):
    inner = closure(n)
    return [inner(2), inner(3)]

def by_generator(int n):
    return list(generator(n))

def in_lambda(int n):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True):
        s += i
    return (lambda: s + i)(), [s + k for k in range(3)]

async def coroutine(int n):
    cdef int i
    cdef long s = 0
    for i in prange(n, nogil=True):
        s += i
    return s

def by_coroutine(int n):
    try:
        coroutine(n).send(None)
    except StopIteration as e:
        return e.value

@cython.boundscheck(False)
def in_block(int n, int threads):
    cdef int i, thread = -1
    cdef long s = 0
    with nogil, parallel(num_threads=threads):
        thread = threadid()
        for i in prange(n, schedule="static"):
            s += i
    return s

def gil_in_block(int n):
    cdef int i
    cdef long s = 0
    with nogil, parallel(num_threads=2):
        with gil:
            pass
        for i in prange(n):
            s += 1
    return s
"""


def planes() -> list[tuple[str, tuple[Any, ...]]]:
    grid = np.arange(600.0).reshape(20, 30)
    calls = []
    for a in (grid[::2, ::-3], grid[:10, :10].T, np.asfortranarray(grid[:10, :10])):
        rows, columns = a.shape
        b, c = np.ones(a.shape), np.asfortranarray(np.arange(float(a.size)).reshape(a.shape))
        calls.append(("different_strides", (a, b, c, np.zeros((2 * rows, 2 * columns))[::2, ::2])))
    return calls


IN_TURN = ((10, 5), (10, 0), (10, 99), (0, 0))
ALL = ("broken", "returned", "returned_in_c", "continued", "handled", "raised_while_handling",
       "finally_without_gil", "gil_in_nogil_in_gil", "broken_in_try", "continued_in_try",
       "loops_inside", "assigned_together")  # fmt: skip


def test_statements(both: Both) -> None:
    mine, stock = both(STATEMENTS)
    small, other = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4) ** 2
    calls: list[tuple[str, tuple[Any, ...]]] = [
        *planes(),
        *(("three_deep", sizes) for sizes in ((5, 6, 7), (0, 6, 7), (3, 0, 7), (3, 4, 0))),
        ("struct_read", (100,)), ("struct_assigned", (10,)), ("struct_assigned", (0,)),
        ("struct_by_pointer", (10,)), ("c_tuple", (10,)), ("c_tuple", (0,)), ("pointer_of_a_thread", (10,)),
        *((name, pair) for name in ALL for pair in IN_TURN),
        ("slices", (small, other)), ("slices", (small, np.ones((3, 5)))),
        ("divided", (np.arange(1, 50),)), ("divided", (np.arange(50),)), ("too_large", (3,)),
        ("too_large", (0,)), ("truths", (3,)), ("truths", (200,)),
        ("narrow", (bytes(range(256)),)), ("extended", (100,)),
        ("locks", (50,)),
        *(("empty", (n,)) for n in (0, 1, -5, 4)), ("far", (10**7,)),
    ]  # fmt: skip
    compare(mine, stock, calls)


def test_places(both: Both) -> None:
    mine, stock = both(PLACES)
    x = np.random.default_rng(3).integers(-50, 50, 101).astype(float)
    whole = x.astype(int)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        *(("fused", (x.astype(kind),)) for kind in ("i4", "i8", "f4", "f8")),
        ("fused_by_c", ()), ("cpdef_function", (100,)), ("cpdef_nogil", (100,)),
        ("by_inlined", (x,)), ("by_inlined", (abs(x),)), ("by_recursion", (3, 4)), ("methods", (x,)),
        *(("options", four) for four in ((100, 2, 3, True), (100, 1, 1, False), (5, 3, 100, True),
                                         (0, 2, 3, True), (100, 0, 3, True))),
        *(("threads_used", (*pair, whole.astype("i4"))) for pair in ((4, True), (4, False), (1, True))),
        ("by_generator", (10,)), ("by_closure", (10,)), ("in_lambda", (10,)), ("by_coroutine", (10,)),
        ("in_block", (100, 3)), ("gil_in_block", (10,)),
    ]  # fmt: skip
    compare(mine, stock, calls)


def compare(mine: Any, stock: Any, calls: list[tuple[str, tuple[Any, ...]]]) -> None:
    for name, arguments in calls:
        found = []
        for module in (mine, stock):
            given = [one.copy(order="K") if isinstance(one, np.ndarray) else one for one in arguments]
            result = outcome(getattr(module, name), *given)
            found.append((result, [one.tolist() for one in given if isinstance(one, np.ndarray)]))
        assert found[0] == found[1], (name, arguments)
