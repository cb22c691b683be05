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
    many = 64 if small else 8192
    options = n // 10
    price, strike, years, call = (np.full(options, 2.0 + k) for k in range(4))
    pairs = (np.ones((many, 64)), np.zeros((many, many)))
    loops = {
        "difference": (m.difference, (x, y, out)),
        "black_scholes": (m.black_scholes, (price, strike, years, 0.02, 0.3, call)),
        "all_pairs": (m.all_pairs, pairs),
        "total": (m.total, (x,)),
        "mandelbrot": (m.mandelbrot, (image, -2.2, 1.6, 3.2 / side, 200)),
        "stencil": (m.stencil, (plane, smooth)),
    }
    heads = ("call ms", "in ms", "kernel ms", "out ms", "resident ms")
    print(f"{'loop':14} " + " ".join(f"{head:>12}" for head in heads))
    for name, (function, arguments) in loops.items():
        there = tuple(gpu.to_device(a) if isinstance(a, np.ndarray) else a for a in arguments)
        for _ in range(2):
            function(*arguments)
            function(*there)
        with gpu.profile() as launches:
            began = time.perf_counter()
            function(*arguments)
            whole = time.perf_counter() - began
        began = time.perf_counter()
        function(*there)
        resident = time.perf_counter() - began
        one = launches[0]
        parts = (whole, one.copy_in, one.run, one.copy_out)
        print(f"{name:14} " + " ".join(f"{1e3 * part:12.3f}" for part in (*parts, resident)))


if __name__ == "__main__":
    main()
