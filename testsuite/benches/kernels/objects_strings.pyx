# cython: language_level=3
"""Strings: concatenated, formatted, compared, converted; methods of theirs."""


def concat(str a, str b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = a + b
    return s


def concat_generic(a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = a + b + a
    return s


def concat_inplace(str a, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef str s = ""
    for i in range(n):
        s += a
    return s


def fstring(str a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = f"{a}: <{b}>"
    return s


def fstring_int(Py_ssize_t n, b):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = f"{i} of {b}"
    return s


def fstring_spec(double a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = f"{a:.2f} {b:>6} {b!r}"
    return s


def percent(a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = "%s=%s" % (a, b)
    return s


def str_format(a, b, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = "{} and {}".format(a, b)
    return s


def join_list(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = ", ".join(x)
    return s


def join_generator(list x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = "".join([v for v in x if v])
    return s


def methods(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x.upper()) + len(x.strip()) + x.find("b") + x.count("a")
        s += len(x.replace("a", "c"))
    return s


def generic_methods(x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = x.upper().lower().strip()
    return s


def starts(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        if x.startswith("ab"):
            s += 1
        if x.endswith("ab"):
            s += 1
    return s


def split(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x.split(" "))
        s += len(x.split())
    return s


def equal(str a, str b, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        if a == b:
            s += 1
        if a != "other":
            s += 1
        if b == "abcabcabc":
            s += 1
    return s


def equal_generic(a, b, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        if a == b:
            s += 1
        if a == "other":
            s += 1
    return s


def ordered(str a, str b, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        if a < b:
            s += 1
        if a >= b:
            s += 1
    return s


def classes_of_characters(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef Py_UCS4 c
    for i in range(n):
        for c in x:
            if c.isalpha():
                s += 1
            if c in "aeiou":
                s += 1
    return s


def encode_decode(str x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef bytes b
    for i in range(n):
        b = x.encode("utf-8")
        s += len(b.decode("utf-8"))
    return s


def to_pointer(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    cdef const char *p
    for i in range(n):
        p = x
        s += p[1]
        s += len(p[:3])
    return s


def to_str(a, Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = str(a)
        s = repr(a)
    return s


def from_str(str x, Py_ssize_t n):
    cdef Py_ssize_t i
    s = 0
    for i in range(n):
        s = int(x)
        s = float(x)
    return s


def c_numbers_to_str(Py_ssize_t n):
    cdef Py_ssize_t i
    s = None
    for i in range(n):
        s = str(i)
    return s


def bytes_methods(bytes x, bytes y, Py_ssize_t n):
    cdef Py_ssize_t i, s = 0
    for i in range(n):
        s += len(x + y)
        if x == y:
            s += 1
        if x.startswith(b"ab"):
            s += 1
        if 97 in x:
            s += 1
    return s


def bytearray_methods(bytes x, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef bytearray b = bytearray()
    for i in range(n):
        b.append(65)
        b.extend(x)
    return len(b)


def ordinals(Py_ssize_t n):
    cdef Py_ssize_t i
    cdef long s = 0
    cdef str c
    for i in range(n):
        c = chr(65 + i % 26)
        s += ord(c)
    return s
