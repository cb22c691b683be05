"""The written shared library: what it needs, and that it needs nothing of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import PARALLEL

# -I -S: no site-packages, so neither cython_llvm nor Cython can be imported.
BARE = (sys.executable, "-I", "-S")


def built(run, folder: Path, name: str, text: str, *options: str) -> Path:
    (folder / f"{name}.pyx").write_text(text)
    run(sys.executable, "-m", "cython", "--backend=llvm", *options, f"{name}.pyx")
    (library,) = folder.glob(f"{name}.*.so")
    return library


def needed(library: Path) -> set[str]:
    shown = subprocess.run(["readelf", "-dW", library], capture_output=True, text=True, check=True)
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", shown.stdout))


def undefined(library: Path) -> set[str]:
    shown = subprocess.run(["readelf", "-sW", "--dyn-syms", library], capture_output=True, text=True,
                           check=True)  # fmt: skip
    return {line.split()[7].partition("@")[0] for line in shown.stdout.splitlines()
            if re.search(r"\bUND\b", line) and len(line.split()) > 7}  # fmt: skip


def bare(code: str, folder: Path) -> str:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run([*BARE, "-c", program], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_module_needs_the_c_library_only(run, folder):
    text = "from libc.math cimport sqrt\ndef root(double x): return sqrt(x)\n"
    library = built(run, folder, "plain", text, "-3")
    assert needed(library) <= {"libc.so.6", "libm.so.6"}
    assert bare("import plain; print(plain.root(2.25))", folder) == "1.5"


def test_the_interpreter_of_that_test_has_no_cython_llvm(folder):
    code = "import importlib.util as u; print(u.find_spec('cython_llvm'), u.find_spec('Cython'))"
    assert bare(code, folder) == "None None"


def test_memoryviews_and_generators_work_without_the_package(run, folder):
    text = """
def doubled(double[:] values):
    for value in values:
        yield 2 * value

cdef class Sum:
    cdef double total
    def add(self, double[:] values):
        for value in doubled(values):
            self.total += value
        return self.total
"""
    library = built(run, folder, "views", text, "-3")
    assert needed(library) <= {"libc.so.6", "libm.so.6"}
    code = "import views, array; print(views.Sum().add(array.array('d', [1, 2, 3.5])))"
    assert bare(code, folder) == "13.0"


def test_prange_needs_the_openmp_runtime_besides(run, folder):
    library = built(run, folder, "parallel", PARALLEL)
    assert "libomp.so.5" in needed(library)
    assert needed(library) <= {"libc.so.6", "libm.so.6", "libomp.so.5"}
    code = "import parallel, array; print(parallel.total(array.array('d', range(1000))))"
    assert bare(code, folder) == "499500.0"


def test_the_openmp_runtime_is_found_beside_the_module(run, folder, tmp_path):
    import cython_llvm

    library = built(run, folder, "parallel", PARALLEL)
    shown = subprocess.run(["readelf", "-dW", library], capture_output=True, text=True, check=True)
    assert "$ORIGIN" in shown.stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(library, elsewhere)
    shutil.copy(Path(cython_llvm.__file__).parent / "data/lib/libomp.so.5", elsewhere)
    code = ("import parallel, array; print(parallel.total(array.array('d', range(10))));"
            "print(*(l.split()[-1] for l in open('/proc/self/maps') if 'libomp' in l))")  # fmt: skip
    total, paths = bare(code, elsewhere).split("\n")
    assert total == "45.0"
    assert set(paths.split()) == {str(elsewhere / "libomp.so.5")}


def test_nothing_of_llvm_is_among_its_symbols(run, folder):
    library = built(run, folder, "plain", "def f(x): return x + 1\n", "-3")
    assert not [name for name in undefined(library) if "llvm" in name.lower() or "cyl_" in name]


def test_a_cpp_module_needs_the_cpp_runtime(run, folder):
    text = """
# distutils: language = c++
from libcpp.vector cimport vector
def squares(int n):
    cdef vector[int] found
    for i in range(n):
        found.push_back(i * i)
    return found
"""
    library = built(run, folder, "vectors", text, "-3", "--cplus")
    assert needed(library) <= {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"}
    assert bare("import vectors; print(vectors.squares(4))", folder) == "[0, 1, 4, 9]"
