"""Times of some loops on the GPU: copies and kernel apart, and with data that stays there."""

from __future__ import annotations

import os
import time

import cases
import numpy as np


def main() -> None:
    from cython_llvm import gpu

    small = os.environ.get("CYTHON_LLVM_TIMES_SMALL") == "1"
    m = cases.build("gpu")
    n = 10**4 if small else 10**8
    side = 64 if small else 4096
    x, y, out = np.full(n, 3.0), np.full(n, 2.0), np.zeros(n)
    image = np.zeros((side, side), np.intc)
    plane, smooth = np.ones((side, side)), np.zeros((side, side))
    loops = {
        "difference": (m.difference, (x, y, out)),
        "float_sum": (m.float_sum, (x.astype(np.float32),)),
        "mandelbrot": (m.mandelbrot, (image, -2.2, 1.6, 3.2 / side, 200)),
        "stencil": (m.stencil, (plane, smooth)),
    }
    heads = ("call ms", "in ms", "kernel ms", "out ms", "resident ms")
    print(f"{'loop':12} " + " ".join(f"{head:>12}" for head in heads))
    for name, (function, arguments) in loops.items():
        there = tuple(gpu.to_device(a) if isinstance(a, np.ndarray) else a for a in arguments)
        for _ in range(2):
            function(*arguments)
            function(*there)
        with gpu.profile() as launches:
            began = time.perf_counter()
            function(*arguments)
            call = time.perf_counter() - began
        began = time.perf_counter()
        function(*there)
        resident = time.perf_counter() - began
        one = launches[0]
        parts = (call, one.copy_in, one.run, one.copy_out)
        print(f"{name:12} " + " ".join(f"{1e3 * part:12.3f}" for part in (*parts, resident)))


if __name__ == "__main__":
    main()
