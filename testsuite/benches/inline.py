#!/usr/bin/env python3
"""`inline` and `jit` beside cython.inline and numba, in one run.

Cold: a new process, nothing cached, to the first result of new code.  Warm: new code in a process
that has compiled before, medians, interleaved; also in processor time, which a busy machine does not change,
and which has the writing of our cache in it.  Cached calls and dispatch: the best of several rounds,
in which all take turns; what a call of an empty Python function costs is taken off.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

NEW_CODE_MS = 40.0
KEYWORDS_US = 1.5
FRAME_US = 2.5

_COLD = {
    "cython_llvm.inline": "import cython_llvm; assert cython_llvm.inline('return a * b + 1', a=6, b=7) == 43",
    "cython_llvm.jit": "exec(compile(open('f.py').read(), 'f.py', 'exec')); import cython_llvm; "
    "assert cython_llvm.jit(f)(6, 7) == 43",
    "cython.inline": "import cython; assert cython.inline('return a * b + 1', a=6, b=7, quiet=True) == 43",
    "numba.njit": "exec(compile(open('f.py').read(), 'f.py', 'exec')); import numba; "
    "assert numba.njit(f)(6, 7) == 43",
}


def cold(code: str, folder: Path, number: int) -> float:
    env = {
        **os.environ,
        "CYTHON_LLVM_CACHE_DIR": str(folder / f"cold{number}"),
        "CYTHON_CACHE_DIR": str(folder / f"stock{number}"),
        "NUMBA_CACHE_DIR": str(folder / f"numba{number}"),
    }
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - started


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    started, used = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        work()
    return time.perf_counter() - started, time.process_time() - used


def new_function(folder: Path, number: int) -> Callable[[int, int], int]:
    """A function that no process has seen, in a file of its own."""
    path = folder / f"new_{number}.py"
    path.write_text(f"def f(a, b): return a * b + {number}\n")
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    made: Callable[[int, int], int] = space["f"]
    return made


def per_call(work: dict[str, Callable[[], object]], number: int, rounds: int) -> dict[str, float]:
    """Seconds of one call, less what calling costs at all."""
    best: dict[str, float] = {}
    everything = {**work, "": lambda: None}
    for _ in range(rounds):
        for what, call in everything.items():
            taken = timeit.timeit(call, number=number) / number
            best[what] = min(best.get(what, taken), taken)
    nothing = best.pop("")
    return {what: seconds - nothing for what, seconds in best.items()}


def cached_calls(stock: Any, rounds: int) -> dict[str, dict[str, float]]:
    import cython_llvm

    ours = cython_llvm.inline
    a, b = 6, 7

    def from_frame(x: int, y: int) -> Any:
        return ours("return x * y + 1")

    def stock_from_frame(x: int, y: int) -> Any:
        return stock("return x * y + 1")

    keywords = {
        "cython_llvm.inline": lambda: ours("return a * b + 1", a=a, b=b),
        "cython.inline": lambda: stock("return a * b + 1", a=a, b=b),
    }
    frame = {
        "cython_llvm.inline": lambda: from_frame(a, b),
        "cython.inline": lambda: stock_from_frame(a, b),
    }
    return {
        "keywords": per_call(keywords, 20_000, rounds),
        "names from the caller's frame": per_call(frame, 20_000, rounds),
    }


def dispatch(folder: Path, rounds: int) -> dict[str, float]:
    import numba

    import cython_llvm

    function = new_function(folder, 1_000_000)
    ours, theirs = cython_llvm.jit(function), numba.njit(function)
    assert ours(6, 7) == theirs(6, 7) == function(6, 7)
    return per_call(
        {
            "cython_llvm.jit": lambda: ours(6, 7),
            "numba.njit": lambda: theirs(6, 7),
            "Python": lambda: function(6, 7),
        },
        200_000,
        rounds,
    )


def shown(what: str, seconds: dict[str, float], unit: str, scale: float, ours: str) -> None:
    print(what)
    for name, one in seconds.items():
        ratio = "" if name == ours else f"   {ours} / it = {seconds[ours] / one:.3f}"
        print(f"  {name:20} {one * scale:9.3f} {unit}{ratio}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12, help="new codes per figure")
    parser.add_argument("--cold", type=int, default=2, help="processes per cold figure")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inline-bench-") as place:
        folder = Path(place)
        return measure(folder, args.rounds, args.cold)


def measure(folder: Path, rounds: int, processes: int) -> int:
    os.environ["CYTHON_LLVM_CACHE_DIR"] = str(folder / "cache")
    os.environ["CYTHON_CACHE_DIR"] = str(folder / "stock")
    (folder / "f.py").write_text("def f(a, b): return a * b + 1\n")
    starts = {
        name: statistics.median(cold(code, folder, number) for number in range(processes))
        for name, code in _COLD.items()
    }
    shown("cold process, to the first result", starts, "s", 1.0, "cython_llvm.inline")

    import cython
    import numba

    import cython_llvm

    taken: dict[str, list[tuple[float, float]]] = {}
    value = 6
    for number in range(rounds + 2):
        code = f"return value * 7 + {number}"
        function = new_function(folder, number)
        compiled = {"cython_llvm.jit": cython_llvm.jit(function), "numba.njit": numba.njit(function)}
        work: dict[str, Callable[[], object]] = {
            "cython_llvm.inline": lambda code=code: cython_llvm.inline(code, value=value),
            **{name: (lambda one=one: one(6, 7)) for name, one in compiled.items()},
        }
        if number % 5 == 2:
            work["cython.inline"] = lambda code=code: cython.inline(code, value=value, quiet=True)
        for name, one in work.items():
            taken.setdefault(name, []).append(timed(one))
    # The first two of each are not warm yet.
    warm = {name: times[2:] if len(times) > 4 else times for name, times in taken.items()}
    new = {name: statistics.median(clock for clock, _ in times) for name, times in warm.items()}
    used = {name: statistics.median(used for _, used in times) for name, times in warm.items()}
    shown("new code, warm process", new, "ms", 1e3, "cython_llvm.inline")
    shown("the same in processor time", used, "ms", 1e3, "cython_llvm.inline")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cached_calls(cython.inline, 1)  # compiles
    known = cached_calls(cython.inline, 5)
    for how, seconds in known.items():
        shown(f"cached call, {how}", seconds, "us", 1e6, "cython_llvm.inline")
    calls = dispatch(folder, 7)
    shown("call of a function of two ints", calls, "us", 1e6, "cython_llvm.jit")

    ours = "cython_llvm.inline"
    judged = [
        ("ms, new code", new[ours] * 1e3, NEW_CODE_MS),
        ("of numba's first call of a new function", new[ours] / new["numba.njit"], 1.0),
        ("us, cached call with keywords", known["keywords"][ours] * 1e6, KEYWORDS_US),
        ("us, cached call from the frame", known["names from the caller's frame"][ours] * 1e6, FRAME_US),
        ("of numba's dispatch of two ints", calls["cython_llvm.jit"] / calls["numba.njit"], 1.0),
    ]
    for what, figure, bar in judged:
        print(f"  {figure:.3f} {what}, bar {bar}  {'ok' if figure <= bar else 'NOT REACHED'}")
    return int(any(figure > bar for _, figure, bar in judged))


if __name__ == "__main__":
    sys.exit(main())
