# cython: language_level=3
"""Loops over Python's containers, comprehensions, and what lists and sets do."""


def over_list(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in x:
            pass
    return s


def over_tuple(tuple x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in x:
            pass
    return s


def over_generic(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in x:
            pass
    return s


def over_reversed(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in reversed(x):
            pass
    return s


def over_dict(dict x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in x:
            pass
    return s


def over_items(dict x, Py_ssize_t n):
    cdef Py_ssize_t i
    k = v = None
    for i in range(n):
        for k, v in x.items():
            pass
    return k, v


def over_values(dict x, Py_ssize_t n):
    cdef Py_ssize_t i
    v = None
    for i in range(n):
        for v in x.values():
            pass
    return v


def over_generic_items(x, Py_ssize_t n):
    cdef Py_ssize_t i
    k = v = None
    for i in range(n):
        for k, v in x.items():
            pass
    return k, v


def over_set(set x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        for v in x:
            s += 1
    return s


def over_str(str x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    cdef Py_UCS4 c
    for i in range(n):
        for c in x:
            s += ord(c)
    return s


def over_str_objects(str x, Py_ssize_t n):
    cdef Py_ssize_t i
    c = None
    for i in range(n):
        for c in x:
            pass
    return c


def over_bytes(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    cdef unsigned char c
    for i in range(n):
        for c in x:
            s += c
    return s


def over_bytes_objects(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i
    c = None
    for i in range(n):
        for c in x:
            pass
    return c


def over_enumerate(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    k = v = None
    for i in range(n):
        for k, v in enumerate(x):
            pass
    return k, v


def over_zip(list x, list y, Py_ssize_t n):
    cdef Py_ssize_t i
    k = v = None
    for i in range(n):
        for k, v in zip(x, y):
            pass
    return k, v


def over_range(Py_ssize_t n, m):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        for s in range(m):
            pass
    return s


def over_pairs(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    a = b = None
    for i in range(n):
        for a, b in x:
            pass
    return a, b


def list_comprehension(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len([v for v in x if v is not None])
    return s


def set_comprehension(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len({v for v in x})
    return s


def dict_comprehension(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len({v: None for v in x})
    return s


def any_all(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        if any(v is None for v in x):
            s += 1
        if all(v is not None for v in x):
            s += 1
    return s


def sum_generator(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = sum(v for v in x)
    return s


def append_pop(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef list x = []
    for i in range(n):
        x.append(None)
        x.append(x)
        x.pop()
    while x:
        x.pop()
    return len(x)


def append_generic(x, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x.append(None)
        x.pop()
    return len(x)


def pop_index(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x.append(x.pop(0))
        x.append(x.pop(-2))
    return len(x)


def list_methods(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef list y
    for i in range(n):
        y = x.copy()
        y.extend((1, 2))
        y.insert(0, None)
        y.reverse()
        y.remove(None)
    return y


def list_plus(list x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x + [1, 2])
        s += len([None] * 4)
    return s


def displays(a, b, c, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len((a, b, c))
        s += len([a, b, c])
        s += len({a: b, b: c})
        s += len({a, b, c})
    return s


def displays_merged(list a, dict b, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len([*a, 1, *a])
        s += len({**b, "x": 1})
    return s


def set_methods(set x, v, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x.add(v)
        x.discard(v)
        x.add(v)
        x.remove(v)
    return len(x)


def set_operators(set x, set y, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x | y) + len(x & y) + len(x - y)
    return s


def dict_get(dict x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    v = None
    for i in range(n):
        v = x.get(k)
        v = x.get("none", 1)
    return v


def dict_setdefault(dict x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    v = None
    for i in range(n):
        v = x.setdefault(k, 5)
    return v


def dict_pop(dict x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    v = None
    for i in range(n):
        x[k] = 1
        v = x.pop(k)
        v = x.pop(k, None)
    return v


def dict_update(dict x, dict y, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        x.update(y)
    return len(x)


def dict_generic_get(x, k, Py_ssize_t n):
    cdef Py_ssize_t i
    v = None
    for i in range(n):
        v = x.get(k)
    return v


def dict_views(dict x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(list(x.keys())) + len(list(x.values())) + len(x.copy())
    return s


def sorted_plain(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    y = None
    for i in range(n):
        y = sorted(x)
    return y


def sorted_key(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    y = None
    for i in range(n):
        y = sorted(x, key=lambda v: -v, reverse=True)
    return y


def mapped(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    y = None
    for i in range(n):
        y = list(map(lambda v: v, x))
        y = list(filter(lambda v: v is not None, y))
    return y


def minimum(list x, a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    y = None
    for i in range(n):
        y = min(x)
        y = max(a, b, 3)
    return y


def conversions(list x, tuple y, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(tuple(x)) + len(list(y)) + len(set(y)) + len(list(x))
    return s
