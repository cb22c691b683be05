"""python -m fuzz: random programs by both routes: the same results, exceptions, lines and memory.

Programs are numbered by their seeds; what differs is made smaller, as far as it still differs in the
same way, and printed.  `--seed 7 --count 1 --show` prints a program.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .code import Program, smaller
from .deaths import DeathMaker
from .kernels import KernelMaker
from .operations import OperationMaker
from .program import Maker

CHILD = Path(__file__).with_name("child.py")
KERNEL_CHILD = Path(__file__).with_name("kernel_child.py")
#: Programs that one process compares.
BATCH = 10
FAULTS = ("different", "leak", "crash", "error", "missing")


def compared(
    programs: Iterable[tuple[str, Program]],
    timeout: float = 900,
    child: Path = CHILD,
    environment: Mapping[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """What child.py says of each program; a crash for the one in which its process ended."""
    variables = {**os.environ, **(environment or {})}
    waiting = dict(programs)
    while waiting:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            for name, program in waiting.items():
                file.write(json.dumps({"name": name, "text": program.text(), "calls": program.calls()}) + "\n")
            file.flush()
            command = [sys.executable, "-X", "faulthandler", str(child), file.name]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=variables)
                out, why = done.stdout, f"exit status {done.returncode}: {done.stderr[-1500:]}"
            except subprocess.TimeoutExpired as error:
                out, why = (error.stdout or b"").decode(), "timeout"
        last = None
        for line in out.splitlines():
            found = json.loads(line)
            last = found["name"]
            if found["status"] != "started":
                del waiting[last]
                yield found
        if not waiting:
            return
        name = last if last in waiting else next(iter(waiting))
        del waiting[name]
        yield {"name": name, "status": "crash", "detail": [why]}


def kind(found: dict[str, Any]) -> str:
    """What must stay while a program is made smaller."""
    if found["status"] in ("error", "missing"):
        return f"{found['status']}: {found['detail'][0].rpartition(': ')[2][:60]}"
    return found["status"]


#: Says of named programs what child.py says.
Compare = Callable[[Iterable[tuple[str, Program]]], Iterator[dict[str, Any]]]


def reduced(
    program: Program, found: dict[str, Any], seconds: float, compare: Compare = compared
) -> tuple[Program, dict[str, Any]]:
    """The smallest program found in so many seconds that shows the same kind of fault."""
    end = time.monotonic() + seconds
    wanted = kind(found)
    going = True
    while going and time.monotonic() < end:
        going = False
        batch: list[Program] = []
        for candidate in smaller(program):
            batch.append(candidate)
            if len(batch) < BATCH:
                continue
            better = _first(batch, wanted, compare)
            batch = []
            if better is not None or time.monotonic() > end:
                break
        else:
            better = _first(batch, wanted, compare)
        if better is not None:
            program, found = better
            going = True
    return program, found


def _first(batch: list[Program], wanted: str, compare: Compare) -> tuple[Program, dict[str, Any]] | None:
    named = {f"reduced{index}": one for index, one in enumerate(batch)}
    for found in compare(named.items()):
        if kind(found) == wanted:
            return named[found["name"]], found
    return None


def for_gpu(folder: Path) -> Compare:
    """Compares loops on the CPU with what stands for a GPU, which is made in the folder."""
    from gpu import tools

    environment = {"CYTHON_LLVM_CUDA_DRIVER": str(tools.fake_driver(folder)),
                   "CYTHON_LLVM_CACHE_DIR": str(folder / "cache")}  # fmt: skip
    try:
        environment["FUZZ_PTXAS"] = str(tools.ptxas())
    except tools.Missing as error:
        print(f"PTX IS NOT CHECKED: {error}")
    return partial(compared, child=KERNEL_CHILD, environment=environment)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first program's seed")
    parser.add_argument("--count", type=int, default=100, help="how many programs")
    parser.add_argument("--show", action="store_true", help="print the programs instead")
    parser.add_argument("--reduce", type=float, default=120, metavar="SECONDS", help="for each fault (0: not)")
    parser.add_argument("--gpu", action="store_true", help="loops of prange, on the CPU and for a GPU")
    parser.add_argument("--deaths", action="store_true", help="when objects die: each operation fails once")
    parser.add_argument("--operations", action="store_true", help="single operations, calls that do not fit")
    parser.add_argument("-v", "--verbose", action="store_true", help="print why Cython refuses programs")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    makers = ((options.gpu, KernelMaker), (options.deaths, DeathMaker), (options.operations, OperationMaker))
    maker: Any = next((made for wanted, made in makers if wanted), Maker)
    if options.show:
        for seed in seeds:
            print(maker(seed).program().text())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run(options, seeds, maker, for_gpu(Path(folder)) if options.gpu else compared)


def accepted(programs: dict[str, Program], compare: Compare) -> Iterator[dict[str, Any]]:
    """What is said of programs, without the functions for which Cython refuses them."""
    waiting = programs
    for _ in range(4):
        refused: dict[str, Program] = {}
        for found in compare(waiting.items()):
            program = programs[found["name"]]
            less = without(program, found) if found["status"] == "refused" else None
            if less is None:
                yield found
            else:
                refused[found["name"]] = less
        programs.update(refused)
        if not refused:
            return
        waiting = refused
    for name in waiting:
        yield {"name": name, "status": "refused", "detail": ["again and again"]}


def without(program: Program, found: dict[str, Any]) -> Program | None:
    """A program without the functions that errors point to, where they point to some and not to all."""
    lines = {int(line) for line in re.findall(rf"{found['name']}\.pyx:(\d+)", found["detail"][0])}
    kept, end = [], program.head.count("\n")
    for function in program.functions:
        start, end = end, end + len(list(function.render()))
        if not any(start < line <= end for line in lines):
            kept.append(function)
    return Program(program.head, kept) if kept and len(kept) < len(program.functions) else None


def run(options: argparse.Namespace, seeds: range, maker: Any, compare: Compare) -> int:
    totals: collections.Counter[str] = collections.Counter()
    for start in range(0, len(seeds), BATCH):
        programs = {f"random_{seed}": maker(seed).program() for seed in seeds[start : start + BATCH]}
        for found in accepted(programs, compare):
            totals[found["status"]] += 1
            if found["status"] == "refused" and options.verbose:
                print(f"{found['name']}: refused: {found['detail'][0]}")
            if found["status"] not in FAULTS:
                continue
            print(f"{found['name']}: {found['status']}: " + "\n".join(found["detail"][:3])[:2000], flush=True)
            if options.reduce:
                program, found = reduced(programs[found["name"]], found, options.reduce, compare)
                detail = "\n".join(found["detail"][:3])[:3000]
                print(f"made smaller:\n{program.text()}\n{program.calls()}\n{detail}")
            sys.stdout.flush()
        if sys.stderr.isatty():
            print(f"\r{sum(totals.values())}/{len(seeds)} {dict(totals)}", end="", file=sys.stderr, flush=True)
    print(f"{sum(totals.values())} programs: " + ", ".join(f"{n} {what}" for what, n in sorted(totals.items())))
    return 1 if any(totals[one] for one in FAULTS) else 0


if __name__ == "__main__":
    sys.exit(main())
