#!/usr/bin/env python3
"""Speed of the generated code: our libraries beside clang -O3 -march=native on the same C.

Both are loaded into one process and run in turn; each figure is a ratio of minima (above 1: ours is
faster).  Results must agree to the last bit.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def build(folder: Path, clang: str) -> tuple[Any, Any]:
    """The module built by us and by clang, from one C text."""
    source = folder / "kernels.pyx"
    shutil.copy(HERE / "modules" / "kernels.pyx", source)
    cython = str(Path(sys.executable).with_name("cython"))
    ours, theirs = folder / "ours", folder / "theirs"
    ours.mkdir()
    theirs.mkdir()
    subprocess.run([cython, "-3", "kernels.pyx"], cwd=folder, check=True)
    subprocess.run(
        [cython, "--backend=llvm", "-3", "-O3", "--march=native", "-o", str(ours / "kernels.so"),
         "kernels.pyx"], cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        [clang, "-O3", "-march=native", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off",
         "-DNDEBUG", "-w", "-fPIC", "-shared", "-I" + sysconfig.get_path("include"),
         "kernels.c", "-o", str(theirs / "kernels.so"), "-lm"], cwd=folder, check=True,
    )  # fmt: skip
    return load(ours / "kernels.so"), load(theirs / "kernels.so")


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("kernels", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases() -> dict[str, Callable[[], tuple[Any, ...]]]:
    """Kernel to a maker of fresh arguments."""
    import numpy as np

    rng = np.random.default_rng(1)
    n = 200_000
    prices = (rng.uniform(10, 50, n), rng.uniform(10, 50, n), rng.uniform(0.1, 2, n), np.empty(n))
    points = rng.normal(size=(400, 16))
    a, b = rng.normal(size=(200, 200)), rng.normal(size=(200, 200))
    grid = rng.integers(0, 2, (800, 800), dtype=np.uint8)
    words = [f"w{i}" for i in rng.integers(0, 500, 100_000)]
    return {
        "mandelbrot": lambda: (150, 200),
        "black_scholes": lambda: prices,
        "neighbours": lambda: (grid, np.zeros((800, 800), np.int32)),
        "pairwise": lambda: (points, np.empty((400, 400))),
        "matmul": lambda: (a, b, np.zeros((200, 200))),
        "sieve": lambda: (np.zeros(1_000_000, np.uint8),),
        "stencil": lambda: (a.copy(), a.copy(), 100),
        "strided_sum": lambda: (rng_strided,),
        "count_words": lambda: (words,),
    }


def timed(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[float, Any]:
    started = time.process_time()
    result = function(*arguments)
    return time.process_time() - started, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    clang = shutil.which("clang-22") or shutil.which("clang")
    if clang is None:
        sys.exit("no clang to compare with; `make bench-speed` installs clang-22")
    import numpy as np

    global rng_strided
    rng_strided = np.random.default_rng(2).normal(size=2_000_000)[::2]
    folder = Path(tempfile.mkdtemp(prefix="speed-"))
    ours, theirs = build(folder, clang)
    ratios = []
    for name, make in cases().items():
        best = {"ours": math.inf, "theirs": math.inf}
        results: dict[str, Any] = {}
        for _ in range(args.rounds):
            for engine, module in (("ours", ours), ("theirs", theirs)):
                seconds, results[engine] = timed(getattr(module, name), make())
                best[engine] = min(best[engine], seconds)
        if results["ours"] != results["theirs"]:
            sys.exit(f"{name}: results differ: {results}")
        ratio = best["theirs"] / best["ours"]
        ratios.append(ratio)
        print(f"{name:16} ours {best['ours'] * 1e3:8.2f} ms   clang {best['theirs'] * 1e3:8.2f} ms   "
              f"ratio {ratio:.2f}")  # fmt: skip
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"geometric mean {mean:.3f} (1: equal; noise is about 0.05)")
    shutil.rmtree(folder)
    return 0 if mean > 0.95 else 1


rng_strided: Any = None

if __name__ == "__main__":
    sys.exit(main())
