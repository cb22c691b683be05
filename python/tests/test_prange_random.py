"""Random loops of ``prange`` through both routes: the same results, arrays and exceptions."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import cython_llvm

np = pytest.importorskip("numpy")

FUNCTIONS = 12
HEAD = """# cython: language_level=3
from cython.parallel import prange, parallel, threadid
cdef long helper(long a, long b) noexcept nogil:
    cdef long k, s = 0
    for k in prange(b & 7):
        s += a ^ k
    return s
"""


class Maker:
    """Makes functions whose result does not depend on the order of iterations."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.alone = self.cdef = False

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def value(self) -> str:
        """An integer that depends on the iteration."""
        return self.pick("a[i]", "i", "a[i] * 3 - i", "helper(a[i], i)", "(a[i] & 15) - 7", "a[i] % (i + 1)",
                         "(t + i if i & 1 else a[i])")  # fmt: skip

    def options(self, *, threads: bool) -> str:
        found = []
        schedule = self.pick("", "static", "dynamic", "guided", "runtime")
        if schedule:
            found.append(f"schedule='{schedule}'")
        if schedule not in ("", "runtime") and self.pick(0, 1):
            found.append(f"chunksize={self.pick(1, 2, 7, 'width')}")
        if threads:
            if self.alone:
                found.append("num_threads=1")
            elif self.pick(0, 1):
                found.append(f"num_threads={self.pick(1, 2, 3, 'width + 1')}")
            if self.pick(0, 0, 0, 1):
                found.append("use_threads_if=n > 20")
        return "".join(", " + one for one in found)

    def bounds(self) -> str:
        return self.pick("n", "2, n", "n - 1, -1, -1", "0, n, 3", "n - 1, 0, -2", "n, 0")

    def body(self, depth: int, *, leave: bool) -> None:
        self.put(depth, f"t = {self.pick('a[i] + 1', 'i * 2', 'a[i] ^ i')}")
        for _ in range(self.random.randrange(1, 5)):
            getattr(self, self.pick("reduce", "store", "private", "skip", "inner", "branch"))(depth)
        if leave:
            # A function with the GIL cannot return from a loop without.
            getattr(self, self.pick("stop", "fail", "give" if self.cdef else "fail"))(depth)

    def reduce(self, depth: int) -> None:
        name, operator = self.pick(("s", "+="), ("d", "-="), ("x", "^="), ("o", "|="), ("e", "&="), ("p", "*="),
                                   ("f", "+="), ("g", "-="))  # fmt: skip
        text = self.value()
        if name in "fg":
            # Quarters of small numbers: their sums are exact.
            text = f"0.25 * (({text}) & 255)"
        elif name == "p":
            text = f"(({text}) | 1)"
        self.put(depth, f"{name} {operator} {text}")

    def store(self, depth: int) -> None:
        self.put(depth, f"out[i] = {self.value()}")

    def private(self, depth: int) -> None:
        self.put(depth, f"last = {self.value()}")
        self.put(depth, "out[i] += last")

    def skip(self, depth: int) -> None:
        self.put(depth, f"if a[i] % {self.pick(2, 3, 5)} == 0:")
        self.put(depth + 1, "continue")

    def branch(self, depth: int) -> None:
        self.put(depth, f"if {self.pick('i & 1', 'a[i] > 10', 't > n')}:")
        self.reduce(depth + 1)
        self.put(depth, "else:")
        self.store(depth + 1)

    def inner(self, depth: int) -> None:
        self.put(depth, f"for j in {self.pick('prange', 'range')}({self.pick('3', 'i & 3', 'width')}):")
        if self.pick(0, 1):
            self.put(depth + 1, f"if j == {self.pick(1, 2)}: {self.pick('break', 'continue')}")
        self.put(depth + 1, "s += j * t")

    def stop(self, depth: int) -> None:
        self.put(depth, f"if i == {self.random.randrange(40)}: break")

    def give(self, depth: int) -> None:
        self.put(depth, f"if i == {self.random.randrange(40)}: return -i")

    def fail(self, depth: int) -> None:
        self.put(depth, f"if i == {self.random.randrange(40)}:")
        self.put(depth + 1, "with gil: raise ValueError(f'at {i}')")

    def function(self, name: str) -> str:
        self.lines = []
        leave = self.pick(0, 0, 1)
        # Of loops that are left early, the rest depends on the other threads.
        self.alone = bool(leave)
        cdef = self.cdef = bool(self.pick(0, 1))
        if cdef:
            self.put(0, f"cdef long c_{name}(long n, long width, long[::1] a, long[::1] out, long[::1] seen)"
                        " except? -1 nogil:")  # fmt: skip
        else:
            self.put(0, f"def {name}(long n, long width, long[::1] a, long[::1] out, long[::1] seen):")
        self.put(1, "cdef long i = -5, j = -6, t = -7, last = -8")
        self.put(1, "cdef long s = 1, d = 2, x = 3, o = 4, e = -1, p = 3")
        self.put(1, "cdef double f = 0.5, g = -0.25")
        within = self.pick(0, 0, 1) and not leave
        depth = 1
        if within:
            self.put(1, "with " + ("" if cdef else "nogil, ") + f"parallel(num_threads={self.pick(1, 2, 3)}):")
            depth = 2
        nogil = "" if cdef or within else ", nogil=True"
        self.put(depth, f"for i in prange({self.bounds()}{nogil}{self.options(threads=not within)}):")
        self.body(depth + 1, leave=bool(leave))
        if self.pick(0, 1) and not within:
            self.put(1, "else:")
            self.put(2, "s += 1000")
        for at, what in enumerate(("s", "d", "x", "o", "e", "p", "<long>(4 * f)", "<long>(4 * g)")):
            self.put(1, f"seen[{at}] = {what}")
        if not within:
            for at, what in enumerate(("i", "last", "t")):
                self.put(1, f"seen[{8 + at}] = {what}")
        self.put(1, "return s")
        if cdef:
            self.put(0, f"def {name}(*args):")
            self.put(1, f"return c_{name}(args[0], args[1], args[2], args[3], args[4])")
        return "\n".join(self.lines) + "\n"


def outcome(function: Any, count: int, width: int) -> tuple[Any, ...]:
    a = np.arange(max(count, 1)) * 37 % 101 - 20
    out, seen = np.zeros(len(a), int), np.zeros(11, int)
    try:
        result = function(count, width, a.astype(int), out, seen)
    except (ValueError, ZeroDivisionError) as error:
        result = repr(error)
    return result, list(out), list(seen)


@pytest.mark.parametrize("seed", range(3))
def test_both_routes_agree(tmp_path: Path, cache_dir: Path, seed: int) -> None:
    maker = Maker(seed)
    text = HEAD + "".join(maker.function(f"f{n}") for n in range(FUNCTIONS))
    modules = []
    for route in ("tree", "c"):
        path = tmp_path / f"loops_{seed}_{route}.pyx"
        path.write_text(text)
        modules.append(cython_llvm.import_file(path, path.stem, route=route))
    for n in range(FUNCTIONS):
        for count in (0, 1, 2, 40, 41):
            for width in (1, 3):
                mine, stock = (outcome(getattr(module, f"f{n}"), count, width) for module in modules)
                assert mine == stock, (f"f{n}", count, width, text)
