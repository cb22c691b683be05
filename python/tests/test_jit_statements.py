"""`jit`: statements and expressions of several parts; parameters of all kinds; closures."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cython_llvm.jitted import jit

pytestmark = pytest.mark.usefixtures("cache_dir")

SOURCE = '''
counter = 0
class Point:
    def __init__(self, x, y): self.x = x; self.y = y
    def norm(self): return self.x * self.x + self.y * self.y
def is_(a, b): return a is b, a is not None, b is None, a is a
def eq(a, b): return a == b, a != b, a == 0, b == 1.0, a == True
def fstr(a, b): return f"{a} and {b!r} {a:>8} {b:.3}" if isinstance(b, float) else f"{a}{b}"
def assert_(a, b):
    assert a != b, f"same {a}"
    return a - b
def raise_(a, b):
    if a > b: raise ValueError("too big", a)
    return b
def kwonly(a, b, *, k=3): return a + b * k
def varargs(a, b, *rest): return a, b, rest
def kwargs(a, b, **kw): return a, b, kw
def walrus(a, b):
    if (y := a + b) > 0: return y * 2
    return y
def multi(a, b):
    x = y = a + b
    x += 1
    return x, y
def del_(a, b):
    x = a
    del x
    return b
def unb(a, b):
    if a > b: z = 1
    return z
def unbf(a, b):
    if a > b: z = 1.0
    z += 1
    return z
def try_(a, b):
    try: return a // b
    except ZeroDivisionError: return "zero"
def try2(a, b):
    try:
        r = a / b
    except ZeroDivisionError as e:
        r = str(e)
    except TypeError:
        r = None
    else:
        r = r * 2
    finally:
        x = 1
    return r, x
def tryfin(a, b):
    out = []
    try:
        out.append(a / b)
    finally:
        out.append("done")
    return out
def listcomp(a, b): return [a * i + b for i in range(5)]
def listcompif(a, b): return [i for i in range(20) if i * a > b]
def dictcomp(a, b): return {i: a * i for i in range(3)}
def setcomp(a, b): return sorted({(a * i) % 5 for i in range(10)})
def genexp(a, b): return sum(a * i + b for i in range(10))
def anygen(a, b): return any(a > i for i in range(3)), all(b < i for i in range(3))
def star(a, b):
    first, *rest = (a, b, a + b)
    return first, rest
def starcall(a, b):
    args = (a, b)
    return max(*args), [*args, 1], {**{"x": a}}
def with_(a, b):
    import io
    with io.StringIO() as f:
        f.write(str(a)); f.write(str(b))
        return f.getvalue()
def global_(a, b):
    global counter
    counter = counter + 1
    return a + b
def import_(a, b):
    import math as m
    return m.floor(a + b)
def rangebig(a, b):
    t = 0
    for i in range(a, a + 5): t += i
    return t
def zip(a, b):
    r = []
    for x, y in zip([a, b], [1, 2]): r.append(x * y)
    return r
def enum(a, b):
    r = 0
    for i, v in enumerate([a, b, a]): r += i * v
    return r
def items(a, b):
    d = {"x": a, "y": b}
    r = 0
    for k, v in d.items(): r += v
    return r, sorted(d), list(d.values())
def nestunpack(a, b):
    (x, y), z = (a, b), a
    for (p, q), r in [((1, 2), 3)]: z = p + q + r
    return x, y, z
def unperr(a, b):
    x, y, z = (a, b)
    return x
def printf(a, b): return "%d %5.2f" % (a, b)
def sort(a, b): return sorted([b, a, 0]), sorted([a, b], reverse=True), sorted([a, b], key=lambda v: -v)
def compscope(a, b):
    i = 99
    l = [i for i in range(3)]
    return i, l
def nestcomp(a, b): return [[a * i + j for j in range(2)] for i in range(2)]
def prodcomp(a, b): return [(i, j) for i in range(3) for j in range(i) if i != j]
def raise_from(a, b):
    try:
        return a / 0
    except ZeroDivisionError as e:
        raise ValueError("bad") from e
def reraise(a, b):
    try:
        return a // b
    except Exception:
        raise
def trynest(a, b):
    for i in range(3):
        try:
            if i == 1: continue
            a / (i - 2)
        except ZeroDivisionError:
            break
        finally:
            b += 1
    return i, b
def retfin(a, b):
    try: return a
    finally: b + 1
def looptry(a, b):
    t = 0
    for v in (a, b, "x", None):
        try: t += v
        except TypeError: t += 1
    return t
def tryindex(a, b):
    l = [1, 2, 3]
    try: return l[a]
    except (IndexError, TypeError) as e: return type(e).__name__, str(e)
def keyerr(a, b):
    d = {1: 2}
    try: return d[a]
    except KeyError as e: return "missing", e.args
def dictlit(a, b):
    d = {"a": a, "b": b}
    d["c"] = a
    d["a"] += 1
    return d
def setlit(a, b): return len({a, b, a})
def pointset(a, b):
    p = Point(a, b)
    p.x += 5
    p.y *= 2
    return p.x, p.y, p.norm()
def negzero(a, b): return a * -0.0, 0.0 * b, -(a * 0), 0 - b, a * 0.0
def range3(a, b):
    t = []
    for i in range(0, a, b):
        t.append(i)
        if len(t) > 10: break
    return t
def cdef(cdef, include):
    new = cdef + include
    long = new * 2
    return long
def names(object, int):
    str = object; type = int
    return str, type
def default_mut(a, b, acc=None):
    if acc is None: acc = []
    acc.append(a)
    return acc
def orret(a, b): return a or b, a and b, a or 5, b and 2.5, (a > b) or b
def boolint(a, b):
    x = a > b
    return x + 1, x * 2.5, x, -x, x & True, x == 1, ~x
def joined(a, b): return ",".join([str(a), str(b)])
def take_apart(a, b):
    x, (y, *z) = a, b
    return x, y, z
def over_items(a, b):
    found = []
    for (i, x), y in zip(enumerate([a, b]), [b, a]):
        found.append((i, x, y))
    return found
def kept(a, b):
    d = {"n": a}
    d["n"] += b
    d["m"] = d["n"] = d["n"] * 2
    del d["m"]
    return d
def counted(a, b):
    global counter
    counter = 0
    counter += a
    return counter, counter + b
def handled(a, b):
    try:
        return 9223372036854775807 + a * 1000000000000
    except OverflowError:
        return "overflow"
    except (TypeError, ValueError) as error:
        return str(error)
def chosen(a, b):
    if a == 0:
        raise ValueError(f"{b!r:>8}|{b}") from None
    return (a * 4000000000000000000 + 1) // a
def cleaned(a, b):
    try:
        return a * 5000000000000000000 // b
    finally:
        a = 0
def swallowed(a, b):
    for i in range(2):
        try:
            a * 5000000000000000000 + 1 // b
        finally:
            break
    return i
def sorted_by(a, b): return sorted([b, a, 3], key=lambda one: -one * a), max(i * a for i in range(3))
def keywords(a, b, /, c=3, *rest, d, e=5, **named): return a, b, c, rest, d, e, sorted(named.items())
'''

VALUES = [3, 2.5, 0, -7, 2**62, -(2**63), 2**70, 0.0, -0.0, float("inf"), True, None, "ab"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("jit") / "jit_statements.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("jit_statements", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["jit_statements"] = module
    spec.loader.exec_module(module)
    return module


NAMES = [line[4 : line.index("(")] for line in SOURCE.splitlines() if line.startswith("def ")]
PAIRS = [*itertools.product(VALUES[:5], VALUES[:5]), *zip(VALUES, VALUES[5:], strict=False), (VALUES[-1], 2)]


def told(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """As `outcome`, with the words for unbound variables, too."""
    try:
        return "gives", repr(function(*arguments))
    except Exception as error:
        return type(error).__name__, str(error), type(error.__cause__), type(error.__context__)


@pytest.mark.parametrize("name", NAMES)
def test_results_are_pythons(plain: ModuleType, name: str) -> None:
    function = getattr(plain, name)
    compiled = jit(function)
    for pair in PAIRS:
        assert told(compiled, pair) == told(function, pair), (pair, compiled.signatures)
    assert compiled.reason is None


def test_parameters_of_all_kinds(plain: ModuleType) -> None:
    function = plain.keywords
    compiled = jit(function)
    assert inspect.signature(compiled) == inspect.signature(function)
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((1, 2), {"d": 4}), ((1, 2, 9), {"d": 4.5}), ((1, 2, 3, 4, 5), {"d": 4, "e": None}),
        ((1, 2), {"c": 7, "d": 4, "x": 1, "a": 2}), ((1, 2), {"d": 4, "rest": 5, "named": 6}),
        ((), {}), ((1,), {"d": 1}), ((1, 2), {}), ((1, 2, 3), {"c": 4, "d": 5}), ((1,), {"b": 2, "d": 3}),
    ]  # fmt: skip
    for args, named in calls * 2:
        ours = told(lambda *a: compiled(*a[0], **a[1]), (args, named))
        assert ours == told(lambda *a: function(*a[0], **a[1]), (args, named))
    assert compiled.reason is None
    function.__kwdefaults__["e"] = 50
    function.__defaults__ = (30,)
    assert compiled(1, 2, d=4) == (1, 2, 30, (), 4, 50, [])


def test_variables_of_an_enclosing_function() -> None:
    compilations = []

    def make(scale: Any, shift: Any) -> Any:
        @jit
        def scaled(x: Any) -> Any:
            return x * scale + shift[0] + sum(one * scale for one in (1, 2))

        def change(value: Any) -> None:
            nonlocal scale
            scale = value
            compilations.append(value)

        return scaled, change

    scaled, change = make(3, [10])
    other, _ = make(2.5, [1])
    assert scaled(2) == 25 and other(2) == 13.5 and scaled.reason is None
    for value in (4, 2**70, 0.5, 6):
        change(value)
        assert scaled(2) == 2 * value + 10 + 3 * value and other(2) == 13.5

    def later() -> Any:
        @jit
        def f(x: int) -> Any:
            return x + unbound

        with pytest.raises(NameError, match="free variable 'unbound'"):
            f(1)
        unbound = 5
        return f(1)

    assert later() == 6


def test_arrays_are_gone_through(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")

    @jit
    def squares(a: Any) -> Any:
        total = 0.0
        for x in a:
            total += x * x
        return total

    @jit
    def weighted(a: Any, b: Any) -> Any:
        total = 0.0
        for i, x in enumerate(a):
            total += i * x
        for x, y in zip(a, b):  # noqa: B905
            total += x * y
        return total, [x + y for x in a for y in b if y > 2], [a[i] for i in range(2)]

    @jit
    def exchange(a: Any, i: int, j: int) -> None:
        a[i], a[j] = a[j], a[i]
        a[abs(i)] += 1
        a[0] = a[1] = a[1] * 2

    a, b = numpy.arange(5.0), numpy.array([1, 2, 3], "i4")
    assert squares(a) == 30.0 and squares(b) == 14.0 and squares([1, 2.5]) == 7.25
    assert ("float64[::1]",) in squares.signatures and ("int32[::1]",) in squares.signatures
    wanted = (38.0, [x + 3 for x in a.tolist()], [0.0, 1.0])
    assert weighted(a, b) == wanted and ("float64[::1]", "int32[::1]") in weighted.signatures
    exchange(a, 1, -1)
    assert a.tolist() == [10.0, 10.0, 2.0, 3.0, 1.0]
    assert exchange.signatures == [("float64[::1]", "int64", "int64")]
    with pytest.raises(IndexError):
        exchange(a, 1, 99)


def test_pure_functions_stay_in_c() -> None:
    """Raising, trying and f-strings in a function that only computes leave its integers C's."""

    @jit
    def root(n: int) -> Any:
        if n < 0:
            raise ValueError(f"negative: {n}")
        low = n
        try:
            high = 100 // low
        except ZeroDivisionError:
            high = 0
        return low * low + high

    assert root(4) == 41 and root(0) == 0 and root(2**40) == 2**80
    with pytest.raises(ValueError, match="negative: -5"):
        root(-5)
    assert "cdef long long low" in root.inspect_source(("int64",))
