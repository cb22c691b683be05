"""Compiler directives that Cython does not have.

They are entered into Cython's own tables while this package compiles, so that a ``# cython:``
header, a decorator, ``-X`` and every place that takes directives accept and check them.  Stock
Cython ignores names that it does not know in a header comment, which keeps such files portable; as
decorators they are errors there.

All of them need the tree route.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

DEVICES = ("cpu", "gpu", "auto")
ENVIRONMENT = "CYTHON_LLVM_PRANGE_DEVICE"

_NAMES = ("prange_device", "prange_fallback", "prange_reproducible")
_USE = re.compile(
    r"^[ \t]*#[ \t]*cython[ \t]*:.*?\b(?P<header>prange_device|prange_fallback|prange_reproducible)"
    r"[ \t]*=[ \t]*(?P<value>\w+)"
    r"|\bcython\.(?P<code>prange_device|prange_fallback|prange_reproducible)[ \t]*\([ \t]*['\"]?(?P<arg>\w*)",
    re.MULTILINE,
)


def register() -> None:
    """Enter our directives into Cython's tables; does nothing where that has happened."""
    from Cython.Compiler import Options

    defaults = Options._directive_defaults
    if "prange_device" in defaults:
        return
    defaults.update(prange_device="cpu", prange_fallback=None, prange_reproducible=False)
    Options.directive_types.update(
        prange_device=Options.one_of(*DEVICES), prange_fallback=bool, prange_reproducible=bool
    )


def from_environment() -> dict[str, Any]:
    """The directives that environment variables set.  Raises ValueError for another device."""
    device = os.environ.get(ENVIRONMENT, "").strip().lower()
    if not device:
        return {}
    if device not in DEVICES:
        raise ValueError(f"{ENVIRONMENT} must be one of {', '.join(DEVICES)}, not {device!r}")
    return {"prange_device": device}


def needs_tree_route(source: str, directives: Mapping[str, Any]) -> str | None:
    """What of a source and its directives the C route cannot do, with its line; or None."""
    for found in _USE.finditer(source):
        name, value = found["header"] or found["code"], found["header"] and found["value"] or found["arg"]
        if _asks(name, value):
            line = source.count("\n", 0, found.start()) + 1
            return f"line {line}: directive {name}={value}"
    for name in _NAMES:
        if name in directives and _asks(name, str(directives[name])):
            return f"directive {name}={directives[name]}"
    return None


def _asks(name: str, value: str) -> bool:
    # 'auto' may run on the CPU, and a fallback without a GPU to fall back from says nothing.
    return (name == "prange_device" and value == "gpu") or (
        name == "prange_reproducible" and value.lower() in ("true", "1", "yes", "on")
    )
