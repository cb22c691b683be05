"""Macros that are no expressions: by the tree route missing by their names, by C what they are."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import cython_llvm
from conftest import write

_ODD = '''
cdef extern from *:
    """
    #define COUNT_UP(x, n) do {{ (x) += (n); }} while (0)
    #define BEGIN_TIMES(i, n) for (i = 0; i < (n); i++) {{
    #define END_TIMES() }}
    #define TWICE(x) ((x) * 2)
    """
    void COUNT_UP(long x, long n)
    void BEGIN_TIMES(int i, int n)
    void END_TIMES()
    int TWICE(int x)

def count(long x):
    COUNT_UP(x, TWICE(3))
    return x

def times(int n):
    cdef int i = 0
    cdef long s = 0
    BEGIN_TIMES(i, n)
    s += i
    END_TIMES()
    return s
'''.replace("{{", "{").replace("}}", "}")


def test_they_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "odd_macros.pyx", _ODD)
    with pytest.raises(ImportError) as caught:
        cython_llvm.import_file(path, "odd_macros", route="tree")
    text = str(caught.value)
    for line, name in ((15, "COUNT_UP"), (21, "BEGIN_TIMES"), (23, "END_TIMES")):
        assert f"odd_macros.pyx:{line}: macro '{name}'" in text
    assert "TWICE" not in text
    assert "CYL1001" not in text


def test_auto_takes_c(sources: Path) -> None:
    path = write(sources / "odd_macros_auto.pyx", _ODD)
    module = importlib.import_module("odd_macros_auto")
    assert (module.count(1), module.times(4)) == (7, 6)
    told = cython_llvm.explain(str(path))
    assert told.route == "c" and any("macro 'COUNT_UP'" in reason for reason in told.reasons)


def test_names_that_are_not_there_are_errors(tmp_path: Path) -> None:
    source = """
        cdef extern from *:
            '''
            #define TWICE(x) ((x) * 2)
            '''
            int TWICE(int x)
            int NOT_THERE
        def g(): return TWICE(NOT_THERE)
        """
    path = write(tmp_path / "odd_missing.pyx", source)
    with pytest.raises(ImportError, match="undeclared identifier 'NOT_THERE'"):
        cython_llvm.import_file(path, "odd_missing", route="tree")
