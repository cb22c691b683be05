"""`jit`: the helpers that every generated module begins with; Python's results in C's types."""

from __future__ import annotations

import re

#: Functions of `math` whose finite results are the C library's own.
MATH = ("sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "log2", "log10", "sinh", "cosh",
        "tanh", "fabs")  # fmt: skip

_DIRECTIVES = """\
# cython: language_level=3, boundscheck=True, wraparound=True, cdivision=True, overflowcheck=True
# cython: infer_types=False, initializedcheck=False, annotation_typing=False
"""

#: The namespaces of the function that was decorated, and the look-up of a name in them.
_BINDING = """\
cdef dict _cyl_globals = {}
cdef dict _cyl_builtins = {}
cdef dict _cyl_cells = {}

def _cyl_bind(dict names, dict builtins, dict cells):
    global _cyl_globals, _cyl_builtins, _cyl_cells
    _cyl_globals = names
    _cyl_builtins = builtins
    _cyl_cells = cells

cdef object _cyl_global(str name):
    if name in _cyl_globals:
        return _cyl_globals[name]
    if name in _cyl_builtins:
        return _cyl_builtins[name]
    raise NameError(f"name '{name}' is not defined")

"""

def _of_objects(text: str) -> str:
    """The declarations of Python's functions that are called."""
    found = sorted(set(re.findall(r"(PyNumber_(?:InPlace)?[A-Za-z]+)\(", text)))
    lines = [f"    object {one}(object a, object b{', object c' if 'Power' in one else ''})\n" for one in found]
    return 'cdef extern from "Python.h":\n' + "".join(lines) + "\n" if lines else ""


_HELPERS = """\
cdef object _cyl_named(object made, str path, object module, str name, dict annotations):
    made.__qualname__ = path
    made.__module__ = module
    made.__name__ = name
    if annotations is not None:
        made.__annotations__ = annotations
    return made

cdef object _cyl_free(str name):
    try:
        return _cyl_cells[name].cell_contents
    except ValueError:
        pass
    raise NameError(f"cannot access free variable '{name}' where it is not associated with a value "
                    "in enclosing scope")

cdef list _cyl_taken(object value, Py_ssize_t before, Py_ssize_t after, bint star):
    cdef list parts = []
    cdef Py_ssize_t wanted = before + after, found = 0
    cdef object kind = type(value)
    if not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        raise TypeError(f"cannot unpack non-iterable {kind.__name__} object")
    for one in value:
        if found == wanted and not star:
            raise ValueError(f"too many values to unpack (expected {wanted})")
        parts.append(one)
        found += 1
    if found < wanted:
        least = "at least " if star else ""
        raise ValueError(f"not enough values to unpack (expected {least}{wanted}, got {found})")
    if star:
        parts[before:found - after] = [parts[before:found - after]]
    return parts

cdef object _cyl_unpack(object value, Py_ssize_t before, Py_ssize_t after, bint star):
    if type(value) is tuple and not star and len(<tuple>value) == before:
        return value
    return _cyl_taken(value, before, after, star)

cdef long long _cyl_index(object a) except? -1:
    if -9223372036854775808 <= a <= 9223372036854775807:
        return <long long>a
    raise IndexError("cannot fit 'int' into an index-sized integer")

cdef inline double _cyl_divide(double a, double b) noexcept nogil:
    return a / b

cdef inline double _cyl_fdiv(double a, double b) except? -1 nogil:
    if b == 0.0:
        with gil:
            raise ZeroDivisionError("float division by zero")
    return a / b

cdef double _cyl_pow(double a, double b) except? -1 nogil:
    cdef double r
    if a != 0.0 or b >= 0.0:
        r = pow(a, b)
        if r - r == 0.0:
            return r
    with gil:
        return <double>((<object>a) ** (<object>b))

cdef double _cyl_truediv(long long a, long long b) except? -1 nogil:
    if b != 0 and -9007199254740992 <= a <= 9007199254740992 and -9007199254740992 <= b <= 9007199254740992:
        return (<double>a) / (<double>b)
    with gil:
        return <double>((<object>a) / (<object>b))

cdef inline long long _cyl_floordiv(long long a, long long b) except? -1 nogil:
    cdef long long q
    if b == 0:
        with gil:
            raise ZeroDivisionError("integer division or modulo by zero")
    if b == -1:
        return <long long>0 - a
    q = a / b
    if q * b != a and (a < 0) != (b < 0):
        q = q - 1
    return q

cdef inline long long _cyl_mod(long long a, long long b) except? -1 nogil:
    cdef long long r
    if b == 0:
        with gil:
            raise ZeroDivisionError("integer modulo by zero")
    if b == -1:
        return 0
    r = a % b
    if r != 0 and (r < 0) != (b < 0):
        r = r + b
    return r

cdef inline long long _cyl_abs(long long a) except? -1 nogil:
    return <long long>0 - a if a < 0 else a

cdef long long _cyl_int(double a) except? -1 nogil:
    if -9223372036854775808.0 <= a < 9223372036854775808.0:
        return <long long>a
    with gil:
        return <long long>(int(<object>a))

cdef long long _cyl_bound(object a) except? -1:
    if a >= 9223372036854775807:
        return 9223372036854775807
    if a <= -9223372036854775807:
        return -9223372036854775807
    return <long long>a

cdef inline double _cyl_min_float(double a, double b) noexcept nogil:
    return b if b < a else a

cdef inline double _cyl_max_float(double a, double b) noexcept nogil:
    return b if b > a else a

cdef inline long long _cyl_min_int(long long a, long long b) noexcept nogil:
    return b if b < a else a

cdef inline long long _cyl_max_int(long long a, long long b) noexcept nogil:
    return b if b > a else a

"""

_STORE = """\
cdef inline long long _cyl_to_{name}(long long a) except? -1 nogil:
    if a < {low} or a > {high}:
        with gil:
            raise OverflowError(f"Python integer {{a}} out of bounds for {name}")
    return a

"""

_MATH = """\
cdef inline double _cyl_{name}(double a) except? -1 nogil:
    cdef double r = {name}(a)
    if r - r == 0.0:
        return r
    with gil:
        return <double>(_cyl_math.{name}(a))

"""


#: The same for GPUs, which have no Python to ask: errors of Python's type and with its words up to 3.13.
_ON_DEVICE = """\
cdef inline double _cyl_{name}(double a) except? -1 nogil:
    cdef double r = {name}(a)
    if r - r == 0.0 or a != a or (r == r and a - a != 0.0):
        return r
    with gil:
        raise {error}

"""
_POWER_ON_DEVICE = """\
cdef double _cyl_pow(double a, double b) except? -1 nogil:
    cdef double r = pow(a, b)
    if r - r == 0.0 or a - a != 0.0 or b - b != 0.0:
        return r
    if a == 0.0:
        with gil:
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
    with gil:
        raise OverflowError("Numerical result out of range")

"""


def _pieces() -> dict[str, str]:
    pieces = {}
    text = _HELPERS
    for bits in (8, 16, 32):
        text += _STORE.format(name=f"int{bits}", low=-(1 << bits - 1), high=(1 << bits - 1) - 1)
        text += _STORE.format(name=f"uint{bits}", low=0, high=(1 << bits) - 1)
    text += "".join(_MATH.format(name=name) for name in MATH)
    for piece in text.split("\n\n"):
        if piece.strip():
            found = re.search(r"(_cyl_\w+)\(", piece)
            assert found is not None
            pieces[found.group(1)] = piece + "\n\n"
    return pieces


_PIECES = _pieces()


def _device_pieces() -> dict[str, str]:
    found = {**_PIECES, "_cyl_pow": _POWER_ON_DEVICE}
    for name in MATH:
        large = name in ("exp", "sinh", "cosh")
        error = 'OverflowError("math range error")' if large else 'ValueError("math domain error")'
        found[f"_cyl_{name}"] = _ON_DEVICE.format(name=name, error=error)
    return found


_DEVICE_PIECES = _device_pieces()

#: Helpers that helpers call.
_NEEDED = {"_cyl_unpack": ["_cyl_taken"]}


def with_helpers(text: str, device: bool = False) -> str:
    """A module with this function and the helpers that it calls; ``device``: for loops on a GPU."""
    pieces = _DEVICE_PIECES if device else _PIECES
    used = [name for name in _PIECES if name + "(" in text]
    for name, others in _NEEDED.items():
        if name in used:
            used.extend(one for one in others if one not in used)
    used.sort(key=list(_PIECES).index)
    helpers = "".join(pieces[name] for name in used)
    wanted = [name for name in (*MATH, "pow") if f"_cyl_{name}(" in text or f"{name}(" in helpers]
    if "fabs(" in text and "fabs" not in wanted:
        wanted.append("fabs")
    head = _DIRECTIVES
    if wanted:
        head += f"from libc.math cimport {', '.join(dict.fromkeys(wanted))}\n"
    if "_cyl_prange(" in text:
        head += "from cython.parallel import prange as _cyl_prange\n"
    head += _of_objects(text)
    if "_cyl_math." in helpers:
        head += "import math as _cyl_math\n"
    return head + _BINDING + helpers + text
