#!/usr/bin/env python3
"""`make run`: the main job on a real module, step by step, beside gcc where there is one.

Works in a temporary folder with a cache of its own; the source tree stays as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "particles.pyx"
OLD, NEW = "GRAVITY = -9.81", "GRAVITY = -1.62"

USE = """
import numpy as np
def use(module):
    count = 100_000
    height = np.linspace(0.1, 2, count)
    return module.final_speed(height, np.zeros(count), 200)
"""
IMPORT_OURS = "import cython_llvm; cython_llvm.install()\n"
IMPORT_STOCK = "import pyximport; pyximport.install(language_level=3)\n"
IMPORT = USE + """
import time
start = time.perf_counter()
{install}
import particles
result = use(particles)
print(f"{{time.perf_counter() - start:.3f}} {{result:.6f}}")
"""
RELOAD = USE + """
import importlib, pathlib, time
{install}
import particles
before = use(particles)
path = pathlib.Path("particles.pyx")
path.write_text(path.read_text().replace({old!r}, {new!r}))
start = time.perf_counter()
{reload}
after = use(particles)
print(f"{{time.perf_counter() - start:.3f}} {{before:.6f}} {{after:.6f}}")
"""
INLINE = """
import time
start = time.perf_counter()
from {package} import inline
value = inline("return a * b + 1", a=6, b=7)
print(f"{{time.perf_counter() - start:.3f}} {{value}}")
"""


class Failure(Exception):
    """A step that did not work; the text says which command and what it printed."""


class Place:
    """A temporary folder for one compiler: a copy of the example, caches, nothing shared."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        shutil.copy(EXAMPLE, folder)
        self.folder = folder
        self.env = {**os.environ, "CYTHON_LLVM_CACHE_DIR": str(folder / "cache"),
                    "CYTHON_CACHE_DIR": str(folder / "cython"), "HOME": str(folder)}  # fmt: skip

    def run(self, *command: str) -> tuple[float, list[str]]:
        """(seconds, words of the last line printed)."""
        start = time.perf_counter()
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)[:200]}\n{done.stdout}{done.stderr}")
        lines = done.stdout.strip().splitlines()
        return seconds, lines[-1].split() if lines else []

    def python(self, code: str) -> tuple[float, list[str]]:
        return self.run(sys.executable, "-c", code)

    def timed(self, code: str) -> tuple[float, list[str]]:
        """(seconds as the program measured them, the other words of its last line)."""
        _, words = self.python(code)
        return float(words[0]), words[1:]


def command(name: str) -> str:
    """A console script beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


def show(what: str, ours: float, gcc: float | None, note: str = "") -> None:
    beside = f"gcc {gcc:7.2f} s   {ours / gcc:5.2f} of gcc's time" if gcc else "gcc      none"
    print(f"  {what:<42} {ours:7.2f} s   {beside}   {note}".rstrip(), flush=True)


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def build_with_gcc(place: Place) -> float:
    """Stock `cythonize -i`, which runs gcc."""
    return place.run(command("cythonize"), "-i", "-q", "particles.pyx")[0]


def equal(ours: list[str], theirs: list[str] | None) -> str:
    """How our numbers stand beside gcc's; raises Failure where they differ."""
    if theirs is None:
        return f"result {ours[-1]}"
    if ours != theirs:
        raise Failure(f"results differ: {ours} with cython-llvm, {theirs} with gcc")
    return f"result {ours[-1]}, the same as gcc's"


def demo(base: Path) -> None:
    gcc = shutil.which("gcc")
    print(f"The module: examples/{EXAMPLE.name} (typed memoryviews, a cdef class, prange, a generator)")
    print(f"Beside it: {'stock Cython with gcc -O2' if gcc else 'nothing, as there is no gcc here'}")

    say("1. The command line: cython --backend=llvm writes an extension module, no compiler executed")
    ours = Place(base / "ours-cli")
    seconds, _ = ours.run(command("cython"), "--backend=llvm", "particles.pyx")
    written = next(ours.folder.glob("*.so"))
    theirs = Place(base / "gcc-cli")
    gcc_seconds = build_with_gcc(theirs) if gcc else None
    show("compile and link", seconds, gcc_seconds, f"{written.name}, {written.stat().st_size >> 10} KiB")
    use = USE + "import particles; print(f'{use(particles):.6f}')"
    _, result = ours.python(use)
    _, expected = theirs.python(use) if gcc else (0, None)
    print(f"  imported by a plain `import`: {equal(result, expected)}")

    say("2. Importing the .pyx itself: cython_llvm.install(); beside it, pyximport")
    ours, theirs = Place(base / "ours"), Place(base / "pyximport")
    for what in ("first import, nothing cached", "again in a new process, from the cache"):
        seconds, result = ours.timed(IMPORT.format(install=IMPORT_OURS))
        gcc_seconds, expected = None, None
        if gcc:
            gcc_seconds, expected = theirs.timed(IMPORT.format(install=IMPORT_STOCK))
        show(what, seconds, gcc_seconds, equal(result, expected))

    say(f"3. An edit ({OLD} becomes {NEW}) and importlib.reload, in the running process")
    reload = "importlib.reload(particles)"
    program = RELOAD.format(install=IMPORT_OURS, old=OLD, new=NEW, reload=reload)
    seconds, result = ours.timed(program)
    if result[0] == result[1]:
        raise Failure(f"the reloaded module computes what the old one did: {result}")
    gcc_seconds = None
    if gcc:
        place = Place(base / "gcc-edit")
        path = place.folder / "particles.pyx"
        path.write_text(path.read_text().replace(OLD, NEW))
        gcc_seconds = build_with_gcc(place)
    show("compile again, run in the same module", seconds, gcc_seconds, f"{result[0]} -> {result[1]}")
    if gcc:
        print("  (stock Cython cannot reload: gcc's time is that of building the edited file)")

    say('4. One expression: inline("return a * b + 1", a=6, b=7); beside it, cython.inline')
    seconds, result = ours.timed(INLINE.format(package="cython_llvm"))
    gcc_seconds, expected = None, None
    if gcc:
        gcc_seconds, expected = theirs.timed(INLINE.format(package="Cython"))
    show("new code in a new process", seconds, gcc_seconds, equal(result, expected))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="cython-llvm-demo-") as folder:
        try:
            demo(Path(folder))
        except Failure as failure:
            print(f"\nFAILED: {failure}", file=sys.stderr)
            return 1
    print("\nAll steps worked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
