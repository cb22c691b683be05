#!/usr/bin/env python3
"""Gather what travels in the wheel besides code: headers, the OpenMP runtime, compiler builtins.

Everything comes from Debian's packages on the build machine and from the interpreter that the
wheel is for.  The result lands in ``python/cython_llvm/data`` (ignored by git) and is described by
``data/ID``, a hash of every file, which is part of all cache keys.  Running it again is cheap and
changes nothing unless an input changed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MULTIARCH = "x86_64-linux-gnu"

# Intrinsics and wrappers for machines and languages that this wheel makes no code for.
_FOREIGN = re.compile(
    r"(arm_|riscv_|sifive_|altivec|hexagon|hvx_|opencl|hlsl|cuda_wrappers|openmp_wrappers"
    r"|ppc_wrappers|llvm_libc_wrappers|zos_wrappers|llvm_offload_wrappers|ve|vecintrin|s390intrin"
    r"|wasm_simd|msa|lasx|lsx|amdgpu|gpuintrin|nvptxintrin|spirvintrin|module\.modulemap"
    r"|builtins\.h|__clang_cuda|__clang_hip|htm|larch|fuzzer|orc|profile|sanitizer|xray)"
)
_INCLUDE = re.compile(rb'^\s*#\s*include(?:_next)?\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def package_headers(package: str) -> Iterator[Path]:
    """Header files of a Debian package, sorted."""
    listing = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True)
    for line in sorted(listing.stdout.splitlines()):
        path = Path(line)
        if line.startswith("/usr/include/") and path.is_file():
            yield path


def split_multiarch(path: Path) -> tuple[str, str]:
    """(folder of data/include, name below it) for a file under /usr/include."""
    name = str(path.relative_to("/usr/include"))
    prefix = MULTIARCH + "/"
    if name.startswith(prefix):
        return "libc-multiarch", name.removeprefix(prefix)
    return "libc", name


def libc_files() -> dict[Path, Path]:
    """The C library's headers, and of the kernel's those that they lead to."""
    found: dict[Path, Path] = {}
    queue: list[Path] = []
    for path in package_headers("libc6-dev"):
        queue.append(path)
    for package in ("libcrypt-dev", "libnsl-dev", "libtirpc-dev"):
        if package == "libcrypt-dev":
            queue += package_headers(package)
    kernel = {split_multiarch(path)[1]: path for path in package_headers("linux-libc-dev")}
    while queue:
        path = queue.pop()
        folder, name = split_multiarch(path)
        target = Path("include") / folder / name
        if target in found:
            continue
        found[target] = path
        for included in _INCLUDE.findall(path.read_bytes()):
            header = kernel.get(included.decode("ascii", "replace"))
            if header is not None:
                queue.append(header)
    return found


def clang_files(llvm: Path) -> dict[Path, Path]:
    """Clang's own headers for x86."""
    base = llvm / "lib" / "clang" / "22" / "include"
    found = {}
    for path in sorted(base.rglob("*")):
        name = path.relative_to(base)
        if path.is_file() and not _FOREIGN.match(str(name)):
            found[Path("include/clang") / name] = path
    return found


def cxx_files() -> dict[Path, Path]:
    """libstdc++'s headers."""
    version = max(int(p.name) for p in Path("/usr/include/c++").iterdir() if p.name.isdigit())
    places = {
        "c++": Path(f"/usr/include/c++/{version}"),
        "c++-multiarch": Path(f"/usr/include/{MULTIARCH}/c++/{version}"),
    }
    found = {}
    for folder, base in places.items():
        for path in sorted(base.rglob("*")):
            if path.is_file():
                found[Path("include") / folder / path.relative_to(base)] = path
    return found


def python_files() -> dict[Path, Path]:
    """The headers of this interpreter."""
    base = Path(sysconfig.get_path("include"))
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = {
        Path("include") / name / path.relative_to(base): path
        for path in sorted(base.rglob("*.h"))
    }
    # Debian keeps the real pyconfig.h under the multiarch folder.
    real = Path(f"/usr/include/{MULTIARCH}/{name}/pyconfig.h")
    config = base / "pyconfig.h"
    if config.is_file() and MULTIARCH.encode() in config.read_bytes() and real.is_file():
        found[Path("include") / name / "pyconfig.h"] = real
    return found


def library_files(llvm: Path) -> dict[Path, Path]:
    """The OpenMP runtime and the compiler's builtins."""
    builtins = llvm / "lib/clang/22/lib/linux/libclang_rt.builtins-x86_64.a"
    return {
        Path("lib/libomp.so.5"): (llvm / "lib/libomp.so.5").resolve(),
        Path("lib") / builtins.name: builtins,
    }


def licence_files() -> dict[Path, Path]:
    """The terms of what is copied."""
    packages = ("libc6-dev", "linux-libc-dev", "libstdc++-12-dev",
                "libomp5-19", "libomp5-22",
                "libclang-rt-22-dev")
    found = {}
    for package in packages:
        path = Path("/usr/share/doc") / package / "copyright"
        if path.is_file():
            found[Path("LICENSES") / f"{package}.txt"] = path.resolve()
    return found


def notices() -> dict[Path, Path]:
    """More terms: of what is linked into the native library, of clang's headers, of Python's."""
    packages = ("llvm-22-dev", "libclang-common-22-dev", "libcrypt-dev")
    found = {Path("LICENSES") / f"{name}.txt": Path("/usr/share/doc") / name / "copyright"
             for name in packages}  # fmt: skip
    python = (Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
              Path(f"/usr/share/doc/python3.{sys.version_info[1]}/copyright"))  # fmt: skip
    found.update({Path("LICENSES/python.txt"): path for path in python if path.is_file()})
    return {target: source for target, source in found.items() if source.is_file()}


def _digest(files: Iterable[tuple[Path, Path]]) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for target, source in files:
        data = source.read_bytes()
        digest.update(f"{target}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _copy(files: dict[Path, Path], output: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    for target, source in files.items():
        path = output / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    openmp = output / "lib" / "libomp.so.5"
    subprocess.run(["strip", "--strip-unneeded", str(openmp)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llvm", type=Path, default=Path("/usr/lib/llvm-22"))
    parser.add_argument("--output", type=Path, default=ROOT / "python/cython_llvm/data")
    args = parser.parse_args()
    files = {
        **libc_files(),
        **clang_files(args.llvm),
        **cxx_files(),
        **python_files(),
        **library_files(args.llvm),
        **licence_files(),
    }
    identity = _digest(sorted(files.items()))
    stamp = args.output / "ID"
    if not stamp.exists() or stamp.read_text().strip() != identity:
        _copy(files, args.output)
        stamp.write_text(identity + "\n")
    # No part of the identity: no code depends on them.
    for target, source in notices().items():
        shutil.copyfile(source, args.output / target)
    size = sum(path.stat().st_size for path in args.output.rglob("*") if path.is_file())
    print(f"{args.output.relative_to(ROOT) if args.output.is_relative_to(ROOT) else args.output}: "
          f"{len(files)} files, {size / 1e6:.1f} MB, ID {identity}")  # fmt: skip


if __name__ == "__main__":
    main()
