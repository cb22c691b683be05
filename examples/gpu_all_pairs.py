"""Distances of all pairs of points: `python examples/gpu_all_pairs.py [POINTS]`."""

import sys

import numpy as np
from gpu_kernels import run

count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
points = np.random.default_rng(1).uniform(0, 1, (count, 3))
cpu, gpu = run("all_pairs", points, np.empty((count, count)))
assert (cpu == gpu).all()
