"""`cython --backend=llvm` and `cythonize --backend=llvm`: the stock commands, no compiler."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_tools import SUFFIX, cython, cythonize, python, run
from cython_llvm import jobs
from cython_llvm.cli_options import split_arguments, wants_help
from cython_llvm.progress import Progress

HELLO = "def hello(int x):\n    '''doc'''\n    return x + 1\n"


@pytest.fixture(scope="module", autouse=True)
def native() -> None:
    """These tests compile: the native library must be there."""
    import cython_llvm._native  # noqa: F401


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    (tmp_path / "hello.pyx").write_text(HELLO)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "__pycache__"}


def test_writes_an_importable_module_and_nothing_else(hello: Path) -> None:
    done = cython(hello, "--backend=llvm", "-3", "hello.pyx")
    assert done.returncode == 0, done.stderr
    assert names(hello) == {"hello.pyx", "hello" + SUFFIX}
    assert done.stdout.startswith(f"hello.pyx -> hello{SUFFIX} (")
    assert python(hello, "import hello; print(hello.hello(41), hello.__file__)").split()[0] == "42"


def test_the_module_needs_nothing_of_ours(hello: Path) -> None:
    assert cython(hello, "--backend=llvm", "-3", "hello.pyx").returncode == 0
    code = (
        "import sys, hello; print(hello.hello(1), "
        "[m for m in sys.modules if m.startswith(('cython_llvm', 'Cython'))])"
    )
    assert python(hello, code) == "2 []"


def test_without_backend_nothing_changes(hello: Path) -> None:
    done = cython(hello, "-3", "hello.pyx")
    assert done.returncode == 0
    assert names(hello) == {"hello.pyx", "hello.c"}
    c_text = (hello / "hello.c").read_bytes()
    assert cython(hello, "--backend=c", "-3", "-f", "hello.pyx").returncode == 0
    assert (hello / "hello.c").read_bytes() == c_text
    emitted = cython(hello, "--backend=llvm", "--emit=c", "-3", "-f", "hello.pyx")
    assert emitted.returncode == 0
    assert (hello / "hello.c").read_bytes() == c_text
    refused = cython(hello, "--emit=so", "hello.pyx")
    assert refused.returncode == 2
    assert "unknown option --emit=so" in refused.stderr


def test_bad_options_are_named(hello: Path) -> None:
    unknown = cython(hello, "--backend=foo", "hello.pyx")
    assert unknown.returncode == 2
    assert "choose from 'c', 'llvm'" in unknown.stderr.replace("c, llvm", "'c', 'llvm'")
    needs = cython(hello, "--backend=c", "-O3", "hello.pyx")
    assert needs.returncode == 2
    assert "-O: needs --backend=llvm" in needs.stderr
    tree = cython(hello, "--backend=llvm", "--route=tree", "--emit=c", "hello.pyx")
    assert tree.returncode == 2
    assert "--emit=c: the tree route has no C" in tree.stderr
    assert names(hello) == {"hello.pyx"}


@pytest.mark.parametrize("emit", ["mir", "ll", "asm", "obj", "bc"])
def test_files_of_the_tree_route(hello: Path, emit: str) -> None:
    done = cython(hello, "--backend=llvm", "-3", "--route=tree", f"--emit={emit}", "hello.pyx")
    assert done.returncode == 0, done.stderr
    (made,) = names(hello) - {"hello.pyx"}
    data = (hello / made).read_bytes()
    first = {"mir": b"module hello", "obj": b"\x7fELF", "bc": b"BC\xc0\xde"}.get(emit, b"PyInit_hello")
    assert first in data


def test_a_library_of_the_tree_route_needs_nothing_of_ours(hello: Path) -> None:
    (hello / "alone.pyx").write_text("def f(int x, y=2):\n    return [x * 3, y]\n")
    done = cython(hello, "--backend=llvm", "-3", "--route=tree", "alone.pyx")
    assert done.returncode == 0, done.stderr
    code = "import sys, alone; print(alone.f(4), [m for m in sys.modules if 'cython_llvm' in m])"
    run = subprocess.run([sys.executable, "-S", "-c", code], cwd=hello, capture_output=True, text=True)
    assert run.stdout == "[12, 2] []\n", run.stderr


def test_help_has_a_group_of_ours(tmp_path: Path) -> None:
    for done in (cython(tmp_path, "--help"), cythonize(tmp_path, "-h")):
        assert done.returncode == 0
        group = done.stdout.partition("\ncython-llvm:")[2]
        for option in ("--backend", "--emit", "-O", "--march", "--route", "--explain", "-g"):
            assert option in group


@pytest.mark.parametrize(
    ("kind", "suffix", "start"),
    [("obj", ".o", b"\x7fELF"), ("bc", ".bc", b"BC\xc0\xde"), ("ll", ".ll", b"; ModuleID"),
     ("asm", ".s", b"\t")],
)  # fmt: skip
def test_emit(hello: Path, kind: str, suffix: str, start: bytes) -> None:
    done = cython(hello, "--backend=llvm", f"--emit={kind}", "-O1", "-3", "hello.pyx")
    assert done.returncode == 0, done.stderr
    assert names(hello) == {"hello.pyx", "hello" + suffix}
    assert (hello / ("hello" + suffix)).read_bytes().startswith(start)


def test_level_and_cpu_reach_the_code(tmp_path: Path) -> None:
    (tmp_path / "v.pyx").write_text(
        "# cython: boundscheck=False, wraparound=False\n"
        "def f(float[::1] a, float[::1] b):\n"
        "    cdef Py_ssize_t i\n"
        "    for i in range(a.shape[0]):\n        a[i] = a[i] + b[i]\n"
    )

    def asm(*options: str) -> str:
        args = ("--backend=llvm", "--emit=asm", "-3", *options, "v.pyx")
        assert cython(tmp_path, *args).returncode == 0
        return (tmp_path / "v.s").read_text()

    assert "%ymm" not in asm()
    assert "%ymm" in asm("--march=x86-64-v3", "-O3")
    assert len(asm("-O0")) > 1.2 * len(asm("-O2"))


def test_output_file_and_folder(hello: Path) -> None:
    (hello / "out").mkdir()
    assert cython(hello, "--backend=llvm", "-o", "out", "-3", "hello.pyx").returncode == 0
    assert names(hello / "out") == {"hello" + SUFFIX}
    assert cython(hello, "--backend=llvm", "-o", "out/x.so", "-3", "hello.pyx").returncode == 0
    assert names(hello / "out") == {"hello" + SUFFIX, "x.so"}
    (hello / "two.pyx").write_text("x = 1\n")
    clash = cython(hello, "--backend=llvm", "-o", "one.so", "hello.pyx", "two.pyx")
    assert clash.returncode == 1
    assert "CYL4004" in clash.stderr


def test_package_modules_and_module_name(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "mod.pyx").write_text("name = __name__\n")
    assert cython(tmp_path, "--backend=llvm", "-3", "pkg/mod.pyx").returncode == 0
    assert python(tmp_path, "import pkg.mod; print(pkg.mod.name)") == "pkg.mod"
    done = cython(
        tmp_path, "--backend=llvm", "--module-name=pkg.other", "-3", "-f", "pkg/mod.pyx"
    )
    assert done.returncode == 0, done.stderr
    assert python(tmp_path, "import pkg.other; print(pkg.other.name)") == "pkg.other"


def test_stock_options_keep_their_meaning(tmp_path: Path) -> None:
    (tmp_path / "o.pyx").write_text(
        "DEF N = SIZE\n"
        "def div(int a, int b):\n    '''doc'''\n    return a / b\n"
        "def n(): return N\n"
    )
    done = cython(
        tmp_path, "--backend=llvm", "-2", "-X", "cdivision=True", "-E", "SIZE=7", "-D",
        "-a", "-M", "o.pyx",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {"o.pyx", "o" + SUFFIX, "o.html", "o.c.dep"}
    assert "Generated by Cython" in (tmp_path / "o.html").read_text()[:100]
    rule = (tmp_path / "o.c.dep").read_text()
    assert rule.split(":")[0] == "o" + SUFFIX
    assert "o.pyx" in rule
    assert python(tmp_path, "import o; print(o.div(-7, 2), o.n(), o.div.__doc__)") == "-3 7 None"


def test_public_headers_are_written_beside(tmp_path: Path) -> None:
    (tmp_path / "p.pyx").write_text(
        "cdef public int pub(int x): return x\ncdef api int ap(int x): return x\n"
    )
    assert cython(tmp_path, "--backend=llvm", "-3", "p.pyx").returncode == 0
    assert names(tmp_path) == {"p.pyx", "p" + SUFFIX, "p.h", "p_api.h"}


def test_include_dir_working_dir_timestamps(tmp_path: Path) -> None:
    work, include = tmp_path / "work", tmp_path / "inc"
    work.mkdir()
    include.mkdir()
    (include / "part.pxi").write_text("VALUE = 5\n")
    (work / "w.pyx").write_text('include "part.pxi"\n')
    args = ("--backend=llvm", "-3", "-w", "work", "-I", "../inc", "-t", "w.pyx")
    done = cython(tmp_path, *args)
    assert done.returncode == 0, done.stderr
    output = work / ("w" + SUFFIX)
    first = output.stat().st_mtime_ns
    assert cython(tmp_path, *args).returncode == 0
    assert output.stat().st_mtime_ns == first
    os.utime(work / "w.pyx", (time.time() + 5, time.time() + 5))
    assert cython(tmp_path, *args).returncode == 0
    assert output.stat().st_mtime_ns != first


def test_header_settings(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "val.h").write_text("#define VAL (FROM_MACRO + 1)\nint more(int);\n")
    (tmp_path / "more.c").write_text('#include "val.h"\nint more(int x) { return x * VAL; }\n')
    (tmp_path / "d.pyx").write_text(
        "# distutils: include_dirs = inc\n"
        "# distutils: define_macros = FROM_MACRO=9\n"
        "# distutils: sources = more.c\n"
        "# distutils: libraries = m\n"
        "# distutils: extra_compile_args = -fopenmp -fno-tree-vectorize -O3\n"
        "# distutils: extra_link_args = -fopenmp\n"
        'cdef extern from "val.h":\n    int VAL\n    int more(int)\n'
        "def f(): return VAL, more(2)\n"
    )
    done = cython(tmp_path, "--backend=llvm", "-3", "d.pyx")
    assert done.returncode == 0, done.stderr
    assert python(tmp_path, "import d; print(d.f())") == "(10, 20)"


def test_cplus_by_option_and_by_header(tmp_path: Path) -> None:
    body = (
        "from libcpp.vector cimport vector\n"
        "def f(int n):\n    cdef vector[int] v\n    v.push_back(n)\n    return v.size(), v[0]\n"
    )
    (tmp_path / "opt.pyx").write_text(body)
    (tmp_path / "head.pyx").write_text("# distutils: language = c++\n" + body)
    assert cython(tmp_path, "--backend=llvm", "-3", "--cplus", "opt.pyx").returncode == 0
    assert cython(tmp_path, "--backend=llvm", "-3", "head.pyx").returncode == 0
    assert python(tmp_path, "import opt, head; print(opt.f(3), head.f(4))") == "(1, 3) (1, 4)"


def test_numpy_headers_are_found(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    (tmp_path / "np.pyx").write_text(
        "cimport numpy as cnp\ncnp.import_array()\n"
        "def first(cnp.ndarray[double] a): return a[0]\n"
    )
    done = cython(tmp_path, "--backend=llvm", "-3", "np.pyx")
    assert done.returncode == 0, done.stderr
    assert python(tmp_path, "import np, numpy; print(np.first(numpy.ones(2)))") == "1.0"


def test_cython_errors_are_printed_as_stock_prints_them(tmp_path: Path) -> None:
    (tmp_path / "bad.pyx").write_text("def f():\n    cdef int x = nosuch\n    return x\n")
    stock = cython(tmp_path, "-3", "bad.pyx")
    (tmp_path / "bad.c").unlink(missing_ok=True)
    ours = cython(tmp_path, "--backend=llvm", "-3", "bad.pyx")
    assert (ours.returncode, ours.stderr) == (stock.returncode, stock.stderr)
    assert "nosuch" in ours.stderr
    assert names(tmp_path) == {"bad.pyx"}


def test_c_errors_point_into_the_source(tmp_path: Path) -> None:
    (tmp_path / "c.pyx").write_text(
        'cdef extern from *:\n    """\n    #define broken(x) ((x)->nosuch)\n    """\n'
        "    int broken(int)\n\n"
        "def f(int x):\n    y = 1\n    return broken(x)\n"
    )
    (tmp_path / ("c" + SUFFIX)).write_bytes(b"old")
    done = cython(tmp_path, "--backend=llvm", "-3", "c.pyx")
    assert done.returncode == 1
    assert "c.pyx:9: error:" in done.stderr
    assert "return broken(x)" in done.stderr
    assert (tmp_path / ("c" + SUFFIX)).read_bytes() == b"old"
    assert names(tmp_path) == {"c.pyx", "c" + SUFFIX}


def test_missing_header_and_library_are_named(tmp_path: Path) -> None:
    (tmp_path / "h.pyx").write_text('\ncdef extern from "nosuch.h":\n    int q\nx = q\n')
    done = cython(tmp_path, "--backend=llvm", "-3", "h.pyx")
    assert done.returncode == 1
    assert "h.pyx:2: error: 'nosuch.h' file not found" in done.stderr
    assert "include_dirs" in done.stderr
    (tmp_path / "l.pyx").write_text("# distutils: libraries = nosuchlib\nx = 1\n")
    done = cython(tmp_path, "--backend=llvm", "-3", "l.pyx")
    assert done.returncode == 1
    assert "nosuchlib" in done.stderr
    assert "library_dirs" in done.stderr
    assert names(tmp_path) == {"h.pyx", "l.pyx"}


def test_several_files_one_bad(tmp_path: Path) -> None:
    for index in range(4):
        (tmp_path / f"m{index}.pyx").write_text(f"value = {index}\n")
    (tmp_path / "bad.pyx").write_text("def f(:\n")
    sources = ["m0.pyx", "bad.pyx", "m1.pyx", "m2.pyx", "m3.pyx"]
    done = cython(tmp_path, "--backend=llvm", "-3", "-j2", *sources)
    assert done.returncode == 1
    assert "bad.pyx:1" in done.stderr
    lines = sorted(line.split(" (")[0] for line in done.stdout.splitlines())
    assert lines == [f"m{i}.pyx -> m{i}{SUFFIX}" for i in range(4)]
    code = "import m0, m1, m2, m3; print(m0.value + m1.value + m2.value + m3.value)"
    assert python(tmp_path, code) == "6"


def test_unwritable_folder(hello: Path) -> None:
    out = hello / "file"
    out.write_text("")
    done = cython(hello, "--backend=llvm", "-3", "-o", "file/x.so", "hello.pyx")
    assert done.returncode == 1
    assert "CYL4001" in done.stderr
    assert "Traceback" not in done.stderr


def test_explain(hello: Path) -> None:
    done = cython(hello, "--backend=llvm", "-3", "--explain", "hello.pyx")
    assert done.returncode == 0
    told = "hello.pyx: route: tree\n  because the tree route supports all of it\n"
    assert told in done.stderr
    done = cythonize(hello, "--backend=llvm", "-3", "-f", "--explain", "hello.pyx")
    assert done.returncode == 0 and told in done.stderr


@pytest.mark.parametrize("command", [cython, cythonize])
def test_a_wrong_variable_is_one_line(hello: Path, command: Callable[..., Any]) -> None:
    done = command(hello, "--backend=llvm", "hello.pyx", env={"CYTHON_LLVM_ROUTE": "bogus"})
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "error: CYTHON_LLVM_ROUTE must be one of" in done.stderr
    assert names(hello) == {"hello.pyx"}
    stock = command(hello, "-3", "hello.pyx", env={"CYTHON_LLVM_ROUTE": "bogus"})
    assert stock.returncode == 0, stock.stderr


def test_missing_source_reads_as_stock(tmp_path: Path) -> None:
    stock = cython(tmp_path, "nosuch.pyx")
    ours = cython(tmp_path, "--backend=llvm", "nosuch.pyx")
    assert (ours.returncode, ours.stderr) == (stock.returncode, stock.stderr)


def test_generate_shared(tmp_path: Path) -> None:
    done = cython(tmp_path, "--backend=llvm", "--generate-shared=_shared.c")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {"_shared" + SUFFIX}
    (tmp_path / "mv.pyx").write_text("def f(int[:] a): return a[1]\n")
    assert cython(tmp_path, "--backend=llvm", "-3", "--shared=_shared", "mv.pyx").returncode == 0
    assert python(tmp_path, "import mv, array; print(mv.f(array.array('i', [1, 2])))") == "2"


@pytest.mark.parametrize("route", ["tree", "c"])
def test_shared_memoryview_code(tmp_path: Path, route: str) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    done = cython(tmp_path, "--backend=llvm", "--generate-shared=pkg/_views.c")
    assert done.returncode == 0, done.stderr
    (package / "user.pyx").write_text(
        "cimport cython\nfrom cython.view cimport array as view\n"
        "def nothing():\n    cdef object[::cython.view.indirect, :] x = None\n    return x\n"
        "def part(int[:] a): return a[::2]\n"
        "def copied(int[:] a):\n    cdef int[::1] b = a.copy()\n    return b\n"
        "def made(n):\n    cdef view v = view((n,), itemsize=4, format='i')\n    cdef int[:] w = v\n"
        "    w[:] = 7\n    return v\n"
        "def total(int[:, ::1] a):\n    cdef int k, t = 0\n    for k in range(a.shape[0]): t += a[k, 0]\n"
        "    return t\n")  # fmt: skip
    done = cython(tmp_path, "--backend=llvm", "-3", f"--route={route}", "--shared=pkg._views", "pkg/user.pyx")
    assert done.returncode == 0, done.stderr
    program = (
        "import array; from pkg import user, _views; a = array.array('i', range(6)); x = user.part(a); "
        "types = [type(x), type(user.copied(a)), type(x.T), type(memoryview(x[:2]).obj)]; "
        "print([t is _views._memoryviewslice for t in types], type(user.made(2)) is _views.array, "
        "list(x), list(user.copied(a)), "
        "list(user.made(2)), user.total(memoryview(bytearray(24)).cast('i', (3, 2))), "
        "str(user.nothing()))"
    )
    shown = f"{[True] * 4} True [0, 2, 4] [0, 1, 2, 3, 4, 5] [7, 7] 0 None"
    assert python(tmp_path, program) == shown
    os.remove(package / ("_views" + SUFFIX))
    done = run(tmp_path, sys.executable, "-c", "import pkg.user")
    assert "ModuleNotFoundError: No module named 'pkg._views'" in done.stderr


def test_cythonize_in_place_incremental(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "n.pxd").write_text("cdef int g(int x)\n")
    (package / "n.pyx").write_text("cdef int g(int x): return x + 1\n")
    (package / "m.pyx").write_text("from pkg.n cimport g\ndef f(int x): return g(x)\n")
    args = ("--backend=llvm", "-i", "-3", "pkg/*.pyx")
    done = cythonize(tmp_path, *args)
    assert done.returncode == 0, done.stderr
    made = {"m" + SUFFIX, "n" + SUFFIX}
    assert names(package) == {"__init__.py", "n.pxd", "n.pyx", "m.pyx"} | made
    assert python(tmp_path, "import pkg.m; print(pkg.m.f(1))") == "2"
    assert cythonize(tmp_path, *args).stdout == ""
    os.utime(package / "n.pxd", (time.time() + 5, time.time() + 5))
    again = cythonize(tmp_path, *args).stdout
    assert {line.split(" ->")[0] for line in again.splitlines()} == {"pkg/m.pyx", "pkg/n.pyx"}


def test_cythonize_failures(tmp_path: Path) -> None:
    (tmp_path / "good.pyx").write_text("x = 1\n")
    (tmp_path / "bad.pyx").write_text("def f(:\n")
    assert cythonize(tmp_path, "--backend=llvm", "-3", "bad.pyx").returncode != 0
    done = cythonize(tmp_path, "--backend=llvm", "-3", "-k", "bad.pyx", "good.pyx")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == {"good.pyx", "bad.pyx", "good" + SUFFIX}


def test_cythonize_without_backend_is_stock(tmp_path: Path) -> None:
    (tmp_path / "s.pyx").write_text("x = 1\n")
    assert cythonize(tmp_path, "-3", "s.pyx").returncode == 0
    assert names(tmp_path) == {"s.pyx", "s.c"}


# -- parts --------------------------------------------------------------------


def test_split_arguments_leaves_the_rest_in_order() -> None:
    given = "-3 --backend=llvm -X a=b -O3 f.pyx --march=native -a -- -x".split()
    request, rest = split_arguments(given)
    assert request is not None
    assert (request.backend, request.opt_level, request.march) == ("llvm", 3, "native")
    assert [arg for arg in rest if arg != "--"] == ["-3", "-X", "a=b", "f.pyx", "-a", "-x"]
    assert split_arguments(["-3", "-O3", "f.pyx"]) == (None, ["-3", "-O3", "f.pyx"])


@pytest.mark.parametrize(("arg", "wanted"), [("-h", True), ("--he", True), ("--", False)])
def test_wants_help(arg: str, wanted: bool) -> None:
    assert wants_help(["x", arg]) is wanted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_clears_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out, err = io.StringIO(), Terminal()
    progress = Progress(2, out, err)
    progress.start("a.pyx")
    assert err.getvalue() == "\r[0/2] a.pyx"
    progress.message("trouble")
    progress.done("a.pyx", "a.so", 0.5)
    progress.close()
    text = err.getvalue()
    assert "\rtrouble\n" in text.replace(" ", "")
    assert text.endswith("\r")
    assert out.getvalue() == ""


def test_warnings_stand_above_the_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    err = Terminal()
    progress = Progress(1, io.StringIO(), err)
    progress.start("a.pyx")
    with progress.giving_way():
        sys.stderr.write("warning: a.pyx\n")
    assert err.getvalue() == "\r[0/1] a.pyx\r           \rwarning: a.pyx\n"
    assert sys.stderr is not err


def test_progress_elsewhere_prints_lines() -> None:
    out, err = io.StringIO(), io.StringIO()
    progress = Progress(1, out, err)
    progress.start("a.pyx")
    progress.done("a.pyx", "a.so", 0.84)
    progress.close()
    assert (out.getvalue(), err.getvalue()) == ("a.pyx -> a.so (0.8 s)\n", "")


def test_a_crash_takes_one_item_with_it() -> None:
    def work(item: int) -> int:
        print(f"item {item}")
        if item == 1:
            os.kill(os.getpid(), 9)
        if item == 2:
            raise ValueError("bad item")
        return item * 10

    finished: dict[int, jobs.Finished] = {}
    started: list[int] = []
    jobs.run_forked(work, [0, 1, 2, 3], 2, started.append, lambda f: finished.update({f.index: f}))
    assert started == [0, 1, 2, 3]
    assert {i: f.value for i, f in finished.items()} == {0: 0, 1: None, 2: None, 3: 30}
    assert "SIGKILL" in (finished[1].failure or "")
    assert "bad item" in (finished[2].failure or "")
    assert finished[3].output == "item 3\n"


def test_embed_makes_a_program_or_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "prog.py").write_text("import sys\nprint('hello', sys.argv[1:])\n")
    done = cython(tmp_path, "--backend=llvm", "-3", "--embed", "prog.py")
    program = tmp_path / "prog"
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        assert done.returncode == 0, done.stderr
    if done.returncode == 0:
        ran = subprocess.run([str(program), "a"], capture_output=True, text=True, timeout=60)
        assert ran.stdout == "hello ['a']\n", ran.stderr
    else:  # an interpreter without a libpython to link with
        assert "CYL2010" in done.stderr and "install" in done.stderr
        assert names(tmp_path) == {"prog.py"}
    named = cython(tmp_path, "--backend=llvm", "-3", "--embed=start", "prog.py")
    assert named.returncode == 1
    assert "CYL2011" in named.stderr


def test_without_a_temporary_folder_it_says_so(hello: Path) -> None:
    (hello / "two.pyx").write_text("x = 1\n")
    code = (
        "import sys, tempfile\ntempfile.tempdir = '/no/such/folder'\n"
        "from cython_llvm.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    for sources in (["hello.pyx"], ["hello.pyx", "two.pyx"]):
        done = run(hello, sys.executable, "-c", code, "-3", "-j2", *sources)
        assert done.returncode == 1
        assert done.stderr.count("CYL1207") == len(sources) and "TMPDIR" in done.stderr
        assert "Traceback" not in done.stderr
