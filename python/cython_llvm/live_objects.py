"""The runtime library's functions for objects that keep their identity through a reload."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from . import runtimelib

_OBJECT = ctypes.py_object
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "cyl_live_function": (ctypes.c_int, [_OBJECT, _OBJECT]),
    "cyl_live_is_function": (ctypes.c_int, [_OBJECT]),
    "cyl_live_set_class": (None, [_OBJECT, _OBJECT, _OBJECT]),
    "cyl_live_replace_in_tuple": (None, [_OBJECT, _OBJECT, _OBJECT]),
    "cyl_live_vtable_of": (ctypes.c_void_p, [_OBJECT]),
    "cyl_live_same_layout": (ctypes.c_int, [_OBJECT, _OBJECT]),
    "cyl_live_type": (_OBJECT, [_OBJECT, _OBJECT, ctypes.c_ssize_t]),
    "cyl_live_type_restore": (ctypes.c_int, [_OBJECT]),
    "cyl_live_type_before": (_OBJECT, [_OBJECT]),
    "cyl_live_type_dict": (_OBJECT, [_OBJECT]),
    "cyl_live_type_modified": (None, [_OBJECT]),
    "cyl_live_type_discard": (None, [_OBJECT]),
    "cyl_live_type_free": (ctypes.c_int, [ctypes.c_void_p]),
    "cyl_live_mark_used": (ctypes.c_int, [_OBJECT, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p]),
    "cyl_live_watch": (ctypes.c_int, [_OBJECT, _OBJECT]),
    "cyl_live_unwatch": (None, [_OBJECT]),
}


class Functions:
    """``cyl_live_*`` of the runtime library, without the prefix."""

    def __init__(self, library: ctypes.PyDLL) -> None:
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("cyl_live_"), function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@lru_cache(maxsize=1)
def functions() -> Functions | None:
    """None where the runtime library is not for the Cython that is installed."""
    if runtimelib.available() is None:
        return None
    import cython_llvm._cyrt  # noqa: F401  # its state holds the types that functions have

    return Functions(ctypes.PyDLL(runtimelib.path()))


_capsule_name = ctypes.pythonapi.PyCapsule_GetName
_capsule_name.restype, _capsule_name.argtypes = ctypes.c_char_p, [_OBJECT]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype, _capsule_pointer.argtypes = ctypes.c_void_p, [_OBJECT, ctypes.c_char_p]


def capsule(one: Any) -> tuple[str, int]:
    """The signature and the address that an entry of ``__pyx_capi__`` holds."""
    name = _capsule_name(one)
    return (name or b"").decode(), _capsule_pointer(one, name) or 0
