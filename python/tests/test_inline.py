"""inline and inline_module."""

from __future__ import annotations

import importlib
import unittest
from pathlib import Path

import pytest

import cython_llvm

pytestmark = pytest.mark.usefixtures("cache_dir")


def test_cythons_own_tests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    tests = importlib.import_module("Cython.Build.Tests.TestInline")
    monkeypatch.setattr(tests, "inline", cython_llvm.inline)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests.TestInline)
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun >= 10
    assert not result.failures and not result.errors, [*result.failures, *result.errors]


def test_directives_are_part_of_what_is_found_again() -> None:
    code = "return a // b"
    assert cython_llvm.inline(code, a=-7, b=2) == -4
    directives = {"cdivision": True}
    assert cython_llvm.inline(code, a=-7, b=2, cython_compiler_directives=directives) == -3
    assert cython_llvm.inline(code, a=-7, b=2) == -4


def test_names_come_from_the_caller() -> None:
    there = 40

    def inner(here: int) -> object:
        there_too = there  # noqa: F841 - inline looks it up
        return cython_llvm.inline("return here + there_too")

    assert inner(2) == 42
    assert cython_llvm.inline("return x", locals={"x": 1}, globals={}) == 1


def test_without_return_it_gives_the_locals() -> None:
    assert cython_llvm.inline("x = a + 1\ny = 2.5", a=1) == {"a": 1, "x": 2, "y": 2.5}


def test_a_missing_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from Cython.Compiler.Errors import CompileError

    with pytest.raises(cython_llvm.CompileError, match="undeclared name not builtin: nope") as info:
        cython_llvm.inline("return nope")
    assert isinstance(info.value, CompileError)
    assert capsys.readouterr().out == "Couldn't find 'nope'\n"


def test_integers_are_c_longs() -> None:
    with pytest.raises(OverflowError):
        cython_llvm.inline("return a", a=2**63)
    assert cython_llvm.inline("return a + 1", a=2**63 - 1) == -(2**63)
    assert cython_llvm.inline("return a + 1", a=2**63 - 1, get_type=None) == 2**63


def test_a_function_is_returned_unchanged() -> None:
    assert cython_llvm.inline(len) is len


def test_a_module_from_a_string() -> None:
    code = """
        cdef int twice(int x): return 2 * x
        cdef class Box:
            cdef public int n
        def f(x): return twice(x)
    """
    module = cython_llvm.inline_module(code)
    assert module.f(21) == 42 and module.Box().n == 0
    assert cython_llvm.inline_module(code) is module
    assert Path(module.__file__).read_text().startswith("\ncdef int twice")
    named = cython_llvm.inline_module("x = 1", name="named_by_us")
    assert named.__name__ == "named_by_us"


def test_numpy_arrays_are_buffers() -> None:
    numpy = pytest.importorskip("numpy")
    a = numpy.arange(6.0).reshape(2, 3)
    assert cython_llvm.inline("return a[1, 2] + a.shape[0]", a=a) == 7.0
