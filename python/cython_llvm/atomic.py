"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator


def current_umask() -> int:
    """The process's umask: read where Linux shows it, elsewhere set and put back."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_writable(path: str) -> None:
    """Raise the OSError that writing ``path`` would end in, before any work is done."""
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        code = errno.ENOTDIR if os.path.exists(directory) else errno.ENOENT
        raise OSError(code, f"{os.strerror(code)}: {directory}", path)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
    if os.path.isdir(path):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)


@contextlib.contextmanager
def replacing(path: str, mode: int = 0o666) -> Iterator[str]:
    """A temporary name beside ``path``, renamed onto it on success and removed on failure.

    ``mode`` is the permission bits before the umask: 0o777 for what is executed or loaded.
    Raises OSError as open() would.
    """
    path = os.path.realpath(path)  # through a symbolic link, as a compiler writes
    if os.path.exists(path) and not os.path.isfile(path):
        yield path  # a device or a pipe: there is nothing to rename onto
        return
    directory, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{name[:60]}.", suffix=".tmp", dir=directory)
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, mode & ~current_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_bytes(path: str, data: bytes, mode: int = 0o666) -> None:
    """Write ``data`` to ``path`` so that no reader sees a part of it.  Raises OSError."""
    with replacing(path, mode) as temporary, open(temporary, "wb") as file:
        file.write(data)
