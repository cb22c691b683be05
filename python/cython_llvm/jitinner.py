"""`jit`: functions, classes and generator expressions inside a function, and `match`.

They stay Python as it is written; only names are replaced where they mean something outside, and
operators, where Cython's own differ in the sign of a zero.  Variables of the function
that they see are objects.
"""

from __future__ import annotations

import ast
from typing import Any

from .jitnames import Bound, bound_in, parameters_of
from .jitobjects import Objects
from .jittypes import FUNCTIONS, OPERATORS, Unsupported, Value, renamed


class Inner(Objects):
    """Statements and expressions that are scopes of their own."""

    def put(self, depth: int, text: str) -> None:
        raise NotImplementedError

    def block(self, statements: list[ast.stmt], depth: int) -> None:
        raise NotImplementedError

    def on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> None:
        self.inside(node, depth)

    def on_AsyncFunctionDef(self, node: ast.AsyncFunctionDef, depth: int) -> None:
        self.inside(node, depth)

    def on_ClassDef(self, node: ast.ClassDef, depth: int) -> None:
        self.inside(node, depth)

    def inside(self, node: Any, depth: int) -> None:
        self.effects()
        if node.name in self.function.globals | self.function.nonlocals:
            raise Unsupported(f"{type(node).__name__} as a global in line {node.lineno}")
        self.as_object(node.name)
        self.other.add(node.name)
        for statement in Rewriter(self).statements([node]):
            for line in ast.unparse(ast.fix_missing_locations(statement)).splitlines():
                self.put(depth, line)

    def written(self, node: ast.expr) -> Value:
        """An expression that is a scope, as it is written."""
        self.effects()
        made = Rewriter(self).visit(_copy(node))
        return Value(f"({ast.unparse(ast.fix_missing_locations(made))})", "obj")

    def of_Lambda(self, node: ast.Lambda) -> Value:
        return self.written(node)

    def of_GeneratorExp(self, node: ast.GeneratorExp) -> Value:
        return self.written(node)

    # ------------------------------------------------------------ match

    def on_Match(self, node: ast.Match, depth: int) -> None:
        self.effects()
        subject = self.value(node.subject).object()
        patterns = [Patterns(self, depth).visit(_copy(case.pattern)) for case in node.cases]
        heads = [ast.unparse(ast.fix_missing_locations(one)) for one in patterns]
        before = set(self.assigned)
        self.put(depth, f"match {subject}:")
        for case, head in zip(node.cases, heads, strict=True):
            self.assigned = set(before)
            guard = f" if {self.test(case.guard)}" if case.guard is not None else ""
            self.put(depth + 1, f"case {head}{guard}:")
            self.block(case.body, depth + 2)
        self.assigned = before


class _Captures(ast.NodeTransformer):
    """Patterns, whose captured names may have to be written otherwise."""

    def captured(self, name: str) -> str:
        raise NotImplementedError

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        self.generic_visit(node)
        node.name = self.captured(node.name) if node.name is not None else None
        return node

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        node.name = self.captured(node.name) if node.name is not None else None
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.generic_visit(node)
        node.rest = self.captured(node.rest) if node.rest is not None else None
        return node


class Patterns(_Captures):
    """Patterns; names from outside that they compare with are looked up before, as calls cannot stand there."""

    def __init__(self, maker: Inner, depth: int) -> None:
        self.maker = maker
        self.depth = depth

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self.maker.builtin(node) is not None:
            return node
        name = self.maker.new_name("obj")
        self.maker.put(self.depth, f"{name} = {self.maker.value(node).object()}")
        return ast.Name(name, ast.Load())

    def captured(self, name: str) -> str:
        if name in self.maker.function.elsewhere:
            raise Unsupported(f"a pattern that binds the global {name}")
        self.maker.as_object(name)
        self.maker.other.add(name)
        return renamed(name)


class _Scope:
    def __init__(self, bound: Bound, kind: str, path: str) -> None:
        self.bound = bound
        self.kind = kind  # "function", "class" or "comprehension"
        self.path = path  # what qualified names of what is in it begin with


class Rewriter(ast.NodeTransformer):
    """Python code inside a function, with the names that it has from outside replaced."""

    def __init__(self, maker: Inner) -> None:
        self.maker = maker
        self.scopes: list[_Scope] = []
        self.count = 0

    def statements(self, nodes: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for node in nodes:
            found = self.visit(_copy(node))
            made.extend(found if isinstance(found, list) else [found])
        return made or [ast.Pass()]

    # ------------------------------------------------------------ names

    def owner(self, name: str) -> _Scope | None:
        """The scope inside the function that binds a name; classes are seen from their own code only."""
        for number, scope in enumerate(reversed(self.scopes)):
            if scope.kind == "class" and number > 0:
                continue
            if name in scope.bound.globals:
                return None
            if name in scope.bound.own:
                return scope
        return None

    def said_global(self, name: str) -> bool:
        return bool(self.scopes) and name in self.scopes[-1].bound.globals

    def visit_Name(self, node: ast.Name) -> ast.AST:
        owner = self.owner(node.id)
        if owner is not None:
            if owner.kind == "class" and isinstance(node.ctx, ast.Load) and self.outside(node.id):
                raise Unsupported(f"{node.id}, of the class and of its surroundings, in line {node.lineno}")
            return ast.copy_location(ast.Name(renamed(node.id), node.ctx), node)
        maker = self.maker
        if self.said_global(node.id):
            if isinstance(node.ctx, ast.Load):
                return _call("_cyl_global", node.id)
            return ast.Subscript(ast.Name("_cyl_globals", ast.Load()), ast.Constant(node.id), node.ctx)
        for scope in reversed(maker.scopes):
            if node.id in scope:
                if scope[node.id].type != "obj":
                    raise Unsupported(f"{node.id}, a loop's variable, in a function in line {node.lineno}")
                return ast.parse(scope[node.id].text, mode="eval").body
        if node.id in maker.function.locals:
            maker.as_object(node.id)
            maker.other.add(node.id)
            return ast.copy_location(ast.Name(renamed(node.id), node.ctx), node)
        if node.id in maker.function.free:
            if isinstance(node.ctx, ast.Load):
                return _call("_cyl_free", node.id)
            cell = ast.Subscript(ast.Name("_cyl_cells", ast.Load()), ast.Constant(node.id), ast.Load())
            return ast.Attribute(cell, "cell_contents", node.ctx)
        if node.id in ("super", "__class__") and any(scope.kind == "class" for scope in self.scopes):
            return node
        if node.id not in maker.function.globals and maker.builtin(node) is not None:
            return node
        return _call("_cyl_global", node.id)

    def outside(self, name: str) -> bool:
        """Whether a name means something outside of what is rewritten."""
        function = self.maker.function
        return (name in function.locals or name in function.free or name in function.namespace
                or self.maker.builtin(ast.Name(name, ast.Load())) is not None)  # fmt: skip

    def binds(self, name: str, line: int) -> str:
        """A name that a statement binds otherwise than by a target."""
        if self.owner(name) is None and (self.said_global(name) or name not in self.maker.function.locals):
            raise Unsupported(f"{name}, which is bound elsewhere, in line {line}")
        return renamed(name)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        return ast.Pass()

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        """What belongs to the function stays; variables of one around it are reached by their cells."""
        names = [name for name in node.names if name not in self.maker.function.free or self.owner(name)]
        for name in names:
            if self.owner(name) is None:
                self.maker.as_object(name)
                self.maker.other.add(name)
        return ast.Nonlocal([renamed(name) for name in names]) if names else ast.Pass()

    def visit_alias(self, node: ast.alias) -> ast.AST:
        if node.name == "*" or (node.asname is None and "." in node.name):
            raise Unsupported("an import in a function inside")
        bound = self.binds(node.asname or node.name, 0)
        return ast.alias(node.name, bound)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.level:
            raise Unsupported(f"ImportFrom in line {node.lineno}")
        return self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None:
            node.name = self.binds(node.name, node.lineno)
        return self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        name = self.binds(node.target.id, node.lineno)
        if self.owner(node.target.id) is None:
            self.maker.as_object(node.target.id)
            self.maker.other.add(node.target.id)
        node.target = ast.Name(name, ast.Store())
        node.value = self.visit(node.value)
        return node

    def visit_Match(self, node: ast.Match) -> Any:
        if self.in_class:
            raise Unsupported(f"Match in a class in line {node.lineno}")
        made: list[ast.stmt] = []
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.pattern = InnerPatterns(self, made).visit(case.pattern)
            if case.guard is not None:
                case.guard = self.visit(case.guard)
            case.body = self.statements(case.body)
        return [*made, node]

    def visit_TryStar(self, node: ast.AST) -> ast.AST:
        raise Unsupported("TryStar")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if self.in_class:
            raise Unsupported(f"an annotation in a class in line {node.lineno}")
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    # ------------------------------------------------------------ arithmetic

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return _operation("", self.visit(node.left), node.op, self.visit(node.right))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """As an assignment, by Python's own operators; what the target is made of is evaluated once."""
        made: list[ast.stmt] = []
        target = node.target
        if isinstance(target, ast.Name):
            loaded: ast.expr = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            loaded, stored = self.visit(loaded), self.visit(target)
        else:
            base = self.once(target.value, made)
            if isinstance(target, ast.Attribute):
                loaded, stored = (ast.Attribute(base, target.attr, kind) for kind in (ast.Load(), ast.Store()))
            else:
                index = self.once(target.slice, made)
                loaded, stored = (ast.Subscript(base, index, kind) for kind in (ast.Load(), ast.Store()))
        value = _operation("InPlace", loaded, node.op, self.visit(node.value))
        made.append(ast.Assign([stored], value, lineno=node.lineno))
        return made

    def once(self, node: ast.expr, made: list[ast.stmt]) -> ast.expr:
        """The value of an expression, kept in a variable where it is more than a name or a constant."""
        simple = isinstance(node, (ast.Name, ast.Constant))
        if self.in_class and not simple:
            raise Unsupported("an operator's place in a class's body")
        found: ast.expr = self.visit(node)
        if simple:
            return found
        if any(isinstance(one, ast.Slice) for one in ast.walk(found)):
            raise Unsupported(f"AugAssign of a slice in line {node.lineno}")
        name = self.own_name()
        made.append(ast.Assign([ast.Name(name, ast.Store())], found, lineno=0))
        return ast.Name(name, ast.Load())

    @property
    def in_class(self) -> bool:
        return bool(self.scopes) and self.scopes[-1].kind == "class"

    def own_name(self) -> str:
        """A variable of our own."""
        self.count += 1
        return f"_cyl_d{self.count}" if self.scopes else self.maker.new_name("obj")

    # ------------------------------------------------------------ scopes

    def path(self, name: str) -> str:
        before = self.scopes[-1].path if self.scopes else f"{self.maker.function.qualname}.<locals>."
        return before + name

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.arguments(node.args)
        path = self.path("<lambda>")
        bound = bound_in([node.body])
        bound.names |= set(parameters_of(node.args))
        self.scopes.append(_Scope(bound, "function", f"{path}.<locals>."))
        node.body = self.visit(node.body)
        self.scopes.pop()
        return _call("_cyl_named", node, path, self.module(), "<lambda>", None)

    def module(self) -> ast.AST:
        return _call("_cyl_global", "__name__")

    def arguments(self, node: ast.arguments) -> None:
        """Defaults, which are evaluated outside; annotations are left out."""
        node.defaults = [self.visit(one) for one in node.defaults]
        node.kw_defaults = [self.visit(one) if one is not None else None for one in node.kw_defaults]
        for one in ast.walk(node):
            if isinstance(one, ast.arg):
                if renamed(one.arg) != one.arg:
                    raise Unsupported(f"a parameter named {one.arg}")
                one.annotation = None

    def visit_FunctionDef(self, node: Any) -> Any:
        name = self.binds(node.name, node.lineno)
        made: list[ast.stmt] = []
        decorators = self.decorators(node, made)
        annotations = self.annotations(node)
        self.arguments(node.args)
        path = self.path(node.name)
        bound = bound_in(node.body)
        bound.names |= set(parameters_of(node.args))
        self.scopes.append(_Scope(bound, "function", f"{path}.<locals>."))
        body = self.statements(node.body)
        self.scopes.pop()
        made.append(type(node)(name=name, args=node.args, body=body, decorator_list=[], returns=None,
                               lineno=node.lineno))  # fmt: skip
        value = _call("_cyl_named", ast.Name(name, ast.Load()), path, self.module(), node.name, annotations)
        self.decorated(name, value, decorators, made)
        return made

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self.visit_FunctionDef(node)

    def annotations(self, node: Any) -> ast.expr | None:
        found = [(one.arg, one.annotation) for one in ast.walk(node.args)
                 if isinstance(one, ast.arg) and one.annotation is not None]  # fmt: skip
        if node.returns is not None:
            found.append(("return", node.returns))
        if not found:
            return None
        if self.maker.function.postponed:
            values: list[Any] = [ast.Constant(ast.unparse(value)) for _, value in found]
        else:
            values = [self.visit(value) for _, value in found]
        return ast.Dict([ast.Constant(name) for name, _ in found], values)

    def decorators(self, node: Any, made: list[ast.stmt]) -> list[ast.Name]:
        """Decorators are looked up before the function is made."""
        found: list[ast.Name] = []
        for one in node.decorator_list:
            name = self.own_name()
            made.append(ast.Assign([ast.Name(name, ast.Store())], self.visit(one), lineno=node.lineno))
            found.append(ast.Name(name, ast.Load()))
        return found

    def decorated(self, name: str, value: ast.expr, decorators: list[ast.Name], made: list[ast.stmt]) -> None:
        for one in reversed(decorators):
            value = ast.Call(one, [value], [])
        made.append(ast.Assign([ast.Name(name, ast.Store())], value, lineno=0))
        if decorators and self.in_class:
            made.append(ast.Delete([ast.Name(one.id, ast.Del()) for one in decorators]))

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        name = self.binds(node.name, node.lineno)
        if name != node.name:
            raise Unsupported(f"a class named {node.name}")
        made: list[ast.stmt] = []
        decorators = self.decorators(node, made)
        bases = [self.visit(one) for one in node.bases]
        keywords = [self.visit(one) for one in node.keywords]
        path = self.path(node.name)
        self.scopes.append(_Scope(bound_in(node.body), "class", f"{path}."))
        body = self.statements(node.body)
        self.scopes.pop()
        first = 1 if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else 0
        body[first:first] = [
            ast.Assign([ast.Name("__module__", ast.Store())], self.module(), lineno=0),
            ast.Assign([ast.Name("__qualname__", ast.Store())], ast.Constant(path), lineno=0),
        ]
        made.append(ast.ClassDef(name, bases, keywords, body, [], lineno=node.lineno))
        if decorators:
            self.decorated(name, ast.Name(name, ast.Load()), decorators, made)
        return made

    def comprehension(self, node: Any) -> ast.AST:
        first = self.visit(node.generators[0].iter)
        bound = bound_in([one.target for one in node.generators])
        self.scopes.append(_Scope(bound, "comprehension", self.path("")))
        node.generators[0].iter = ast.Constant(None)
        self.generic_visit(node)
        self.scopes.pop()
        node.generators[0].iter = first
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self.comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self.comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self.comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self.comprehension(node)


class InnerPatterns(_Captures):
    """The same in a function inside."""

    def __init__(self, rewriter: Rewriter, made: list[ast.stmt]) -> None:
        self.rewriter = rewriter
        self.made = made

    def visit_Name(self, node: ast.Name) -> ast.AST:
        found: ast.expr = self.rewriter.visit(node)
        if isinstance(found, ast.Name):
            return found
        name = self.rewriter.own_name()
        self.made.append(ast.Assign([ast.Name(name, ast.Store())], found, lineno=0))
        return ast.Name(name, ast.Load())

    def captured(self, name: str) -> str:
        return self.rewriter.binds(name, 0)


def _copy(node: Any) -> Any:
    import copy

    return copy.deepcopy(node)


def _call(name: str, *args: Any) -> ast.expr:
    nodes = [one if isinstance(one, ast.AST) else ast.Constant(one) for one in args]
    return ast.Call(ast.Name(name, ast.Load()), nodes, [])


def _operation(how: str, left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    """An operation by Python; Cython's own, of objects too, know no sign of zero."""
    third: list[ast.expr] = [ast.Constant(None)] if isinstance(op, ast.Pow) else []
    name = f"PyNumber_{how}{FUNCTIONS[OPERATORS[type(op)]]}"
    return ast.Call(ast.Name(name, ast.Load()), [left, right, *third], [])
