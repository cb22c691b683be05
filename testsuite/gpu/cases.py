"""The loops of SOURCES on the CPU and on the GPU, or on what CYTHON_LLVM_CUDA_DRIVER names.

``python cases.py`` compares results, exceptions and what is left in the arrays; exit status 1 and a line
for each difference.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SOURCES = (HERE / "loops.pyx", HERE.parents[1] / "examples" / "gpu_kernels.pyx")
random = np.random.default_rng(5)


def build(device: str) -> Any:
    """The functions of all sources."""
    import cython_llvm

    found: dict[str, Any] = {}
    for source in SOURCES:
        name = f"{source.stem}_{device}"
        directives = {"prange_device": device}
        module = cython_llvm.import_file(source, name, route="tree", directives=directives)
        found |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return SimpleNamespace(**found)


def reals(*shape: int) -> np.ndarray:
    return random.uniform(-3, 3, shape)


def integers(n: int, low: int = -50, high: int = 50, dtype: Any = np.intc) -> np.ndarray:
    return random.integers(low, high, n).astype(dtype)


def grid(rows: int, columns: int) -> np.ndarray:
    return np.arange(rows * columns, dtype=float).reshape(rows, columns)


POINT = np.dtype([("x", "f8"), ("y", "f4"), ("tag", "i4")])


def some_points(n: int) -> np.ndarray:
    made = np.zeros(n, POINT)
    made["x"], made["y"], made["tag"] = reals(n), reals(n), integers(n)
    return made


# (function, arguments made anew for each device, relative tolerance)
Case = tuple[str, Callable[[], tuple], float]
CASES: list[Case] = []


def case(name: str, *makers: Callable[[], Any], tolerance: float = 0.0) -> None:
    CASES.append((name, lambda: tuple(maker() for maker in makers), tolerance))


def fixed(value: Any) -> Callable[[], Any]:
    if isinstance(value, np.ndarray):
        return lambda: value.copy(order="K")
    return lambda: value


def zeros(*shape: int, dtype: Any = float) -> Callable[[], np.ndarray]:
    return lambda: np.zeros(shape, dtype)


for n in (0, 1, 31, 1000, 70001):
    case("add", fixed(reals(n)), fixed(reals(n)), zeros(n))
case("strided", lambda: grid(40, 60)[:, 3], zeros(40, dtype=np.float32))
case("strided", lambda: grid(40, 60)[::-1, 3], zeros(40, dtype=np.float32))
case("strided", lambda: np.arange(50.0)[::-1], lambda: np.zeros((50, 9), np.float32)[:, 2])
case("strided", lambda: np.broadcast_to(np.array(2.0), (9,)).copy(), zeros(9, dtype=np.float32))
case("difference", fixed(reals(999)), fixed(reals(999) + 7), zeros(999))
case("difference", fixed(np.zeros(9)), fixed(np.zeros(9)), zeros(9))
case("quotients", fixed(reals(9)), fixed(reals(9)), zeros(9))
case("quotients", fixed(reals(9)), fixed(np.zeros(9)), zeros(9))
case("all_pairs", fixed(reals(40, 3)), zeros(40, 40))
case("all_pairs", fixed(reals(3, 0)), zeros(3, 3))
case("total", fixed(reals(3000)), tolerance=1e-12)
case("black_scholes", fixed(reals(500) + 9), fixed(reals(500) + 9), fixed(reals(500) + 4), fixed(0.02),
     fixed(0.3), zeros(500), tolerance=1e-13)  # fmt: skip
for rows, columns in ((1, 1), (5, 700), (300, 3), (100, 100), (0, 4)):
    case("plane", lambda r=rows, c=columns: grid(r, c), zeros(rows, columns))
case("plane", lambda: np.asfortranarray(grid(30, 20)), lambda: np.zeros((20, 30)).T)
case("plane", lambda: grid(30, 20)[::2, ::-3], lambda: np.zeros((15, 7)))
case("triangle", lambda: grid(60, 60), tolerance=1e-12)
case("plane_sum", lambda: grid(60, 70))
case("plane_sum", lambda: grid(0, 70))
case("cube", lambda: np.arange(4 * 5 * 6, dtype=np.intc).reshape(4, 5, 6), zeros(4, 5, 6, dtype=np.intc))
case("stencil", lambda: grid(50, 40) ** 2, zeros(50, 40))
for n in (0, 1, 255, 5000, 400000):
    case("reductions", fixed(integers(n, -1000, 1000, np.int64)), fixed(3))
case("unsigned_extremes", fixed(integers(1000, 3, 201, np.uint8)))
case("float_sum", fixed(np.abs(reals(3000)).astype(np.float32)), tolerance=1e-4)
for n in (0, 1, 100, 3000):
    case("last_values", fixed(n))
for arguments in ((0, 10, 3), (10, 0, -3), (5, 5, 1), (7, 3, 2), (-4, 9, 1)):
    case("last_of_range", *(fixed(number) for number in arguments))
case("skips", fixed(integers(500, -5, 200)), zeros(500, dtype=np.intc))
case("finds", fixed(np.arange(100, dtype=np.intc)), fixed(1000))
case("finds", fixed(np.arange(1, dtype=np.intc)), fixed(0))
case("helpers", fixed(np.abs(reals(400))), zeros(400), fixed(0.001))
case("helpers", fixed(reals(400)), zeros(400), fixed(0.0))
case("helpers", fixed(np.full(400, -1e9)), zeros(400), fixed(1e-9))
case("raises", fixed(reals(400)), fixed(10.0))
case("raises", fixed(reals(400)), fixed(2.0))
case("divides", fixed(integers(500)), fixed(integers(500, 1, 9)), zeros(500, dtype=np.intc))
case("divides", fixed(integers(500)), fixed(integers(500, -9, -2)), zeros(500, dtype=np.intc))
case("divides", fixed(integers(500)), fixed(np.zeros(500, np.intc)), zeros(500, dtype=np.intc))
case("divides", fixed(np.full(50, -(2**31), np.intc)), fixed(np.full(50, -1, np.intc)),
     zeros(50, dtype=np.intc))  # fmt: skip
for column in (0, 6, -1, -7, 7, -8):
    case("beyond", lambda: grid(20, 7), fixed(column), tolerance=1e-12)
case("mathematics", fixed(reals(500) * 4), zeros(500, 16), tolerance=1e-15)
case("mathematics", fixed(np.array([0.0, -0.0, 1e300, -1e300, 1e-310, np.inf, -np.inf, np.nan])), zeros(8, 16),
     tolerance=1e-15)  # fmt: skip
case("single_mathematics", fixed(reals(500).astype("f4")), zeros(500, 4, dtype=np.float32), tolerance=3e-7)
case("complexes", fixed(reals(200) / 3 + 1j * reals(200) / 3), zeros(200, dtype=complex), fixed(2 - 1j))
case("mandelbrot", zeros(60, 90, dtype=np.intc), fixed(-2.2), fixed(1.2), fixed(0.04), fixed(200))
case("table", fixed(integers(300, 0, 255, np.uint8)), zeros(300, dtype=np.intc))
case("points", fixed(some_points(300)), zeros(300))
case("shifted", fixed(reals(1001)))
case("in_place", fixed(reals(700)), fixed(integers(700)))
case("in_place", lambda: np.full((60, 8), 2.0)[:, 1], lambda: np.zeros((60, 8), np.intc)[:, 1])
for shape in ((4, 5, 6), (1, 2, 1), (3, 1, 70), (0, 3, 3), (9, 40, 33)):
    count = int(np.prod(shape))
    case("solid", lambda s=shape, n=count: np.arange(n, dtype=np.intc).reshape(s) ** 2,
         zeros(*shape, dtype=np.intc))  # fmt: skip
    case("solid_sum", lambda s=shape, n=count: np.arange(n, dtype=float).reshape(s))
case("solid_sum", lambda: np.arange(60.0).reshape(3, 4, 5).T)
for most in (0, 1):
    case("solid_raise", zeros(3, 4, 5), fixed(most))
case("row_products", fixed(reals(30, 20)), fixed(reals(20, 30)), zeros(30))
case("row_products", fixed(reals(30, 20)), fixed(reals(19, 30)), zeros(30))
for a, b, c in ((0, 20, 1), (3, -2, 2), (15, 2, -3), (-90, 90, 5), (5, 5, 1), (50, -50, -1), (1, 9, 0)):
    case("ranges", fixed(reals(30, 20)), zeros(30), fixed(a), fixed(b), fixed(c))
case("fields", fixed(some_points(300)))
case("complex_sum", fixed(reals(5000) + 1j * reals(5000)), fixed(3 - 1j), tolerance=1e-10)
case("complex_sum", fixed(np.empty(0, complex)), fixed(3 - 1j))
case("in_closure", fixed(reals(500)), fixed(0.5), tolerance=1e-12)
case("buffers", lambda: grid(30, 20)[::2, ::-3], fixed(integers(7)), fixed(0.5), tolerance=1e-12)
case("buffers", lambda: np.asfortranarray(grid(30, 20)), fixed(integers(20)), fixed(0.5), tolerance=1e-12)
case("buffers", fixed(reals(9, 3)), fixed(integers(2)), fixed(0.5))
for to in (5, 500, 501):
    case("buffer_beyond", fixed(reals(500)), fixed(to))
case("buffer_of_points", fixed(some_points(300)), fixed(0.25))
LARGE = np.array([[np.nan, np.inf, 0.5, 3e9, 2**31, 2**31 - 0.5, 2**32, 2**63, 2**64, 1.5 * 2**63, 300, 1e300]],
                 float)  # fmt: skip
LARGE = np.concatenate([LARGE, np.nextafter(LARGE, 0), np.nextafter(LARGE, np.inf), LARGE * 1.25]).ravel()
LARGE = np.concatenate([LARGE, -LARGE])
for numbers in (LARGE, reals(2000) * 10.0 ** random.integers(0, 21, 2000)):
    case("cut_off", fixed(numbers), fixed(numbers.clip(-3e38, 3e38).astype(np.float32)),
         *(zeros(len(numbers), dtype=kind) for kind in ("i4", "i8", "u4", "u8", "i1", "u2")))  # fmt: skip
case("cut_off_constants", zeros(3, dtype=np.intc), zeros(3, dtype=np.uint64))


def outcome(function: Callable[..., Any], arguments: tuple) -> tuple[str, Any]:
    try:
        return "returned", function(*arguments)
    except Exception as error:
        return "raised", (type(error).__name__, str(error))


def close(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, tuple):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) and a.dtype.names:
        return a.tobytes() == b.tobytes()
    if isinstance(a, (float, complex, np.ndarray)) and tolerance:
        return bool(np.allclose(a, b, rtol=tolerance, atol=0, equal_nan=True))
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return bool(a == b)


def run(cpu: Any, gpu: Any) -> list[str]:
    wrong = []
    for number, (name, make, tolerance) in enumerate(CASES):
        here, there = make(), make()
        try:
            wanted, found = outcome(getattr(cpu, name), here), outcome(getattr(gpu, name), there)
            same = wanted[0] == found[0] and close(wanted[1], found[1], tolerance)
            # Where something was raised, which iterations have run is open.
            if same and wanted[0] == "returned":
                same = all(close(a, b, tolerance) for a, b in zip(here, there, strict=True))
            if not same:
                wrong.append(f"{number} {name}: {str(wanted)[:200]} on the CPU, {str(found)[:200]} on the GPU")
        except Exception:
            wrong.append(f"{number} {name}: {traceback.format_exc()}")
    return wrong


def main() -> int:
    from cython_llvm import gpu

    if not gpu.info().usable:
        print(f"no usable GPU: {gpu.info().reason}")
        return 2
    with gpu.profile() as launches:
        wrong = run(build("cpu"), build("gpu"))
    print("\n".join([*wrong, f"{len(CASES)} cases, {len(wrong)} wrong, {len(launches)} launches"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
