"""Verdicts on disk: one JSON line a file, in a folder that git ignores; the last line counts."""

from __future__ import annotations

import json
from pathlib import Path

from .engines import Engine
from .runner import Verdict


class Writer:
    """Appends verdicts as they come, so that an interrupted run loses nothing."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{engine.name}.jsonl"
        self._key = engine.key

    def add(self, verdict: Verdict) -> None:
        data = {**json.loads(verdict.line()), "key": self._key}
        with self._path.open("a") as file:
            file.write(json.dumps(data) + "\n")


def load(folder: Path, engine: str, key: str | None = None) -> dict[str, Verdict]:
    """The latest verdict for each file; only those of ``key`` where it is given."""
    found: dict[str, Verdict] = {}
    try:
        lines = (folder / f"{engine}.jsonl").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            data = json.loads(line)
            made_with = data.pop("key")
            verdict = Verdict(**data)
        except (ValueError, KeyError, TypeError):
            continue  # an interrupted write
        if key is None or made_with == key:
            found[verdict.file] = verdict
    return found
