"""C variables of a module that keep their values when it is reloaded.

Each version of the code has variables of its own.  What a module says of itself names them, with their
types; those that `__keep__` names are copied from the old code to the new one.
"""

from __future__ import annotations

import ctypes
from typing import Any

from . import live_code

#: Name -> (name in C, type, size in bytes, "" or "object" or "extension").
Variables = dict[str, list[Any]]
Code = tuple[int, str | None]  # address of the init function, path of the library if it is a file


def describe(scope: Any) -> Variables:
    """The C variables that a module declares for itself."""
    found: Variables = {}
    for entry in getattr(scope, "var_entries", ()):
        if not entry.is_cglobal or entry.scope is not scope or entry.visibility == "extern" or not entry.name:
            continue
        kind = entry.type
        size = _size(kind)
        if size:
            held = "" if not kind.is_pyobject else "extension" if kind.is_extension_type else "object"
            found[entry.name] = [entry.cname, str(kind), size, held]
    return found


def _size(kind: Any) -> int:
    """Bytes of a type whose values can be copied; 0 of others."""
    while getattr(kind, "is_typedef", False):
        if kind.typedef_is_external:
            return 0
        kind = kind.typedef_base_type
    if kind.is_pyobject or kind.is_ptr:
        return 8
    if kind.is_array:
        return _size(kind.base_type) * int(kind.size or 0) if isinstance(kind.size, int) else 0
    if kind.is_complex:
        return 2 * _size(kind.real_type)
    if kind.is_enum:
        return 4
    return _SIZES.get(str(kind), 0)


_SIZES = {
    **dict.fromkeys(("char", "signed char", "unsigned char"), 1),
    **dict.fromkeys(("short", "unsigned short"), 2),
    **dict.fromkeys(("int", "unsigned int", "bint", "float"), 4),
    **dict.fromkeys(("long", "unsigned long", "long long", "unsigned long long", "double"), 8),
    **dict.fromkeys(("Py_ssize_t", "size_t", "ptrdiff_t", "Py_hash_t", "ssize_t"), 8),
}  # fmt: skip


def keep(name: str, old: Code, was: Variables, new: Code, now: Variables, replaced: bool) -> str:
    """Give a variable of the new code the value that it has in the old one; "", or why not.

    ``replaced``: classes have become others, and a variable of such a type cannot hold the old object.
    """
    if name not in was:
        return "" if was else "the old code does not say where it is"
    if was[name] != now[name]:
        return f"its type was '{was[name][1]}'"
    cname, _, size, held = now[name]
    if held == "extension" and replaced:
        return "its class has become another"
    source, target = _address(old, cname), _address(new, cname)
    if source is None or target is None:
        return "its address is not known"
    if not held:
        ctypes.memmove(target, source, size)
        return ""
    value, before = _slot(source).value, _slot(target).value
    if value:
        _incref(value)
    _slot(target).value = value
    if before:
        _decref(before)
    return ""


def _slot(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(address)


def _address(code: Code, cname: str) -> int | None:
    address, path = code
    for symbol in (cname, cname + "$"):
        found = live_code.symbol(address, path, symbol)
        if found is not None:
            return found
    return None


_incref, _decref = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef
for _function in (_incref, _decref):
    _function.restype, _function.argtypes = None, [ctypes.c_void_p]
