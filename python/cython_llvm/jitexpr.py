"""`jit`: expressions of Python as expressions of Cython, with their types."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

from .jitprelude import MATH
from .jittypes import (
    C_NAMES,
    COMPARISONS,
    COUNTED,
    ELEMENTS,
    FUNCTIONS,
    OPERATORS,
    SAFE_BITS,
    Function,
    HasEffects,
    NotAView,
    Type,
    Unsupported,
    Value,
    View,
    renamed,
)


class Expressions:
    """One pass over a function's expressions; what is learnt on the way changes `types`."""

    def __init__(self, function: Function, types: dict[str, Type], restartable: bool) -> None:
        self.function = function
        self.types: dict[str, Type] = dict(types)
        self.parameters = types
        self.restartable = restartable
        self.checked = False
        self.watched: dict[str, tuple[Any, bool]] = {}
        self.watched_free: dict[str, Any] = {}
        self.uses_free: set[str] = set()
        self.counters: set[str] = set()  # loop variables that count in small steps
        self.other: set[str] = set()  # variables that something else is assigned to
        self.assigned: set[str] = set()
        self.scopes: list[dict[str, Value]] = [{}]  # names of our own, and of comprehensions
        self.own: list[str] = []  # variables that the source does not have
        self.lines: list[str] = []
        self.changed = True
        self.in_raise = False

    def name(self, name: str) -> str:
        return renamed(name)

    def new_name(self, kind: Type) -> str:
        """A variable of our own."""
        name = f"_cyl_t{len(self.own)}"
        self.own.append(name)
        self.types[name] = "obj" if kind == "pyint" else kind
        self.assigned.add(name)
        return name

    def is_local(self, name: str) -> bool:
        return name in self.function.locals or any(name in scope for scope in self.scopes)

    def as_object(self, name: str) -> None:
        """A local variable must be an object from here on, a parameter from the start."""
        if self.types.get(name) == "obj":
            return
        if name in self.parameters:
            raise NotAView(name)
        self.join(name, "obj")

    def effects(self) -> None:
        if self.restartable:
            raise HasEffects

    def join(self, name: str, kind: Type) -> None:
        if kind == "pyint":
            kind = "obj"
        known = self.types.get(name)
        if isinstance(known, View):
            raise NotAView(name)
        if known is None:
            self.types[name] = kind
            self.changed = True
        elif known != kind and known != "obj":
            self.types[name] = "obj"
            self.changed = True

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
            tested = self.test(node.operand)
            return {"True": "False", "False": "True"}.get(tested, f"(not {tested})")
        value = self.value(node)
        if value.literal is not None:
            return str(bool(value.literal))  # Cython takes `not <long long>0` for False
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
        if type(value) in (int, str, bytes, complex, type(None)) or value is ...:
            return Value("(...)" if value is ... else f"({value!r})", "pyint" if type(value) is int else "obj")
        raise Unsupported(f"a constant of type {type(value).__name__}")

    def of_Name(self, node: ast.Name) -> Value:
        for scope in reversed(self.scopes):
            if node.id in scope:
                return replace(scope[node.id])
        if node.id in self.function.locals:
            return self.load(node.id)
        if node.id in self.function.free:
            return self.free_variable(node.id)
        if node.id in self.function.globals:
            return Value(f"_cyl_global({node.id!r})", "obj")
        namespace = self.function.namespace
        if type(namespace.get(node.id)) in (int, float, bool) and self.stays(node.id):
            value = namespace[node.id]
            self.watched[node.id] = (value, False)
            try:
                return self.constant(value)
            except Unsupported:
                pass
        return Value(f"_cyl_global({node.id!r})", "obj")

    def stays(self, name: str) -> bool:
        """Whether a variable of outside may be taken for what it holds when a call begins."""
        function = self.function
        return not function.deferred and name not in function.volatile and name not in function.changing

    def free_variable(self, name: str) -> Value:
        """A variable of the enclosing function: numbers are constants, which are watched."""
        value = self.function.free[name]
        if type(value) in (int, float, bool) and self.stays(name):
            try:
                found = self.constant(value)
            except Unsupported:
                pass
            else:
                self.watched_free[name] = value
                return found
        self.uses_free.add(name)
        return Value(f"_cyl_free({name!r})", "obj")

    def load(self, name: str) -> Value:
        kind = self.types.get(name)
        if isinstance(kind, View):
            raise NotAView(name)
        if kind in C_NAMES and name not in self.assigned:
            self.join(name, "obj")  # C variables cannot be unbound
            kind = "obj"
        bits = COUNTED if name in self.counters and name not in self.other else 63
        return Value(self.name(name), kind or "obj", bits)

    def builtin(self, node: ast.expr) -> Any:
        """The builtin that a name means, from here on watched; None where it is something else."""
        if not isinstance(node, ast.Name) or self.is_local(node.id) or node.id in self.function.free:
            return None
        if node.id in self.function.volatile or node.id in self.function.globals:
            return None
        if node.id in self.function.namespace or not hasattr(builtins, node.id):
            return None
        found = getattr(builtins, node.id)
        self.watched[node.id] = (found, True)
        return found

    def math_function(self, node: ast.expr) -> str | None:
        """``math.sqrt`` or ``sqrt``, where that is what the names mean."""
        namespace = self.function.namespace
        hidden = {*self.function.locals, *self.function.volatile, *self.function.free, *self.function.globals,
                  *chain(*self.scopes)}  # fmt: skip
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
        sign = OPERATORS[type(op)]
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
            if bits <= SAFE_BITS or index or self.restartable:
                self.checked = self.checked or bits > SAFE_BITS
                return Value(f"({left.text} {sign} {right.text})", "int", min(bits, 63))
            return Value(_objects(left, sign, right), "pyint")
        if sign in ("&", "|", "^"):
            return Value(f"({left.text} {sign} {right.text})", "int", max(left.bits, right.bits))
        if sign == ">>" and isinstance(right.literal, int) and 0 <= right.literal < 63:
            return Value(f"({left.text} >> {right.literal})", "int", max(left.bits - right.literal, 1))
        if sign == "/":
            return Value(f"_cyl_truediv({left.text}, {right.text})", "float")
        if sign == "%":
            return Value(f"_cyl_mod({left.text}, {right.text})", "int", right.bits)
        if sign == "//" and (self.restartable or left.bits <= SAFE_BITS or (right.literal or -1) > 0):
            self.checked = True
            return Value(f"_cyl_floordiv({left.text}, {right.text})", "int", left.bits)
        if sign == "**" and isinstance(right.literal, int) and right.literal >= 0 and self.restartable:
            self.checked = True
            return Value(f"(<long long>{_objects(left, sign, right)})", "int")
        exact = sign == "//" or (sign == "**" and isinstance(right.literal, int) and right.literal >= 0)
        return Value(_objects(left, sign, right), "pyint" if exact else "obj")

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
            return Value(f"(<double>{_objects(left, sign, right)})", "float")
        if sign == "**" and isinstance(right.literal, int):
            return Value(f"_cyl_pow({a}, {b})", "float")
        return Value(_objects(left, sign, right), "obj")

    def of_Compare(self, node: ast.Compare) -> Value:
        operands = (node.left, *node.comparators)
        signs = [COMPARISONS[type(op)] for op in node.ops]
        if any(sign.startswith("is") for sign in signs):
            self.keep_identities(operands)
        values = [self.value(one) for one in operands]
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

    def keep_identities(self, operands: Iterable[ast.expr]) -> None:
        """Variables that `is` compares are objects, but for a comparison with a constant."""
        if any(isinstance(one, ast.Constant) and type(one.value) in (bool, type(None)) for one in operands):
            return
        for one in operands:
            if isinstance(one, ast.Name) and one.id in self.function.locals:
                self.as_object(one.id)

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
        consumed = self.consumes(node)
        if not (self.in_raise and self.exception_class(node.func)):
            self.effects()
        function = self.value(node.func).object()
        arguments = [self.argument(one, consumed) for one in node.args]
        for keyword in node.keywords:
            value = self.argument(keyword.value, consumed and keyword.arg == "key")
            arguments.append(f"**{value}" if keyword.arg is None else f"{keyword.arg}={value}")
        return Value(f"{function}({', '.join(arguments)})", "obj")

    def consumes(self, node: ast.Call) -> bool:
        """Whether a call is done with its iterables and functions before it returns."""
        return False

    def argument(self, node: ast.expr, consumed: bool) -> str:
        return self.value(node).object()

    def exception_class(self, node: ast.expr | None) -> bool:
        """Whether a name is that of a builtin exception."""
        found = self.builtin(node) if node is not None else None
        return isinstance(found, type) and issubclass(found, BaseException)

    def known_call(self, node: ast.Call) -> Value | None:
        called = self.builtin(node.func)
        if called is len and len(node.args) == 1:
            view = self.view_parameter(node.args[0])
            if view is not None:
                return Value(f"(<long long>{self.name(view)}.shape[0])", "int", COUNTED)
        name = self.math_function(node.func)
        wanted = called in (abs, min, max, float, int, len) or name is not None
        if not wanted or not node.args or isinstance(node.args[0], (ast.GeneratorExp, ast.Starred)):
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
            if self.restartable or values[0].bits <= SAFE_BITS:
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

    def of_Attribute(self, node: ast.Attribute) -> Value:
        view = self.view_parameter(node.value)
        if view is not None and node.attr == "ndim":
            return self.constant(self.types[view].ndim)
        if view is not None and node.attr == "size" and self.types[view].ndim == 1:
            return Value(f"(<long long>{self.name(view)}.shape[0])", "int", COUNTED)
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
                return Value(f"(<long long>{self.name(view)}.shape[{axis}])", "int", COUNTED)
        view_type = self.view_of(node)
        if view_type is not None:
            bits = ELEMENTS[view_type.element][1]
            kind = "int" if bits else "float"
            return Value(f"(<{C_NAMES[kind]}>{self.element(node)})", kind, bits or 63)
        self.effects()
        return Value(f"{self.value(node.value).object()}[{self.index(node.slice)}]", "obj")

    def element(self, node: ast.Subscript) -> str:
        """The text of one element; raises `NotAView` for anything else that an array can be asked."""
        name = self.view_name(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(parts) != self.types[name].ndim:
            raise NotAView(name)
        texts = [self.position(part, name) for part in parts]
        return f"{self.name(name)}[{', '.join(texts)}]"

    def position(self, node: ast.expr, name: str) -> str:
        if isinstance(node, (ast.Slice, ast.Starred)):
            raise NotAView(name)
        value = self.in_bounds(node)
        if value.type == "pyint":
            return f"_cyl_index({value.text})"
        if value.type != "int":
            raise NotAView(name)
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
    """An operation of objects.  Not Cython's own: there 0.0 * -1 is 0.0, and 0 + -0.0 is -0.0."""
    if sign == "**":
        return f"PyNumber_Power({left.object()}, {right.object()}, None)"
    return f"PyNumber_{FUNCTIONS[sign]}({left.object()}, {right.object()})"
