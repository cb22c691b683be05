"""In place of the `util` module of Cython's benchmarks: as many iterations as fill a hundredth of a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: Seconds of a run.
LEAST = 0.01


def scale_subbenchmarks(timings_by_name: dict[str, float], scale: int) -> dict[str, int]:
    """One iteration of each to begin with, however slow the slowest is."""
    return dict.fromkeys(timings_by_name, 1)


def repeat_to_accuracy(func: Callable[..., float], *args: Any, scale: int = 1, scale_to: int | None = None,
                       **_: Any) -> tuple[list[float], float, float]:  # fmt: skip
    """Times of three runs, each divided by the iterations it made."""
    times = []
    while True:
        seconds = func(*args, scale, time.process_time)
        if seconds >= LEAST or scale >= 1 << 24:
            break
        scale *= 2 if seconds > LEAST / 8 else 8
    times.append(seconds / scale)
    times += [func(*args, scale, time.process_time) / scale for _ in range(2)]
    return times, sum(times) / len(times), 0.0
