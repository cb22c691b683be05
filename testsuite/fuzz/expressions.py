"""Random expressions, by the type that they are wanted in.

Nothing in them is undefined in C: shifts are narrow, no floating-point number becomes an integer, and
signed overflow wraps (both routes compile so).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

#: C's integer types, and how many bits they have.
INTEGERS = {"signed char": 8, "unsigned char": 8, "short": 16, "unsigned short": 16, "int": 32,
            "unsigned int": 32, "long": 64, "unsigned long": 64, "long long": 64, "Py_ssize_t": 64,
            "size_t": 64, "bint": 32}  # fmt: skip
FLOATS = ("double", "float")
#: Types of Python's that variables are declared with.
OBJECTS = ("object", "list", "dict", "str", "bytes", "tuple", "set")

NUMBER = "number"  # an object that is an int or a float


@dataclass
class Callable:
    """A function that expressions may call."""

    name: str
    parameters: list[str]
    result: str
    keywords: list[str] = field(default_factory=list)
    #: How deep in loops it may still be called.
    loops: int = 1


class Expressions:
    """Makes expressions from the variables in `self.variables` (name to type)."""

    def __init__(self, seed: random.Random) -> None:
        self.random = seed
        self.variables: dict[str, str] = {}
        self.functions: list[Callable] = []
        self.loops = 0
        #: C functions have no closures: no lambdas, no generator expressions.
        self.closures = True
        self.names = 0

    # ------------------------------------------------------------------ choosing

    def pick(self, *values: str) -> str:
        return self.random.choice(values)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def of_type(self, *types: str) -> list[str]:
        return [name for name, ty in self.variables.items() if ty in types]

    def name(self, start: str = "x") -> str:
        self.names += 1
        return f"{start}{self.names}"

    def value(self, ty: str, depth: int = 3) -> str:
        """An expression that can be assigned to the type."""
        if ty in INTEGERS:
            return self.truth(depth) if ty == "bint" else self.integer(depth, INTEGERS[ty])
        if ty in FLOATS:
            return self.floating(depth)
        if ty == NUMBER:
            return self.number(depth)
        return getattr(self, f"a_{ty}")(depth)

    def call(self, results: tuple[str, ...], depth: int) -> str | None:
        fitting = [one for one in self.functions if one.result in results and self.loops <= one.loops]
        if not fitting or depth <= 0:
            return None
        function = self.random.choice(fitting)
        given = [self.value(ty, depth - 1) for ty in function.parameters]
        for index in range(len(function.keywords)):
            if self.chance(0.3):
                given[index:] = [f"{other}={value}" for other, value
                                 in zip(function.keywords[index:], given[index:], strict=True)]  # fmt: skip
                break
        return f"{function.name}({', '.join(given)})"

    # ------------------------------------------------------------------ C numbers

    def literal(self, bits: int = 32) -> str:
        small = self.random.randint(-9, 9)
        if self.chance(0.7):
            return str(small) if small >= 0 else f"({small})"
        edge = 1 << self.random.randint(3, min(bits, 32) - 2)
        return self.pick(str(edge), str(edge - 1), f"(-{edge})", hex(edge + 5), f"0b{edge:b}")

    def integer(self, depth: int, bits: int = 64) -> str:
        names = self.of_type(*INTEGERS)
        if depth <= 0 or self.chance(0.15):
            return self.random.choice(names) if names and self.chance(0.7) else self.literal(bits)
        x, y = (lambda: self.integer(depth - 1)), (lambda: self.integer(depth - 1))
        called = self.call(tuple(INTEGERS), depth)
        if called and self.chance(0.3):
            return called
        which = self.random.randrange(14)
        if which < 5:
            return f"({x()} {self.pick('+', '-', '*', '&', '|', '^')} {y()})"
        if which == 5:
            return f"({x()} {self.pick('//', '%')} {y()})"
        if which == 6:
            return f"({x()} {self.pick('<<', '>>')} ({y()} & 7))"
        if which == 7:
            return self.pick(f"(-({x()}))", f"(~{x()})", f"abs(<int>({x()} & 0xffff))")
        if which == 8:
            return f"<{self.pick(*INTEGERS)}>({x()})"
        if which == 9:
            return f"({x()} if {self.truth(depth - 1)} else {y()})"
        if which == 10:
            return f"{self.pick('min', 'max')}({x()}, {y()})"
        if which == 11:
            sized = self.of_type("list", "str", "bytes", "tuple", "dict", "set")
            return f"len({self.random.choice(sized)})" if sized else self.literal(bits)
        if which == 12:
            return f"({x()} ** {self.pick('2', '3')})"
        return f"({self.truth(depth - 1)})"

    def floating(self, depth: int) -> str:
        names = self.of_type(*FLOATS)
        if depth <= 0 or self.chance(0.15):
            if names and self.chance(0.7):
                return self.random.choice(names)
            return self.pick("0.5", "1.0", "2.0", "-3.25", "1e3", "1e-3", "7.0", "0.1")
        x, y = (lambda: self.floating(depth - 1)), (lambda: self.floating(depth - 1))
        called = self.call(FLOATS, depth)
        if called and self.chance(0.3):
            return called
        which = self.random.randrange(10)
        if which < 4:
            return f"({x()} {self.pick('+', '-', '*', '/')} {y()})"
        if which == 4:
            return f"({x()} {self.pick('//', '%')} {y()})"
        if which == 5:
            return self.pick(f"(-({x()}))", f"abs({x()})", f"{self.pick('min', 'max')}({x()}, {y()})")
        if which == 6:
            return f"({x()} {self.pick('+', '*', '-')} {self.integer(depth - 1)})"
        if which == 7:
            return f"({x()} if {self.truth(depth - 1)} else {y()})"
        if which == 8:
            return f"<{self.pick(*FLOATS)}>({self.pick(x(), self.integer(depth - 1))})"
        return f"({self.integer(depth - 1)} / {self.integer(depth - 1)})"

    def truth(self, depth: int) -> str:
        if depth <= 0:
            names = self.of_type("bint")
            return self.random.choice(names) if names else self.pick("True", "False")
        which = self.random.randrange(11)
        operator = self.pick("<", "<=", ">", ">=", "==", "!=")
        if which < 3:
            return f"({self.integer(depth - 1)} {operator} {self.integer(depth - 1)})"
        if which == 3:
            return f"({self.floating(depth - 1)} {operator} {self.floating(depth - 1)})"
        if which == 4:
            return f"(not {self.truth(depth - 1)})"
        if which < 7:
            return f"({self.truth(depth - 1)} {self.pick('and', 'or')} {self.truth(depth - 1)})"
        if which == 7:
            return (f"({self.integer(depth - 1)} {operator} {self.integer(depth - 1)} "
                    f"{self.pick('<', '<=', '!=')} {self.integer(depth - 1)})")  # fmt: skip
        if which == 8:
            return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"
        if which == 9:
            return f"({self.a_object(depth - 1)} {self.pick('is', 'is not')} None)"
        sets = self.of_type("list", "tuple", "dict", "set")
        if sets and self.chance(0.6):
            return f"({self.number(depth - 1)} {self.pick('in', 'not in')} {self.random.choice(sets)})"
        return f"({self.integer(depth - 1)} {self.pick('in', 'not in')} (1, 2, {self.literal()}))"

    # ------------------------------------------------------------------ objects

    def number(self, depth: int) -> str:
        """An object that is a number."""
        if depth <= 0 or self.chance(0.2):
            return self.pick(f"(<object>{self.integer(0)})", "1", "7", "2.5", "big", "-3", "(<object>True)")
        x, y = (lambda: self.number(depth - 1)), (lambda: self.number(depth - 1))
        which = self.random.randrange(8)
        if which < 3:
            return f"({x()} {self.pick('+', '-')} {y()})"
        if which == 3:
            return f"(({x()} * {y()}) % 1000003)"
        if which == 4:
            return f"({x()} {self.pick('//', '%', '/')} {y()})"
        if which == 5:
            return f"(<object>({self.integer(depth - 1)}))"
        if which == 6:
            return f"(<object>({self.floating(depth - 1)}))"
        return f"({x()} if {self.truth(depth - 1)} else {y()})"

    def variable(self, ty: str) -> str | None:
        names = self.of_type(ty)
        return self.random.choice(names) if names and self.chance(0.5) else None

    def a_object(self, depth: int) -> str:
        found = self.variable("object")
        if found and (depth <= 0 or self.chance(0.5)):
            return found
        called = self.call(("object", *OBJECTS), depth)
        if called and self.chance(0.4):
            return called
        if depth <= 0:
            return self.pick("None", "1", "'s'", "()", "2.5", "b'b'", "True", "...")
        which = self.random.randrange(12)
        if which < 3:
            return self.number(depth - 1)
        if which < 7:
            return self.value(self.pick(*OBJECTS[1:]), depth - 1)
        if which == 7:
            return f"({self.a_object(depth - 1)} {self.pick('or', 'and')} {self.a_object(depth - 1)})"
        if which == 8:
            base = self.value(self.pick("list", "tuple", "str", "dict", "bytes"), depth - 1)
            return f"{base}[{self.integer(depth - 2)}]"
        if which == 9 and self.closures:
            return f"(lambda {self.pick('q', '*q', 'q=3, *, r=1', '**q')}: {self.number(0)})"
        return f"[*{self.value('tuple', depth - 1)}, {self.a_object(depth - 1)}][{self.pick('0', '-1')}]"

    def items(self, depth: int, most: int = 4) -> str:
        found = [self.a_object(depth - 1) for _ in range(self.random.randrange(most))]
        if found and self.chance(0.15):
            found[-1] = f"*{self.value(self.pick('list', 'tuple', 'str'), depth - 1)}"
        return ", ".join(found)

    def comprehension(self, depth: int) -> str:
        name = self.name("c")
        outer = dict(self.variables)
        source, ty = self.source(depth - 1)
        self.variables[name] = ty
        condition = f" if {self.truth(depth - 1)}" if self.chance(0.4) else ""
        item = self.a_object(depth - 1)
        self.variables = outer
        return f"{item} for {name} in {source}{condition}"

    def source(self, depth: int) -> tuple[str, str]:
        """Something to iterate over, and the type of what it gives."""
        if self.chance(0.5):
            return f"range({self.integer(depth - 1)} & 7)", "object"
        return self.value(self.pick("list", "tuple", "dict", "str"), depth - 1), "object"

    def a_list(self, depth: int) -> str:
        found = self.variable("list")
        if found or depth <= 0:
            return found or "[]"
        which = self.random.randrange(7)
        if which < 3:
            return f"[{self.items(depth)}]"
        if which == 3:
            return f"[{self.comprehension(depth)}]"
        if which == 4:
            return f"list({self.value(self.pick('tuple', 'str', 'list'), depth - 1)})"
        if which == 5:
            return f"({self.a_list(depth - 1)} {self.pick('+ [1]', '* 2')})[{self.slice(depth)}]"
        return f"sorted([{self.number(depth - 1)}, {self.number(depth - 1)}])"

    def slice(self, depth: int) -> str:
        bound = lambda: self.integer(depth - 2, 16) if self.chance(0.6) else ""  # noqa: E731
        return f"{bound()}:{bound()}" + (f":{self.pick('2', '-1', '-2')}" if self.chance(0.2) else "")

    def a_tuple(self, depth: int) -> str:
        found = self.variable("tuple")
        if found or depth <= 0:
            return found or "()"
        which = self.random.randrange(4)
        if which < 2:
            items = self.items(depth)
            return f"({items},)" if items else "()"
        if which == 2 and self.closures:
            return f"tuple({self.comprehension(depth)})"
        return f"{self.a_tuple(depth - 1)}[{self.slice(depth)}]"

    def a_dict(self, depth: int) -> str:
        found = self.variable("dict")
        if found or depth <= 0:
            return found or "{}"
        which = self.random.randrange(4)
        if which < 2:
            count = self.random.randrange(4)
            pairs = [f"{self.key(depth - 1)}: {self.a_object(depth - 1)}" for _ in range(count)]
            if self.chance(0.2):
                pairs.append(f"**{self.a_dict(depth - 1)}")
            return "{" + ", ".join(pairs) + "}"
        if which == 2:
            name = self.name("c")
            return f"{{{name}: {self.number(depth - 1)} for {name} in range({self.integer(0)} & 7)}}"
        return f"dict(a={self.a_object(depth - 1)}, **{self.a_dict(depth - 1)})"

    def key(self, depth: int) -> str:
        return self.pick("'k'", "'a'", str(self.random.randrange(5)), self.a_str(depth), self.number(depth))

    def a_set(self, depth: int) -> str:
        found = self.variable("set")
        if found or depth <= 0:
            return found or "set()"
        keys = [self.key(depth - 1) for _ in range(self.random.randint(1, 3))]
        return self.pick("{" + ", ".join(keys) + "}", f"set(({keys[0]},))", f"({{{keys[0]}}} | {{1, 2}})")

    def a_str(self, depth: int) -> str:
        found = self.variable("str")
        if found or depth <= 0:
            return found or self.pick("''", "'a'", "'xyz'", "'\u00e4\u4e2d'", "'{}'")
        which = self.random.randrange(8)
        if which == 0:
            return f"({self.a_str(depth - 1)} + {self.a_str(depth - 1)})"
        if which == 1:
            spec = self.pick("", "!r", ":5", ":<4", "!s:>6", "!a")
            name = self.pick(*(self.simple_names() or ["1"]))
            return f"f'{self.pick('', 'a')}{{{name}{spec}}}{self.pick('', '{{}}')}'"
        if which == 2:
            return f"{self.a_str(depth - 1)}[{self.slice(depth)}]"
        if which == 3:
            return f"str({self.number(depth - 1)})"
        if which == 4:
            method = self.pick("upper()", "strip()", "replace('a', 'bb')", "lower()", "join(['1', '2'])")
            return f"{self.a_str(depth - 1)}.{method}"
        if which == 5:
            # Cython's own optimiser fails for `%` with literals of bytes.
            objects = self.of_type("object", "list", "str")
            first = self.random.choice(objects) if objects else "None"
            return f"('%s-%r' % ({first}, {self.number(depth - 1)}))"
        if which == 6:
            return f"repr({self.number(depth - 1)})"
        return f"({self.a_str(depth - 1)} * ({self.integer(depth - 1)} & 3))"

    def simple_names(self) -> list[str]:
        return self.of_type(*INTEGERS, *FLOATS, "str")

    def a_bytes(self, depth: int) -> str:
        found = self.variable("bytes")
        if found or depth <= 0:
            return found or self.pick("b''", "b'a'", "b'\\xff\\x00z'")
        which = self.random.randrange(4)
        if which == 0:
            return f"({self.a_bytes(depth - 1)} + {self.a_bytes(depth - 1)})"
        if which == 1:
            return f"{self.a_bytes(depth - 1)}[{self.slice(depth)}]"
        if which == 2:
            return f"{self.a_str(depth - 1)}.encode('utf8')"
        return f"bytes([{self.integer(depth - 1)} & 255])"
