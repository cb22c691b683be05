"""What the command line shows while several files compile."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Progress:
    """One updating line on a terminal, cleared at the end; one line for each file elsewhere.

    Messages (errors, mostly) are printed above the updating line, whole.
    """

    def __init__(
        self, total: int, out: TextIO | None = None, err: TextIO | None = None, quiet: bool = False
    ) -> None:
        self.total = total
        self.finished = 0
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err
        self._live = bool(getattr(self._err, "isatty", lambda: False)()) and not _dumb()
        self._quiet = quiet
        self._running: list[str] = []
        self._shown = 0

    def start(self, name: str) -> None:
        """A file's compilation began."""
        self._running.append(name)
        self._draw()

    def message(self, text: str) -> None:
        """Print text for the user to standard error; an empty text prints nothing."""
        if text:
            self._clear()
            self._err.write(text if text.endswith("\n") else text + "\n")
            self._err.flush()
            self._draw()

    @contextlib.contextmanager
    def giving_way(self) -> Iterator[None]:
        """While this lasts, what is written to `sys.stderr` clears the updating line first."""
        if not self._live:
            yield
            return
        with contextlib.redirect_stderr(_Above(self, self._err)):  # type: ignore[type-var]
            yield

    def done(self, name: str, result: str | None, seconds: float) -> None:
        """A file's compilation ended; ``result`` is what was written, None on failure."""
        self.finished += 1
        if name in self._running:
            self._running.remove(name)
        if result is not None and not self._live and not self._quiet:
            self._out.write(f"{name} -> {result} ({seconds:.1f} s)\n")
            self._out.flush()
        self._draw()

    def close(self) -> None:
        """Clear the updating line."""
        self._clear()

    def _draw(self) -> None:
        if not self._live or self._quiet:
            return
        width = shutil.get_terminal_size().columns - 1
        current = os.path.basename(self._running[0]) if self._running else ""
        more = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
        text = f"[{self.finished}/{self.total}] {current}{more}"[:width]
        self._err.write("\r" + text + " " * max(0, self._shown - len(text)))
        self._err.flush()
        self._shown = len(text)

    def _clear(self) -> None:
        if self._live and self._shown:
            self._err.write("\r" + " " * self._shown + "\r")
            self._err.flush()
            self._shown = 0


class _Above:
    """Standard error, written where the updating line is not."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self._progress = progress
        self._stream = stream

    def write(self, text: str) -> int:
        self._progress._clear()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _dumb() -> bool:
    return os.environ.get("TERM", "") == "dumb"
