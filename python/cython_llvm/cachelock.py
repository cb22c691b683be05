"""One build at a time for each key of the cache, across processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from . import cache

_LOCK_TIMEOUT = 600.0  # seconds to wait for another process that builds the same module


class Lock:
    """One process builds a key at a time; others wait, then find the entry.

    Where locks do not work, or the holder takes too long, the caller goes on without.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._file = -1

    def __enter__(self) -> Lock:
        folder = cache.subdirectory("locks")
        if folder is None:
            return self
        try:
            self._file = os.open(
                os.path.join(folder, self._key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError:
            return self
        with contextlib.suppress(OSError):
            os.utime(self._file)  # in use: not for `cachestore` to remove
        deadline = time.monotonic() + _LOCK_TIMEOUT
        pause = 0.002
        while time.monotonic() < deadline:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(pause)
                pause = min(pause * 1.5, 0.1)
            except OSError:
                break
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file >= 0:
            # Closing alone would leave the lock to a process forked in the meantime.
            try:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            except OSError:
                pass
            os.close(self._file)
            self._file = -1
