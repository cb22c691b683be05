"""Nothing in the cache: compile under the key's lock, load, and write to the cache meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from . import cache, cachelock, compiling, errors
from .loader import Code
from .settings import Settings

#: Seconds by which what was asked for goes before what is kept for later.
_HEAD_START = 0.005

_writers: list[threading.Thread] = []


def fill(path: str, name: str, settings: Settings, key: str, filename: str, *,
         in_place: bool = False, force: bool = False) -> Code:  # fmt: skip
    """Compiled code for the source at ``path``, or what another process has built meanwhile."""
    lock = cachelock.Lock(key)
    lock.__enter__()
    handed_on = False
    try:
        found = None if in_place or force else cache.lookup(key, filename)
        if found is not None:
            return Code(path=found, cached=True, files=cache.files_of.get(found))
        beside = os.path.join(os.path.dirname(path), filename) if in_place else None
        built = compiling.build(path, name, settings, beside)
        files = (built.state, built.unit.absent)
        if built.address:
            store: Callable[[], object] = lambda: compiling.store(built, key, filename)  # noqa: E731
            handed_on = _in_background(store, lock)
            return Code(address=built.address, files=files)
        stored = built.path if in_place else compiling.store(built, key, filename)
        return Code(path=stored or built.path, files=files)
    finally:
        if not handed_on:
            lock.__exit__()


def _in_background(store: Callable[[], object], lock: cachelock.Lock) -> bool:
    """Write to the cache while the module already runs; the lock goes to the writer."""
    if cache.directory() is None:
        return False

    def work() -> None:
        # The starter waits for this thread to begin, and has better use for the interpreter's lock.
        time.sleep(_HEAD_START)
        try:
            store()
        except (errors.CythonLLVMError, OSError):
            pass  # not cached; the module itself is loaded
        finally:
            lock.__exit__()

    # Not a daemon: the interpreter waits for it at its end.
    thread = threading.Thread(target=work, name="cython_llvm-cache")
    _writers[:] = [writer for writer in _writers if writer.is_alive()]
    _writers.append(thread)
    try:
        thread.start()
    except RuntimeError:  # no threads any more: the interpreter is ending
        work()
    return True


def wait_for_cache(seconds: float | None = None) -> None:
    """Wait until everything loaded so far is in the cache, or for so long."""
    end = None if seconds is None else time.monotonic() + seconds
    for writer in list(_writers):
        writer.join(None if end is None else max(0.0, end - time.monotonic()))
