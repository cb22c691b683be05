#!/usr/bin/env python3
"""A bundle for scripts/gpu_check.sh on a machine with another Python, or none, and no network.

    .venv/bin/python scripts/gpu_bundle.py [--output .gpu/bundle.tar.xz]

It holds this interpreter with its standard library and what that is linked to, numpy, Cython and the package
as it is installed (or on PYTHONPATH): some 55 MB for x86-64 Linux with a C library as new as this one's.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Parts of the standard library that no check needs.
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data",
            "__pycache__", "site-packages", "dist-packages"}  # fmt: skip
#: Modules of the standard library in C that none needs; they are linked to large libraries.
UNNEEDED = ("_test", "_xxtest", "xx", "_ssl", "_tkinter", "_curses", "_sqlite3", "_dbm", "_gdbm", "readline",
            "nis", "_crypt", "ossaudiodev")  # fmt: skip
#: The C library's own, which are where the bundle goes.
OF_LIBC = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|util|stdc\+\+|gcc_s))\.so")


def tree(top: Path) -> Iterator[Path]:
    """The files below a folder."""
    for path in sorted(top.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith("config-"):
            continue
        if path.is_dir():
            yield from tree(path)
        elif path.is_file() and path.suffix not in (".pyc", ".exe", ".pdb"):
            yield path


def linked(path: Path) -> Iterator[Path]:
    """The libraries that a file is linked to, but for the C library's."""
    done = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
    for found in re.findall(r"=> (/\S+)", done.stdout):
        if not OF_LIBC.match(Path(found).name):
            yield Path(found)


def package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"no {name} here")
    return Path(spec.origin).parent


def files() -> dict[str, Path]:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    program = Path(sys.base_prefix) / "bin" / version
    found = {f"bin/{version}": program}
    libraries = set(linked(program))
    standard = Path(sysconfig.get_path("stdlib"))
    for path in tree(standard):
        inside = path.relative_to(standard)
        if inside.parts[0] == "lib-dynload":
            if path.name.startswith(UNNEEDED):
                continue
            libraries |= set(linked(path))
        found[f"lib/{version}/{inside}"] = path
    for name in ("numpy", "Cython", "cython_llvm"):
        top = package(name)
        for path in tree(top):
            found[f"site/{name}/{path.relative_to(top)}"] = path
        beside = top.parent / f"{name}.libs"
        for path in tree(beside) if beside.is_dir() else ():
            found[f"site/{name}.libs/{path.name}"] = path
    found["site/cython.py"] = package("Cython").parent / "cython.py"
    found |= {f"libraries/{path.name}": path.resolve() for path in sorted(libraries)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / ".gpu" / "bundle.tar.xz")
    parser.add_argument("--preset", type=int, default=3, help="how hard xz tries, 0 to 9")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(options.output, "w:xz", preset=options.preset) as bundle:
        for name, path in files().items():
            bundle.add(path, name, recursive=False)
    size = options.output.stat().st_size
    print(f"{options.output}: {size / 2**20:.1f} MiB")
    if size > 62 << 20:
        raise SystemExit("more than the 62 MiB that go to a machine with a GPU")


if __name__ == "__main__":
    main()
