"""Random statements of a function's body."""

from __future__ import annotations

from collections.abc import Callable as Maker

from .code import Statement
from .expressions import FLOATS, INTEGERS, NUMBER, OBJECTS, Expressions

#: How deep compound statements and loops may be nested.
DEEP, LOOPS = 3, 2

ERRORS = ("ValueError", "KeyError", "TypeError", "ZeroDivisionError", "IndexError", "Odd")


class Statements(Expressions):
    """Makes statements; `results` says what the function returns."""

    result = "object"
    yields = False
    assignable: list[str]
    in_finally = 0

    def body(self, deep: int, most: int = 5) -> list[Statement]:
        made = [one for _ in range(self.random.randint(1, most)) for one in self.statement(deep)]
        return made

    def statement(self, deep: int) -> list[Statement]:
        simple: list[Maker[[], list[Statement]]] = [
            self.assign, self.assign, self.assign, self.augmented, self.augmented, self.change, self.unpack,
            self.call_statement, self.note]  # fmt: skip
        if not self.assignable:
            simple = [self.call_statement, self.note]
        if self.chance(0.06):
            simple = [self.raise_, self.return_, self.assert_, self.delete]
        if self.loops and self.chance(0.12) and not self.in_finally:
            return [Statement(f"if {self.truth(2)}:", [Statement(self.pick("break", "continue"))])]
        if self.yields and self.chance(0.25):
            return [self.yield_()]
        if deep >= DEEP or self.chance(0.6):
            return self.random.choice(simple)()
        compound = [self.if_, self.if_, self.try_, self.try_, self.with_, self.match_]
        if self.loops < LOOPS:
            compound += [self.for_, self.for_, self.while_, self.for_c]
        return self.random.choice(compound)(deep + 1)

    # ------------------------------------------------------------------ simple

    def target(self) -> tuple[str, str]:
        name = self.random.choice(self.assignable)
        return name, self.variables[name]

    def assign(self) -> list[Statement]:
        name, ty = self.target()
        value = self.value(ty, 3)
        if ty in ("str", "bytes", "list", "tuple"):
            # Nothing grows without bounds.
            value = f"({value})[:20]"
        return [Statement(f"{name} = {value}")]

    def augmented(self) -> list[Statement]:
        name, ty = self.target()
        if ty in INTEGERS and ty != "bint":
            operator = self.pick("+", "-", "*", "&", "|", "^", "//", "%")
            return [Statement(f"{name} {operator}= {self.integer(2)}")]
        if ty in FLOATS:
            return [Statement(f"{name} {self.pick('+', '-', '*', '/')}= {self.floating(2)}")]
        if ty == "object":
            return [Statement(f"{name} {self.pick('+', '-')}= {self.number(2)}")]
        return self.assign()

    def change(self) -> list[Statement]:
        """Changes an object in place."""
        lists, dicts = self.of_type("list"), self.of_type("dict")
        if lists and self.chance(0.6):
            name = self.random.choice(lists)
            return [Statement(self.pick(
                f"{name}.append({self.a_object(2)})", f"{name}[{self.integer(1)}] = {self.a_object(2)}",
                f"{name}.pop()", f"{name}.insert({self.integer(1)} & 3, {self.number(1)})", f"{name}.reverse()",
                f"{name}[{self.slice(2)}] = {self.a_list(1)}", f"{name}.extend({self.a_tuple(2)})",
                f"{name}.sort(key=str)"))]  # fmt: skip
        if dicts:
            name = self.random.choice(dicts)
            return [Statement(self.pick(
                f"{name}[{self.key(2)}] = {self.a_object(2)}",
                f"{name}.setdefault({self.key(1)}, {self.number(1)})",
                f"{name}.pop({self.key(1)}, None)", f"{name}.update(a={self.number(1)})"))]  # fmt: skip
        return self.assign()

    def unpack(self) -> list[Statement]:
        objects = [name for name in self.assignable if self.variables[name] == "object"]
        if len(objects) < 2:
            return self.assign()
        first, second = self.random.sample(objects, 2)
        if self.chance(0.5):
            return [Statement(f"{first}, {second} = {self.a_object(2)}, {self.number(2)}")]
        star = self.pick("", "*")
        # Of a call: Cython counts what stands in a display.
        return [Statement(f"{first}, {star}{second} = {self.pick('list', 'tuple')}({self.value('list', 2)})")]

    def call_statement(self) -> list[Statement]:
        called = self.call(tuple({one.result for one in self.functions}), 2)
        return [Statement(called)] if called else self.note()

    def note(self) -> list[Statement]:
        return [Statement(f"note({self.a_object(2)})")]

    def raise_(self) -> list[Statement]:
        cause = self.pick("", "", f" from {self.pick(*ERRORS)}('cause')", " from None")
        return [Statement(f"raise {self.pick(*ERRORS)}({self.a_object(1)}){cause}")]

    def return_(self) -> list[Statement]:
        if self.yields:
            return [Statement("return")]
        return [Statement("return" if self.result == "void" else f"return {self.value(self.result, 2)}")]

    def assert_(self) -> list[Statement]:
        return [Statement(f"assert {self.truth(2)}, {self.a_str(1)}")]

    def delete(self) -> list[Statement]:
        lists = self.of_type("list", "dict")
        if lists:
            return [Statement(f"del {self.random.choice(lists)}[{self.integer(1)}]")]
        return self.note()

    def yield_(self) -> Statement:
        objects = [name for name in self.assignable if self.variables[name] == "object"]
        if objects and self.chance(0.4):
            return Statement(f"{self.random.choice(objects)} = yield {self.a_object(2)}")
        if self.chance(0.2):
            return Statement(f"yield from {self.value(self.pick('list', 'tuple', 'str'), 2)}")
        return Statement(f"yield {self.a_object(2)}")

    # ------------------------------------------------------------------ compound

    def if_(self, deep: int) -> list[Statement]:
        made = Statement(f"if {self.truth(3)}:", self.body(deep, 3))
        if self.chance(0.3):
            made.then.append(Statement(f"elif {self.condition()}:", self.body(deep, 3)))
        if self.chance(0.5):
            made.then.append(Statement("else:", self.body(deep, 3)))
        return [made]

    def condition(self) -> str:
        return self.truth(2) if self.chance(0.6) else self.a_object(2)

    def loop(self, line: str, deep: int) -> Statement:
        self.loops += 1
        inner, self.in_finally = self.in_finally, 0
        made = Statement(line, self.body(deep, 4))
        self.loops -= 1
        self.in_finally = inner
        if self.chance(0.2):
            made.then.append(Statement("else:", self.body(deep, 2)))
        return made

    def for_(self, deep: int) -> list[Statement]:
        objects = [name for name in self.assignable if self.variables[name] == "object"]
        if not objects:
            return self.for_c(deep)
        name = self.random.choice(objects)
        which = self.random.randrange(5)
        source = f"({self.value(self.pick('list', 'tuple', 'str'), 2)})[:4]"
        if which == 0 and len(objects) > 1:
            other = self.random.choice([one for one in objects if one != name])
            return [self.loop(f"for {name}, {other} in enumerate({source}):", deep)]
        if which == 1 and len(objects) > 1:
            other = self.random.choice([one for one in objects if one != name])
            return [self.loop(f"for {name}, {other} in list({self.a_dict(2)}.items())[:4]:", deep)]
        if which == 2:
            return [self.loop(f"for {name} in reversed({source}):", deep)]
        return [self.loop(f"for {name} in {source}:", deep)]

    def for_c(self, deep: int) -> list[Statement]:
        names = [name for name in self.assignable if self.variables[name] in INTEGERS
                 and self.variables[name] != "bint"]  # fmt: skip
        if not names or len(self.assignable) < 2:
            return self.if_(deep)
        name = self.random.choice(names)
        signed = self.variables[name] not in ("size_t",) and not self.variables[name].startswith("unsigned")
        bounds = [f"{self.integer(1)} & 3"]
        if self.chance(0.4):
            bounds = [str(self.random.randint(0, 3)), f"({self.integer(1)} & 7)"]
            if self.chance(0.5):
                bounds.append("2")
        elif signed and self.chance(0.3):
            bounds = [f"({self.integer(1)} & 3)", "-1", "-1"]
        # The loop's variable is not assigned to in it: that would be a loop without an end.
        self.assignable.remove(name)
        made = self.loop(f"for {name} in range({', '.join(bounds)}):", deep)
        self.assignable.append(name)
        return [made]

    def while_(self, deep: int) -> list[Statement]:
        count = self.name("turns")
        made = self.loop(f"while {count} < {self.random.randint(1, 4)} and {self.condition()}:", deep)
        assert made.body is not None
        made.body.insert(0, Statement(f"{count} += 1", fixed=True))
        return [Statement(f"{count} = 0", fixed=True), made]

    def try_(self, deep: int) -> list[Statement]:
        made = Statement("try:", self.body(deep, 4))
        ending = self.random.randrange(4)
        if ending:
            for _ in range(self.random.randint(1, 2)):
                caught = self.pick(*ERRORS, "Exception", "(ValueError, TypeError)", "LookupError")
                name = self.name("e") if self.chance(0.5) else ""
                body = self.body(deep, 3)
                if name:
                    body.insert(0, Statement(f"note(repr({name}))"))
                if self.chance(0.15):
                    body.append(Statement("raise"))
                made.then.append(Statement(f"except {caught}{f' as {name}' if name else ''}:", body))
            if self.chance(0.3):
                made.then.append(Statement("else:", self.body(deep, 2)))
        if ending in (0, 1):
            self.in_finally += 1
            made.then.append(Statement("finally:", self.body(deep, 2)))
            self.in_finally -= 1
        return [made]

    def with_(self, deep: int) -> list[Statement]:
        manager = f"Manager({self.a_str(1)}, {self.pick('False', 'True')})"
        objects = [name for name in self.assignable if self.variables[name] == "object"]
        target = f" as {self.random.choice(objects)}" if objects and self.chance(0.5) else ""
        return [Statement(f"with {manager}{target}:", self.body(deep, 3))]

    def match_(self, deep: int) -> list[Statement]:
        name = self.name("m")
        made = Statement(f"match <object>({self.a_object(3)}):", [])
        assert made.body is not None
        patterns = [
            "None", "1 | 2", "-3", "'a' | 'xyz'", "[]", "[_]", "[_, *_]", f"[{name}, _]", "{'a': _}",
            f"{{'k': {name}, **_rest}}", f"str() as {name}", f"int({name})", "(1, 2)", "True"]  # fmt: skip
        for pattern in self.random.sample(patterns, self.random.randint(1, 3)):
            guard = f" if {self.truth(1)}" if self.chance(0.3) else ""
            made.body.append(Statement(f"case {pattern}{guard}:", self.body(deep, 2)))
        made.body.append(Statement("case _:", [Statement("note('none')")], fixed=True))
        return [made]

    # ------------------------------------------------------------------ declarations

    def declare(self, count: int) -> list[Statement]:
        """Variables with their first values."""
        made = []
        for _ in range(count):
            name = self.name("v")
            ty = self.pick(*INTEGERS, *FLOATS, *FLOATS, *OBJECTS, "object", "object", "list", "dict")
            first = self.value(ty, 2) if ty in OBJECTS or ty in FLOATS else self.literal(INTEGERS[ty])
            if ty == "bint":
                first = self.pick("True", "False")
            elif ty in INTEGERS and (ty.startswith("unsigned") or ty == "size_t"):
                first = str(self.random.randrange(200))
            elif ty == "signed char":
                first = str(self.random.randint(-100, 100))
            elif ty == "short":
                first = str(self.random.randint(-30000, 30000))
            made.append(Statement(f"cdef {ty} {name} = {first}", fixed=True))
            self.variables[name] = ty
        self.assignable = list(self.variables)
        return made


__all__ = ["DEEP", "ERRORS", "LOOPS", "NUMBER", "Statements"]
