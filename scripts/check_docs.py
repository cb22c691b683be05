#!/usr/bin/env python3
"""Run every sample of the README and the guide, and follow every link between the files.

Python samples run as programs of their own, console samples as commands, in a folder that holds the
modules they speak of.  Samples that start with ``make`` or ``pip`` are left to the reader.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_LEFT_OUT = ("make", "pip")


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def broken_links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not (page.parent / target).exists():
            yield f"{page.relative_to(ROOT)}: no such file: {target}"


def samples(page: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, command) of every sample."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        language, body = found.groups()
        if language == "python":
            options = ["build_ext", "--inplace"] if "setuptools" in body else []
            yield line, [sys.executable, "-c", body, *options]
        elif language == "console":
            for command in re.findall(r"^\$ ([^#\n]*)", body, re.MULTILINE):
                if command.split()[0] not in _LEFT_OUT:
                    yield line, ["bash", "-O", "globstar", "-c", command]


def write_modules(folder: Path) -> None:
    for name in ("mymodule", "one", "two", "package/a"):
        path = folder / f"{name}.pyx"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# cython: language_level=3\ndef f(int x): return x + 1\n")
    (folder / "package" / "__init__.py").touch()


def failure(page: Path, line: int, command: list[str], base: str) -> str | None:
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        write_modules(folder)
        env = {**os.environ, "CYTHON_LLVM_CACHE_DIR": str(Path(base) / "cache"),
               "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}  # fmt: skip
        if "import mymodule" in command[-1] and command[0] == "bash":
            subprocess.run(["cython", "--backend=llvm", "mymodule.pyx"], cwd=folder, env=env, check=True)
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return f"{page.relative_to(ROOT)}:{line}: sample fails\n{done.stdout}{done.stderr}"


def main() -> int:
    problems: list[str] = []
    count = 0
    with tempfile.TemporaryDirectory(prefix="cython-llvm-docs-") as base:
        for page in pages():
            problems += broken_links(page)
            for line, command in samples(page):
                count += 1
                found = failure(page, line, command, base)
                if found is not None:
                    problems.append(found)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"documentation: {count} samples run, {len(problems)} problems")
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
