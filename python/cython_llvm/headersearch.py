"""Which new files would change what an ``#include`` means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence


def shadowing(flags: Sequence[str], source_folder: str, headers: Iterable[str]) -> list[str]:
    """Where a new file would be read instead of a header that was: none of these is there now.

    ``flags``: clang's, whose ``-I`` are looked through after ``source_folder``, in order.
    """
    folders = [os.path.abspath(flag[2:]) for flag in flags if flag.startswith("-I") and flag[2:]]
    folders.insert(0, source_folder)
    found: dict[str, None] = {}
    for header in map(os.path.abspath, headers):
        for position, folder in enumerate(folders):
            if header.startswith(folder + os.sep):
                rest = header[len(folder) + 1 :]
                found.update(dict.fromkeys(os.path.join(f, rest) for f in folders[:position]))
    return [path for path in found if not os.path.exists(path)]
