"""For checks of GPU code without a GPU: NVIDIA's assembler, and a driver that runs kernels on the host."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHITECTURES = ("sm_70", "sm_80", "sm_90")
#: The last one that knows sm_70; 33 MB.
PTXAS = "nvidia-cuda-nvcc-cu12==12.9.86"


class Missing(Exception):
    """The assembler is not there and cannot be fetched."""


def ptxas() -> Path:
    """NVIDIA's assembler, from PyPI, in the ignored cache."""
    folder = HERE.parents[1] / ".cache" / "ptxas"
    program = folder / PTXAS.replace("==", "-") / "ptxas"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(program.parent), PTXAS]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    wheels = list(program.parent.glob("*.whl"))
    if done.returncode or not wheels:
        raise Missing(f"{PTXAS} cannot be fetched: {done.stderr.strip()[-300:]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith("bin/ptxas"))
        program.write_bytes(wheel.read(member))
    program.chmod(0o755)
    wheels[0].unlink()
    return program


def assembled(ptx: str, folder: Path, program: Path) -> list[str]:
    """What the assembler says against PTX, a text for each architecture that refuses it."""
    path = folder / "kernels.ptx"
    path.write_text(ptx)
    refused = []
    for architecture in ARCHITECTURES:
        command = [str(program), f"-arch={architecture}", str(path), "-o", str(folder / "kernels.cubin")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            refused.append(f"{architecture}: {done.stderr[:3000]}")
    return refused


def fake_driver(folder: Path) -> Path:
    """The driver of fake_driver.c, compiled by this package; for `CYTHON_LLVM_CUDA_DRIVER`."""
    from cython_llvm import toolchain
    from cython_llvm.settings import Settings

    settings = Settings(march="x86-64")
    source = HERE / "fake_driver.c"
    module = toolchain.compile_c(source.read_bytes(), str(source), "c", settings)
    toolchain.optimize(module, settings)
    output = folder / "libfake.so"
    toolchain.link_extension([toolchain.emit(module, "obj", settings)], str(output), settings)
    return output
