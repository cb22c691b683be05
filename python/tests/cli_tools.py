"""Running the stock commands, as installed, in a folder of a test's."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

# A path with no compiler, linker or assembler on it.
NO_TOOLS = {"PATH": os.path.dirname(sys.executable), "CC": "false", "CXX": "false"}


def run(
    folder: Path, *command: str, env: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder`` with no compiler to be found; text output, no check."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **NO_TOOLS, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def cython(folder: Path, *args: str, env: Mapping[str, str] | None = None):
    """`python -m cython`, the stock command."""
    return run(folder, sys.executable, "-m", "cython", *args, env=env)


def cythonize(folder: Path, *args: str, env: Mapping[str, str] | None = None):
    """The stock `cythonize` command's main function."""
    code = "import sys; from Cython.Build.Cythonize import main; sys.exit(main())"
    return run(folder, sys.executable, "-c", code, *args, env=env)


def python(folder: Path, code: str, env: Mapping[str, str] | None = None) -> str:
    """What a Python program prints; fails the test where it does not exit with 0."""
    done = run(folder, sys.executable, "-c", code, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
