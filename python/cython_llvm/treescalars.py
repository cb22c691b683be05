"""JSON of scalars in exported trees: see docs/tree-schema.md, "Values"."""

from __future__ import annotations

import math
from json.encoder import encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

_BIG = 1 << 62


def scalar(value: Any) -> str:
    """A scalar in JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, int):
        return integer(int(value))  # an IntEnum prints otherwise
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else f'{{"f":"{float(value)!r}"}}'
    if isinstance(value, complex):
        return f'{{"c":["{value.real!r}","{value.imag!r}"]}}'
    text: str = encode_basestring_ascii(value.decode("latin-1"))
    encoding = getattr(value, "encoding", None)
    if encoding:
        return f'{{"b":{text},"enc":{encode_basestring_ascii(encoding)}}}'
    return f'{{"b":{text}}}'


def string(value: str) -> str:
    text: str = encode_basestring_ascii(value)
    if "\\ud" in text:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return f'{{"w":"{value.encode("utf-8", "surrogatepass").hex()}"}}'
    return text


def integer(value: int) -> str:
    if -_BIG < value < _BIG:
        return str(value)
    # Decimal, in pieces: CPython refuses to print more than 4300 digits at once.
    return f'{{"i":"{decimal(value)}"}}'


def decimal(value: int) -> str:
    """``str(value)`` for an integer of any size."""
    if value < 0:
        return "-" + decimal(-value)
    base = 10**4000
    pieces: list[str] = []
    while value >= base:
        value, rest = divmod(value, base)
        pieces.append(f"{rest:04000d}")
    pieces.append(str(value))
    return "".join(reversed(pieces))
