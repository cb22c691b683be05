"""Arrays of other libraries on the GPU, as buffers: what they tell of themselves, read without a copy.

CuPy, PyTorch and numba describe their arrays by ``__cuda_array_interface__``, or hand out a DLPack capsule.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

#: Formats of `struct` and Cython, by the type strings of the array interface.
FORMATS = {
    "|b1": b"?", "|i1": b"b", "|u1": b"B", "<i2": b"h", "<u2": b"H", "<i4": b"i", "<u4": b"I", "<i8": b"q",
    "<u8": b"Q", "<f4": b"f", "<f8": b"d", "<c8": b"Zf", "<c16": b"Zd",
}  # fmt: skip
#: DLPack's kinds of items, and the devices whose memory a GPU or the host reaches.
_KINDS = {0: "i", 1: "u", 2: "f", 5: "c", 6: "b"}
HOST, GPU, PINNED, MANAGED = 1, 2, 3, 13


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)), ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )  # fmt: skip


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p), ("device", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64),
    )  # fmt: skip


class _ManagedTensor(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


def buffer(address: int, typestr: str, shape: Sequence[int], strides: Sequence[int] | None, readonly: bool,
           owner: Any) -> memoryview:  # fmt: skip
    """A memoryview of memory that an object owns; strides are in bytes, None for C's order."""
    form = FORMATS.get(typestr)
    if form is None:
        raise TypeError(f"items of type {typestr!r} are not supported")
    size = int(typestr[2:])
    dense, step = [0] * len(shape), size
    for dim in reversed(range(len(shape))):
        dense[dim] = step
        step *= shape[dim]
    row = ctypes.c_ssize_t * len(shape)
    made = _Buffer(
        buf=address, obj=None, len=step, itemsize=size, readonly=readonly, ndim=len(shape), format=form,
        shape=row(*shape), strides=row(*(dense if strides is None else strides)),
    )  # fmt: skip
    make = ctypes.pythonapi.PyMemoryView_FromBuffer
    make.restype, make.argtypes = ctypes.py_object, (ctypes.POINTER(_Buffer),)
    view: memoryview = make(ctypes.byref(made))
    # The owner lives as long as the memoryview, which lives as long as a buffer of it is held.
    weakref.finalize(view, lambda owner: None, owner)
    return view


def from_interface(source: Any) -> memoryview:
    """An array with ``__cuda_array_interface__``."""
    interface = source.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise ValueError("arrays with a mask are not supported")
    address, readonly = interface["data"]
    if interface.get("stream") is not None:
        synchronize(interface["stream"])
    return buffer(address or 0, interface["typestr"], interface["shape"], interface.get("strides"),
                  bool(readonly), source)  # fmt: skip


def from_dlpack(source: Any) -> memoryview:
    """An array with ``__dlpack__``, on the GPU or the host."""
    device = source.__dlpack_device__()[0]
    if device not in (HOST, GPU, PINNED, MANAGED):
        raise BufferError(f"DLPack's device {int(device)} is neither an NVIDIA GPU nor the host")
    on_gpu = device in (GPU, MANAGED)
    # What is pending there is done before CUDA's default stream goes on, for which we wait.
    capsule = source.__dlpack__(stream=1) if on_gpu else source.__dlpack__()
    if on_gpu:
        synchronize(1)
    pointer, name = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_SetName
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    name.argtypes = (ctypes.py_object, ctypes.c_char_p)
    address = pointer(capsule, b"dltensor")
    managed = _ManagedTensor.from_address(address)
    tensor = managed.tensor
    kind = _KINDS.get(tensor.code)
    if kind is None or tensor.lanes != 1 or tensor.bits % 8:
        raise TypeError(f"DLPack's items of kind {tensor.code} and {tensor.bits} bits are not supported")
    size = tensor.bits // 8
    typestr = f"{'|' if size == 1 else '<'}{kind}{size}"
    shape = tensor.shape[: tensor.ndim]
    strides = [step * size for step in tensor.strides[: tensor.ndim]] if tensor.strides else None
    owner = _Owner(capsule, address)
    view = buffer((tensor.data or 0) + tensor.byte_offset, typestr, shape, strides, False, owner)
    # It is ours now: its own destructor would delete it.
    name(capsule, _USED)
    owner.taken = True
    return view


_USED = b"used_dltensor"


class _Owner:
    """Deletes a tensor once nothing refers to it."""

    def __init__(self, capsule: Any, address: int) -> None:
        self.capsule, self.address, self.taken = capsule, address, False

    def __del__(self) -> None:
        managed = _ManagedTensor.from_address(self.address)
        if self.taken and managed.deleter:
            ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(managed.deleter)(self.address)


def synchronize(stream: int) -> None:
    """Wait for a stream: our launches wait for nothing of others."""
    from . import gpu

    status = gpu._runtime().cyl_gpu_wait(ctypes.c_void_p(stream))
    if status:
        raise RuntimeError(f"GPU: waiting for the array's stream: {gpu._meaning(status)}")
