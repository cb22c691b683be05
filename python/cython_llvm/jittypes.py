"""`jit`: the types of expressions, and what passes between the parts of the translator."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any


class Unsupported(Exception):
    """A construct that is left to Python."""


@dataclass(frozen=True)
class View:
    """A parameter that is a memoryview; ``element``: numpy's name of its type."""

    element: str
    ndim: int
    layout: str  # "C", "F" or "A"
    writable: bool

    def declaration(self) -> str:
        axes = [":"] * self.ndim
        if self.layout != "A":
            axes[-1 if self.layout == "C" else 0] = "::1"
        return f"{'' if self.writable else 'const '}{ELEMENTS[self.element][0]}[{', '.join(axes)}]"

    def __str__(self) -> str:
        axes = [":"] * self.ndim
        if self.layout != "A":
            axes[-1 if self.layout == "C" else 0] = "::1"
        text = f"{self.element}[{', '.join(axes)}]"
        return text if self.writable else f"const {text}"


#: numpy's name -> (C type, bits of an integer or 0)
ELEMENTS = {
    "float64": ("double", 0), "float32": ("float", 0),
    "int8": ("signed char", 7), "int16": ("short", 15), "int32": ("int", 31), "int64": ("long long", 63),
    "uint8": ("unsigned char", 8), "uint16": ("unsigned short", 16), "uint32": ("unsigned int", 32),
}  # fmt: skip

Type = Any  # "float", "int", "pyint", "bool", "obj" or a View
C_NAMES = {"float": "double", "int": "long long", "bool": "bint"}
SAFE_BITS = 62
COUNTED = 52  # bits that a loop from a small number by small steps reaches in years
RESERVED = frozenset(
    "cdef cpdef cimport ctypedef include DEF IF ELIF ELSE NULL sizeof new int long short char float double "
    "unsigned signed bint void struct union enum packed extern public readonly nogil gil inline const "
    "volatile object print exec fused range len abs min max repr str ascii format True False None".split()
)
OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.MatMult: "@",
}  # fmt: skip
#: operator -> its function in Python's C interface, PyNumber_...
FUNCTIONS = {
    "+": "Add", "-": "Subtract", "*": "Multiply", "/": "TrueDivide", "//": "FloorDivide", "%": "Remainder",
    "**": "Power", "<<": "Lshift", ">>": "Rshift", "&": "And", "|": "Or", "^": "Xor", "@": "MatrixMultiply",
}  # fmt: skip
COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
@dataclass
class Code:
    """Cython source of one specialisation."""

    text: str
    restartable: bool
    watched: dict[str, tuple[Any, bool]]  # name -> (object or None, whether of builtins)
    watched_free: dict[str, Any] = field(default_factory=dict)  # variables of the enclosing function
    loops: dict[int, str] = field(default_factory=dict)  # over prange, by line: why not parallel, or ""


@dataclass
class Value:
    """An expression: its text and its type; ``bits``: of an integer's magnitude."""

    text: str
    type: Type
    bits: int = 63
    literal: int | float | None = None

    def object(self) -> str:
        return self.text if self.type in ("obj", "pyint") else f"(<object>({self.text}))"


@dataclass
class Function:
    """What is looked at: the tree and the names it sees."""

    tree: ast.FunctionDef | ast.AsyncFunctionDef
    namespace: dict[str, Any]
    volatile: set[str] = field(default_factory=set)  # globals that have changed before
    locals: set[str] = field(default_factory=set)
    free: dict[str, Any] = field(default_factory=dict)  # variables of the enclosing function, now
    parameters: tuple[str, ...] = ()  # in the order in which the compiled code takes them
    globals: set[str] = field(default_factory=set)  # that it says are global
    nonlocals: set[str] = field(default_factory=set)  # that it says are of the enclosing function
    changing: set[str] = field(default_factory=set)  # of those, what functions inside may assign to
    deferred: bool = False  # a generator or coroutine, which runs when much may have changed
    qualname: str = ""
    postponed: bool = False  # annotations are strings

    @property
    def elsewhere(self) -> set[str]:
        """Names that it assigns to and that are not its own."""
        return self.globals | self.nonlocals

    def name(self) -> str:
        """What the compiled function is called."""
        return renamed(self.tree.name)


def renamed(name: str) -> str:
    """A name as Cython may have it."""
    return f"_v_{name}" if name in RESERVED or name.startswith("_cyl") else name


class NotAView(Exception):
    """A parameter is used as an array, not by its elements alone."""


class HasEffects(Exception):
    """The function cannot be run twice."""
