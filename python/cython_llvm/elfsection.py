"""Sections of a 64-bit ELF file, and one more of them that is for tools: nothing loads it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_MAGIC = b"\x7fELF\x02\x01"
_PROGBITS = 1


@dataclass(eq=False)
class Section:
    """An entry of the table of sections."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    item: int

    def packed(self) -> bytes:
        return _SECTION.pack(self.name, self.kind, self.flags, self.address, self.offset, self.size,
                             self.link, self.info, self.align, self.item)  # fmt: skip


def sections(data: bytes) -> tuple[int, list[Section]]:
    """Where the table of sections is, and what it says; nothing for what is no 64-bit ELF file."""
    if len(data) < HEADER.size or not data.startswith(_MAGIC):
        return 0, []
    header = HEADER.unpack_from(data)
    offset, count = header[6], header[12]
    return offset, [Section(*_SECTION.unpack_from(data, offset + at * _SECTION.size)) for at in range(count)]


def added(data: bytes, name: bytes, contents: bytes) -> bytes:
    """The file with one more section; itself where it has no table of sections.

    The new names and the new table come last; no place in the file is moved.
    """
    _, parts = sections(data)
    if not parts:
        return data
    header = list(HEADER.unpack_from(data))
    names = parts[header[13]]
    text = data[names.offset : names.offset + names.size]
    out = bytearray(data)
    parts.append(Section(len(text), _PROGBITS, 0, 0, len(out), len(contents), 0, 0, 1, 0))
    out += contents
    text += name + b"\0"
    names.offset, names.size = len(out), len(text)
    out += text
    out += bytes(-len(out) % 8)
    header[6], header[12] = len(out), len(parts)
    out[: HEADER.size] = HEADER.pack(*header)
    return bytes(out + b"".join(part.packed() for part in parts))


def read(file: BinaryIO, name: bytes) -> bytes | None:
    """The contents of the section with a name, of a file that may be anything."""
    table = _table(_at(file, 0, HEADER.size))
    if table is None:
        return None
    offset, count, of_names = table
    data = _at(file, offset, count * _SECTION.size)
    parts = list(_SECTION.iter_unpack(data[: len(data) // _SECTION.size * _SECTION.size]))
    if of_names >= len(parts):
        return None
    names = _at(file, *parts[of_names][4:6])
    for section in parts:
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
    if len(header) < HEADER.size or not header.startswith(_MAGIC):
        return None
    fields = HEADER.unpack(header)
    return (fields[6], fields[12], fields[13]) if fields[6] and fields[12] else None
