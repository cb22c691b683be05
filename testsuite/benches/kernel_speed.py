#!/usr/bin/env python3
"""Speed and size of the tree route's code, as ratios to gcc, clang, the C route and numba.

With ``--of c_route`` the C route's code is what the others are compared with.

Every engine has processes of its own, where its build of a kernel is called in turn with the others;
the best of the rounds counts.  A figure is the other's time over ours: above 1, ours is faster.  Results
must be the same as those of gcc -O2 to the last bit, but where an engine contracts a*b+c (gcc and clang
with -march=native, and ours with the directive `fp_contract`), changes the order of nothing, and must be close.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import kernel_build as build
import numpy as np
from kernel_cases import Case, calls, cases
from kernel_worker import Worker, built, per_call

EXACT = ("tree", "c_route", "gcc_o2", "gcc")
BAR, LEAST, NUMBA_BAR, SIZE_BAR = 1.0, 0.9, 0.95, 0.6


def mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


LEAST_TIME = 0.004
#: By how much a time has to be less to be a better one, and how many times the rounds are gone through for it.
SETTLED, MOST_ROUNDS = 0.98, 5
#: How many times a kernel under the bar is measured again, in other processes of every engine.
AGAIN = 2
#: Ratios by kernel and engine.
Table = dict[str, dict[str, float]]


def tell(table: Table, titles: list[str]) -> None:
    """Prints how kernels stand to the better of the native builds."""
    found = {"": {title: table[title]["best_native"] for title in titles}}
    if all("tree_contract" in table[title] for title in titles):
        # The peers contract; what ours would be with the same freedom.
        found[", with fp_contract"] = {title: table[title]["best_native"] / table[title]["tree_contract"]
                                       for title in titles}  # fmt: skip
    for what, ratios in found.items():
        low = [f"{title} {ratio:.2f}" for title, ratio in ratios.items() if ratio < LEAST]
        print(f"of the better of gcc and clang -O3 -march=native{what}: {mean(list(ratios.values())):.2f}, "
              f"bar {BAR}; under {LEAST}: {', '.join(low) or 'none'}")  # fmt: skip


def measure(workers: dict[str, Worker], case: Case, rounds: int, ours: str) -> dict[str, float]:
    """Each engine's best time, once all processes had a turn in which no engine came to do better; ends the
    program where results differ."""
    best = dict.fromkeys(workers, math.inf)
    results: dict[str, Any] = {}
    times = 1
    while workers[ours].kernel(case, times)[0] * times < LEAST_TIME and times < 256:
        times *= 2
    turn = settled = 0
    while turn < rounds or settled < len(workers[ours].processes) and turn < MOST_ROUNDS * rounds:
        better = False
        for engine, worker in workers.items():
            seconds, results[engine] = worker.kernel(case, times, turn)
            better |= seconds < best[engine] * SETTLED
            best[engine] = min(best[engine], seconds)
        turn, settled = turn + 1, 0 if better else settled + 1
    expected = results.get("gcc_o2", results[ours])
    for engine, result in results.items():
        same = result == expected
        if not same and engine not in EXACT:
            same = np.allclose(result, expected, rtol=1e-2)
        if not same:
            sys.exit(f"results differ: {engine}: {result}, expected {expected}")
    return best


def ratios_of(best: dict[str, float], ours: str) -> dict[str, float]:
    """Ratios to ours, and that of the better native build (of the C route where there is none)."""
    row = {name: seconds / best[ours] for name, seconds in best.items() if name != ours}
    native = [row[name] for name in row if name.endswith("_native")]
    return row | {"best_native": min(native or [row.get("c_route", math.nan)])}


def measure_again(
    best: dict[str, float], case: Case, rounds: int, ours: str, processes: int
) -> dict[str, float]:
    """The best times once other processes of every engine had their turns, while a kernel is under the bar:
    what a process happens to have where costs more than what is left to the bar."""
    for turn in range(1, AGAIN + 1):
        if not ratios_of(best, ours)["best_native"] < LEAST:
            break
        workers = {engine: Worker(engine, processes, 1 + turn * processes) for engine in best}
        found = measure(workers, case, rounds, ours)
        best = {engine: min(best[engine], found[engine]) for engine in best}
        for worker in workers.values():
            worker.end()
    return best


def speed(chosen: str, rounds: int, engines: list[str], processes: int) -> tuple[Table, bool]:
    """Prints the table; ratios to the first engine by kernel, and whether the bars are reached."""
    ours, *others = engines
    try:
        from kernel_numba import compiled

        known = frozenset(compiled())
    except ImportError:
        known = frozenset()
    columns = others + (["numba"] if known else [])
    workers = {engine: Worker(engine, processes) for engine in [ours, *columns]}
    table: Table = {}
    groups: dict[str, list[str]] = {}
    print(f"{'kernel':24}{'ms':>8}" + "".join(f"{name:>14}" for name in columns) + f"{'best native':>14}")
    for case in cases():
        if not any(chosen in name for name in (case.module, case.title, case.group)):
            continue
        # Of operations on objects there is nothing to contract.
        able = {name: worker for name, worker in workers.items()
                if (name != "numba" or case.title in known)
                and (name != "tree_contract" or case.group == "kernels" or name == ours)}  # fmt: skip
        built(case.module, list(able))
        best = measure(able, case, rounds, ours)
        if case.group == "kernels":
            best = measure_again(best, case, rounds, ours, processes)
        row = table[case.title] = ratios_of(best, ours)
        groups.setdefault(case.group, []).append(case.title)
        cells = "".join(f"{row[name]:14.2f}" if name in row else f"{'-':>14}" for name in columns)
        print(f"{case.title:24}{best[ours] * 1e3:8.2f}{cells}{row['best_native']:14.2f}", flush=True)
    for worker in workers.values():
        worker.end()
    columns.append("best_native")
    means: Table = {}
    for group, titles in groups.items():
        rows = [table[title] for title in titles]
        means[group] = {name: mean([row[name] for row in rows if name in row]) for name in columns}
        print(f"{'geometric mean, ' + group:32}" + "".join(f"{means[group][name]:14.2f}" for name in columns))
        tell(table, titles)
    reached = True
    for group, found in means.items():
        table["geometric mean" + ("" if group == "kernels" else f", {group}")] = found
    if "kernels" in means:
        found = means["kernels"]
        if not math.isnan(found.get("numba", math.nan)):
            print(f"of numba, where it can express the kernel: {found['numba']:.2f}, bar {NUMBA_BAR}")
        reached = found["best_native"] >= BAR and not found.get("numba", 1.0) < NUMBA_BAR
        reached &= all(table[title]["best_native"] >= LEAST for title in groups["kernels"])
    return table, reached


def overhead(rounds: int, processes: int) -> tuple[dict[str, float], bool]:
    """One call's time against stock's (gcc, CPython's own flags), without the loop that it is made in."""
    built("calls", ["tree", "gcc"])
    workers = {engine: Worker(engine, processes) for engine in ("tree", "gcc")}
    turns = 5 * rounds
    known = least([per_call(abs, (1,)) for _ in range(turns)])
    print(f"calls from Python, ns (abs(1): {known * 1e9:.0f})")
    shares: dict[str, float] = {}
    reached = True
    for call in calls():
        times: dict[str, list[tuple[float, float]]] = {engine: [] for engine in workers}
        for turn in range(turns):
            for engine, worker in workers.items():
                times[engine].append(worker.call(call, turn=turn))
        best = {engine: least(found) for engine, found in times.items()}
        share = best["tree"] / best["gcc"]
        shares[call.what] = share
        reached &= share <= call.bar * 1.05
        print(f"call with {call.what:44}{best['tree'] * 1e9:6.0f}, stock {best['gcc'] * 1e9:6.0f}: "
              f"{share:.2f}, bar {call.bar}", flush=True)  # fmt: skip
    for worker in workers.values():
        worker.end()
    return shares, reached


def least(times: list[tuple[float, float]]) -> float:
    """The quickest call, of times with the loop and of the loop alone."""
    return min(whole for whole, _ in times) - min(loop for _, loop in times)


def size(sources: list[Path]) -> tuple[dict[str, Any], bool]:
    """Total size of libraries, stripped, against gcc -O2."""
    total = {"tree": 0, "gcc_o2": 0}
    each: dict[str, Any] = {}
    for source in sources:
        sizes = {engine: build.stripped_size(build.library(source, engine)) for engine in total}
        each[source.stem] = sizes
        for engine, bytes_ in sizes.items():
            total[engine] += bytes_
        ratio = sizes["tree"] / sizes["gcc_o2"]
        print(f"{source.stem:24}{sizes['tree']:10}{sizes['gcc_o2']:10}{ratio:8.2f}", flush=True)
    share = total["tree"] / total["gcc_o2"]
    print(f"{'total, bytes':24}{total['tree']:10}{total['gcc_o2']:10}{share:8.2f}  bar {SIZE_BAR}")
    return {"each": each, "share": share}, share <= SIZE_BAR


def numeric() -> list[Path]:
    """The kernels' sources but for those of the operations on objects."""
    return sorted(path for path in build.KERNELS.glob("*.pyx") if not path.name.startswith("objects_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="kernels, modules or groups with this in their names")
    parser.add_argument("--rounds", type=int, default=12, help="or more, as long as a time gets better")
    parser.add_argument("--processes", type=int, default=6, help="of each engine, which take turns")
    parser.add_argument("--of", default="tree", choices=build.ROUTES, help="the route that is measured")
    parser.add_argument("--engines", default="", help="beside these and numba only, with commas")
    parser.add_argument("--json", type=Path, help="figures, to this file")
    parser.add_argument("--size", nargs="*", type=Path, metavar="PYX",
                        help="size, not speed: of these sources, or of the kernels")  # fmt: skip
    args = parser.parse_args()
    found: dict[str, Any] = {}
    if args.size is not None:
        print(f"{'module':24}{'tree':>10}{'gcc -O2':>10}{'ratio':>8}")
        found["size"], reached = size(args.size or numeric())
    else:
        others = args.engines.split(",") if args.engines else build.engines()
        engines = [args.of, *(name for name in others if name not in (args.of, "numba"))]
        if not build.clang():
            print("no clang at hand: the C route, which is clang 22 at -O3 for this machine, stands for it")
        found["speed"], reached = speed(args.k, args.rounds, engines, args.processes)
        if args.of == "tree" and (not args.k or args.k in "calls"):
            found["calls"], fast = overhead(args.rounds, args.processes)
            reached &= fast
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
