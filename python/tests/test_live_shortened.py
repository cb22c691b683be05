"""An edit of one function is analysed alone, and gives the tree that analysing the whole gives."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from cython_llvm import incremental, routes, settings, sharedutil, shortened

SOURCE = '''# cython: language_level=3
import os

cdef int LIMIT = 5

cdef int twice(int a) except -1:
    return a * 2

def edited(a, int b=2, *, key="k"):
    """Doc.

    >>> edited(1, 2)
    """
    total = a + b
    return total

def comprehends(items):
    return [one for one in items], {one: 1 for one in items}

class Plain:
    def method(self):
        return [i for i in range(LIMIT)]

def user(x):
    """
    >>> user(3)
    """
    cdef int i
    for i in range(3):
        x += twice(i)
    return x

def last():
    raise KeyError("last")
'''
OLD = "    total = a + b\n"


pytestmark = pytest.mark.usefixtures("reloaded_by_parts")


def whole(path: Path, notes: Any = None) -> str:
    """The tree of a source by analysing all of it."""
    texts: list[str] = []
    stock = routes.choose

    def choose(export: Any, *_: Any) -> routes.Choice:
        texts.append(export())
        return routes.Choice("tree", (), module=object())

    routes.choose = choose
    try:
        routes.analyse(str(path), "shorter", settings.default_settings(), notes=notes, c_text=False,
                       shared_utility=sharedutil.available())  # fmt: skip
    finally:
        routes.choose = stock
    return texts[0]


def short(path: Path) -> str | None:
    kept = shortened.edited(str(path), "shorter", settings.default_settings())
    return kept.export() if kept is not None else None


EDITS = {
    "a constant": "    total = a + b + 17\n",
    "more lines": "    total = a + b\n    print('text')\n\n    # a comment\n    text = f'{total!r}'\n",
    "C variables": "    cdef int c = b * 2\n    cdef double d = 1.5\n    total = a + c + d\n",
    "control flow": "    total = 0\n    for i in range(b):\n        if i > 3:\n            break\n"
                    "        total += i\n    else:\n        total -= 1\n",
    "handlers": "    try:\n        total = int(a)\n    except (ValueError, TypeError) as error:\n"
                "        total = str(error)\n    finally:\n        os.getcwd()\n",
    "another function's call": "    total = twice(b) + user(a)\n",
    "new builtins": "    total = sorted(reversed(list(zip(range(b), 'abc'))), key=len)\n",
}  # fmt: skip


C_EDITS = {
    "a constant": "    return a * 3\n",
    "more lines": "    cdef int b = a\n\n    # a comment\n    b += 1\n    return b * LIMIT\n",
    "another call": "    if a > LIMIT:\n        return twice(a - 1)\n    return len(str(a))\n",
    "an exception": "    if a > 3:\n        raise ValueError(a)\n    return a\n",
}  # fmt: skip


@pytest.mark.parametrize("new", C_EDITS.values(), ids=C_EDITS)
def test_the_tree_is_the_same_for_a_c_function(tmp_path: Path, new: str) -> None:
    path = tmp_path / "shorter.pyx"
    path.write_text(SOURCE)
    whole(path)
    whole(path, shortened.Notes())
    old = "    return a * 2\n"
    for text in (SOURCE.replace(old, new), SOURCE.replace(old, "    a += 5\n" + new)):
        path.write_text(text)
        made = short(path)
        assert shortened.ways["shorter"] == ""
        assert made == whole(path)


def test_lines_of_code_of_cythons_own_stay(tmp_path: Path) -> None:
    """Pickling of a class is Cython's source: its lines are among those of the module."""
    path = tmp_path / "shorter.pyx"
    source = SOURCE + "\n\ncdef class Pickled:\n    cdef int one\n"
    path.write_text(source)
    whole(path)
    whole(path, shortened.Notes())
    path.write_text(source.replace(OLD, "\n\n\n" + OLD))
    assert short(path) == whole(path)


def test_the_first_use_of_a_builtin_may_move(tmp_path: Path) -> None:
    path = tmp_path / "shorter.pyx"
    source = SOURCE.replace(OLD, OLD + "    print(total)\n")
    source = source.replace("    raise Key", "    print()\n    raise Key")
    path.write_text(source)
    whole(path)
    whole(path, shortened.Notes())
    path.write_text(source.replace(OLD, "    # here\n" + OLD))
    assert short(path) == whole(path)


HINTED = """# cython: language_level=3
def caller(int[:] a):
    cdef int b = a[0]
    with nogil:
        b += 1
    return b
"""


def test_what_cython_says_with_its_c_is_said_all_the_same(tmp_path: Path) -> None:
    """It hints at bounds that are checked without the GIL, while it writes C: of which there is none here."""
    path = tmp_path / "shorter.pyx"
    path.write_text(HINTED)
    whole(path)
    whole(path, shortened.Notes())
    path.write_text(HINTED.replace("b += 1", "b += 2"))
    assert short(path) == whole(path)
    path.write_text(HINTED.replace("b += 1", "b += a[1]"))
    assert short(path) is None
    assert shortened.ways["shorter"] == "Cython may have something to say with its C"


@pytest.mark.parametrize("new", EDITS.values(), ids=EDITS)
def test_the_tree_is_the_same(tmp_path: Path, new: str) -> None:
    path = tmp_path / "shorter.pyx"
    path.write_text(SOURCE)
    whole(path)  # some of Cython's types are another after their first use
    whole(path, shortened.Notes())
    for text in (SOURCE.replace(OLD, new), SOURCE, SOURCE.replace(OLD, new + "    total = a\n")):
        path.write_text(text)
        made = short(path)
        if shortened.ways["shorter"].startswith("the function does not use any more"):
            assert text == SOURCE  # "twice" is not called from here any more
            return
        assert shortened.ways["shorter"] == ""
        assert made == whole(path)


def test_comprehensions_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "shorter.pyx"
    path.write_text(SOURCE)
    whole(path)
    whole(path, shortened.Notes())
    path.write_text(SOURCE.replace("[one for one in items]", "1, [len(x) for x in sorted(items)][1:]"))
    assert short(path) == whole(path)


REFUSED = {
    "syntax": "    total = (\n",
    "a type error": "    cdef int c = 'text'\n    total = c\n",
    "an inner function": "    def inner(): return b\n    total = inner()\n",
    "a lambda": "    total = (lambda: b)()\n",
    "a generator": "    yield a\n    total = 1\n",
    "a generator expression": "    total = sum(i for i in range(b))\n",
    "a comprehension, which is numbered": "    total = [i for i in range(b)]\n",
    "global": "    global name\n    name = 3\n    total = 1\n",
    "an unknown name": "    total = unknown_name\n",
    "another docstring": None,
    "the signature": None,
    "two functions": None,
    "a class": None,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_provably_the_same_is_analysed_whole(tmp_path: Path, what: str) -> None:
    path = tmp_path / "shorter.pyx"
    path.write_text(SOURCE)
    whole(path, shortened.Notes())
    text = SOURCE.replace(OLD, REFUSED[what] or OLD)
    if what == "another docstring":
        text = text.replace("Doc.", "Other.")
    elif what == "the signature":
        text = text.replace("int b=2", "int b=3")
    elif what == "two functions":
        text = text.replace("a + b", "a - b").replace("range(3)", "range(4)")
    elif what == "a class":
        text = text.replace("for i in range(LIMIT)", "for i in range(LIMIT + 1)")
    assert text != SOURCE
    path.write_text(text)
    assert short(path) is None
    assert shortened.ways["shorter"]


def test_reloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "reloaded.pyx"
    count = 0

    def write(text: str) -> None:
        nonlocal count
        count += 1
        path.write_text(text)
        os.utime(path, (count, 2_000_000_000 + count))

    write(SOURCE)
    importers = cython_llvm.install(route="tree")
    try:
        module: Any = importlib.import_module("reloaded")
        assert module.edited(1) == 3
        for number in range(3):
            write(SOURCE.replace(OLD, "\n" * number + f"    text = 'new{number}'\n    total = a + {number}\n"))
            importlib.reload(module)
            assert shortened.ways["reloaded"] == ""
            assert incremental.reports["reloaded"].shortened
            told = cython_llvm.explain(module).edit
            assert told is not None and told.endswith("functions compiled; only the edited function analysed")
            assert module.edited(1) == 1 + number
            lines = path.read_text().split("\n")
            with pytest.raises(KeyError) as raised:
                module.last()
            frame = traceback.extract_tb(raised.value.__traceback__)[-1]
            assert lines[frame.lineno - 1] == '    raise KeyError("last")'  # type: ignore[operator]
            assert lines[module.last.__code__.co_firstlineno - 1] == "def last():"
            doctest = next(name for name in module.__test__ if name.startswith("user"))
            assert lines[int(doctest.split()[-1][:-1]) - 1] == "def user(x):"
        write(SOURCE.replace(OLD, "    total = (lambda: 9)()\n"))
        importlib.reload(module)
        assert module.edited(1) == 9 and not incremental.reports["reloaded"].shortened
        assert "the whole source analysed, because" in str(cython_llvm.explain(module))
        monkeypatch.setattr(shortened, "enabled", False)
        write(SOURCE.replace(OLD, "    total = 10\n"))
        importlib.reload(module)
        assert module.edited(1) == 10 and not incremental.reports["reloaded"].shortened
    finally:
        cython_llvm.uninstall(*importers)
        sys.modules.pop("reloaded", None)
