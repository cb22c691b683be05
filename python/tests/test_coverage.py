"""Coverage of modules that trace lines: reports are those of stock Cython and gcc, line by line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from cython_llvm import elfsection, tracedlines

pytest.importorskip("coverage.tracer")
pytestmark = pytest.mark.skipif(sys.version_info >= (3, 12), reason="before sys.monitoring")

_MACRO = "# distutils: define_macros=CYTHON_TRACE_NOGIL=1\n"
_ON = f"# cython: linetrace=True, language_level=3\n{_MACRO}"

#: What is imported, and the sources of the tree.
_SOURCES = {
    "package/__init__.pyx": _ON + "def start(x):\n    return x\n",
    "package/common.pxi": """\
cdef int kept(int x) except -1:
    if x == 77:
        raise ValueError(x)
    return x + 1

def included(x):
    y = kept(x)
    if y == 99:
        return 98
    return y
""",
    "package/shared.pxd": """\
cdef inline int doubled(int x):
    if x == 5:
        return 11
    return 2 * x
""",
    "package/whole.pyx": _ON + '''\
include "common.pxi"
cimport cython
from package.shared cimport doubled

cdef enum Kind:
    ONE = 1
    TWO

cdef struct Pair:
    int x
    int y

cdef int quick(int x) noexcept nogil:
    cdef int y = x
    if y > 100:
        y = 7
    while y < 3:
        y += 1
    return y * 2

cdef class Point:
    """Text."""
    cdef public int x
    cdef object other
    def __init__(self, x, other=None):
        self.x = x
        self.other = other
    @property
    def twice(self):
        return 2 * self.x
    cpdef int moved(self, int by):
        return self.x + by
    def never(self):
        return (
            self.x
        )

class Plain:
    size = (
        3
    )
    def method(self, a, *args, **kwargs):
        try:
            return a // self.size
        except TypeError:
            return None
        except ValueError:
            return -1
        finally:
            self.size = 4

def numbers(n):
    for i in range(n):
        if i == 3:
            continue
        yield i
    else:
        n = 0
    return n

async def waits(x):
    return x

def closures(a):
    def inner(b):
        return a + b
    unused = lambda: \\
        7
    return [inner(x) for x in range(3)]

def plain(int a):
    cdef int i
    cdef Pair p
    p.x = 1
    if a:
        with nogil:
            i = quick(a)
    elif a == 17:
        i = 1
    else:
        i = 2
    if a == 1234:  # pragma: no cover
        i = 5
    with cython.boundscheck(False):
        i += doubled(i)
    assert i, "never"
    return i + included(i)

@cython.linetrace(False)
def silent(a):
    return a
''',
    "package/pure.py": _ON + '''\
import cython

@cython.cfunc
def low(x: cython.int) -> cython.int:
    if x == 4:
        return 5
    return x

def high(x):
    """Text."""
    match x:
        case 1:
            return low(x)
        case [a, b]:
            return a
    return None
''',
    "package/late.pyx": _ON + 'include "late_first.pxi"\ndef f():\n    return first()\n',
    "package/late_first.pxi": "def first():\n    x = 1\n    if x == 2:\n        x = 3\n    return x\n",
}  # fmt: skip
_MODULES = ["package/__init__.pyx", "package/whole.pyx", "package/pure.py", "package/late.pyx"]

_CALLS = """
import package
from package import late, pure, whole
late.first()
package.start(1)
whole.plain(3), whole.closures(1), list(whole.numbers(2))
whole.Point(4).moved(3), whole.Plain().method("a")
pure.high(1)
for module in (package, late, pure, whole):
    assert type(module.__loader__).__name__ == sys.argv[1], module.__loader__
"""
_HOOKED = "import sys, cython_llvm\ncython_llvm.install(pyimport=True)\n" + _CALLS
_LIBRARIES = "import sys\n" + _CALLS

#: The command; `python -m cython` would put the installed packages before all others.
_CYTHON = "from Cython.Compiler.Main import main; main(command_line=1)"

_PACKAGE = Path(cython_llvm.__file__).parents[1]
#: Of the same tree as the package, which need not be the installed one.
_HOOK = next(path for path in (_PACKAGE / "cython_llvm.data" / "purelib", _PACKAGE) if path.is_dir())


def _with_hook(folder: Path, **env: str) -> dict[str, str]:
    """An environment in which the folder's programs have the hook."""
    code = "import _cython_llvm_hook\n_cython_llvm_hook.uninstall()\n_cython_llvm_hook.install()\n"
    (folder / "sitecustomize.py").write_text(code)
    return {**env, "PYTHONPATH": os.pathsep.join(map(str, (folder, _HOOK, _PACKAGE)))}


def _tree(folder: Path, plugin: str) -> Path:
    for name, text in _SOURCES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "hooked.py").write_text(_HOOKED)
    (folder / "libraries.py").write_text(_LIBRARIES)
    (folder / ".coveragerc").write_text(f"[run]\nplugins = {plugin}\nsource = package\n")
    return folder


def _python(folder: Path, *arguments: str, **env: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env={**os.environ, **env}, timeout=300,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _lines(folder: Path, **env: str) -> dict[str, tuple[list[int], ...]]:
    """Lines of each file that ran, that did not, and that do not count."""
    _python(folder, "-m", "coverage", "json", "-q", "-o", "report.json", **env)
    report = json.loads((folder / "report.json").read_text())
    kinds = "executed_lines", "missing_lines", "excluded_lines"
    return {name: tuple(found[kind] for kind in kinds) for name, found in report["files"].items()}


def _covered(folder: Path, program: str, loader: str, **env: str) -> dict[str, Any]:
    _python(folder, "-m", "coverage", "run", program, loader, **env)
    return _lines(folder, **env)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report for libraries by Cython and gcc."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    folder = _tree(tmp_path_factory.mktemp("stock"), "Cython.Coverage")
    (folder / "setup.py").write_text(
        "from setuptools import setup\nfrom Cython.Build import cythonize\n"
        f"setup(ext_modules=cythonize({_MODULES!r}, language_level=3))\n"
    )
    _python(folder, "setup.py", "-q", "build_ext", "--inplace", CFLAGS="-O0 -w")
    found = _covered(folder, "libraries.py", "ExtensionFileLoader")
    assert sorted(found) == sorted(name for name in _SOURCES if not name.endswith(".pxd"))
    assert all(executed for executed, _, _ in found.values())
    assert found["package/whole.pyx"][1] and found["package/whole.pyx"][2]
    return found


@pytest.mark.parametrize("route", ["tree", "c"])
def test_imports(tmp_path: Path, stock: dict[str, Any], route: str) -> None:
    """In memory the first time, from the cache the second."""
    folder = _tree(tmp_path / "here", "cython_llvm.coverage")
    env = {"CYTHON_LLVM_CACHE_DIR": str(tmp_path / "cache"), "CYTHON_LLVM_ROUTE": route}
    assert _covered(folder, "hooked.py", "PyxLoader", **env) == stock
    shutil.rmtree(tmp_path / "cache" / tracedlines.FOLDER)
    assert _covered(folder, "hooked.py", "PyxLoader", **env) == stock
    assert not list(folder.glob("**/*.c")) and not list(folder.glob("**/*.so"))


def test_the_report_of_the_process_needs_no_cache(tmp_path: Path, stock: dict[str, Any]) -> None:
    folder = _tree(tmp_path, "cython_llvm.coverage")
    program = (
        "import coverage, runpy, sys\nmeasured = coverage.Coverage()\nmeasured.start()\n"
        "sys.argv[1:] = ['PyxLoader']\nrunpy.run_path('hooked.py')\nmeasured.stop()\n"
        "measured.json_report(outfile='report.json')\nmeasured.save()\n"
    )
    _python(folder, "-c", program, CYTHON_LLVM_CACHE="0")
    report = json.loads((folder / "report.json").read_text())
    found = {name: values["missing_lines"] for name, values in report["files"].items()}
    assert found == {name: missing for name, (_, missing, _) in stock.items()}


@pytest.mark.parametrize("plugin", ["cython_llvm.coverage", "Cython.Coverage"])
@pytest.mark.parametrize("route", ["tree", "c"])
def test_libraries(tmp_path: Path, stock: dict[str, Any], route: str, plugin: str) -> None:
    """Libraries that the command wrote say what their lines are, with no C file and no cache."""
    folder = _tree(tmp_path, plugin)
    env = _with_hook(folder, CYTHON_LLVM_CACHE="0")
    _python(folder, "-c", _CYTHON, "-3", "--backend=llvm", f"--route={route}", *_MODULES, **env)
    assert not list(folder.glob("**/*.c"))
    assert _covered(folder, "libraries.py", "ExtensionFileLoader", **env) == stock


def test_a_library_elsewhere(tmp_path: Path) -> None:
    """Its source is found as it was named; a later report knows it from the run."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "far.pyx").write_text(_ON + "def f(x):\n    if x:\n        return 1\n    return 2\n")
    (tmp_path / "run.py").write_text("import far\nfar.f(0)\n")
    (tmp_path / ".coveragerc").write_text("[run]\nplugins = Cython.Coverage\nsource = src\n")
    env = _with_hook(tmp_path, CYTHON_LLVM_CACHE_DIR=str(tmp_path / "cache"))
    _python(tmp_path, "-c", _CYTHON, "--backend=llvm", "src/far.pyx", "-o", "far.so", **env)
    _python(tmp_path, "-m", "coverage", "run", "run.py", **env)
    assert _lines(tmp_path, **env) == {"src/far.pyx": ([1, 3, 4, 6], [5], [])}


def test_what_ran_last_counts(tmp_path: Path) -> None:
    """A library that is newer than the run is asked, as is a C file of stock Cython's."""
    source = tmp_path / "edited.pyx"
    env = {"CYTHON_LLVM_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "run.py").write_text("import cython_llvm\ncython_llvm.install()\nimport edited\nedited.f()\n")
    (tmp_path / ".coveragerc").write_text("[run]\nplugins = cython_llvm.coverage\nsource = .\nomit = run.py\n")
    for body, expected in (("    return 1\n", [1, 3, 4]), ("    x = 1\n    return x\n", [1, 3, 4, 5])):
        source.write_text(_ON + "def f():\n" + body)
        assert _covered(tmp_path, "run.py", "", **env) == {"edited.pyx": (expected, [], [])}
    source.write_text(_ON + "def f():\n    x = 1\n    y = 2\n    return x\n")
    _python(tmp_path, "-m", "cython", str(source), **env)
    assert _lines(tmp_path, **env) == {"edited.pyx": ([1, 3, 4, 5], [6], [])}


def test_untraced_modules_say_nothing(tmp_path: Path) -> None:
    source = tmp_path / "plain.pyx"
    source.write_text("def f():\n    return 1\n")
    program = f"import cython_llvm\ncython_llvm.import_file({str(source)!r})\n"
    _python(tmp_path, "-c", program, CYTHON_LLVM_CACHE_DIR=str(tmp_path / "cache"))
    (library,) = (tmp_path / "cache").glob("**/*.so")
    assert tracedlines.of_library(str(library)) == b""


def test_the_section_moves_nothing(tmp_path: Path) -> None:
    library = Path(sys.modules["_struct"].__file__ or "") if "_struct" in sys.modules else None
    path = tmp_path / "any.so"
    if library is None or not library.is_file():
        pytest.skip("no extension module at hand")
    data = library.read_bytes()
    path.write_bytes(elfsection.added(data, b".first", b"one"))
    path.write_bytes(elfsection.added(path.read_bytes(), b".second", b"two"))
    with path.open("rb") as file:
        assert elfsection.read(file, b".first") == b"one"
        assert elfsection.read(file, b".second") == b"two"
        assert elfsection.read(file, b".third") is None
    assert path.read_bytes()[64 : len(data)] == data[64:]


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\x7fELF\x02\x01" + bytes(30), b"\x7fELF\x02\x01" + b"\xff" * 90],
    ids=["empty", "text", "cut", "wild"],
)
def test_files_that_are_no_libraries(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd.so"
    path.write_bytes(data)
    assert tracedlines.of_library(str(path)) == b""
