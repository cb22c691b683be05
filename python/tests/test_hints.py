"""Warnings and performance hints: what we print beside what the `cython` command prints."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cython_llvm
from cli_tools import cython
from conftest import write

#: Sources of which Cython has something to say, and how many messages that are.
MODULES: dict[str, tuple[str, int]] = {
    "noexcept_with_gil": (
        """
        cdef void plain(int x) except *:
            pass
        cdef int loops(int n) nogil:
            cdef int i
            for i in range(n):
                plain_nogil(i)
            return 0
        cdef void plain_nogil(int x) nogil:
            pass
        def f(int n):
            with nogil:
                loops(n)
        """,
        2,
    ),
    "bounds_in_nogil": (
        """
        def total(double[:] a, const int[:, ::1] b):
            cdef Py_ssize_t i
            cdef double s = 0
            with nogil:
                for i in range(a.shape[0]):
                    s += a[i]
                    a[i] = b[i, 0]
                    a[i] += 1
                try:
                    s -= a[0]
                finally:
                    s += a[1]
            return s
        """,
        7,
    ),
    "bounds_checked_elsewhere": (
        """
        # cython: boundscheck=False
        cimport cython
        def total(double[:] a):
            cdef Py_ssize_t i
            cdef double s = 0
            with nogil:
                for i in range(a.shape[0]):
                    s += a[i]
            return s
        @cython.boundscheck(True)
        def checked(double[:] a):
            with nogil:
                a[0] = 1
        """,
        1,
    ),
    "hints_off": (
        """
        # cython: show_performance_hints=False
        def first(double[:] a):
            with nogil:
                a[0] = 1
        """,
        0,
    ),
    "prange_bounds": (
        """
        from cython.parallel import prange
        def total(long[:] a):
            cdef Py_ssize_t i
            cdef long s = 0
            for i in prange(a.shape[0], nogil=True):
                s += a[i]
            return s
        """,
        1,
    ),
    "uninitialised": (
        """
        # cython: warn.maybe_uninitialized=True, warn.unused=True, warn.unused_arg=True, warn.unused_result=True
        def f(a, b):
            if a:
                x = 1
            return x
        def g():
            y = 2
            z = y
            y = 3
        """,
        4,
    ),
    "unreachable": (
        """
        def f():
            return 1
            return 2
        def g():
            while True:
                raise ValueError
                print(1)
        """,
        2,
    ),
    "undeclared": (
        """
        # cython: warn.undeclared=True
        def f():
            a = [x for x in range(3)]
            return a
        """,
        2,
    ),
    "python_two_methods": (
        """
        cdef class C:
            def __nonzero__(self): return True
            def __long__(self): return 1
        cdef class D:
            def __nonzero__(self): return False
        """,
        2,
    ),
    "dead_format": (
        """
        def f(a, b):
            return "%s %s" % (a,), "%s" % (a, b)
        cdef object g() noexcept:
            return 1
        def h(): return g()
        """,
        5,
    ),
    "several_names": (
        """
        DEF N = 3
        IF N > 2:
            def f(): return N
        cdef class C:
            property p:
                def __get__(self): return 1
        def g():
            cdef int x, x2
            return ++x2
        """,
        3,
    ),
    "ascii_cannot_say": (
        """
        # cython: warn.unused=True
        def f():
            überzählig = 1
        """,
        1,
    ),
    "subinterpreters": (
        """
        # cython: subinterpreters_compatible=own_gil
        def f():
            with nogil:
                with gil:
                    print(1)
        """,
        1,
    ),
    "nothing_to_say": ("def f(x): return x + 1\n", 0),
}


def _sources(folder: Path) -> None:
    for name, (text, _) in MODULES.items():
        write(folder / f"{name}.pyx", text.lstrip("\n"))


def _messages(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("warning: ", "performance hint: "))]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stock `cython` prints, by module."""
    folder = tmp_path_factory.mktemp("stock")
    _sources(folder)
    program = (
        "import sys\nfrom Cython.Compiler.Main import compile_single, CompilationOptions, default_options\n"
        "for name in sys.argv[1:]:\n"
        "    print('=== ' + name, file=sys.stderr)\n"
        "    result = compile_single(name + '.pyx', CompilationOptions(default_options), name)\n"
        "    assert result.num_errors == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *MODULES], cwd=folder, capture_output=True,
                          text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    parts = done.stderr.split("=== ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_the_sources_are_worth_comparing(stock: dict[str, str]) -> None:
    for name, (_, count) in MODULES.items():
        assert len(_messages(stock[name])) >= count, stock[name]
        assert count or not stock[name]


@pytest.mark.parametrize("route", ["auto", "c"])
def test_an_import_says_what_cython_says(
    stock: dict[str, str], sources: Path, route: str, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", route)
    monkeypatch.chdir(sources)  # files there are named without their folder
    _sources(sources)
    for name in MODULES:
        importlib.import_module(name)
        assert capfd.readouterr() == ("", stock[name]), name
    by_tree = [name for name in MODULES if cython_llvm.explain(sys.modules[name]).route == "tree"]
    assert bool(by_tree) == (route == "auto")


@pytest.mark.parametrize("route", ["auto", "c"])
def test_the_command_says_what_cython_says(stock: dict[str, str], tmp_path: Path, route: str) -> None:
    some = ["noexcept_with_gil", "bounds_in_nogil", "unreachable", "dead_format", "nothing_to_say"]
    _sources(tmp_path)
    files = [f"{name}.pyx" for name in some]
    done = cython(tmp_path, "--backend=llvm", f"--route={route}", "--jobs=1", *files)
    assert done.returncode == 0
    assert done.stderr == "".join(stock[name] for name in some)


def test_what_the_cache_holds_says_nothing(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from cython_llvm import cachefill

    monkeypatch.chdir(sources)
    path = write(sources / "said_once.pyx", "def f():\n    return 1\n    return 2\n")
    said = "warning: said_once.pyx:3:4: Unreachable code\n"
    module = importlib.import_module("said_once")
    assert capfd.readouterr().err == said
    cachefill.wait_for_cache()
    importlib.reload(module)
    assert capfd.readouterr().err == ""
    path.write_text("def f():\n\n    return 1\n    return 2\n")
    importlib.reload(module)
    assert capfd.readouterr().err == said.replace(":3:", ":4:")


def test_inline_says_it_once(cache_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert cython_llvm.inline("return a\nreturn 2", a=1) == 1
        assert cython_llvm.inline("return a", a=1) == 1  # nothing of the line that inline puts behind it
    err = capfd.readouterr().err
    assert [line.partition(": Unr")[2] for line in err.splitlines()] == ["eachable code"]
    assert "_cython_inline_" in err
    module = cython_llvm.inline_module("def f():\n    return 1\n    return 2\n", "inlined_hints")
    assert capfd.readouterr().err == f"warning: {module.__file__}:3:4: Unreachable code\n"


def test_compiled_functions_say_nothing(cache_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    @cython_llvm.jit
    def f(a):
        return a + 1
        return 2

    assert f(1) == 2 and f.reason is None
    assert capfd.readouterr() == ("", "")


def test_where_nobody_listens(run: Callable[..., str]) -> None:
    assert run("""
        import sys
        import cython_llvm
        sys.stderr = None
        print(cython_llvm.inline("return 1\\nreturn 2"))
    """) == "1"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="pyximport needs a C compiler")
def test_pyximport_says_the_same(
    stock: dict[str, str], sources: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The oracle itself: the command's words are those of pyximport."""
    _sources(sources)
    program = (
        "import pyximport, sys\npyximport.install(build_dir=sys.argv[1])\n"
        "for name in sys.argv[2:]:\n    __import__(name)\n"
    )
    some = ["bounds_in_nogil", "unreachable"]
    env = {**os.environ, "CFLAGS": "-O0 -w"}
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "built"), *some], cwd=sources,
                          capture_output=True, text=True, timeout=300, env=env)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "".join(stock[name] for name in some)


def test_an_edit_of_one_function_says_what_it_brings(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the edited function alone is analysed, its hints must not be lost."""
    monkeypatch.chdir(sources)
    head = "def other(int n): return n + 1\ndef f(double[:] a):\n    a = a\n"
    path = write(sources / "edited_hints.pyx", head + "    return 1\n")
    module = importlib.import_module("edited_hints")
    for number in (2, 3):
        path.write_text(head + f"    return {number}\n")
        importlib.reload(module)
    assert capfd.readouterr().err == ""
    path.write_text(head + "    with nogil:\n        a[0] = 1\n    return 4\n")
    importlib.reload(module)
    hint = "performance hint: edited_hints.pyx:5:9: Use boundscheck(False) for faster access\n"
    assert capfd.readouterr().err == hint
    path.write_text(head + "    return 5\n    return 6\n")
    importlib.reload(module)
    assert capfd.readouterr().err == "warning: edited_hints.pyx:5:4: Unreachable code\n"
