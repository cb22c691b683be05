"""The IPython extension: Cython's own tests of its magics, cells that share, a real kernel."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.usefixtures("cache_dir"),
    pytest.mark.skipif(importlib.util.find_spec("IPython") is None, reason="IPython is not installed"),
]

CYTHONS_TESTS = """
import importlib, sys, unittest
from IPython.testing.globalipapp import start_ipython
start_ipython()
tests = importlib.import_module("Cython.Build.Tests.TestIpythonMagic")
class Here(tests.TestIPythonMagic):
    def setUp(self):
        tests.CythonTest.setUp(self)
        self._ip.extension_manager.load_extension("cython_llvm")
names = unittest.defaultTestLoader.getTestCaseNames(Here)
result = unittest.TestResult()
unittest.TestSuite(map(Here, names)).run(result)
for what in (*result.failures, *result.errors):
    print(what[0], what[1])
print("ran", result.testsRun, "failed", len(result.failures) + len(result.errors))
"""


def test_cythons_own_tests_pass(run: Callable[..., str], tmp_path: Path) -> None:
    shown = run(CYTHONS_TESTS, IPYTHONDIR=str(tmp_path / "ipython"), PATH="/nonexistent")
    assert shown.splitlines()[-1] == "ran 18 failed 0", shown


CELLS = '''
from IPython.testing.globalipapp import start_ipython
ip = start_ipython()
ip.run_line_magic("load_ext", "cython_llvm")
def cython(code, line=""):
    return ip.run_cell_magic("cython", line, code)
'''


def cells(run: Callable[..., str], tmp_path: Path, code: str) -> list[str]:
    return run(CELLS + textwrap.dedent(code), IPYTHONDIR=str(tmp_path / "ipython")).splitlines()


SHARING = [
    """
cdef double half(double x): return x / 2
cdef struct Pair:
    int a
    int b
cdef enum Kind:
    FIRST = 7
ctypedef double real
ctypedef fused number:
    int
    double
cdef class Box:
    cdef public int n
    cdef int twice(self): return 2 * self.n
""",
    """# cython: boundscheck=False
def quarter(x): return half(half(x))
def all_of_it(int n):
    cdef Box box = Box()
    box.n = n
    cdef Pair pair = Pair(1, 2)
    cdef real r = 0.5
    cdef Kind kind = FIRST
    return box.twice() + pair.a + pair.b + r + kind
def same(number x): return x
cdef class Crate(Box):
    cdef int twice(self): return 100
cdef double eighth(double x): return half(quarter(x))
""",
    "def third_cell(Crate c): return c.twice(), eighth(8)",
]


@pytest.mark.parametrize("route", ["c", "tree"])
def test_cells_share_functions_and_types(run: Callable[..., str], tmp_path: Path, route: str) -> None:
    shown = cells(run, tmp_path, f"""
        import os
        os.environ["CYTHON_LLVM_ROUTE"] = {route!r}
        for cell in {SHARING!r}:
            cython(cell)
        ns = ip.user_ns
        print(ns["quarter"](2.0), ns["all_of_it"](4), ns["same"](2.5), ns["third_cell"](ns["Crate"]()))
    """)  # fmt: skip
    assert shown[-1] == "0.5 18.5 2.5 (100, 1.0)"


def test_a_cells_own_names_come_first(run: Callable[..., str], tmp_path: Path) -> None:
    shown = cells(run, tmp_path, '''
        cython("cdef int f(int x): return 1")
        cython("def f(x): return 2\\ndef g(): return f(0)")
        cython("f = 3\\ndef h(): return f")
        cython("def k():\\n    f = 4\\n    return f")
        ns = ip.user_ns
        print(ns["g"](), ns["h"](), ns["k"]())
    ''')  # fmt: skip
    assert shown[-1] == "2 3 4"


def test_a_cell_run_again_replaces_its_functions(run: Callable[..., str], tmp_path: Path) -> None:
    shown = cells(run, tmp_path, '''
        import sys
        cython("cdef int f(int x): return x + 1\\ndef g(x): return f(x)")
        first = ip.user_ns["g"].__module__
        cython("cdef int f(int x): return x + 100\\ndef g(x): return f(x)")
        print(ip.user_ns["g"](1), ip.user_ns["g"].__module__ == first)
        cython("def uses(x): return f(x)")
        print(ip.user_ns["uses"](1))
        cython("def h(x): return 1", "-n named")
        one = sys.modules["named"]
        cython("def i(x): return 2", "-n named")
        print(sys.modules["named"] is one, one.i(0), one.h(0))
    ''')  # fmt: skip
    assert shown[-3:] == ["101 True", "101", "True 2 1"]


def test_what_uses_a_cell_follows_it(run: Callable[..., str], tmp_path: Path) -> None:
    """C functions that other cells call, functions that are held, instances of extension types."""
    shown = cells(run, tmp_path, """
        first = ("cdef double f(double x): return x + {0}\\ndef g(x): return f(x)\\n"
                 "cdef class Box:\\n    cdef public int n\\n    def told(self): return {0} + self.n\\n"
                 "    cdef int inner(self): return {0}\\n")
        cython(first.format(1))
        cython("def uses(x): return f(x)\\ndef asks(Box b): return b.inner()")
        held, box = ip.user_ns["g"], ip.user_ns["Box"]()
        uses, asks = ip.user_ns["uses"], ip.user_ns["asks"]
        print(held(1), uses(1), box.told(), asks(box))
        cython(first.format(100))
        print(held(1), uses(1), box.told(), asks(box), asks(ip.user_ns["Box"]()))
    """)  # fmt: skip
    assert shown == ["2.0 2.0 1 1", "101.0 101.0 100 100 100"]


def test_options(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "twice.h").write_text("#define TWICE(x) (2 * (x))\n")
    (tmp_path / "more.c").write_text("int thrice(int x) { return 3 * x; }\n")
    shown = cells(run, tmp_path, f'''
        folder = {str(tmp_path)!r}
        cython("def f(int a, int b): return a // b", "-X cdivision=True")
        print(ip.user_ns["f"](-7, 2))
        cython("def f(int a, int b): return a / b", "-2")
        print(ip.user_ns["f"](7, 2))
        cython("cdef extern from 'twice.h':\\n    int TWICE(int)\\ndef g(x): return TWICE(x)", "-I " + folder)
        print(ip.user_ns["g"](4))
        cython("cdef extern from *:\\n    int thrice(int)\\ndef h(x): return thrice(x)",
               "-S " + folder + "/more.c")
        print(ip.user_ns["h"](4))
        cython("from libcpp.vector cimport vector\\ndef v():\\n    cdef vector[int] a\\n    a.push_back(5)\\n"
               "    return a.size()", "--cplus")
        print(ip.user_ns["v"]())
        cython("IF_SET = 1\\ncdef extern from *:\\n    int NUMBER\\ndef n(): return NUMBER",
               "-c=-DNUMBER=42 -c=-fopenmp --link-args=-fopenmp")
        print(ip.user_ns["n"]())
        cython("__all__ = ['seen']\\nseen = 1\\nunseen = 2")
        print("seen" in ip.user_ns, "unseen" in ip.user_ns)
        cython("cimport numpy as np\\nimport numpy\\ndef a(): return np.PyArray_NDIM(numpy.zeros((2, 3)))")
        print(ip.user_ns["a"]())
        cython("def said(): pass", "--verbose -f")
    ''')  # fmt: skip
    assert shown[:-1] == ["-3", "3", "8", "12", "1", "42", "True False", "2"]
    assert shown[-1].startswith("[cython_llvm] ") and "said" not in shown[-1] and " ms" in shown[-1]


def test_what_fails_is_told(run: Callable[..., str], tmp_path: Path) -> None:
    shown = cells(run, tmp_path, '''
        import contextlib, io, sys
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            print(cython("def f(:\\n  pass"))
            print(cython("cdef int f(x): return nope"))
        print("Error compiling Cython file" in err.getvalue(), "nope" in err.getvalue())
        from IPython.core.error import UsageError
        with contextlib.redirect_stderr(err):
            cython("import sys\\nvars(sys).setdefault('ran', []).append('_pgo_' in __name__)\\n"
                   "pgo_x = 1", "--pgo")
        print("--pgo is not supported" in err.getvalue(), sys.ran, ip.user_ns["pgo_x"])
        try:
            cython("x = 1", "-X nonsense=1")
        except UsageError as error:
            print(error)
        cython("cdef int f(int x): return 1\\ndef g(): return f(0)")
        try:
            cython("cdef int f(int x): return 2\\ndef g(): return f(0)\\n1/0")
        except ZeroDivisionError:
            print("raised", ip.user_ns["g"]())
    ''')  # fmt: skip
    assert shown[:3] == ["None", "None", "True True"]
    assert shown[3] == "True [True, False] 1" and "nonsense" in shown[4]
    assert shown[5] == "raised 1"


def test_annotation_shows_the_cell(run: Callable[..., str], tmp_path: Path) -> None:
    shown = cells(run, tmp_path, '''
        cython("cdef double half(double x): return x / 2")
        html = cython("def quarter(x): return half(half(x))", "-a")
        print(type(html).__name__, "quarter" in html.data, "<body" in html.data, "Raw output" in html.data)
        print(ip.user_ns["quarter"](1.0))
    ''')  # fmt: skip
    assert shown == ["HTML True False False", "0.25"]


def test_inline_and_pyximport_cells(run: Callable[..., str], tmp_path: Path) -> None:
    shown = cells(run, tmp_path, f'''
        import os
        os.chdir({str(tmp_path)!r})
        ip.run_cell("a, b = 6, 7")
        print(ip.run_cell_magic("cython_inline", "", "return a * b"))
        ip.run_cell_magic("cython_pyximport", "by_pyximport", "def f(x): return x + 1")
        print(ip.user_ns["f"](1), os.path.exists("by_pyximport.pyx"))
        ip.run_cell_magic("cython_pyximport", "by_pyximport", "def f(x): return x + 10")
        print(ip.user_ns["f"](1))
        ip.run_line_magic("unload_ext", "cython_llvm")
        print(ip.find_cell_magic("cython"))
    ''')  # fmt: skip
    assert shown == ["42", "2 True", "11", "None"]


NOTEBOOK = [
    "%load_ext cython_llvm",
    "%%cython\ncdef double half(double x): return x / 2\ndef f(x): return half(x)",
    "%%cython\ndef quarter(x): return half(half(x))",
    "print(f(3), quarter(2))",
    "%%cython -a\ndef shown(x): return x",
    "%%cython\ndef wrong(: pass",
    "%%cython --pgo\nx = 1",
]


def test_in_a_real_kernel(cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    new = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_code_cell(source) for source in NOTEBOOK])
    client = nbclient.NotebookClient(
        notebook, timeout=120, allow_errors=True, kernel_manager_class=_manager(),
        resources={"metadata": {"path": str(tmp_path)}},
    )  # fmt: skip
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        # The second cell, edited and run again in its place.
        again = notebook.cells[1]
        again.source = again.source.replace("x / 2", "x / 4")
        client.execute_cell(again, 1)
        client.execute_cell(notebook.cells[3], 3)
    outputs = [_text(cell.outputs) for cell in notebook.cells]
    assert outputs[3].startswith("0.75 ")
    assert "text/html" in notebook.cells[4].outputs[0]["data"]
    assert "Error compiling Cython file" in outputs[5]
    assert "--pgo is not supported" in outputs[6]


def _manager() -> Any:
    """A manager of kernels of this interpreter; no kernel need be registered."""
    import sys

    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):  # type: ignore[misc]
        @property
        def kernel_spec(self) -> Any:
            from jupyter_client.kernelspec import KernelSpec

            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="here", language="python")

    return Manager


def _text(outputs: list[Any]) -> str:
    return "".join(
        output.get("text", "") or output.get("evalue", "") or "" for output in outputs
    )


METHODS = """
cimport cython
cdef class A:
    cdef signed char narrow(self, signed char q): return q + {0}
    cdef bint less(self, unsigned char z, short y): return z < y
    cdef double[:] rest(self, double[:] a): return a[1:]
    @staticmethod
    cdef int fixed(int a): return a + {0}
@cython.final
cdef class Last:
    cdef int last(self): return {0}
"""
USERS = """
import array
cdef class B(A):
    cdef signed char narrow(self, signed char q): return -q
    def both(self): return self.narrow(-100), A.narrow(self, -100), A.fixed(1)
def use(A a):
    return a.narrow(-3), a.less(200, -5), list(a.rest(array.array("d", [1, 2, 3])))
cdef int of(Last one): return one.last()
def last(): return of(Last())
"""


@pytest.mark.parametrize("route", ["auto", "tree"])
def test_cells_share_methods_of_all_types(run: Callable[..., str], tmp_path: Path, route: str) -> None:
    shown = cells(run, tmp_path, f"""
        import os
        os.environ["CYTHON_LLVM_ROUTE"] = {route!r}
        cython({METHODS.format(1)!r})
        cython({USERS!r})
        ip.run_cell("a, b = A(), B()\\nprint(use(a), use(b), b.both(), last())")
        cython({METHODS.format(2)!r})
        ip.run_cell("print(use(a), use(b), b.both(), last())")
        """)  # fmt: skip
    rest = "[2.0, 3.0]"
    assert shown[-2:] == [
        f"(-2, False, {rest}) (3, False, {rest}) (100, -99, 2) 1",
        f"(-1, False, {rest}) (3, False, {rest}) (100, -98, 3) 2",
    ], shown
