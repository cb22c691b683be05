"""A section of a library's file that is for tools, and that nothing loads."""

from __future__ import annotations

import struct
from typing import BinaryIO

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_MAGIC = b"\x7fELF\x02\x01"
_PROGBITS = 1


def added(data: bytes, name: bytes, contents: bytes) -> bytes:
    """The file with one more section; itself where it has no table of sections.

    The new names and the new table come last; no place in the file is moved.
    """
    table = _table(data[: _HEADER.size])
    if table is None:
        return data
    offset, count, of_names = table
    sections = [list(one) for one in _SECTION.iter_unpack(data[offset : offset + count * _SECTION.size])]
    names = sections[of_names]
    text = data[names[4] : names[4] + names[5]]
    out = bytearray(data)
    sections.append([len(text), _PROGBITS, 0, 0, len(out), len(contents), 0, 0, 1, 0])
    out += contents
    text += name + b"\0"
    names[4:6] = len(out), len(text)
    out += text
    out += bytes(-len(out) % 8)
    header = list(_HEADER.unpack_from(data))
    header[6], header[12] = len(out), len(sections)
    out[: _HEADER.size] = _HEADER.pack(*header)
    return bytes(out + b"".join(_SECTION.pack(*one) for one in sections))


def read(file: BinaryIO, name: bytes) -> bytes | None:
    """The contents of the section with a name, of a file that may be anything."""
    table = _table(_at(file, 0, _HEADER.size))
    if table is None:
        return None
    offset, count, of_names = table
    data = _at(file, offset, count * _SECTION.size)
    sections = list(_SECTION.iter_unpack(data[: len(data) // _SECTION.size * _SECTION.size]))
    if of_names >= len(sections):
        return None
    names = _at(file, *sections[of_names][4:6])
    for section in sections:
        if names[section[0] :].partition(b"\0")[0] == name:
            return _at(file, *section[4:6])
    return None


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
        return file.read(size)
    except (OverflowError, ValueError):  # no file has such a place
        return b""


def _table(header: bytes) -> tuple[int, int, int] | None:
    """Where the table of sections is, how many there are, and which one has their names."""
    if len(header) < _HEADER.size or not header.startswith(_MAGIC):
        return None
    fields = _HEADER.unpack(header)
    return (fields[6], fields[12], fields[13]) if fields[6] and fields[12] else None
