"""Random programs about when objects die: each operation of theirs may fail, each death is noted.

What a program does with an object is noted with the number of the object, and so is its end.  Functions are
called with how many operations succeed before one raises, so that every way out of an expression is taken:
by temporaries of calls, displays, comprehensions, f-strings, `with`, `try`, generators and closures.
"""

from __future__ import annotations

import random
from collections.abc import Callable as Making

from .code import Function, Program, Statement

#: Python runs the objects' own code, so that it is the same for both routes.
HEAD = '''# cython: language_level=3
cimport cython

class Odd(Exception):
    pass

notes = []
cdef long left = 0, again = 0, made = 0

def begin(long fuel):
    """As many operations succeed; then one fails, and one more after a second while."""
    global left, again, made
    left, again, made = fuel % 32, fuel // 32, 0

def step(what):
    global left, again
    notes.append(what)
    left -= 1
    if left == 0:
        left, again = again, 0
        notes.append("raises")
        raise Odd(what)

def number():
    global made
    made += 1
    return made

text = """
class T:
    def __init__(self, *others, **named):
        self.__dict__['n'] = number()
    def __del__(self):
        notes.append(f'-{self.n}')
    def __repr__(self):
        return f'T{self.n}'
    def __bool__(self):
        step(f'bool {self.n}')
        return self.n % 3 != 0
    def __len__(self):
        step(f'len {self.n}')
        return 2
    def __hash__(self):
        step(f'hash {self.n}')
        return self.n % 4
    def __int__(self):
        step(f'int {self.n}')
        return self.n % 5
    __index__ = __int__
    def __float__(self):
        step(f'float {self.n}')
        return self.n / 4
    def __str__(self):
        step(f'str {self.n}')
        return f'<{self.n}>'
    def __format__(self, spec):
        step(f'format {self.n} {spec!r}')
        return f'{self.n}{spec}'
    def __contains__(self, other):
        step(f'contains {self.n} {other!r}')
        return self.n % 2 == 0
    def __exit__(self, kind, value, traceback):
        quiet = self.n % 2 == 0
        what = f'exit {self.n} {kind}'
        del self, kind, value, traceback
        step(what)
        return quiet
    def __iter__(self):
        step(f'iter {self.n}')
        return I()

class I:
    def __init__(self):
        self.n, self.turns = number(), 2
    def __del__(self):
        notes.append(f'-I{self.n}')
    def __iter__(self):
        return self
    def __next__(self):
        step(f'next {self.n}')
        self.turns -= 1
        if self.turns < 0:
            raise StopIteration
        return T()

def operation(name, gives=True):
    def operate(self, *others, **named):
        if name == 'getattr' and others[0].startswith('__'):
            raise AttributeError(others[0])
        what = f'{name} {self.n} {others} {named}'
        # A traceback's frames keep nothing alive.
        del self, others, named
        step(what)
        return T() if gives else None
    return operate

for name in ('add sub mul truediv floordiv mod matmul pow lshift rshift and or xor neg pos invert abs '
             'iadd isub imul lt le gt ge eq ne getitem call getattr enter await').split():
    setattr(T, f'__{name}__', operation(name))
for name in 'setitem delitem setattr delattr'.split():
    setattr(T, f'__{name}__', operation(name, False))
T.method = operation('method')
T.__await__ = T.__iter__
"""
space = {"notes": notes, "step": step, "number": number}
exec(text, space)
T = space["T"]

cdef class X:
    cdef public object one, two
    cdef long n
    def __cinit__(self, *others, **named):
        self.n = number()
    def __init__(self, one=None, two=None, **named):
        self.one, self.two = one, two
    def __dealloc__(self):
        notes.append(f'-X{self.n}')
    def __repr__(self):
        return f'X{self.n}'
    def __getitem__(self, index):
        step(f'X.getitem {self.n} {index!r}')
        return T()
    def __add__(self, other):
        step(f'X.add {self!r} {other!r}')
        return X()
    def __bool__(self):
        step(f'X.bool {self.n}')
        return self.n % 3 != 0
    def method(self, one=None, *others, **named):
        step(f'X.method {self.n} {one!r} {others} {named}')
        return T()
    cdef object quick(self, one, two):
        step(f'X.quick {self.n} {one!r} {two!r}')
        return T()
    cpdef X both(self, one):
        step(f'X.both {self.n} {one!r}')
        return X()

def called(one=None, two=None, *others, three=None, **named):
    step(f'called {one!r} {two!r} {others} {three!r} {named}')
    return T()

cdef object quick(one, two):
    step(f'quick {one!r} {two!r}')
    return T()

cdef X quick_x(X one, two):
    step(f'quick_x {one!r} {two!r}')
    return X()

cdef int quick_int(int one, object two) except? -1:
    step(f'quick_int {one!r} {two!r}')
    return one

def drive(coroutine):
    """Runs a coroutine to its end."""
    sent = None
    while True:
        try:
            sent = coroutine.send(sent)
        except StopIteration as stop:
            return stop.value

'''
BINARY = ("+", "-", "*", "/", "//", "%", "@", "**", "<<", ">>", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=")
IN_PLACE = ("+=", "-=", "*=", "/=", "|=")
#: How many operations succeed in the calls of a function: then one fails, and another some time after it.
FUEL = 14
#: After what an exception has let die.
HANDLES = Statement("notes.append('handles')", fixed=True)


class Deaths:
    """Makes expressions and statements from the local variables `v0`, `v1`, ..., which are objects."""

    def __init__(self, seed: random.Random, variables: list[str]) -> None:
        self.random = seed
        self.variables = variables
        self.typed: list[str] = []
        self.functions: list[str] = []
        self.names = 0
        self.loops = 0
        self.yields = False
        self.awaits = False
        self.closures = True
        #: Nothing is assigned in expressions of comprehensions and the like.
        self.assigns = True

    def pick(self, *values: str) -> str:
        return self.random.choice(values)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def name(self, start: str) -> str:
        self.names += 1
        return f"{start}{self.names}"

    # ------------------------------------------------------------------ expressions

    def one(self, depth: int) -> str:
        """An expression for an object that notes what is done with it."""
        if depth <= 0:
            return self.pick("T()", "T()", *self.variables)
        making: list[Making[[int], str]] = [
            self.operator, self.operator, self.subscript, self.attribute, self.called, self.called, self.called,
            self.choice, self.item, self.function, self.extension, self.extension, self.builtin]  # fmt: skip
        return self.random.choice(making)(depth - 1)

    def operator(self, depth: int) -> str:
        if self.chance(0.15):
            return f"({self.pick('-', '+', '~')}{self.one(depth)})"
        return f"({self.one(depth)} {self.pick(*BINARY)} {self.one(depth)})"

    def subscript(self, depth: int) -> str:
        of = self.one(depth)
        if self.chance(0.4):
            return f"{of}[{self.any(depth)}]"
        parts = [self.one(depth) if self.chance(0.6) else "" for _ in range(self.random.choice((2, 2, 3)))]
        return f"{of}[{':'.join(parts)}]" if self.chance(0.7) else f"{of}[{self.one(depth)}, {self.one(depth)}]"

    def attribute(self, depth: int) -> str:
        return f"{self.one(depth)}.{self.pick('a', 'b')}"

    def arguments(self, depth: int) -> str:
        given = [self.any(depth) for _ in range(self.random.randrange(4))]
        if self.chance(0.15):
            given.append(f"*{self.many(depth)}")
        if self.chance(0.25):
            given += [f"{name}={self.one(depth)}" for name in self.random.sample(("three", "four", "five"), 2)]
        if self.chance(0.12):
            given.append(f"**{{'six': {self.one(depth)}, {self.pick('str', '')}({self.one(depth)}): 1}}")
        return ", ".join(given)

    def called(self, depth: int) -> str:
        what = self.pick("called", "T", f"{self.one(depth)}.method", self.one(depth), "called", *self.functions)
        if what in self.functions:
            return f"{what}({self.one(depth)}, {self.one(depth)})"
        return f"{what}({self.arguments(depth)})"

    def choice(self, depth: int) -> str:
        if self.chance(0.4):
            return f"({self.one(depth)} if {self.condition(depth)} else {self.one(depth)})"
        if self.assigns and self.chance(0.2):
            return f"({self.random.choice(self.variables)} := {self.one(depth)})"
        return f"({self.one(depth)} {self.pick('and', 'or')} {self.one(depth)})"

    def item(self, depth: int) -> str:
        x, y = self.one(depth), self.one(depth)
        return self.pick(
            f"[{x}, {y}][0]", f"({x}, {y})[1]", f"{{'a': {x}, 'b': {y}}}['a']", f"[{x}, {y}].pop()",
            f"[*{self.many(depth)}, {x}][-1]", f"{{1: {x}}}.get(2, {y})")  # fmt: skip

    def function(self, depth: int) -> str:
        if not self.closures:
            return self.called(depth)
        x, y = self.one(depth), self.one(depth)
        assigns, self.assigns = self.assigns, False
        inner = self.one(depth)
        self.assigns = assigns
        return self.pick(f"(lambda q={x}: {inner})()", f"(lambda q, *r: q)({x}, {y})", f"(lambda: {inner})()")

    def extension(self, depth: int) -> str:
        x, y = self.one(depth), self.one(depth)
        own = self.pick(f"X({x})", f"X({x}, {y})", f"X(two={y})", *self.typed)
        return self.pick(
            own, f"{own}.one", f"{own}[{y}]", f"({own} + {y})", f"{own}.method({x}, {y})",
            f"{own}.quick({x}, {y})", f"{own}.both({y})", f"quick({x}, {y})", f"quick_x({own}, {y})",
            f"quick_x(<X?>{own}, {x})", f"{own}.both({x}).quick({y}, {own})")  # fmt: skip

    def builtin(self, depth: int) -> str:
        x, y = self.one(depth), self.one(depth)
        if self.yields and self.assigns and self.chance(0.5):
            return f"((yield {x}) or {y})"
        if self.awaits and self.assigns and self.chance(0.5):
            return f"((await {x}) or {y})"
        return self.pick(f"next(iter({x}))", f"getattr({x}, 'a', {y})", f"max({x}, {y})", f"min({x}, {y}, v0)",
                         f"list({x})[0]", f"next(iter({x}), {y})", f"abs({x})", f"pow({x}, {y})",
                         f"divmod({x}, {y})", f"sum([{x}, {y}], T())")  # fmt: skip

    def condition(self, depth: int) -> str:
        # No chained comparisons: where a later one raises, C releases what the first one gave twice.
        x, y, z = self.one(depth), self.one(depth), self.one(depth)
        return self.pick(
            x, f"not {x}", f"{x} in {y}", f"{x} is {y}", f"{x} < {y}", f"{y} <= {z}", f"{x} == 1",
            f"{x} not in [{y}, {z}]", f"{x} in ({y}, 1)", f"isinstance({x}, T)", f"({x} and not {y})",
            f"quick_int({x}, {y})", f"len({x})", f"<int>{x} + 1")  # fmt: skip

    def many(self, depth: int) -> str:
        """Something with items."""
        x, y = self.one(depth), self.one(depth)
        which = self.random.randrange(7)
        if which == 0:
            return f"[{x}, {y}, {self.any(depth)}]"
        if which == 1:
            return f"({x}, {self.any(depth)})"
        if which == 2:
            return f"{{{x}, {y}}}"
        if which == 3:
            return f"[{x}, *{y}]"
        if which == 4:
            return f"list({self.pick('', 'tuple', 'set')}({x}))"
        if which == 5:
            return self.comprehension(depth)
        return x

    def comprehension(self, depth: int) -> str:
        if not self.closures:
            return f"[{self.one(depth)}]"
        source = self.many(depth - 1)
        assigns, self.assigns = self.assigns, False
        name = self.name("c")
        self.variables.append(name)
        item, condition = self.one(depth), f" if {self.condition(depth - 1)}" if self.chance(0.4) else ""
        key = self.one(depth - 1)
        self.variables.remove(name)
        self.assigns = assigns
        loop = f"for {name} in {source}{condition}"
        return self.pick(
            f"[{item} {loop}]", f"{{{item} {loop}}}", f"{{{key}: {item} {loop}}}", f"list({item} {loop})",
            f"tuple([{item} {loop}])", f"sorted([{item} {loop}], key=id) and []")  # fmt: skip

    def any(self, depth: int) -> str:
        if depth <= 0 or self.chance(0.5):
            return self.one(depth)
        depth -= 1
        x, y = self.one(depth), self.one(depth)
        which = self.random.randrange(8)
        if which < 3:
            return self.many(depth)
        if which == 3:
            return f"({self.condition(depth)})"
        if which == 4:
            return self.pick(f"{{'a': {x}, {y}: {self.any(depth)}}}", f"{{'a': {x}, **{{'b': {y}}}}}")
        if which == 5:
            return f"f'{{{x}}}-{{{y}!r}}{{{self.one(0)}:>{{{self.one(0)}}}}}'"
        if which == 6:
            return self.pick(
                f"str({x})", f"repr({x})", f"('%s %r' % ({x}, {y}))", f"dict(a={x}, b={y})",
                f"list(zip({x}, {y}))", f"''.join([str({x}), str({y})])",
                f"(<double>{x} + <int>{y})")  # fmt: skip
        return f"slice({x}, {y})"

    # ------------------------------------------------------------------ statements

    def body(self, deep: int, most: int) -> list[Statement]:
        return [self.statement(deep) for _ in range(self.random.randint(1, most))]

    def statement(self, deep: int) -> Statement:
        if self.loops and self.chance(0.08):
            return Statement(f"if {self.condition(1)}: {self.pick('break', 'continue')}")
        if deep < 2 and self.chance(0.4):
            compound: list[Making[[int], Statement]] = [self.if_, self.try_, self.try_, self.with_, self.match_]
            if self.loops < 2:
                compound += [self.for_, self.while_]
            if self.closures:
                compound.append(self.inner)
            return self.random.choice(compound)(deep + 1)
        if self.chance(0.06):
            return Statement(self.pick(f"return {self.any(2)}" if not self.yields else "return",
                                       f"raise Odd({self.any(2)})", f"assert {self.one(1)}, {self.one(1)}",
                                       f"raise Odd from {self.one(1)}"))  # fmt: skip
        return Statement(self.simple())

    def target(self, depth: int) -> str:
        name = self.random.choice(self.variables)
        which = self.random.randrange(7)
        if which < 3:
            return name
        if which == 3:
            return f"{self.one(depth)}[{self.any(depth)}]"
        if which == 4:
            return f"{self.one(depth)}.{self.pick('a', 'b')}"
        if which == 5:
            return f"{self.one(depth)}[{self.one(depth)}:{self.one(depth)}]"
        return name

    def simple(self) -> str:
        which = self.random.randrange(14)
        if which < 3:
            return f"{self.target(1)} = {self.any(2)}"
        if which == 3 and self.typed:
            own = self.random.choice(self.typed)
            return self.pick(f"{own} = {self.pick('X', 'quick_x')}({own}, {self.one(2)})",
                             f"{own}.one = {self.any(2)}", f"{own} = {own} + {self.one(2)}")  # fmt: skip
        if which == 4:
            return f"{self.target(1)}, {self.target(1)} = {self.many(2)}"
        if which == 5:
            return f"{self.target(1)}, *{self.random.choice(self.variables)} = {self.many(2)}"
        if which < 8:
            target = self.target(1)
            return f"{target} {self.pick(*IN_PLACE)} {self.any(2)}"
        if which == 8:
            return f"{self.target(1)} = {self.target(1)} = {self.any(2)}"
        if which == 9:
            return f"del {self.pick(f'{self.one(2)}[{self.any(1)}]', f'{self.one(2)}.a')}"
        if which == 10 and self.yields:
            return f"{self.random.choice(self.variables)} = yield {self.any(2)}"
        if which == 11 and self.yields and not self.awaits:
            return f"yield from {self.many(2)}"
        return self.any(2)

    def if_(self, deep: int) -> Statement:
        made = Statement(f"if {self.condition(2)}:", self.body(deep, 2))
        if self.chance(0.3):
            made.then.append(Statement(f"elif {self.condition(1)}:", self.body(deep, 2)))
        if self.chance(0.5):
            made.then.append(Statement("else:", self.body(deep, 2)))
        return made

    def loop(self, line: str, deep: int) -> Statement:
        self.loops += 1
        made = Statement(line, self.body(deep, 2))
        self.loops -= 1
        if self.chance(0.2):
            made.then.append(Statement("else:", self.body(deep, 2)))
        return made

    def for_(self, deep: int) -> Statement:
        source = self.pick(self.many(2), self.one(2), f"enumerate({self.one(2)})", f"reversed([{self.one(2)}])",
                           f"zip({self.one(1)}, {self.many(2)})")  # fmt: skip
        target = self.target(1) if self.chance(0.6) else f"{self.target(1)}, {self.target(0)}"
        return self.loop(f"for {target} in {source}:", deep)

    def while_(self, deep: int) -> Statement:
        made = self.loop(f"for turn in range({self.random.randint(1, 3)}):", deep)
        assert made.body is not None
        made.body.insert(0, Statement(f"if {self.condition(2)}: break"))
        return made

    def try_(self, deep: int) -> Statement:
        made = Statement("try:", self.body(deep, 3))
        ending = self.random.randrange(4)
        if ending:
            caught = self.pick("Odd", "Exception", "(TypeError, Odd)", "Odd", f"({self.one(0)} and Odd)")
            name = self.name("e")
            body = [HANDLES, *self.body(deep, 2)]
            made.then.append(Statement(f"except {caught}{self.pick('', f' as {name}')}:", body))
            if self.chance(0.2):
                made.then.append(Statement("except:", [HANDLES, *self.body(deep, 1), Statement("raise")]))
            if self.chance(0.3):
                made.then.append(Statement("else:", self.body(deep, 2)))
        if ending < 2:
            loops, self.loops = self.loops, 0
            made.then.append(Statement("finally:", [HANDLES, *self.body(deep, 2)]))
            self.loops = loops
        return made

    def with_(self, deep: int) -> Statement:
        managers = [self.one(2) + (f" as {self.target(1)}" if self.chance(0.5) else "")
                    for _ in range(self.random.choice((1, 1, 2)))]  # fmt: skip
        return Statement(f"with {', '.join(managers)}:", self.body(deep, 3))

    def match_(self, deep: int) -> Statement:
        made = Statement(f"match {self.any(2)}:", [])
        assert made.body is not None
        name = self.name("m")
        patterns = (f"T(a={name})", f"[{name}, *_]", f"{{'a': {name}}}", f"str() as {name}", "1 | None",
                    f"[T(), {name}]", "T(a=1, b=2)")  # fmt: skip
        for pattern in self.random.sample(patterns, 2):
            guard = f" if {self.condition(1)}" if self.chance(0.4) else ""
            made.body.append(Statement(f"case {pattern}{guard}:", self.body(deep, 2)))
        made.body.append(Statement("case _:", self.body(deep, 2), fixed=True))
        return made

    def inner(self, deep: int) -> Statement:
        """A function inside, which is called at once."""
        name = self.name("inner")
        inside = Deaths(self.random, ["p", *self.variables])
        inside.names = 100 * self.names
        inside.assigns = False
        inside.typed = list(self.typed)
        body = [Statement(f"return {inside.any(2)}", fixed=True)]
        if self.chance(0.5):
            body.insert(0, Statement(inside.any(2)))
        definition = Statement(f"def {name}(p={self.one(2)}, *r, **k):", body, fixed=True)
        return Statement("if True:", [definition, Statement(f"{self.target(1)} = {name}({self.arguments(2)})")])


class DeathMaker:
    """Makes a program from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def program(self, functions: int = 4) -> Program:
        made: list[Function] = []
        for number in range(functions):
            self.random.choice((self.python_function, self.python_function, self.c_function, self.generator,
                                self.coroutine))(number, made)  # fmt: skip
        return Program(HEAD, made)

    def deaths(self, variables: list[str], made: list[Function]) -> Deaths:
        deaths = Deaths(self.random, variables)
        deaths.functions = [one.name for one in made if one.header.startswith("cdef")]
        return deaths

    def start(self, deaths: Deaths) -> list[Statement]:
        body = [Statement("begin(fuel)", fixed=True)]
        body += [Statement(f"{name} = T()", fixed=True) for name in deaths.variables]
        if deaths.chance(0.5):
            deaths.typed = ["x0"]
            body.insert(0, Statement("cdef X x0 = X()", fixed=True))
        return body

    def fuels(self) -> list[str]:
        """A failure after each of the first operations, and one, two or three operations after some."""
        later = [str(fuel + 32 * self.random.randint(1, 5)) for fuel in range(1, FUEL, 2)]
        return ["0", *(str(fuel) for fuel in range(1, FUEL)), *later]

    def python_function(self, number: int, made: list[Function]) -> None:
        deaths = self.deaths(["v0", "v1", "v2"], made)
        body = [*self.start(deaths), *deaths.body(0, 3)]
        body.append(Statement(f"return {deaths.any(2)}", fixed=True))
        made.append(Function(f"def f{number}(fuel):", body, self.fuels(), f"f{number}"))

    def c_function(self, number: int, made: list[Function]) -> None:
        deaths = self.deaths(["a", "b"], made)
        deaths.closures = False
        body = [*deaths.body(1, 3), Statement(f"return {deaths.any(2)}", fixed=True)]
        made.append(Function(f"cdef f{number}(a, b):", body, [], f"f{number}"))

    def generator(self, number: int, made: list[Function]) -> None:
        deaths = self.deaths(["v0", "v1"], made)
        deaths.yields = True
        body = [*self.start(deaths), *deaths.body(0, 4), Statement(f"yield {deaths.any(2)}", fixed=True)]
        made.append(Function(f"def f{number}(fuel):", body, self.fuels(), f"f{number}"))
        ending = deaths.pick("found.close()", "found.throw(Odd('thrown'))", "del found", "found.send(T())")
        body = [Statement(line, fixed=True) for line in (f"found = f{number}(fuel)", "next(found)", ending)]
        made.append(Function(f"def g{number}(fuel):", body, self.fuels()[::3], f"g{number}"))

    def coroutine(self, number: int, made: list[Function]) -> None:
        deaths = self.deaths(["v0", "v1"], made)
        deaths.awaits = True
        body = [*self.start(deaths), *deaths.body(0, 4)]
        body.append(Statement(f"return await {deaths.one(2)}", fixed=True))
        made.append(Function(f"async def g{number}(fuel):", body, [], f"g{number}"))
        drive = [Statement(f"return drive(g{number}(fuel))", fixed=True)]
        made.append(Function(f"def f{number}(fuel):", drive, self.fuels(), f"f{number}"))
