"""The cache on disk: what hits, what misses, and what it survives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import WITHOUT_PRIVILEGES, write

IMPORT = """
import sys
sys.path.insert(0, "src")
import cython_llvm
cython_llvm.install({options})
import cached
from cython_llvm import cachefill
cachefill.wait_for_cache()
print(cached.f(), "Cython" in sys.modules, "cython_llvm._native" in sys.modules)
"""


def program(options: str = "") -> str:
    return IMPORT.format(options=options)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "src" / "cached.pyx", "def f(): return 1\n")


def entries(cache_dir: Path) -> list[Path]:
    return sorted(cache_dir.glob("modules/*/*/*.so"))


def test_a_hit_needs_neither_cython_nor_llvm(source: Path, run: Callable[..., str]) -> None:
    assert run(program()) == "1 True True"
    assert run(program()) == "1 False False"


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
@pytest.mark.parametrize("what", ["entry", "manifest"])
def test_damage_is_a_miss(
    source: Path, run: Callable[..., str], cache_dir: Path, what: str, damage: str
) -> None:
    run(program())
    (entry,) = entries(cache_dir)
    path = entry if what == "entry" else entry.parent / "manifest"
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 0x10
    else:
        del data[0 if damage == "empty" else len(data) // 2 :]
    path.write_bytes(data)
    assert run(program()) == "1 True True"
    assert run(program()) == "1 False False"


def test_what_decides_the_result_is_in_the_key(source: Path, run: Callable[..., str]) -> None:
    assert run(program()) == "1 True True"
    assert run(program("directives={'cdivision': True}")) == "1 True True"
    assert run(program("opt_level=1")) == "1 True True"
    assert run(program("march='x86-64'")) == "1 True True"
    assert run(program(), CYTHON_LLVM_OPT="3") == "1 True True"
    assert run(program("language_level=2")) == "1 True True"
    write(source, "def f(): return 2\n")
    assert run(program()) == "2 True True"
    write(source, "def f(): return 1\n")
    assert run(program()) == "1 False False"


def test_files_that_were_read_or_missing_count(source: Path, run: Callable[..., str]) -> None:
    folder = source.parent
    write(source, 'include "part.pxi"\ncdef extern from "h.h":\n    int V\ndef f(): return P + V\n')
    write(folder / "part.pxi", "P = 1\n")
    write(folder / "h.h", "#define V 10\n")
    assert run(program()) == "11 True True"
    assert run(program()) == "11 False False"
    write(folder / "h.h", "#define V 20\n")
    assert run(program()) == "21 True True"
    write(folder / "part.pxi", "P = 2\n")
    assert run(program()) == "22 True True"
    write(folder / "cached.pxd", "cdef int hidden\n")
    assert run(program()) == "22 True True"
    assert run(program()) == "22 False False"


def test_sixteen_processes_at_once(source: Path, tmp_path: Path, cache_dir: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program()], cwd=tmp_path, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(16)
    ]  # fmt: skip
    results = [process.communicate(timeout=300) for process in running]
    assert [out.split()[0] for out, _ in results] == ["1"] * 16, results
    compiled = sum("True" in out for out, _ in results)
    assert compiled == 1, "one process compiles, the others wait for it"
    assert len(entries(cache_dir)) == 1


def test_switched_off(source: Path, run: Callable[..., str], cache_dir: Path) -> None:
    for _ in range(2):
        assert run(program(), CYTHON_LLVM_CACHE="0") == "1 True True"
    assert list(cache_dir.iterdir()) == []


def test_its_folder_is_private(source: Path, run: Callable[..., str], tmp_path: Path) -> None:
    fresh = tmp_path / "made"
    run(program(), CYTHON_LLVM_CACHE_DIR=str(fresh))
    assert fresh.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_is_refused(
    source: Path, run: Callable[..., str], cache_dir: Path
) -> None:
    cache_dir.chmod(0o777)
    out = run(program(), check=False)
    assert out.count("RuntimeWarning: cython_llvm: the cache directory") == 1
    assert "can be written by other users" in out and "1 True True" in out
    assert list(cache_dir.iterdir()) == []


def test_a_folder_that_cannot_be_made(source: Path, run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = run(program(), check=False, CYTHON_LLVM_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert "cannot be created" in out and "1 True True" in out


def test_a_folder_that_cannot_be_written(
    source: Path, run: Callable[..., str], cache_dir: Path
) -> None:
    cache_dir.chmod(0o500)
    out = run(WITHOUT_PRIVILEGES + program(), check=False)
    assert out.count("RuntimeWarning: cython_llvm: the cache directory") == 1
    assert "cannot be written: Permission denied" in out and "1 True True" in out
    assert list(cache_dir.iterdir()) == []
    cache_dir.chmod(0o700)
    run(program())
    for folder, _, _ in os.walk(cache_dir):
        os.chmod(folder, 0o500)
    try:
        assert run(WITHOUT_PRIVILEGES + program()) == "1 False False", "what is there still serves"
    finally:
        for folder, _, _ in os.walk(cache_dir):
            os.chmod(folder, 0o700)


FULL = """
import resource, signal
from cython_llvm import compiling, cachestore
hits = []
signal.signal(signal.SIGXFSZ, lambda *arguments: hits.append(arguments))
store = {module}.store
def store_on_a_full_disk(*arguments):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
    return store(*arguments)
{module}.store = store_on_a_full_disk
"""


@pytest.mark.parametrize("full", ["compiling", "cachestore"])
def test_a_full_disk_costs_only_the_cache(
    source: Path, run: Callable[..., str], cache_dir: Path, full: str
) -> None:
    """Full from when the library is linked, or from when it is written to the cache."""
    out = run(FULL.format(module=full) + program() + "print(len(hits), 'hits')\n", check=False)
    assert "1 True True" in out and "Traceback" not in out
    assert "hits" in out and "0 hits" not in out
    assert entries(cache_dir) == [] and list(cache_dir.glob("modules/*/*/*")) == []
    assert ("RuntimeWarning" in out and "File too large" in out) is (full == "cachestore")
    assert run(program()) == "1 True True"


def test_a_pyxdep_names_further_files(source: Path, run: Callable[..., str]) -> None:
    folder = source.parent
    write(folder / "cached.pyxdep", "data/*.txt\n\nsingle.cfg\n")
    assert run(program()) == "1 True True"
    assert run(program()) == "1 False False"
    write(folder / "data" / "a.txt", "one")
    assert run(program()) == "1 True True", "a file that a pattern now finds"
    write(folder / "data" / "a.txt", "two")
    assert run(program()) == "1 True True", "another content"
    write(folder / "single.cfg", "x")
    assert run(program()) == "1 True True"
    write(folder / "data" / "b.cfg", "x")
    assert run(program()) == "1 False False", "no pattern finds it"
    (folder / "single.cfg").unlink()
    assert run(program()) == "1 False False", "as it was before"


def test_least_recently_used_entries_go(
    source: Path, run: Callable[..., str], cache_dir: Path
) -> None:
    run(program())
    (first,) = entries(cache_dir)
    size = first.stat().st_size
    os.utime(first, (1, 1))
    os.utime(first.parent / "manifest", (1, 1))
    write(source, "def f(): return 2\n")
    run(program(), CYTHON_LLVM_CACHE_SIZE=str(size + size // 2))
    (left,) = entries(cache_dir)
    assert left != first


def test_size_limits_are_read() -> None:
    from cython_llvm import cachestore

    for text, size in (("500M", 500 << 20), ("2G", 2 << 30), ("1.5k", 1536), ("10", 10), ("x", 2 << 30)):
        os.environ["CYTHON_LLVM_CACHE_SIZE"] = text
        try:
            assert cachestore.size_limit() == size
        finally:
            del os.environ["CYTHON_LLVM_CACHE_SIZE"]


def test_relative_folders_are_those_of_the_working_directory(
    tmp_path: Path, run: Callable[..., str]
) -> None:
    """The same source means another thing where its `# distutils:` folders lead elsewhere."""
    for value, place in enumerate(("a", "b")):
        write(tmp_path / place / "inc" / "value.h", f"#define VALUE {value}\n")
        write(tmp_path / place / "names.pxd", f"cdef enum:\n    NAME = {value}\n")
    write(
        tmp_path / "where.pyx",
        """\
        # distutils: include_dirs = inc
        cdef extern from "value.h":
            int VALUE
        value = VALUE
        """,
    )
    for value, place in enumerate(("a", "b")):
        code = f"""
        import os
        os.chdir({place!r})
        import cython_llvm
        from cython_llvm import cachefill
        module = cython_llvm.import_file("../where.pyx")
        print(module.value, cython_llvm.inline("from names cimport NAME\\nreturn NAME"))
        cachefill.wait_for_cache()
        """
        assert run(code) == f"{value} {value}"


def test_relative_folders_of_a_cimported_pxd_are_too(tmp_path: Path, run: Callable[..., str]) -> None:
    for value, place in enumerate(("a", "b")):
        write(tmp_path / place / "inc" / "value.h", f"#define VALUE {value}\n")
    write(
        tmp_path / "given.pxd",
        '# distutils: include_dirs = inc\ncdef extern from "value.h":\n    int VALUE\n',
    )
    write(tmp_path / "where.pyx", "from given cimport VALUE\nvalue = VALUE\n")
    for value, place, cached in ((0, "a", False), (1, "b", False), (1, "b", True), (0, "a", False)):
        code = f"""
        import os, sys
        os.chdir({place!r})
        import cython_llvm
        module = cython_llvm.import_file("../where.pyx")
        print(module.value, "Cython" not in sys.modules)
        from cython_llvm import cachefill
        cachefill.wait_for_cache()
        """
        assert run(code) == f"{value} {cached}"


@pytest.mark.parametrize(
    ("line", "bound"),
    [("include_dirs = /usr/include", False), ("include_dirs = inc", True),
     ("extra_compile_args = -O2 -fopenmp -Wall -std=c++17 -DA=1 -I/opt", False),
     ("extra_compile_args = -include x.h", True), ("extra_link_args = -Wl,x.o", True),
     ("extra_compile_args = -Iinc", True), ("libraries = m", False)],
)  # fmt: skip
def test_which_pxd_lines_depend_on_the_working_directory(
    tmp_path: Path, line: str, bound: bool
) -> None:
    from cython_llvm import distutils_header
    from cython_llvm.settings import Settings

    path = write(tmp_path / "x.pxd", f"# distutils: {line}\n")
    _, place = distutils_header.merge_pxds(Settings(), [str(path)])
    assert place == (os.getcwd() if bound else "")


def test_small_files_beside_the_entries_go_after_a_month(
    source: Path, run: Callable[..., str], cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "c")  # which has a precompiled header
    run(program())
    old, new = [], []
    for name in ("inline", "lexicon", "locks", "pch"):
        (cache_dir / name).mkdir(exist_ok=True)
        for kind, days in ((old, 31), (new, 29)):
            path = write(cache_dir / name / f"days{days}", "")
            os.utime(path, (time.time() - days * 86400,) * 2)
            kind.append(path)
    write(source, "def f(): return 2\n")
    run(program())
    assert all(path.exists() for path in old), "once a day is enough"
    os.utime(cache_dir / "swept", (1, 1))
    run(program())
    assert all(path.exists() for path in old), "a hit does not look"
    used = [*(cache_dir / "lexicon").glob("ascii-*"), *(cache_dir / "pch").glob("*.pch")]
    assert len(used) == 2
    for path in used:
        os.utime(path, (1, 1))
    write(source, "def f(): return 3\n")
    run(program())
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (*new, *used))


def test_an_entry_evicted_before_it_is_loaded_is_built_anew(
    source: Path, run: Callable[..., str]
) -> None:
    run(program())
    removed = """
import os
from cython_llvm import cache
lookup = cache.lookup
def lookup_and_lose(*arguments):
    found = lookup(*arguments)
    cache.lookup = lookup
    os.unlink(found)
    return found
cache.lookup = lookup_and_lose
"""
    assert run(removed + program()) == "1 True True"


def test_a_forked_child_does_not_keep_the_lock(run: Callable[..., str]) -> None:
    code = """
    import os, time
    from cython_llvm import cachelock
    ours, theirs = os.pipe()
    lock = cachelock.Lock("key")
    lock.__enter__()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        os.read(ours, 1)  # until the parent closes its end, or ends
        os._exit(0)
    lock.__exit__()
    try:
        started = time.monotonic()
        cachelock._LOCK_TIMEOUT = 5
        with cachelock.Lock("key"):
            took = time.monotonic() - started
        alive = os.waitpid(child, os.WNOHANG) == (0, 0)
        print(took < 4, alive)
    finally:
        os.close(theirs)
        os.waitpid(child, 0)
    """
    assert run(code) == "True True"
