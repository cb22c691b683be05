"""Temporary folders of a compilation, and one error for where there is no place for them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from . import errors

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


@contextmanager
def folder() -> Iterator[str]:
    """A folder for the time of a `with`; raises `errors.CompileError` where none can be made."""
    path = make()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def make(prefix: str = "cython_llvm-") -> str:
    """A private folder that the caller removes; raises `errors.CompileError`."""
    try:
        return tempfile.mkdtemp(prefix=prefix)
    except OSError as error:
        raise refused(error) from error


def is_full(error: BaseException) -> bool:
    """Whether a disk's state, and nothing in the source, is the reason."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def refused(error: OSError) -> errors.CompileError:
    """What to raise where a temporary folder cannot be made or written."""
    told = error.strerror or str(error)
    if error.filename is not None:
        told += f": '{os.fspath(error.filename)}'"
    return errors.CompileError(
        "a compilation needs a temporary folder, and none can be written "
        f"({told}); TMPDIR names one with space in it", code="CYL1207",
    )  # fmt: skip


def log_file() -> IO[Any]:
    """A nameless file; in memory where there is no place on a disk."""
    try:
        return tempfile.TemporaryFile(prefix="cython_llvm-")
    except OSError:
        return os.fdopen(os.memfd_create("cython_llvm-log"), "w+b")
