"""Packed addresses in a library that unpacks them itself.

An address within a library takes 24 bytes of relocations, or a few bits in the packed form (DT_RELR),
which loaders know since glibc 2.36 only.  Libraries of the tree route are linked with the packed form, and
its entries in the dynamic section get numbers that loaders pass over; the function that the import
system calls applies them before anything else (runtime-abi/runtime/file_start.c).  That is only possible
where nothing of the library can run, or be looked at, before.
"""

from __future__ import annotations

import struct

from . import elfsection, elfsymbols

#: For the linker.
ARGUMENTS = ("--pack-dyn-relocs=relr", "-z", "norelro")

_ENTRY = struct.Struct("<qQ")
_RELOCATION = struct.Struct("<QIIq")
_DYNAMIC, _RELA, _DYNSYM = 6, 4, 11
#: SHT_INIT_ARRAY, SHT_FINI_ARRAY, SHT_PREINIT_ARRAY.
_RUN_BY_LOADERS = (14, 15, 16)
_IRELATIVE = 37
#: DT_INIT, DT_FINI: functions that loaders call.
_CALLED = (12, 13)
#: DT_RELRSZ, DT_RELR, DT_RELRENT, and their private numbers.
_PRIVATE = {35: 0x6CC10023, 36: 0x6CC10024, 37: 0x6CC10025}


def with_private_relocations(data: bytes) -> bytes | None:
    """The library with packed addresses that are its own affair; None where something can run before
    its init function, or refer to it from outside."""
    _, sections = elfsection.sections(data)
    dynamic = next((one for one in sections if one.kind == _DYNAMIC), None)
    if dynamic is None or any(one.kind in _RUN_BY_LOADERS for one in sections):
        return None
    for one in sections:
        if one.kind == _RELA and any(info == _IRELATIVE for _, info, _, _ in
                                     _RELOCATION.iter_unpack(data[one.offset : one.offset + one.size])):
            return None  # fmt: skip
        if one.kind == _DYNSYM:
            defined = [name for name, fields in elfsymbols.symbols(data, sections, one) if fields[3]]
            if len(defined) != 1 or not defined[0].startswith(b"PyInit_"):
                return None
    out = bytearray(data)
    for at in range(dynamic.offset, dynamic.offset + dynamic.size, _ENTRY.size):
        tag, value = _ENTRY.unpack_from(data, at)
        if tag in _CALLED:
            return None
        _ENTRY.pack_into(out, at, _PRIVATE.get(tag, tag), value)
    return bytes(out)


def undefined(data: bytes) -> set[bytes]:
    """What a library wants from others."""
    _, sections = elfsection.sections(data)
    return {name for one in sections if one.kind == _DYNSYM
            for name, fields in elfsymbols.symbols(data, sections, one) if not fields[3]}  # fmt: skip
