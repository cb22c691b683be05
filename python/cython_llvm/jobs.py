"""Running one function over several items, each in a forked process of its own.

A fork starts with Cython's tables as warm as the parent's, and a crash takes one file with it
and no more.  What a process writes to its standard streams is collected and handed over whole.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from . import scratch


@dataclass
class Finished:
    """How one item went: ``value`` is what the function returned unless ``failure`` is set."""

    index: int
    value: Any
    output: str  # what the process wrote to standard output and error
    failure: str | None  # a traceback, or how the process died


@dataclass
class _Child:
    index: int
    pid: int
    pipe: int
    log: IO[Any]
    data: bytearray


def default_jobs() -> int:
    """The number of CPUs that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _run_child(function: Callable[[Any], Any], item: Any, pipe: int, log: IO[Any]) -> None:
    """The child's life; never returns."""
    status = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        try:
            answer = (function(item), None)
        except BaseException:
            answer = (None, traceback.format_exc())
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        with open(pipe, "wb") as out:
            pickle.dump(answer, out)
        status = 0
    finally:
        os._exit(status)


def _start(function: Callable[[Any], Any], item: Any, index: int) -> _Child:
    log = scratch.log_file()
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _run_child(function, item, write_end, log)
    os.close(write_end)
    return _Child(index, pid, read_end, log, bytearray())


def _finish(child: _Child) -> Finished:
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    child.log.seek(0)
    output = child.log.read().decode("utf-8", "backslashreplace")
    child.log.close()
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        value, failure = pickle.loads(bytes(child.data))
        return Finished(child.index, value, output, failure)
    if code < 0:
        try:
            how = f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            how = f"was ended by signal {-code}"
    else:
        how = f"exited with status {code}"
    return Finished(child.index, None, output, f"the process that compiled it {how}")


def run_forked(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int,
    on_start: Callable[[int], None],
    on_finish: Callable[[Finished], None],
) -> None:
    """Call ``function`` on every item, ``jobs`` at a time.

    ``on_start`` and ``on_finish`` are called in this process, the latter as items finish.
    KeyboardInterrupt ends the children and is raised again.
    """
    waiting = list(enumerate(items))[::-1]
    running: dict[int, _Child] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < max(1, jobs):
                    index, item = waiting.pop()
                    on_start(index)
                    child = _start(function, item, index)
                    running[child.pipe] = child
                    selector.register(child.pipe, selectors.EVENT_READ)
                for key, _ in selector.select():
                    child = running[key.fd]
                    data = os.read(child.pipe, 1 << 16)
                    if data:
                        child.data += data
                        continue
                    selector.unregister(child.pipe)
                    del running[child.pipe]
                    on_finish(_finish(child))
        except BaseException:
            for child in running.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)
            for child in running.values():
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)
                os.close(child.pipe)
            raise
