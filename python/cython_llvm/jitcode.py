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
from typing import Any

from .jitexpr import Expressions
from .jitprelude import with_helpers
from .jittypes import (
    C_NAMES,
    COUNTED,
    ELEMENTS,
    OPERATORS,
    Code,
    Function,
    HasEffects,
    NotAView,
    Type,
    Unsupported,
    Value,
    View,
)

__all__ = ["ELEMENTS", "Code", "Function", "Unsupported", "View", "read", "translate"]

#: What is not translated: its names or its order are not those of a function's own code.
_LEFT_TO_PYTHON = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await,
    ast.Global, ast.Nonlocal, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr,
    ast.Import, ast.ImportFrom, ast.Match, ast.AsyncFor, ast.AsyncWith, ast.Try, ast.With, ast.Delete,
    ast.Starred, ast.TryStar,
)  # fmt: skip
_FRAMES = frozenset({"locals", "globals", "vars", "dir", "eval", "exec", "super", "__class__"})


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
        except NotAView as found:
            demoted.add(found.args[0])
            continue
        except HasEffects:
            restartable = False
            continue
        return Code(text, restartable and maker.checked, maker.watched)


class _Maker(Expressions):
    """Statements, and the whole function."""

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
            declared = kind.declaration() if isinstance(kind, View) else C_NAMES.get(kind, "object")
            heads.append(f"{declared} {self.name(name)}")
        declared = [
            f"    cdef {C_NAMES[self.types[name]]} {self.name(name)}"
            for name in sorted(self.function.locals - set(parameters))
            if self.types.get(name) in C_NAMES
        ]
        lines = [f"def {self.function.tree.name}({', '.join(heads)}):", *declared, *self.lines]
        if not self.lines:
            lines.append("    pass")
        return with_helpers("\n".join(lines) + "\n")

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
            len(values) > 1 and values[0].type == "int" and values[0].bits <= COUNTED
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
        comma = "," if len(names) == 1 else ""
        self.put(depth, f"{', '.join(map(self.name, names))}{comma} = {', '.join(texts)}")

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
                    self.put(depth, f"{current.text} {OPERATORS[type(node.op)]}= {value.object()}")
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
            self.put(depth, f"{base}[{index}] {OPERATORS[type(node.op)]}= {value.object()}")
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
            raise NotAView(name)
        kind, bits = ELEMENTS[view.element]
        if bits == 0 and value.type in ("float", "int", "pyint"):
            text = self.as_type(value, "float")
        elif bits and value.type in ("int", "pyint"):
            text = f"_cyl_to_{view.element}({self.as_type(value, 'int')})" if bits < 63 else (
                self.as_type(value, "int"))  # fmt: skip
        else:
            raise NotAView(name)
        self.put(depth, f"{self.element(target)} = {text}")


def _leaves(statements: list[ast.stmt]) -> bool:
    """Whether control does not come out at the end."""
    return bool(statements) and isinstance(statements[-1], (ast.Return, ast.Raise, ast.Break, ast.Continue))
