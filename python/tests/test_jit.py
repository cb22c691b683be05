"""`jit`: results are the Python function's, whatever types come."""

from __future__ import annotations

import copy
import importlib.util
import math
import pickle
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cython_llvm
from cython_llvm.jitted import jit

pytestmark = pytest.mark.usefixtures("cache_dir")

SOURCE = '''
import math
from math import exp as e_to
SCALE = 3
LIMIT = 1e3
def add(a, b): return a + b
def operations(a, b):
    return (a + b, a - b, a * b, a / b, a // b, a % b, -a, +b, abs(a), a < b, a == b, a >= b, not a,
            a and b, a or b, a if a > b else b, min(a, b), max(a, b), float(a), int(b), a ** 2, b ** 3)
def bits(a, b): return a & b, a | b, a ^ b, ~a, a >> 3, a << 2, a << 62, -(-a), a * a * a
def fibonacci(n):
    a, b = 0, 1
    for i in range(n):
        a, b = b, a + b
    return a
def collatz(n):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps
def mixed(n):
    s = 0
    for i in range(n):
        s += 0.5
    return s
def loop_variable(n):
    i = -5
    for i in range(n):
        if i == 7:
            break
    else:
        i = i * 10
    return i
def unbound(n):
    for i in range(n):
        x = i * 2.0
    return x
def down(n):
    t = 0
    for i in range(n - 1, -1, -2):
        t = t * 3 + i
    return t
def by_math(x): return math.sqrt(x), math.sin(x), e_to(x) / SCALE, math.log(x), math.fabs(x)
def constant(x): return x * SCALE + LIMIT
def powers(x): return x ** 2, x ** -1, x ** 0, x ** 7
def factorial(n): return 1 if n < 2 else n * factorial(n - 1)
def early(x, y):
    if x > 0:
        z = x * 2.0
    else:
        return y
    return z
def chained(a, b, c): return a < b < c, a == b == c, a != b, a <= b, b is c, a in (b, c)
def defaults(a, b=2, c=3.5): return a + b * c
def text(s, n): return s * n + "!"
def growing(items, x):
    items += [x]
    items.append(x)
    return len(items), items[-1], items[0:2]
def big(x): return x * 100000000000000000000
def kinds(x):
    y = x
    y = y / 2
    return y, x
class Holder:
    def method(self, x): return self.n + x
    def hidden(self, x): return self.__secret + x
    def __init__(self): self.n = 5; self.__secret = 7
'''

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("jit") / "jit_sources.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("jit_sources", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["jit_sources"] = module
    spec.loader.exec_module(module)
    return module


def outcome(function: Run, arguments: tuple[Any, ...]) -> Any:
    """What a call gives, told so that 1, 1.0 and True differ, or how it fails."""
    arguments = copy.deepcopy(arguments)
    try:
        return "gives", repr(function(*arguments)), repr(arguments)
    except Exception as error:
        return "raises", type(error).__name__, str(error)


SMALL = [0, 1, -1, 2, 3, 7, -8, 10, 1000, 2**31, -(2**31), 2**53, 2**53 + 1, 2**62, -(2**62), 2**63 - 1,
         -(2**63), 2**63, 2**64 + 3, -(2**70)]  # fmt: skip
FLOATS = [0.0, -0.0, 1.0, -1.5, 2.0, 1e300, -1e300, 1e-310, math.inf, -math.inf, math.nan, 3.7, 2.0**53]
OTHERS = [True, False, None, "ab", [1], (2,), 1j]


def check(function: Run, cases: list[tuple[Any, ...]]) -> Any:
    compiled = jit(function)
    for case in cases:
        assert outcome(compiled, case) == outcome(function, case), (case, compiled.signatures)
    return compiled


def test_numbers_have_pythons_results(plain: ModuleType) -> None:
    random.seed(1)
    everything = SMALL + FLOATS + OTHERS
    pairs = [(a, b) for a in SMALL for b in SMALL]
    pairs += [(a, b) for a in SMALL[:12] for b in FLOATS] + [(b, a) for a in SMALL[10:] for b in FLOATS]
    pairs += [(a, b) for a in FLOATS for b in FLOATS]
    pairs += [(random.choice(everything), random.choice(everything)) for _ in range(150)]
    assert {("int64", "int64"), ("float64", "int64")} <= set(check(plain.add, pairs).signatures)
    compiled = check(plain.operations, pairs)
    assert compiled.reason is None
    check(plain.bits, [pair for pair in pairs if all(type(one) is int for one in pair)])


def test_loops(plain: ModuleType) -> None:
    numbers: list[tuple[Any, ...]] = [(n,) for n in (0, 1, 2, 5, 8, 30, 95, 300)]
    for name in ("fibonacci", "mixed", "loop_variable", "unbound", "down"):
        check(getattr(plain, name), [*numbers, (2.5,), ("x",), (-3,)])
    check(plain.collatz, [(n,) for n in (1, 7, 27, 97, 2**62 - 1, 2**80 + 1)])
    check(plain.factorial, [(0,), (5,), (20,), (21,), (60,)])


def test_constants_as_conditions() -> None:
    """Cython takes a cast 0 for true where it tests one."""

    @jit
    def tested(a: float) -> Any:
        while 0:
            a = 1.0
        return not 0, not 0.0, not (0 or 0), 1 if 0 else 2, a // (not 0), 0 or a

    assert tested(2.5) == tested.py_func(2.5) == (True, True, True, 2, 2.0, 2.5)
    assert tested.reason is None


def test_functions_of_math(plain: ModuleType) -> None:
    values = [(x,) for x in (0.5, 2.0, 0.0, -1.0, 1e308, 710.0, math.inf, math.nan, 3, 0, -4, 2**70, "x", True)]
    check(plain.by_math, values)
    check(plain.powers, [(x,) for x in (*FLOATS, 0, 2, -3)])


def test_other_code(plain: ModuleType) -> None:
    check(plain.early, [(1.0, 2), (-1.0, "y"), (1, 1), (None, 2)])
    check(plain.chained, [(1, 2, 3), (1.0, 2.0, 3.0), (1, 2.5, 3), (1, 1, 1), (2**53, 2.0**53, 2**53 + 1)])
    check(plain.text, [("ab", 3), ([1], 2), (2, 3)])
    check(plain.growing, [([1], 2), ([], 2.5)])
    check(plain.big, [(1,), (2.5,), (2**40,)])
    check(plain.kinds, [(3,), (3.0,), ("x",)])


def test_globals_may_change(plain: ModuleType) -> None:
    compiled = jit(plain.constant)
    for value in (4, 5, 2.5, "x", 6, 7):
        plain.SCALE = value
        assert outcome(compiled, (2,)) == outcome(plain.constant, (2,))
    plain.SCALE = 3
    absolute = jit(plain.operations)
    assert absolute(-3, 2)[8] == 3
    plain.abs = lambda x: "mine"
    try:
        assert absolute(-3, 2)[8] == "mine"
    finally:
        del plain.abs
    assert absolute(-3, 2)[8] == 3


def test_arguments(plain: ModuleType) -> None:
    compiled = jit(plain.defaults)
    assert compiled(1) == plain.defaults(1) and compiled(1, c=2) == 5 and compiled(a=1, b=2) == 8.0
    for wrong in ((), (1, 2, 3, 4)):
        assert outcome(compiled, wrong) == outcome(plain.defaults, wrong)
    with pytest.raises(TypeError, match="unexpected keyword argument 'd'"):
        compiled(1, d=2)


def test_methods(plain: ModuleType) -> None:
    holder = plain.Holder()
    plain.Holder.fast = jit(plain.Holder.method)
    plain.Holder.fast_hidden = jit(plain.Holder.hidden)
    assert holder.fast(1) == 6 and plain.Holder.fast(holder, 1.5) == 6.5
    assert holder.fast_hidden(1) == 8


def test_what_is_left_to_python() -> None:
    @jit
    def names(n: int) -> Any:
        return sorted(locals())

    assert names(1) == ["n"]
    assert "locals" in names.reason
    assert names.signatures == []
    with pytest.raises(TypeError, match="Python functions"):
        jit(len)


def test_source_that_is_not_what_runs(tmp_path: Path) -> None:
    path = tmp_path / "edited.py"
    path.write_text("def f(x): return x + 1\n")
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    path.write_text("def f(x): return x + 2\n")
    compiled = jit(space["f"])
    assert compiled(1) == 2 and "source" in compiled.reason


ARRAYS = '''
def dot(a, b):
    s = 0.0
    for i in range(len(a)):
        s += a[i] * b[i]
    return s
def matmul(a, b, out):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            out[i, j] = s
def count(data, out):
    for i in range(len(data)):
        out[data[i] % len(out)] += 1
def total(a):
    t = 0
    for i in range(a.shape[0]):
        t += a[i]
    return t
def shifted(a, n):
    for i in range(1, len(a) - 1):
        a[i - 1] = a[i + n] * 2
    return a[-1]
def whole(a): return a.sum() + a[0]
def flat(a, w, i, j): return a[i * w + j]
def fill(a, value):
    for i in range(len(a)):
        a[i] = value
'''


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("jit") / "jit_arrays.py"
    path.write_text(ARRAYS)
    spec = importlib.util.spec_from_file_location("jit_arrays", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_arrays_become_memoryviews(arrays: ModuleType) -> None:
    numpy = pytest.importorskip("numpy")
    dot, matmul = jit(arrays.dot), jit(arrays.matmul)
    x = numpy.arange(6.0)
    assert dot(x, x) == 55.0 and type(dot(x, x)) is float
    assert dot(x[::2], x[::2]) == 20.0 and dot(x.astype("f4"), x) == 55.0
    x.flags.writeable = False
    assert dot(x, x) == 55.0
    assert dot([1.0, 2.0], x) == arrays.dot([1.0, 2.0], x)
    assert dot.signatures[:2] == [("float64[::1]",) * 2, ("float64[:]",) * 2]
    assert ("const float64[::1]",) * 2 in dot.signatures
    a, b, out = numpy.random.rand(3, 4), numpy.random.rand(4, 5), numpy.zeros((3, 5))
    for first in (a, numpy.asfortranarray(a), a[:, ::-1]):
        matmul(first, b, out)
        assert numpy.allclose(out, first @ b)
    assert ("float64[::1, :]", "float64[:, ::1]", "float64[:, ::1]") in matmul.signatures
    with pytest.raises(IndexError):
        matmul(a, b, out[:2])


def test_elements_are_pythons_numbers(arrays: ModuleType) -> None:
    """As `item()` gives them: integers of any size, and errors where a store does not fit."""
    numpy = pytest.importorskip("numpy")
    total, fill, count = jit(arrays.total), jit(arrays.fill), jit(arrays.count)
    large = numpy.array([2**63 - 1, 1, 5])
    assert total(large) == 2**63 + 5 and total(large[:1]) == 2**63 - 1
    assert total(numpy.array([200, 100], dtype="u1")) == 300
    out = numpy.zeros(4, dtype="i4")
    count(numpy.array([1, 2, 2, 7, -1]), out)
    assert out.tolist() == [0, 1, 2, 2]
    small = numpy.zeros(2, dtype="i1")
    fill(small, 127)
    assert small.tolist() == [127, 127]
    with pytest.raises(OverflowError):
        fill(small, 128)
    assert small.tolist() == [127, 127]
    floats = numpy.zeros(2)
    fill(floats, 3)
    assert floats.tolist() == [3.0, 3.0]
    objects = numpy.zeros(2, dtype=object)
    fill(objects, "x")
    assert objects.tolist() == ["x", "x"]


def test_arrays_used_as_arrays_stay_arrays(arrays: ModuleType) -> None:
    numpy = pytest.importorskip("numpy")
    whole = jit(arrays.whole)
    assert whole(numpy.arange(4)) == 6 and type(whole(numpy.arange(4))) is type(arrays.whole(numpy.arange(4)))
    shifted = jit(arrays.shifted)
    a, b = numpy.arange(8), numpy.arange(8)
    assert (shifted(a, 1), a.tolist()) == (arrays.shifted(b, 1), b.tolist())
    flat = jit(arrays.flat)
    assert flat(numpy.arange(12), 4, 1, 2) == 6
    with pytest.raises((IndexError, OverflowError)):
        flat(numpy.arange(12), 2**62, 4, 0)


def test_what_can_be_looked_at(plain: ModuleType) -> None:
    compiled = jit(plain.add)
    compiled(1, 2)
    compiled(1.5, 2)
    assert compiled.py_func is plain.add and compiled.__name__ == "add" and compiled.__wrapped__ is plain.add
    assert compiled.signatures == [("int64", "int64"), ("float64", "int64")]
    assert set(compiled.inspect_llvm()) == set(compiled.inspect_asm()) == set(compiled.signatures)
    assert "define" in compiled.inspect_llvm(("int64", "int64"))
    assert ".text" in compiled.inspect_asm(("float64", "int64"))
    assert "long long a" in compiled.inspect_source(("int64", "int64"))
    with pytest.raises(KeyError):
        compiled.inspect_llvm(("nope",))
    compiled.recompile()
    assert compiled.signatures == [] and compiled(1, 2) == 3
    assert repr(compiled).startswith("<jit function add at")
    with pytest.raises(AttributeError):
        _ = compiled.nothing


def test_pickled_by_name(plain: ModuleType) -> None:
    original = plain.add
    plain.add = jit(original)
    try:
        assert pickle.loads(pickle.dumps(plain.add)) is plain.add
        assert copy.deepcopy(plain.add) is plain.add
    finally:
        plain.add = original


def test_options_of_the_decorator(plain: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jit(directives={"binding": False}, opt_level=1)(plain.add)(1, 2) == 3
    monkeypatch.setenv("CYTHON_LLVM_DISABLE_JIT", "1")
    assert jit(plain.add) is plain.add


def test_references(plain: ModuleType) -> None:
    value = object()
    compiled = jit(plain.early)
    compiled(-1.0, value)
    before = sys.getrefcount(value)
    for _ in range(500):
        compiled(-1.0, value)
    assert abs(sys.getrefcount(value) - before) < 5


def test_the_public_name() -> None:
    assert callable(cython_llvm.jit)
