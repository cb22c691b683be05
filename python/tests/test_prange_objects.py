"""``prange`` and ``parallel`` with the GIL, with variables of closures, and with objects and structs that
threads return: the same by both routes."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

import cython_llvm

np = pytest.importorskip("numpy")

SOURCE = """# cython: language_level=3, freethreading_compatible=True
from cython.parallel import prange, parallel, threadid
cimport openmp

cdef struct Pair:
    int left
    double right

cdef Pair first_pair(long[::1] a, long wanted) noexcept nogil:
    cdef long i
    cdef Pair made
    for i in prange(a.shape[0], num_threads=3):
        if a[i] == wanted:
            made.left = i
            made.right = 0.5 * a[i]
            return made
    made.left = -1
    made.right = 0
    return made

def pair(long[::1] a, long wanted):
    cdef Pair found = first_pair(a, wanted)
    return found.left, found.right

cdef double complex first_complex(long[::1] a, long wanted) noexcept nogil:
    cdef long i
    for i in prange(a.shape[0], num_threads=2):
        if a[i] == wanted:
            return i + 2j
    return -1

def complex_number(long[::1] a, long wanted):
    return first_complex(a, wanted)

cdef long[:] first_view(long[:, :] a, long wanted):
    cdef long i
    for i in prange(a.shape[0], nogil=True, num_threads=2):
        if a[i, 0] == wanted:
            return a[i, :]
    raise LookupError(wanted)

def view(long[:, :] a, long wanted):
    return list(first_view(a, wanted))

def returned_object(long[::1] a, long wanted):
    cdef long i
    for i in prange(a.shape[0], nogil=True, num_threads=3):
        if a[i] == wanted:
            with gil:
                return [i, "found"]
    return None

def all_return(long count):
    cdef long i
    for i in prange(count, nogil=True, num_threads=4):
        with gil:
            return ["one of them"]

def all_return_and_one_raises(long count):
    cdef long i
    for i in prange(count, nogil=True, num_threads=1, schedule="static"):
        with gil:
            if i == 0:
                raise KeyError(i)
            return [i]

def holding(list items, int threads):
    cdef long i
    made = [None] * len(items)
    for i in prange(len(items), num_threads=threads, schedule="dynamic"):
        made[i] = str(items[i]) + "!"
    return made, i

def holding_block(int threads):
    seen = []
    cdef long i, s = 0
    with parallel(num_threads=threads):
        seen.append(threadid())
        for i in prange(20):
            seen.append(i)
    return sorted(seen)[-20:], len(seen) - 20 <= threads

def holding_and_failing(list items):
    cdef long i
    try:
        for i in prange(len(items), num_threads=2):
            if items[i] is None:
                raise ValueError("none")
    except ValueError as error:
        return str(error)
    return "all there"

def holding_and_leaving(list items, wanted):
    cdef long i
    for i in prange(len(items), num_threads=1):
        if items[i] == wanted:
            break
    else:
        return "no"
    return items[i]

def nested_without(list items):
    cdef long i, j, s = 0
    for i in prange(len(items), num_threads=2):
        items[i] = i
        with nogil:
            for j in prange(10):
                s += j
    return items, s

def closures(long count):
    cdef long total = 0, last = -1, i
    cdef double weight = 0.5, sums = 0
    words = ["a", "b"]
    def inside():
        nonlocal total, last, sums
        cdef long k = -1
        for k in prange(count, nogil=True):
            total += k
            sums += k * weight
            last = k
            if k == 3:
                with gil:
                    words.append(str(k))
        return k
    reached = inside()
    for i in prange(count, nogil=True, num_threads=2):
        total -= 1
    return reached, total, last, sums, words

def generator(long count):
    cdef long x = 1, i
    yield x
    for i in prange(count, nogil=True):
        x += i
    yield x
    words = []
    for i in prange(count):
        words.append(i)
    yield sorted(words), i
"""


COMPLEX = """# cython: language_level=3
from cython.parallel import prange

def complex_sums(double[::1] a):
    cdef long i
    cdef double complex s = 1j, p = 1
    cdef float complex f = 0
    for i in prange(a.shape[0], nogil=True, num_threads=3):
        s += a[i] * (1 + 2j)
        f -= 1j
        if i < 3:
            p *= 1j
    return s, f, p
"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("objects")
    modules = []
    for route in ("tree", "c"):
        path = folder / f"objects_{route}.pyx"
        path.write_text(SOURCE)
        modules.append(cython_llvm.import_file(path, path.stem, route=route))
    return modules


NUMBERS = np.arange(100) * 3
PLANE = np.arange(40).reshape(20, 2)

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    *(("pair", (NUMBERS, wanted)) for wanted in (0, 150, 297, 1)),
    *(("complex_number", (NUMBERS, wanted)) for wanted in (0, 150, 1)),
    *(("view", (PLANE, wanted)) for wanted in (0, 20, 38)),
    *(("returned_object", (NUMBERS, wanted)) for wanted in (0, 150, 1)),
    ("all_return", (0,)), ("all_return", (100,)),
    ("all_return_and_one_raises", (3,)),
    *(("holding", (list("abcdefg"), threads)) for threads in (1, 2, 5)),
    *(("holding_block", (threads,)) for threads in (1, 2, 4)),
    ("holding_and_failing", ([1, 2],)), ("holding_and_failing", ([1, None, 3, 4, 5],)),
    ("nested_without", ([None] * 7,)),
    *(("closures", (count,)) for count in (0, 1, 10)),
]  # fmt: skip


def outcome(function: Any, args: tuple[Any, ...]) -> Any:
    try:
        return function(*args)
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize(("name", "args"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_routes_agree(routes: list[Any], name: str, args: tuple[Any, ...]) -> None:
    copies = [tuple(list(arg) if isinstance(arg, list) else arg for arg in args) for _ in routes]
    mine, stock = (outcome(getattr(module, name), own) for module, own in zip(routes, copies, strict=True))
    assert mine == stock


def test_generators(routes: list[Any]) -> None:
    for count in (1, 10):
        mine, stock = (list(module.generator(count)) for module in routes)
        assert mine == stock


@pytest.mark.parametrize(
    ("route", "directive"), [("tree", ""), ("tree", "# cython: prange_reproducible=False\n"), ("c", "")]
)
def test_sums_and_products_of_complex_numbers(
    tmp_path: Path, cache_dir: Path, route: Any, directive: str
) -> None:
    path = tmp_path / f"complex_{route}_{len(directive)}.pyx"
    path.write_text(directive + COMPLEX)
    module = cython_llvm.import_file(path, path.stem, route=route)
    for _ in range(20):
        assert module.complex_sums(np.arange(10.0)) == (45 + 91j, -10j, -1j)
        assert module.complex_sums(np.empty(0)) == (1j, 0, 1)


def test_else_holds_the_gil_too(routes: list[Any]) -> None:
    # Stock Cython runs it without.
    assert [routes[0].holding_and_leaving(list("abc"), word) for word in "bx"] == ["b", "no"]


def test_nothing_is_left_behind(routes: list[Any]) -> None:
    tree = routes[0]
    wanted = "a word that nobody else has"
    items = [wanted] * 3
    before = sys.getrefcount(wanted)
    for _ in range(20):
        tree.holding(items, 3)
        tree.holding_and_leaving(items, "x")
        tree.all_return(50)
        outcome(tree.all_return_and_one_raises, (3,))
    assert sys.getrefcount(wanted) == before


HEAD = """# cython: language_level=3, freethreading_compatible=True
from cython.parallel import prange, parallel
"""


class Maker:
    """Functions with objects in their loops, whose results do not depend on the order of iterations."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def statement(self, depth: int, holds: bool) -> None:
        kind = self.pick("sum", "own", "object", "object", "branch", "inner", "catch")
        if kind == "sum":
            self.put(depth, self.pick("s += i", "w += 0.5 * i", "x ^= i * 7", "s -= i % 3"))
        elif kind == "own":
            self.put(depth, f"t = {self.pick('i * 3', 'i - t', 'i % 5')} if i else 0")
            self.put(depth, "s += t")
        elif kind == "branch":
            self.put(depth, f"if i % {self.pick(2, 3)} == 0:")
            self.statement(depth + 1, holds)
        elif kind == "inner":
            # Stock C with the GIL has a barrier in the inner loop, which compilers refuse.
            loop = "range" if holds else self.pick("range", "prange")
            self.put(depth, f"for j in {loop}({self.pick('3', 'i % 4')}):")
            self.put(depth + 1, self.pick("s += j", "if j == 1: continue", "if j == 2: break"))
        else:
            if not holds:
                self.put(depth, "with gil:")
                depth += 1
            if kind == "catch":
                self.put(depth, "try:")
                self.put(depth + 1, f"made[i] = [i, 10 // (i % {self.pick(2, 3, 4)})]")
                self.put(depth, "except ZeroDivisionError as error:")
                self.put(depth + 1, "made[i] = str(error)")
            else:
                self.put(depth, self.pick("made[i] = str(i)", "made[i] = items[i]", "found.add(i)",
                                          "u = (i, items[i]); made[i] = u", "shared[0] += 1"))  # fmt: skip

    def function(self, name: str) -> str:
        self.lines = []
        holds, inner = self.pick(False, True), self.pick(False, True)
        self.put(0, f"def {name}(list items, long n, width):")
        self.put(1, "cdef long s = 1, t = 2, x = 3, i = -1, j = -1")
        self.put(1, "cdef double w = 0.5")
        self.put(1, "made, found, shared = [None] * n, set(), [0]")
        depth = 1
        if inner:
            self.put(1, "def inside():")
            self.put(2, "nonlocal s, t, x, w, i, j")
            depth = 2
        alone = self.pick(False, False, True)
        # Stock C has variables of closures as private ones of the block and reductions at once.
        block = self.pick(False, False, True) and not alone and not inner
        threads = "num_threads=1" if alone else f"num_threads={self.pick(2, 3)}"
        nogil = "" if holds or block else ", nogil=True"
        if block:
            self.put(depth, f"with {'' if holds else 'nogil, '}parallel({threads}):")
            depth += 1
            threads = ""
        schedule = self.pick("", ", schedule='dynamic'", ", schedule='static', chunksize=2")
        threads = f", {threads}" if threads else ""
        self.put(depth, f"for i in prange({self.pick('n', 'n - 1, -1, -1')}{nogil}{schedule}{threads}):")
        for _ in range(self.random.randrange(1, 5)):
            self.statement(depth + 1, holds)
        if alone:
            self.put(depth + 1, f"if i == {self.random.randrange(12)}:")
            if not holds:
                self.put(depth + 2, "with gil:")
            self.put(depth + 3, self.pick("return [i, items[i]]", "raise LookupError(items[i])"))
        if inner:
            self.put(1, "early = inside()")
            self.put(1, "if early is not None: return early")
        seen = "s, x, w, made, sorted(found), shared" + ("" if block else ", i")
        self.put(1, f"return {seen}")
        return "\n".join(self.lines) + "\n"


@pytest.mark.parametrize("seed", range(3))
def test_random_loops(tmp_path: Path, cache_dir: Path, seed: int) -> None:
    maker = Maker(seed)
    text = HEAD + "".join(maker.function(f"f{n}") for n in range(12))
    modules = []
    for route in ("tree", "c"):
        path = tmp_path / f"with_objects_{seed}_{route}.pyx"
        path.write_text(text)
        modules.append(cython_llvm.import_file(path, path.stem, route=route))
    for n in range(12):
        for count in (0, 1, 9, 20):
            args = ([f"item {k}" for k in range(count)], count, 3)
            mine, stock = (outcome(getattr(module, f"f{n}"), args) for module in modules)
            assert mine == stock, (f"f{n}", count, text)
