"""One process of the random kernels: the loops of modules on the CPU, and on what stands for a GPU.

FILE as child.py has it; CYTHON_LLVM_CUDA_DRIVER names the driver, FUZZ_PTXAS NVIDIA's assembler.  `missing`
where the GPU refuses what kernels.py makes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cython_llvm
from cython_llvm import errors, sharedutil, treefrontend, treeroute
from cython_llvm.settings import Settings
from gpu import tools

POINT = np.dtype([("x", "f8"), ("y", "f4"), ("tag", "i4"), ("small", "u1")], align=True)


def laid(array: np.ndarray, layout: int, axes: int = 1) -> np.ndarray:
    """The same items with gaps between them, or backwards, as the layout says."""
    if layout == 0:
        return array
    if layout == 1:
        wide = np.zeros((*array.shape[:-1], array.shape[-1] * 2), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    back = tuple(slice(None, None, -1) for _ in range(axes))
    return array[back].copy()[back]


def arguments(n: int, layout: int) -> list[Any]:
    """What PARAMETERS of kernels.py says, the same each time."""
    random = np.random.default_rng(n + 1)
    points = np.zeros(n, POINT)
    points["x"], points["y"] = random.uniform(-3, 3, n), random.uniform(-3, 3, n)
    points["tag"], points["small"] = random.integers(-50, 50, n), random.integers(0, 255, n)
    return [
        n, random.uniform(-9, 9, n), laid(random.uniform(-9, 9, n).astype("f4"), layout),
        laid(random.integers(-100, 100, n).astype("i4"), layout), random.integers(-(2**40), 2**40, n),
        laid(random.integers(0, 255, n).astype("u1"), layout), laid(points, layout),
        laid(random.uniform(-2, 2, n) + 1j * random.uniform(-2, 2, n), layout),
        laid(random.uniform(-2, 2, (n, 4)), layout, 2), random.integers(-99, 99, (n, 2, 4)).astype("i2"),
        laid(points.copy(), layout), np.ones(n), laid(np.arange(n), layout), laid(np.ones(n, "f4"), layout),
        laid(np.zeros(n, complex), layout), laid(np.zeros((n, 4)), layout, 2),
        laid(np.zeros((n, 2, 3), "i4"), layout, 3), np.zeros(n),
    ]  # fmt: skip


def outcome(function: Any, given: list[Any]) -> tuple[str, Any]:
    try:
        return "returned", function(*given)
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"


def same(here: Any, there: Any) -> bool:
    if isinstance(here, np.ndarray) and here.dtype.names:
        return all(same(here[name], there[name]) for name in here.dtype.names)
    if isinstance(here, np.ndarray):
        return np.array_equal(here, there, equal_nan=here.dtype.kind in "fc")
    return repr(here) == repr(there)


def differences(cpu: types.ModuleType, gpu: types.ModuleType, calls: list[list[str]]) -> list[str]:
    found = []
    for function, text in calls:
        n, layout = map(int, text.split(","))
        here, there = arguments(n, layout), arguments(n, layout)
        wanted, got = outcome(getattr(cpu, function), here), outcome(getattr(gpu, function), there)
        if "raised" in (wanted[0], got[0]):
            # Which iteration raises first, and what others have done by then, is open.
            if wanted[0] != got[0]:
                found.append(f"{function}({text}): {wanted} on the CPU, {got} on the GPU")
            continue
        wrong = [] if same(wanted[1], got[1]) else [f"{wanted[1]} on the CPU, {got[1]} on the GPU"]
        for index, (a, b) in enumerate(zip(here[:-1], there[:-1], strict=True)):
            if not same(a, b):
                wrong.append(f"argument {index}: {a}, {b}")
        if not np.allclose(here[-1], there[-1], rtol=1e-14, atol=0, equal_nan=True):
            wrong.append(f"approximate: {here[-1]}, {there[-1]}")
        found += [f"{function}({text}): {one}" for one in wrong]
    return found


def refused_by_ptxas(path: Path, folder: Path) -> list[str]:
    if "FUZZ_PTXAS" not in os.environ:
        return []
    settings = Settings(language_level=3, directives={"prange_device": "gpu"})
    text = treefrontend.export_tree(str(path), path.stem, settings, shared_utility=sharedutil.available())
    made = treeroute.lower(text, settings)
    if made.ptx is None:
        return []
    if ".ftz" in made.ptx:
        return ["small numbers are flushed to zero"]
    return tools.assembled(made.ptx, folder, Path(os.environ["FUZZ_PTXAS"]))


def compare(name: str, text: str, calls: list[list[str]], folder: Path) -> dict[str, Any]:
    path = folder / f"{name}.pyx"
    path.write_text(text, encoding="utf-8")
    modules = {}
    refused: dict[str, str] = {}
    for device in ("cpu", "gpu"):
        try:
            directives = {"prange_device": device}
            modules[device] = cython_llvm.import_file(path, name, route="tree", directives=directives)
        except errors.CythonLLVMError as error:
            refused[device] = str(error)
        finally:
            sys.modules.pop(name, None)
    if "cpu" in refused:
        return {"status": "refused", "detail": [refused["cpu"][-600:]]}
    if refused:
        return {"status": "missing", "detail": [refused["gpu"][-600:]]}
    if wrong := refused_by_ptxas(path, folder):
        return {"status": "error", "detail": wrong}
    found = differences(modules["cpu"], modules["gpu"], calls)
    return {"status": "different" if found else "same", "detail": found}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
            program = json.loads(line)
            name = program["name"]
            print(json.dumps({"name": name, "status": "started"}), flush=True)
            found = compare(name, program["text"], program["calls"], Path(folder))
            print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    main()
