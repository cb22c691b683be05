"""`jit`: displays, comprehensions, f-strings and the like, as expressions of Cython."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .jitexpr import Expressions
from .jittypes import COUNTED, ELEMENTS, Unsupported, Value

_CONVERSIONS = {115: "str", 114: "repr", 97: "ascii"}

#: Builtins that are done with an iterable, and with the function that is their key, when they return.
_CONSUMERS = (sum, any, all, min, max, sorted, list, tuple, set, frozenset, dict)


class Objects(Expressions):
    """Expressions whose values are objects of several parts."""

    # ------------------------------------------------------------ displays

    def parts(self, nodes: list[ast.expr]) -> str:
        return ", ".join(self.value(one).object() for one in nodes)

    def of_Starred(self, node: ast.Starred) -> Value:
        self.effects()
        return Value(f"*{self.value(node.value).object()}", "obj")

    def of_Tuple(self, node: ast.Tuple) -> Value:
        return Value(f"({self.parts(node.elts)}{',' if len(node.elts) == 1 else ''})", "obj")

    def of_List(self, node: ast.List) -> Value:
        return Value(f"[{self.parts(node.elts)}]", "obj")

    def of_Set(self, node: ast.Set) -> Value:
        self.effects()
        return Value(f"{{{self.parts(node.elts)}}}", "obj")

    def of_Dict(self, node: ast.Dict) -> Value:
        texts = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.effects()
                texts.append(f"**{self.value(value).object()}")
                continue
            if not isinstance(key, ast.Constant):
                self.effects()
            texts.append(f"{self.value(key).object()}: {self.value(value).object()}")
        return Value(f"{{{', '.join(texts)}}}", "obj")

    def of_NamedExpr(self, node: ast.NamedExpr) -> Value:
        if node.target.id in self.function.elsewhere:
            raise Unsupported(f"NamedExpr in line {node.lineno}")
        value = self.value(node.value).object()
        self.as_object(node.target.id)
        self.other.add(node.target.id)
        return Value(f"({self.name(node.target.id)} := {value})", "obj")

    # ------------------------------------------------------------ f-strings

    def of_JoinedStr(self, node: ast.JoinedStr) -> Value:
        texts = [self.value(one).text for one in node.values]
        if not texts:
            return Value("''", "obj")
        return Value(f"''.join(({', '.join(texts)},))", "obj")

    def of_FormattedValue(self, node: ast.FormattedValue) -> Value:
        value = self.value(node.value)
        if value.type == "obj":
            self.effects()
        text = value.object()
        if node.conversion != -1:
            text = f"{_CONVERSIONS[node.conversion]}({text})"
        spec = self.value(node.format_spec).text if node.format_spec is not None else "''"
        return Value(f"format({text}, {spec})", "obj")

    # ------------------------------------------------------------ comprehensions

    def of_ListComp(self, node: ast.ListComp) -> Value:
        return self.comprehension(node, "[]", lambda: self.value(node.elt).object())

    def of_SetComp(self, node: ast.SetComp) -> Value:
        self.effects()
        return self.comprehension(node, "{}", lambda: self.value(node.elt).object())

    def of_DictComp(self, node: ast.DictComp) -> Value:
        self.effects()
        return self.comprehension(
            node, "{}", lambda: f"{self.value(node.key).object()}: {self.value(node.value).object()}"
        )

    def written(self, node: ast.expr) -> Value:
        """An expression with scopes of its own, as it is written."""
        raise NotImplementedError

    def comprehension(self, node: Any, brackets: str, made: Callable[[], str], *,
                      closure: bool = False) -> Value:  # fmt: skip
        if any(isinstance(one, (ast.NamedExpr, ast.Await)) for one in ast.walk(node)):
            return self.written(node)
        if any(one.is_async for one in node.generators):
            return self.written(node)
        scope: dict[str, Value] = {}
        for generator in node.generators:
            for one in ast.walk(generator.target):
                if isinstance(one, ast.Name):
                    scope[one.id] = Value(f"_cyl_c{len(self.scopes)}_{one.id}", "obj")
        clauses = []
        for number, generator in enumerate(node.generators):
            head = self.clause(generator, scope, closure)
            if number == 0:  # what it iterates is looked up outside
                self.scopes.append(scope)
            tests = "".join(f" if {self.test(one)}" for one in generator.ifs)
            clauses.append(f" {head}{tests}")
        text = made() + "".join(clauses)
        self.scopes.pop()
        return Value(f"{brackets[0]}{text}{brackets[1]}", "obj")

    def clause(self, generator: ast.comprehension, scope: dict[str, Value], closure: bool) -> str:
        """One ``for``; a list's variables have C types where what is iterated says which."""
        target, iterated = generator.target, generator.iter
        if isinstance(target, ast.Name) and not closure:
            bounds = self.range_arguments(iterated)
            if bounds is not None:
                name = self.new_name("int")
                scope[target.id] = Value(name, "int", COUNTED if bounds[1] else 63)
                return f"for {name} in {bounds[0]}"
            view = self.view_parameter(iterated)
            if view is not None and self.types[view].ndim == 1:
                name = self.new_name("int")
                scope[target.id] = self.item(view, name)
                return f"for {name} in range(<long long>{self.name(view)}.shape[0])"
        text = self.value(iterated).object()
        if not (isinstance(iterated, ast.Call) and self.builtin(iterated.func) is range):
            self.effects()
        return f"for {self.comprehension_target(target, scope)} in {text}"

    def comprehension_target(self, node: ast.expr, scope: dict[str, Value]) -> str:
        if isinstance(node, ast.Name):
            return scope[node.id].text
        if isinstance(node, (ast.Tuple, ast.List)):
            parts = [self.comprehension_target(one, scope) for one in node.elts]
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        raise Unsupported(f"assignment in line {node.lineno}")

    def range_arguments(self, node: ast.expr) -> tuple[str, bool] | None:
        raise NotImplementedError

    def item(self, view: str, index: str) -> Value:
        """One element of a one-dimensional array, where the index is known to be in it."""
        bits = ELEMENTS[self.types[view].element][1]
        kind = "long long" if bits else "double"
        return Value(f"(<{kind}>{self.name(view)}[{index}])", "int" if bits else "float", bits or 63)

    # ------------------------------------------------------------ functions for the time of a call

    def consumes(self, node: ast.Call) -> bool:
        function = node.func
        if isinstance(function, ast.Attribute):
            base = function.value
            return function.attr == "join" and isinstance(base, ast.Constant) and type(base.value) is str
        return any(self.builtin(function) is one for one in _CONSUMERS)

    def argument(self, node: ast.expr, consumed: bool) -> str:
        if consumed and isinstance(node, ast.GeneratorExp):
            first = node.generators[0].iter
            with self.captured(node, besides=first):
                return self.comprehension(node, "()", lambda: self.value(node.elt).object(), closure=True).text
        if consumed and isinstance(node, ast.Lambda):
            return self.function_of(node)
        return self.value(node).object()

    def function_of(self, node: ast.Lambda) -> str:
        arguments = node.args
        if arguments.defaults or arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            return self.written(node).text
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        texts = {name: Value(f"_cyl_c{len(self.scopes)}_{name}", "obj") for name in names}
        with self.captured(node):
            self.scopes.append(texts)
            try:
                body = self.value(node.body).object()
            finally:
                self.scopes.pop()
        return f"(lambda {', '.join(one.text for one in texts.values())}: {body})"

    @contextmanager
    def captured(self, node: ast.AST, besides: ast.AST | None = None) -> Iterator[None]:
        """Variables of the function that a closure sees are objects, and what it does has effects."""
        self.effects()
        own = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        own |= {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
        for one in _names(node, besides):
            if one in self.function.locals - own and not any(one in scope for scope in self.scopes):
                self.as_object(one)
        yield


def _names(node: ast.AST, besides: ast.AST | None) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if child is besides:
            continue
        if isinstance(child, ast.Name):
            yield child.id
        yield from _names(child, besides)
