"""`jit`: which names the scopes of a function bind."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Bound:
    """What one scope binds, and what it says of names."""

    names: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)

    @property
    def own(self) -> set[str]:
        return self.names - self.globals - self.nonlocals


def bound_in(nodes: Iterable[ast.AST]) -> Bound:
    """What statements or expressions bind in the scope that they stand in."""
    found = Bound()
    for node in own_nodes(nodes):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.names.add(node.name)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            if node.name is not None:
                found.names.add(node.name)
        elif isinstance(node, ast.MatchMapping):
            if node.rest is not None:
                found.names.add(node.rest)
        elif isinstance(node, ast.alias):
            found.names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Global):
            found.globals |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            found.nonlocals |= set(node.names)
    return found


def own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes that are not of a scope inside: of those only what is evaluated outside, and ``:=``."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, FUNCTIONS):
            arguments = node.args
            waiting += [one for one in (*arguments.defaults, *arguments.kw_defaults) if one is not None]
            if not isinstance(node, ast.Lambda):
                waiting += node.decorator_list
        elif isinstance(node, ast.ClassDef):
            waiting += [*node.decorator_list, *node.bases, *(one.value for one in node.keywords)]
        elif isinstance(node, COMPREHENSIONS):
            # What is bound by `:=` in a comprehension belongs outside.
            waiting += [one.target for one in ast.walk(node) if isinstance(one, ast.NamedExpr)]
            waiting.append(node.generators[0].iter)
        else:
            waiting += ast.iter_child_nodes(node)


def parameters_of(arguments: ast.arguments) -> list[str]:
    """All parameters, in the order in which they are written."""
    found = [*arguments.posonlyargs, *arguments.args]
    found += [one for one in (arguments.vararg,) if one is not None]
    found += arguments.kwonlyargs
    found += [one for one in (arguments.kwarg,) if one is not None]
    return [one.arg for one in found]
