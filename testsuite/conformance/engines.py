"""What builds the test modules: stock Cython with gcc, or with this backend."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NAMES = ("gcc", "llvm")
ROUTES = ("auto", "c", "tree")


@dataclass(frozen=True)
class Engine:
    """``name`` is "gcc", or "llvm" and a route; ``env`` is set in the process that runs a test file."""

    name: str
    key: str  # names what builds the modules; --resume keeps verdicts made with the same
    env: dict[str, str]

    def activate(self) -> None:
        """Make builds of this process and its children go through the engine."""
        os.environ.update(self.env)
        if self.name != "gcc":
            from cython_llvm import build

            build.patch_distutils()


def engine(name: str, route: str = "auto") -> Engine:
    """Look up an engine; the optimiser is off, as in Cython's own test runs.

    ``route`` is the backend's way from Cython's tree to LLVM; gcc has none.
    """
    versions = f"cython-{importlib.metadata.version('cython')}-python-{platform.python_version()}"
    common = {"CFLAGS": "-O0", "PYTHONHASHSEED": "0", "CYTHON_CACHE_DIR": ""}
    if name == "gcc":
        version = subprocess.run(
            ["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
        ).stdout.strip()
        return Engine(name, f"gcc-{version}-{versions}", common)
    if name == "llvm":
        import cython_llvm

        key = f"llvm-{cython_llvm.toolchain_id()}-{_own_code()}-{versions}"
        ours = {"CYTHON_LLVM_DISTUTILS": "1", "CYTHON_LLVM_ROUTE": route}
        return Engine(f"llvm-{route}", key, {**common, **ours})
    raise ValueError(f"engine must be one of {', '.join(NAMES)}, not {name!r}")


def _own_code() -> str:
    """A hash over the installed package's Python files and libraries, and over its hook.

    toolchain_id() names the release and its headers, which stay the same while the code changes.
    """
    import cython_llvm

    package = Path(cython_llvm.__file__).parent
    hook = importlib.util.find_spec("_cython_llvm_hook")
    files = [*package.rglob("*.py"), *package.glob("*.so")]
    if hook is not None and hook.origin is not None:
        files.append(Path(hook.origin))
    return hash_files(package.parent, files)


def hash_files(root: Path, files: Iterable[Path]) -> str:
    """A short hash over the names below ``root`` and the contents of ``files``."""
    digest = hashlib.sha256()
    for name, path in sorted((os.path.relpath(path, root), path) for path in files):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:16]
