"""Writing to the cache of built modules (`cache` reads it), and keeping it to its size."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from . import cache

_DEFAULT_SIZE = 2 << 30
_BESIDE = ("inline", "lexicon", "lines", "locks", "pch")
_UNUSED_AFTER = 30 * 86400.0  # seconds; who uses a file touches it
_SWEEP_EVERY = 86400.0


def write_atomically(path: str, data: bytes) -> bool:
    """Write a file so that readers see all of it or none; False (and a warning) on failure."""
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
    except OSError as error:
        cache.warn_unwritable(error)
        try:
            os.unlink(temporary)
        except OSError:
            pass
        return False
    return True


def fingerprint(paths: Iterable[str]) -> tuple[tuple[str, int, int, str], ...]:
    """The dependencies' state now, for a manifest; files that are gone are left out.

    A file's time counts only once it is old enough that a later change must show in it.
    """
    found = []
    now = time.time_ns()
    for path in dict.fromkeys(map(os.path.abspath, paths)):
        try:
            with open(path, "rb") as file:
                data = file.read()
            status = os.stat(path)
        except OSError:
            continue
        settled = now - status.st_mtime_ns > 2_000_000_000
        found.append((path, len(data), status.st_mtime_ns if settled else -1, cache.digest_of(data)))
    return tuple(found)


def reserve(key: str) -> str | None:
    """A folder to link an entry into, or None."""
    folder = cache.entry_folder(key)
    if folder is None:
        return None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        cache.warn_unwritable(error)
        return None
    return folder


def store(
    key: str,
    filename: str,
    data: bytes,
    dependencies: tuple[tuple[str, int, int, str], ...] = (),
    absent: Iterable[str] = (),
    place: str = "",
) -> str | None:
    """Put a shared library under a key; its path, or None where that failed."""
    folder = reserve(key)
    if folder is None:
        return None
    digest = cache.digest_of(data)
    path = os.path.join(folder, f"{digest[:16]}-{filename}")
    if not write_atomically(path, data):
        return None
    manifest = cache.Manifest(digest, dependencies, tuple(map(os.path.abspath, absent)), place)
    if not write_atomically(os.path.join(folder, "manifest"), manifest.dump()):
        return None
    if not _has_room(len(data)):
        evict()
    return path


# ---------------------------------------------------------------------------- size


def size_limit() -> int:
    """Bytes that the cache may take: CYTHON_LLVM_CACHE_SIZE ("500M", "2G"), default 2 GiB."""
    text = os.environ.get("CYTHON_LLVM_CACHE_SIZE", "").strip().upper().removesuffix("B").removesuffix("I")
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    factor = units.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    try:
        return int(float(digits) * factor)
    except ValueError:
        return _DEFAULT_SIZE


def _entries(base: str) -> Iterator[tuple[float, int, str]]:
    """(time of last use, bytes, folder) of every entry."""
    modules = os.path.join(base, "modules")
    for prefix in _listdir(modules):
        for name in _listdir(os.path.join(modules, prefix)):
            folder = os.path.join(modules, prefix, name)
            size, used = 0, 0.0
            for file in _listdir(folder):
                try:
                    status = os.stat(os.path.join(folder, file))
                except OSError:
                    continue
                size += status.st_size
                used = max(used, status.st_mtime)
            yield used, size, folder


def _listdir(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


_LOOK_AGAIN = 60.0  # seconds
_BESIDE_AN_ENTRY = 1024  # bytes of a manifest

#: Where, up to when and for how many more bytes it is known that nothing need be evicted.
_room: tuple[str | None, float, int, int] = (None, 0.0, 0, 0)


def _has_room(size: int) -> bool:
    """Whether an entry of this size fits, as far as is known; what others store is looked at now and then."""
    global _room
    base, until, limit, room = _room
    if base is None or base != cache.directory() or limit != size_limit():
        return False
    room -= size + _BESIDE_AN_ENTRY
    _room = (base, until, limit, room)
    return room > 0 and time.monotonic() < until


def evict() -> None:
    """Remove least recently used entries until the rest fits, and old files beside them."""
    global _room
    base = cache.directory()
    if base is None:
        return
    _sweep(base)
    limit = size_limit()
    entries = sorted(_entries(base))
    total = sum(size for _, size, _ in entries)
    _room = (base, time.monotonic() + _LOOK_AGAIN, limit, (limit - total) // 2)
    # The newest entry stays, however small the limit: it is what was asked for just now.
    for _, size, folder in entries[:-1]:
        if total <= limit:
            return
        for file in _listdir(folder):
            try:
                os.unlink(os.path.join(folder, file))
            except OSError:
                pass
        try:
            os.rmdir(folder)
        except OSError:
            pass
        total -= size


def _sweep(base: str) -> None:
    """Once a day, remove what lies beside the entries and was not used for a month."""
    now = time.time()
    marker = os.path.join(base, "swept")
    try:
        if abs(now - os.stat(marker).st_mtime) < _SWEEP_EVERY:
            return
    except OSError:
        pass
    if not write_atomically(marker, b""):
        return
    for name in _BESIDE:
        folder = os.path.join(base, name)
        for file in _listdir(folder):
            path = os.path.join(folder, file)
            try:
                if now - os.stat(path).st_mtime > _UNUSED_AFTER:
                    os.unlink(path)
            except OSError:
                pass
