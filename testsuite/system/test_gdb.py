"""A debugger sees code made at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


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
