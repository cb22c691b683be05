#!/usr/bin/env python3
"""From an edit to a result: this backend beside pyximport with gcc -O2, as ratios of one run.

Every figure is the median of several fresh processes (or of several edits in one).  Absolute times
depend on the machine; the ratios are what counts.  Bars: 0.35 of pyximport's time in each, a cached
import at most 1.5 times importing the equivalent shared library.  "Cold" is a new process on a machine that
has compiled before: the scanner's machine and the precompiled header are there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BAR = 0.35
CACHED_BAR = 1.5

# One process: import the module (cold), a further one (warm), then edits.
_PROCESS = """
import glob, importlib, json, os, resource, sys, time
sys.path.insert(0, os.getcwd())
engine, name, edits = sys.argv[1], sys.argv[2], int(sys.argv[3])
out = {}
started = time.perf_counter()
if engine == "ours":
    import cython_llvm
    cython_llvm.install()
else:
    import pyximport
    pyximport.install(build_dir="build", language_level=3, reload_support=True)
module = importlib.import_module(name)
assert module.f(3) is not None
out["import"] = time.perf_counter() - started

def forget():
    # pyximport rebuilds nothing in a process: cythonize remembers each file's time stamp.
    from Cython import Utils
    from Cython.Build import Dependencies
    Utils.clear_function_caches()
    Dependencies._dep_tree = None

text = open(name + ".pyx").read()
warm, edited = [], []
for number in range(edits):
    other = f"{name}_{number}"
    open(other + ".pyx", "w").write(text + f"\\nmark = {number}\\n")
    importlib.invalidate_caches()
    started = time.perf_counter()
    found = importlib.import_module(other)
    assert found.mark == number and found.f(3) is not None
    warm.append(time.perf_counter() - started)
for number in range(edits):
    open(name + ".pyx", "w").write(text + f"\\nmark = {number}\\n")
    # distutils compares whole seconds; edits by hand come further apart than these.
    for library in glob.glob("build/**/*.so", recursive=True):
        os.utime(library, (time.time() - 10,) * 2)
    started = time.perf_counter()
    if engine == "ours":
        module = importlib.reload(module)
    else:
        forget()
        del sys.modules[name]
        module = importlib.import_module(name)
    assert module.f(3) is not None
    assert module.mark == number
    edited.append(time.perf_counter() - started)
if edits:
    open(name + ".pyx", "w").write(text)
out["warm"], out["edit"] = warm, edited
out["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(out))
"""


# What a plain interpreter takes with and without the import hook and the cache.
_CACHED = """
import sys
sys.path.insert(0, ".")
import cython_llvm
cython_llvm.install()
import {name}
{name}.f(3)
"""
_PLAIN = """
import sys
sys.path.insert(0, "plain")
import {name}
{name}.f(3)
"""


def run(folder: Path, code: str, *args: str) -> str:
    env = {**os.environ, "CFLAGS": "-O2", "CYTHON_LLVM_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", code, *args], cwd=folder, env=env, text=True,
                          capture_output=True)  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def fresh(name: str, keep: Path | None = None) -> Path:
    """A folder with the module's source; with ``keep``'s lexicon and precompiled header."""
    folder = Path(tempfile.mkdtemp(prefix="latency-"))
    shutil.copy(HERE / "modules" / f"{name}.pyx", folder)
    (folder / "cache").mkdir(mode=0o700)
    if keep is not None:
        for part in ("lexicon", "pch"):
            if (keep / "cache" / part).is_dir():
                shutil.copytree(keep / "cache" / part, folder / "cache" / part)
    return folder


def processes(folder: Path, codes: dict[str, str], count: int) -> dict[str, float]:
    """Median wall time of whole processes, in seconds; interleaved, as `measure`."""
    times: dict[str, list[float]] = {what: [] for what in codes}
    for _ in range(count):
        for what, code in codes.items():
            started = time.perf_counter()
            run(folder, code)
            times[what].append(time.perf_counter() - started)
    return {what: statistics.median(taken) for what, taken in times.items()}


def measure(name: str, rounds: int, edits: int, warm: Path) -> list[tuple[str, float, float, float]]:
    """(what, ours, pyximport's, bar) in seconds; interleaved, so that both see the same machine."""
    cold: dict[str, list[float]] = {"ours": [], "gcc": []}
    parts: dict[str, dict[str, list[float]]] = {e: {"warm": [], "edit": []} for e in cold}
    rss: dict[str, float] = {}
    cached: dict[str, list[float]] = {"ours": [], "gcc": []}
    for number in range(rounds):
        for engine in ("ours", "gcc"):
            folder = fresh(name, warm)
            out = json.loads(run(folder, _PROCESS, engine, name, str(edits if not number else 0)))
            cold[engine].append(out["import"])
            for part in ("warm", "edit"):
                parts[engine][part] += out[part]
            rss[engine] = max(rss.get(engine, 0), out["rss"])
            again = json.loads(run(folder, _PROCESS, engine, name, "0"))
            cached[engine].append(again["import"])
            shutil.rmtree(folder)
    med = statistics.median
    print(f"  peak memory of the process: {rss['ours']:.0f} MB (pyximport {rss['gcc']:.0f} MB, "
          "its compilers not counted)")  # fmt: skip
    return [
        ("cold process", med(cold["ours"]), med(cold["gcc"]), BAR),
        ("further module, warm", med(parts["ours"]["warm"]), med(parts["gcc"]["warm"]), BAR),
        ("after an edit", med(parts["ours"]["edit"]), med(parts["gcc"]["edit"]), BAR),
        ("cached, new process", med(cached["ours"]), med(cached["gcc"]), BAR),
    ]


def cached_against_direct(name: str, rounds: int, warm: Path) -> tuple[float, float, float]:
    """Whole processes: a cached import, a plain import of the same library, a bare interpreter."""
    folder = fresh(name, warm)
    run(folder, _CACHED.format(name=name) + "\nfrom cython_llvm import cachefill\ncachefill.wait_for_cache()")
    (library,) = (folder / "cache").glob("modules/*/*/*.so")
    (folder / "plain").mkdir()
    shutil.copy(library, folder / "plain" / (name + sysconfig.get_config_var("EXT_SUFFIX")))
    codes = {"ours": _CACHED.format(name=name), "direct": _PLAIN.format(name=name), "bare": "pass"}
    taken = processes(folder, codes, rounds)
    shutil.rmtree(folder)
    return taken["ours"], taken["direct"], taken["bare"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes per figure")
    parser.add_argument("--edits", type=int, default=5, help="edits and further modules per figure")
    args = parser.parse_args()
    failed = 0
    warm = fresh("one")
    # Once per machine: the scanner's machine and the precompiled header.
    run(warm, "import cython_llvm; cython_llvm.import_file('one.pyx')")
    for name in ("one", "medium"):
        print(f"{name}.pyx")
        for what, ours, gcc, bar in measure(name, args.rounds, args.edits, warm):
            ratio = ours / gcc
            failed += ratio > bar
            print(f"  {what:22} {ours * 1e3:8.0f} ms  pyximport+gcc {gcc * 1e3:8.0f} ms  "
                  f"ratio {ratio:.2f}  bar {bar}  {'ok' if ratio <= bar else 'NOT REACHED'}")  # fmt: skip
        ours, direct, bare = cached_against_direct(name, 12 * args.rounds, warm)
        # The interpreter's own start is no part of an import: judged without it, shown with it.
        ratio = (ours - bare) / (direct - bare)
        failed += ratio > CACHED_BAR
        print(f"  {'cached vs. the library':22} {(ours - bare) * 1e3:8.1f} ms  plain import "
              f"{(direct - bare) * 1e3:8.1f} ms  ratio {ratio:.2f}  bar {CACHED_BAR}  "
              f"{'ok' if ratio <= CACHED_BAR else 'NOT REACHED'} "
              f"(whole processes: {ours / direct:.2f})")  # fmt: skip
    shutil.rmtree(warm)
    for wheel in sorted((ROOT / "dist").glob("*.whl")):
        print(f"wheel: {wheel.stat().st_size / 1e6:.1f} MB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
