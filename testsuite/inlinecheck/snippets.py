# ruff: noqa: E501
"""Pieces of Cython for `inline`: what stock cython.inline makes of each is in golden.json.

A case is a code string with the names that it gets: by keyword, or, with ``_frame``, from the locals
of the caller (``_globals``: from its globals).  ``_after`` is an expression over the result ``r``.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One call of `inline`."""

    name: str
    code: str
    names: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    frame: bool = False
    globals: dict[str, Any] = field(default_factory=dict)
    after: str = "r"


CASES: dict[str, Case] = {}


def case(name: str, code: str, *, _options: dict[str, Any] | None = None, _frame: bool = False,
         _globals: dict[str, Any] | None = None, _after: str = "r", **names: Any) -> None:  # fmt: skip
    assert name not in CASES, name
    CASES[name] = Case(name, code, names, _options or {}, _frame, _globals or {}, _after)


class Plain:
    """An object of a Python class."""

    def __init__(self) -> None:
        self.x = 5

    def __repr__(self) -> str:
        return "<Plain>"


class SubInt(int):
    pass


class SubStr(str):
    pass


# ------------------------------------------------------------------ what types values get

VALUES: dict[str, Any] = {
    "int": 3,
    "negative": -7,
    "zero": 0,
    "largest": 2**63 - 1,
    "least": -(2**63),
    "too_large": 2**63,
    "far_too_small": -(2**80),
    "true": True,
    "false": False,
    "float": 2.5,
    "inf": math.inf,
    "minus_zero": -0.0,
    "complex": 1 + 2j,
    "str": "größe",
    "empty_str": "",
    "bytes": b"a\0b",
    "bytearray": bytearray(b"xyz"),
    "list": [1, 2, 3],
    "tuple": (1, "a"),
    "dict": {"a": 1},
    "set": {1},
    "frozenset": frozenset({1}),
    "none": None,
    "ellipsis": ...,
    "range": range(4),
    "slice": slice(1, 5, 2),
    "fraction": fractions.Fraction(1, 3),
    "decimal": decimal.Decimal("1.10"),
    "date": datetime.date(2020, 1, 2),
    "object": Plain(),
    "subclass_of_int": SubInt(4),
    "subclass_of_str": SubStr("s"),
    "builtin": len,
    "type": int,
    "namespace": types.SimpleNamespace(a=1),
    "float64": np.float64(1.5),
    "float32": np.float32(1.5),
    "int32": np.int32(7),
    "numpy_bool": np.bool_(True),
    "memoryview": memoryview(b"abc"),
}
for _name, _value in VALUES.items():
    case(f"type_{_name}", "cimport cython\nreturn cython.typeof(a), type(a).__name__, a", a=_value)
    case(f"as_object_{_name}", "cimport cython\nreturn cython.typeof(a), a", a=_value,
         _options={"get_type": lambda value, context: "object"})  # fmt: skip
case("as_objects", "return a", a=2**63, _options={"get_type": None})

for _dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64",
               "complex64", "complex128"):  # fmt: skip
    case(f"array_{_dtype}", "a[1] = a[0] + a[2]\nreturn a[1], a.shape[0]", a=np.arange(3).astype(_dtype))
for _dimensions in (1, 2, 3, 4):
    case(f"array_{_dimensions}d", f"return a[{', '.join('1' * _dimensions)}], a.ndim",
         a=np.arange(3.0**_dimensions).reshape((3,) * _dimensions))  # fmt: skip
case("array_bool", "return a[0]", a=np.array([True]))
case("array_of_objects", "return a[0]", a=np.array([None, "x"], dtype=object))
case("array_of_strings", "return a[0]", a=np.array(["x"]))
case("array_no_dimension", "return a + 1", a=np.array(3.0))
case("array_strided", "return a[1], a[-1]", a=np.arange(10.0)[::3])
case("array_read_only", "return a[1]", a=np.frombuffer(b"\1\2\3\4", dtype=np.int8))
case("array_read_only_written", "a[1] = 2", a=np.frombuffer(b"\1\2\3\4", dtype=np.int8))
case("array_out_of_bounds", "return a[5]", a=np.arange(3.0))
case("array_below_bounds", "return a[-4]", a=np.arange(3.0))
case("array_unchecked", "return a[2]", a=np.arange(3.0),
     _options={"cython_compiler_directives": {"boundscheck": False}})  # fmt: skip
case("array_sum", "cdef double s = 0\ncdef int i\nfor i in range(a.shape[0]):\n    s += a[i]\nreturn s",
     a=np.linspace(0, 1, 11))  # fmt: skip
case("array_2d_sum", """
    cdef int i, j
    s = 0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += a[i, j] * b[j]
    return s
""", a=np.arange(12).reshape(3, 4), b=np.arange(4.0))  # fmt: skip
case("array_stored", "for i in range(a.shape[0]): a[i] = i * x", a=np.zeros(4), x=1.5, _after="r, names['a']")
case("array_stored_too_large", "a[0] = 300", a=np.zeros(2, dtype=np.uint8), _after="names['a']")
case("array_of_matrix", "return a.T.shape, (a * 2).sum()", a=np.ones((2, 3)))
case("array_big_endian", "return a[0]", a=np.arange(3, dtype=">i4"))
case("array_structured", "return a[0]", a=np.zeros(2, dtype=[("x", "i4")]))
case("array_view", "cdef double[:] v = a\nv[0] = 4\nreturn v.shape[0], v[0]", a=np.zeros(3))
case("array_view_of_other_type", "cdef int[:] v = a\nreturn v[0]", a=np.zeros(3))
case("array_none_later", "a = None\nreturn a", a=np.zeros(3))

# ------------------------------------------------------------------ arithmetic of C types

for _number, _expression in enumerate((
    "a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "a ** 2", "a ** b", "-a", "~a", "a & b", "a | b", "a ^ b",
    "a << 2", "a >> 1", "a < b", "a == b", "a <= b != a", "a and b", "a or b", "not a", "a if a > b else b",
    "abs(a)", "min(a, b), max(a, b)", "divmod(a, b)", "pow(a, 3)", "float(a)", "int(a)", "bool(a), str(a)",
    "round(a)", "hash(a)", "(a, b)[::-1]", "a.real", "f'{a:5}|{b}'", "'%s %r' % (a, b)", "a is b",
)):  # fmt: skip
    for _kind, _pair in {"ints": (-7, 2), "floats": (-7.5, 2.25), "mixed": (7, -2.5),
                         "complex": (1 - 2j, 3 + 0j)}.items():  # fmt: skip
        if (_number + len(_kind)) % 2 == 0 or _kind == "ints":
            case(f"operator_{_number}_{_kind}", f"return {_expression}", a=_pair[0], b=_pair[1])
case("division_by_zero", "return a // b", a=1, b=0)
case("float_division_by_zero", "return a / b", a=1.0, b=0.0)
case("remainder_of_zero", "return a % b", a=1.5, b=0.0)
case("c_division", "return a // b, a % b", a=-7, b=2, _options={"cython_compiler_directives": {"cdivision": True}})
case("c_division_by_directive_comment", "# cython: cdivision=True\nreturn a // b", a=-7, b=2)
case("wraps", "return a + 1", a=2**63 - 1)
case("overflow_checked", "return a + 1  # checked", a=2**63 - 1,
     _options={"cython_compiler_directives": {"overflowcheck": True}})  # fmt: skip
case("least_by_minus_one", "return a // b", a=-(2**63), b=-1)
case("power_of_negative", "return a ** b", a=2, b=-1)
case("power_cpow", "return a ** b  # as in C", a=2, b=3, _options={"cython_compiler_directives": {"cpow": True}})
case("literals", "return 1, 2L if 0 else 3, 0x10, 0b11, 1e3, 1_000, 2**100, 'a' 'b', b'x', u'y', r'\\n'")
case("literals_plain", "return 1, 0x10, 0o17, 0b11, 1e3, 1_000, 2**100, 'a' 'b', b'x', u'y', r'\\n', 3j, None, ...")

# ------------------------------------------------------------------ results and where names come from

case("no_return", "x = a + 1\ny = 'b'", a=1)
case("no_return_c_types", "cdef int i = a\ncdef double d = i / 2.0\ncdef char c = 65", a=3)
case("no_return_pointers", "cdef int i = 1\ncdef int* p = &i\nx = p[0]")
case("empty", "")
case("comment", "# nothing")
case("an_expression", "a + 1", a=1)
case("bare_return", "return")
case("return_in_branch", "if a > 1: return 'large'\nx = a", a=1)
case("keywords_first", "return a", a=1, _globals={"a": 2})
case("from_frame", "return a + b", a=1, b=2, _frame=True)
case("from_globals", "return a + b", a=1, _frame=True, _globals={"b": 10})
case("locals_before_globals", "return a", a=1, _frame=True, _globals={"a": 10})
case("frame_changed_afterwards", "a.append(1)\nreturn a", a=[], _frame=True)
case("frame_types", "cimport cython\nreturn cython.typeof(a), cython.typeof(b)", a=1, b=2.5, _frame=True)
case("locals_given", "return a", _options={"locals": {"a": 7}, "globals": {}}, a=1, _frame=True)
case("globals_given", "return a", _options={"locals": {}, "globals": {"a": 8}}, a=1, _frame=True)
case("only_globals_given", "return a", _options={"globals": {"a": 8}}, a=1, _frame=True)
case("missing", "return nowhere_to_be_found + 1")
case("missing_quiet", "return nowhere_to_be_found", _options={"quiet": True})
case("two_missing", "return nowhere_1 + nowhere_2 + a", a=1)
case("missing_but_assigned", "later = 1\nreturn later")
case("builtins_stay", "return len([1, 2]), sorted('ba'), isinstance(a, int)", a=1)
case("builtin_shadowed_by_keyword", "return len", len=5)
case("builtin_not_from_frame", "return len('abc')", len=5, _frame=True)
case("unused_keyword", "return 1", unused=5)
case("unused_keyword_in_locals", "x = 1", unused=5)
case("name_of_a_keyword_option", "return forces", forces=3)
case("argument_assigned", "a = a + 1\nreturn a", a=1)
case("argument_assigned_other_type", "a = 'x'\nreturn a", a=1)
case("argument_object_assigned_other_type", "a = 'x'\nreturn a", a=Plain())
case("argument_deleted", "del a\nreturn 1", a=[])
case("argument_is_none_for_list", "return a", a=None)
case("self_as_name", "return self.x", self=Plain(), _frame=True)
case("underscored", "return __a + _b", __a=1, _b=2)
case("unicode_name", "return größe * 2", größe=4)
case("type_function", "return a + 1", a=1, _options={"get_type": lambda value, context=None: "double"})
case("type_function_short", "return a * 100", a=100, _options={"get_type": lambda value, context=None: "short"})
case("type_function_char", "return a", a=400, _options={"get_type": lambda value, context=None: "signed char"})
case("type_function_unsigned", "return a", a=-1, _options={"get_type": lambda value, context=None: "unsigned int"})
case("type_function_bad", "return a", a=1, _options={"get_type": lambda value, context=None: "no_such_type"})
case("type_function_wrong_value", "return a", a=1, _options={"get_type": lambda value, context=None: "list"})

# ------------------------------------------------------------------ statements

case("while", "i = 0\nwhile i < a:\n    i += 3\nelse:\n    i = -i\nreturn i", a=10)
case("for_break", "for i in range(a):\n    if i * i > 20: break\nelse:\n    i = -1\nreturn i", a=10)
case("for_from", "cdef int i\ns = 0\nfor i from 0 <= i < a by 2:\n    s += i\nreturn s, i", a=9)
case("for_over_dict", "s = ''\nfor k, v in d.items(): s += k * v\nreturn s", d={"a": 2, "b": 1})
case("for_over_string", "return [c for c in s]", s="añ")
case("for_unpacks", "return [x + y for x, (y, _) in a]", a=[(1, (2, 3)), (4, (5, 6))])
case("starred", "first, *rest = a\nreturn first, rest", a=[1, 2, 3])
case("unpack_too_few", "x, y, z = a", a=[1, 2])
case("unpack_too_many", "x, y = a", a=(1, 2, 3))
case("augmented", "a += 1\na *= 3\na //= 2\na <<= 2\nreturn a", a=4)
case("chained", "x = y = [a]\nreturn x is y, x", a=1)
case("walrus", "if (n := len(a)) > 2: return n", a=[1, 2, 3])
case("conditional", "return 'p' if a > 0 else 'n' if a < 0 else 'z'", a=-3)
case("try_except", "try:\n    return a[5]\nexcept IndexError as e:\n    return 'caught', str(e)", a=[1])
case("try_finally", "x = []\ntry:\n    x.append(1)\n    return x\nfinally:\n    x.append(2)")
case("try_else", "try:\n    x = a\nexcept ValueError:\n    x = 1\nelse:\n    x += 1\nreturn x", a=5)
case("raise", "raise ValueError('no', a)", a=3)
case("raise_from", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError(a) from e", a="k")
case("reraise", "try:\n    a.missing\nexcept AttributeError:\n    raise", a=1)
case("assertion", "assert a > 5, f'{a} is small'", a=3)
case("with", "with m as x:\n    y = bytes(x)\nreturn y", m=memoryview(b"abc"))
case("delete_item", "del d['a']\nreturn d", d={"a": 1, "b": 2})
case("slices", "return a[1:], a[:-1], a[::2], a[::-1]", a=[1, 2, 3, 4])
case("slice_of_str", "return a[1:3], a[-1]", a="hello")
case("slice_assigned", "a[1:2] = [7, 8]\nreturn a", a=[1, 2, 3])
case("index_error", "return a[3]", a=[1])
case("key_error", "return a['x']", a={})
case("attribute_error", "return a.nothing", a=Plain())
case("type_error", "return a + b", a="x", b=1)
case("none_attribute", "return a.x", a=None)
case("global_statement", "global made_here\nmade_here = 5\nreturn made_here")
case("print", "print('hello', a)\nprint(1, 2, sep='-', end='!\\n')", a=1)
case("import", "import math\nreturn math.floor(a)", a=2.7)
case("import_as", "import os.path as p\nreturn p.join('a', 'b')")
case("from_import", "from math import pi as P, sqrt\nreturn sqrt(P)")
case("from_import_star", "from math import *\nreturn floor(2.5)")
case("import_error", "import there_is_no_such_module")
case("from_import_error", "from math import nothing_like_it")
case("multi_line_indented", """
        x = a
        if x:

            y = x * 2
        # a comment at the indent
      # one further out
        return y
""", a=4)  # fmt: skip
case("tabs", "if a:\n\tx = 1\n\treturn x + a", a=1)
case("semicolons", "x = 1; y = 2; return x + y")
case("continuation", "x = (a +\n     1)\ny = x + \\\n    2\nreturn y", a=1)
case("docstring_first", '"""Words."""\nreturn a', a=1)
case("triple_quotes", 'x = """first\n  second\n"""\nreturn x')
case("string_with_hash", "return '# not a comment' + \"it's\"")
case("string_with_cimport", "return 'cimport x\\ncdef int y'")
case("escapes", "return 'a\\tb\\n\\x41\\u00e9\\N{BULLET}', b'\\xff\\0'")
case("f_strings", "return f'{a!r:>6}|{a:.2f}|{{}}|{a + 1 = }'", a=2.5)
case("percent_format", "return '%5.1f|%-4d|%s' % (a, b, c)", a=2.25, b=3, c=[1])
case("comprehensions", "return [i for i in range(a) if i % 2], {i: i * i for i in range(3)}, {i // 2 for i in range(4)}",
     a=6)  # fmt: skip
case("nested_comprehension", "return [[i * j for j in range(i)] for i in range(a)]", a=4)
case("generator_expression", "return sum(i * i for i in range(a)), list(x for x in 'ab')", a=5)
case("lambda", "f = lambda x, y=2: x * y + a\nreturn f(3), f(3, y=4)", a=1)
case("lambda_returned", "return lambda x: x + a", a=10, _after="r(5)")
case("sorted_by_key", "return sorted(a, key=lambda x: -x)", a=[3, 1, 2])
case("nested_function", "def f(x):\n    return x + a\nreturn f(2)", a=1)
case("nested_function_typed", "def f(int x, double y=0.5): return x * y\nreturn f(3), f(4, 2)")
case("nested_function_wrong_type", "def f(int x): return x\nreturn f('a')")
case("nested_function_locals", "def f(x):\n    return x + 1", _after="sorted(r), r['f'](1), r['f'].__name__")
case("closure", "n = [0]\ndef up():\n    n[0] += 1\n    return n[0]\nup()\nreturn up()")
case("nonlocal", "n = 0\ndef up():\n    nonlocal n\n    n += 1\n    return n\nup()\nreturn up(), n")
case("recursion", "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nreturn fib(a)", a=12)
case("generator", "def g(n):\n    for i in range(n): yield i * a\nreturn list(g(3))", a=2)
case("generator_send", "def g():\n    x = yield 1\n    yield x * 2\ni = g()\nreturn next(i), i.send(a)", a=21)
case("yield_from", "def g(): yield from a\nreturn list(g())", a=[1, 2])
case("generator_itself", "yield a", a=1, _after="type(r).__name__, list(r)")
case("coroutine", "async def c(x): return x + a\nreturn c(1)", a=1, _after="type(r).__name__, r.close()")
case("class_inside", "class C:\n    x = a\n    def m(self): return self.x + 1\nreturn C().m()", a=1)
case("class_inherits", "class D(b): pass\nreturn D().x, D.__name__, D.__qualname__", b=Plain)
case("decorated", "@staticmethod\ndef f(): return 1\nreturn type(f).__name__")
case("star_args", "def f(*args, **kw): return args, kw\nreturn f(1, *a, x=2, **d)", a=[3], d={"y": 4})
case("keyword_only", "def f(x, *, y): return x, y\nreturn f(1, 2)")
case("match", "match a:\n    case [x, *_]: return 'list', x\n    case {'k': v}: return v\n    case _: return 0", a=[1, 2])
case("locals_call", "x = 1\nreturn sorted(locals())", a=2)
case("eval_inside", "return eval('1 + 1')")
case("exec_inside", "exec('y = 3', {}, d)\nreturn d", d={})
case("type_annotations", "x: int = a\ny: float = a\nreturn x, y", a=2)

# ------------------------------------------------------------------ what only Cython has

case("cdef_int", "cdef int i = a\nreturn i", a=2**31 - 1)
case("cdef_int_overflow", "cdef int i = a\nreturn i", a=2**31)
case("cdef_int_of_object", "cdef int i = a\nreturn i", a=2**31, _options={"get_type": lambda value, context: "object"})
case("cdef_unsigned_negative", "cdef unsigned int i = a\nreturn i", a=-1, _options={"get_type": lambda value, context: "object"})
case("cdef_char_wraps", "cdef signed char c = 100\nc = c * 2\nreturn c")
case("cdef_block", "cdef:\n    int i = 1\n    double d = 2.5\nreturn i + d")
case("cdef_array", "cdef int x[4]\ncdef int i\nfor i in range(4): x[i] = i * a\nreturn x, sum(x)", a=3)
case("cdef_pointer", "cdef int x[2]\ncdef int* p = x\np[1] = a\nreturn x[1], p == x", a=5)
case("cdef_string", "cdef char* s = b\nreturn s, s[0], s[:2]", b=b"hello")
case("cdef_bint", "cdef bint b = a\nreturn b", a=[0])
case("cdef_list", "cdef list x = a\nreturn x", a=(1, 2))
case("cdef_object", "cdef object x = a\nreturn x", a=1)
case("casts", "return <int>a, <double>3, <unsigned char>300, <object>a", a=3.9)
case("checked_cast", "return <list?>a", a=(1,), _options={"get_type": lambda value, context: "object"})
case("sizeof", "return sizeof(int), sizeof(double), sizeof(a)", a=1)
case("address", "cdef double x = a\ncdef double* p = &x\np[0] = 7\nreturn x", a=1.5)
case("cdef_struct", "cdef struct P:\n    int x\ncdef P p\np.x = 3\nreturn p")
case("cdef_enum", "cdef enum E:\n    A = 3\n    B\nreturn A + B")
case("ctypedef", "ctypedef long L\ncdef L x = 3\nreturn x")
case("ctuple", "cdef (int, double) t = (a, 2.5)\nreturn t", a=1)
case("cdef_function", "cdef int twice(int x): return 2 * x\nreturn twice(a)", a=1)
case("cdef_class", "cdef class Box:\n    cdef public int n\n    def __init__(self, n): self.n = n\nreturn Box(a).n", a=6)
case("cdef_extern", "cdef extern from 'math.h':\n    double cbrt(double)\nreturn cbrt(a)", a=27.0)
case("cdef_extern_verbatim", "cdef extern from *:\n    \"\"\"\n    #define NUMBER 17\n    \"\"\"\n    int NUMBER\nreturn NUMBER")
case("cimport_libc", "from libc.math cimport sqrt, floor\nreturn sqrt(a), floor(a)", a=6.25)
case("cimport_module", "cimport libc.math\nreturn libc.math.fabs(a)", a=-2.0)
case("cimport_as", "cimport libc.math as m\nreturn m.pow(a, 2)", a=3.0)
case("cimport_star", "from libc.math cimport *\nreturn ceil(a)", a=1.2)
case("cimport_unknown", "cimport there_is_no_such_pxd\nreturn 1")
case("cimport_unknown_name", "from libc.math cimport no_such_function\nreturn 1")
case("cimport_cython", "cimport cython\nreturn cython.compiled, cython.typeof(a)", a=1)
case("cimport_numpy", "cimport numpy as np\nreturn np.PyArray_NDIM(a)", a=np.zeros((2, 3)))
case("cimport_cpython", "from cpython.list cimport PyList_GET_SIZE\nreturn PyList_GET_SIZE(a)", a=[1, 2])
case("cimport_malloc", """
    from libc.stdlib cimport malloc, free
    cdef int* p = <int*> malloc(4 * sizeof(int))
    cdef int i
    for i in range(4): p[i] = i * a
    x = [p[i] for i in range(4)]
    free(p)
    return x
""", a=2)  # fmt: skip
case("nogil", "cdef double s = 0\ncdef int i\nwith nogil:\n    for i in range(10): s += a\nreturn s", a=0.5)
case("nogil_error", "with nogil:\n    x = [a]", a=1)
case("memoryview", "cdef double[::1] v = a\nreturn v.shape[0], v[1], v[-1]", a=np.arange(3.0))
case("memoryview_array", "from cython.view cimport array\ncdef int[:] v = array((3,), 4, 'i')\nv[0] = a\nreturn v[0]", a=4)
case("memoryview_bounds", "cdef double[:] v = a\nreturn v[3]", a=np.arange(3.0))
case("memoryview_of_bytes", "cdef const unsigned char[:] v = a\nreturn v[1]", a=b"abc")
case("integer_range_typed", "cdef long s = 0\ncdef long i\nfor i in range(a): s += i * i\nreturn s", a=1000)
case("c_division_block", "cimport cython\nwith cython.cdivision(True):\n    x = a // b\nreturn x", a=-7, b=2)
case("inferred_c_types", "cimport cython\nx = a * 2\ny = a / 2\nreturn cython.typeof(x), cython.typeof(y)", a=5)
case("include_missing", "include 'no_such_file.pxi'")
case("cython_module_by_name", "return cython.typeof(a)", a=1, cython=__import__("cython"))
case("cython_from_frame", "cdef cython.int x = a\nreturn x", a=1, cython=__import__("cython"), _frame=True)
case("cython_declare", "x = cython.declare(cython.int, 3)\nreturn cython.typeof(x)", cython=__import__("cython"))

# ------------------------------------------------------------------ errors of compiling

case("syntax_error", "return (1,\n")
case("syntax_error_later", "x = 1\ny = = 2\nreturn y")
case("bad_indent", "if a:\nreturn 1", a=1)
case("bad_dedent", "if a:\n        x = 1\n    y = 2", a=1)
case("unclosed_string", "return 'abc")
case("break_outside", "break")
case("return_type", "cdef int x = 'abc'\nreturn x")
case("pointer_to_object", "cdef int* p\nreturn p")
case("undeclared_attribute", "cdef struct P:\n    int x\ncdef P p\nreturn p.y")
case("wrong_argument_count", "cdef extern from 'math.h':\n    double sqrt(double)\nreturn sqrt(1, 2)")
case("redeclared", "cdef int x\ncdef double x\nreturn x")
case("python_two_print", "print 1")
case("reserved_word", "def = 3")
case("assignment_to_literal", "3 = a", a=1)
case("await_outside", "await a", a=1)
case("unknown_directive", "return 1", _options={"cython_compiler_directives": {"no_such_directive": 1}})

# ------------------------------------------------------------------ options

case("level_2", "return 7 / 2, type('x').__name__", _options={"language_level": 2})
case("level_3", "return 7 / 2", _options={"language_level": 3})
case("level_3str", "return 7 / 2", _options={"language_level": "3str"})
case("level_by_directive", "return 7 / 2", _options={"cython_compiler_directives": {"language_level": 2}})
case("level_given_twice", "return 7 / 2",
     _options={"language_level": 3, "cython_compiler_directives": {"language_level": 2}})  # fmt: skip
case("forced", "return a * 5", a=2, _options={"force": True})
case("quiet", "return a * 6", a=2, _options={"quiet": True})
case("include_dirs", "return a * 7", a=2, _options={"cython_include_dirs": ["."]})
case("no_bounds_of_list", "return a[0]", a=[3], _options={"cython_compiler_directives": {"boundscheck": False}})
case("nonecheck", "cdef list x = None\nreturn x[0]", _options={"cython_compiler_directives": {"nonecheck": True}})
case("infer_types", "cimport cython\nx = 1\nfor i in range(3): x = x + i\nreturn cython.typeof(x)",
     _options={"cython_compiler_directives": {"infer_types": True}})  # fmt: skip
case("no_embedded_nul", "return a", a="x\0y")
case("a_function", len)  # type: ignore[arg-type]
