"""``route="tree"``: modules from the analysed tree, without C; beside the C route's answers."""

from __future__ import annotations

import importlib
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import cython_llvm
from conftest import Both, outcome, write


def test_arithmetic_of_c_integers_is_the_same(both: Both) -> None:
    text = ""
    for kind in ("signed char", "int", "unsigned int", "long", "unsigned long long"):
        name = kind.replace(" ", "_")
        for op, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "//"), ("mod", "%")):
            text += f"def {name}_{op}({kind} a, {kind} b): return a {sign} b\n"
    tree, c = both(text)
    numbers = (0, 1, 2, 7, 100, 127, 2**31 - 1, 2**32 - 1, 2**63 - 1, -1, -7, -128, -(2**31), -(2**63))
    compared = 0
    for name in [n for n in vars(c) if n.endswith(("_add", "_sub", "_mul", "_div", "_mod"))]:
        for a in numbers:
            for b in numbers:
                if name in ("int_div", "int_mod", "long_mod", "signed_char_div") and b == -1:
                    continue  # stock divides the least int by -1 and is killed; below
                compared += 1
                assert outcome(getattr(tree, name), a, b) == outcome(getattr(c, name), a, b), (name, a, b)
    assert compared > 3000


def test_the_least_integer_by_minus_one_has_an_answer(both: Both) -> None:
    tree, _ = both("def div(int a, int b): return a // b\ndef mod(int a, int b): return a % b\n")
    with pytest.raises(OverflowError, match="value too large to perform division"):
        tree.div(-(2**31), -1)
    assert tree.mod(-(2**31), -1) == 0


def test_floats_and_comparisons_are_the_same(both: Both) -> None:
    tree, c = both(
        """
        def div(double a, double b): return a / b
        def floor(double a, double b): return a // b
        def mod(double a, double b): return a % b
        def narrow(double a): return <int>a
        def less(double a, int b): return a < b
        def unsigned_less(unsigned int a, int b): return a < b
        def chain(int a, double b, long d): return a < b <= d != a
        def truth(double a, int b): return (a and b, a or b, not a, 1 if b else 2)
        """.replace("\n        ", "\n")
    )
    values = (0.0, -0.0, 1.0, -1.5, 7.5, 1e300, float("inf"), float("-inf"), float("nan"))
    for a in values:
        for b in values:
            for name in ("div", "floor", "mod"):
                here, there = outcome(getattr(tree, name), a, b), outcome(getattr(c, name), a, b)
                assert repr(here) == repr(there), (name, a, b)
        for n in (-1, 0, 3):
            assert outcome(tree.less, a, n) == outcome(c.less, a, n)
            assert repr(tree.truth(a, n)) == repr(c.truth(a, n))
            assert outcome(tree.chain, n, a, 3) == outcome(c.chain, n, a, 3)
            assert outcome(tree.unsigned_less, 5, n) == outcome(c.unsigned_less, 5, n)


def test_arguments_give_the_same_messages(both: Both) -> None:
    tree, c = both(
        """
        def none(): return 0
        def one(a): return a
        def typed(int a, double b=2.5, list c=None): return a, b, c
        def many(a, /, b, c=3, *args, d, e=5, **kw): return a, b, c, args, d, e, kw
        def only(*, a, b=1): return a, b
        """.replace("\n        ", "\n")
    )
    calls: list[tuple[tuple, dict]] = [
        ((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3, 4), {"d": 1}), ((1,), {"a": 2}), ((), {"a": 1}),
        (("x",), {}), ((1, "x"), {}), ((1, 2, "x"), {}), ((1, 2, [3]), {}), ((2**40,), {}),
        ((1,), {"b": 1, "d": 2, "z": 3}), ((1, 2), {"d": 4, "e": 6}), ((1, 2), {"b": 4, "d": 1}),
        ((), {"b": 1}), ((1,), {"zz": 1}), ((1, 2), {"d": 1, "a": 7}), ((1, 2, 3), {"e": 1}),
    ]  # fmt: skip
    for name in ("none", "one", "typed", "many", "only"):
        for args, kwargs in calls:
            here = outcome(getattr(tree, name), *args, **kwargs)
            there = outcome(getattr(c, name), *args, **kwargs)
            assert here == there, (name, args, kwargs)


def test_exceptions_and_tracebacks_are_the_same(both: Both) -> None:
    tree, c = both(
        """
        cdef int inner(int a) except -1:
            if a > 2:
                raise ValueError(a)
            return a
        def outer(a):
            log = []
            try:
                try:
                    log.append(inner(a))
                except KeyError:
                    log.append("key")
                finally:
                    log.append("finally")
            except ValueError as e:
                log.append(str(e))
                if a > 5:
                    raise TypeError("again") from e
            else:
                log.append("else")
            return log
        def find(items):
            for item in items:
                try:
                    if item:
                        return item
                finally:
                    items[0] = "seen"
        """.replace("\n        ", "\n")
    )
    for value in (1, 3, 9, "x"):
        assert outcome(tree.outer, value) == outcome(c.outer, value)
    for items in ([0, 5], [0, 0], [3]):
        assert tree.find(list(items)) == c.find(list(items))
    frames = []
    for module in (tree, c):
        try:
            module.outer(9)
        except TypeError as error:
            cause = error.__cause__
            lines = [(f.lineno, f.name.rpartition(".")[2]) for f in traceback.extract_tb(error.__traceback__)]
            inner = [(f.lineno, f.name.rpartition(".")[2]) for f in traceback.extract_tb(cause.__traceback__)]
            frames.append((lines, inner))
    assert frames[0] == frames[1]


def test_references_are_counted(both: Both) -> None:
    tree, _ = both(
        """
        def work(a, b):
            c = [a, b, (a, b)]
            d = {a: c, "k": b}
            try:
                d[b].missing
            except Exception as e:
                d["e"] = e
            for x in c:
                if x is b:
                    break
            return d[a] is c
        """.replace("\n        ", "\n")
    )
    a, b = object(), object()
    before = sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(None)
    for _ in range(1000):
        assert tree.work(a, b)
    after = sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(None)
    assert [y - x for x, y in zip(before, after, strict=True)][:2] == [0, 0]
    assert abs(after[2] - before[2]) < 50


def test_what_is_not_supported_is_named_with_its_line(tmp_path: Path) -> None:
    text = "# cython: old_style_globals=True\nx = 1\n\n\n\n\ndef f(): return x\n"
    path = write(tmp_path / "needs_c.pyx", text)
    with pytest.raises(cython_llvm.ModuleBuildError, match=r"needs_c\.pyx:1: .*old_style") as caught:
        cython_llvm.import_file(path, "needs_c", route="tree")
    assert caught.value.code == "CYL1301"
    told = cython_llvm.explain(path)
    assert told.route == "c" and any("needs_c.pyx:1" in reason for reason in told.reasons)


def test_a_tree_module_is_cached_reloads_and_needs_no_compiler(tmp_path: Path) -> None:
    write(tmp_path / "again.pyx", "def f(): return 1\n")
    code = """
import sys, importlib
sys.path.insert(0, ".")
import cython_llvm
cython_llvm.install(route="tree")
import again
print(again.f(), "Cython" in sys.modules, end=" ")
if len(sys.argv) > 1:
    open("again.pyx", "w").write("def f(): return 2\\n")
    importlib.reload(again)
    print(again.f(), end=" ")
from cython_llvm import cachefill
cachefill.wait_for_cache()
"""
    runs = [
        subprocess.run([sys.executable, "-c", code, *args], cwd=tmp_path, capture_output=True, text=True)
        for args in ((), (), ("edit",))
    ]
    assert [run.stdout.split() for run in runs] == [["1", "True"], ["1", "False"], ["1", "False", "2"]], runs


def test_reload_keeps_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "kept_tree.pyx", "value = 1\ndef f(): return value\n")
    module = cython_llvm.import_file(path, "kept_tree", route="tree")
    write(path, "value = 2\ndef f(): return value * 10\n")
    assert importlib.reload(module) is module and module.f() == 20
    write(path, "value = 3\nraise ValueError('no')\n")
    with pytest.raises(ValueError, match="no"):
        importlib.reload(module)
    assert module.f() == 20
    del sys.modules["kept_tree"]
