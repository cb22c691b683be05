"""What a module allows with floating-point results, by its C flags and its directives.

`exact`: each operation is rounded by itself, as in Cython's default build.  `contract`: a product may be
added unrounded.  `fast`: sums and products in any order, by reciprocals and approximations, with no regard
to the sign of zero; NaN and infinities keep their meaning, which gcc's -ffast-math does not promise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: The flags of gcc and clang that are heeded here, or ask for less care than is taken.
FLAGS = re.compile(
    r"-f(?:no-)?(?:fast-math|unsafe-math-optimizations|finite-math-only|math-errno|trapping-math|signed-zeros)"
    r"|-ffp-contract=(?:fast|on|off)"
)

_FOR_CLANG = {
    "exact": (),
    "contract": ("-ffp-contract=fast",),
    "fast": ("-ffast-math", "-fno-finite-math-only", "-ffp-contract=fast"),
}


def of_flags(args: Sequence[str]) -> str:
    """What the flags of a C compiler allow; the last of several counts."""
    fast = contract = False
    for flag in args:
        if flag in ("-ffast-math", "-funsafe-math-optimizations"):
            fast = True
        elif flag in ("-fno-fast-math", "-fno-unsafe-math-optimizations"):
            fast = False
        elif flag.startswith("-ffp-contract="):
            # `on` is within an expression, which gcc 12 takes for `off`.
            contract = flag.endswith("=fast")
    return "fast" if fast else "contract" if contract else "exact"


def of_directives(directives: Mapping[str, Any]) -> str:
    """What the directives of a whole module allow."""
    return "fast" if directives.get("fastmath") else "contract" if directives.get("fp_contract") else "exact"


def clang_flags(directives: Mapping[str, Any]) -> tuple[str, ...]:
    """Flags for clang that mean the same as a module's directives."""
    return _FOR_CLANG[of_directives(directives)]
