"""Direct calls of the module's own functions by the tree route: only where the name still has that function,
and nothing else is to be seen of them."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from conftest import Both, write
from cython_llvm import treefrontend, treeroute
from cython_llvm.settings import Settings
from test_tree_objects import outcome

_CALLS = """
cimport cython
def g(a, b): return a, b
def later(a, b=2, c=3): return a, b, c
def counted(a, n):
    for i in range(n): a = g(a, i)
    return a
def optional(*which):
    made = []
    for n in (1, 2, 3):
        if n in which:
            made.append(later(n) if n == 1 else later(n, n) if n == 2 else later(n, n, n))
    return made
def wrong(n):
    return g(n) if n == 1 else g(n, n, n) if n == 3 else g(n, c=n)
def before(): return defined_after(1, 2)
def defined_after(a, b): return b, a
if len(g.__name__) == 1:
    def twice(a, b): return "first", a, b
else:
    def twice(a, b): return "second", a, b
def of_twice(): return twice(1, 2)
def decorated(f): return lambda a, b: ("decorated", f(b, a))
@decorated
def changed(a, b): return a, b
def of_changed(): return changed(1, 2)
def typed(int a, list b): return a, b
def of_typed(a, b): return typed(a, b)
def nested(n): return g(g(n, 1), g(2, g(n, n)))
def generated(a, b):
    for i in range(a): yield i, b
def of_generated(n):
    return [list(generated(i, n)) for i in range(n)]
async def awaited(a, b): return a, b
def of_awaited(n):
    made = []
    for i in range(n):
        try: awaited(i, n).send(None)
        except StopIteration as e: made.append(e.value)
    return made
def closed(a, b): return lambda: (a, b)
def of_closed(n):
    return [closed(i, n)() for i in range(n)]
@cython.binding(False)
def unbound(a, b): return a, b
def of_unbound(): return unbound(1, 2)
def recursive(n, made):
    if n == 0: return made
    return recursive(n - 1, (made, n))
"""


def test_results_and_errors(both: Both) -> None:
    tree, c = both(_CALLS)
    for name, *args in (
        ("counted", 0, 3), ("optional", 1, 2, 3), ("wrong", 1), ("wrong", 2), ("wrong", 3), ("before",),
        ("of_twice",), ("of_changed",), ("of_typed", 1, [2]), ("of_typed", 1, None), ("of_typed", "1", []),
        ("of_typed", 1, 2), ("nested", 5), ("recursive", 20, ()), ("of_generated", 3), ("of_awaited", 3),
        ("of_closed", 3), ("of_unbound",),
    ):  # fmt: skip
        assert outcome(getattr(tree, name), *args) == outcome(getattr(c, name), *args), name


def test_other_objects_under_the_name(both: Both) -> None:
    class Called:
        def __call__(self, *args: Any) -> Any:
            return "called", args

    def python(a: Any, b: Any) -> Any:
        return "python", a, b

    for other in (lambda module: python, lambda module: Called(), lambda module: print, lambda module: dict,
                  lambda module: module.defined_after, lambda module: module.later, lambda module: 5,
                  lambda module: python.__get__(1), lambda module: module.twice):  # fmt: skip
        tree, c = both(_CALLS)
        for module in (tree, c):
            module.g = other(module)
        assert outcome(tree.counted, 0, 3) == outcome(c.counted, 0, 3)
        for module in (tree, c):
            del module.g
        assert outcome(tree.counted, 0, 3) == outcome(c.counted, 0, 3)


def test_defaults_that_are_changed(both: Both) -> None:
    tree, c = both(_CALLS)
    for module in (tree, c):
        module.later.__defaults__ = (20, 30)
    assert tree.optional(1, 2, 3) == c.optional(1, 2, 3)
    assert tree.optional(3) == [(3, 3, 3)]


_OWN_OBJECT = """
def g(a, b):
    return a, b, g.__name__
def f(n):
    made = []
    for i in range(n): made.append(g(i, g))
    return [(a, b is g, c) for a, b, c in made]
def dropped(n):
    global g
    kept = []
    for i in range(n):
        kept.append(g(i, 0))
        if i == 0:
            def g(a, b): return "new", a, b
    return kept
class Dies:
    def __init__(self, out): self.out = out
    def __del__(self): self.out.append("died")
def released(out, a, b):
    out.append(len(out))
    return Dies(out)
def order(n):
    out = []
    for i in range(n):
        released(out, Dies(out), [Dies(out)])
        out.append("next")
    return out
def ends(a, b):
    global ends
    del ends
    return a, b
def of_ends():
    return ends(1, [2])
"""


def test_deaths_and_functions_that_replace_themselves(both: Both) -> None:
    tree, c = both(_OWN_OBJECT)
    assert tree.f(3) == c.f(3)
    assert tree.order(3) == c.order(3)
    assert tree.of_ends() == c.of_ends() == (1, [2])
    assert outcome(tree.of_ends) == outcome(c.of_ends)
    assert tree.dropped(3) == c.dropped(3)


def test_counts_stay_as_they_are(both: Both) -> None:
    tree, _ = both(_CALLS)
    one, other = object(), object()
    tree.counted(one, 10)
    before = sys.getrefcount(one), sys.getrefcount(other), sys.getrefcount(tree.g)
    for _ in range(100):
        tree.counted(one, 10)
        tree.nested(other)
        outcome(tree.wrong, 3)
    assert (sys.getrefcount(one), sys.getrefcount(other), sys.getrefcount(tree.g)) == before


def test_tracebacks(both: Both) -> None:
    text = """
def fails(a, b):
    return a / b
def middle(a, b):
    for i in range(b):
        a = fails(a, i)
    return a
def top(a): return middle(a, 3)
def missing(a):
    for i in range(a):
        fails(i)
"""
    shown = []
    for module in both(text):
        for call in (lambda m: m.top(1), lambda m: m.missing(2), lambda m: m.top("x")):
            with pytest.raises((ZeroDivisionError, TypeError)) as raised:
                call(module)
            frames = traceback.extract_tb(raised.value.__traceback__)[1:]
            shown.append((str(raised.value), [(one.name.split(".")[-1], one.lineno) for one in frames]))
    assert shown[: len(shown) // 2] == shown[len(shown) // 2 :]


def test_profilers_see_the_calls(both: Both) -> None:
    text = "# cython: profile=True, language_level=3\n" + """
def g(a, b): return a + b
def f(n):
    for i in range(n): g(i, i)
"""
    seen = []
    for module in both(text):
        events: list[tuple[str, str]] = []

        def note(frame: Any, event: str, arg: Any, to: list[tuple[str, str]] = events) -> None:
            to.append((event, frame.f_code.co_name))

        sys.setprofile(note)
        module.f(3)
        sys.setprofile(None)
        seen.append([one for one in events if one[0] in ("call", "return")])
    assert seen[0] == seen[1] and len(seen[0]) >= 8


def test_functions_without_arguments_are_levels_of_recursion(both: Both) -> None:
    """Without end it is an error, and not the end of the process."""
    text = "def f():\n    return f() + 1\ndef g():\n    return h()\ndef h():\n    return g()\n"
    for module in both(text):
        for name in ("f", "g"):
            with pytest.raises(RecursionError, match="depth exceeded while calling a Python object"):
                getattr(module, name)()


def test_old_code_calls_what_a_reload_brought(sources: Path) -> None:
    text = "def g(a, b): return {0}, a, b\ndef f(n): return [g(i, i) for i in range(n)]\n"
    path = write(sources / "direct_reload.pyx", text.format(1))
    import direct_reload  # type: ignore[import-not-found]

    old = direct_reload.f
    assert old(2) == [(1, 0, 0), (1, 1, 1)]
    path.write_text(text.format(2))
    importlib.reload(direct_reload)
    assert old(2) == direct_reload.f(2) == [(2, 0, 0), (2, 1, 1)]
    path.write_text(text.format(3).replace("(a, b)", "(a, b, c=4)").replace("a, b\n", "a, b, c\n"))
    importlib.reload(direct_reload)
    assert old(1) == direct_reload.f(1) == [(3, 0, 0, 4)]


def test_calls_are_direct(tmp_path: Path) -> None:
    text = """
def g(a, b): return a
def one(a): return a
def stars(*a): return a
def called(n):
    g(n, n)
    one(n)
    stars(n)
    g(n)
    g(n, b=n)
"""
    path = write(tmp_path / "direct.pyx", text)
    tree, unit = treefrontend.analyse(str(path), "direct", Settings(language_level=3), shared_utility=False)
    mir = treeroute.lower(tree, unit.settings, mir=True).mir
    assert mir is not None
    body = next(part for part in mir.split("\nfunc ") if part.startswith("@__pyx_pf_6direct_6called"))
    assert body.count("cyl_is_function") == 2
    assert body.count("@__pyx_pf_6direct_g(") == body.count("@__pyx_pf_6direct_2one(") == 1
