"""The mean of four neighbours: `python examples/gpu_stencil.py [SIDE]`."""

import sys

import numpy as np
from gpu_kernels import run

side = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
plane = np.random.default_rng(1).uniform(0, 1, (side, side))
cpu, gpu = run("stencil", plane, np.zeros((side, side)))
assert (cpu == gpu).all()
