"""The symbol table of a linked library, reduced to the functions of given objects.

A library of the tree route has hundreds of the run-time library's functions; debuggers and profilers
are to see the names of the user's.  Only what nothing loads at run time is rewritten: .symtab and
.strtab, which linkers put at the end of a file, and the table of sections.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .elfsection import HEADER, Section, sections

_SYMBOL = struct.Struct("<IBBHQQ")
_PROGBITS, _SYMTAB, _NOBITS, _DYNSYM = 1, 2, 8, 11
_FUNCTION = 2
_ALLOCATED = 2
#: SHF_WRITE, SHF_EXECINSTR.
_NOT_CONSTANT = 1 | 4
#: SHF_INFO_LINK.
_INFO_LINK = 0x40
#: How the run-time library calls the sections that it walks through.
_RUNTIME = b"cyl_"


def symbols(data: bytes, parts: list[Section], table: Section) -> Iterator[tuple[bytes, list[int]]]:
    names = parts[table.link]
    for at in range(table.offset, table.offset + table.size, _SYMBOL.size):
        fields = list(_SYMBOL.unpack_from(data, at))
        start = names.offset + fields[0]
        yield data[start : data.index(b"\0", start)], fields


def functions(data: bytes) -> set[bytes]:
    """Names of the functions that an object defines."""
    _, parts = sections(data)
    return {name for table in parts if table.kind == _SYMTAB
            for name, fields in symbols(data, parts, table)
            if fields[1] & 15 == _FUNCTION and fields[3]}  # fmt: skip


def undefined(data: bytes) -> set[bytes]:
    """What a library wants from others."""
    _, parts = sections(data)
    return {name for one in parts if one.kind == _DYNSYM
            for name, fields in symbols(data, parts, one) if not fields[3]}  # fmt: skip


def _joined(data: bytes, parts: list[Section], names: Section) -> list[Section]:
    """The sections, of which those of the run-time library that follow constants are entered as a part of
    these: once it is linked, the library knows them by their addresses."""
    kept: list[Section] = []
    for one in parts:
        last = kept[-1] if kept else one
        constants = all(part.kind == _PROGBITS and part.flags & (_ALLOCATED | _NOT_CONSTANT) == _ALLOCATED
                        for part in (last, one))  # fmt: skip
        if constants and data.startswith(_RUNTIME, names.offset + one.name) and one.offset >= last.offset:
            last.size = one.offset + one.size - last.offset
            # Nobody is to merge its items.
            last.flags, last.item = _ALLOCATED, 0
        else:
            kept.append(one)
    return kept


def reduced(data: bytes, keep: set[bytes]) -> bytes:
    """The library with no other symbols in .symtab than these functions, without the names of the programs
    that made it, and with the run-time library's sections as a part of others; itself where it has no
    symbols, or is laid out in another way."""
    _, parts = sections(data)
    table = next((one for one in parts if one.kind == _SYMTAB), None)
    if table is None:
        return data
    header = list(HEADER.unpack_from(data))
    tail = [one for one in parts[1:] if not one.flags & _ALLOCATED]
    start = min(one.offset for one in tail)
    loaded = parts[: len(parts) - len(tail)]
    if parts[len(loaded) :] != tail or any(
        one.offset + one.size > start for one in loaded if one.kind != _NOBITS
    ):
        return data
    strings, names = parts[header[13]], parts[table.link]
    comment = data.find(b".comment\0", strings.offset, strings.offset + strings.size) - strings.offset
    tail = [one for one in tail if one.name != comment]
    found = sorted(symbols(data, parts, table), key=lambda one: one[1][1] >> 4)
    before, parts = parts, [*_joined(data, loaded, strings), *tail]
    place = {at: parts.index(one) for at, one in enumerate(before) if one in parts}
    for one in parts:
        one.link = place.get(one.link, 0)
        one.info = place.get(one.info, 0) if one.flags & _INFO_LINK else one.info
    kept = [[0, 0, 0, 0, 0, 0]]
    text = bytearray(1)
    for name, fields in found:
        if name in keep and fields[1] & 15 == _FUNCTION:
            kept.append([len(text), *fields[1:3], place.get(fields[3], fields[3]), *fields[4:]])
            text += name + b"\0"
    contents = {id(one): data[one.offset : one.offset + one.size] for one in tail}
    contents[id(table)] = b"".join(_SYMBOL.pack(*fields) for fields in kept)
    contents[id(names)] = bytes(text)
    table.info = sum(not fields[1] >> 4 for fields in kept)
    out = bytearray(data[:start])
    for one in tail:
        out += bytes(-len(out) % max(one.align, 1))
        one.offset, one.size = len(out), len(contents[id(one)])
        out += contents[id(one)]
    out += bytes(-len(out) % 8)
    header[6], header[12], header[13] = len(out), len(parts), parts.index(strings)
    out[: HEADER.size] = HEADER.pack(*header)
    return bytes(out + b"".join(one.packed() for one in parts))
