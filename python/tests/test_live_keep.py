"""C variables that a module names in `__keep__` keep their values when it is reloaded."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

import pytest

from conftest import write
from cython_llvm import live

TEXT = """
__keep__ = ("count", "ratio", "cache", "names", "text", "account", "cells")
cdef class Account:
    cdef public int balance
cdef int count = 1, other = 1
cdef double ratio = 0.5
cdef object cache = {{}}
cdef list names = []
cdef const char* text = "start"
cdef Account account = Account()
cdef int cells[3]

def change():
    global count, other, ratio, text
    count += 10
    other += 10
    ratio *= 3
    cache["key"] = "value"
    names.append(1)
    text = "changed"
    account.balance = 7
    cells[1] = 4
    return cache, names, account

def state():
    return {0}, count, ratio, cache, names, text, account, cells[1], other
"""


FUNCTIONS = "def get(): return count\ndef add():\n    global count\n    count += 5\n"


@pytest.fixture(params=["c", "tree", "by parts"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    parts = request.param == "by parts"
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree" if parts else request.param)
    monkeypatch.setattr(live.options, "expected", parts)
    return str(request.param).replace(" ", "_")


def test_values_are_kept(sources: Path, route: str) -> None:
    name = f"cvars_{route}"
    path = write(sources / f"{name}.pyx", TEXT.format(0))
    module = importlib.import_module(name)
    cache, names, account = module.change()
    counts = [sys.getrefcount(one) for one in (cache, names, account)]
    for number in range(1, 4):
        write(path, TEXT.format(number))
        importlib.reload(module)
        state = module.state()
        assert state == (number, 11, 1.5, {"key": "value"}, [1], b"changed", account, 4, 1)
        assert state[3] is cache and state[4] is names and state[6] is account
        del state
    now = [sys.getrefcount(one) for one in (cache, names, account)]
    # Code that has not been freed yet holds what its variables held.
    assert all(0 <= new - old <= 3 for old, new in zip(counts, now, strict=True))


def test_another_type_is_told(sources: Path, route: str) -> None:
    name = f"cvarstype_{route}"
    text = "__keep__ = ('count',)\ncdef {} count = 1\n" + FUNCTIONS
    path = write(sources / f"{name}.pyx", text.format("int"))
    module = importlib.import_module(name)
    module.add()
    write(path, text.format("double"))
    with pytest.warns(live.ReloadWarning, match="C variable 'count' .* its type was 'int'"):
        importlib.reload(module)
    assert module.get() == 1.0
    module.add()
    write(path, "cdef int new = 3\n" + text.format("double").replace("('count',)", "('count', 'new')"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(module)
    assert module.get() == 6.0


def test_a_body_that_raises_leaves_the_values(sources: Path, route: str) -> None:
    name = f"cvarsraise_{route}"
    text = "__keep__ = 'count'\ncdef int count = 1\n" + FUNCTIONS
    path = write(sources / f"{name}.pyx", text)
    module = importlib.import_module(name)
    module.add()
    write(path, text + "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        importlib.reload(module)
    assert module.get() == 6
    write(path, text + "\n")
    importlib.reload(module)
    assert module.get() == 6
