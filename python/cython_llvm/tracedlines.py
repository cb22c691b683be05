"""Which lines of its sources a module tells tracers of, kept with its code for `coverage`.

Cython's plugin for coverage.py reads that from the generated C.  Where no C file is left, what it looks
for there (comments with the source's lines, and calls that tell of them) goes with the code: in a
section of the library, or in this process for modules that are only in memory.  The plugin
(`coverage`) puts what it has met into the cache's folder too, for reports that are made later.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections import defaultdict

from . import cache, elfsection

SECTION = b".cyl_lines"
#: The folder of the cache's.
FOLDER = "lines"

_CALL = b"__Pyx_TraceLine("
_PLACE = re.compile(rb' */[*] +"(.*)":([0-9]+)$')
_CODE = re.compile(rb" *[*] .* # <<<<<+$")
_END = re.compile(rb" *[*]/$")
_TOLD = re.compile(rb" *__Pyx_TraceLine\(([0-9]+),")

#: Of modules compiled in this process: by the source's path.
_compiled: dict[str, bytes] = {}


def of_c(text: bytes) -> bytes:
    """What of a module's C says which lines are told of; empty where none is."""
    if _CALL not in text:
        return b""
    code: dict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    told: dict[bytes, set[bytes]] = defaultdict(set)
    file = None
    lines = iter(text.splitlines())
    for line in lines:
        place = _PLACE.match(line)
        if place is None:
            call = _TOLD.match(line)
            if call is not None and file is not None:
                told[file].add(call[1])
            continue
        file, number = place.groups()
        for comment in lines:
            if _CODE.match(comment):
                code[file][number] = comment
                break
            if _END.match(comment):
                break
    found = []
    for file, numbers in told.items():
        for number in sorted(numbers, key=int):
            if number in code[file]:
                found += [b'/* "%s":%s' % (file, number), code[file][number], b" */", _CALL + number + b",)"]
    return b"\n".join([*found, b""]) if found else b""


def files(lines: bytes) -> set[str]:
    """The files that lines are of, as Cython names them."""
    return {place[1].decode() for line in lines.splitlines() if (place := _PLACE.match(line))}


def compiled(path: str, lines: bytes) -> None:
    """Note the lines of a module that has just been compiled from ``path``."""
    if lines:
        _compiled[path] = lines
    else:
        _compiled.pop(path, None)


def compiled_from(path: str) -> bytes:
    """The lines of the module that this process has compiled from ``path`` last."""
    return _compiled.get(path, b"")


def with_lines(library: bytes, lines: bytes) -> bytes:
    """The library, which says what its lines are."""
    return elfsection.added(library, SECTION, zlib.compress(lines, 9))


def of_library(path: str) -> bytes:
    """The lines that a library on disk tells of; empty where it says nothing."""
    try:
        with open(path, "rb") as file:
            found = elfsection.read(file, SECTION)
        return zlib.decompress(found) if found else b""
    except (OSError, zlib.error):
        return b""


# ---------------------------------------------------------------------- for reports of other processes


def _kept_path(source: str) -> str | None:
    folder = cache.directory()
    return folder and os.path.join(folder, FOLDER, cache.digest_of(os.fsencode(source)))


def keep(source: str, module: str, lines: bytes) -> None:
    """Keep what module ``module`` (its main source, without a suffix) says of the file ``source``."""
    path = _kept_path(source)
    if path is None:
        return
    from . import cachestore

    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError:
        return
    cachestore.write_atomically(path, zlib.compress(json.dumps([module, lines.decode()]).encode()))


def kept(source: str) -> tuple[float, str, bytes] | None:
    """What was kept of a file, and when: the time, the module, and its lines."""
    path = _kept_path(source)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            module, lines = json.loads(zlib.decompress(file.read()))
            return os.fstat(file.fileno()).st_mtime, module, lines.encode()
    except (OSError, ValueError, zlib.error):
        return None
