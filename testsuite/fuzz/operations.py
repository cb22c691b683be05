"""Random functions of one operation each, called with what fits and with what does not.

Methods and functions of Python's types that Cython has C for, conversions to C's types, slices of memoryviews,
and calls that do not fit the signature: results, changes, errors and their texts.
"""

from __future__ import annotations

import random
from itertools import product

from .code import Function, Program, Statement
from .expressions import FLOATS, INTEGERS
from .templates import ARGUMENTS, ITEMS, OPERATIONS

HEAD = """# cython: language_level=3{directives}
import array
cimport cython

notes = []

class Whole:
    def __init__(self, value, how='__index__'):
        self.value = value
        self.how = how
    def __index__(self):
        if self.how != '__index__':
            raise TypeError('no index')
        return self.value
    def __int__(self):
        if self.how == 'odd':
            return 'odd'
        return self.value
    def __float__(self):
        return self.value + 0.5
    def __repr__(self):
        return f'Whole({self.value})'

class Failing:
    def __getattr__(self, name):
        raise KeyError(name)
    def __eq__(self, other):
        raise ValueError('eq')
    __hash__ = None
    def __len__(self):
        raise OSError('len')
    def __iter__(self):
        raise RuntimeError('iter')
    def __bool__(self):
        raise IndexError('bool')
    def __repr__(self):
        return 'Failing()'

class List(list):
    def append(self, item):
        list.append(self, ('append', item))
    def __getitem__(self, index):
        return 'item', index
    def __len__(self):
        return 99

class Dict(dict):
    def __missing__(self, key):
        return 'missing', key
    def get(self, *args):
        return 'got', args

class Str(str):
    def startswith(self, *args):
        return 'starts', args
    def __str__(self):
        return 'Str.str'

cdef struct pair:
    int one
    double two

cdef enum colour:
    red = 1
    blue = 7

cdef class E:
    cdef public int whole
    cdef public double real
    cdef public list items
    cdef public str text
    cdef readonly object fixed
    def __init__(self, int whole=0, *, text=None):
        self.whole, self.text = whole, text
    def method(self, int a, b=2, *, c=3):
        return a, b, c
    cpdef both(self, int a, b=2):
        return a, b
    @staticmethod
    def static(a, *, b=1):
        return a, b
    @classmethod
    def of(cls, a, **k):
        return cls.__name__, a, k
    def __call__(self, a, b=5):
        return a, b
    def __repr__(self):
        return f'E({self.whole}, {self.real}, {self.items}, {self.text!r})'

def kept(**named):
    return named

"""
DIRECTIVES = ("nonecheck=True", "overflowcheck=True", "binding=False", "always_allow_keywords=False",
              "infer_types=True", "optimize.unpack_method_calls=False", "unraisable_tracebacks=True",
              "c_string_type=str, c_string_encoding=utf8")  # fmt: skip
#: Texts of numbers for conversions, and what is none.
NUMBERS = ("0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "2**15", "2**31-1", "2**31", "-2**31",
           "-2**31-1", "2**32-1", "2**32", "2**63-1", "2**63", "-2**63", "-2**63-1", "2**64-1", "2**64",
           "10**40", "True", "1.5", "-0.0", "1e300", "float('nan')", "float('inf')", "'7'", "b'7'", "'x'",
           "None", "[]", "1j", "Whole(5)", "Whole(-3)", "Whole(2**70)", "Whole(4, 'int')", "Whole(4, 'odd')",
           "Failing()", "3 + 4j", "'\\u20ac'", "'ab'", "{'one': 1, 'two': 2}", "{'one': 1}", "E(4)",
           "bytearray(b'a')")  # fmt: skip
TYPES = (*INTEGERS, *FLOATS, "long double", "double complex", "Py_UCS4", "char", "const char*", "pair",
         "colour", "Py_hash_t", "unsigned long long", "E", "list", "str", "bytes", "dict", "tuple", "set",
         "float", "int", "bytearray", "complex", "frozenset", "type", "object")  # fmt: skip


class OperationMaker:
    """Makes a program from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.functions: list[Function] = []

    def pick(self, *values: str) -> str:
        return self.random.choice(values)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def program(self, functions: int = 25) -> Program:
        chosen = self.random.sample(DIRECTIVES, self.random.choice((0, 0, 0, 1)))
        for number in range(functions):
            self.random.choice((self.operation, self.operation, self.operation, self.conversion, self.view,
                                self.signature))(f"f{number}")  # fmt: skip
        return Program(HEAD.replace("{directives}", "".join(f", {one}" for one in chosen)), self.functions)

    def add(self, header: str, lines: list[str], calls: list[str], name: str) -> None:
        body = [Statement(line, fixed=True) for line in lines]
        self.functions.append(Function(header, body, sorted(set(calls)), name))

    # ------------------------------------------------------------------ methods and functions

    def operation(self, name: str) -> None:
        """One operation of a type, on variables that are typed or not."""
        ty = self.random.choice(list(OPERATIONS))
        template = self.random.choice(OPERATIONS[ty])
        letters = [letter for letter in ITEMS if f"{{{letter}}}" in template]
        values = [self.random.sample(ARGUMENTS[ty], min(6, len(ARGUMENTS[ty])))]
        declared = ["object" if self.chance(0.2) else ty]
        for letter in letters:
            kind = ITEMS[letter]
            # An index in C's types, a text as such, or any object.
            types = {"i": ("object", "int", "Py_ssize_t", "object"), "s": ("object", "str"),
                     "y": ("object", "bytes")}  # fmt: skip
            declared.append(self.pick(*types.get(letter, ("object",))))
            fitting = ARGUMENTS[kind]
            if declared[-1] in INTEGERS:
                fitting = [one for one in fitting if one.lstrip("-").isdigit()]
            values.append(self.random.sample(fitting, min(4, len(fitting))))
            if self.chance(0.3) and declared[-1] == "object":
                values[-1].append(self.random.choice(ARGUMENTS["any"]))
        names = ["o", *letters]
        header = ", ".join(f"{kind} {one}" if kind != "object" else one
                           for kind, one in zip(declared, names, strict=True))  # fmt: skip
        text = template.format(o="o", **{letter: letter for letter in letters})
        *lines, last = text.split("; ")
        if last.startswith(("raise ", "assert ")):
            lines += [last, "return o"]
        else:
            # What is left of the object, as the operation may change it.
            lines.append(f"return ({last.removeprefix('return ')}), o")
        calls = [", ".join(one) for one in product(*values)]
        self.add(f"def {name}({header}):", lines, self.random.sample(calls, min(16, len(calls))), name)

    # ------------------------------------------------------------------ conversions

    def conversion(self, name: str) -> None:
        ty, other = self.random.choice(TYPES), self.random.choice(TYPES)
        calls = self.random.sample(NUMBERS, 16)
        whole = ty in INTEGERS
        safe = whole and other in INTEGERS
        which = self.random.randrange(8)
        lines = {
            0: ["return a"],
            1: ["return a"],
            2: [f"cdef {ty} x = a", "return x"],
            3: ["cdef E e = E()", f"e.{self.pick('whole', 'real', 'items', 'text')} = a", "return e"],
            4: [f"cdef {ty}{'[3]' if whole else ''} x = {'[a, a, a]' if whole else 'a'}",
                f"return x{'[1]' if whole else ''}"],
            5: [f"cdef {ty} x = a", f"cdef {other} y = <{other}>x" if safe else "y = x", "return x, y"],
            6: [f"for x in range(<{ty}>a, <{ty}>a + 2):" if whole else "for x in [a]:", "    return x"],
            7: [f"return {self.pick('isinstance(a, E)', '<E?>a', '<list?>a', '<str?>a', 'a == <object>1')}"],
        }[which]
        typed = which < 2
        nullable = ("E", "list", "str", "dict", "bytes", "tuple")
        how = self.pick("", " not None", " or None") if ty in nullable else ""
        header = f"{ty} a{how}" if typed else "a"
        if which == 1 and ty in INTEGERS:
            self.add(f"cpdef {ty} {name}({other} a) except *:", ["return <object>a"], calls, name)
            return
        self.add(f"def {name}({header}):", lines, calls, name)

    # ------------------------------------------------------------------ memoryviews

    def view(self, name: str) -> None:
        dims = self.random.choice((1, 1, 1, 2))
        index = self.pick("object", "int", "Py_ssize_t", "long")
        parts = [self.one_slice() for _ in range(dims)]
        if self.chance(0.15):
            parts[self.random.randrange(dims)] = "..."
        if self.chance(0.1):
            parts.insert(0, "None")
        text = ", ".join(parts)
        item = self.pick("unsigned char", "const unsigned char", "unsigned char")
        packed = self.pick("", "", "::1") if dims == 1 else ""
        ty = f"{item}[{packed or ', '.join([':'] * dims)}]"
        source = ["bytearray(b'0123456789')", "bytearray(b'')", "b'abcdef'", "None",
                  "memoryview(b'01234')[::-1]"]  # fmt: skip
        if dims == 2:
            source = ["memoryview(bytearray(range(12))).cast('B', [3, 4])",
                      "memoryview(bytes(6)).cast('B', [2, 3])"]  # fmt: skip
        shown = "return [x for x in r]" if dims == 1 else "return r.shape, r.strides, bytes(r)"
        lines = [f"r = m[{text}]", self.pick(shown, "return r.shape if hasattr(r, 'shape') else r",
                                             "return bytes(r) if hasattr(r, 'shape') else r")]  # fmt: skip
        other = self.random.randrange(8)
        if other == 0 and "const" not in ty:
            lines = [f"m[{text}] = {self.pick('i', 'm', '7', f'm[{text}]')}", "return bytes(m)"]
        elif other == 1:
            lines = [f"r = m[{text}].copy()", "return r.shape, r.strides, bytes(r)"]
        elif other == 2:
            lines = [f"r = m.{self.pick('T', 'shape', 'strides', 'nbytes', 'size', 'base', 'ndim')}",
                     "return r if not hasattr(r, 'tobytes') else 0"]  # fmt: skip
        elif other == 3:
            lines = [f"cdef {ty} r = m", "return len(r), r is None, r[i]" if dims == 1 else "return r[i, j]"]
        elif other == 4:
            lines = ["return [x for x in m[i:j]]" if dims == 1 else "return [list(x) for x in m[i:j]]"]
        elif other == 5 and dims == 1:
            operator = self.pick("", "+", "-", "*", "//")
            lines = [f"m[{self.pick('i', 'j')}] {operator}= {self.pick('k', 'i', '300')}", "return bytes(m)"]
        header = f"{ty} m, " + ", ".join(f"{index} {one}" for one in "ijk")
        numbers = ("0", "1", "-1", "2", "-2", "3", "5", "-5", "9", "10", "-11", "100", "-100")
        calls = [f"{self.random.choice(source)}, " + ", ".join(self.pick(*numbers) for _ in range(3))
                 for _ in range(20)]  # fmt: skip
        if index == "object":
            odd = ("None, None, None", "2**70, -2**70, 1", "'a', 1, 1", "1.0, 1, 1",
                   "Whole(1), Whole(3), Whole(1)")  # fmt: skip
            calls += [f"{source[0]}, {one}" for one in odd]
        self.add(f"def {name}({header}):", lines, calls, name)

    def one_slice(self) -> str:
        return self.pick("i", "i:j", "i:j:k", ":j", "i:", "::k", "::-1", ":", "i::k", ":j:k", "-2:", ":-1", "j",
                         "i:j:-1", "1:-1:2", "::2", "::-2", "k:i:j")  # fmt: skip

    # ------------------------------------------------------------------ signatures

    def signature(self, name: str) -> None:
        """A function with a signature, called with too little, too much, and what is not of its types."""
        types = ("", "", "", "int ", "str ", "double ", "list ", "E ")
        parts, names, given = [], [], False
        count = self.random.randint(0, 4)
        slash = self.random.randint(1, count) if count and self.chance(0.3) else 0
        for index in range(count):
            given = given or self.chance(0.3)
            ty = self.pick(*types)
            names.append(f"p{index}")
            parts.append(f"{ty}p{index}" + (f"={self.default(ty)}" if given else ""))
            if index + 1 == slash:
                parts.append("/")
        star = self.random.randrange(3)
        if star == 1:
            parts.append("*args")
            names.append("args")
        only = self.random.randint(0, 2)
        if only and star != 1:
            parts.append("*")
        for index in range(only):
            ty = self.pick(*types)
            names.append(f"k{index}")
            parts.append(f"{ty}k{index}" + (f"={self.default(ty)}" if self.chance(0.6) else ""))
        if self.chance(0.3):
            parts.append("**kwargs")
            names.append("kwargs")
        result = "return " + (", ".join(names) + "," if names else "None")
        known = [f"p{index}" for index in range(count)] + [f"k{index}" for index in range(only)]
        calls = [self.call(known, count) for _ in range(14)]
        text = ", ".join(parts)
        kind = self.random.randrange(7)
        if kind == 0:
            lines = [f"def inner({text}):", f"    {result}", f"return inner({self.call(known, count)})"]
            self.add(f"def {name}(*a, **k):", [*lines[:2], "return inner(*a, **k)"], calls, name)
        elif kind == 1:
            lines = [f"def run(self, {text}):" if text else "def run(self):", f"    {result}"]
            self.add(f"class C{name}:", lines, [], "")
            self.add(f"def {name}(*a, **k):", [f"return C{name}().run(*a, **k)"], calls, name)
        elif kind == 2:
            how = self.pick("def run", "def __init__", "def __call__", "def __cinit__")
            lines = [f"{how}(self, {text}):" if text else f"{how}(self):",
                     f"    {result if 'run' in how or 'call' in how else 'pass'}"]  # fmt: skip
            self.add(f"cdef class C{name}:", lines, [], "")
            use = {"run": f"C{name}().run(*a, **k)", "call": f"C{name}()(*a, **k)"}
            made = next((one for key, one in use.items() if key in how), f"type(C{name}(*a, **k)).__name__")
            self.add(f"def {name}(*a, **k):", [f"return {made}"], calls, name)
        elif kind == 3:
            # Called from here, where Cython may know the function.
            self.add(f"def g{name}({text}):", [result], [], "")
            self.add(f"def {name}(x):", [f"return g{name}({self.call(known, count)})"], ["1"], name)
        elif kind == 4:
            what = self.pick("E().method", "E().both", "E.static", "E.of", "E()", "E", "E.method", "E().of")
            calls = [self.call(["a", "b", "c"], 3) for _ in calls]
            self.add(f"def {name}(*a, **k):", [f"return {what}(*a, **k)"], calls, name)
        else:
            self.add(f"def {name}({text}):", [result], calls, name)

    def default(self, ty: str) -> str:
        return {"": self.pick("1", "None", "'d'", "[]"), "int ": "4", "str ": self.pick("'s'", "None"),
                "double ": "0.5", "list ": "None", "E ": "None"}[ty]  # fmt: skip

    def call(self, known: list[str], count: int) -> str:
        values = ("1", "'a'", "2.5", "None", "[1]", "E()", "-7", "True", "2**40")
        many = max(0, count + self.random.choice((-2, -1, -1, 0, 0, 0, 1)))
        given = [self.pick(*values) for _ in range(many)]
        if self.chance(0.2):
            given.append(f"*{self.pick('()', '(1,)', '[1, 2]', '5', 'None', repr('ab'))}")
        used: set[str] = set()
        for _ in range(self.random.randrange(4)):
            name = self.pick(*known, "extra", "other")
            if name not in used:
                given.append(f"{name}={self.pick(*values)}")
                used.add(name)
        if self.chance(0.2):
            key = self.pick(*known, "extra", "more")
            given.append(f"**{self.pick(f'{{{key!r}: 1}}', '{1: 2}', '{}', '[]', 'None')}")
        return ", ".join(given)
