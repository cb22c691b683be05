# cython: language_level=3
"""Items and slices of Python's containers, read and written."""
cimport cython


def list_constant(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x[3]
    return s


def list_index(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(len(x)):
            s = x[k]
    return s


def list_negative(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x[-1]
    return s


@cython.boundscheck(False)
@cython.wraparound(False)
def list_unchecked(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return s


def tuple_index(tuple x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(len(x)):
            s = x[k]
    return s


@cython.boundscheck(False)
@cython.wraparound(False)
def tuple_unchecked(tuple x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return s


def generic_index(x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return s


def generic_constant(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x[2]
    return s


@cython.wraparound(False)
def generic_nowrap(x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return s


def generic_object(x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x[k]
    return s


def dict_object(dict x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x[k]
    return s


def dict_constant(dict x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x["a"]
    return s


def str_index(str x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef long s = 0
    for i in range(n):
        for k in range(16):
            s += ord(x[k])
    return s


def str_index_object(str x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    s = None
    for i in range(n):
        for k in range(16):
            s = x[k]
    return s


def bytes_index(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef long s = 0
    for i in range(n):
        for k in range(16):
            s += x[k]
    return s


def bytearray_index(bytearray x, Py_ssize_t n):
    cdef Py_ssize_t i, k
    cdef long s = 0
    for i in range(n):
        for k in range(16):
            s += x[k]
            x[k] = 65
    return s


def list_set(list x, v, Py_ssize_t n):
    cdef Py_ssize_t i, k
    for i in range(n):
        for k in range(16):
            x[k] = v
    return len(x)


def generic_set(x, v, Py_ssize_t n):
    cdef Py_ssize_t i, k
    for i in range(n):
        for k in range(16):
            x[k] = v
    return len(x)


def generic_set_object(x, k, v, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x[k] = v
    return len(x)


def dict_set(dict x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x[k] = None
    return len(x)


def delete_items(dict x, list y, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x["key"] = None
        del x["key"]
        y.append(None)
        del y[-1]
    return len(x) + len(y)


def list_slice(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[1:4])
        s += len(x[:-2])
    return s


def tuple_slice(tuple x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[1:4])
        s += len(x[2:])
    return s


def str_slice(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[1:6])
        s += len(x[:-1])
    return s


def bytes_slice(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[1:6])
        s += len(x[:-1])
    return s


def generic_slice(x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[1:4])
    return s


def generic_slice_objects(x, a, b, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x[a:b])
        s += len(x[a:b:2])
    return s


def slice_set(list x, list y, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x[1:4] = y
    return len(x)


def contains(list x, tuple t, dict d, set s, str text, v, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if v in x:
            found += 1
        if v in t:
            found += 1
        if v in d:
            found += 1
        if v not in s:
            found += 1
        if "b" in text:
            found += 1
    return found


def contains_generic(x, v, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if v in x:
            found += 1
    return found


def contains_constants(v, Py_ssize_t n):
    cdef Py_ssize_t i, found = 0
    for i in range(n):
        if v in ("one", "two", "three"):
            found += 1
        if v in {"four", "three"}:
            found += 1
    return found


def lengths(list a, tuple b, dict c, str d, bytes e, set f, g, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(a) + len(b) + len(c) + len(d) + len(e) + len(f) + len(g)
    return s
