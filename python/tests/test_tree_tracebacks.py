"""Traceback frames of exceptions by the tree route, beside the C route."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import cython_llvm
from conftest import Both


def frames(module: ModuleType, function: Callable[[ModuleType], object]) -> list[tuple[str, str, int | None]]:
    """(file, function, line) of each frame below the caller's."""
    with pytest.raises(Exception) as caught:
        function(module)
    return [(re.sub(r".*(?:routes|both)_\d+_\w+\.pyx", "source", frame.filename),
             frame.name.replace(module.__name__, "module"), frame.lineno)
            for frame in traceback.extract_tb(caught.value.__traceback__)[2:]]  # fmt: skip


def test_an_argument_of_a_wrong_type_has_no_frame_but_a_wrong_call_has(both: Both) -> None:
    text = """
cdef class A:
    def m(self, A x not None): return x
    def __eq__(self, A other): return True
    def __getitem__(self, int i): return i
    def __setitem__(self, list i, v): pass
    cpdef cp(self, A x, int k): return x
def f(list a not None): return a
def h(int a, *, A b): return a
def d(object[int] a): return a
def e(double[:] a not None): return a
def gen(list x): yield x
def clos(int a, list b):
    def inner(): return a, b
    return inner
"""
    calls: list[Callable[[ModuleType], object]] = [
        lambda m: m.f(None), lambda m: m.f(3), lambda m: m.f(), lambda m: m.h(3), lambda m: m.h(3, b=4),
        lambda m: m.h("x", b=m.A()), lambda m: m.A().m(3), lambda m: m.A().m(None), lambda m: m.A().m(),
        lambda m: m.A() == 3, lambda m: m.A()["x"], lambda m: m.A().__setitem__(3, 4),
        lambda m: m.A().cp(3, 4), lambda m: m.A().cp(m.A(), "x"), lambda m: m.d(3), lambda m: m.e(None),
        lambda m: m.gen(4), lambda m: m.clos("x", []), lambda m: m.clos(1, 1),
    ]  # fmt: skip
    tree, c = both(text)
    for number, call in enumerate(calls):
        assert frames(tree, call) == frames(c, call), number
    assert frames(tree, lambda m: m.f(3)) == []


def test_memoryview_code_is_named_in_tracebacks(both: Both) -> None:
    for module in both("def e(double[:] a): return a\n"):
        assert [frame[0] for frame in frames(module, lambda m: m.e(1))] == [
            "source", "View.MemoryView", "View.MemoryView"]  # fmt: skip


def test_an_argument_that_cannot_be_converted_is_shown_with_its_own_line(both: Both) -> None:
    text = """
def deco(f): return f
@deco
def f(a,
      int b,
      double c=1.0,
      *,
      int x=3): pass
def star(*a): pass
def stars(**k): pass
def keyword(*, a): pass
cdef class C:
    def __getitem__(self,
                    int i): pass
    def m(self, x,
          float y): raise ValueError
    def stars(self, **k): pass
"""
    calls: list[Callable[[ModuleType], object]] = [
        lambda m: m.f(1, "x"), lambda m: m.f(1, 1, "y"), lambda m: m.f(1, 1, x="3"), lambda m: m.f(1),
        lambda m: m.f(1, 2, 3, 4), lambda m: m.C()["x"], lambda m: m.C().m(1, 2), lambda m: m.C().m(1, "x"),
        lambda m: m.star(a=1), lambda m: m.stars(1), lambda m: m.stars(**{1: 2}), lambda m: m.keyword(3),
        lambda m: m.C().stars(1),
    ]  # fmt: skip
    tree, c = both(text)
    for number, call in enumerate(calls):
        assert frames(tree, call) == frames(c, call), number


def test_a_type_that_cannot_be_imported_is_shown_with_the_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "declared_only.pxd").write_text("\n\n\ncdef class Gone:\n    cdef int y\n")
    (tmp_path / "declared_only.py").write_text("x = 1\n")
    for derived in ("def f(Gone x): return x.y", "cdef class D(Gone): pass"):
        found = []
        for route in ("tree", "c"):
            path = tmp_path / f"routes_0_{route}.pyx"
            path.write_text(f"# cython: language_level=3\nx = 1\nfrom declared_only cimport Gone\n{derived}\n")
            with pytest.raises(AttributeError) as caught:
                cython_llvm.import_file(path, path.stem, route=route)
            frame = traceback.extract_tb(caught.value.__traceback__)[-1]
            found.append((frame.lineno, frame.name.replace(path.stem, "module"),
                          Path(frame.filename).name == path.name))  # fmt: skip
        assert found[0] == found[1] == (1, "init module", True)


def test_files_are_named_from_where_cython_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path)
    found = []
    for route in ("tree", "c"):
        path = tmp_path / "inner" / f"named_{route}.pyx"
        path.write_text("def f(): raise ValueError\n")
        module = cython_llvm.import_file(path, path.stem, route=route)
        with pytest.raises(ValueError) as caught:
            module.f()
        found.append(traceback.extract_tb(caught.value.__traceback__)[-1].filename.replace(route, "route"))
    assert found[0] == found[1]


def test_an_exception_that_nothing_can_see_is_dropped_without_a_frame(both: Both) -> None:
    modules = both("""
import sys
def generator():
    while True:
        try:
            yield sys.exc_info()[0]
        except ValueError:
            pass
def seen(x):
    try:
        raise KeyError(x)
    except KeyError:
        return sys.exc_info()[0], sys.exc_info()[2].tb_lineno
def unseen(x):
    try:
        try:
            raise KeyError(x)
        except KeyError:
            x = 3
        raise TypeError(x)
    except TypeError as error:
        return str(error), error.__context__
def left(items):
    found = 0
    for item in items:
        try:
            int(item)
        except ValueError:
            continue
        except TypeError:
            return 5
        found += 1
    return found
""")

    def thrown(module: ModuleType) -> None:
        running = module.generator()
        next(running)
        assert running.throw(ValueError("one")) is None
        running.throw(KeyError("two"))

    tree, c = (frames(module, thrown) for module in modules)
    assert tree == c
    for items in (["1", "x", "2"], ["1", [], "2"], ["1"]):
        assert modules[0].left(items) == modules[1].left(items)
    assert modules[0].seen(1) == modules[1].seen(1)
    assert modules[0].unseen(1) == modules[1].unseen(1) == ("3", None)


def test_clauses_that_work_on_numbers_drop_the_exception_where_nobody_has_it(both: Both) -> None:
    modules = both("""
import sys
cdef class Told(Exception):
    cdef public object log
    def __init__(self, log=None):
        self.log = log
    def __dealloc__(self):
        if self.log is not None: self.log.append("freed")
class Finalized(Exception):
    def __del__(self):
        frame, lines = self.__traceback__, []
        while frame is not None:
            lines.append((frame.tb_frame.f_code.co_name.split(".")[-1], frame.tb_lineno))
            frame = frame.tb_next
        self.args[0].append((lines, sys.exc_info()[0]))
def counted(f, int n):
    cdef int i, caught = 0
    cdef double other = 0
    for i in range(n):
        try:
            f(i)
        except ValueError:
            caught += 1
        except (KeyError, OSError, Told, Finalized, UnicodeError):
            caught = 2 * caught - i
            if caught > 100 and not other > 3:
                caught = 0
                continue
            other -= 0.5
            if other < -10: break
        except AttributeError:
            if caught > 5:
                return False
            return None
        finally:
            other += 1 if sys.exc_info()[0] is None else 1000
    return caught, other, sys.exc_info()[0]
def generator(f, int n):
    cdef int caught = 0, i
    for i in range(n):
        try:
            yield f(i), caught
        except ValueError:
            caught += 1
        except KeyError:
            return caught
cdef int plain(f, int n) except -1:
    cdef int caught = 0
    while n:
        n -= 1
        try:
            f(n)
        except ValueError:
            caught += n
            if caught > 7: return caught - 2
    return caught
def of_plain(f, n): return plain(f, n)
def around(f, n):
    try:
        raise TypeError("outer")
    except TypeError:
        return counted(f, n), sys.exc_info()[0]
""")

    def raiser(module: ModuleType, log: list[object]) -> Callable[[int], None]:
        kept = ValueError("kept")
        log.append(kept)
        kinds: list[Callable[[], object]] = [
            lambda: int("x"), lambda: {}[3], lambda: open("/nowhere/at/all"), lambda: b"\xff".decode(),
            lambda: [].nothing, lambda: exec("raise kept", {"kept": kept}), lambda: "".index("x"),
        ]  # fmt: skip

        def told(_: int) -> None:
            raise module.Told(log)

        def finalized(_: int) -> None:
            raise module.Finalized(log)

        def plain(i: int) -> None:
            if i % 9 == 8:
                return
            if i % 9 == 4:
                if i > 30:
                    kinds[4]()
                finalized(i)
            if i % 9 == 7:
                told(i)
            kinds[i % 9]()

        return plain

    found = []
    for module in modules:
        log: list[object] = []
        f = raiser(module, log)
        results = [module.counted(f, n) for n in (3, 20, 60)]
        results += [module.around(f, 20), module.of_plain(lambda i: int("x" if i % 2 else "3"), 9)]
        results += [list(module.generator(lambda i: int("x" if i % 2 else "3"), 6))]
        running = module.generator(lambda i: i, 9)
        next(running)
        results += [running.throw(ValueError("one")), running.throw(ValueError)]
        with pytest.raises(StopIteration) as stopped:
            running.throw(KeyError, 3)
        results += [stopped.value.value]
        kept = log.pop(0)
        assert isinstance(kept, ValueError)
        lines = [(at.name, at.lineno) for at in traceback.extract_tb(kept.__traceback__) if at.name == "counted"
                 or "counted" in at.name]  # fmt: skip
        found.append((results, log, [(name.split(".")[-1], line) for name, line in lines]))
    assert repr(found[0]).replace(modules[0].__name__, "m") == repr(found[1]).replace(modules[1].__name__, "m")
    assert found[0][2] and "freed" in found[0][1]


def test_recursion_and_keywords_of_calls_without_methods(both: Both) -> None:
    modules = both("""
import sys
cdef class C:
    cdef public object a, b
    def __init__(self, a=1, *, b=2): self.a, self.b = a, b
class P:
    def __init__(self, a=1, *, b=2): self.a, self.b = a, b
class Deep:
    def __init__(self, n):
        self.inner = None if n == 0 else Deep(n=n - 1)
def order(log):
    def say(x):
        log.append(x)
        return x
    def inner(a, b=2, *, c=3, **more): return a, b, c, more
    return inner(say(1), c=say(2), b=say(3)), inner(1, d=say(4), c=say(5)), inner(1, 2, c=5)
def classes():
    c, p = C(4, b=5), P(4, b=5)
    return c.a, c.b, p.a, p.b, dict(a=1, b=2), sorted([3, 1], key=None, reverse=True), int("12", base=5)
def wrong(int which):
    def inner(a, *, b=2): return a
    if which == 0: return inner(1, c=2)
    if which == 1: return inner(1, a=2)
    if which == 2: return inner(b=2)
    if which == 3: return C(1, a=2)
    if which == 4: return P(1, c=2)
    if which == 5: return dict(1, a=2)
    if which == 6: return (3)(a=2)
    if which == 7: return inner(1, 2, b=3)
    x = object()
    return x(1, a=2)
def endless(n):
    def inner(a, n=0): return inner(a, n=n + 1)
    return inner(n, n=0)
def depth(f):
    low, high = 1, 2000
    while low < high:
        middle = (low + high) // 2
        try:
            f(middle)
            low = middle + 1
        except RecursionError:
            high = middle
    return low
def depths():
    def inner(n): return n if n == 0 else inner(n=n - 1)
    return depth(lambda n: inner(n)), depth(lambda n: Deep(n=n))
""")
    found = []
    for module in modules:
        log: list[int] = []
        results = [module.order(log), log, module.classes(), module.depths()]
        for which in range(9):
            with pytest.raises(TypeError) as caught:
                module.wrong(which)
            results.append(str(caught.value))
        with pytest.raises(RecursionError) as deep:
            module.endless(3)
        results.append(str(deep.value))
        found.append(results)
    assert found[0] == found[1]
