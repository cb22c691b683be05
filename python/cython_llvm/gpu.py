"""GPUs: what is there, arrays that stay there, times of launches.

A loop runs on a GPU where the directive ``prange_device`` says so; see docs/gpu.md.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


class _Facts(ctypes.Structure):
    _fields_ = (
        ("usable", ctypes.c_int), ("major", ctypes.c_int), ("minor", ctypes.c_int), ("driver", ctypes.c_int),
        ("processors", ctypes.c_int), ("memory", ctypes.c_int64), ("free", ctypes.c_int64),
        ("name", ctypes.c_char * 128), ("reason", ctypes.c_char * 300),
    )  # fmt: skip


class _Time(ctypes.Structure):
    _fields_ = (
        ("kernel", ctypes.c_char * 96), ("copy_in", ctypes.c_double), ("run", ctypes.c_double),
        ("copy_out", ctypes.c_double), ("bytes_in", ctypes.c_int64), ("bytes_out", ctypes.c_int64),
        ("threads", ctypes.c_int64),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _runtime() -> ctypes.CDLL:
    from . import runtimelib

    path = runtimelib.available()
    if path is None:
        raise RuntimeError("the tree route's run-time library is not there for this Cython")
    library = ctypes.CDLL(os.fspath(path))
    library.cyl_gpu_allocate.argtypes = (ctypes.c_int64, ctypes.POINTER(ctypes.c_uint64))
    library.cyl_gpu_status.argtypes = (ctypes.c_int, *[ctypes.POINTER(ctypes.c_char_p)] * 2)
    library.cyl_gpu_status.restype = None
    library.cyl_gpu_free.argtypes = (ctypes.c_uint64,)
    library.cyl_gpu_free.restype = None
    library.cyl_gpu_profile.restype = ctypes.c_int64
    library.cyl_gpu_profile.argtypes = (ctypes.c_int64,)
    library.cyl_gpu_profile_record.argtypes = (ctypes.c_int64, ctypes.POINTER(_Time))
    return library


def _meaning(status: int) -> str:
    """What the driver says of a status."""
    text, name = ctypes.c_char_p(), ctypes.c_char_p()
    _runtime().cyl_gpu_status(status, ctypes.byref(text), ctypes.byref(name))
    said = [(one.value or b"").decode(errors="replace") for one in (text, name)]
    return f"{said[0]} ({said[1]})"


@dataclass(frozen=True)
class Info:
    """A GPU, or why there is none that can be used."""

    usable: bool
    reason: str
    name: str
    compute_capability: tuple[int, int]
    driver: int  # 12090 is 12.9
    multiprocessors: int
    memory: int  # bytes
    free: int


def info() -> Info:
    """The GPU that loops run on.  Opens the driver; raises nothing where there is none."""
    facts = _Facts()
    _runtime().cyl_gpu_info(ctypes.byref(facts))
    return Info(
        bool(facts.usable), facts.reason.decode(errors="replace"), facts.name.decode(errors="replace"),
        (facts.major, facts.minor), facts.driver, facts.processors, facts.memory, facts.free,
    )  # fmt: skip


@dataclass(frozen=True)
class Launch:
    """One launch of a loop; times in seconds."""

    kernel: str  # module:line
    copy_in: float
    run: float  # on the device
    copy_out: float
    bytes_in: int
    bytes_out: int
    threads: int


@contextmanager
def profile(most: int = 10000) -> Iterator[list[Launch]]:
    """Record launches; the list is filled when the block ends.  Slows launches a little."""
    library = _runtime()
    library.cyl_gpu_profile(most)
    launches: list[Launch] = []
    try:
        yield launches
    finally:
        for index in range(library.cyl_gpu_profile(-1)):
            time = _Time()
            if library.cyl_gpu_profile_record(index, ctypes.byref(time)):
                launches.append(
                    Launch(time.kernel.decode(errors="replace"), time.copy_in, time.run, time.copy_out,
                           time.bytes_in, time.bytes_out, time.threads)  # fmt: skip
                )
        library.cyl_gpu_profile(0)


_ITEMS: dict[str, tuple[Any, str]] = {
    "b": (ctypes.c_int8, "|i1"), "B": (ctypes.c_uint8, "|u1"), "?": (ctypes.c_bool, "|b1"),
    "h": (ctypes.c_int16, "<i2"), "H": (ctypes.c_uint16, "<u2"), "i": (ctypes.c_int32, "<i4"),
    "I": (ctypes.c_uint32, "<u4"), "l": (ctypes.c_int64, "<i8"), "L": (ctypes.c_uint64, "<u8"),
    "q": (ctypes.c_int64, "<i8"), "Q": (ctypes.c_uint64, "<u8"), "f": (ctypes.c_float, "<f4"),
    "d": (ctypes.c_double, "<f8"),
}  # fmt: skip


def _interface(self: Any) -> dict[str, Any]:
    return {
        "shape": self._shape,
        "typestr": self._typestr,
        "data": (ctypes.addressof(self), False),
        "strides": None,
        "version": 3,
        "stream": None,
    }


@lru_cache(maxsize=512)
def _array_type(item: Any, typestr: str, shape: tuple[int, ...]) -> Any:
    made: Any = item
    for extent in reversed(shape):
        made = made * extent
    names = {
        "_shape": shape,
        "_typestr": typestr,
        "shape": property(lambda self: self._shape),
        "__cuda_array_interface__": property(_interface),
        "__doc__": "Memory that the host and the GPU both reach; of the buffer protocol.",
    }
    return type("array", (made,), names)


def empty(shape: int | Sequence[int], dtype: str = "d") -> Any:
    """An array in memory that host and GPU both reach: loops on the GPU do not copy it.

    ``dtype`` is a format of `struct`.  The array has the buffer protocol, so that NumPy and
    memoryviews take it, and ``__cuda_array_interface__``.  Raises RuntimeError without a GPU,
    MemoryError where it has not enough memory.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if dtype not in _ITEMS:
        raise TypeError(f"dtype must be one of {' '.join(_ITEMS)}, not {dtype!r}")
    item, typestr = _ITEMS[dtype]
    if not shape or any(extent < 0 for extent in shape):
        raise ValueError(f"not the shape of an array: {shape!r}")
    kind = _array_type(item, typestr, shape)
    found = info()
    if not found.usable:
        raise RuntimeError(f"no usable GPU ({found.reason})")
    library, size = _runtime(), ctypes.sizeof(kind)
    address = ctypes.c_uint64()
    if status := library.cyl_gpu_allocate(size, ctypes.byref(address)):
        # 2: CUDA_ERROR_OUT_OF_MEMORY
        raise (MemoryError if status == 2 else RuntimeError)(f"GPU: {size} bytes of memory: {_meaning(status)}")
    array = kind.from_address(address.value)
    weakref.finalize(array, library.cyl_gpu_free, address.value)
    return array


def to_device(source: Any) -> Any:
    """A copy of a buffer (a NumPy array, say) that stays on the GPU between calls; see `empty`."""
    view = memoryview(source)
    dtype = view.format.lstrip("@=<") if len(view.format) <= 2 else view.format
    made = empty(view.shape, dtype)
    data = view if view.c_contiguous else memoryview(view.tobytes())
    if view.nbytes:
        memoryview(made).cast("B")[:] = data.cast("B")
    return made


def array(values: Any, dtype: str = "d") -> Any:
    """An array of numbers, or a copy of a buffer, that stays on the GPU; see `empty`."""
    try:
        return to_device(values)
    except TypeError:
        values = list(values)
    made = empty(len(values), dtype)
    for index, value in enumerate(values):
        made[index] = value
    return made


def view(source: Any) -> memoryview:
    """Another library's array on the GPU (CuPy, PyTorch, numba) as a buffer; no copy.

    It needs ``__cuda_array_interface__``, or ``__dlpack__`` (on the host too). Memoryview parameters of
    functions with loops for a GPU take such arrays as they are: this is for all other places. Only loops
    that run on the GPU may touch what lies on it: the host cannot reach it.
    """
    from . import gpu_foreign

    if getattr(source, "__cuda_array_interface__", None) is not None:
        return gpu_foreign.from_interface(source)
    if hasattr(source, "__dlpack__"):
        return gpu_foreign.from_dlpack(source)
    raise TypeError(f"{type(source).__name__!r} has neither __cuda_array_interface__ nor __dlpack__")


if __name__ == "__main__":
    import sys

    from .gpu_tool import main

    sys.exit(main())
