"""The loops of gpu_kernels.pyx for a device, and what the scripts beside it share."""

import pathlib
import time

import cython_llvm
from cython_llvm import gpu

HERE = pathlib.Path(__file__).parent


def load(device):
    """The module for "cpu", or for "gpu", which falls back to the CPU where there is none."""
    directives = {"prange_device": device}
    if device == "gpu":
        directives["prange_fallback"] = True
    return cython_llvm.import_file(HERE / "gpu_kernels.pyx", f"gpu_kernels_{device}", route="tree",
                                   directives=directives)  # fmt: skip


def run(name, *arguments):
    """Call a loop for both devices on copies of its arrays; their results, after their times."""
    import numpy as np

    found = gpu.info()
    print(f"GPU: {found.name}" if found.usable else f"no GPU, so that both run on the CPU: {found.reason}")
    results = []
    for device in ("cpu", "gpu"):
        function = getattr(load(device), name)
        for _ in range(2):  # the first call starts threads, or translates the kernel
            data = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
            started = time.perf_counter()
            result = function(*data)
            seconds = time.perf_counter() - started
        written = [a for a in data if isinstance(a, np.ndarray)][-1]
        results.append(written if result is None else result)
        print(f"{name} for {device}: {seconds * 1e3:.2f} ms")
    return results
