"""The interpreter that runs the tests: this one, or a debug build, which counts all references.

A debug build has a run-time library of its own, compiled with its headers, in a folder of links to
the package; its own modules, `_native` among them, are those of the ordinary build: the layouts are
the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Interpreter:
    """A command, and the modules that it is to find."""

    command: str
    path: tuple[str, ...]
    debug: bool

    def env(self) -> dict[str, str]:
        """The environment for its processes: nothing that differs from run to run."""
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("PYTHON", "CYTHON"))}  # fmt: skip
        return {**kept, "PYTHONPATH": os.pathsep.join(self.path), "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "2",
                "CYTHON_LLVM_CACHE": "0"}  # fmt: skip


def ordinary() -> Interpreter:
    """The running one."""
    import Cython

    import cython_llvm

    folders = (Path(cython_llvm.__file__).parents[1], Path(Cython.__file__).parents[1])
    return Interpreter(sys.executable, tuple(map(str, folders)), False)


def debug(cache: Path) -> Interpreter | None:
    """A debug build of this interpreter's version, made ready; None where there is none."""
    command = shutil.which("python{}.{}-dbg".format(*sys.version_info))
    if command is None:
        return None
    import Cython

    import cython_llvm

    package = Path(cython_llvm.__file__).parent
    farm = cache / "debug" / "cython_llvm"
    farm.mkdir(parents=True, exist_ok=True)
    # The run-time library is built from the checkout, which its sources are found by.
    checkout = ROOT / "python" / "cython_llvm"
    for one in {path.name: path for path in (*package.iterdir(), *checkout.iterdir())}.values():
        link = farm / one.name
        if not one.name.startswith(("_cyrt", "_cyutility", "__pycache__")):
            link.unlink(missing_ok=True)
            link.symlink_to(one)
    found = Interpreter(command, (str(farm.parent), str(Path(Cython.__file__).parents[1])), True)
    sources = [*(ROOT / "runtime-abi" / "runtime").glob("*.c"), package / "runtimelib.py",
               package / "runtime_utilities.toml"]  # fmt: skip
    made = farm / "_cyrt.symbols.json"
    if not made.exists() or made.stat().st_mtime < max(one.stat().st_mtime for one in sources):
        code = ("from cython_llvm import runtimelib, sharedutil; "
                "sharedutil.build_shared_utility(); runtimelib.build()")  # fmt: skip
        subprocess.run([command, "-c", code], env=found.env(), check=True)
    return found
