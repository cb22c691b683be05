"""The sum of sin(x) * x: `python examples/gpu_sum.py [COUNT]`."""

import sys

import numpy as np
from gpu_kernels import run

count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
cpu, gpu = run("total", np.random.default_rng(1).uniform(0, 3, count))
print("relative difference:", abs(cpu - gpu) / abs(cpu))
assert np.isclose(cpu, gpu)
