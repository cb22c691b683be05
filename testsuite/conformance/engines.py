"""What builds the test modules: stock Cython with gcc, or with this backend."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass

from .corpus import VERSION

NAMES = ("gcc", "llvm")


@dataclass(frozen=True)
class Engine:
    """``name`` is "gcc" or "llvm"; ``env`` is set in the process that runs a test file."""

    name: str
    key: str  # names everything that could change a verdict
    env: dict[str, str]

    def activate(self) -> None:
        """Make builds of this process and its children go through the engine."""
        os.environ.update(self.env)
        if self.name == "llvm":
            from cython_llvm import build

            build.patch_distutils()


def engine(name: str) -> Engine:
    """Look up an engine; the optimiser is off, as in Cython's own test runs."""
    python = platform.python_version()
    common = {"CFLAGS": "-O0", "PYTHONHASHSEED": "0", "CYTHON_CACHE_DIR": ""}
    if name == "gcc":
        version = subprocess.run(
            ["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
        ).stdout.strip()
        return Engine(name, f"gcc-{version}-cython-{VERSION}-python-{python}", common)
    if name == "llvm":
        import cython_llvm

        key = f"llvm-{cython_llvm.toolchain_id()}-cython-{VERSION}-python-{python}"
        return Engine(name, key, {**common, "CYTHON_LLVM_DISTUTILS": "1"})
    raise ValueError(f"engine must be one of {', '.join(NAMES)}, not {name!r}")
