# cython: language_level=3
"""Attributes of Python objects and of cdef classes, globals, instances that are made."""

LEVEL = 5


class Plain:
    shared = 3

    def __init__(self, a):
        self.a = a

    @property
    def value(self):
        return self.a


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


cdef class Point:
    cdef public object a
    cdef public long number
    cdef public double real
    cdef readonly Point next
    cdef list items

    def __init__(self, a=None):
        self.a = a
        self.items = []

    @property
    def value(self):
        return self.a

    @value.setter
    def value(self, v):
        self.a = v

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return i

    def __add__(self, other):
        return self

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return 1

    def __call__(self, x):
        return x

    def __contains__(self, x):
        return x is None

    def __iter__(self):
        return iter(())

    def __bool__(self):
        return True


cdef class Small:
    cdef int k

    def __cinit__(self, int k):
        self.k = k


def read(x, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    s = None
    for i in range(n):
        s = x.a
    return s


def write(x, v, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    for i in range(n):
        x.a = v
    return x.a


def read_shared(x, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    s = None
    for i in range(n):
        s = x.shared
    return s


def read_property(x, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    s = None
    for i in range(n):
        s = x.value
    return s


def write_property(x, v, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    for i in range(n):
        x.value = v
    return x.value


def read_number(x, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    s = t = None
    for i in range(n):
        s = x.number
        t = x.real
    return s, t


def write_number(x, v, Py_ssize_t n):
    cdef Py_ssize_t i
    x = instance(x)
    for i in range(n):
        x.number = v
    return x.number


def typed_read(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Point x = Point(7)
    s = None
    for i in range(n):
        s = x.a
    return s


def typed_write(v, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Point x = Point(7)
    for i in range(n):
        x.a = v
        x.number = i
    return x.a


def typed_property(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Point x = Point(7)
    s = None
    for i in range(n):
        s = x.value
    return s


def typed_items(Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef Point x = Point(7)
    for i in range(n):
        x.items.append(None)
        s += len(x.items)
        x.items.pop()
    return s


def linked(Py_ssize_t m, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef Point first = None, one
    for i in range(m):
        one = Point()
        one.next = first
        first = one
    for i in range(n):
        one = first
        while one is not None:
            s += one.number
            one = one.next
    while first is not None:
        first = first.next
    return s


def special_methods(x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    x = instance(x)
    t = x
    for i in range(n):
        s += len(x)
        t = x[1]
        t = x + 1
        t = x(t)
        if x == t:
            s += 1
        if None in x:
            s += 1
        if x:
            s += 1
    return s


def typed_special_methods(Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef Point x = Point(7)
    t = x
    for i in range(n):
        s += len(x)
        t = x[1]
        t = x + 1
        t = x(t)
        if x == t:
            s += 1
        if None in x:
            s += 1
        if x:
            s += 1
    return s


def make_plain(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = Plain(i)
    return s.a


def make_cdef(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = Point(i)
    return s.a


def make_small(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Small s = None
    for i in range(n):
        s = Small(i)
    return s.k


def make_new(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Small s = None
    for i in range(n):
        s = Small.__new__(Small, i)
    return s.k


def define_class(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        class Local:
            def method(self):
                return 1
        s = Local
    return s.__name__


def read_global(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = LEVEL
    return s


def write_global(Py_ssize_t n):
    global LEVEL
    cdef Py_ssize_t i
    for i in range(n):
        LEVEL = 5
    return LEVEL


def read_builtin(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = ValueError
    return s.__name__


def get_has(x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    x = instance(x)
    v = None
    for i in range(n):
        v = getattr(x, "a")
        v = getattr(x, "b", None)
        if hasattr(x, "a"):
            s += 1
        if hasattr(x, "b"):
            s += 1
    return s


def is_instance(x, y, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    y = instance(y)
    for i in range(n):
        if isinstance(x, int):
            s += 1
        if isinstance(x, (list, str)):
            s += 1
        if isinstance(y, Point):
            s += 1
        if isinstance(y, Plain):
            s += 1
        if type(x) is int:
            s += 1
    return s


def type_test(Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef list x = [Point(1), Point(2), Point(3)]
    cdef Point p
    for i in range(n):
        for one in x:
            p = one
            s += p.number
            p = <Point?>one
    return s


def instance(kind):
    if kind == "plain":
        return Plain(7)
    if kind == "slotted":
        return Slotted(7)
    return Point(7)
