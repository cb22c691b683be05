"""A precompiled header for what every C file of Cython's starts with, up to ``Python.h``.

Parsing Python.h takes clang some 80 ms.  The header is made once per set of flags, in the
background, and kept in the cache directory.  Losing it costs time only.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import sys
import threading
from collections.abc import Sequence

_PYTHON_H = re.compile(rb'^#include "Python\.h"$', re.MULTILINE)
_INCLUDE = re.compile(rb"^\s*#\s*include\b", re.MULTILINE)

#: The name that precompiled text goes by; no such file exists.
HEADER_NAME = "cython_prefix.h"

_lock = threading.Lock()
_building: dict[str, threading.Thread] = {}


def prefix_of(text: bytes) -> bytes | None:
    """The text's start up to and including Python.h; None where something comes before it."""
    found = _PYTHON_H.search(text, 0, 8192)
    if found is None or _INCLUDE.search(text, 0, found.start()):
        return None
    return text[: found.end()] + b"\n"


def _key(prefix: bytes, language: str, args: Sequence[str]) -> str:
    from . import toolchain, toolchain_id

    include = toolchain.python_include()
    digest = hashlib.blake2b(digest_size=16)
    parts: list[object] = [toolchain_id(), sys.version, include, language, prefix, *args]
    for name in ("Python.h", "pyconfig.h", "patchlevel.h"):
        try:
            status = os.stat(os.path.join(include, name))
        except OSError:
            continue
        parts += [status.st_size, status.st_mtime_ns]
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


# Flags that change what a diagnostic looks like, not how Python.h is read.
_IRRELEVANT = re.compile(r"-W.*|-w|-fsyntax-only")


def for_source(text: bytes, language: str, args: Sequence[str]) -> str | None:
    """Path of a precompiled header that fits, or None.  A missing one is started to be made."""
    from . import cache

    prefix = prefix_of(text)
    folder = cache.subdirectory("pch") if prefix is not None else None
    if prefix is None or folder is None:
        return None
    flags = [arg for arg in args if not _IRRELEVANT.fullmatch(arg)]
    path = os.path.join(folder, f"{_key(prefix, language, flags)}.pch")
    if os.path.exists(path):
        cache.touch(path)
        return path
    _start_build(prefix, language, flags, path)
    return None


def _start_build(prefix: bytes, language: str, flags: list[str], path: str) -> None:
    with _lock:
        if path in _building:
            return
        thread = threading.Thread(
            target=_build, args=(prefix, language, flags, path), name="cython_llvm-pch", daemon=True
        )
        _building[path] = thread
        if len(_building) == 1:
            atexit.register(wait)
    thread.start()


def _build(prefix: bytes, language: str, flags: list[str], path: str) -> None:
    from . import _native

    try:
        _native.build_pch(prefix, HEADER_NAME, language, [*flags, "-w"], path)
    except (_native.NativeError, OSError):
        pass  # the next process tries again; nothing depends on it


def wait() -> None:
    """Wait for headers that are being made."""
    for thread in list(_building.values()):
        thread.join()


def discard(path: str) -> None:
    """Forget a header that did not work."""
    try:
        os.unlink(path)
    except OSError:
        pass
