"""Compiler directives that Cython does not have.

They are entered into Cython's own tables while this package compiles, so that a ``# cython:``
header, a decorator, ``-X`` and every place that takes directives accept and check them.  Stock
Cython ignores names that it does not know in a header comment, which keeps such files portable; as
decorators they are errors there.

Those of prange need the tree route; so do those of floating-point operations, unless they are a module's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

DEVICES = ("cpu", "gpu", "auto")
ENVIRONMENT = "CYTHON_LLVM_PRANGE_DEVICE"

_NAMES = ("prange_device", "prange_fallback", "prange_reproducible", "fp_contract", "fastmath")
#: By the C route these hold for a whole module.
_OF_MODULES = ("fp_contract", "fastmath")
_USE = re.compile(
    rf"^[ \t]*#[ \t]*cython[ \t]*:.*?\b(?P<header>{'|'.join(_NAMES)})[ \t]*=[ \t]*(?P<value>\w+)"
    rf"|\bcython\.(?P<code>{'|'.join(_NAMES)})\b(?:[ \t]*\([ \t]*['\"]?(?P<arg>\w*))?",
    re.MULTILINE,
)


def register() -> None:
    """Enter our directives into Cython's tables; does nothing where that has happened."""
    from Cython.Compiler import Options

    defaults = Options._directive_defaults
    if "prange_device" in defaults:
        return
    defaults.update(prange_device="cpu", prange_fallback=None, prange_reproducible=False,
                    fp_contract=False, fastmath=False)  # fmt: skip
    Options.directive_types.update(prange_device=Options.one_of(*DEVICES), prange_fallback=bool,
                                   prange_reproducible=bool, fp_contract=bool, fastmath=bool)  # fmt: skip
    # Code is generated for a function as a whole.
    Options.directive_scopes.update(dict.fromkeys(_OF_MODULES, ("module", "class", "cclass", "function")))


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
        name = found["header"] or found["code"]
        value = found["value"] if found["header"] else found["arg"] or "True"
        if _asks(name, value) and not (found["header"] and name in _OF_MODULES):
            line = source.count("\n", 0, found.start()) + 1
            return f"line {line}: directive {name}={value}"
    for name in _NAMES:
        if name in directives and name not in _OF_MODULES and _asks(name, str(directives[name])):
            return f"directive {name}={directives[name]}"
    return None


def _asks(name: str, value: str) -> bool:
    # 'auto' may run on the CPU, and a fallback without a GPU to fall back from says nothing.
    if name == "prange_device":
        return value == "gpu"
    return name != "prange_fallback" and value.lower() in ("true", "1", "yes", "on")
