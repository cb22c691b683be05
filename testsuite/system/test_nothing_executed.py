"""Compiling executes no program: what the kernel saw, by strace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PARALLEL


@pytest.fixture
def executed(folder: Path) -> Callable[..., list[str]]:
    """Run a command under strace; the programs executed after the command itself."""
    probe = ["strace", "-f", "-e", "trace=execve", "-o", "/dev/null", sys.executable, "-c", ""]
    done = subprocess.run(probe, capture_output=True, text=True)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip(f"the system forbids tracing: {done.stderr.strip().splitlines()[-1]}")

    def trace(*command: str) -> list[str]:
        log = folder / "strace.log"
        done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", str(log),
                               *command], cwd=folder, capture_output=True, text=True, timeout=300)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        calls = [line for line in log.read_text().splitlines() if "execve" in line]
        assert calls, "strace saw not even the command"
        return calls[1:]

    return trace


def test_the_trace_shows_a_program_that_is_executed(executed):
    calls = executed(sys.executable, "-c", "import os; os.system('true')")
    assert any('"/bin/sh"' in call for call in calls)


SESSION = """
import importlib, pathlib, array
import cython_llvm
cython_llvm.install()
import parallel
assert parallel.total(array.array('d', [1, 2])) == 3
path = pathlib.Path('parallel.pyx')
path.write_text(path.read_text().replace('return result', 'return -result'))
importlib.reload(parallel)
assert parallel.total(array.array('d', [1, 2])) == -3
assert cython_llvm.inline('return a + 1', a=1) == 2
"""


def test_import_reload_and_inline(executed, folder):
    (folder / "parallel.pyx").write_text(PARALLEL)
    assert executed(sys.executable, "-c", SESSION) == []


def test_command_line(executed, folder):
    (folder / "parallel.pyx").write_text(PARALLEL)
    assert executed(sys.executable, "-m", "cython", "--backend=llvm", "parallel.pyx") == []
    assert list(folder.glob("parallel.*.so"))


def test_cythonize_builds_in_place(executed, folder):
    (folder / "parallel.pyx").write_text(PARALLEL)
    code = ("import sys; from Cython.Build.Cythonize import main;"
            "main(['--backend=llvm', '-i', '-q', 'parallel.pyx'])")  # fmt: skip
    assert executed(sys.executable, "-c", code) == []
    assert list(folder.glob("parallel.*.so"))
