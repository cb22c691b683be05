"""Reloads that compile only what an edit has changed do what compiling everything does."""

from __future__ import annotations

import importlib
import random
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cython_llvm
from cython_llvm import incremental

SOURCE = """
cdef int LIMIT = 5

cdef double scaled(double a) except? -1:
    if a > 100:
        raise ValueError("too large")
    return a * 2

def first(double a):
    return scaled(a)

cdef class Account:
    cdef double balance
    def __init__(self, double start):
        self.balance = start
    cpdef double after(self, int years):
        return self.balance * 2 ** years
    def name(self):
        return "account", (1, "two", 3.0)

def second(items, *, key="x"):
    def inner(a):
        return a, key, LIMIT
    return [inner(one) for one in items]

def numbers(int n):
    cdef int i
    for i in range(n):
        yield i * LIMIT

def last():
    raise KeyError("last")
"""


pytestmark = pytest.mark.usefixtures("reloaded_by_parts")


def load(path: Path, source: str) -> ModuleType:
    path.write_text(source)
    return cython_llvm.import_file(path, name="parts", route="tree")


def edit(module: ModuleType, path: Path, source: str) -> incremental.Report:
    path.write_text(source)
    importlib.reload(module)
    return incremental.reports["parts"]


def raised_at(function: Any, *args: Any) -> list[int | None]:
    try:
        function(*args)
    except Exception as error:
        return [frame.lineno for frame in traceback.extract_tb(error.__traceback__)][1:]
    raise AssertionError("nothing was raised")


def line_of(source: str, text: str) -> int:
    return source[: source.index(text)].count("\n") + 1


def facts(module: Any) -> list[Any]:
    """What the module does, and where it says that it does it."""
    account = module.Account(10.0)
    functions = (module.first, module.second, module.numbers, module.last, module.Account.name)
    return [
        module.first(4), account.after(2), account.name(), module.second([1, 2]), list(module.numbers(4)),
        raised_at(module.first, 1000.0), raised_at(module.last),
        [one.__code__.co_firstlineno for one in functions],
        [list(one.__code__.co_lines()) for one in functions],
        [one.__code__.co_varnames for one in functions],
        [(one.__qualname__, one.__doc__, one.__kwdefaults__) for one in functions],
    ]  # fmt: skip


def test_an_edited_function_is_all_that_is_compiled(tmp_path: Path) -> None:
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    held, account = module.first, module.Account(10.0)
    whole = incremental.reports["parts"]
    assert whole.compiled == whole.functions
    changed = edit(module, path, SOURCE.replace("2 ** years", "3 ** years"))
    assert account.after(2) == 90 and held(4) == 8
    assert changed.compiled <= 3
    assert edit(module, path, SOURCE.replace('"two"', '"three"')).compiled <= 5  # after(), name()
    assert account.after(2) == 40 and account.name() == ("account", (1, "three", 3.0))


def test_callers_of_an_edited_c_function_are_compiled_too(tmp_path: Path) -> None:
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    assert edit(module, path, SOURCE.replace("return a * 2", "return a * 3")).compiled >= 2
    assert module.first(4) == 12


def test_lines_that_move_need_no_code(tmp_path: Path) -> None:
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    source = SOURCE.replace("cdef double scaled", "# one\n# two\n\ncdef double scaled")
    assert edit(module, path, source).compiled == 0
    assert raised_at(module.last) == [line_of(source, "raise KeyError")]
    assert raised_at(module.first, 1000.0) == [line_of(source, "return scaled"), line_of(source, "raise Val")]
    assert module.last.__code__.co_firstlineno == line_of(source, "def last")


def test_new_constants_leave_the_others_in_place(tmp_path: Path) -> None:
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    source = SOURCE.replace("return scaled(a)", "return scaled(a), 'new', (7, 'tuple'), 12345678901234567890")
    assert edit(module, path, source).compiled <= 3
    assert module.first(4) == (8, "new", (7, "tuple"), 12345678901234567890)
    assert module.Account(1.0).name() == ("account", (1, "two", 3.0))


def test_many_edits_fold_their_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "MOST_OBJECTS", 3)
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    for number in range(8):
        edit(module, path, SOURCE.replace("a * 2", f"a * {number}"))
        assert module.first(4) == 4 * number
        assert len(incremental._codes["parts"].objects) <= 4


EDITS = [
    ("a * 2", "a * 3"), ("a > 100", "a > 10"), ("2 ** years", "2 ** years + 1"), ("i * LIMIT", "i - LIMIT"),
    ("LIMIT = 5", "LIMIT = 6"), ('"two"', '"zwei"'), ("return a, key", "return key, a, 'more'"),
    ('KeyError("last")', 'KeyError("least")'), ('key="x"', 'key="y"'),
    ("def last():", '# here\n\ndef last():\n    "Doc."'),
    ("cdef class Account:", "def more(): return lambda: 5\n\ncdef class Account:"),
    ("cdef double balance", "cdef double balance\n    cdef int other"),
    ("def first(double a)", "def first(float a)"), ("    cdef int i\n", "    cdef long i\n"),
    ("yield i", "yield 1, i"), ("def numbers(int n)", "def numbers(int n=4)"),
    ("for one in items]", "for one in items if one]"), ("cpdef double after", "cpdef float after"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::cython_llvm.live.ReloadWarning")
@pytest.mark.parametrize("seed", range(3))
def test_random_edits_do_what_a_full_compilation_does(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "parts.pyx"
    module = load(path, SOURCE)
    for _ in range(6):
        source = SOURCE
        for before, after in chance.sample(EDITS, chance.randint(1, 4)):
            source = source.replace(before, after)
        edit(module, path, source)
        found = facts(module)
        fresh = tmp_path / "whole.pyx"
        fresh.write_text(source)
        incremental.forget("whole")
        sys.modules.pop("whole", None)
        assert found == facts(cython_llvm.import_file(fresh, name="whole", route="tree")), source
