"""Static libraries: the common ar format, written without a program.

The symbol index is left out: lld reads the members' own symbol tables.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from . import atomic

_MAGIC = b"!<arch>\n"


def _header(name: str, size: int) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{'644':<8}{size:<10}`\n".encode("ascii")


def _padded(data: bytes) -> bytes:
    return data + b"\n" if len(data) % 2 else data


def archive_bytes(members: Sequence[tuple[str, bytes]]) -> bytes:
    """An archive of (name, contents); long names go to GNU's name table."""
    table = bytearray()
    body = bytearray()
    for name, data in members:
        encoded = name.encode("utf-8", "surrogateescape")
        if len(encoded) < 16 and name.isascii():
            short = name + "/"
        else:
            short = f"/{len(table)}"
            table += encoded + b"/\n"
        body += _header(short, len(data)) + _padded(data)
    names = _header("//", len(table)) + _padded(bytes(table)) if table else b""
    return _MAGIC + names + bytes(body)


def write_archive(path: str, objects: Sequence[str]) -> None:
    """Write the named object files to the archive ``path``.  Raises OSError."""
    members: list[tuple[str, bytes]] = []
    for name in objects:
        with open(name, "rb") as file:
            members.append((os.path.basename(name), file.read()))
    atomic.write_bytes(path, archive_bytes(members))


def symbols(data: bytes) -> frozenset[bytes] | None:
    """What an archive defines, by its index; None where it has none."""
    start = len(_MAGIC) + 60
    if not data.startswith(_MAGIC + b"/ "):
        return None
    (count,) = struct.unpack_from(">I", data, start)
    size = int(data[start - 12 : start - 2])
    return frozenset(data[start + 4 * (count + 1) : start + size].split(b"\0")[:count])
