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

from .jitnames import bound_in, own_nodes, parameters_of
from .jitparallel import NotParallel, Parallel
from .jitprelude import with_helpers
from .jittypes import (
    C_NAMES,
    ELEMENTS,
    Code,
    Function,
    HasEffects,
    NotAView,
    Type,
    Unsupported,
    View,
)

__all__ = ["ELEMENTS", "Code", "Function", "Unsupported", "View", "read", "translate"]

#: What is not translated: what asks for the function's own frame.
_FRAMES = frozenset({"locals", "globals", "vars", "dir", "eval", "exec"})
_OF_CLASSES = frozenset({"super", "__class__"})
_SUSPENDING = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


def read(tree: ast.FunctionDef | ast.AsyncFunctionDef, namespace: dict[str, Any], volatile: set[str],
         free: dict[str, Any] | None = None, qualname: str = "",
         postponed: bool = False) -> Function:  # fmt: skip
    """Check that a function can be translated at all; ``free``: what the enclosing one's variables hold."""
    for statement in tree.body:
        _refuse_frames(statement, _FRAMES | _OF_CLASSES)
    bound = bound_in(tree.body)
    parameters = parameters_of(tree.args)
    changing = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            changing |= set(node.names)
    deferred = isinstance(tree, ast.AsyncFunctionDef) or any(
        isinstance(node, _SUSPENDING) for node in own_nodes(tree.body)
    )
    return Function(tree, namespace, volatile, bound.own | set(parameters), free or {}, tuple(parameters),
                    bound.globals, bound.nonlocals, changing, deferred, qualname or tree.name,
                    postponed)  # fmt: skip


def _refuse_frames(node: ast.AST, names: frozenset[str]) -> None:
    if isinstance(node, ast.Name) and node.id in names:
        raise Unsupported(f"{node.id} in line {node.lineno}")
    if isinstance(node, ast.TryStar):
        raise Unsupported(f"TryStar in line {node.lineno}")
    for child in ast.iter_child_nodes(node):
        _refuse_frames(child, names - _OF_CLASSES if isinstance(node, ast.ClassDef) else names)


def translate(function: Function, types: dict[str, Type], *, exact: bool = False,
              serial: dict[int, str] | None = None, device: bool = False) -> Code:  # fmt: skip
    """Cython source for parameters of these types.  Raises `Unsupported`.

    ``exact``: integers that might not fit are Python's own, in any case.  ``serial``: loops over `prange`,
    by line, that are to be loops over `range`, and why.  ``device``: parallel ones may run on a GPU.
    """
    demoted: set[str] = set()
    restartable = not exact
    serial = dict(serial or {})
    while True:
        given = {name: "obj" if name in demoted else kind for name, kind in types.items()}
        try:
            maker = _Maker(function, given, restartable, serial, device)
            text = maker.run()
        except NotParallel as found:
            serial[found.args[0]] = found.args[1]
            continue
        except NotAView as found:
            demoted.add(found.args[0])
            continue
        except HasEffects:
            restartable = False
            continue
        return Code(text, restartable and maker.checked, maker.watched, maker.watched_free, maker.loops)


class _Maker(Parallel):
    """The whole function."""

    def __init__(self, function: Function, types: dict[str, Type], restartable: bool,
                 serial: dict[int, str], device: bool) -> None:  # fmt: skip
        super().__init__(function, types, restartable)
        self.serial = serial
        self.device = device

    # ------------------------------------------------------------ the whole

    def run(self) -> str:
        body = self.function.tree.body
        if self.function.deferred:
            self.effects()
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]  # the docstring
        for _ in range(60):
            self.changed, self.lines, self.checked = False, [], False
            self.assigned = set(self.parameters)
            for name in self.own:
                del self.types[name]
            self.own, self.scopes = [], [{}]
            self.loops, self.reductions, self.region = {}, {}, 0
            self.block(body, 1)
            if not self.changed:
                break
        else:
            raise Unsupported("types that do not settle")
        parameters = self.function.parameters
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
        declared += [f"    cdef {C_NAMES.get(self.types[name], 'object')} {name}" for name in self.own]
        word = "async def" if isinstance(self.function.tree, ast.AsyncFunctionDef) else "def"
        lines = [f"{word} {self.function.name()}({', '.join(heads)}):", *declared, *self.lines]
        if not self.lines:
            lines.append("    pass")
        device = self.device and "" in self.loops.values()
        return with_helpers("\n".join(lines) + "\n", device)

    # ------------------------------------------------------------ simple statements

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
