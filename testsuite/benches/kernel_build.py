"""Builds of the kernels' modules: by us, and by gcc and clang from Cython's C.

They are kept in ``.cache/bench-kernels``, by what they are made of.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KERNELS = HERE / "kernels"
KEPT = HERE.parents[1] / ".cache" / "bench-kernels"
INCLUDE = "-I" + sysconfig.get_path("include")
STOCK = sysconfig.get_config_var("CFLAGS").split()
COMMON = ["-fwrapv", "-fno-strict-aliasing", "-DNDEBUG", "-w"]
NATIVE = ["-O3", "-march=native", *COMMON]

#: Ours by route, theirs by compiler and flags.
ROUTES = {"tree": "tree", "tree_contract": "tree", "c_route": "c"}
#: What gcc and clang do unasked where the processor has fused multiply-add.
CONTRACT = {"tree_contract": ("-X", "fp_contract=True")}
COMPILERS = {
    "gcc_o2": ("gcc", ["-O2", *COMMON]),
    "gcc": ("gcc", STOCK),
    "gcc_native": ("gcc", NATIVE),
    "clang_native": ("clang", NATIVE),
}


@lru_cache(maxsize=1)
def clang() -> str | None:
    return shutil.which("clang-22") or shutil.which("clang")


def engines() -> list[str]:
    return [*ROUTES, *(name for name, (kind, _) in COMPILERS.items() if kind == "gcc" or clang())]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _cython() -> str:
    return str(Path(sys.executable).with_name("cython"))


@lru_cache(maxsize=1)
def _ours() -> bytes:
    """What our code depends on: the package's own files."""
    import cython_llvm

    folder = Path(os.path.dirname(cython_llvm.__file__))
    found = hashlib.sha256()
    for path in sorted([*folder.glob("*.so"), *folder.glob("_cyrt.*")]):
        found.update(f"{path.name} {path.stat().st_mtime_ns} {path.stat().st_size}\n".encode())
    return found.digest()


def library(source: Path, engine: str, flags: tuple[str, ...] = ()) -> Path:
    """The module of a source, built by an engine; ``flags`` are for `cython`."""
    import Cython

    key = hashlib.sha256(source.read_bytes())
    key.update(repr((source.stem, engine, flags, Cython.__version__, COMPILERS.get(engine))).encode())
    if engine in ROUTES:
        key.update(_ours())
    else:
        key.update(str(clang()).encode())
    folder = KEPT / engine / key.hexdigest()[:24]
    target = folder / f"{source.stem}.so"
    if target.exists():
        return target
    for old in (KEPT / engine).glob(f"*/{source.stem}.so") if engine in ROUTES else ():
        shutil.rmtree(old.parent, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (source, source.with_suffix(".pxd")):
        if path.exists():
            shutil.copy(path, folder / path.name)
    partial = f"{source.stem}.partial.so"
    if engine in ROUTES:
        flags = (*CONTRACT.get(engine, ()), *flags)
        _run([_cython(), "--backend=llvm", "--emit=so", f"--route={ROUTES[engine]}", "-3", "-O3",
              "--march=native", *flags, "-o", partial, source.name], folder)  # fmt: skip
    else:
        kind, options = COMPILERS[engine]
        command = kind if kind == "gcc" else str(clang())
        text = f"{source.stem}.c"
        _run([_cython(), "-3", *flags, source.name], folder)
        _run([command, *options, "-fPIC", "-shared", INCLUDE, text, "-o", partial, "-lm"], folder)
        (folder / text).unlink()
    os.replace(folder / partial, target)
    return target


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stripped_size(path: Path) -> int:
    """Size without symbols and debug information."""
    target = path.with_suffix(".stripped")
    subprocess.run(["strip", "-o", str(target), str(path)], check=True)
    size = target.stat().st_size
    target.unlink()
    return size
