# cython: language_level=3
"""Calls of Python functions, methods, C functions and built-in ones; closures."""


def nothing():
    return None


def one(x):
    return x


def three(a, b, c=None):
    return b


def star(*args):
    return args


def double_star(**kwargs):
    return kwargs


def both(*args, **kwargs):
    return args


def keyword_only(a, *, b=1, c=2):
    return b


class Plain:
    def method(self):
        return self

    def add(self, x):
        return x

    @staticmethod
    def static(x):
        return x

    @classmethod
    def made(cls, x):
        return x


cdef class Typed:
    cdef long k

    def method(self):
        return self

    def add(self, x):
        return x

    cdef object inner(self, x):
        return x

    cpdef object both(self, x):
        return x

    cdef long number(self, long x) except? -1:
        self.k += x
        return self.k

    @staticmethod
    def static(x):
        return x

    @classmethod
    def made(cls, x):
        return x


cdef class Derived(Typed):
    cdef object inner(self, x):
        return Typed.inner(self, x)

    def method(self):
        return super().method()


cdef object c_function(object a, object b):
    return b


cdef list c_list(list a):
    return a


cpdef object cp_function(a, b=None):
    return b


def call_nothing(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = nothing()
    return s


def call_one(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = one(s)
    return s


def call_three(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = three(s, s, s)
        s = three(s, s)
    return s


def call_keywords(f, Py_ssize_t n):
    cdef Py_ssize_t i
    f = named(f)
    s = 1
    for i in range(n):
        s = f(s, b=s, c=1)
    return s


def call_star(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = star(*x)
        s = star(1, 2, 3)
    return s


def call_double_star(dict x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = double_star(**x)
        s = double_star(a=1, b=2)
    return s


def call_both(list x, dict y, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = both(*x, **y)
    return s


def call_keyword_only(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = keyword_only(s, b=s)
        s = keyword_only(s)
    return s


def call_object(f, x, Py_ssize_t n):
    cdef Py_ssize_t i
    f = named(f)
    s = None
    for i in range(n):
        s = f(x)
    return s


def call_object_nothing(f, Py_ssize_t n):
    cdef Py_ssize_t i
    f = named(f)
    s = None
    for i in range(n):
        s = f()
    return s


def call_builtin(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = sum(x)
        s = id(x)
        s = hash(s)
    return s is None


def call_type(Py_ssize_t n, x):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = dict(a=x)
        s = list()
        s = type(x)
    return s is None


def method_plain(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = None
    for i in range(n):
        s = x.method()
    return s is x


def method_argument(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = 1
    for i in range(n):
        s = x.add(s)
    return s


def method_keywords(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = 1
    for i in range(n):
        s = x.add(x=s)
    return s


def method_static(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = 1
    for i in range(n):
        s = x.static(s)
        s = x.made(s)
    return s


def method_bound(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = 1
    f = x.add
    for i in range(n):
        s = f(s)
    return s


def method_unbound(Py_ssize_t n, x):
    cdef Py_ssize_t i
    x = instance(x)
    s = 1
    for i in range(n):
        s = Plain.add(x, s)
    return s


def method_unbound_builtin(Py_ssize_t n, str x):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = str.upper(x)
        s = str.center(x, 9)
    return s


def typed_method(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Typed x = Typed()
    s = 1
    for i in range(n):
        s = x.add(s)
    return s


def typed_inner(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Typed x = Derived()
    s = 1
    for i in range(n):
        s = x.inner(s)
    return s


def typed_both(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Typed x = Derived()
    s = 1
    for i in range(n):
        s = x.both(s)
    return s


def typed_number(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef Typed x = Typed()
    for i in range(n):
        x.number(i)
    return x.k


def typed_super(Py_ssize_t n):
    cdef Py_ssize_t i
    x = Derived()
    s = None
    for i in range(n):
        s = x.method()
    return s is x


def call_c(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef list x = []
    s = 1
    for i in range(n):
        s = c_function(s, s)
        x = c_list(x)
    return s


def call_cpdef(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = cp_function(s, s)
        s = cp_function(s)
    return s


def closure(Py_ssize_t n, x):
    cdef Py_ssize_t i
    s = None

    def inner(y):
        return x

    for i in range(n):
        s = inner(i)
    return s


def closure_state(Py_ssize_t n):
    cdef Py_ssize_t i
    count = 0

    def step():
        nonlocal count
        count += 1

    for i in range(n):
        step()
    return count


def closure_made(Py_ssize_t n, x):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = maker(x)()
    return s


def maker(x):
    def inner():
        return x
    return inner


def lambda_made(Py_ssize_t n, x):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = (lambda a, b=1: a)(x)
    return s


def decorator(f):
    def wrapped(*args, **kwargs):
        return f(*args, **kwargs)
    return wrapped


@decorator
def decorated(a, b):
    return b


def call_decorated(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = decorated(s, s)
    return s


def defaults(Py_ssize_t n):
    cdef Py_ssize_t i
    s = 1
    for i in range(n):
        s = typed_arguments(i, 2.0)
    return s


def typed_arguments(long a, double b, int c=3, bint d=False):
    return a


def instance(kind):
    return Plain() if kind == "plain" else Typed() if kind == "typed" else Derived()


def named(f):
    return globals()[f] if isinstance(f, str) else f
