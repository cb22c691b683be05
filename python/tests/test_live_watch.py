"""revise, errors, retry, track, entr, the watching thread, the REPLs, and what depends on a .pxd."""

from __future__ import annotations

import importlib
import os
import pty
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cython_llvm
from conftest import write
from cython_llvm import live_watch


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    live_watch._failed.clear()
    live_watch._tracked.clear()
    live_watch._told.clear()


def test_revise_brings_edits_in(sources: Path) -> None:
    path = write(sources / "rv.pyx", "def f(): return 1\n")
    module = importlib.import_module("rv")
    f = module.f
    assert cython_llvm.revise() == []
    write(path, "def f(): return 22\n")
    assert cython_llvm.revise() == ["rv"] and f() == 22
    assert cython_llvm.revise() == []


def test_failures_are_kept_and_retried(sources: Path) -> None:
    path = write(sources / "er.pyx", "import os\ndef f(): return 1\n")
    module = importlib.import_module("er")
    write(path, "def f(: return 2\n")
    assert cython_llvm.revise() == [] and list(cython_llvm.errors()) == ["er"]
    assert "er.pyx:1" in str(cython_llvm.errors()["er"]) and module.f() == 1
    assert cython_llvm.revise() == []  # not again for the same text
    with pytest.raises(cython_llvm.ModuleBuildError):
        cython_llvm.retry(throw=True)
    write(path, "import os\ndef f(): return 3\nif 'CYL_TEST' not in os.environ: raise OSError('no')\n")
    assert cython_llvm.revise() == [] and isinstance(cython_llvm.errors()["er"], OSError)
    assert module.f() == 1
    os.environ["CYL_TEST"] = "1"
    try:
        assert cython_llvm.retry() == ["er"] and cython_llvm.errors() == {} and module.f() == 3
    finally:
        del os.environ["CYL_TEST"]


def test_an_edited_pxd_reloads_all_that_depend_on_it(sources: Path) -> None:
    declared = "cdef struct Point:\n    int x\n    {0}\ncdef int get(Point *p)\n"
    write(sources / "low.pxd", declared.format(""))
    noted = "import order\norder.seen.append('{0}')\n"
    write(sources / "low.pyx", noted.format("low") + "cdef int get(Point *p): return p.x\n")
    user = (
        "from low cimport Point, get\n" + noted + "def size(): return sizeof(Point)\n"
        "def f():\n    cdef Point p\n    p.x = 5\n    return get(&p)\n"
    )
    write(sources / "order.py", "seen = []\n")
    write(sources / "a_user.pyx", user.format("a_user"))
    write(sources / "z_user.pyx", user.format("z_user"))
    a, z = importlib.import_module("a_user"), importlib.import_module("z_user")
    importlib.import_module("low")
    order = importlib.import_module("order")
    assert (a.f(), a.size(), z.size()) == (5, 4, 4)
    order.seen.clear()
    write(sources / "low.pxd", declared.format("double y"))
    done = cython_llvm.revise()
    assert sorted(done) == ["a_user", "low", "z_user"] and done[0] == "low" == order.seen[0]
    assert (a.f(), a.size(), z.f(), z.size()) == (5, 16, 5, 16)
    # All or none: one of them does not compile with the new declarations.
    order.seen.clear()
    write(sources / "low.pxd", declared.format("double y").replace("*p)", "*p, int n)"))
    write(sources / "low.pyx", (sources / "low.pyx").read_text().replace("*p)", "*p, int n)"))
    assert cython_llvm.revise() == [] and order.seen == []
    assert sorted(cython_llvm.errors()) == ["a_user", "low", "z_user"] and a.f() == z.f() == 5
    for name in ("a_user", "z_user"):
        write(sources / f"{name}.pyx", user.format(name).replace("get(&p)", "get(&p, 1)"))
    assert sorted(cython_llvm.revise()) == ["a_user", "low", "z_user"] and a.f() == z.f() == 5


def test_all_or_none_where_a_body_raises(sources: Path) -> None:
    write(sources / "lo2.pxd", "cdef int base()\n")
    write(sources / "lo2.pyx", "cdef int base(): return 1\ndef f(): return 1\n")
    write(sources / "hi2.pyx", "from lo2 cimport base\ndef f(): return base()\n")
    hi, lo = importlib.import_module("hi2"), importlib.import_module("lo2")
    write(sources / "lo2.pxd", "cdef int base()\ncdef int more()\n")
    write(sources / "lo2.pyx", "cdef int base(): return 2\ncdef int more(): return 3\ndef f(): return 2\n")
    write(sources / "hi2.pyx", "from lo2 cimport base, more\ndef f(): return base() + more()\n1 / 0\n")
    assert cython_llvm.revise() == [] and sorted(cython_llvm.errors()) == ["hi2", "lo2"]
    assert (hi.f(), lo.f()) == (1, 1)
    write(sources / "hi2.pyx", "from lo2 cimport base, more\ndef f(): return base() + more()\n")
    assert cython_llvm.revise() == ["lo2", "hi2"] and (hi.f(), lo.f()) == (5, 2)


def test_a_syntax_error_elsewhere_does_not_hold_others_up(sources: Path) -> None:
    paths = [write(sources / f"{name}.pyx", "def f(): return 1\n") for name in ("one1", "two2")]
    one, two = importlib.import_module("one1"), importlib.import_module("two2")
    write(paths[0], "def f(: return 2\n")
    write(paths[1], "def f(): return 22\n")
    assert cython_llvm.revise() == ["two2"] and (one.f(), two.f()) == (1, 22)


def test_prune(sources: Path) -> None:
    text = "def f(): return 1\ndef g(): return 1\ncdef class A: pass\nclass P: pass\nx = 1\n"
    path = write(sources / "pr.pyx", text)
    module = importlib.import_module("pr")
    write(path, "def f(): return 2\nx = 10\n")
    assert cython_llvm.revise(prune=True) == ["pr"] and module.f() == 2
    assert not any(hasattr(module, name) for name in ("g", "A", "P")) and module.x == 10


def test_track(sources: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    data.write_text("1")
    path = write(tmp_path / "else" / "tr.pyx", f"value = open({str(data)!r}).read()\ndef f(): return 1\n")
    module = cython_llvm.track(path)
    assert cython_llvm.track(path) is module
    cython_llvm.track(data, module)
    assert str(data) in cython_llvm.tracked()["tr"]
    data.write_text("22")
    assert cython_llvm.revise() == ["tr"] and module.value == "22" and cython_llvm.revise() == []
    with pytest.raises(ValueError, match="not imported from a source"):
        cython_llvm.track(data, "json")


def test_entr(sources: Path, tmp_path: Path) -> None:
    path = write(sources / "en.pyx", "def f(): return 1\n")
    module = importlib.import_module("en")
    other = tmp_path / "other.txt"
    other.write_text("a")
    seen: list[object] = []

    def act() -> None:
        seen.append((module.f(), other.read_text()))
        if len(seen) == 1:
            write(path, "def f(): return 22\n")
        elif len(seen) == 2:
            other.write_text("bb")

    cython_llvm.entr(act, [other], [module], stop=lambda: len(seen) > 2, pause=0.01)
    assert seen == [(1, "a"), (22, "a"), (22, "bb")]


def test_a_thread_watches(sources: Path) -> None:
    path = write(sources / "wt.pyx", "def f(): return 1\n")
    module = importlib.import_module("wt")
    f = module.f
    cython_llvm.install(watch=True)
    try:
        for number in (22, 333):
            write(path, f"def f(): return {number}\n")
            end = time.monotonic() + 20
            while f() != number and time.monotonic() < end:
                time.sleep(0.05)
            assert f() == number
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            write(path, "def f(: return 4\n")
            end = time.monotonic() + 20
            while not caught and time.monotonic() < end:
                time.sleep(0.05)
        assert f() == 333 and "wt.pyx:1" in str(caught[0].message)
    finally:
        live_watch.watch(False)
    assert not any(thread.name == "cython_llvm-watch" for thread in threading.enumerate())


@pytest.mark.parametrize("manual", [False, True])
def test_the_plain_repl(sources: Path, cache_dir: Path, manual: bool) -> None:
    path = write(sources / "re.pyx".replace("re", "replm"), "def f(): return 1\n")
    process, screen = _repl(cache_dir, sources, {"CYTHON_LLVM_REVISE": "manual" if manual else ""})
    try:
        _type(process, screen, "import cython_llvm; x = cython_llvm.install(); cython_llvm.autoreload()")
        _type(process, screen, "import replm; f = replm.f; print('value', f())", until="value 1")
        write(path, "def f(): return 22\n")
        _type(process, screen, "print('value', f())", until="value 1" if manual else "value 22")
        write(path, "def f(: return 3\n")
        shown = _type(process, screen, "print('value', f())", until="value 1" if manual else "value 22")
        assert manual or "replm.pyx:1" in shown
        if manual:
            write(path, "def f(): return 4444\n")
            _type(process, screen, "cython_llvm.revise(); print('value', f())", until="value 4444")
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def _repl(cache_dir: Path, folder: Path, env: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    screen, terminal = pty.openpty()
    env = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}", "TERM": "dumb", **env}
    process = subprocess.Popen([sys.executable, "-q"], stdin=terminal, stdout=terminal, stderr=terminal,
                               env=env, close_fds=True)  # fmt: skip
    os.close(terminal)
    _read(screen, ">>> ")
    return process, screen


def _read(screen: int, until: str) -> str:
    text, end = "", time.monotonic() + 60
    while until not in text:
        assert time.monotonic() < end, text
        text += os.read(screen, 4096).decode(errors="replace")
    return text


def _type(process: subprocess.Popen[bytes], screen: int, line: str, until: str = "") -> str:
    """What shows after a line has been typed, up to the next prompt."""
    os.write(screen, line.encode() + b"\n")
    shown = _read(screen, "\n")
    while not shown.endswith(">>> "):
        shown += os.read(screen, 4096).decode(errors="replace")
    assert until in shown.partition("\n")[2], shown
    return shown


def test_ipython(sources: Path, run: Callable[..., str]) -> None:
    pytest.importorskip("IPython")
    said = run(f"""
        import sys, textwrap
        sys.path.insert(0, {str(sources)!r})
        from IPython.testing.globalipapp import start_ipython
        shell = start_ipython()
        import cython_llvm
        cython_llvm.install()
        def write(name, text):
            open({str(sources)!r} + "/" + name, "w").write(text)
        write("ipm.pyx", "def f(): return 1\\n")
        write("ipy.py", "def g(): return 1\\n")
        shell.run_cell("%load_ext autoreload")
        shell.run_cell("%autoreload 2")
        shell.run_cell("import cython_llvm; cython_llvm.import_file({str(sources / 'ipy.py')!r})")
        shell.run_cell("import ipm, ipy; from ipm import f; from ipy import g")
        shell.run_cell("cython_llvm.autoreload()")
        import time; time.sleep(0.01)
        write("ipm.pyx", "def f(): return 22\\n")
        write("ipy.py", "def g(): return 22\\n")
        shell.run_cell("first = f(), g(), type(g).__name__")
        print(shell.user_ns["first"])
        """)  # fmt: skip
    assert said.splitlines()[-1] == "(22, 22, 'cython_function_or_method')"


