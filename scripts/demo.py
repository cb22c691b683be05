#!/usr/bin/env python3
"""The main job on real input: compile, import, edit, reload, inline; each beside gcc."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "heat.pyx"

_GCC_BUILD = """
import sys, time
started = time.perf_counter()
import pyximport, numpy
pyximport.install(build_dir="pyxbld", language_level=3, setup_args={"include_dirs": numpy.get_include()})
import heat
print(time.perf_counter() - started)
"""


def timed(what: str, work: Callable[[], Any]) -> tuple[Any, float]:
    """Do something, say what and how long it took."""
    print(f"{what} ...", end=" ", flush=True)
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    print(f"{seconds:.2f} s")
    return result, seconds


def check(what: str, found: Any, wanted: Any) -> None:
    """Stop with a message where a result is wrong."""
    if found != wanted:
        sys.exit(f"WRONG RESULT: {what}: {found!r} instead of {wanted!r}")
    print(f"    {what}: {found!r}")


def plates(n: int = 200) -> tuple[Any, Any]:
    import numpy

    start = numpy.zeros((n, n))
    start[0, :] = 100.0
    return start, start.copy()


def gcc_seconds(folder: Path) -> float | None:
    """pyximport with gcc -O2 on the same source, in a fresh process; None without gcc."""
    if shutil.which("gcc") is None:
        return None
    (folder / "gcc").mkdir()
    text = EXAMPLE.read_text()
    (folder / "gcc" / "heat.pyx").write_text(text)
    env = {**os.environ, "CFLAGS": "-O2 -fopenmp", "LDFLAGS": "-fopenmp"}
    done = subprocess.run([sys.executable, "-c", _GCC_BUILD], cwd=folder / "gcc", env=env,
                          capture_output=True, text=True)  # fmt: skip
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="cython-llvm-demo-"))
    os.environ.setdefault("CYTHON_LLVM_CACHE_DIR", str(folder / "cache"))
    try:
        run(folder)
    finally:
        from cython_llvm import loader

        loader.wait_for_cache()
        shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path) -> None:
    source = folder / "heat.pyx"
    shutil.copy(EXAMPLE, source)
    print(f"The example: {EXAMPLE.name}, {len(source.read_text().splitlines())} lines "
          "(memoryviews, a cdef class, prange, a generator)\n")  # fmt: skip

    command = [str(Path(sys.executable).with_name("cython")), "--backend=llvm", "-3", "heat.pyx"]
    _, _ = timed("1. cython --backend=llvm heat.pyx", lambda: subprocess.run(
        command, cwd=folder, check=True, capture_output=True))  # fmt: skip
    (library,) = folder.glob("heat.*.so")
    print(f"    wrote {library.name}, {library.stat().st_size / 1e3:.0f} kB")
    library.unlink()

    sys.path.insert(0, str(folder))
    import cython_llvm

    cython_llvm.install()
    import numpy

    heat, seconds = timed("2. import heat (compiled in this process)",
                          lambda: importlib.import_module("heat"))  # fmt: skip
    start, scratch = plates()
    check("heat of the plate", heat.total(start), float(numpy.sum(start)))
    steps = list(heat.changes(heat.Plate(start, scratch), 0.5))
    check("largest change of the first step", steps[0], 25.0)

    text = source.read_text().replace("FACTOR = 0.25", "FACTOR = 0.125")
    source.write_text(text)
    again, edited = timed("3. importlib.reload(heat) after an edit", lambda: importlib.reload(heat))
    check("the same module object", again is heat, True)
    start, scratch = plates()
    check("largest change of the first step", next(heat.changes(heat.Plate(start, scratch), 0.5)),
          12.5)  # fmt: skip

    source.write_text(text + "\ndef broken(:\n")
    try:
        importlib.reload(heat)
    except ImportError as error:
        print("4. an edit that does not compile:", str(error).splitlines()[-1])
    check("the old code still runs", heat.total(start) > 0, True)

    value, _ = timed("5. cython_llvm.inline('return a * b + 1', a=6, b=7)",
                     lambda: cython_llvm.inline("return a * b + 1", a=6, b=7))  # fmt: skip
    check("its result", value, 43)

    print("\nThe same source through pyximport and gcc -O2, in a process of its own:")
    gcc = gcc_seconds(folder)
    if gcc is None:
        print("    no working gcc here")
    else:
        print(f"    import: {gcc:.2f} s; here {seconds:.2f} s, after the edit {edited:.2f} s "
              f"({seconds / gcc:.2f} and {edited / gcc:.2f} of gcc's)")  # fmt: skip


if __name__ == "__main__":
    main()
