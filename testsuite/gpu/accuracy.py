"""How far libm's functions of GPU loops are from the exact values, in units in the last place.

What is linked into kernels is compiled for this machine and called with random arguments, or the loops run
on a GPU; glibc's functions of long double, whose own errors are a thousandth of a unit in a double's last
place, are the exact values. The worst of `count` arguments from each range is printed, and glibc's beside it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LIMIT = 2.0
#: Functions of one argument, and the ranges that arguments are taken from, evenly.
ONE: dict[str, list[tuple[float, float]]] = {
    "sin": [(-10, 10), (-1e6, 1e6), (-1e22, 1e22)],
    "cos": [(-10, 10), (-1e6, 1e6)],
    "tan": [(-10, 10), (-1e6, 1e6)],
    "asin": [(-1, 1)],
    "acos": [(-1, 1)],
    "atan": [(-30, 30)],
    "sinh": [(-1, 1), (-700, 700)],
    "cosh": [(-1, 1), (-700, 700)],
    "tanh": [(-1e-3, 1e-3), (-1, 1), (-22, 22)],
    "asinh": [(-3, 3), (-1e3, 1e3)],
    "acosh": [(1, 3), (1, 1e3)],
    "atanh": [(-1, 1)],
    "exp": [(-1, 1), (-700, 700)],
    "exp2": [(-1000, 1000)],
    "expm1": [(-1, 1), (-40, 700)],
    "log": [(0, 3), (0, 1e300)],
    "log2": [(0, 3)],
    "log10": [(0, 3)],
    "log1p": [(-1, 3)],
    "cbrt": [(-1e3, 1e3)],
    "erf": [(-1, 1), (-6, 6)],
    "erfc": [(-6, 0), (0, 1), (0.8, 3), (3, 26)],
    "tgamma": [(-1e-10, 1e-10), (0, 3), (3, 30), (30, 171), (-5, 0), (-170, -5)],
    "lgamma": [(0, 3), (0.9998, 1.0002), (1.9998, 2.0002), (3, 1e6), (1e6, 1e300), (-5, 0), (-100, -5)],
}
TWO: dict[str, list[tuple[float, float, float, float]]] = {
    "atan2": [(-3, 3, -3, 3)],
    "pow": [(0.1, 10, -300, 300), (0.9, 1.1, -3000, 3000)],
    "fmod": [(-1e3, 1e3, -3, 3)],
    "hypot": [(-3, 3, -3, 3)],
    "remainder": [(-1e3, 1e3, -3, 3)],
    "fdim": [(-3, 3, -3, 3)],
}
HEAD = "# cython: language_level=3, boundscheck=False, wraparound=False\n"
LOOP = """
def {name}(double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = math.{name}({call})
"""
EXACT = """
cdef extern from "math.h" nogil:
    long double {name}l({types})
def {name}(double[::1] x, double[::1] y, double[::1] found):
    cdef Py_ssize_t i
    cdef double worst = 0, off
    for i in range(x.shape[0]):
        off = distance(found[i], {name}l({call}))
        if off > worst:
            worst = off
    return worst
"""
DISTANCE = """
cdef extern from "math.h" nogil:
    long double fabsl(long double)
    double nextafter(double, double)
    double fabs(double)
    bint isnan(double)
    bint isinf(double)
cdef double INF = float("inf")
cdef double distance(double found, long double exact) noexcept nogil:
    cdef double near = <double>exact
    if found == near and (isinf(near) or near == 0) or isnan(found) and isnan(near):
        return 0
    if isnan(found) or isnan(near) or isinf(found) or isinf(near):
        return INF
    near = fabs(near)
    return <double>(fabsl(found - exact) / (nextafter(near, INF) - near))
"""
APPLY = """
ctypedef double (*one)(double) noexcept nogil
ctypedef double (*two)(double, double) noexcept nogil
def apply(size_t address, bint second, double[::1] x, double[::1] y, double[::1] out):
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        out[i] = (<two>address)(x[i], y[i]) if second else (<one>address)(x[i])
"""


@dataclass(frozen=True)
class Found:
    name: str
    range: tuple[float, ...]
    worst: float
    glibc: float


class Loops:
    """The functions in loops of a device."""

    def __init__(self, folder: Path, device: str) -> None:
        import cython_llvm

        directives = {"prange_device": device}
        path = folder / "loops.pyx"
        self.module = cython_llvm.import_file(path, f"loops_{device}", route="tree", directives=directives)

    def values(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = np.empty_like(x)
        getattr(self.module, name)(x, y, out)
        return out


class Bitcode:
    """What is linked into kernels, compiled for this machine."""

    def __init__(self, apply: Any) -> None:
        from cython_llvm import _native, toolchain

        self.apply = apply
        module = _native.Module.from_bitcode(_native.device_math(), "device_math")
        self.code = _native.JitLibrary.load_module(module, "device_math", [], toolchain.builtins_archive())

    def values(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = np.empty_like(x)
        self.apply(self.code.address(name), name in TWO, x, y, out)
        return out


def loops() -> str:
    """The source of a loop of each function."""
    text = HEAD + "from cython.parallel import prange\nfrom libc cimport math\n"
    for name in [*ONE, *TWO]:
        text += LOOP.format(name=name, call="x[i], y[i]" if name in TWO else "x[i]")
    return text


def _exact(folder: Path) -> Any:
    import cython_llvm

    exact = HEAD + DISTANCE + APPLY
    for name in [*ONE, *TWO]:
        count = 2 if name in TWO else 1
        call, types = ", ".join(["x[i]", "y[i]"][:count]), ", ".join(["long double"] * count)
        exact += EXACT.format(name=name, call=call, types=types)
    (folder / "loops.pyx").write_text(loops())
    (folder / "exact.pyx").write_text(exact)
    return cython_llvm.import_file(folder / "exact.pyx", "exact", route="c")


def measured(count: int, device: bool = False) -> list[Found]:
    """The worst of `count` arguments, for each function and range; of loops on the device, or else of the
    bitcode that is linked into them, on this machine."""
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exact = _exact(folder)
        ours = Loops(folder, "gpu") if device else Bitcode(exact.apply)
        glibc = Loops(folder, "cpu")
        found = []
        ranges = [(name, each) for names in (ONE, TWO) for name, all_of in names.items() for each in all_of]
        for name, limits in ranges:
            x = random.uniform(*limits[:2], count)
            y = random.uniform(*limits[2:], count) if limits[2:] else x
            off = [getattr(exact, name)(x, y, made.values(name, x, y)) for made in (ours, glibc)]
            found.append(Found(name, limits, *off))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--device", action="store_true", help="loops on the GPU instead")
    options = parser.parse_args()
    print(f"{'function':10}{'range':28}{'ours':>8}{'glibc':>8}  units in the last place")
    bad = []
    for one in measured(options.count, options.device):
        limits = ", ".join(f"{limit:g}" for limit in one.range)
        print(f"{one.name:10}{limits:28}{one.worst:8.3f}{one.glibc:8.3f}")
        if not one.worst <= LIMIT:
            bad.append(one.name)
    print(f"above {LIMIT:g}: {', '.join(bad) or 'none'}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
