"""A debugger sees code made at run time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = """\
# cython: language_level=3
cdef object inner(x, int n):
    total = x
    for _ in range(n):
        total = total + x.real
    return total

def outer(x, int n):
    y = x + 1
    return inner(y, n)

def generated(n):
    for k in range(n):
        yield k * 2
"""
#: Shown for a breakpoint in `inner`, innermost first, and for one in the generator.
FRAMES = (
    r"#0 .*\b__pyx_f_\w*inner \(.*\) at .*source\.pyx:5\n#1 .*\b__pyx_pf_\w*outer \(.*\) at .*source\.pyx:10\n",
    r"#0 .*\b__pyx_gb_\w*generator\w* \(.*\) at .*source\.pyx:14\n",
)


def _stops(folder: Path, python: list[str], *before: str) -> str:
    """What gdb says at the two breakpoints."""
    if shutil.which("gdb") is None:
        pytest.skip("no gdb command here")
    commands = ["set debuginfod enabled off", "set breakpoint pending on", *before,
                "break source.pyx:5", "break source.pyx:14", *(["continue"] if before else ["run"]),
                "backtrace 3", "delete 1", "continue", "backtrace 2"]  # fmt: skip
    args = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run(["gdb", "-q", "-batch", *args, "--args", sys.executable, *python],
                          cwd=folder, capture_output=True, text=True, timeout=300)  # fmt: skip
    if "ptrace" in done.stderr.lower():
        pytest.skip("debugging is forbidden here")
    return done.stdout + done.stderr


def test_gdb_stops_at_lines_of_the_source_in_jitted_code(folder: Path) -> None:
    (folder / "source.pyx").write_text(SOURCE)
    (folder / "program.py").write_text(
        "import sys, os, signal\nsys.path.insert(0, '.')\nimport cython_llvm\n"
        "cython_llvm.install(route='tree')\nimport source\nos.kill(os.getpid(), signal.SIGTRAP)\n"
        "source.outer(2, 9)\nlist(source.generated(3))\n"
    )
    shown = _stops(folder, ["program.py"], "set env CYTHON_LLVM_DEBUGINFO=1", "set env CYTHON_LLVM_CACHE=0",
                   "run")  # fmt: skip
    for expected in FRAMES:
        assert re.search(expected, shown), shown


def test_gdb_stops_at_lines_of_the_source_in_a_library(folder: Path, run: Callable[..., str]) -> None:
    (folder / "source.pyx").write_text(SOURCE)
    run(sys.executable, "-m", "cython", "--backend=llvm", "--route=tree", "--emit=so", "-g", "source.pyx")
    shown = _stops(folder, ["-c", "import source; source.outer(2, 9); list(source.generated(3))"])
    for expected in FRAMES:
        assert re.search(expected, shown), shown


def test_gdb_knows_jitted_functions(folder: Path) -> None:
    if shutil.which("gdb") is None:
        pytest.skip("no gdb command here")
    (folder / "seen.pyx").write_text("def f(x):\n    return x.real\n")
    (folder / "program.py").write_text(
        "import sys, os, signal\nsys.path.insert(0, '.')\nimport cython_llvm\n"
        "cython_llvm.install()\nimport seen\nos.kill(os.getpid(), signal.SIGTRAP)\nseen.f(1)\n"
    )
    env_options = ["-ex", "set env CYTHON_LLVM_DEBUGINFO=1", "-ex", "set env CYTHON_LLVM_CACHE=0"]
    done = subprocess.run(
        ["gdb", "-q", "-batch", *env_options, "-ex", "set debuginfod enabled off", "-ex", "run",
         "-ex", "break __pyx_pf_4seen_f", "-ex", "continue", "-ex", "backtrace 2",
         "--args", sys.executable, "program.py"],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if "ptrace" in done.stderr.lower():
        pytest.skip("debugging is forbidden here")
    assert "#0  __pyx_pf_4seen_f" in done.stdout, done.stdout + done.stderr
