"""Prices of options: `python examples/gpu_black_scholes.py [COUNT]`."""

import sys

import numpy as np
from gpu_kernels import run

count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
random = np.random.default_rng(1)
price, strike = random.uniform(10, 50, (2, count))
years = random.uniform(0.1, 5, count)
cpu, gpu = run("black_scholes", price, strike, years, 0.02, 0.3, np.empty(count))
print("largest difference:", abs(cpu - gpu).max())
assert np.allclose(cpu, gpu)
