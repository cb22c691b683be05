"""Kernel times of examples/gpu_kernels.pyx beside those of nvcc or nvrtc, numba-cuda, and the copy bandwidth.

What of these is at hand is used: nvcc on PATH, libnvrtc on the library path or in NVIDIA's wheel, numba-cuda.
Data lie on the device; the best of the rounds counts. A figure is the other's time over ours.
NVIDIA's compilers and numba-cuda contract a*b+c unasked, so ours is allowed to as well.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
SMALL = os.environ.get("CYTHON_LLVM_TIMES_SMALL") == "1"
ROUNDS = 3 if SMALL else 20
Grid = tuple[tuple[int, int], tuple[int, int]]


class Driver:
    """The CUDA driver, in the primary context."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(os.environ.get("CYTHON_LLVM_CUDA_DRIVER") or "libcuda.so.1")
        self.call("cuInit", 0)
        device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(device), int(os.environ.get("CYTHON_LLVM_GPU") or 0))
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxPushCurrent_v2", context)
        self.events = (ctypes.c_void_p(), ctypes.c_void_p())
        for event in self.events:
            self.call("cuEventCreate", ctypes.byref(event), 0)

    def call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: CUDA's status {status}")

    def timed(self, work: Callable[[], None]) -> float:
        """The best time of the rounds, in seconds on the device."""
        best, spent = math.inf, ctypes.c_float()
        for _ in range(ROUNDS):
            self.call("cuEventRecord", self.events[0], None)
            work()
            self.call("cuEventRecord", self.events[1], None)
            self.call("cuStreamSynchronize", None)
            self.call("cuEventElapsedTime", ctypes.byref(spent), *self.events)
            best = min(best, spent.value / 1e3)
        return best

    def bandwidth(self, size: int) -> float:
        """Bytes read and written per second by a copy on the device."""
        places = (ctypes.c_uint64(), ctypes.c_uint64())
        for place in places:
            self.call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(size))
        seconds = self.timed(lambda: self.call("cuMemcpyDtoDAsync_v2", *places, ctypes.c_size_t(size), None))
        for place in places:
            self.call("cuMemFree_v2", place)
        return 2 * size / seconds

    def functions(self, image: bytes) -> Callable[[str], ctypes.c_void_p]:
        module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), image)

        def find(name: str) -> ctypes.c_void_p:
            function = ctypes.c_void_p()
            self.call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
            return function

        return find

    def launch(self, function: ctypes.c_void_p, grid: Grid, values: list[Any]) -> None:
        pointers = (ctypes.c_void_p * len(values))(
            *(ctypes.cast(ctypes.pointer(value), ctypes.c_void_p) for value in values)
        )
        (gx, gy), (bx, by) = grid
        self.call("cuLaunchKernel", function, gx, gy, 1, bx, by, 1, 0, None, pointers, None)


def nvidia(arch: str) -> tuple[str, bytes] | None:
    """kernels.cu by the compiler that is at hand: its name, and PTX."""
    source = HERE / "kernels.cu"
    if nvcc := shutil.which("nvcc"):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "kernels.ptx"
            command = [nvcc, "-O3", "-ptx", f"-arch=compute_{arch}", str(source), "-o", str(output)]
            subprocess.run(command, check=True)
            return "nvcc", output.read_bytes() + b"\0"
    library = nvrtc()
    if library is None:
        return None
    program = ctypes.c_void_p()
    library.nvrtcCreateProgram(ctypes.byref(program), source.read_bytes(), b"kernels.cu", 0, None, None)
    options = (ctypes.c_char_p * 1)(f"--gpu-architecture=compute_{arch}".encode())
    failed = library.nvrtcCompileProgram(program, 1, options)
    size = ctypes.c_size_t()
    what = "ProgramLog" if failed else "PTX"
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(library, f"nvrtcGet{what}")(program, text)
    if failed:
        raise RuntimeError(f"nvrtc: {text.value.decode()}")
    return "nvrtc", text.raw


def nvrtc() -> ctypes.CDLL | None:
    places = [os.environ.get("NVRTC", ""), "libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"]
    found = importlib.util.find_spec("nvidia")
    for folder in found.submodule_search_locations or () if found else ():
        places += sorted(glob.glob(f"{folder}/**/libnvrtc.so.*", recursive=True))
    for place in filter(None, places):
        try:
            return ctypes.CDLL(place)
        except OSError:
            continue
    return None


def cases() -> dict[str, tuple[tuple[Any, ...], Grid, int, Callable[..., list[Any]]]]:
    """Arguments of ours; grid, bytes of memory, and arguments of CUDA's, made of the arrays' addresses."""
    random = np.random.default_rng(1)
    n = 4096 if SMALL else 100_000_000
    options = 4096 if SMALL else 10_000_000
    side = 64 if SMALL else 4096
    many, deep = (64, 3) if SMALL else (8192, 64)
    word, real, integer, address = ctypes.c_longlong, ctypes.c_double, ctypes.c_int, ctypes.c_uint64
    line: Grid = ((-(-n // 256), 1), (256, 1))
    some: Grid = ((-(-options // 256), 1), (256, 1))
    plane: Grid = ((-(-side // 32), -(-side // 8)), (32, 8))
    pairs: Grid = ((-(-many // 32), -(-many // 8)), (32, 8))
    price, strike = random.uniform(10, 50, (2, n))
    image = random.uniform(0, 1, (side, side))
    points = random.uniform(0, 1, (many, deep))

    def pointers(*arrays: int) -> list[Any]:
        return [address(a) for a in arrays]

    return {
        "mandelbrot": (
            (np.zeros((side, side), np.intc), -2.2, 1.6, 3.2 / side, 200), plane, 4 * side * side,
            lambda out: [address(out), word(side), word(side), *map(real, (-2.2, 1.6, 3.2 / side)),
                         integer(200)],
        ),
        "black_scholes": (
            (price[:options], strike[:options], random.uniform(0.1, 5, options), 0.02, 0.3, np.empty(options)),
            some, 32 * options,
            lambda p, s, y, c: [*pointers(p, s, y), real(0.02), real(0.3), address(c), word(options)],
        ),
        "all_pairs": (
            (points, np.empty((many, many))), pairs, 8 * many * many,
            lambda p, out: [*pointers(p, out), word(many), word(deep)],
        ),
        "difference": (
            (price, strike, np.empty(n)), line, 24 * n, lambda x, y, out: [*pointers(x, y, out), word(n)],
        ),
        "stencil": (
            (image, np.zeros_like(image)), plane, 16 * side * side,
            lambda a, out: [*pointers(a, out), word(side), word(side)],
        ),
        "total": (
            (price, np.zeros(1)), ((min(line[0][0], 2048), 1), (256, 1)), 8 * n,
            lambda x, into: [*pointers(x, into), word(n)],
        ),
    }  # fmt: skip


def by_numba() -> dict[str, Callable[..., Any]]:
    """The elementwise loop and the plane by numba-cuda, where it is installed."""
    try:
        from numba import cuda

        if not cuda.is_available():
            return {}
    except Exception:
        return {}

    @cuda.jit
    def difference(x: Any, y: Any, out: Any) -> None:
        i = cuda.grid(1)
        if i < x.shape[0]:
            out[i] = 2 * (x[i] - y[i]) / (x[i] + y[i])

    @cuda.jit
    def stencil(a: Any, out: Any) -> None:
        j, i = cuda.grid(2)
        if 0 < i < a.shape[0] - 1 and 0 < j < a.shape[1] - 1:
            out[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1])

    return {"difference": difference, "stencil": stencil}


def main() -> int:
    import cython_llvm
    from cython_llvm import gpu

    device = gpu.info()
    if not device.usable:
        print(f"no usable GPU: {device.reason}")
        return 2
    driver = Driver()
    size = 1 << (16 if SMALL else 30)
    copying = driver.bandwidth(size)
    print(f"{device.name}, driver {device.driver}; copies on the device: {copying / 1e9:.0f} GB/s")
    module = cython_llvm.import_file(EXAMPLES / "gpu_kernels.pyx", "gpu_kernels", route="tree",
                                     directives={"prange_device": "gpu", "fp_contract": True})  # fmt: skip
    theirs = nvidia("".join(map(str, device.compute_capability)))
    find = driver.functions(theirs[1]) if theirs else None
    numba = by_numba()
    compiler = theirs[0] if theirs else "none at hand"
    print(f"nvidia's compiler: {compiler}; numba-cuda: {'yes' if numba else 'no'}")
    print(f"{'kernel':16}{'us':>10}{'GB/s':>8}{'of copy':>9}{'nvidia':>9}{'numba':>9}")
    for name, (arguments, grid, moved, words) in cases().items():
        there = [gpu.to_device(a) if isinstance(a, np.ndarray) else a for a in arguments]
        mine = there[:1] if name == "total" else there
        function = getattr(module, name)
        function(*mine)
        with gpu.profile() as launches:
            for _ in range(ROUNDS):
                function(*mine)
        ours = min(launch.run for launch in launches)
        arrays = [a for a in there if hasattr(a, "__cuda_array_interface__")]
        rate = moved / ours
        row = f"{name:16}{ours * 1e6:10.1f}{rate / 1e9:8.0f}{rate / copying:9.2f}"
        if find:
            result = np.array(arrays[-1])
            kernel = find(name)
            values = words(*(ctypes.addressof(a) for a in arrays))
            row += f"{driver.timed(lambda k=kernel, g=grid, v=values: driver.launch(k, g, v)) / ours:9.2f}"
            if name != "total" and not np.allclose(np.asarray(arrays[-1]), result, rtol=1e-9):
                row += "  nvidia's result differs"
        else:
            row += f"{'-':>9}"
        if name in numba:
            views = [numba_array(a) for a in arrays]
            launch = numba[name][grid]
            launch(*views)
            row += f"{driver.timed(lambda k=launch, v=views: k(*v)) / ours:9.2f}"
        else:
            row += f"{'-':>9}"
        print(row, flush=True)
    one = [gpu.to_device(np.ones(1)) for _ in range(4)]
    call = microseconds(lambda: module.black_scholes(*one[:3], 0.02, 0.3, one[3]))
    line = f"a call of six arguments, one iteration, until its result is there: {call:.1f} us"
    if "difference" in numba:
        from numba import cuda

        views, launch = [numba_array(a) for a in one[:3]], numba["difference"][(1, 1), (32, 1)]
        started = microseconds(lambda: launch(*views))
        cuda.synchronize()
        line += f"; numba-cuda's of three, until it is started: {started:.1f} us"
    print(line)
    return 0


def microseconds(call: Callable[[], Any]) -> float:
    """Of wall time for one call: the best of some rounds."""
    count = 20 if SMALL else 2000
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, time.perf_counter() - began)
    return 1e6 * best / count


def numba_array(array: Any) -> Any:
    from numba import cuda

    return cuda.as_cuda_array(array)


if __name__ == "__main__":
    sys.exit(main())
