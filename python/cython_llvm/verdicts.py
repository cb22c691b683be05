"""What earlier attempts at the tree route found, on disk: a module that lacks something is not tried again.

An entry of the cache like a built module, with the same key and the same manifest of files read: it
counts while source, settings, versions and those files are what they were.
"""

from __future__ import annotations

import json

from . import cache, cachestore
from .routes import Choice
from .settings import Settings

_FILENAME = "route.json"


def key(path: str, source: bytes, name: str, settings: Settings, place: str = "") -> str:
    """The key of a module's verdict."""
    return cache.key("route", source, path, name, settings.identity(), place)


def known(key: str) -> tuple[str, ...]:
    """Why the module cannot take the tree route, where that is known; else nothing."""
    path = cache.lookup(key, _FILENAME)
    if path is None:
        return ()
    try:
        with open(path, encoding="utf-8") as file:
            reasons = json.load(file)
    except (OSError, ValueError):
        return ()
    return tuple(map(str, reasons)) if isinstance(reasons, list) else ()


def remember(key: str, choice: Choice, dependencies: tuple[str, ...],
             absent: tuple[str, ...] = (), place: str = "") -> None:  # fmt: skip
    """Note what keeps a module off the tree route, and the files that it read besides its source."""
    data = json.dumps(list(choice.reasons)).encode()
    state = cachestore.fingerprint((*dependencies, *choice.headers))
    cachestore.store(key, _FILENAME, data, state, absent, place)
