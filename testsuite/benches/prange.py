#!/usr/bin/env python3
"""Parallel loops, as ratios to Cython with gcc -O3 -march=native -fopenmp and to numba.

Each engine has processes of its own, so that only one OpenMP runtime is in each: several, since where stack,
libraries and arrays lie is decided once in a process and makes as much as a third of difference. The
processes take turns, every round in another order, and an engine's best turn counts. A figure is the other's
wall time over ours: above 1, ours is faster. With `--again` ours is measured twice: how far that figure is
from 1, the others may be by chance.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCES = (HERE.parents[1] / "examples" / "gpu_kernels.pyx", HERE / "prange_kernels.pyx")
GCC = ["-O3", "-march=native", "-fopenmp", "-fwrapv", "-fno-strict-aliasing", "-DNDEBUG", "-w"]
ENGINES = ("tree", "gcc", "numba")
LEAST_TIME = 0.01


def arguments() -> dict[str, tuple[Any, ...]]:
    import numpy as np

    random = np.random.default_rng(1)
    many = random.uniform(0.5, 3, 200_000)
    more = random.uniform(0.5, 3, 200_000)
    plane = random.uniform(0, 1, (700, 700))
    wide = np.empty(400_000)
    wide[::2], wide[1::2] = many, more
    return {
        "total": (many,),
        "all_pairs": (random.uniform(0, 1, (500, 3)), np.empty((500, 500))),
        "mandelbrot": (np.empty((200, 200), np.intc), -2.0, 1.5, 3 / 200, 200),
        "difference": (many, more, np.empty_like(many)),
        "difference_strided": (wide[::2], wide[1::2], np.empty_like(wide)[::2]),
        "stencil": (plane, np.empty_like(plane)),
        "nothing": (np.empty(2),),
    }


def functions(engine: str, folder: str) -> dict[str, Callable[..., Any]]:
    if engine == "numba":
        from prange_numba import compiled

        return compiled()
    found: dict[str, Callable[..., Any]] = {}
    for source in SOURCES:
        if engine == "gcc":
            path = os.path.join(folder, f"{source.stem}.so")
            spec = importlib.util.spec_from_file_location(source.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            import cython_llvm

            module = cython_llvm.import_file(source, source.stem, route="tree")
        found |= {name: getattr(module, name) for name in arguments() if hasattr(module, name)}
    return found


def build_gcc(folder: str) -> None:
    sources = [shutil.copy(source, folder) for source in SOURCES]
    # Stock Cython: no part of us is in its process.
    cython = [sys.executable, "-S", "-c",
              f"import sys; sys.path[:0] = {sys.path!r}; from Cython.Compiler.Main import setuptools_main; "
              "sys.exit(setuptools_main())"]  # fmt: skip
    subprocess.run([*cython, "-3", *sources], cwd=folder, check=True)
    for source in SOURCES:
        output = ["-o", f"{source.stem}.so", f"{source.stem}.c", "-lm"]
        headers = "-I" + sysconfig.get_path("include")
        subprocess.run(["gcc", *GCC, "-fPIC", "-shared", headers, *output], cwd=folder, check=True)


def child(engine: str, folder: str, pipe: Connection) -> None:
    """Answers the name of a loop with its seconds, "?" with results."""
    try:
        known = functions(engine, folder)
    except ImportError as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    data = arguments()
    times: dict[str, int] = {}
    for name in iter(pipe.recv, None):
        function, args = known[name], data[name]
        result = function(*args)
        if name not in times:
            times[name] = 1
            while turn(function, args, times[name]) * times[name] < LEAST_TIME:
                times[name] *= 2
        for _ in range(3):
            function(*args)
        pipe.send((turn(function, args, times[name]), checksum(result, args[-1])))


def turn(function: Callable[..., Any], args: tuple[Any, ...], times: int) -> float:
    """Seconds of a call: the best one of several threads, since all of them have to be running at once."""
    if os.environ["OMP_NUM_THREADS"] == "1":
        started = time.process_time()
        for _ in range(times):
            function(*args)
        return (time.process_time() - started) / times
    best = math.inf
    for _ in range(times):
        started = time.perf_counter()
        function(*args)
        best = min(best, time.perf_counter() - started)
    return best


def checksum(result: Any, last: Any) -> float:
    inner = last[1:-1, 1:-1] if getattr(last, "ndim", 1) == 2 else last
    return float(result) if result is not None else float(getattr(inner, "sum", lambda: 0)())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="loops with this in their names")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--processes", type=int, default=4, help="of each engine; the best one counts")
    parser.add_argument("--threads", type=int, default=2, help="1: processor time, for busy machines")
    parser.add_argument("--settle", type=float, default=0.25, help="seconds in which idle threads fall asleep")
    parser.add_argument("--again", action="store_true", help="ours twice, to see what is chance")
    args = parser.parse_args()
    os.environ["CYTHON_LLVM_OPT"] = "3"
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = str(args.threads)
    reached = True
    with tempfile.TemporaryDirectory() as folder:
        build_gcc(folder)
        context = get_context("spawn")
        turns: list[tuple[str, Connection]] = []
        refusals: dict[str, str] = {}
        for engine in (*ENGINES, *(["again"] if args.again else [])) * args.processes:
            ours, theirs = context.Pipe()
            context.Process(target=child, args=(engine, folder, theirs), daemon=True).start()
            theirs.close()
            refused = ours.recv()
            if refused is None:
                turns.append((engine, ours))
            else:
                refusals[engine] = refused
        for engine, refused in refusals.items():
            print(f"no {engine}: {refused}")
        engines = list(dict.fromkeys(engine for engine, _ in turns))
        print(f"{'loop':20}{'us':>10}" + "".join(f"{name:>8}" for name in engines if name != "tree"))
        for name in (name for name in arguments() if args.k in name):
            best = dict.fromkeys(engines, math.inf)
            sums: dict[str, float] = {}
            order = list(turns)
            for _ in range(args.rounds):
                order.append(order.pop(0))
                for engine, pipe in order:
                    time.sleep(args.settle if args.threads > 1 else 0)
                    pipe.send(name)
                    seconds, sums[engine] = pipe.recv()
                    best[engine] = min(best[engine], seconds)
            if any(not math.isclose(total, sums["tree"], rel_tol=1e-9) for total in sums.values()):
                print(f"{name}: results differ: {sums}")
                reached = False
            ratios = {engine: best[engine] / best["tree"] for engine in engines if engine != "tree"}
            reached &= min(ratio for engine, ratio in ratios.items() if engine != "again") >= 0.95
            print(f"{name:20}{best['tree'] * 1e6:10.1f}" + "".join(f"{r:8.2f}" for r in ratios.values()),
                  flush=True)  # fmt: skip
        for _, pipe in turns:
            pipe.send(None)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
