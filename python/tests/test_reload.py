"""importlib.reload: the same module object runs the source as it is now, or stays as it was."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path

import pytest

import cython_llvm
from conftest import write


def test_an_edit_comes_in(sources: Path) -> None:
    path = write(sources / "ed.pyx", "def f(): return 1\nold = 1\n")
    module = importlib.import_module("ed")
    old_function = module.f
    write(path, "def f(): return 2\ndef g(): return 3\n")
    assert importlib.reload(module) is module
    assert (module.f(), module.g()) == (2, 3)
    assert module.old == 1  # importlib.reload keeps names that are gone
    assert module.f is old_function  # taken before: runs the new code


def test_cdef_classes_and_globals_are_new(sources: Path) -> None:
    path = write(
        sources / "cl.pyx",
        "cdef int count = 0\ncdef class A:\n    def v(self): return 1\n"
        "def bump():\n    global count\n    count += 1\n    return count\n",
    )
    module = importlib.import_module("cl")
    instance = module.A()
    assert [module.bump(), module.bump()] == [1, 2]
    write(path, path.read_text().replace("return 1", "return 2"))
    importlib.reload(module)
    assert (instance.v(), module.A().v(), module.bump()) == (2, 2, 1)
    assert type(instance) is module.A


def test_unchanged_source_runs_again(sources: Path) -> None:
    write(sources / "again.pyx", "cdef int n = 0\ndef f():\n    global n\n    n += 1\n    return n\n")
    module = importlib.import_module("again")
    assert [module.f(), module.f()] == [1, 2]
    importlib.reload(module)
    assert module.f() == 1


@pytest.mark.parametrize(
    "broken", ["def f(: return 2\n", "cdef no_such_type x\n", "def f(): return undeclared_name_x\n"]
)
def test_a_failed_compilation_changes_nothing(sources: Path, broken: str) -> None:
    path = write(sources / "stay.pyx", "def f(): return 1\nvalue = [1]\n")
    module = importlib.import_module("stay")
    before = dict(module.__dict__)
    write(path, broken)
    with pytest.raises(cython_llvm.ModuleBuildError):
        importlib.reload(module)
    assert module.__dict__.keys() == before.keys()
    assert module.f is before["f"] and module.value is before["value"] and module.f() == 1
    write(path, "def f(): return 5\n")
    importlib.reload(module)
    assert module.f() == 5


def test_a_raising_body_changes_nothing(sources: Path) -> None:
    path = write(sources / "rais.pyx", "def f(): return 1\nkept = 1\n")
    module = importlib.import_module("rais")
    function = module.f
    write(path, "def f(): return 2\nkept = 2\nadded = 3\nraise RuntimeError('no')\n")
    with pytest.raises(RuntimeError, match="no"):
        importlib.reload(module)
    assert module.f is function and module.kept == 1 and not hasattr(module, "added")


def test_an_edited_pxd_or_pxi_recompiles(sources: Path) -> None:
    write(sources / "dep.pyx", 'include "dep.pxi"\ndef f(): return VALUE\n')
    write(sources / "dep.pxi", "VALUE = 1\n")
    module = importlib.import_module("dep")
    write(sources / "dep.pxi", "VALUE = 2\n")
    importlib.reload(module)
    assert module.f() == 2
    # One that was not there before.
    write(sources / "dep.pxd", "cdef int hidden\n")
    importlib.reload(module)
    assert not hasattr(module, "hidden") and module.f() == 2


def test_many_reloads(sources: Path) -> None:
    path = sources / "many.pyx"
    write(path, "def f(): return 0\n")
    module = importlib.import_module("many")
    for number in range(1, 21):
        write(path, f"def f(): return {number}\n")
        importlib.reload(module)
        assert module.f() == number


def test_reload_of_a_file_imported_by_path(sources: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere" / "by_path.pyx", "def f(): return 1\n")
    module = cython_llvm.import_file(path)
    write(path, "def f(): return 2\n")
    assert importlib.reload(module) is module
    assert module.f() == 2


def test_threads_run_while_it_reloads(sources: Path) -> None:
    text = (
        "from cython.parallel import prange\ndef f(long n):\n    cdef long i, s = 0\n"
        "    for i in prange(n, nogil=True):\n        s += i * {factor}\n    return s\n"
    )
    path = write(sources / "thr.pyx", text.format(factor=1))
    module = importlib.import_module("thr")
    stop = threading.Event()
    wrong: list[object] = []
    seen: set[int] = set()

    def work() -> None:
        try:
            while not stop.is_set():
                value = module.f(1000)
                seen.add(value // 499500)
                if value % 499500:
                    wrong.append(value)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for factor in (2, 3, 4):
            write(path, text.format(factor=factor))
            importlib.reload(module)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and module.f(1000) == 4 * 499500
    assert seen and seen <= {1, 2, 3, 4}
