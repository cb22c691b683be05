"""`jit`: loops, unpacking, handlers of exceptions and other compound statements."""

from __future__ import annotations

import ast

from .jitinner import Inner
from .jittypes import COUNTED, ELEMENTS, FUNCTIONS, OPERATORS, NotAView, Type, Unsupported, Value


class Blocks(Inner):
    """Statements that hold others, and assignments to more than one name."""

    counters: set[str]

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def block(self, statements: list[ast.stmt], depth: int) -> None:
        for statement in statements:
            method = getattr(self, "on_" + type(statement).__name__, None)
            if method is None:
                raise Unsupported(f"{type(statement).__name__} in line {statement.lineno}")
            method(statement, depth)
        if not statements:
            self.put(depth, "pass")

    # ------------------------------------------------------------ branches and loops

    def on_If(self, node: ast.If, depth: int) -> None:
        self.put(depth, f"if {self.test(node.test)}:")
        before = set(self.assigned)
        self.block(node.body, depth + 1)
        first, self.assigned = self.assigned, set(before)
        if node.orelse:
            self.put(depth, "else:")
            self.block(node.orelse, depth + 1)
        ended = leaves(node.body), leaves(node.orelse)
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

    def otherwise(self, node: ast.While | ast.For | ast.AsyncFor, depth: int) -> None:
        if node.orelse:
            self.put(depth, "else:")
            self.block(node.orelse, depth + 1)

    def on_For(self, node: ast.For, depth: int) -> None:
        before = set(self.assigned)
        lines = self.loop_head(node, depth)
        before = {name for name in before if name in self.parameters or name not in names_in(node.target)}
        for text in lines:
            self.put(depth + 1, text)
        self.block(node.body, depth + 1)
        self.assigned = set(before)
        self.otherwise(node, depth)
        self.assigned = before

    def loop_head(self, node: ast.For, depth: int) -> list[str]:
        """Put the ``for``; gives what stands at the beginning of its body."""
        target = node.target
        if isinstance(target, ast.Name) and target.id not in self.function.elsewhere:
            bounds = self.range_arguments(node.iter)
            if bounds is not None:
                self.store_name(target.id, "int", counter=bounds[1])
                self.put(depth, f"for {self.name(target.id)} in {bounds[0]}:")
                return []
        arrays = self.arrays_of(node)
        if arrays is not None:
            return self.over_arrays(node, arrays, depth)
        iterated = self.value(node.iter).object()
        self.effects()
        if isinstance(target, ast.Name) and target.id not in self.function.elsewhere:
            self.store_name(target.id, "obj")
            self.put(depth, f"for {self.name(target.id)} in {iterated}:")
            return []
        one = self.new_name("obj")
        self.put(depth, f"for {one} in {iterated}:")
        kept, self.lines = self.lines, []
        self.store(target, Value(one, "obj"), 0)
        made, self.lines = self.lines, kept
        return made

    def arrays_of(self, node: ast.For) -> list[str] | None:
        """The arrays that a loop goes through element by element."""
        target, iterated = node.target, node.iter
        if isinstance(target, ast.Name):
            found = [iterated]
        elif (isinstance(target, ast.Tuple) and isinstance(iterated, ast.Call) and not iterated.keywords
              and all(isinstance(one, ast.Name) for one in target.elts)):  # fmt: skip
            called = self.builtin(iterated.func)
            if called is enumerate and len(target.elts) == 2 and len(iterated.args) == 1:
                found = iterated.args
            elif called is zip and len(target.elts) == len(iterated.args):
                found = iterated.args
            else:
                return None
        else:
            return None
        views = [self.view_parameter(one) for one in found]
        names = [view for view in views if view is not None and self.types[view].ndim == 1]
        if len(names) != len(found) or names_in(target) & self.function.elsewhere:
            return None
        return names

    def over_arrays(self, node: ast.For, arrays: list[str], depth: int) -> list[str]:
        index = self.new_name("int")
        length = f"<long long>{self.name(arrays[0])}.shape[0]"
        for other in arrays[1:]:
            length = f"_cyl_min_int({length}, <long long>{self.name(other)}.shape[0])"
        self.put(depth, f"for {index} in range({length}):")
        values = [self.item(one, index) for one in arrays]
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        if len(targets) > len(values):
            values.insert(0, Value(index, "int", COUNTED))
        made = []
        for target, value in zip(targets, values, strict=True):
            assert isinstance(target, ast.Name)
            self.store_name(target.id, value.type, counter=value.text == index)
            made.append(f"{self.name(target.id)} = {self.as_type(value, self.types[target.id])}")
        return made

    def range_arguments(self, node: ast.expr) -> tuple[str, bool] | None:
        """`range(...)` over integers: its text, and whether it counts in small steps from near 0."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords
                and 1 <= len(node.args) <= 3 and self.builtin(node.func) is range):  # fmt: skip
            return None
        return self.range_of(node.args)

    def range_of(self, arguments: list[ast.expr]) -> tuple[str, bool] | None:
        bounds = self.bounds_of(arguments)
        return None if bounds is None else (f"range({', '.join(bounds[0])})", bounds[1])

    def bounds_of(self, arguments: list[ast.expr]) -> tuple[list[str], bool] | None:
        """The texts of a range's integers, and whether it counts in small steps from near 0."""
        values = [self.value(one) for one in arguments]
        if any(value.type not in ("int", "pyint") for value in values):
            return None
        step = values[2].literal if len(values) == 3 else 1
        if not isinstance(step, int) or step == 0 or abs(step) > 16:
            return None
        start = values[0].literal if len(values) > 1 else 0
        small = (isinstance(start, int) and abs(start) < 1 << 31) or (
            len(values) > 1 and values[0].type == "int" and values[0].bits <= COUNTED
        )
        # Beyond 64 bits there is no end; but a loop that begins there must not be taken for empty, nor
        # may the counter pass the last number by its step.
        if not small and (abs(step) > 1 or any(value.type == "pyint" for value in values)):
            return None
        texts = [f"_cyl_bound({v.text})" if v.type == "pyint" else v.text for v in values[:2]]
        if len(values) == 3:
            texts.append(str(step))
        return texts, small

    # ------------------------------------------------------------ assignments

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

    def place_of(self, name: str) -> str:
        """Where a variable lies that is not the function's own."""
        if name in self.function.nonlocals:
            return f"_cyl_cells[{name!r}].cell_contents"
        return f"_cyl_globals[{name!r}]"

    def store(self, target: ast.expr, value: Value, depth: int) -> None:
        """Assign a value that is computed already."""
        if isinstance(target, ast.Name) and target.id in self.function.elsewhere:
            self.effects()
            self.put(depth, f"{self.place_of(target.id)} = {value.object()}")
        elif isinstance(target, ast.Name):
            self.store_name(target.id, value.type)
            self.put(depth, f"{self.name(target.id)} = {self.as_type(value, self.types[target.id])}")
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.take_apart(target, value, depth)
        elif isinstance(target, ast.Subscript):
            self.store_item(target, value, depth)
        elif isinstance(target, ast.Attribute):
            self.effects()
            self.put(depth, f"{self.value(target.value).object()}.{target.attr} = {value.object()}")
        else:
            raise Unsupported(f"assignment in line {target.lineno}")

    def take_apart(self, target: ast.Tuple | ast.List, value: Value, depth: int) -> None:
        """The parts of any iterable, first all of them and then one by one into their places."""
        self.effects()
        plain = all(isinstance(one, ast.Name) and one.id not in self.function.elsewhere for one in target.elts)
        texts, later = [], []
        for one in target.elts:
            inner = one.value if isinstance(one, ast.Starred) else one
            if plain or (isinstance(inner, ast.Name) and inner.id not in self.function.elsewhere):
                assert isinstance(inner, ast.Name)
                self.store_name(inner.id, "obj")
                text = self.name(inner.id)
            else:
                text = self.new_name("obj")
                later.append((inner, text))
            texts.append(text)
        comma = "," if len(texts) == 1 else ""
        if not texts:
            raise Unsupported(f"unpacking in line {target.lineno}")
        stars = [isinstance(one, ast.Starred) for one in target.elts]
        first = stars.index(True) if True in stars else len(stars)
        counts = f"{first}, {max(len(stars) - first - 1, 0)}, {True in stars}"
        self.put(depth, f"{', '.join(texts)}{comma} = _cyl_unpack({value.object()}, {counts})")
        for inner, text in later:
            self.store(inner, Value(text, "obj"), depth)

    def on_Assign(self, node: ast.Assign, depth: int) -> None:
        self.assign(node.targets, node.value, depth)

    def on_AnnAssign(self, node: ast.AnnAssign, depth: int) -> None:
        if node.value is not None:
            self.assign([node.target], node.value, depth)

    def assign(self, targets: list[ast.expr], value: ast.expr, depth: int) -> None:
        if len(targets) == 1:
            target = targets[0]
            if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
                if len(target.elts) == len(value.elts) and not _starred(target) and not _starred(value):
                    self.exchange(target.elts, value.elts, depth)
                    return
            self.store(target, self.value(value), depth)
            return
        found = self.value(value)
        name = self.new_name(found.type)
        self.put(depth, f"{name} = {found.text}")
        found.text = name
        for target in targets:
            self.store(target, replace_text(found, name), depth)

    def exchange(self, targets: list[ast.expr], values: list[ast.expr], depth: int) -> None:
        """``a, b = b, a``: all values, then all places."""
        found = [self.value(one) for one in values]
        elsewhere = self.function.elsewhere
        names = [one.id for one in targets if isinstance(one, ast.Name) and one.id not in elsewhere]
        if len(names) == len(targets) == len(set(names)):
            for name, one in zip(names, found, strict=True):
                self.store_name(name, one.type)
            texts = [self.as_type(one, self.types[n]) for n, one in zip(names, found, strict=True)]
            comma = "," if len(names) == 1 else ""
            self.put(depth, f"{', '.join(map(self.name, names))}{comma} = {', '.join(texts)}{comma}")
            return
        kept = []
        for one in found:
            name = self.new_name(one.type)
            self.put(depth, f"{name} = {one.text}")
            kept.append(replace_text(one, name))
        for target, one in zip(targets, kept, strict=True):
            self.store(target, one, depth)

    def on_AugAssign(self, node: ast.AugAssign, depth: int) -> None:
        target = node.target
        if isinstance(target, ast.Name) and target.id not in self.function.elsewhere:
            current = self.load(target.id) if target.id in self.function.locals else self.value(target)
            value = self.value(node.value)
            if current.type == "obj":
                self.effects()
                self.in_place(current.text, node.op, value, depth)
                self.store_name(target.id, "obj")
                return
            found = self.binary(current, node.op, value)
            self.store_name(target.id, found.type)
            kind = self.types[target.id]
            self.put(depth, f"{self.name(target.id)} = {self.as_type(found, kind)}")
        elif isinstance(target, ast.Name):
            one = self.new_name("obj")
            self.effects()
            self.put(depth, f"{one} = {self.value(ast.Name(target.id, ast.Load())).object()}")
            self.in_place(one, node.op, self.value(node.value), depth)
            self.put(depth, f"{self.place_of(target.id)} = {one}")
        elif isinstance(target, ast.Subscript) and self.view_of(target) is not None:
            place = self.once(target, depth)
            current = self.value(ast.Subscript(place.value, place.slice, ast.Load()))
            self.store_item(place, self.binary(current, node.op, self.value(node.value), index=True), depth)
        elif isinstance(target, ast.Subscript):
            self.effects()
            base, index = self.new_name("obj"), self.new_name("obj")
            self.put(depth, f"{base} = {self.value(target.value).object()}")
            text = self.index(target.slice)
            if not any(isinstance(one, ast.Slice) for one in ast.walk(target.slice)):
                self.put(depth, f"{index} = {text}")
                text = index
            self.augment(f"{base}[{text}]", node, depth)
        else:
            self.effects()
            base = self.new_name("obj")
            self.put(depth, f"{base} = {self.value(target.value).object()}")
            self.augment(f"{base}.{target.attr}", node, depth)

    def augment(self, place: str, node: ast.AugAssign, depth: int) -> None:
        one = self.new_name("obj")
        self.put(depth, f"{one} = {place}")
        self.in_place(one, node.op, self.value(node.value), depth)
        self.put(depth, f"{place} = {one}")

    def in_place(self, name: str, op: ast.operator, value: Value, depth: int) -> None:
        """``name op= value`` for objects, by Python itself."""
        third = ", None" if isinstance(op, ast.Pow) else ""
        function = f"PyNumber_InPlace{FUNCTIONS[OPERATORS[type(op)]]}"
        self.put(depth, f"{name} = {function}({name}, {value.object()}{third})")

    def once(self, target: ast.Subscript, depth: int) -> ast.Subscript:
        """The same element, with an index that is computed here, where that is more than names."""
        parts = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        if not any(isinstance(one, ast.Call) for part in parts for one in ast.walk(part)):
            return target
        made: list[ast.expr] = []
        for part in parts:
            value = self.in_bounds(part)
            if value.type not in ("int", "pyint"):
                raise NotAView(self.view_name(target))
            text = value.text if value.type == "int" else f"_cyl_index({value.text})"
            name = self.new_name("int")
            self.put(depth, f"{name} = {text}")
            self.scopes[0][name] = Value(name, "int")
            made.append(ast.Name(name, ast.Load()))
        index = made[0] if len(made) == 1 else ast.Tuple(made, ast.Load())
        return ast.Subscript(target.value, index, ast.Store())

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
        _, bits = ELEMENTS[view.element]
        if bits == 0 and value.type in ("float", "int", "pyint"):
            text = self.as_type(value, "float")
        elif bits and value.type in ("int", "pyint"):
            text = f"_cyl_to_{view.element}({self.as_type(value, 'int')})" if bits < 63 else (
                self.as_type(value, "int"))  # fmt: skip
        else:
            raise NotAView(name)
        self.put(depth, f"{self.element(target)} = {text}")

    def on_Delete(self, node: ast.Delete, depth: int) -> None:
        for target in _flat(node.targets):
            if isinstance(target, ast.Name) and target.id not in self.function.elsewhere:
                self.as_object(target.id)
                self.other.add(target.id)
                self.put(depth, f"del {self.name(target.id)}")
            elif isinstance(target, ast.Subscript):
                self.effects()
                self.put(depth, f"del {self.value(target.value).object()}[{self.index(target.slice)}]")
            elif isinstance(target, ast.Attribute):
                self.effects()
                self.put(depth, f"del {self.value(target.value).object()}.{target.attr}")
            else:
                raise Unsupported(f"Delete in line {node.lineno}")

    # ------------------------------------------------------------ exceptions

    def on_Raise(self, node: ast.Raise, depth: int) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if node.exc is not None and not self.exception_class(raised):
            self.effects()
        self.in_raise = True
        parts = [self.value(part).object() if part is not None else None for part in (node.exc, node.cause)]
        self.in_raise = False
        self.put(depth, " from ".join(["raise " + (parts[0] or ""), *([parts[1]] if parts[1] else [])]))

    def on_Try(self, node: ast.Try, depth: int) -> None:
        if not all(self.lets_overflow_pass(one.type) for one in node.handlers) or _jumps(node.finalbody):
            self.effects()  # an overflow must not end in a handler
        before = set(self.assigned)
        self.put(depth, "try:")
        self.block(node.body, depth + 1)
        after_body, ends = self.assigned, []
        for handler in node.handlers:
            self.assigned = set(before)
            kind = f" {self.value(handler.type).object()}" if handler.type is not None else ""
            name = ""
            if handler.name is not None:
                if handler.name in self.function.elsewhere:
                    raise Unsupported(f"except as a global in line {handler.lineno}")
                self.as_object(handler.name)
                self.other.add(handler.name)
                name = f" as {self.name(handler.name)}"
            self.put(depth, f"except{kind}{name}:")
            self.block(handler.body, depth + 1)
            if not leaves(handler.body):
                ends.append(self.assigned)
        self.assigned = after_body
        if node.orelse:
            self.put(depth, "else:")
            self.block(node.orelse, depth + 1)
        if not leaves(node.orelse or node.body):
            ends.append(self.assigned)
        ended = set.intersection(*ends) if ends else set(before)
        self.assigned = set(before)
        if node.finalbody:
            self.put(depth, "finally:")
            self.block(node.finalbody, depth + 1)
        self.assigned |= ended

    def lets_overflow_pass(self, kind: ast.expr | None) -> bool:
        if isinstance(kind, ast.Tuple):
            return all(self.lets_overflow_pass(one) for one in kind.elts)
        found = self.builtin(kind) if kind is not None else None
        return isinstance(found, type) and not issubclass(OverflowError, found)

    def on_With(self, node: ast.With | ast.AsyncWith, depth: int) -> None:
        self.effects()
        word = "async with" if isinstance(node, ast.AsyncWith) else "with"
        before = set(self.assigned)
        for number, item in enumerate(node.items):
            manager = self.value(item.context_expr).object()
            target = item.optional_vars
            if target is None:
                self.put(depth + number, f"{word} {manager}:")
            elif isinstance(target, ast.Name) and target.id not in self.function.elsewhere:
                self.as_object(target.id)
                self.other.add(target.id)
                self.put(depth + number, f"{word} {manager} as {self.name(target.id)}:")
            else:
                one = self.new_name("obj")
                self.put(depth + number, f"{word} {manager} as {one}:")
                self.store(target, Value(one, "obj"), depth + number + 1)
        self.block(node.body, depth + len(node.items))
        self.assigned = before  # what was raised in the block may be gone

    # ------------------------------------------------------------ what waits

    def on_AsyncWith(self, node: ast.AsyncWith, depth: int) -> None:
        self.on_With(node, depth)

    def on_AsyncFor(self, node: ast.AsyncFor, depth: int) -> None:
        before = set(self.assigned)
        iterated = self.value(node.iter).object()
        one = self.new_name("obj")
        self.put(depth, f"async for {one} in {iterated}:")
        self.store(node.target, Value(one, "obj"), depth + 1)
        self.block(node.body, depth + 1)
        self.assigned = set(before)
        self.otherwise(node, depth)
        self.assigned = before

    def of_Yield(self, node: ast.Yield) -> Value:
        return Value(f"(yield {self.value(node.value).object() if node.value is not None else ''})", "obj")

    def of_YieldFrom(self, node: ast.YieldFrom) -> Value:
        return Value(f"(yield from {self.value(node.value).object()})", "obj")

    def of_Await(self, node: ast.Await) -> Value:
        return Value(f"(await {self.value(node.value).object()})", "obj")

    # ------------------------------------------------------------ names

    def on_Global(self, node: ast.Global, depth: int) -> None:
        self.put(depth, "pass")

    def on_Nonlocal(self, node: ast.Nonlocal, depth: int) -> None:
        self.put(depth, "pass")

    def on_Import(self, node: ast.Import, depth: int) -> None:
        for one in node.names:
            name = one.asname or one.name.partition(".")[0]
            if one.asname is None and "." in one.name:
                self.store(ast.Name(name, ast.Store()), Value(f"__import__({one.name!r})", "obj"), depth)
                continue
            self.imported(f"import {one.name}", name, depth, node)

    def on_ImportFrom(self, node: ast.ImportFrom, depth: int) -> None:
        if node.level or node.module == "__future__":
            raise Unsupported(f"ImportFrom in line {node.lineno}")
        for one in node.names:
            self.imported(f"from {node.module} import {one.name}", one.asname or one.name, depth, node)

    def imported(self, text: str, name: str, depth: int, node: ast.stmt) -> None:
        self.effects()
        if name in self.function.elsewhere:
            raise Unsupported(f"{type(node).__name__} in line {node.lineno}")
        self.as_object(name)
        self.other.add(name)
        self.put(depth, f"{text} as {self.name(name)}")


def leaves(statements: list[ast.stmt]) -> bool:
    """Whether control does not come out at the end."""
    return bool(statements) and isinstance(statements[-1], (ast.Return, ast.Raise, ast.Break, ast.Continue))


def names_in(target: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def replace_text(value: Value, text: str) -> Value:
    return Value(text, "obj" if value.type == "pyint" else value.type, value.bits)


def _flat(targets: list[ast.expr]) -> list[ast.expr]:
    parts = [_flat(one.elts) if isinstance(one, (ast.Tuple, ast.List)) else [one] for one in targets]
    return [one for part in parts for one in part]


def _starred(node: ast.Tuple | ast.List) -> bool:
    return any(isinstance(one, ast.Starred) for one in node.elts)


def _jumps(statements: list[ast.stmt]) -> bool:
    kinds = (ast.Return, ast.Break, ast.Continue)
    return any(isinstance(one, kinds) for statement in statements for one in ast.walk(statement))
