"""A random module: classes, C functions, Python functions, generators, closures."""

from __future__ import annotations

import random

from .code import Function, Program, Statement
from .expressions import FLOATS, INTEGERS, OBJECTS, Callable
from .statements import Statements

HEAD = """# cython: language_level=3{directives}
import re
cimport cython

big = 10**20

class Odd(Exception):
    pass

notes = []

def note(what):
    # Without addresses.
    notes.append(re.sub(" at 0x[0-9a-f]+", "", repr(what))[:200])

class Manager:
    def __init__(self, name, quiet):
        self.name, self.quiet = name, quiet
    def __enter__(self):
        note(("enter", self.name))
        return self.name
    def __exit__(self, kind, value, traceback):
        note(("exit", kind))
        return self.quiet

"""
DIRECTIVES = ("boundscheck=False", "wraparound=False", "cdivision=True", "nonecheck=True", "overflowcheck=True",
              "binding=False", "infer_types=True", "infer_types=False", "auto_pickle=False",
              "always_allow_keywords=False", "optimize.use_switch=False", "cpow=True")  # fmt: skip
#: Directives under which what a program does may be undefined: they are given to none.
UNSAFE = ("boundscheck=False", "wraparound=False", "cdivision=True")

ARGUMENTS = {
    "int": ("3", "-7", "2**31 - 1", "0"), "long": ("5", "-2**63", "0"), "double": ("0.5", "-0.0", "1e300"),
    "short": ("1", "-30000"), "unsigned int": ("7", "2**32 - 1"), "object": ("None", "3", "'ab'", "[1, 2]"),
    "list": ("[]", "[1, 'b', None]", "[3, 1]"), "str": ("''", "'hello'"),
    "dict": ("{}", "{'a': 1, 2: 'b'}"),
    "bint": ("True", "False"), "float": ("0.25", "3.0"), "bytes": ("b''", "b'abc'"),
    "tuple": ("()", "(1, 'x', 2)"),
}  # fmt: skip


class Maker:
    """Makes a program from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.known: list[Callable] = []
        self.functions: list[Function] = []

    def program(self, functions: int = 8) -> Program:
        safe = [one for one in DIRECTIVES if one not in UNSAFE]
        chosen = self.random.sample(safe, self.random.randint(0, 2))
        if {"infer_types=True", "infer_types=False"} <= set(chosen):
            chosen = chosen[:1]
        head = HEAD.replace("{directives}", "".join(f", {one}" for one in chosen))
        for number in range(functions):
            self.random.choice((self.c_function, self.c_function, self.python_function, self.python_function,
                                self.generator, self.closure, self.extension_type))(number)  # fmt: skip
        return Program(head, self.functions)

    def parameters(self, most: int = 3) -> list[tuple[str, str]]:
        return [(self.random.choice(list(ARGUMENTS)), f"a{index}")
                for index in range(self.random.randint(0, most))]  # fmt: skip

    def statements(self, parameters: list[tuple[str, str]], result: str = "object") -> Statements:
        made = Statements(self.random)
        made.functions = self.known
        made.result = result
        made.variables = {name: ty for ty, name in parameters}
        made.assignable = list(made.variables)
        return made

    def arguments(self, parameters: list[tuple[str, str]]) -> list[str]:
        return [", ".join(self.random.choice(ARGUMENTS[ty]) for ty, _ in parameters) for _ in range(3)]

    def c_function(self, number: int) -> None:
        parameters = self.parameters()
        result = self.random.choice((*INTEGERS, *FLOATS, *OBJECTS, "void"))
        make = self.statements(parameters, result)
        make.closures = False
        body = make.declare(self.random.randint(2, 5)) + make.body(0, 6)
        if result != "void":
            body.append(Statement(f"return {make.value(result, 2)}", fixed=True))
        kind = self.random.choice(("cdef", "cpdef"))
        how = "" if result in OBJECTS else self.random.choice(("", " except *", " except? 7", " noexcept"))
        if result == "void" and "?" in how or result == "bint" and "7" in how:
            how = ""
        inline = "inline " if kind == "cdef" and make.chance(0.2) else ""
        text = ", ".join(f"{ty} {name}" for ty, name in parameters)
        name = f"f{number}"
        function = Function(f"{kind} {inline}{result} {name}({text}){how}:", body, name=name)
        if kind == "cpdef":
            function.calls = self.arguments(parameters)
        self.functions.append(function)
        self.known.append(Callable(name, [ty for ty, _ in parameters], result))

    def signature(self, make: Statements, parameters: list[tuple[str, str]]) -> str:
        """Parameters, typed or not, with defaults from some place on."""
        given, default = [], False
        for ty, name in parameters:
            default = default or make.chance(0.25)
            value = f"={self.random.choice(ARGUMENTS[ty])}" if default else ""
            given.append(f"{ty + ' ' if ty != 'object' else ''}{name}{value}")
        return ", ".join(given)

    def state(self, make: Statements) -> str:
        names = ", ".join(make.variables)
        return f"return ({names},)" if names else "return ()"

    def python_function(self, number: int) -> None:
        parameters = self.parameters()
        make = self.statements(parameters)
        text = self.signature(make, parameters)
        body = make.declare(self.random.randint(2, 6)) + make.body(0, 7)
        body.append(Statement(self.state(make), fixed=True))
        name = f"f{number}"
        self.functions.append(Function(f"def {name}({text}):", body, self.arguments(parameters), name))
        self.known.append(Callable(name, [ty for ty, _ in parameters], "object", [n for _, n in parameters]))

    def generator(self, number: int) -> None:
        parameters = self.parameters(2)
        make = self.statements(parameters)
        make.yields = True
        text = self.signature(make, parameters)
        body = make.declare(self.random.randint(2, 4)) + make.body(0, 6)
        body.append(Statement("yield 'last'", fixed=True))
        name = f"f{number}"
        self.functions.append(Function(f"def {name}({text}):", body, self.arguments(parameters), name))

    def closure(self, number: int) -> None:
        parameters = self.parameters(2)
        make = self.statements(parameters)
        text = self.signature(make, parameters)
        body = make.declare(self.random.randint(2, 4))
        inner_name = f"inner{number}"
        inner = self.statements([])
        inner.names = 100
        inner.variables = dict(make.variables)
        shared = [name for name in make.variables if make.chance(0.5)]
        inner.assignable = shared
        inside = [Statement(f"nonlocal {', '.join(shared)}", fixed=True)] if shared else []
        own = inner.name("o")
        inside.append(Statement(f"{own} = {inner.a_object(2)}", fixed=True))
        inner.variables[own] = "object"
        inner.assignable = [*shared, own]
        if make.chance(0.3):
            inner.yields = True
        inside += inner.body(1, 4)
        inside.append(Statement(f"{'yield' if inner.yields else 'return'} {inner.a_object(2)}", fixed=True))
        body.append(Statement(f"def {inner_name}(p=1, *r, **k):", inside, fixed=True))
        body += make.body(0, 3)
        called = f"{inner_name}()"
        body.append(Statement(f"note({f'list({called})' if inner.yields else called})"))
        body += make.body(0, 3)
        body.append(Statement(self.state(make), fixed=True))
        name = f"f{number}"
        self.functions.append(Function(f"def {name}({text}):", body, self.arguments(parameters), name))

    def extension_type(self, number: int) -> None:
        """A cdef class with fields, whose method is called through a function."""
        types = ["int", "double", "object", "list", "str", "unsigned int", "short"]
        fields = [(ty, f"w{index}") for index, ty in enumerate(self.random.sample(types, 3))]
        parameters = self.parameters(2)
        make = self.statements(parameters)
        kind = self.random.choice(("def", "cpdef", "cdef"))
        make.closures = kind == "def"
        body = make.declare(self.random.randint(1, 3))
        make.variables.update({f"self.{name}": ty for ty, name in fields})
        make.assignable = list(make.variables)
        body += make.body(0, 6)
        body.append(Statement(self.state(make), fixed=True))
        text = "".join(f", {ty + ' ' if ty != 'object' else ''}{name}" for ty, name in parameters)
        lines = [f"cdef {self.random.choice(('', 'public ', 'readonly '))}{ty} {name}" for ty, name in fields]
        init = [f"self.{name} = {self.random.choice(ARGUMENTS[ty])}" for ty, name in fields]
        method = Statement(f"{kind} run(self{text}):", body, fixed=True)
        start = Statement("def __init__(self):", [Statement(line, fixed=True) for line in init], fixed=True)
        fixed = [Statement(line, fixed=True) for line in lines]
        made = Function(f"cdef class C{number}:", [*fixed, start, method])
        self.functions.append(made)
        names = ", ".join(name for _, name in parameters)
        name = f"f{number}"
        self.functions.append(Function(
            f"def {name}({names}):",
            [Statement(f"cdef C{number} own = C{number}()", fixed=True),
             Statement(f"note(own.run({names}))"), Statement(f"return own.run({names})", fixed=True)],
            self.arguments(parameters), name))  # fmt: skip
