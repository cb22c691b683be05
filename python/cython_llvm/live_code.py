"""Code of this process, by the address of its init function: where it lies, what it says of itself."""

from __future__ import annotations

import ctypes
from typing import Any

from . import live_info

Place = tuple[int, int, bool]

_libraries: dict[int, Any] = {}  # JitLibrary by the address of its init function


def register(address: int, library: Any) -> None:
    """Note code that the JIT has loaded."""
    _libraries[address] = library


def ranges(address: int) -> list[Place]:
    """(start, size, writable) of the code's sections and of its data."""
    from . import _native

    library = _libraries.get(address)
    return library.ranges() if library is not None else _native.mapped_ranges(address)


def is_jitted(address: int) -> bool:
    """Whether the JIT has loaded the code, so that it can be freed."""
    return address in _libraries


def release(address: int) -> None:
    """Free code that nothing can run any more, and its constants."""
    library = _libraries.pop(address)
    for pointer in _constants(library):
        _decref(pointer)
    library.release()


_decref = ctypes.pythonapi.Py_DecRef
_decref.restype, _decref.argtypes = None, [ctypes.c_void_p]


def _constants(library: Any) -> list[int]:
    """Addresses of the constant objects that code holds; where it was compiled by parts it says."""
    from . import _native

    try:
        places, count = library.address("objects$"), library.address("objects.count$")
    except _native.NativeError:
        return []
    length = ctypes.c_int64.from_address(count).value
    return [one for one in (ctypes.c_void_p * length).from_address(places) if one]


def inside(address: int, places: list[Place]) -> bool:
    return any(start <= address < start + size for start, size, _ in places)


def description(address: int, path: str | None) -> live_info.Description:
    """What the code says of itself; ``path``: of the library, where the system has loaded it."""
    found = symbol(address, path, live_info.SYMBOL)
    return live_info.parse(ctypes.string_at(found) if found is not None else None)


def symbol(address: int, path: str | None, name: str) -> int | None:
    """Where something with a name lies in code."""
    from . import _native

    library = _libraries.get(address)
    if library is not None:
        try:
            found: int = library.address(name)
            return found
        except _native.NativeError:
            return None
    if path is None:
        return None
    try:
        return ctypes.addressof(ctypes.c_char.in_dll(ctypes.PyDLL(path), name))
    except (OSError, ValueError):
        return None
