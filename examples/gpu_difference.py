"""2 * (x - y) / (x + y), and arrays that stay on the GPU: `python examples/gpu_difference.py [COUNT]`."""

import sys
import time

import numpy as np
from gpu_kernels import load, run

from cython_llvm import gpu

count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
x, y = np.random.default_rng(1).uniform(1, 2, (2, count))
on_cpu, on_gpu = run("difference", x, y, np.empty(count))
assert (on_cpu == on_gpu).all()

if gpu.info().usable:
    difference = load("gpu").difference
    there = [gpu.to_device(x), gpu.to_device(y), gpu.empty(count)]
    difference(*there)
    started = time.perf_counter()
    difference(*there)
    print(f"with arrays that stay there: {(time.perf_counter() - started) * 1e3:.2f} ms")
    assert (np.asarray(there[2]) == on_cpu).all()
