"""The same source gives the same bytes, whatever the process has done before and wherever it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Types, closures, generators, views, tuples of C values, keyword calls, and names of C headers.
SOURCES = {
    "classes": """
from libc.math cimport sin
cdef class A:
    cdef public int x
    cdef dict d
    def __init__(self, **kw): self.d = kw
    cpdef double go(self, double y): return sin(y) + self.x
    def __eq__(self, other): return self is other
    def pairs(self): return {k: v for k, v in self.d.items()} | {1: 2}, {3, 4, 5}
class B:
    z = 4
    def m(self, *args, key=None): return super().__init__(), key
""",
    "views": """
cimport cython
from cython.parallel import prange
def total(double[:, ::1] a, cython.floating b):
    cdef Py_ssize_t i
    cdef double t = 0
    for i in prange(a.shape[0], nogil=True):
        t += a[i, 0]
    return t + b
def closures(x, (int, double) pair):
    def inner(y): return x + y + pair[0]
    return (inner(k) for k in range(3)), [lambda: k for k in "abc"]
async def coroutine(a):
    async with a as b: return await b
""",
    "enums": """
from posix.fcntl cimport O_RDONLY, O_WRONLY
from libc.stdlib cimport EXIT_FAILURE
def f(): return (O_RDONLY, O_WRONLY)
def g():
    cdef object a, b
    a, b = (O_RDONLY, EXIT_FAILURE)
    return a
""",
    "others": """
from libc.stdio cimport SEEK_SET
cdef enum: HERE = 4
def f(): return (SEEK_SET, HERE), f"{HERE}", "a" "b", 1.5, 10 ** 20
""",
}

#: Exports and compiles the sources named, in this order, and prints a digest of each.
PROGRAM = """
import hashlib, sys
from cython_llvm import sharedutil, toolchain, treefrontend, treeroute
from cython_llvm.settings import Settings
settings = Settings(language_level=3, debug=bool(int(sys.argv[1])))
for name in sys.argv[2:]:
    tree, unit = treefrontend.analyse(name + ".pyx", name, settings, shared_utility=sharedutil.available())
    lowered = treeroute.lower(tree, unit.settings)
    assert lowered.module is not None, lowered.missing
    toolchain.optimize(lowered.module, unit.settings)
    code = toolchain.emit(lowered.module, "obj", unit.settings)
    print(name, hashlib.sha256(tree.encode()).hexdigest(), hashlib.sha256(code).hexdigest())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / f"{name}.pyx").write_text("# cython: language_level=3\n" + text)
    return tmp_path


def _run(folder: Path, *command: str, seed: str, temporary: Path) -> list[str]:
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "PYTHONHASHSEED": seed, "TMPDIR": str(temporary), "CYTHON_LLVM_CACHE": "0"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=env, text=True,
                          capture_output=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("debug", ["0", "1"])
def test_trees_and_code_do_not_depend_on_the_process(folder: Path, debug: str) -> None:
    names = list(SOURCES)
    one = _run(folder, "-c", PROGRAM, debug, *names, seed="1", temporary=folder / "tmp-one")
    two = _run(folder, "-c", PROGRAM, debug, *names[::-1], *names, seed="2", temporary=folder / "tmp-two")
    assert len(one) == len(SOURCES)
    assert two[len(names) :] == one
    assert two[: len(names)] == one[::-1]


def test_libraries_are_the_same_bytes(folder: Path) -> None:
    made = []
    for seed in ("1", "2"):
        out = folder / seed / "classes.so"
        out.parent.mkdir()
        _run(folder, "-m", "cython", "--backend=llvm", "--route=tree", "--emit=so", "-g", "-o", str(out),
             "classes.pyx", seed=seed, temporary=folder / f"tmp-{seed}")  # fmt: skip
        made.append(out.read_bytes())
    assert made[0] == made[1]


#: Optimises a loop over items with gaps between them by each route, links the one's code, and does the
#: same again: LLVM's linker sets the process's options back.
AFTER_LINKING = """
import sys
from cython_llvm import frontend, sharedutil, toolchain, treefrontend, treeroute
from cython_llvm.settings import Settings
settings = Settings(language_level=3, opt_level=3, march="znver3")
shared = sharedutil.available()

def by_tree():
    tree, unit = treefrontend.analyse("strided.pyx", "strided", settings, shared_utility=shared)
    return treeroute.lower(tree, unit.settings).module, unit.settings

def by_c():
    unit = frontend.generate_c("strided.pyx", "strided", settings, shared_utility=shared)
    return toolchain.compile_c(unit.c_text, unit.c_filename, unit.language, unit.settings), unit.settings

for make in (by_tree, by_c):
    texts = []
    for _ in range(2):
        module, its = make()
        toolchain.optimize(module, its)
        texts.append(module.to_ir())
        toolchain.link_extension([toolchain.emit(module, "obj", its)], "strided.so", its)
    print(make.__name__, texts[0] == texts[1], "vector" if "x double>" in texts[0] else "scalar",
          "gathered" if "masked.gather" in texts[0] else "loaded")
"""


def test_linking_does_not_change_what_the_optimiser_does(folder: Path) -> None:
    (folder / "strided.pyx").write_text("""\
# cython: language_level=3, boundscheck=False, wraparound=False
def scale(double[:] x, double[:] y, double by):
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        y[i] = x[i] * by + 1.0
""")
    found = _run(folder, "-c", AFTER_LINKING, seed="1", temporary=folder / "tmp")
    assert found == ["by_tree True vector loaded", "by_c True vector loaded"]
