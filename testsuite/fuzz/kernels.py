"""Random `prange` loops for a GPU, whose results do not depend on the order of iterations.

Private variables are assigned before they are read, reductions are exact (whole numbers, and quarters of
small ones), each iteration writes to its own items.  What may differ in the last digit (libm's functions)
goes into `approximate` and nowhere else.
"""

from __future__ import annotations

import random

from .code import Function, Program, Statement
from .expressions import FLOATS, INTEGERS, Callable, Expressions

HEAD = """# cython: language_level=3{directives}
from cython.parallel import prange
from libc.math cimport (
    acos, asin, atan, atan2, cbrt, ceil, copysign, cos, cosh, erf, exp, expm1, fabs, floor, fmax, fmin, fmod,
    hypot, log1p, sin, sinh, sqrt, tan, tanh, trunc,
)

cdef struct point:
    double x
    float y
    int tag
    unsigned char small

cdef double factor = 2.5
cdef int offset = 7

"""
#: The parameters of every loop's function, after `n`: `kernel_child` makes them.
PARAMETERS = (
    "Py_ssize_t n", "double[::1] d", "float[:] f", "int[:] k", "const long long[::1] l", "unsigned char[:] u",
    "point[:] p", "double complex[:] z", "double[:, :] w", "short[:, :, ::1] v",
    "point[:] marks", "double[::1] out", "long[:] whole", "float[:] single", "double complex[:] turned",
    "double[:, :] plane", "int[:, :, :] cube", "double[::1] approximate",
)  # fmt: skip
#: What iterations read, by the type of its items: `@` is an index that is in range.
ITEMS = {
    "double": ("d[@]", "w[@, 1]", "w[i, @ & 3]", "p[@].x", "factor", "d[i]"),
    "float": ("f[@]", "p[@].y", "f[i]"),
    "int": ("k[@]", "p[@].tag", "weights[@ & 3]", "offset", "k[i]"),
    "long long": ("l[@]", "l[i]"),
    "unsigned char": ("u[@]", "p[@].small"),
    "short": ("v[i, @ & 1, @ & 3]",),
}
EXACT = ("fabs({})", "floor({})", "ceil({})", "trunc({})", "sqrt(fabs({}))", "fmin({}, {})", "fmax({}, {})",
         "copysign({}, {})")  # fmt: skip
ABOUT = ("sin({})", "cos({})", "tan({})", "atan({})", "tanh({})", "erf({})", "atan2({}, {})", "hypot({}, {})",
         "log1p(fabs({}))", "exp(fmod({}, 30))", "asin(fmod({}, 1))", "acos(fmod({}, 1))", "cbrt({})",
         "sinh(fmod({}, 9))", "cosh(fmod({}, 9))", "expm1(fmod({}, 9))")  # fmt: skip
#: Integers that numbers are cut off to, and what makes these large, infinite, or no numbers.
WHOLE = tuple(name for name in INTEGERS if name != "bint")
FACTORS = ("1.0", "100", "3e8", "5e9", "1e18", "2.5e18", "1e19", "1e300 * 1e10", "1e300 * 1e10 * 0", "1e-3")
REDUCTIONS = (("s", "+="), ("m", "-="), ("b", "|="), ("e", "^="), ("a", "&="), ("q", "+="), ("r", "*="))
ERRORS = ("ValueError", "OverflowError", "IndexError", "RuntimeError")
CALLS = tuple(f"{n}, {layout}" for n, layout in ((0, 0), (1, 1), (33, 0), (70, 1), (300, 2)))


class Kernels(Expressions):
    """Expressions and statements of C's types alone."""

    inner = 0
    items = True
    #: Truth is wanted as a C integer: `min` and `max` would make objects of it.
    as_number = False

    def index(self, depth: int) -> str:
        """Something in range of every array, which is not empty in the loop."""
        return self.pick("i", "(n - 1 - i)", "0", f"(<Py_ssize_t> (({self.integer(depth)}) & 0xffff) % n)")

    def item(self, types: tuple[str, ...], depth: int) -> str | None:
        if not self.items or depth <= 0 or not self.chance(0.35):
            return None
        text = self.pick(*(one for ty in types for one in ITEMS.get(ty, ())))
        while "@" in text:
            text = text.replace("@", self.index(0 if depth < 2 else 1), 1)
        return text

    def integer(self, depth: int, bits: int = 64) -> str:
        found = self.item(tuple(INTEGERS), depth)
        if found:
            return found
        if self.items and depth > 0 and self.chance(0.08):
            return self.cut_off()
        outer, self.as_number = self.as_number, True
        made = super().integer(depth, bits)
        self.as_number = outer
        return made

    def cut_off(self) -> str:
        """A floating-point number that need not fit: GPUs are to make of it what x86 does.

        It is known at run time only: what compilers compute of others is theirs to choose.
        """
        number, factor = self.pick("d[i]", "f[i]", "w[i, 1]", "p[i].x"), self.pick(*FACTORS)
        return f"<{self.pick(*WHOLE)}>({number} * {factor})"

    def floating(self, depth: int) -> str:
        found = self.item(FLOATS, depth)
        if found is None and depth > 0 and self.chance(0.12):
            found = self.pick(*EXACT)
            while "{}" in found:
                found = found.replace("{}", self.floating(depth - 1), 1)
        return found or super().floating(depth)

    def truth(self, depth: int) -> str:
        outer, self.as_number = self.as_number, False
        made = self.condition(depth)
        self.as_number = outer
        return f"(<int> {made})" if outer else made

    def condition(self, depth: int) -> str:
        if depth <= 0:
            return self.pick("True", "False", "(i & 1 == 0)" if self.items else "True")
        operator = self.pick("<", "<=", ">", ">=", "==", "!=")
        which = self.random.randrange(8)
        if which < 3:
            return f"({self.integer(depth - 1)} {operator} {self.integer(depth - 1)})"
        if which == 3:
            return f"({self.floating(depth - 1)} {operator} {self.floating(depth - 1)})"
        if which == 4:
            return f"(not {self.truth(depth - 1)})"
        if which == 5:
            return f"({self.integer(depth - 1)} <= {self.integer(depth - 1)} < {self.integer(depth - 1)})"
        return f"({self.truth(depth - 1)} {self.pick('and', 'or')} {self.truth(depth - 1)})"

    # ------------------------------------------------------------------ statements

    def privates(self) -> list[Statement]:
        """Every private variable gets a value."""
        made = []
        own = {name: ty for name, ty in self.variables.items() if name.startswith("t")}
        for name in own:
            del self.variables[name]
        for name, ty in own.items():
            made.append(Statement(f"{name} = {self.value(ty, 2)}", fixed=True))
            self.variables[name] = ty
        return made

    def body(self, deep: int, most: int) -> list[Statement]:
        return [one for _ in range(self.random.randint(1, most)) for one in self.statement(deep)]

    def statement(self, deep: int) -> list[Statement]:
        simple = [self.assign, self.store, self.store, self.reduce, self.about, self.store_field, self.turn]
        if self.inner and self.chance(0.15):
            return [Statement(f"if {self.truth(1)}:", [Statement(self.pick("break", "continue"))])]
        if not self.inner and self.chance(0.06):
            return [Statement(f"if {self.truth(2)}:", [Statement("continue")])]
        if self.chance(0.04):
            return self.raise_()
        if deep >= 3 or self.chance(0.6):
            return self.random.choice(simple)()
        return self.random.choice((self.if_, self.if_, self.for_, self.while_))(deep + 1)

    def assign(self) -> list[Statement]:
        names = [name for name in self.variables if name.startswith("t")]
        if not names:
            return self.store()
        name = self.random.choice(names)
        return [Statement(f"{name} = {self.value(self.variables[name], 3)}")]

    def store(self) -> list[Statement]:
        target, ty = self.random.choice((
            ("out[i]", "double"), ("whole[i]", "long"), ("single[i]", "float"), ("plane[i, 2]", "double"),
            ("cube[i, 1, 0]", "int")))  # fmt: skip
        if ty == "int":
            return [Statement(f"{target} = <int> ({self.integer(3)})")]
        operator = self.pick("=", "=", "+=", "-=", "*=")
        return [Statement(f"{target} {operator} {self.value(ty, 3)}")]

    def store_field(self) -> list[Statement]:
        field, ty = self.random.choice((("x", "double"), ("y", "float"), ("tag", "int")))
        value = f"<int> ({self.integer(2)})" if ty == "int" else self.floating(2)
        return [Statement(f"marks[i].{field} {self.pick('=', '+=')} {value}")]

    def turn(self) -> list[Statement]:
        value = self.pick("z[i] * {}", "z[i] + {} * 2j", "({} + z[i]) * z[i]", "z[i].real - {} * z[i]")
        return [Statement(f"turned[i] = {value.replace('{}', self.floating(2))}")]

    def about(self) -> list[Statement]:
        text = self.pick(*ABOUT)
        while "{}" in text:
            text = text.replace("{}", self.pick("d[i]", "(d[i] - f[i])", "f[i]", "(k[i] * 0.25)"), 1)
        return [Statement(f"approximate[i] = {text}")]

    def reduce(self) -> list[Statement]:
        if self.chance(0.3):
            name = self.pick("low", "high")
            return [Statement(f"{name} = {'min' if name == 'low' else 'max'}({name}, {self.integer(2)})")]
        name, operator = self.random.choice(REDUCTIONS)
        value = self.integer(2)
        if name == "q":
            value = f"0.25 * (({value}) & 255)"
        elif name == "r":
            value = f"(({value}) | 1)"
        return [Statement(f"{name} {operator} {value}")]

    def raise_(self) -> list[Statement]:
        """Of one kind in a loop: which iteration is the first to raise is open."""
        if self.chance(0.5):
            return [Statement(f"if {self.truth(2)}:", [Statement("out[i] = d[n + 5]")])]
        raising = [Statement(f"raise {self.pick(*ERRORS)}('constant')")]
        return [Statement(f"if {self.truth(2)}:", [Statement("with gil:", raising)])]

    def if_(self, deep: int) -> list[Statement]:
        made = Statement(f"if {self.truth(3)}:", self.body(deep, 3))
        if self.chance(0.4):
            made.then.append(Statement("else:", self.body(deep, 3)))
        return [made]

    def loop(self, line: str, deep: int) -> Statement:
        self.inner += 1
        made = Statement(line, self.body(deep, 3))
        self.inner -= 1
        if self.chance(0.2):
            made.then.append(Statement("else:", self.body(deep, 1)))
        return made

    def for_(self, deep: int) -> list[Statement]:
        name = f"j{deep}"
        bounds = self.pick(f"{self.integer(1)} & 3", f"1, ({self.integer(1)} & 7), 2", "3, -1, -1", "i & 3")
        how = self.pick("range", "range", "prange")
        self.variables[name] = "int"
        made = self.loop(f"for {name} in {how}({bounds}):", deep)
        del self.variables[name]
        return [made]

    def while_(self, deep: int) -> list[Statement]:
        name = f"turns{deep}"
        made = self.loop(f"while {name} < {self.random.randint(1, 4)} and {self.truth(2)}:", deep)
        assert made.body is not None
        made.body.insert(0, Statement(f"{name} = {name} + 1", fixed=True))
        return [Statement(f"{name} = 0", fixed=True), made]


class KernelMaker:
    """Makes a module of loops from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"kernels {seed}")
        self.known: list[Callable] = []
        self.functions: list[Function] = []

    def program(self, functions: int = 6) -> Program:
        options = ("wraparound=False", "infer_types=True", "cpow=True")
        chosen = [one for one in options if self.random.random() < 0.3]
        for number in range(2):
            self.helper(number)
        for number in range(functions):
            self.random.choice((self.line, self.line, self.line, self.grid))(number)
        return Program(HEAD.replace("{directives}", "".join(f", {one}" for one in chosen)), self.functions)

    def helper(self, number: int) -> None:
        """A C function that loops call."""
        make = Kernels(self.random)
        make.items = False
        types = [self.random.choice(("int", "double", "long", "unsigned int", "float")) for _ in range(2)]
        make.variables = {f"a{index}": ty for index, ty in enumerate(types)}
        result = self.random.choice(("int", "double", "long"))
        how = self.random.choice(("noexcept", "except? -7", "except *"))
        body = [Statement(f"if {make.truth(2)}:", [Statement(f"return {make.value(result, 2)}")])]
        if how != "noexcept" and make.chance(0.3):
            body.append(Statement(f"if {make.truth(2)}:", [Statement("with gil:", [
                Statement("raise ValueError('of a function')")])]))  # fmt: skip
        body.append(Statement(f"return {make.value(result, 3)}", fixed=True))
        parameters = ", ".join(f"{ty} {name}" for name, ty in make.variables.items())
        if how == "noexcept":
            # Nothing in such a function may raise.
            body = [Statement(f"return <{result}> (a0 * 3 - a1)", fixed=True)]
        name = f"helper{number}"
        self.functions.append(Function(f"cdef {result} {name}({parameters}) {how} nogil:", body, name=name))
        self.known.append(Callable(name, types, result, loops=3))

    def start(self) -> tuple[Kernels, list[Statement]]:
        make = Kernels(self.random)
        make.functions = self.known
        types = self.random.sample(("int", "long", "double", "float", "unsigned int", "short"), 3)
        make.variables = {"i": "Py_ssize_t", "n": "Py_ssize_t", **{f"t{at}": ty for at, ty in enumerate(types)}}
        lines = [f"cdef {ty} t{at} = 0" for at, ty in enumerate(types)]
        lines += ["cdef Py_ssize_t i = -5, ii = -6, jj = -7",
                  "cdef int j1 = 0, j2 = 0, j3 = 0, turns1 = 0, turns2 = 0, turns3 = 0",
                  "cdef long long s = 1, m = 2, b = 4, e = 8, a = -1, r = 3, low = 1000, high = -1000",
                  "cdef double q = 0.5", "cdef int[4] weights"]  # fmt: skip
        lines += [f"weights[{at}] = {self.random.randint(-99, 99)}" for at in range(4)]
        return make, [Statement(line, fixed=True) for line in lines]

    def finish(self, number: int, body: list[Statement], last: list[str]) -> None:
        names = ", ".join(("s", "m", "b", "e", "a", "r", "low", "high", "q", *last))
        body.append(Statement(f"return ({names})", fixed=True))
        name = f"f{number}"
        self.functions.append(Function(f"def {name}({', '.join(PARAMETERS)}):", body, list(CALLS), name))

    def line(self, number: int) -> None:
        make, body = self.start()
        bounds = make.pick("n", "n", "1, n", "n - 1, -1, -1", "0, n, 2", "n - 1, 0, -3")
        schedule = make.pick("", "", ", schedule='dynamic'", ", schedule='static', chunksize=3")
        inside = [*make.privates(), *make.body(1, 7)]
        body.append(Statement(f"for i in prange({bounds}, nogil=True{schedule}):", inside, fixed=True))
        if make.chance(0.2):
            body[-1].then.append(Statement("else:", [Statement("high = high + 1")]))
        self.finish(number, body, ["i", "t0", "t1", "t2"])

    def grid(self, number: int) -> None:
        """A loop in a loop, and perhaps a third: a grid."""
        make, body = self.start()
        make.inner = 1  # no `continue` of the loop over i
        make.variables |= {"ii": "Py_ssize_t"}
        deep = make.chance(0.4)
        if deep:
            target = "cube[i, ii, jj]"
            make.variables["jj"] = "Py_ssize_t"
        else:
            target = "plane[i, ii]"
        value = f"<int> ({make.integer(3)})" if deep else make.floating(3)
        inside = [*make.privates(), Statement(f"{target} = {value}"), *make.reduce(), *make.reduce()]
        if make.chance(0.3):
            inside.insert(-1, Statement(f"if {make.truth(2)}:", [Statement("continue")]))
        if deep:
            inside = [Statement("for jj in prange(cube.shape[2]):", inside, fixed=True)]
        bounds = make.pick("4", "1, 4", "3, -1, -1", "0, 4, 2") if not deep else make.pick("2", "1, -1, -1")
        inside = [Statement(f"for ii in prange({bounds}):", inside, fixed=True)]
        body.append(Statement("for i in prange(n, nogil=True):", inside, fixed=True))
        self.finish(number, body, ["i", "ii"])
