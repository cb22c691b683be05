#!/usr/bin/env python3
"""The tree route's latency in a warm process, as ratios of one run.

For a new one-line module, from source text to its first call: against Cython's own part of the work
(source to C text, which is the floor), the C route, pyximport with gcc -O2, and, where it is
installed, numba's first call of a new function; and `inline` of new code.  Medians; interleaved.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FLOOR_BAR = 2.5
INLINE_BAR = 40.0

SOURCE = "def f(x): return x + {n}\n"


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_route(folder: Path, number: int, route: str) -> float:
    import cython_llvm

    name = f"{route}_{number}"
    path = folder / f"{name}.pyx"
    path.write_text(SOURCE.format(n=number))

    def work() -> None:
        module = cython_llvm.import_file(path, name, route=route, language_level=3)
        assert module.f(1) == 1 + number

    return timed(work)


def frontend(folder: Path, number: int) -> float:
    """Cython's own part: source to C text."""
    from cython_llvm import frontend, sharedutil
    from cython_llvm.settings import Settings

    path = folder / f"floor_{number}.pyx"
    path.write_text(SOURCE.format(n=number))
    settings = Settings(language_level=3)
    shared = sharedutil.available()
    return timed(lambda: frontend.generate_c(str(path), path.stem, settings, shared_utility=shared))


def numba_first_call(number: int) -> float | None:
    try:
        import numba
    except ImportError:
        return None
    space: dict[str, Callable[[int], int]] = {}
    exec(SOURCE.format(n=number), space)

    def work() -> None:
        assert numba.njit(space["f"])(1) == 1 + number

    return timed(work)


def inline(number: int) -> float:
    import cython_llvm

    value = 7 + number

    def work() -> None:
        assert cython_llvm.inline(f"return value * {number + 2}", value=value) == value * (number + 2)

    return timed(work)


_GCC = """
import sys, time
import pyximport
pyximport.install(build_dir="build", language_level=3)
import first
started = time.perf_counter()
import second
assert second.f(1) == 2
print(time.perf_counter() - started)
"""


def pyximport(folder: Path) -> float:
    for name in ("first", "second"):
        (folder / f"{name}.pyx").write_text(SOURCE.format(n=1))
    env = {**os.environ, "CFLAGS": "-O2"}
    done = subprocess.run([sys.executable, "-c", _GCC], cwd=folder, env=env, text=True,
                          capture_output=True, check=True)  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="new modules per figure")
    args = parser.parse_args()
    os.environ["CYTHON_LLVM_ROUTE"] = "tree"
    taken: dict[str, list[float]] = {}

    def note(what: str, seconds: float | None) -> None:
        if seconds is not None:
            taken.setdefault(what, []).append(seconds)

    with tempfile.TemporaryDirectory(prefix="tree-latency-") as place:
        folder = Path(place)
        os.environ["CYTHON_LLVM_CACHE_DIR"] = str(folder / "cache")
        for number in range(args.rounds + 2):
            note("tree route", by_route(folder, number, "tree"))
            note("Cython to C text", frontend(folder, number))
            note("numba, first call", numba_first_call(number))
            note("inline, new code", inline(number))
            if number % 5 == 0:
                note("C route", by_route(folder, number, "c"))
        note("pyximport + gcc -O2", pyximport(folder))
    # The first two are not warm yet.
    medians = {
        what: statistics.median(times[2:] if len(times) > 4 else times) for what, times in taken.items()
    }
    ours = medians["tree route"]
    print(f"one-line module, warm process: tree route {ours * 1e3:.1f} ms")
    for what, seconds in medians.items():
        if what not in ("tree route", "inline, new code"):
            print(f"  {what:20} {seconds * 1e3:8.1f} ms  tree route / it = {ours / seconds:.3f}")
    floor = ours / medians["Cython to C text"]
    new = medians["inline, new code"] * 1e3
    judged = [("of Cython's own part", floor, FLOOR_BAR), ("ms, inline of new code", new, INLINE_BAR)]
    for what, figure, bar in judged:
        print(f"  {figure:.2f} {what}, bar {bar}  {'ok' if figure <= bar else 'NOT REACHED'}")
    return int(any(figure > bar for _, figure, bar in judged))


if __name__ == "__main__":
    sys.exit(main())
