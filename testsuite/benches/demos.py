#!/usr/bin/env python3
"""Cython's own benchmarks (Demos/benchmarks), as ratios to its C by gcc -O3 -march=native.

Each engine has a process for a module; the processes take turns and the best turn counts.  A figure is
gcc's processor time over ours: above 1, ours is faster.  What the benchmarks time is theirs; how often,
and with which clock, is `demos_util.py`, which stands in for their `util` module.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import re
import shutil
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import kernel_build as build
from kernel_speed import mean

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: Copies of the benchmarks, with what they have for this Cython switched on.
SOURCES = ROOT / ".cache" / "bench-demos"
#: A line for Cython from a version on: `#[3.3+] #@cython.collection_type("sequence")`.
CONDITIONAL = re.compile(r"#\[([0-9.]+)\+\]\w*[^#]*#(.*)$")
#: Modules that need more than themselves, or time Cython's compiler.
LEFT_OUT = {"bm_cython": "times the compiler", "bm_tempita": "needs Cython's sources beside it"}


def sources() -> list[Path]:
    import Cython

    sys.path.insert(0, str(ROOT / "testsuite"))
    from conformance.corpus import fetch

    version = tuple(int(part) for part in Cython.__version__.split(".")[:2])
    folder = fetch(ROOT / ".cache").tests.parent / "Demos" / "benchmarks"
    shutil.rmtree(SOURCES, ignore_errors=True)
    SOURCES.mkdir(parents=True)
    for path in folder.glob("bm_*.p*"):
        lines = path.read_text().splitlines(keepends=True)
        (SOURCES / path.name).write_text("".join(switched(line, version) for line in lines))
    return sorted(path for path in SOURCES.glob("bm_*.py*") if path.stem not in LEFT_OUT)


def switched(line: str, version: tuple[int, ...]) -> str:
    found = CONDITIONAL.match(line)
    if found and version >= tuple(int(part) for part in found[1].split(".")):
        return found[2].rstrip() + "\n"
    return line


def child(library: Path, pipe: Connection) -> None:
    """Answers each message with a round's seconds by benchmark."""
    import demos_util

    sys.modules["util"] = demos_util
    try:
        module = build.load(library)
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send(None)
    for _ in iter(pipe.recv, None):
        pipe.send(seconds(module.run_benchmark, library.stem))


def seconds(run: Callable[..., Any], title: str) -> dict[str, float]:
    """What a module's benchmarks return or print: times, or times by name."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = run(False)
    if isinstance(result, dict):
        return {name: min(times) for name, times in result.items()}
    if isinstance(result, list):
        return {title: min(result)}
    lines = (line.rpartition(": [") for line in printed.getvalue().splitlines())
    return {name: min(map(float, times.rstrip("]").split(","))) for name, found, times in lines if found}


def measured(path: Path, engines: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Best seconds by benchmark and engine."""
    context = get_context("spawn")
    pipes: dict[str, Connection] = {}
    best: dict[str, dict[str, float]] = {}
    for engine in engines:
        ours, theirs = context.Pipe()
        library = build.library(path, engine)
        context.Process(target=child, args=(library, theirs), daemon=True).start()
        theirs.close()
        refused = ours.recv()
        if refused is not None:
            print(f"{path.name}: {engine}: {refused}")
            return {}
        pipes[engine] = ours
    order = list(pipes.items())
    for _ in range(rounds):
        order.append(order.pop(0))
        for engine, pipe in order:
            pipe.send("round")
            for name, time in pipe.recv().items():
                times = best.setdefault(name, {})
                times[engine] = min(time, times.get(engine, math.inf))
    for pipe in pipes.values():
        pipe.send(None)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="modules with this in their names")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default="gcc_native", help="beside these, with commas")
    args = parser.parse_args()
    others = args.engines.split(",")
    print(f"{'benchmark':44}{'us':>12}" + "".join(f"{name:>14}" for name in others))
    ratios: dict[str, list[float]] = {name: [] for name in others}
    for path in sources():
        if args.k not in path.stem:
            continue
        for name, times in measured(path, ["tree", *others], args.rounds).items():
            row = {other: times[other] / times["tree"] for other in others}
            title = name if name.startswith(path.stem) else f"{path.stem.removeprefix('bm_')}: {name}"
            print(f"{title[:43]:44}{times['tree'] * 1e6:12.2f}" + "".join(f"{row[o]:14.2f}" for o in others),
                  flush=True)  # fmt: skip
            for other in others:
                ratios[other].append(row[other])
    for other in others:
        if ratios[other]:
            print(f"geometric mean of {len(ratios[other])}, {other}: {mean(ratios[other]):.2f}")
    for name, why in LEFT_OUT.items():
        if args.k in name:
            print(f"left out: {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
