"""Errors have a place and a mend, and leave things as they were."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cython_llvm
from conftest import write


def failing(name: str) -> cython_llvm.ModuleBuildError:
    with pytest.raises(ImportError) as info:
        importlib.import_module(name)
    assert isinstance(info.value, cython_llvm.ModuleBuildError)
    assert name not in sys.modules
    assert info.value.code.startswith("CYL")
    return info.value


def test_cythons_errors_are_as_cython_prints_them(sources: Path) -> None:
    path = write(sources / "bad_syntax.pyx", "x = 1\ndef f(: pass\n")
    error = failing("bad_syntax")
    text = str(error)
    assert "Error compiling Cython file:" in text
    assert "\ndef f(: pass\n      ^\n" in text
    assert f"{path}:2:6: " in text
    assert (error.diagnostics[0]["line"], error.diagnostics[0]["column"]) == (2, 6)
    assert isinstance(error.__cause__, cython_llvm.CompileError)


def test_nothing_is_printed(sources: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(sources / "quiet.pyx", "def f(: pass\n")
    failing("quiet")
    write(sources / "quiet_c.pyx", 'cdef extern from "nowhere.h":\n    int x\ny = x\n')
    failing("quiet_c")
    assert capfd.readouterr() == ("", "")


def test_a_missing_header_is_named_with_its_line(sources: Path) -> None:
    path = write(
        sources / "no_header.pyx", 'x = 1\ncdef extern from "no_such.h":\n    int v\ny = v\n'
    )
    text = str(failing("no_header"))
    assert "'no_such.h' file not found" in text
    assert f"{path}:2" in text and "include_dirs" in text


def test_an_error_of_the_c_stage_points_at_the_source(sources: Path) -> None:
    path = write(
        sources / "bad_c.pyx",
        'cdef extern from *:\n    """typedef struct { int a; } T;"""\n    ctypedef struct T:\n'
        "        int nope\ndef f():\n    cdef T t\n    return t.nope\n",
    )
    text = str(failing("bad_c"))
    assert f"{path}:7" in text and "no member named 'nope'" in text


def test_missing_symbols_are_named(sources: Path) -> None:
    write(
        sources / "no_symbol.pyx",
        'cdef extern from *:\n    """int not_to_be_found(int);"""\n    int not_to_be_found(int)\n'
        "def f(x): return not_to_be_found(x)\n",
    )
    assert "not_to_be_found" in str(failing("no_symbol"))


def test_a_missing_library_is_named(sources: Path) -> None:
    write(sources / "no_lib.pyx", "# distutils: libraries = no_such_library\ndef f(): return 1\n")
    assert "no_such_library" in str(failing("no_lib"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("binary_mod", bytes(range(256)) * 8),
        ("elf_mod", b"\x7fELF" + b"\0" * 100),
        ("latin_mod", "x = 'h\xe4'\n".encode("latin-1")),
        ("bad_coding", b"# -*- coding: no-such-coding -*-\nx = 1\n"),
    ],
)
def test_what_is_no_source_is_refused(sources: Path, name: str, data: bytes) -> None:
    (sources / f"{name}.pyx").write_bytes(data)
    failing(name)


def test_an_empty_file_is_an_empty_module(sources: Path) -> None:
    (sources / "empty_mod.pyx").write_bytes(b"")
    assert importlib.import_module("empty_mod").__name__ == "empty_mod"


def test_an_exception_in_the_module_body_goes_through(sources: Path) -> None:
    write(sources / "body.pyx", "x = 1\nraise KeyError('k')\n")
    with pytest.raises(KeyError) as info:
        importlib.import_module("body")
    assert "body" not in sys.modules
    last = info.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1) == ("body.pyx", 2)


def test_deep_nesting_is_survived(sources: Path) -> None:
    write(sources / "deep.pyx", "def f(x): return " + "(" * 60 + "x" + " + 1)" * 60 + "\n")
    assert importlib.import_module("deep").f(0) == 60


def test_a_missing_further_source_is_named(sources: Path) -> None:
    path = write(sources / "no_more.pyx", "# distutils: sources = no_more_c.c\ndef f(): return 1\n")
    error = failing("no_more")
    assert error.code == "CYL1003"
    assert str(sources / "no_more_c.c") in str(error) and str(path) in str(error)
    assert "No such file" in str(error)


def test_no_temporary_folder_is_a_coded_error(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cython_llvm import frontend
    from cython_llvm.settings import Settings

    path = write(sources / "no_place.pyx", "def f(): return 1\n")
    monkeypatch.setattr("tempfile.tempdir", str(sources / "nowhere"))
    error = failing("no_place")
    assert error.code == "CYL1207"
    assert "TMPDIR" in str(error) and str(sources / "nowhere") in str(error)
    with pytest.raises(cython_llvm.CompileError) as info:
        frontend.generate_c(str(path), "no_place", Settings())
    assert info.value.code == "CYL1207"
    assert not isinstance(info.value, OSError)


def test_a_full_temporary_folder_is_a_coded_error(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "full.pyx", "def f(): return 1\n")
    shown = run("""
        import resource, signal
        import cython_llvm
        from cython_llvm import compiler_import, frontend
        from cython_llvm.settings import Settings
        compiler_import.import_compiler()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            frontend.generate_c("full.pyx", "full", Settings())
        except cython_llvm.CompileError as error:
            print(error.code, "TMPDIR" in str(error))
    """)
    assert shown == "CYL1207 True"
