"""`jit`: loops over Cython's ``prange``, in threads or on a GPU.

In Python ``cython.parallel.prange`` is `range`, and so is the loop wherever it cannot be more: its body must
be C's alone, as Cython demands of a block without the GIL, and what an iteration reads must not be what
another one has assigned.  Sums (``s += x``, also with ``-`` and ``*``) and extremes (``m = max(m, x)``) are
reductions.  `NotParallel` says what is against it; Cython refuses the rest.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from typing import Any

from .jitblocks import Blocks
from .jitnames import bound_in, own_nodes
from .jittypes import C_NAMES, OPERATORS, Value

_SCHEDULES = ("static", "dynamic", "guided", "runtime")
_OPTIONS = ("nogil", "schedule", "chunksize", "num_threads")
_SUMS = (ast.Add, ast.Sub, ast.Mult)
_ELSEWHERE = (ast.Return, ast.Try, ast.With, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef,
              ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Delete, ast.Import, ast.ImportFrom,
              ast.Match)  # fmt: skip


class NotParallel(Exception):
    """A loop over `prange` is to be one over `range`: its line, and why."""


class Range(ast.Call):
    """A call of `range` under another name."""


class Parallel(Blocks):
    """Loops over `prange`."""

    serial: dict[int, str]  # line of a loop -> why it is not parallel
    loops: dict[int, str]  # the same, with "" for those that are
    region: int = 0  # the line of the outermost loop that is being translated
    reductions: dict[str, str]  # variable -> "+", "*", "max" or "min"

    def against(self, why: str) -> NotParallel:
        return NotParallel(self.region, why)

    def on_For(self, node: ast.For, depth: int) -> None:
        call = self.prange_call(node.iter)
        if call is None:
            super().on_For(node, depth)
        elif self.region or node.lineno not in self.serial:
            self.parallel_loop(node, call, depth)
        else:
            self.loops[node.lineno] = self.serial[node.lineno]
            plain = Range(call.func, call.args, [])
            if self.range_arguments(plain) is None:
                plain = call
            super().on_For(ast.copy_location(ast.For(node.target, plain, node.body, node.orelse), node), depth)

    def range_arguments(self, node: ast.expr) -> tuple[str, bool] | None:
        return self.range_of(node.args) if isinstance(node, Range) else super().range_arguments(node)

    def prange_call(self, node: ast.expr) -> ast.Call | None:
        """A call of `cython.parallel.prange` with positions alone, and options by name."""
        if not isinstance(node, ast.Call) or not 1 <= len(node.args) <= 3:
            return None
        if any(isinstance(one, ast.Starred) for one in node.args) or any(k.arg is None for k in node.keywords):
            return None
        parts, base = [], node.func
        while isinstance(base, ast.Attribute):
            parts.append(base.attr)
            base = base.value
        if not isinstance(base, ast.Name) or self.is_local(base.id) or base.id in self.function.free:
            return None
        if base.id in self.function.volatile or base.id in self.function.globals:
            return None
        value = found = self.function.namespace.get(base.id)
        for name in reversed(parts):
            found = getattr(found, name, None)
        shadow = sys.modules.get("Cython.Shadow")
        prange = getattr(getattr(shadow, "CythonDotParallel", None), "prange", None)
        if prange is None or getattr(found, "__func__", None) is not prange:
            return None
        self.watched[base.id] = (value, False)
        return node

    # ------------------------------------------------------------ the loop

    def parallel_loop(self, node: ast.For, call: ast.Call, depth: int) -> None:
        outermost = not self.region
        if outermost:
            self.region = node.lineno
            self.loops[node.lineno] = ""
        kept = dict(self.reductions)
        before, stored = set(self.assigned), self.stores(node)
        found = self.reductions_of(node, before)
        private = stored - found.keys() - kept.keys()
        taken = sorted(private & set(self.parameters))
        if taken:
            raise self.against(f"it assigns to the parameter '{taken[0]}'")
        assert isinstance(node.target, ast.Name)
        head = self.head(node.target.id, call, depth, outermost)
        self.put(depth, head)
        self.assigned = (before - private) | {node.target.id}
        self.reductions.update(found)
        self.block(node.body, depth + 1)
        for name in sorted(stored):
            if self.types.get(name) not in C_NAMES:
                raise self.against(f"'{name}' is an object")
        self.reductions = kept
        # What the last iteration leaves depends on the way that it took.
        self.assigned = before - private
        if outermost:
            self.region = 0

    def stores(self, node: ast.For) -> set[str]:
        """The names that a loop assigns to; what cannot be in it is refused."""
        if not isinstance(node.target, ast.Name) or node.orelse:
            raise self.against("it has an else" if node.orelse else "its target is not a name")
        for one in own_nodes(node.body):
            if isinstance(one, _ELSEWHERE):
                raise self.against(f"{type(one).__name__} in line {getattr(one, 'lineno', node.lineno)}")
        if _breaks(node.body):
            raise self.against("it is left by break")
        bound = bound_in([*node.body, node.target])
        if bound.names & self.function.elsewhere:
            raise self.against("it assigns to variables of others")
        return bound.names

    def reductions_of(self, node: ast.For, before: set[str]) -> dict[str, str]:
        """Variables that all iterations add to, and how."""
        found: dict[str, set[str]] = {}
        own = [one for one in own_nodes(node.body) if isinstance(one, ast.stmt)]
        part_of: set[int] = set()
        for one in own:
            if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
                how = "*" if isinstance(one.op, ast.Mult) else "+" if isinstance(one.op, _SUMS) else ""
                target = one.target
            else:
                extreme = self.extreme(one)
                if extreme is None:
                    continue
                target, how = extreme
            part_of.add(id(target))
            found.setdefault(target.id, set()).add(how)
        plain = {
            one.id for one in own_nodes([*node.body, node.target])
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and id(one) not in part_of
        }  # fmt: skip
        return {
            name: next(iter(how)) for name, how in found.items()
            if name not in plain and name in before and len(how) == 1 and "" not in how
            and name not in self.reductions
        }  # fmt: skip

    def extreme(self, node: ast.stmt) -> tuple[ast.Name, str] | None:
        """``m = max(m, x)``: the variable and the function."""
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.value, ast.Call):
            return None
        target, call = node.targets[0], node.value
        called = self.builtin(call.func)
        if called not in (max, min) or len(call.args) != 2 or call.keywords or not isinstance(target, ast.Name):
            return None
        same = [isinstance(one, ast.Name) and one.id == target.id for one in call.args]
        return (target, called.__name__) if same.count(True) == 1 else None

    def head(self, target: str, call: ast.Call, depth: int, outermost: bool) -> str:
        bounds = self.bounds_of(call.args)
        if bounds is None:
            raise self.against("its bounds are not integers, or its step is not a small constant")
        # Bounds may be Python's to compute: before the lock is given up.
        texts = [self.before(text, depth) if outermost else text for text in bounds[0]]
        for option in call.keywords:
            texts += self.option(option, depth, outermost)
        if outermost:
            texts.append("nogil=True")
        self.store_name(target, "int", counter=bounds[1])
        return f"for {self.name(target)} in _cyl_prange({', '.join(texts)}):"

    def before(self, text: str, depth: int) -> str:
        """An integer that is computed before the loop; constants stay, as steps must."""
        if text.removeprefix("-").isdigit():
            return text
        name = self.new_name("int")
        self.put(depth, f"{name} = {text}")
        return name

    def option(self, option: ast.keyword, depth: int, outermost: bool) -> list[str]:
        name, value = option.arg, option.value
        constant = value.value if isinstance(value, ast.Constant) else self
        if name not in _OPTIONS:
            raise self.against(f"of '{name}'")
        if name == "nogil" or constant is None:
            return []
        if name == "schedule":
            if constant not in _SCHEDULES:
                raise self.against("its schedule is none of " + ", ".join(_SCHEDULES))
            return [f"schedule={constant!r}"]
        number = self.value(value)
        if number.type != "int":
            raise self.against(f"'{name}' is not an integer")
        return [f"{name}={self.before(number.text, depth) if outermost else number.text}"]

    # ------------------------------------------------------------ in the loop

    def load(self, name: str) -> Value:
        if self.region:
            if name in self.reductions:
                raise self.against(f"it reads '{name}', which its iterations add to")
            if self.types.get(name) in C_NAMES and name not in self.assigned:
                raise self.against(f"'{name}' may be what another iteration has left")
        return super().load(name)

    def on_AugAssign(self, node: ast.AugAssign, depth: int) -> None:
        target = node.target
        if not (self.region and isinstance(target, ast.Name) and target.id in self.reductions):
            super().on_AugAssign(node, depth)
            return
        kind = self.types.get(target.id)
        value = self.value(node.value)
        found = self.binary(Value(self.name(target.id), kind), node.op, value)
        if kind not in ("int", "float") or found.type != kind:
            raise self.against(f"'{target.id}' may not fit into a C number")
        self.store_name(target.id, kind)
        sign = OPERATORS[type(node.op)]
        self.put(depth, f"{self.name(target.id)} {sign}= {self.as_type(value, kind)}")

    def on_Assign(self, node: ast.Assign, depth: int) -> None:
        extreme = self.extreme(node) if self.region else None
        if extreme is None or extreme[0].id not in self.reductions:
            super().on_Assign(node, depth)
            return
        target, function = extreme
        assert isinstance(node.value, ast.Call)
        kind, texts = self.types.get(target.id), []
        for one in node.value.args:
            if isinstance(one, ast.Name) and one.id == target.id:
                texts.append(self.name(target.id))
                continue
            value = self.value(one)
            if kind not in ("int", "float") or value.type != kind:
                raise self.against(f"'{target.id}' and what it is compared with are not of one type")
            texts.append(value.text)
        self.store_name(target.id, kind)
        self.put(depth, f"{self.name(target.id)} = {function}({', '.join(texts)})")


def _breaks(statements: Iterable[ast.stmt]) -> bool:
    """Whether a loop's own statements leave it early."""
    for one in statements:
        if isinstance(one, ast.Break):
            return True
        inner: Any = [*getattr(one, "orelse", ())]
        if not isinstance(one, (ast.For, ast.While)):
            inner += getattr(one, "body", ())
        if _breaks(inner):
            return True
    return False
