"""inline and inline_module."""

from __future__ import annotations

import importlib
import unittest
from collections.abc import Callable
from pathlib import Path

import pytest

import cython_llvm
from conftest import WITHOUT_PRIVILEGES

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


def test_cimports_go_to_module_level(capsys: pytest.CaptureFixture[str]) -> None:
    quarter = 0.25  # noqa: F841 - inline looks it up
    code = "from libc.math cimport sqrt, fabs as size\nreturn sqrt(quarter) + size(-1.0)"
    assert cython_llvm.inline(code) == 1.5
    assert cython_llvm.inline("cimport libc.math as m\nreturn m.sqrt(x)", x=4) == 2.0
    assert cython_llvm.inline("return 'cimport x'") == "cimport x"
    assert cython_llvm.inline("from libc.math cimport *\nreturn sqrt(x)", x=4) == 2.0
    assert capsys.readouterr().out == ""


def test_names_of_cythons_own_module_are_bound(capsys: pytest.CaptureFixture[str]) -> None:
    assert cython_llvm.inline("from cython cimport typeof\nreturn typeof(a)", a=1) == "long"
    assert capsys.readouterr().out == ""


def test_new_code_needs_no_distutils(run: Callable[..., str]) -> None:
    assert run("""
        import sys
        import cython_llvm
        print(cython_llvm.inline("return a + 1", a=1), {"setuptools", "distutils"} & sys.modules.keys())
        from Cython.Build.Inline import Extension, build_ext
        print(Extension("a", ["b.c"]).sources, build_ext.description is not None)
    """).splitlines() == ["2 set()", "['b.c'] True"]


def test_numpy_is_cimported_with_its_headers() -> None:
    numpy = pytest.importorskip("numpy")
    code = "cimport numpy as np\nreturn np.PyArray_NDIM(a)"
    assert cython_llvm.inline(code, a=numpy.zeros((2, 3, 4))) == 3
    assert cython_llvm.inline("return a + 1", a=numpy.float64(2)) == 3.0


def test_a_syntax_error_is_a_compile_error(capfd: pytest.CaptureFixture[str]) -> None:
    for call in (cython_llvm.inline, cython_llvm.inline_module):
        with pytest.raises(cython_llvm.CompileError, match="Error compiling Cython file") as info:
            call("x = )")
        assert [(item["line"], item["column"]) for item in info.value.diagnostics] == [(1, 4)]
    assert capfd.readouterr() == ("", "")


def test_brackets_without_end_do_not_end_the_process() -> None:
    for call in (cython_llvm.inline, cython_llvm.inline_module):
        with pytest.raises(cython_llvm.CompileError, match="nested") as info:
            call("x = " + "(" * 50_000 + ")" * 50_000)
        assert info.value.code == "CYL1205"


INLINE = """
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import cython_llvm
    from cython_llvm import cachefill
    print(cython_llvm.inline("return 6 * 7"), cython_llvm.inline("return 6 * 8"))
    module = cython_llvm.inline_module("x = 43")
    cachefill.wait_for_cache()
print(module.x, open(module.__file__).read(), module.__file__)
print(len(told), told[0].category.__name__, told[0].message)
"""


def test_a_cache_that_cannot_be_written(
    cache_dir: Path, tmp_path: Path, run: Callable[..., str]
) -> None:
    (cache_dir / "inline").mkdir(mode=0o500)
    cache_dir.chmod(0o500)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    try:
        shown = run(WITHOUT_PRIVILEGES + INLINE, TMPDIR=str(scratch)).splitlines()
    finally:
        cache_dir.chmod(0o700)
    assert shown[0] == "42 48"
    assert shown[1].startswith(f"43 x = 43 {scratch}")
    assert shown[2].startswith("1 RuntimeWarning ") and "cannot be written" in shown[2]
    assert list((cache_dir / "inline").iterdir()) == []
    assert list(scratch.iterdir()) == [], "what was put elsewhere is gone at the end"


def test_where_no_source_can_be_written(tmp_path: Path, run: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")
    shown = run("""
        import resource, signal, warnings
        import cython_llvm
        warnings.simplefilter("ignore")
        try:
            cython_llvm.inline("return 1", lib_dir="file/folder")
        except cython_llvm.CompileError as error:
            print(error.code, "file/folder" in str(error))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            cython_llvm.inline_module("x = 1\\n" * 100)
        except cython_llvm.CompileError as error:
            print(error.code)
    """)
    assert shown.splitlines() == ["CYL1208 True", "CYL1207"]


def test_force_compiles_what_the_cache_holds(run: Callable[..., str]) -> None:
    code = """
        import cython_llvm
        from cython_llvm import cachefill, compiling
        built = []
        build = compiling.build
        compiling.build = lambda *args: built.append(args) or build(*args)
        for force in {forces}:
            cython_llvm.inline("return 1", force=force)
            cachefill.wait_for_cache()
            print(len(built), end=" ")
    """
    assert run(code.format(forces=(False, False))) == "1 1"
    assert run(code.format(forces=(False,))) == "0"
    assert run(code.format(forces=(True, False, True))) == "1 1 2"
    assert run(code.format(forces=(False,))) == "0"


def test_a_module_must_be_nameable() -> None:
    with pytest.raises(ValueError, match="a/b"):
        cython_llvm.inline_module("x = 1", name="a/b")


def test_explain_says_which_route() -> None:
    module = cython_llvm.inline_module("x = 1")
    told = cython_llvm.explain(module)
    assert (told.module, told.path, told.route) == (module.__name__, module.__file__, "tree")
    assert told.reasons and f"source: {module.__file__}" in str(told) and "'tree'" in repr(told)
    assert cython_llvm.explain(module.__file__).route == "tree"
    with pytest.raises(TypeError, match="unittest"):
        cython_llvm.explain(unittest)
    with pytest.raises(FileNotFoundError):
        cython_llvm.explain("there_is_no_such.pyx")


def test_cython_inline_itself_runs_here() -> None:
    import cython

    stock = cython.inline
    offset = 40  # noqa: F841 - inline looks it up
    cython_llvm.patch()
    try:
        cython_llvm.patch()
        assert cython.inline is cython_llvm.inline
        assert cython.inline("return offset + x", x=2) == 42
        tests = importlib.import_module("Cython.Build.Tests.TestInline")
        own, tests.inline = tests.inline, cython.inline
        try:
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests.TestInline)
            result = unittest.TestResult()
            suite.run(result)
        finally:
            tests.inline = own
        assert not result.failures and not result.errors
        from Cython.Build import Inline

        times, number = Inline.cymeit("sum(range(n))", "n = 10", repeat=2)
        assert len(times) == 2 and number > 0

        def behind(code: str) -> object:
            return Inline.cython_inline(code)

        here = 41  # noqa: F841
        assert behind("return here + 1") == 42
    finally:
        cython_llvm.unpatch()
    assert cython.inline is stock
    assert "cython_llvm" not in Inline.cython_inline.__code__.co_filename


def test_a_known_call_sees_other_types_names_and_options() -> None:
    def with_names(a: object, b: object) -> object:
        return cython_llvm.inline("return a // b")

    def with_keywords(a: object, b: object, directives: object) -> object:
        return cython_llvm.inline("return a // b", a=a, b=b, cython_compiler_directives=directives)

    for _ in range(3):
        assert with_names(-7, 2) == -4
        assert with_names(-7.5, 2) == -4.0
        assert type(with_names(7, True)) is int
        assert with_keywords(-7, 2, {}) == -4
        assert with_keywords(-7, 2, {"cdivision": True}) == -3
        assert with_keywords(-7, 2, None) == -4
        with pytest.raises(ZeroDivisionError):
            with_names(1, 0)
        with pytest.raises(OverflowError):
            with_names(2**63, 1)


def test_a_known_call_looks_names_up_again() -> None:
    space: dict[str, object] = {"inline": cython_llvm.inline, "n": 1}
    code = "def f(): return inline('return n')\ndef g():\n    n = 'local'\n    return inline('return n')"
    exec(code, space)
    f, g = space["f"], space["g"]
    assert (f(), f(), g(), g(), f()) == (1, 1, "local", "local", 1)
    space["n"] = 2.5
    assert (f(), g()) == (2.5, "local")
    del space["n"]
    with pytest.raises(cython_llvm.CompileError, match="undeclared name"):
        f()
    space["n"] = [1]
    assert f() == [1]


def test_a_known_call_sees_what_an_array_is() -> None:
    numpy = pytest.importorskip("numpy")

    def first(a: object) -> object:
        return cython_llvm.inline("return a[0]")

    for _ in range(2):
        assert first(numpy.arange(3)) == 0
        assert first(numpy.array([1.5])) == 1.5
        assert first(numpy.ones((2, 2))).tolist() == [1.0, 1.0]
        assert first([7]) == 7


def test_options_may_change_between_known_calls(tmp_path: Path) -> None:
    def call(**options: object) -> object:
        return cython_llvm.inline("return x", x=2**62 + 1, **options)

    for _ in range(2):
        assert call() == 2**62 + 1
        assert call(get_type=None) == 2**62 + 1
        assert call(get_type=lambda value, context=None: "double") == float(2**62 + 1)
        assert call(force=False, quiet=True) == 2**62 + 1
        assert call(lib_dir=str(tmp_path / "sources")) == 2**62 + 1
    assert call(force=True) == 2**62 + 1


def test_exceptions_of_known_calls_come_through() -> None:
    def call(x: object) -> object:
        return cython_llvm.inline("return 1 / x", x=x)

    assert call(2) == 0.5
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            call(0)


def test_known_calls_leak_nothing() -> None:
    import sys

    value = object()

    def call() -> object:
        return cython_llvm.inline("return value", value=value)

    call()
    before = sys.getrefcount(value)
    for _ in range(1000):
        call()
    assert abs(sys.getrefcount(value) - before) < 5
