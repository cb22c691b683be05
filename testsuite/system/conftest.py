"""What the tests of the installed product share: a private cache and programs in new processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

PARALLEL = """\
# cython: language_level=3
# distutils: extra_compile_args = -fopenmp
from cython.parallel cimport prange

def total(double[::1] values):
    cdef Py_ssize_t i
    cdef double result = 0
    for i in prange(values.shape[0], nogil=True):
        result += values[i]
    return result
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a cache of its own and nothing else of the environment's."""
    for name in list(os.environ):
        if name.startswith(("CYTHON_", "PYTHON")):
            monkeypatch.delenv(name)
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    monkeypatch.setenv("CYTHON_LLVM_CACHE_DIR", str(cache))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    work = tmp_path / "work"
    work.mkdir()
    return work


@pytest.fixture
def run(folder: Path) -> Callable[..., str]:
    """Run a command in the folder; what it printed.  Fails where it does not exit with 0."""

    def run_command(*command: str, **env: str) -> str:
        done = subprocess.run(command, cwd=folder, env={**os.environ, **env}, text=True,
                              capture_output=True, timeout=300, stdin=subprocess.DEVNULL)  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run_command


@pytest.fixture
def python(run: Callable[..., str]) -> Callable[..., str]:
    """Run a program in a new interpreter."""

    def run_program(code: str, *options: str, **env: str) -> str:
        return run(sys.executable, *options, "-c", textwrap.dedent(code), **env).strip()

    return run_program
