"""Where ours is meant to do other than stock: case -> (why, what ours does)."""

from __future__ import annotations

DIFFERENT: dict[str, tuple[str, dict[str, str]]] = {}
