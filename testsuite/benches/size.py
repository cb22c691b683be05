#!/usr/bin/env python3
"""Size of what the tree route writes, against stock Cython with gcc -O2, over Cython's own tests.

Every file is built twice: ``cython --backend=llvm --emit=so --route=tree`` on one side, ``cython`` and
``gcc -O2`` (no debug information) on the other; the directives and the include path are those of
Cython's own test runs.  The bar is on the total of the files as the two builds write them; the totals
without symbol tables stand beside it.  gcc's sizes are kept in ``.cache/bench-size``.  ``--breakdown``
says instead where the bytes are, on both sides.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSING = ROOT / "testsuite" / "treeroute" / "passing.txt"
KEPT = ROOT / ".cache" / "bench-size"
COMMON = ["-fwrapv", "-fno-strict-aliasing", "-DNDEBUG", "-w"]
GCC = ["gcc", "-O2", *COMMON, "-fPIC", "-shared"]
BAR = 0.6
#: `python -m cython` with the backend that this process would import: a source tree's, say.
PLAIN = """
import runpy, sys
from cython_llvm import elfsymbols
sys.argv[0] = "cython"
runpy.run_module("cython", run_name="__main__", alter_sys=True)
"""
#: The same, without leaving symbols out.
WITH_SYMBOLS = PLAIN.replace("sys.argv", "elfsymbols.reduced = lambda data, keep: data\nsys.argv")
#: As Cython's runtests.py.
OPTIONS = ["-2", "-X", "autotestdict=False"]
TIMEOUT = 600.0

#: Bytes as written, bytes without symbols.
Sizes = tuple[int, int]


def corpus() -> Path:
    sys.path.insert(0, str(ROOT / "testsuite"))
    from conformance.corpus import fetch

    return fetch(ROOT / ".cache").tests


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")


def measured(library: Path) -> Sizes:
    written = library.stat().st_size
    bare = library.with_suffix(".stripped")
    run(["strip", "-o", str(bare), str(library)], library.parent)
    return written, bare.stat().st_size


def cython(tests: Path, *start: str) -> list[str]:
    return [sys.executable, *(start or ("-m", "cython")), *OPTIONS, "-I", str(tests / "testsupport")]


def build_tree(source: Path, tests: Path, folder: Path, *start: str) -> Path:
    target = folder / f"{source.stem}.so"
    run([*cython(tests, *start), "--backend=llvm", "--emit=so", "--route=tree", "-o", str(target), source.name],
        source.parent)  # fmt: skip
    return target


def tree(source: Path, tests: Path) -> Sizes:
    with tempfile.TemporaryDirectory() as folder:
        return measured(build_tree(source, tests, Path(folder), "-c", PLAIN))


def includes() -> list[str]:
    found = [sysconfig.get_path("include")]
    try:
        import numpy
    except ImportError:
        return found
    return [*found, numpy.get_include()]


def build_gcc(source: Path, tests: Path, folder: Path) -> Path:
    text, target = folder / f"{source.stem}.c", folder / f"{source.stem}.so"
    run([*cython(tests), "-o", str(text), source.name], source.parent)
    run([*GCC, *(f"-I{one}" for one in (*includes(), str(source.parent))), str(text), "-o", str(target),
         "-lm"], source.parent)  # fmt: skip
    return target


def gcc(source: Path, tests: Path) -> Sizes:
    import Cython

    key = hashlib.sha256(source.read_bytes())
    key.update(repr((source.name, Cython.__version__, GCC, OPTIONS, sys.version_info[:2])).encode())
    kept = KEPT / f"{source.stem}-{key.hexdigest()[:20]}.json"
    if kept.exists():
        written, bare = json.loads(kept.read_text())
        return written, bare
    with tempfile.TemporaryDirectory() as folder:
        sizes = measured(build_gcc(source, tests, Path(folder)))
    KEPT.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(sizes))
    os.replace(partial, kept)
    return sizes


def both(source: Path, tests: Path) -> tuple[Sizes, Sizes] | str:
    try:
        return tree(source, tests), gcc(source, tests)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)


def breakdown(sources: list[Path], tests: Path, jobs: int) -> None:
    from size_breakdown import report

    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        ours, theirs = Path(name) / "tree", Path(name) / "gcc"
        ours.mkdir()
        theirs.mkdir()
        made = pool.map(lambda one: build_tree(one, tests, ours, "-c", WITH_SYMBOLS), sources)
        print(report("tree, with all symbols", list(made)))
        print(report("gcc -O2", list(pool.map(lambda one: build_gcc(one, tests, theirs), sources))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="files below Cython's tests; default: those that pass")
    parser.add_argument("--every", type=int, default=24, metavar="N", help="every Nth of them (1: all)")
    parser.add_argument("-j", dest="jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="figures, to this file")
    parser.add_argument("--breakdown", action="store_true", help="bytes by section and by function")
    args = parser.parse_args()
    tests = corpus()
    sources = [tests / name for name in args.names or PASSING.read_text().split()[:: args.every]]
    if args.breakdown:
        breakdown(sources, tests, args.jobs)
        return 0
    found: dict[str, tuple[Sizes, Sizes]] = {}
    failed: dict[str, str] = {}
    print(f"{'module':40}{'tree':>10}{'gcc -O2':>10}{'ratio':>7}{'stripped':>10}{'gcc':>10}{'ratio':>7}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for source, result in zip(sources, pool.map(lambda one: both(one, tests), sources), strict=True):
            name = f"{source.parent.name}/{source.name}"
            if isinstance(result, str):
                failed[name] = result
                print(f"{name}: not built\n{result}", flush=True)
                continue
            found[name] = result
            show(name, result)
    if not found:
        return 1
    total = tuple(tuple(sum(pair[side][kind] for pair in found.values()) for kind in (0, 1)) for side in (0, 1))
    show(f"total of {len(found)}", total)
    share, bare = (total[0][kind] / total[1][kind] for kind in (0, 1))
    print(f"as written {share:.3f} of gcc -O2's, without symbols {bare:.3f}, bar {BAR}")
    if args.json:
        figures = {"each": found, "share": share, "stripped": bare, "failed": failed}
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if max(share, bare) <= BAR and not failed else 1


def show(name: str, pair: tuple[tuple[int, ...], ...]) -> None:
    (ours, bare), (theirs, their_bare) = pair
    print(f"{name:40}{ours:10}{theirs:10}{ours / theirs:7.2f}{bare:10}{their_bare:10}{bare / their_bare:7.2f}",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
