#!/usr/bin/env python3
"""Strip the native library inside a wheel, keeping the symbols that gdb's JIT interface needs."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

KEPT = ("__jit_debug_register_code", "__jit_debug_descriptor")


def stripped(data: bytes) -> bytes:
    """The library without symbols but the kept ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "native.so"
        path.write_bytes(data)
        keep = [argument for name in KEPT for argument in ("-K", name)]
        subprocess.run(["strip", "-s", *keep, str(path)], check=True)
        return path.read_bytes()


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"


def main(wheel: Path) -> None:
    output = wheel.with_suffix(".tmp")
    changed: dict[str, bytes] = {}
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target,
    ):
        for info in source.infolist():
            data = source.read(info)
            if info.filename.startswith("cython_llvm/_native.") and info.filename.endswith(".so"):
                data = changed[info.filename] = stripped(data)
            elif info.filename.endswith(".dist-info/RECORD"):
                lines = data.decode().splitlines()
                data = "\n".join(
                    record_line(name, changed[name])
                    if (name := line.split(",", 1)[0]) in changed
                    else line
                    for line in lines
                ).encode() + b"\n"
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    output.replace(wheel)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
