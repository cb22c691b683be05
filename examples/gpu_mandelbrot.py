"""The Mandelbrot set on the CPU and on the GPU: `python examples/gpu_mandelbrot.py [SIDE] [FOLDER]`.

Makes two images, mandelbrot_cpu.png and mandelbrot_gpu.png; without a GPU both are made on the CPU.
"""

import pathlib
import struct
import sys
import tempfile
import zlib

import numpy as np
from gpu_kernels import run

side, most = int(sys.argv[1]) if len(sys.argv) > 1 else 512, 200
folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())


def png(colours):
    """A PNG file of red, green and blue, a byte each."""
    height, width, _ = colours.shape
    rows = b"".join(b"\0" + row.tobytes() for row in colours)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
              for kind, data in parts)  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


images = run("mandelbrot", np.zeros((side, side), np.intc), -2.2, 1.6, 3.2 / side, most)
for device, turns in zip(("cpu", "gpu"), images, strict=True):
    light = np.where(turns < most, (turns / most) ** 0.4, 0)[..., None]
    colours = (255 * np.clip(light * [1.0, 1.6, 3.0], 0, 1)).astype(np.uint8)
    path = folder / f"mandelbrot_{device}.png"
    path.write_bytes(png(colours))
    print(path)
assert (images[0] == images[1]).all()
