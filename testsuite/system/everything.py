"""One program that uses the whole product: import, reload, inline, C++, the command line."""

EVERYTHING = """
import importlib, os, subprocess, sys
from pathlib import Path
sys.path.insert(0, ".")
import cython_llvm
cython_llvm.install()
Path("thing.pyx").write_text(
    "from cython.parallel import prange\\n"
    "def f(double[:] x):\\n"
    "    cdef double s = 0\\n    cdef Py_ssize_t i\\n"
    "    for i in prange(x.shape[0], nogil=True): s += x[i]\\n    return s\\n")
import array, thing
assert thing.f(array.array("d", [1, 2, 3])) == 6
Path("thing.pyx").write_text("def f(x): return x * 2\\n")
assert importlib.reload(thing).f(4) == 8
assert cython_llvm.inline("return a + 1", a=41) == 42
Path("cxx.pyx").write_text(
    "# distutils: language = c++\\nfrom libcpp.vector cimport vector\\n"
    "def g():\\n    cdef vector[int] v\\n    v.push_back(3)\\n    return v[0]\\n")
import cxx
assert cxx.g() == 3
from Cython.Compiler.Main import main as _main  # the hook is in the interpreter's start
Path("lib.pyx").write_text("def h(): return 5\\n")
import Cython.Compiler.Main
sys.argv = ["cython", "--backend=llvm", "-3", "lib.pyx"]
try:
    Cython.Compiler.Main.setuptools_main()
except SystemExit as stop:
    assert not stop.code, stop.code
import importlib.util
(path,) = Path(".").glob("lib.*.so")
spec = importlib.util.spec_from_file_location("lib", path)
lib = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lib)
assert lib.h() == 5
print("all of it works")
"""
