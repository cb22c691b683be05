# cython: language_level=3
"""Unpacking, exceptions, with, match, generators."""


def swap(a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        a, b = b, a
    return a, b


def unpack_tuple(x, Py_ssize_t n):
    cdef Py_ssize_t i
    a = b = c = None
    for i in range(n):
        a, b, c = x
    return a, b, c


def unpack_typed(tuple x, Py_ssize_t n):
    cdef Py_ssize_t i
    a = b = c = None
    for i in range(n):
        a, b, c = x
    return a, b, c


def unpack_star(x, Py_ssize_t n):
    cdef Py_ssize_t i
    a = b = None
    for i in range(n):
        a, *b = x
    return a, b


def unpack_nested(x, Py_ssize_t n):
    cdef Py_ssize_t i
    a = b = c = None
    for i in range(n):
        a, (b, c) = x
    return a, b, c


def try_nothing(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        try:
            s = x[0]
        except IndexError:
            s = None
    return s


def try_finally(x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    s = None
    for i in range(n):
        try:
            s = x[0]
        finally:
            k += 1
    return k


def try_caught(dict x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        try:
            x["missing"]
        except KeyError:
            k += 1
    return k


def try_caught_as(Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        try:
            raise ValueError("no")
        except (TypeError, ValueError) as e:
            k += len(e.args)
    return k


def raise_through(Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        try:
            raiser(i)
        except ValueError:
            k += 1
    return k


def raiser(x):
    raise ValueError(x)


cdef class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return False


class PlainManager:
    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


def with_typed(Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    x = Manager()
    for i in range(n):
        with x:
            k += 1
    return k


def with_plain(Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    x = PlainManager()
    for i in range(n):
        with x as y:
            k += 1
    return k


def match_constant(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        for v in x:
            match v:
                case 1:
                    k += 1
                case "two":
                    k += 2
                case None:
                    k += 3
                case _:
                    k += 4
    return k


def match_sequence(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        for v in x:
            match v:
                case []:
                    k += 1
                case [a]:
                    k += 2
                case (a, b):
                    k += 3
                case [a, *rest]:
                    k += len(rest)
    return k


def match_mapping(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        for v in x:
            match v:
                case {"a": a, "b": b}:
                    k += 1
                case {"a": a}:
                    k += 2
                case {"c": c, **rest}:
                    k += len(rest)
                case _:
                    k += 4
    return k


class Pair:
    __match_args__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


def match_class(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    x = [Pair(*v) if isinstance(v, tuple) else v for v in x]
    for i in range(n):
        for v in x:
            match v:
                case int():
                    k += 1
                case str(s):
                    k += 2
                case Pair(a=1):
                    k += 3
                case Pair(a, b):
                    k += 4
                case list():
                    k += 5
    return k


def gen(Py_ssize_t n):
    cdef Py_ssize_t i
    for i in range(n):
        yield None


def gen_objects(x):
    for v in x:
        yield v


def consume(Py_ssize_t n):
    cdef Py_ssize_t k = 0
    for v in gen(n):
        k += 1
    return k


def consume_objects(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        for v in gen_objects(x):
            k += 1
    return k


def adder():
    s = 0
    while True:
        x = yield s
        s = x


def send(Py_ssize_t n):
    cdef Py_ssize_t i
    g = adder()
    next(g)
    s = None
    for i in range(n):
        s = g.send(i)
    return s


def next_default(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = next(iter(x), None)
    return s


def gen_from(x):
    yield from x


def delegated(Py_ssize_t n):
    cdef Py_ssize_t k = 0
    for v in gen_from(gen(n)):
        k += 1
    return k


def delegated_list(list x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        for v in gen_from(x):
            k += 1
    return k


async def answer(x):
    return x


async def waits(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = await answer(i)
    return s


def coroutine(Py_ssize_t n):
    c = waits(n)
    try:
        c.send(None)
    except StopIteration as e:
        return e.value


def asserted(x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        assert x, "no"
        assert x is not None
        k += 1
    return k


def deleted(x, Py_ssize_t n):
    cdef Py_ssize_t i, k = 0
    for i in range(n):
        y = x
        k += y is x
        del y
    return k
