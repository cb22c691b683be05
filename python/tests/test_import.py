"""The import hook: what it finds, how it compiles it, what the module looks like."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import cython_llvm
from conftest import write


def test_a_module_imports_and_knows_its_source(sources: Path) -> None:
    path = write(sources / "plain_mod.pyx", '"""Doc."""\ndef f(int x): return x + 1\n')
    module = importlib.import_module("plain_mod")
    assert module.f(41) == 42
    assert module.__doc__ == "Doc."
    assert module.__file__ == str(path)
    assert module.__spec__.origin == str(path)
    assert cython_llvm.explain(module).route == "tree"


def test_packages_and_cimports(sources: Path) -> None:
    write(sources / "pk/__init__.pyx", "level = 1\n")
    write(sources / "pk/base.pxd", "cdef class Base:\n    cdef int n\n    cdef int twice(self)\n")
    write(
        sources / "pk/base.pyx",
        """
        cdef class Base:
            def __init__(self, int n): self.n = n
            cdef int twice(self): return 2 * self.n
        """,
    )
    write(sources / "pk/part.pxi", "PART = 7\n")
    write(
        sources / "pk/rel.pyx",
        """
        from .base cimport Base
        include "part.pxi"
        cdef class Derived(Base):
            def value(self): return self.twice() + PART
        """,
    )
    write(
        sources / "pk/absolute.pyx",
        "from pk.base cimport Base\ndef of(Base b): return b.twice()\n",
    )
    package = importlib.import_module("pk")
    assert package.level == 1 and package.__path__ == [str(sources / "pk")]
    derived = importlib.import_module("pk.rel").Derived(5)
    assert derived.value() == 17
    assert importlib.import_module("pk.absolute").of(derived) == 10


def test_cplus_from_the_header_line(sources: Path) -> None:
    write(
        sources / "cpp_mod.pyx",
        """
        # distutils: language = c++
        from libcpp.vector cimport vector
        from libcpp.string cimport string
        cdef vector[int] kept
        def add(int x):
            kept.push_back(x)
            return kept.size()
        def at(int i): return kept.at(i)
        def greet(): return string(b"hello")
        """,
    )
    module = importlib.import_module("cpp_mod")
    assert [module.add(3), module.add(4)] == [1, 2]
    assert module.greet() == b"hello"


def test_cxx_exceptions_become_python_ones(sources: Path) -> None:
    write(
        sources / "cpp_exc.pyx",
        """
        # distutils: language = c++
        from libcpp.vector cimport vector
        def at(int i):
            cdef vector[int] v
            v.push_back(1)
            return v.at(i)
        """,
    )
    with pytest.raises(IndexError):
        importlib.import_module("cpp_exc").at(5)


def test_numpy_is_cimported(sources: Path) -> None:
    numpy = pytest.importorskip("numpy")
    write(
        sources / "np_mod.pyx",
        """
        cimport numpy as cnp
        cnp.import_array()
        def total(cnp.ndarray[cnp.float64_t, ndim=1] a):
            cdef double s = 0
            cdef Py_ssize_t i
            for i in range(a.shape[0]): s += a[i]
            return s
        """,
    )
    assert importlib.import_module("np_mod").total(numpy.arange(5.0)) == 10.0


def test_memoryviews(sources: Path) -> None:
    write(
        sources / "mv_mod.pyx",
        """
        def total(double[:, :] a):
            cdef double s = 0
            for i in range(a.shape[0]):
                for j in range(a.shape[1]):
                    s += a[i, j]
            return s
        def halves(double[::1] a): return a[::2].copy()
        """,
    )
    numpy = pytest.importorskip("numpy")
    module = importlib.import_module("mv_mod")
    assert module.total(numpy.ones((3, 4))) == 12
    assert list(module.halves(numpy.arange(5.0))) == [0, 2, 4]
    with pytest.raises(ValueError, match="Buffer dtype mismatch, expected 'double' but got 'long'"):
        module.total(numpy.ones((2, 2), dtype="int64"))


def test_pyxbld_with_another_source(sources: Path) -> None:
    write(sources / "helper.c", "int helper(int x) { return x * FACTOR; }\n")
    write(
        sources / "with_bld.pyx",
        'cdef extern from *:\n    """int helper(int);"""\n    int helper(int)\n'
        "def f(x): return helper(x)\n",
    )
    write(
        sources / "with_bld.pyxbld",
        """
        import os
        def make_ext(modname, pyxfilename):
            from setuptools import Extension
            other = os.path.join(os.path.dirname(pyxfilename), "helper.c")
            return Extension(modname, [pyxfilename, other], define_macros=[("FACTOR", "3")])
        """,
    )
    assert importlib.import_module("with_bld").f(14) == 42


def test_pyimport_compiles_python_files(sources: Path) -> None:
    write(sources / "pure_py.py", "import cython\ncompiled = cython.compiled\n")
    py_importer, none = cython_llvm.install(pyximport=False, pyimport=True)
    try:
        assert none is None and py_importer is sys.meta_path[0]
        assert importlib.import_module("pure_py").compiled is True
    finally:
        cython_llvm.uninstall(py_importer, None)


def test_import_failure_falls_back_to_python_where_asked(sources: Path) -> None:
    write(sources / "not_cython.py", "def cdef(x): return x\nvalue = eval('1+1')\ncimport = 3\n")
    installed = cython_llvm.install(
        pyximport=False, pyimport=True, load_py_module_on_import_failure=True
    )
    try:
        assert importlib.import_module("not_cython").value == 2
    finally:
        cython_llvm.uninstall(*installed)


def test_install_twice_and_uninstall(sources: Path) -> None:
    assert cython_llvm.install() == (None, None)  # the fixture has installed it
    names = [type(finder).__name__ for finder in sys.meta_path]
    assert names.count("PyxFinder") == 1
    finder = next(f for f in sys.meta_path if type(f).__name__ == "PyxFinder")
    cython_llvm.uninstall(None, finder)
    try:
        write(sources / "unseen.pyx", "x = 1\n")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("unseen")
    finally:
        sys.meta_path.append(finder)


def test_import_file_with_name_directives_and_level(sources: Path) -> None:
    path = write(sources / "divide.pyx", "def f(int a, int b): return a // b\n")
    plain = cython_llvm.import_file(path, name="divide_plain")
    as_c = cython_llvm.import_file(path, name="divide_c", directives={"cdivision": True})
    assert (plain.f(-7, 2), as_c.f(-7, 2)) == (-4, -3)
    assert sys.modules["divide_c"] is as_c
    text = write(sources / "level.pyx", "def f(): return 3 / 2\n")
    assert cython_llvm.import_file(text, name="level2", language_level=2).f() == 1
    assert cython_llvm.import_file(text, name="level3", language_level=3).f() == 1.5


#: Globals of callers are the C route's.
NEEDS_C = "# cython: old_style_globals=True\nx = 1\ndef f(): return x\n"


def test_what_the_tree_route_lacks_is_refused(sources: Path) -> None:
    path = write(sources / "tree.pyx", NEEDS_C)
    with pytest.raises(cython_llvm.ModuleBuildError, match="needs the C route"):
        cython_llvm.import_file(path, route="tree")


def test_import_file_takes_the_route_of_the_environment(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(sources / "by_env.pyx", NEEDS_C)
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree")
    with pytest.raises(cython_llvm.ModuleBuildError, match="needs the C route"):
        cython_llvm.import_file(path)
    assert cython_llvm.import_file(path, route="c").x == 1
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "bogus")
    with pytest.raises(ValueError, match="CYTHON_LLVM_ROUTE must be one of auto, tree, c"):
        cython_llvm.import_file(path)


def test_bitcode_imports(sources: Path) -> None:
    from cython_llvm import frontend, toolchain
    from cython_llvm.settings import Settings

    path = write(sources / "portable.pyx", "def f(x): return x * 2\n")
    settings = Settings(march="x86-64")
    unit = frontend.generate_c(str(path), "portable", settings)
    module = toolchain.compile_c(unit.c_text, unit.c_filename, "c", settings)
    bitcode = sources / "portable.bc"
    bitcode.write_bytes(toolchain.emit(module, "bc", settings))
    assert cython_llvm.import_file(bitcode).f(21) == 42
    bitcode.write_bytes(bitcode.read_bytes()[:1000])
    with pytest.raises(ImportError):
        cython_llvm.import_file(bitcode, name="cut")


PRANGE = """
from cython.parallel import prange, parallel, threadid
cimport openmp

def total(long n, int threads):
    cdef long i, s = 0
    for i in prange(n, nogil=True, num_threads=threads, schedule="dynamic", chunksize=7):
        s += i
    return s

def last(int n):
    cdef int i = 77, k = 5
    for i in prange(n, nogil=True):
        k = i * 2
    return i, k

def threads(int n):
    cdef int most[1]
    most[0] = 0
    with nogil, parallel(num_threads=n):
        if threadid() == 0:
            most[0] = openmp.omp_get_num_threads()
    return most[0]

def fails(int n):
    cdef int i
    for i in prange(n, nogil=True):
        if i == 3:
            with gil:
                raise ValueError("three")

def stops(int n):
    cdef int i, found = -1
    for i in prange(n, nogil=True):
        if i == n // 2:
            found = i
            break
    return found

def with_gil(int n):
    out = [None] * n
    cdef int i
    for i in prange(n):
        out[i] = str(i)
    return out

def guarded(int n, bint go):
    cdef int i, s = 0
    for i in prange(n, nogil=True, use_threads_if=go, schedule="guided"):
        s += i
    return s
"""


def test_prange(sources: Path) -> None:
    write(sources / "par_mod.pyx", PRANGE)
    module = importlib.import_module("par_mod")
    assert module.total(1000, 4) == 499500
    assert module.last(0) == (77, 5)
    assert module.last(10) == (9, 18)
    assert module.threads(3) == 3
    with pytest.raises(ValueError, match="three"):
        module.fails(10)
    assert module.stops(100) == 50
    assert module.with_gil(50) == [str(i) for i in range(50)]
    assert module.guarded(10, False) == module.guarded(10, True) == 45


LAST_OF_DYNAMIC = """
from cython.parallel cimport prange, parallel

def wrong(int times, int threads):
    cdef int i, k, wrong = 0
    for k in range(times):
        i = -1
        with nogil, parallel(num_threads=threads):
            for i in prange(10, schedule="SCHEDULE"):
                pass
        wrong += i != 9
    return wrong
"""


@pytest.mark.parametrize("route", ["c", "tree"])
@pytest.mark.parametrize("schedule", ["dynamic", "guided", "runtime"])
def test_the_last_iteration_of_any_schedule_is_known(
    sources: Path, schedule: str, route: str
) -> None:
    """Libomp loses it, a few times in a hundred, where OpenMP 5's dynamic schedule is asked for."""
    name = f"last_of_{schedule}_{route}"
    path = write(sources / f"{name}.pyx", LAST_OF_DYNAMIC.replace("SCHEDULE", schedule))
    module = cython_llvm.import_file(path, name, route=route)
    assert module.wrong(2000, 4) == 0


def test_libraries_of_the_header_line(sources: Path) -> None:
    write(
        sources / "uses_z.pyx",
        '# distutils: libraries = z\ncdef extern from *:\n    """const char *zlibVersion(void);"""\n'
        "    const char *zlibVersion()\ndef version(): return zlibVersion()\n",
    )
    assert importlib.import_module("uses_z").version()[:1].isdigit()


def test_a_name_beyond_ascii(sources: Path) -> None:
    write(sources / "größe.pyx", "def länge(): return 3\n")
    assert importlib.import_module("größe").länge() == 3


def test_inplace_writes_the_library_beside_the_source(sources: Path) -> None:
    finder = next(f for f in sys.meta_path if type(f).__name__ == "PyxFinder")
    cython_llvm.uninstall(None, finder)
    installed = cython_llvm.install(inplace=True)
    try:
        write(sources / "beside.pyx", "def f(): return 1\n")
        assert importlib.import_module("beside").f() == 1
        assert [path.suffix for path in sources.glob("beside.*so")] == [".so"]
    finally:
        cython_llvm.uninstall(*installed)
        sys.meta_path.append(finder)
