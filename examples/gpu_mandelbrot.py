"""The Mandelbrot set on the CPU and on the GPU, as two images: `python examples/gpu_mandelbrot.py [SIDE]`."""

import pathlib
import sys
import tempfile

import numpy as np
from gpu_kernels import run

side, most = int(sys.argv[1]) if len(sys.argv) > 1 else 512, 200
images = run("mandelbrot", np.zeros((side, side), np.intc), -2.2, 1.6, 3.2 / side, most)
folder = pathlib.Path(tempfile.mkdtemp())
for device, image in zip(("cpu", "gpu"), images, strict=True):
    grey = (255 - image * 255 // most).astype(np.uint8)
    path = folder / f"mandelbrot_{device}.pgm"
    path.write_bytes(b"P5 %d %d 255\n" % (side, side) + grey.tobytes())
    print(path)
assert (images[0] == images[1]).all()
