"""Libraries of the tree route: what they bring of the run-time library, and their symbols."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cython_llvm import cobject, elfsymbols, sharedutil, toolchain, treefrontend, treeroute
from cython_llvm.settings import Settings

# -I -S: neither cython_llvm nor Cython can be imported.
BARE = (sys.executable, "-I", "-S")


def library(folder: Path, name: str, text: str, **more: object) -> Path:
    settings = Settings(language_level=3, march="x86-64", **more)
    (folder / f"{name}.pyx").write_text(text)
    tree, unit = treefrontend.analyse(str(folder / f"{name}.pyx"), name, settings,
                                      shared_utility=sharedutil.available())  # fmt: skip
    module = treeroute.lower(tree, unit.settings).module
    assert module is not None
    output = folder / f"{name}.so"
    cobject.link([toolchain.library_object(module, unit.settings)], str(output), unit.settings, "c")
    return output


def bare(folder: Path, code: str) -> str:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run([*BARE, "-c", program], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def symbols(path: Path, table: str) -> dict[str, str]:
    """Name to type, for what is defined in `.symtab` or `.dynsym`."""
    option = "--dyn-syms" if table == ".dynsym" else "--syms"
    shown = subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True).stdout
    part = shown.split(f"Symbol table '{table}'")[1] if f"'{table}'" in shown else ""
    rows = [line.split() for line in part.split("Symbol table")[0].splitlines()[2:]]
    return {row[7]: row[3] for row in rows if len(row) > 7 and row[6] != "UND"}


def test_a_module_that_uses_little_brings_little(tmp_path):
    path = library(tmp_path, "little", "x = 1\n")
    assert path.stat().st_size < 17_000
    assert bare(tmp_path, "import little; print(little.x)") == "1"
    assert set(symbols(path, ".dynsym")) == {"PyInit_little"}


#: A use of each part of the run-time library with a state of its own, and what it prints.
FEATURES = {
    "functions": ("""
def f(a, b=2, *c, d=4, **e): return a, b, c, d, e
""", "print(m.f(1, d=5, g=6), m.f.__defaults__)", "(1, 2, (), 5, {'g': 6}) (2,)"),
    "fused": ("""
ctypedef fused T:
    int
    double
def f(T x): return x * 2
""", "print(m.f(3), m.f(1.5), sorted(m.f.__signatures__))", "6 3.0 ['double', 'int']"),
    "generator": ("""
def f(n):
    yield from range(n)
    return 1
""", "print(list(m.f(3)))", "[0, 1, 2]"),
    "coroutine": ("""
async def one(): return 1
async def f(): return await one() + 1
""", "\ntry: m.f().send(None)\nexcept StopIteration as e: print(e.value)", "2"),
    "asynchronous": ("""
async def g():
    yield 1
    yield 2
async def f(): return [x async for x in g()]
""", "\ntry: m.f().send(None)\nexcept StopIteration as e: print(e.value)", "[1, 2]"),
    "views": ("""
def f(double[:, :] a): return a[1:, 0].shape[0], a.T.is_c_contig(), repr(a)[:12], a
""", """
import collections.abc as c
r = m.f(memoryview(bytearray(48)).cast('d', (2, 3)))
print(*r[:3], isinstance(r[3], c.Sequence))
""", "1 False <MemoryView  True"),
    "arrays": ("""
from cython.view cimport array
def f():
    a = array((2,), 4, 'i')
    a[0] = 7
    return a[0]
""", "print(m.f())", "7"),
    "dictionaries": ("""
def f(dict d): return d.get(1), d.pop(1), list(d.items()), d.setdefault(3, 4)
""", "print(m.f({1: 2, 5: 6}))", "(2, 2, [(5, 6)], 4)"),
    "classes": ("""
cdef class A:
    cdef int x
    def __init__(self, x): self.x = x
    def value(self): return self.x
class B(A):
    def value(self): return super().value() + 1
""", """
import pickle
print(m.B(2).value(), pickle.loads(pickle.dumps(m.A(3))).value())
""", "3 3"),
    "errors": ("""
def f(a):
    try: return a[0]
    except (IndexError, TypeError) as e: raise ValueError(a) from e
""", """
import traceback
try: m.f(3)
except ValueError as e: print(type(e.__cause__).__name__, traceback.extract_tb(e.__traceback__)[-1].name)
""", "TypeError m.f"),
    "imports": ("""
import os.path as p
from collections import OrderedDict as o
def f(): return p.join('a', 'b'), o(x=1)['x']
""", "print(m.f())", "('a/b', 1)"),
    "constants": ("""
def f(x): return (1, 2.5, 3j, b'x', 'é', 10**30, 1 if x in {'a', 'b'} else 0, [4, 5][::x])
""", "print(m.f(1))", "(1, 2.5, 3j, b'x', 'é', 1000000000000000000000000000000, 0, [4, 5])"),
}  # fmt: skip


@pytest.mark.parametrize("name", FEATURES)
def test_each_part_of_the_runtime_library_is_there_where_it_is_used(tmp_path, name):
    text, code, expected = FEATURES[name]
    path = library(tmp_path, "m", text)
    assert bare(tmp_path, f"import m\n{code}") == expected
    assert set(symbols(path, ".dynsym")) == {"PyInit_m"}
    undefined = subprocess.run(["nm", "-D", "-u", path], capture_output=True, text=True, check=True).stdout
    assert "cyl_" not in undefined and "__Pyx_" not in undefined


def test_symbols_are_the_modules_own_functions(tmp_path):
    text = "cdef int half(int x) except -1:\n    return x // 2\ndef f(int x): return half(x)\n"
    names = symbols(library(tmp_path, "own", text), ".symtab")
    assert "__pyx_pw_3own_1f" in names and "PyInit_own" in names
    assert set(names.values()) == {"FUNC"}
    assert not [name for name in names if name.startswith(("cyl_", "__Pyx_"))]
    whole = symbols(library(tmp_path, "own", text, debug=True), ".symtab")
    assert [name for name in whole if name.startswith("cyl_")]


def test_other_files_stay_as_they_are():
    assert elfsymbols.reduced(b"no library", set()) == b"no library"
    assert elfsymbols.functions(b"no object") == set()


def dynamic(path: Path) -> str:
    command = ["readelf", "-W", "-d", "-r", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sections(path: Path) -> dict[str, tuple[int, int]]:
    """Name to address and size."""
    command = ["readelf", "-W", "-S", path]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.partition("]")[2].split() for line in shown.splitlines() if line.strip().startswith("[")]
    return {row[0]: (int(row[2], 16), int(row[4], 16)) for row in rows[2:]}


def test_tables_of_the_library_are_a_part_of_its_constants(tmp_path):
    path = library(tmp_path, "packed", "def f(x, *, y=1): return x\n")
    found = sections(path)
    assert not [name for name in found if name.startswith("cyl_")]
    # What follows the constants begins where they end.
    address, size = found[".rodata"]
    following = min(start for start, _ in found.values() if start > address)
    assert 0 <= following % 4096 - (address + size) % 4096 < 16
    assert bare(tmp_path, "import packed; print(packed.f(2, y=3), packed.f.__name__)") == "2 f"
    subprocess.run(["strip", path], check=True)
    assert bare(tmp_path, "import packed; print(packed.f(2, y=3), packed.f.__name__)") == "2 f"
    shown = dynamic(path)
    assert "RELR" not in shown and "FINI_ARRAY" not in shown and "SONAME" not in shown
    # Loaded, and closed, by others than the import system.
    assert bare(tmp_path, f"import ctypes; ctypes.CDLL({str(tmp_path / 'packed.so')!r}); print(1)") == "1"


def test_others_can_use_public_names(tmp_path):
    text = """
cdef public int length(int which) noexcept nogil: return which + 2
def f(): return length(1)
"""
    path = library(tmp_path, "seen", text)
    assert symbols(path, ".dynsym") == {"length": "FUNC", "PyInit_seen": "FUNC"}
    assert bare(tmp_path, "import seen; print(seen.f())") == "3"
    assert bare(tmp_path, f"import ctypes; print(ctypes.CDLL({str(path)!r}).length(4))") == "6"


def test_what_is_called_at_the_end_is_called(tmp_path):
    text = """
from libc.stdlib cimport atexit
from libc.stdio cimport puts, fflush, stdout
cdef void last() noexcept nogil:
    puts("last")
    fflush(stdout)
def f(): return atexit(last)
"""
    path = library(tmp_path, "ends", text)
    assert "FINI_ARRAY" in dynamic(path)
    assert bare(tmp_path, "import ends; print(ends.f(), flush=True)") == "0\nlast"


def test_texts_are_packed(tmp_path):
    documentation = "\n".join(f">>> f({n}) == {n * n}\nTrue" for n in range(100))
    plain = library(tmp_path, "plain", "def f(x): return x\n").stat().st_size
    path = library(tmp_path, "texts", f'def f(x):\n    """{documentation}"""\n    return x\n')
    assert path.stat().st_size < plain + len(documentation) // 2
    code = f"import texts; print(texts.f.__doc__ == {documentation!r})"
    assert bare(tmp_path, code) == "True"


def test_the_same_module_gives_the_same_bytes(tmp_path):
    text = FEATURES["classes"][0] + FEATURES["fused"][0]
    first = library(tmp_path, "again", text).read_bytes()
    assert library(tmp_path, "again", text).read_bytes() == first


def test_a_library_is_imported_again(tmp_path):
    library(tmp_path, "twice", "def f(x=(1, 2)):\n    'doc'\n    return x\n")
    code = "import sys, twice; a = twice; del sys.modules['twice']; import twice; print(twice.f(), a.f.__doc__)"
    assert bare(tmp_path, code) == "(1, 2) doc"
