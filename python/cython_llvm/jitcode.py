"""`jit`: a Python function's syntax tree to Cython source for given argument types.

C types stand only where the result is Python's:

* ``float``: C doubles, with Python's errors (division by zero, overflow of a power, domain errors).
* ``int``: 64 bits, every operation checked.  Where a function does nothing but compute, an overflow
  means that it computes again in Python's integers (``restartable``).  Where it stores, calls or raises
  behind a handler, integers that might not fit are Python's own (``pyint``); an index may be computed
  in 64 bits there, as one that leaves them is out of bounds in any case.
* arrays whose elements alone are read and written: typed memoryviews.

Everything else is an object.  `Unsupported` is raised for what is not translated at all.
"""

from __future__ import annotations

import ast
import builtins
import math
from dataclasses import dataclass, field
from typing import Any

from .jitprelude import MATH, with_helpers


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
_C_NAMES = {"float": "double", "int": "long long", "bool": "bint"}
_SAFE_BITS = 62
_COUNTED = 52  # bits that a loop from a small number by small steps reaches in years
_RESERVED = frozenset(
    "cdef cpdef cimport ctypedef include DEF IF ELIF ELSE NULL sizeof new int long short char float double "
    "unsigned signed bint void struct union enum packed extern public readonly nogil gil inline const "
    "volatile object print exec fused range len abs min max True False None".split()
)
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.MatMult: "@",
}  # fmt: skip
_COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_LEFT_TO_PYTHON = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await,
    ast.Global, ast.Nonlocal, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr,
    ast.Import, ast.ImportFrom, ast.Match, ast.AsyncFor, ast.AsyncWith, ast.Try, ast.With, ast.Delete,
    ast.Starred, ast.TryStar,
)  # fmt: skip
_FRAMES = frozenset({"locals", "globals", "vars", "dir", "eval", "exec", "super", "__class__"})


@dataclass
class Code:
    """Cython source of one specialisation."""

    text: str
    restartable: bool
    watched: dict[str, tuple[Any, bool]]  # name -> (object or None, whether of builtins)


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

    tree: ast.FunctionDef
    namespace: dict[str, Any]
    volatile: set[str] = field(default_factory=set)  # globals that have changed before
    locals: set[str] = field(default_factory=set)


def read(tree: ast.FunctionDef, namespace: dict[str, Any], volatile: set[str]) -> Function:
    """Check that a function can be translated at all."""
    arguments = tree.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        raise Unsupported("variable or keyword-only arguments")
    for node in ast.walk(tree):
        if node is not tree and isinstance(node, _LEFT_TO_PYTHON):
            raise Unsupported(f"{type(node).__name__} in line {getattr(node, 'lineno', '?')}")
        if isinstance(node, ast.Name) and node.id in _FRAMES:
            raise Unsupported(f"{node.id} in line {node.lineno}")
    names = {one.arg for one in (*arguments.posonlyargs, *arguments.args)}
    names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return Function(tree, namespace, volatile, names)


def translate(function: Function, types: dict[str, Type], *, exact: bool = False) -> Code:
    """Cython source for parameters of these types.  Raises `Unsupported`.

    ``exact``: integers that might not fit are Python's own, in any case.
    """
    demoted: set[str] = set()
    restartable = not exact
    while True:
        given = {name: "obj" if name in demoted else kind for name, kind in types.items()}
        try:
            maker = _Maker(function, given, restartable)
            text = maker.run()
        except _NotAView as found:
            demoted.add(found.args[0])
            continue
        except _HasEffects:
            restartable = False
            continue
        return Code(text, restartable and maker.checked, maker.watched)


class _NotAView(Exception):
    """A parameter is used as an array, not by its elements alone."""


class _HasEffects(Exception):
    """The function cannot be run twice."""


class _Maker:
    def __init__(self, function: Function, types: dict[str, Type], restartable: bool) -> None:
        self.function = function
        self.types: dict[str, Type] = dict(types)
        self.parameters = types
        self.restartable = restartable
        self.checked = False
        self.watched: dict[str, tuple[Any, bool]] = {}
        self.counters: set[str] = set()  # loop variables that count in small steps
        self.other: set[str] = set()  # variables that something else is assigned to
        self.assigned: set[str] = set()
        self.lines: list[str] = []
        self.changed = True

    # ------------------------------------------------------------ the whole

    def run(self) -> str:
        body = self.function.tree.body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]  # the docstring
        for _ in range(60):
            self.changed, self.lines, self.checked = False, [], False
            self.assigned = set(self.parameters)
            self.block(body, 1)
            if not self.changed:
                break
        else:
            raise Unsupported("types that do not settle")
        arguments = self.function.tree.args
        parameters = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        heads = []
        for name in parameters:
            kind = self.types[name]
            declared = kind.declaration() if isinstance(kind, View) else _C_NAMES.get(kind, "object")
            heads.append(f"{declared} {self.name(name)}")
        declared = [
            f"    cdef {_C_NAMES[self.types[name]]} {self.name(name)}"
            for name in sorted(self.function.locals - set(parameters))
            if self.types.get(name) in _C_NAMES
        ]
        lines = [f"def {self.function.tree.name}({', '.join(heads)}):", *declared, *self.lines]
        if not self.lines:
            lines.append("    pass")
        return with_helpers("\n".join(lines) + "\n")

    def name(self, name: str) -> str:
        return f"_v_{name}" if name in _RESERVED or name.startswith("_cyl") else name

    def effects(self) -> None:
        if self.restartable:
            raise _HasEffects

    def join(self, name: str, kind: Type) -> None:
        if kind == "pyint":
            kind = "obj"
        known = self.types.get(name)
        if isinstance(known, View):
            raise _NotAView(name)
        if known is None:
            self.types[name] = kind
            self.changed = True
        elif known != kind and known != "obj":
            self.types[name] = "obj"
            self.changed = True

    # ------------------------------------------------------------ statements

    def block(self, statements: list[ast.stmt], depth: int) -> None:
        for statement in statements:
            self.statement(statement, depth)
        if not statements:
            self.put(depth, "pass")

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def statement(self, node: ast.stmt, depth: int) -> None:
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is None:
            raise Unsupported(f"{type(node).__name__} in line {node.lineno}")
        method(node, depth)

    def on_Pass(self, node: ast.Pass, depth: int) -> None:
        self.put(depth, "pass")

    def on_Break(self, node: ast.Break, depth: int) -> None:
        self.put(depth, "break")

    def on_Continue(self, node: ast.Continue, depth: int) -> None:
        self.put(depth, "continue")

    def on_Return(self, node: ast.Return, depth: int) -> None:
        self.put(depth, "return" if node.value is None else f"return {self.value(node.value).object()}")

    def on_Expr(self, node: ast.Expr, depth: int) -> None:
        if not isinstance(node.value, ast.Constant):
            self.put(depth, self.value(node.value).object())
        else:
            self.put(depth, "pass")

    def on_Assert(self, node: ast.Assert, depth: int) -> None:
        message = f", {self.value(node.msg).object()}" if node.msg is not None else ""
        self.put(depth, f"assert {self.test(node.test)}{message}")

    def on_Raise(self, node: ast.Raise, depth: int) -> None:
        self.effects()
        parts = [self.value(part).object() if part is not None else None for part in (node.exc, node.cause)]
        self.put(depth, " from ".join(["raise " + (parts[0] or ""), *([parts[1]] if parts[1] else [])]))

    def on_If(self, node: ast.If, depth: int) -> None:
        self.put(depth, f"if {self.test(node.test)}:")
        before = set(self.assigned)
        self.block(node.body, depth + 1)
        first, self.assigned = self.assigned, set(before)
        if node.orelse:
            self.put(depth, "else:")
            self.block(node.orelse, depth + 1)
        ended = _leaves(node.body), _leaves(node.orelse)
        if ended[0] and not ended[1]:
            pass
        elif ended[1] and not ended[0]:
            self.assigned = first
        else:
            self.assigned &= first

    def on_While(self, node: ast.While, depth: int) -> None:
        before = set(self.assigned)
        self.put(depth, f"while {self.test(node.test)}:")
        self.block(node.body, depth + 1)
        self.assigned = set(before)
        self.otherwise(node, depth)
        self.assigned = before

    def otherwise(self, node: ast.While | ast.For, depth: int) -> None:
        if node.orelse:
            self.put(depth, "else:")
            self.block(node.orelse, depth + 1)

    def on_For(self, node: ast.For, depth: int) -> None:
        if not isinstance(node.target, ast.Name):
            raise Unsupported(f"a loop over several names in line {node.lineno}")
        target = node.target.id
        bounds = self.range_arguments(node.iter)
        if bounds is None:
            iterated = self.value(node.iter).object()
            self.effects()
            self.store_name(target, "obj")
        else:
            iterated, small = bounds
            self.store_name(target, "int", counter=small)
        before = self.assigned - {target} | ({target} & self.parameters.keys())
        self.assigned = before | {target}
        self.put(depth, f"for {self.name(target)} in {iterated}:")
        self.block(node.body, depth + 1)
        self.assigned = set(before)
        self.otherwise(node, depth)
        self.assigned = before

    def range_arguments(self, node: ast.expr) -> tuple[str, bool] | None:
        """`range(...)` over integers: its text, and whether it counts in small steps from near 0."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords
                and 1 <= len(node.args) <= 3 and self.builtin(node.func) is range):  # fmt: skip
            return None
        values = [self.value(one) for one in node.args]
        if any(value.type not in ("int", "pyint") for value in values):
            return None
        step = values[2].literal if len(values) == 3 else 1
        if not isinstance(step, int) or step == 0 or abs(step) > 16:
            return None
        start = values[0].literal if len(values) > 1 else 0
        small = (isinstance(start, int) and abs(start) < 1 << 31) or (
            len(values) > 1 and values[0].type == "int" and values[0].bits <= _COUNTED
        )
        texts = [f"_cyl_bound({v.text})" if v.type == "pyint" else v.text for v in values[:2]]
        if len(values) == 3:
            texts.append(str(step))
        return f"range({', '.join(texts)})", small

    def store_name(self, name: str, kind: Type, *, counter: bool = False) -> None:
        if counter and name not in self.other:
            self.counters.add(name)
        elif name not in self.other:
            self.other.add(name)
            if name in self.counters:
                self.counters.discard(name)
                self.changed = True
        self.join(name, kind)
        self.assigned.add(name)

    def on_AnnAssign(self, node: ast.AnnAssign, depth: int) -> None:
        if node.value is not None:
            self.assign([node.target], node.value, depth)

    def on_Assign(self, node: ast.Assign, depth: int) -> None:
        self.assign(node.targets, node.value, depth)

    def assign(self, targets: list[ast.expr], value: ast.expr, depth: int) -> None:
        if len(targets) != 1:
            raise Unsupported(f"several targets in line {value.lineno}")
        target = targets[0]
        if isinstance(target, ast.Name):
            found = self.value(value)
            self.store_name(target.id, found.type)
            self.put(depth, f"{self.name(target.id)} = {self.as_type(found, self.types[target.id])}")
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target, value, depth)
        elif isinstance(target, ast.Subscript):
            self.store_item(target, self.value(value), depth)
        else:
            self.effects()
            if not isinstance(target, ast.Attribute):
                raise Unsupported(f"assignment in line {value.lineno}")
            base = self.value(target.value).object()
            self.put(depth, f"{base}.{target.attr} = {self.value(value).object()}")

    def unpack(self, target: ast.Tuple | ast.List, value: ast.expr, depth: int) -> None:
        if not all(isinstance(one, ast.Name) for one in target.elts):
            raise Unsupported(f"unpacking in line {value.lineno}")
        names = [one.id for one in target.elts if isinstance(one, ast.Name)]
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(names) == len(set(names)):
            found = [self.value(one) for one in value.elts]
            for name, one in zip(names, found, strict=True):
                self.store_name(name, one.type)
            texts = [self.as_type(one, self.types[n]) for n, one in zip(names, found, strict=True)]
        else:
            texts = [self.value(value).object()]
            self.effects()
            for name in names:
                self.store_name(name, "obj")
        self.put(depth, f"{', '.join(map(self.name, names))}, = {', '.join(texts)}"
                 if len(names) == 1 else f"{', '.join(map(self.name, names))} = {', '.join(texts)}")  # fmt: skip

    def on_AugAssign(self, node: ast.AugAssign, depth: int) -> None:
        value = self.value(node.value)
        if isinstance(node.target, ast.Name):
            current = self.load(node.target.id)
            if current.type == "obj":
                self.effects()
                if isinstance(node.op, ast.Mult):
                    product = f"PyNumber_InPlaceMultiply({current.text}, {value.object()})"
                    self.put(depth, f"{current.text} = {product}")
                else:
                    self.put(depth, f"{current.text} {_OPERATORS[type(node.op)]}= {value.object()}")
                self.store_name(node.target.id, "obj")
                return
            found = self.binary(current, node.op, value)
            self.store_name(node.target.id, found.type)
            kind = self.types[node.target.id]
            self.put(depth, f"{self.name(node.target.id)} = {self.as_type(found, kind)}")
        elif isinstance(node.target, ast.Subscript) and self.view_of(node.target) is not None:
            if any(isinstance(part, ast.Call) for part in ast.walk(node.target)):
                raise Unsupported(f"an index with a call in line {node.lineno}")
            current = self.value(ast.Subscript(node.target.value, node.target.slice, ast.Load()))
            self.store_item(node.target, self.binary(current, node.op, value, index=True), depth)
        elif isinstance(node.target, ast.Subscript):
            self.effects()
            base = self.value(node.target.value).object()
            index = self.index(node.target.slice)
            self.put(depth, f"{base}[{index}] {_OPERATORS[type(node.op)]}= {value.object()}")
        else:
            raise Unsupported(f"assignment in line {node.lineno}")

    def store_item(self, target: ast.Subscript, value: Value, depth: int) -> None:
        self.effects()
        view = self.view_of(target)
        if view is None:
            base = self.value(target.value).object()
            self.put(depth, f"{base}[{self.index(target.slice)}] = {value.object()}")
            return
        name = self.view_name(target)
        if not view.writable:
            raise _NotAView(name)
        kind, bits = ELEMENTS[view.element]
        if bits == 0 and value.type in ("float", "int", "pyint"):
            text = self.as_type(value, "float")
        elif bits and value.type in ("int", "pyint"):
            text = f"_cyl_to_{view.element}({self.as_type(value, 'int')})" if bits < 63 else (
                self.as_type(value, "int"))  # fmt: skip
        else:
            raise _NotAView(name)
        self.put(depth, f"{self.element(target)} = {text}")

    # ------------------------------------------------------------ expressions

    def as_type(self, value: Value, kind: Type) -> str:
        if kind == value.type:
            return value.text
        if kind == "float":
            return f"(<double>({value.text}))"
        if kind == "int":
            return f"(<long long>({value.text}))"
        return value.object()

    def value(self, node: ast.expr) -> Value:
        method = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            raise Unsupported(f"{type(node).__name__} in line {node.lineno}")
        found: Value = method(node)
        return found

    def test(self, node: ast.expr) -> str:
        """A condition: what is tested is all that counts."""
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return f"({word.join(self.test(one) for one in node.values)})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(not {self.test(node.operand)})"
        value = self.value(node)
        if value.type == "obj":
            self.effects()
        return value.text

    def of_Constant(self, node: ast.Constant) -> Value:
        return self.constant(node.value)

    def constant(self, value: Any) -> Value:
        if type(value) is int and abs(value) < 1 << 63:
            return Value(f"(<long long>{value})", "int", max(value.bit_length(), 1), value)
        if type(value) is float and math.isfinite(value):
            return Value(repr(value) if value >= 0 and not str(value).startswith("-") else f"({value!r})",
                         "float", literal=value)  # fmt: skip
        if type(value) is bool:
            return Value(str(value), "bool")
        if type(value) in (int, str, bytes, complex, type(None)):
            return Value(f"({value!r})", "pyint" if type(value) is int else "obj")
        raise Unsupported(f"a constant of type {type(value).__name__}")

    def of_Name(self, node: ast.Name) -> Value:
        if node.id in self.function.locals:
            return self.load(node.id)
        namespace = self.function.namespace
        if type(namespace.get(node.id)) in (int, float, bool) and node.id not in self.function.volatile:
            value = namespace[node.id]
            self.watched[node.id] = (value, False)
            try:
                return self.constant(value)
            except Unsupported:
                pass
        return Value(f"_cyl_global({node.id!r})", "obj")

    def load(self, name: str) -> Value:
        kind = self.types.get(name)
        if isinstance(kind, View):
            raise _NotAView(name)
        if kind in _C_NAMES and name not in self.assigned:
            self.join(name, "obj")  # C variables cannot be unbound
            kind = "obj"
        bits = _COUNTED if name in self.counters and name not in self.other else 63
        return Value(self.name(name), kind or "obj", bits)

    def builtin(self, node: ast.expr) -> Any:
        """The builtin that a name means, from here on watched; None where it is something else."""
        if not isinstance(node, ast.Name) or node.id in self.function.locals | self.function.volatile:
            return None
        if node.id in self.function.namespace or not hasattr(builtins, node.id):
            return None
        found = getattr(builtins, node.id)
        self.watched[node.id] = (found, True)
        return found

    def math_function(self, node: ast.expr) -> str | None:
        """``math.sqrt`` or ``sqrt``, where that is what the names mean."""
        namespace = self.function.namespace
        hidden = self.function.locals | self.function.volatile
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in hidden or namespace.get(node.value.id) is not math:
                return None
            self.watched[node.value.id] = (math, False)
            return node.attr if node.attr in MATH else None
        if isinstance(node, ast.Name) and node.id not in hidden:
            found = namespace.get(node.id)
            for name in MATH:
                if found is not None and found is getattr(math, name):
                    self.watched[node.id] = (found, False)
                    return name
        return None

    def of_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return Value(self.test(node), "bool")
        value = self.value(node.operand)
        if value.literal is not None and isinstance(node.op, ast.USub):
            return self.constant(-value.literal)
        if isinstance(node.op, ast.UAdd) and value.type in ("float", "int", "pyint"):
            return value
        if isinstance(node.op, ast.USub) and value.type == "float":
            return Value(f"(-{value.text})", "float")
        if isinstance(node.op, ast.USub) and value.type == "int":
            return self.binary(self.constant(0), ast.Sub(), value)
        if isinstance(node.op, ast.Invert) and value.type == "int":
            return Value(f"(~{value.text})", "int", value.bits)
        sign = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}[type(node.op)]
        if value.type != "pyint":
            self.effects()
        return Value(f"({sign}{value.object()})", "pyint" if value.type == "pyint" else "obj")

    def of_BinOp(self, node: ast.BinOp) -> Value:
        return self.binary(self.value(node.left), node.op, self.value(node.right))

    def binary(self, left: Value, op: ast.operator, right: Value, *, index: bool = False) -> Value:
        sign = _OPERATORS[type(op)]
        kinds = {left.type, right.type}
        if kinds <= {"int"}:
            return self.integers(left, sign, right, index)
        if kinds <= {"int", "pyint"} and sign in "+ - * & | ^":
            return Value(_objects(left, sign, right), "pyint")
        if "float" in kinds and kinds <= {"float", "int", "pyint"}:
            return self.floats(left, sign, right)
        self.effects()
        return Value(_objects(left, sign, right), "obj")

    def integers(self, left: Value, sign: str, right: Value, index: bool) -> Value:
        if sign in ("+", "-", "*"):
            bits = left.bits + right.bits if sign == "*" else max(left.bits, right.bits) + 1
            if bits <= _SAFE_BITS or index or self.restartable:
                self.checked = self.checked or bits > _SAFE_BITS
                return Value(f"({left.text} {sign} {right.text})", "int", min(bits, 63))
            return Value(f"({left.object()} {sign} {right.object()})", "pyint")
        if sign in ("&", "|", "^"):
            return Value(f"({left.text} {sign} {right.text})", "int", max(left.bits, right.bits))
        if sign == ">>" and isinstance(right.literal, int) and 0 <= right.literal < 63:
            return Value(f"({left.text} >> {right.literal})", "int", max(left.bits - right.literal, 1))
        if sign == "/":
            return Value(f"_cyl_truediv({left.text}, {right.text})", "float")
        if sign == "%":
            return Value(f"_cyl_mod({left.text}, {right.text})", "int", right.bits)
        if sign == "//" and (self.restartable or left.bits <= _SAFE_BITS or (right.literal or -1) > 0):
            self.checked = True
            return Value(f"_cyl_floordiv({left.text}, {right.text})", "int", left.bits)
        if sign == "**" and isinstance(right.literal, int) and right.literal >= 0 and self.restartable:
            self.checked = True
            return Value(f"(<long long>({left.object()} ** {right.object()}))", "int")
        exact = sign == "//" or (sign == "**" and isinstance(right.literal, int) and right.literal >= 0)
        return Value(f"({left.object()} {sign} {right.object()})", "pyint" if exact else "obj")

    def floats(self, left: Value, sign: str, right: Value) -> Value:
        a, b = self.as_type(left, "float"), self.as_type(right, "float")
        if "pyint" in (left.type, right.type):  # it may be too large for a float, which Python tells
            text = _objects(left, sign, right)
            known = sign in ("+", "-", "*", "/", "//", "%")
            return Value(f"(<double>({text}))", "float") if known else Value(text, "obj")
        if sign in ("+", "-", "*"):
            return Value(f"({a} {sign} {b})", "float")
        if sign == "/":
            literal = right.literal
            if literal:
                return Value(f"_cyl_divide({a}, {b})", "float")
            return Value(f"_cyl_fdiv({a}, {b})", "float")
        if sign in ("//", "%"):
            return Value(f"(<double>({left.object()} {sign} {right.object()}))", "float")
        if sign == "**" and isinstance(right.literal, int):
            return Value(f"_cyl_pow({a}, {b})", "float")
        return Value(f"({left.object()} {sign} {right.object()})", "obj")

    def of_Compare(self, node: ast.Compare) -> Value:
        values = [self.value(one) for one in (node.left, *node.comparators)]
        signs = [_COMPARISONS[type(op)] for op in node.ops]
        ordered = all(sign in ("<", "<=", ">", ">=", "==", "!=") for sign in signs)
        kinds = {value.type for value in values}
        if ordered and kinds == {"int", "float"}:
            for value in values:
                if isinstance(value.literal, int) and abs(value.literal) <= 1 << 53:
                    value.text, value.type = f"{float(value.literal)!r}", "float"
            kinds = {value.type for value in values}
        if ordered and kinds in ({"int"}, {"float"}):
            texts = [value.text for value in values]
            kind = "bool"
        else:
            texts = [value.object() for value in values]
            plain = ordered and kinds <= {"int", "float", "pyint", "bool"}
            kind = "bool" if plain or all(sign.startswith("is") for sign in signs) else "obj"
            if kind == "obj":
                self.effects()
        text = texts[0] + "".join(f" {sign} {text}" for sign, text in zip(signs, texts[1:], strict=True))
        return Value(f"({text})" if kind == "bool" else f"(<object>({text}))", kind)

    def of_BoolOp(self, node: ast.BoolOp) -> Value:
        return self.one_of([self.value(v) for v in node.values],
                           " and " if isinstance(node.op, ast.And) else " or ")  # fmt: skip

    def one_of(self, values: list[Value], word: str) -> Value:
        kinds = {value.type for value in values}
        if len(kinds) == 1 and kinds <= {"float", "int", "bool"}:
            return Value(f"({word.join(v.text for v in values)})", values[0].type,
                         max(v.bits for v in values))  # fmt: skip
        self.effects()
        return Value(f"({word.join(v.object() for v in values)})", "obj")

    def of_IfExp(self, node: ast.IfExp) -> Value:
        test, values = self.test(node.test), [self.value(node.body), self.value(node.orelse)]
        same = values[0].type == values[1].type and values[0].type in ("float", "int", "bool")
        texts = [v.text if same else v.object() for v in values]
        kind = values[0].type if same else "obj"
        return Value(f"({texts[0]} if {test} else {texts[1]})", kind, max(v.bits for v in values))

    def of_Call(self, node: ast.Call) -> Value:
        if not node.keywords:
            found = self.known_call(node)
            if found is not None:
                return found
        self.effects()
        function = self.value(node.func).object()
        arguments = [self.value(one).object() for one in node.args]
        for keyword in node.keywords:
            if keyword.arg is None:
                raise Unsupported(f"** in line {node.lineno}")
            arguments.append(f"{keyword.arg}={self.value(keyword.value).object()}")
        return Value(f"{function}({', '.join(arguments)})", "obj")

    def known_call(self, node: ast.Call) -> Value | None:
        called = self.builtin(node.func)
        if called is len and len(node.args) == 1:
            view = self.view_parameter(node.args[0])
            if view is not None:
                return Value(f"(<long long>{self.name(view)}.shape[0])", "int", _COUNTED)
        name = self.math_function(node.func)
        wanted = called in (abs, min, max, float, int, len) or name is not None
        if not wanted or not node.args:
            return None
        values = [self.value(one) for one in node.args]
        kinds = {value.type for value in values}
        if name is not None and len(values) == 1 and kinds <= {"float", "int"}:
            return Value(f"_cyl_{name}({self.as_type(values[0], 'float')})", "float")
        if called is float and len(values) == 1 and kinds <= {"float", "int"}:
            return Value(self.as_type(values[0], "float"), "float")
        if called is int and len(values) == 1 and kinds <= {"float", "int"}:
            if kinds == {"int"}:
                return values[0]
            if self.restartable:
                self.checked = True
                return Value(f"_cyl_int({values[0].text})", "int")
            return Value(f"int({values[0].object()})", "pyint")
        if called is abs and len(values) == 1 and kinds == {"float"}:
            return Value(f"fabs({values[0].text})", "float")
        if called is abs and len(values) == 1 and kinds == {"int"}:
            if self.restartable or values[0].bits <= _SAFE_BITS:
                self.checked = True
                return Value(f"_cyl_abs({values[0].text})", "int", values[0].bits)
            return Value(f"abs({values[0].object()})", "pyint")
        if called in (min, max) and len(values) > 1 and kinds in ({"float"}, {"int"}):
            kind = values[0].type
            text = values[0].text
            for value in values[1:]:
                text = f"_cyl_{called.__name__}_{kind}({text}, {value.text})"
            return Value(text, kind, max(value.bits for value in values))
        return None

    def of_Tuple(self, node: ast.Tuple) -> Value:
        parts = [self.value(one).object() for one in node.elts]
        return Value(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})", "obj")

    def of_List(self, node: ast.List) -> Value:
        return Value(f"[{', '.join(self.value(one).object() for one in node.elts)}]", "obj")

    def of_Attribute(self, node: ast.Attribute) -> Value:
        view = self.view_parameter(node.value)
        if view is not None and node.attr == "ndim":
            return self.constant(self.types[view].ndim)
        if view is not None and node.attr == "size" and self.types[view].ndim == 1:
            return Value(f"(<long long>{self.name(view)}.shape[0])", "int", _COUNTED)
        self.effects()
        return Value(f"{self.value(node.value).object()}.{node.attr}", "obj")

    # ------------------------------------------------------------ arrays

    def view_parameter(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name) and isinstance(self.types.get(node.id), View):
            return node.id
        return None

    def view_of(self, node: ast.Subscript) -> View | None:
        name = self.view_parameter(node.value)
        found = self.types[name] if name is not None else None
        return found if isinstance(found, View) else None

    def view_name(self, node: ast.Subscript) -> str:
        assert isinstance(node.value, ast.Name)
        return node.value.id

    def of_Subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            view = self.view_parameter(node.value.value)
            axis = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if view is not None and type(axis) is int and 0 <= axis < self.types[view].ndim:
                return Value(f"(<long long>{self.name(view)}.shape[{axis}])", "int", _COUNTED)
        view_type = self.view_of(node)
        if view_type is not None:
            bits = ELEMENTS[view_type.element][1]
            kind = "int" if bits else "float"
            return Value(f"(<{_C_NAMES[kind]}>{self.element(node)})", kind, bits or 63)
        self.effects()
        return Value(f"{self.value(node.value).object()}[{self.index(node.slice)}]", "obj")

    def element(self, node: ast.Subscript) -> str:
        """The text of one element; raises `_NotAView` for anything else that an array can be asked."""
        name = self.view_name(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(parts) != self.types[name].ndim:
            raise _NotAView(name)
        texts = [self.position(part, name) for part in parts]
        return f"{self.name(name)}[{', '.join(texts)}]"

    def position(self, node: ast.expr, name: str) -> str:
        value = self.in_bounds(node)
        if value.type == "pyint":
            return f"(<Py_ssize_t>({value.text}))"
        if value.type != "int":
            raise _NotAView(name)
        return value.text

    def in_bounds(self, node: ast.expr) -> Value:
        """An index: sums and products may be computed in 64 bits, whatever comes of it."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            left, right = self.in_bounds(node.left), self.in_bounds(node.right)
            return self.binary(left, node.op, right, index=True)
        return self.value(node)

    def index(self, node: ast.expr) -> str:
        if isinstance(node, ast.Slice):
            parts = [self.value(p).object() if p is not None else "" for p in (node.lower, node.upper)]
            step = f":{self.value(node.step).object()}" if node.step is not None else ""
            return f"{parts[0]}:{parts[1]}{step}"
        if isinstance(node, ast.Tuple) and any(isinstance(one, ast.Slice) for one in node.elts):
            return ", ".join(self.index(one) for one in node.elts)
        return self.value(node).object()


def _objects(left: Value, sign: str, right: Value) -> str:
    """An operation of objects.  Not Cython's own product: 0.0 * -1 is 0.0 there, and -0.0 in Python."""
    if sign == "*":
        return f"PyNumber_Multiply({left.object()}, {right.object()})"
    return f"({left.object()} {sign} {right.object()})"


def _leaves(statements: list[ast.stmt]) -> bool:
    """Whether control does not come out at the end."""
    return bool(statements) and isinstance(statements[-1], (ast.Return, ast.Raise, ast.Break, ast.Continue))
