"""``python -m cython_llvm.gpu``: the GPU that loops of prange run on, whether they run right there, its cache.

Exit status: 0, 1 where a result is wrong, 2 without a usable GPU.
"""

from __future__ import annotations

import argparse
import array
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from . import cache

EPILOG = """\
environment:
  CYTHON_LLVM_PRANGE_DEVICE  cpu, gpu or auto, for files that do not say it themselves
  CYTHON_LLVM_GPU            the number of the GPU, 0 without it
  CYTHON_LLVM_CACHE_DIR      its folder gpu is where machine code is kept; CYTHON_LLVM_CACHE=0: nowhere
  CYTHON_LLVM_CUDA_DRIVER    another library than libcuda.so.1

What loops can do there, and how to see their PTX: docs/gpu.md.
"""

#: A loop of each kind: over items, over a plane, and a sum.
LOOPS = """
# cython: language_level=3, boundscheck=False, wraparound=False
from cython.parallel import prange
from libc.math cimport sin

def items(double[::1] x, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * x[i] / (1 + x[i] * x[i])

def plane(double[:, ::1] a, double[:, ::1] out):
    cdef Py_ssize_t i, j
    for i in prange(a.shape[0], nogil=True):
        for j in prange(a.shape[1]):
            out[i, j] = a[i, j] - i * j

def total(double[::1] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True):
        s += sin(x[i])
    return s
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m cython_llvm.gpu", description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("--check", action="store_true", help="run some loops there and on the CPU, and compare")
    made.add_argument("--size", type=int, default=10**6, metavar="N", help="items of the arrays (%(default)s)")
    made.add_argument("--clear-cache", action="store_true", help="remove the machine code kept for GPUs")
    return made


def folder() -> Path | None:
    """Where machine code for GPUs is kept."""
    found = cache.directory()
    return Path(found) / "gpu" if found else None


def facts() -> tuple[bool, list[str]]:
    """Whether there is a usable GPU, and lines about it."""
    from . import gpu

    found = gpu.info()
    if not found.usable:
        return False, [f"no usable GPU: {found.reason}"]
    major, minor = found.compute_capability
    return True, [
        f"GPU: {found.name}, compute capability {major}.{minor}, {found.multiprocessors} multiprocessors",
        f"memory: {found.memory / 2**30:.1f} GiB, {found.free / 2**30:.1f} GiB of it free",
        f"driver: of CUDA {found.driver // 1000}.{found.driver % 1000 // 10}",
    ]


def kept() -> list[Path]:
    """The files of the GPU's cache."""
    place = folder()
    return sorted(place.glob("*.cubin*")) if place and place.is_dir() else []


def clear() -> str:
    """Remove the files; what was done."""
    files = kept()
    size = 0
    for path in files:
        size += path.stat().st_size
        path.unlink()
    return f"removed {len(files)} files, {size / 2**10:.0f} KiB"


def check(size: int) -> list[str]:
    """Run LOOPS on both devices; a line each, which begins with "wrong" where results differ."""
    import cython_llvm

    from . import gpu

    modules: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        for device in ("cpu", "gpu"):
            source = Path(place) / f"gpu_check_{device}.pyx"
            source.write_text(LOOPS.lstrip(), encoding="utf-8")
            directives = {"prange_device": device}
            modules[device] = cython_llvm.import_file(source, source.stem, route="tree", directives=directives)
    x = array.array("d", (0.001 * k for k in range(size)))
    side = max(1, math.isqrt(size))
    square = memoryview(x)[: side * side].cast("B").cast("d", (side, side))
    lines = []
    for name in ("items", "plane", "total"):
        results, times = {}, {}
        for device, module in modules.items():
            out = array.array("d", bytes(8 * size))
            filled = memoryview(out)[: side * side].cast("B").cast("d", (side, side))
            arguments = {"items": (x, out), "plane": (square, filled), "total": (x,)}[name]
            function = getattr(module, name)
            function(*arguments)
            began = time.perf_counter()
            with gpu.profile() as launches:
                sum_ = function(*arguments)
            times[device] = time.perf_counter() - began
            results[device] = out if sum_ is None else sum_
        same = results["cpu"] == results["gpu"]
        if name == "total":
            same = math.isclose(results["cpu"], results["gpu"], rel_tol=1e-9, abs_tol=1e-9)
        lines.append(
            f"{'right' if same else 'wrong'}: {name}, CPU {1e3 * times['cpu']:.2f} ms, GPU "
            f"{1e3 * times['gpu']:.2f} ms with copies, {1e3 * launches[0].run:.3f} ms without"
        )
    return lines


def main(arguments: list[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    if given.size < 1:
        parser().error("--size must be positive")
    if given.clear_cache:
        print(clear())
        if not given.check:
            return 0
    usable, lines = facts()
    print("\n".join(lines))
    files = kept()
    print(f"cache: {folder() or 'off'}, machine code of {len(files)} modules")
    if not usable:
        return 2
    if given.check:
        lines = check(given.size)
        print("\n".join(lines))
        return 1 if any(line.startswith("wrong") for line in lines) else 0
    return 0


