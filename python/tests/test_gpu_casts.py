"""Floating-point numbers that do not fit an integer: what the PTX makes of them, computed from its text."""

from __future__ import annotations

import ctypes
import math
import re
import struct
from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from conftest import write
from cython_llvm import sharedutil, treefrontend, treeroute
from cython_llvm.settings import Settings

np = pytest.importorskip("numpy")

#: C's types, and NumPy's.
TYPES = {"signed char": "i1", "unsigned char": "u1", "short": "i2", "unsigned short": "u2", "int": "i4",
         "unsigned int": "u4", "long": "i8", "unsigned long": "u8"}  # fmt: skip
SOURCE = """# cython: language_level=3, boundscheck=False, wraparound=False
from cython.parallel import prange
""" + "".join(
    f"""
def from_{real}_to_{kind}({real}[::1] x, {ty}[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = <{ty}> x[i]
"""
    for real in ("double", "float")
    for ty, kind in TYPES.items()
)
INSTRUCTION = re.compile(r"^\s*([a-z][\w.:]*)\s+(%\w+)\s*,\s*(.+);$", re.M)


def single(x: float) -> float:
    return ctypes.c_float(x).value


class Kernel:
    """The value that a kernel without branches around it stores, as a function of the one that it loads."""

    def __init__(self, text: str) -> None:
        found = INSTRUCTION.findall(text)
        self.made = {to: (op, [one.strip() for one in args.split(",")]) for op, to, args in found}
        # The first of those of an unrolled loop.
        stored = re.findall(r"st\.global\.b(\d+)\s+\[[^\]]*\],\s*(%\w+);", text)[0]
        self.bits, self.result = int(stored[0]), stored[1]

    def __call__(self, x: float) -> int:
        return self.value(self.result, x) & ((1 << self.bits) - 1)

    def value(self, name: str, x: float) -> Any:
        if re.fullmatch(r"0d[0-9A-F]{16}", name):
            return struct.unpack(">d", bytes.fromhex(name[2:]))[0]
        if re.fullmatch(r"0f[0-9A-F]{8}", name):
            return struct.unpack(">f", bytes.fromhex(name[2:]))[0]
        if not name.startswith("%"):
            return int(name)
        op, names = self.made[name]
        if op.startswith("ld.global"):
            return x
        args = [self.value(one, x) for one in names]
        kind, *how = op.split(".")
        if kind == "cvt" and how[0] == "rzi":
            return self.cut_off(how[1], args[0])
        bits = int(re.sub(r"\D", "", how[-1]) or 1)
        if kind in ("add", "sub"):
            made = args[0] + args[1] if kind == "add" else args[0] - args[1]
            return single(made) if how[-1] == "f32" else made
        if kind == "setp":
            return args[0] < args[1] if how[0] == "lt" else args[0] >= args[1]
        if kind == "cvt":
            return args[0] & ((1 << bits) - 1)
        return {
            "abs": lambda: abs(args[0]), "xor": lambda: args[0] ^ args[1], "mov": lambda: args[0],
            "selp": lambda: args[0] if args[2] else args[1],
        }[kind]()  # fmt: skip

    @staticmethod
    def cut_off(to: str, x: float) -> int:
        """PTX ISA, cvt: clamped to the type, and 0 for what is no number."""
        bits = int(to[1:])
        assert to[0] == "s"
        if math.isnan(x):
            return 0
        limit = 1 << (bits - 1)
        return int(min(max(x, -limit), limit - 1)) if math.isfinite(x) else (limit - 1 if x > 0 else -limit)


def numbers() -> Any:
    large = [math.nan, math.inf, 0.5, 127.5, 255.9, 300, 65535.5, 2**31, 2**31 - 0.5, 2**31 + 0.5, 3e9, 2**32,
             2**53, 2**63, 1.5 * 2**63, 2**64, 3 * 2**64, 1e300, 5e-324]  # fmt: skip
    found = np.array(large, float)
    found = np.concatenate([found, np.nextafter(found, 0), np.nextafter(found, math.inf)])
    random = np.random.default_rng(8)
    more = random.uniform(-1, 1, 300) * 2.0 ** random.integers(0, 68, 300)
    return np.concatenate([found, -found, more])


def test_ptx_gives_the_numbers_of_the_cpu(tmp_path: Path, cache_dir: Path) -> None:
    path = write(tmp_path / "casts.pyx", SOURCE)
    settings = Settings(language_level=3, directives={"prange_device": "gpu"})
    text = treefrontend.export_tree(str(path), "casts", settings, shared_utility=sharedutil.available())
    ptx = treeroute.lower(text, settings).ptx
    assert ptx is not None
    kernels = {re.findall(r"from_\w+_to_[iu]\d", one)[0]: Kernel(one) for one in ptx.split(".entry ")[1:]}
    assert len(kernels) == 2 * len(TYPES)
    cpu = cython_llvm.import_file(path, "casts", route="tree")
    with np.errstate(over="ignore"):
        values = {"double": numbers(), "float": numbers().astype("f")}
    for name, kernel in kernels.items():
        kind = name[-2:]
        assert kernel.bits == 8 * int(kind[1]), name  # in one piece
        x = values["double" if "double" in name else "float"]
        wanted = np.zeros(len(x), kind)
        getattr(cpu, name)(x, wanted)
        found = [kernel(float(one)) for one in x]
        same = np.array(found, np.uint64).astype(kind) == wanted
        assert same.all(), (name, x[~same][:5], wanted[~same][:5])


def test_unsigned_numbers_are_those_of_gcc_on_every_cpu(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "casts.pyx", SOURCE)
    x = np.array([-0.5, -1.5, -2.0, 2.0**63, 1.25 * 2**63, 2.0**64, 1e30, -1e30, math.nan, math.inf])
    half = 1 << 63
    wanted = [0, 2**64 - 1, 2**64 - 2, half, half + half // 4, 0, 0, half, half, 0]
    for march in ("x86-64", "native"):
        m = cython_llvm.import_file(path, f"casts_{march.replace('-', '_')}", route="tree")
        out = np.zeros(len(x), "u8")
        m.from_double_to_u8(x, out)
        assert list(out) == wanted, march
