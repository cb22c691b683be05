"""Runs many test files, each in a process forked from a warm one, with a limit on time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import child
from .corpus import Corpus
from .engines import Engine

STATUSES = ("pass", "fail", "crash", "timeout", "skip")


@dataclass(frozen=True)
class Verdict:
    """What became of one test file; ``seconds`` is wall time."""

    file: str
    status: str  # one of STATUSES
    seconds: float
    detail: str = ""  # first failing test, signal, or reason of a skip
    routes: str = ""  # of the modules that were built in the process itself: "tree", "c", "c tree"

    def line(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class _Running:
    name: str
    pid: int
    started: float
    folder: Path


def run(
    corpus: Corpus,
    engine: Engine,
    files: Sequence[str],
    *,
    jobs: int,
    timeout: float,
    on_verdict: Callable[[Verdict], None],
) -> None:
    """Run ``files``; ``timeout`` in seconds of wall time each."""
    engine.activate()
    runtests = child.load_runtests(corpus)
    child.warm_up(corpus, runtests, list(files))
    base = Path(tempfile.mkdtemp(prefix="conformance-"))
    # Below Cython's root, as in Cython's own test runs: depfile tests expect relative paths to it.
    trees = Path(tempfile.mkdtemp(prefix="work-", dir=corpus.runtime))
    queue = iter(files)
    running: list[_Running] = []
    try:
        while True:
            for name in _take(queue, jobs - len(running)):
                folder = (trees if name.endswith(".srctree") else base) / name.replace("/", "-")
                folder.mkdir()
                pid = _fork(corpus, runtests, name, folder)
                running.append(_Running(name, pid, time.monotonic(), folder))
            if not running:
                return
            for task in list(running):
                verdict = _poll(task, timeout)
                if verdict is not None:
                    running.remove(task)
                    shutil.rmtree(task.folder, ignore_errors=True)
                    on_verdict(verdict)
            time.sleep(0.01)
    finally:
        for task in running:
            _kill(task.pid)
        for folder in (base, trees):
            shutil.rmtree(folder, ignore_errors=True)


def _take(queue: Iterator[str], count: int) -> Iterator[str]:
    for _ in range(count):
        name = next(queue, None)
        if name is None:
            return
        yield name


def _fork(corpus: Corpus, runtests: object, name: str, folder: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        child.run_file(corpus, runtests, name, folder / "work", folder / "report")  # type: ignore[arg-type]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _poll(task: _Running, timeout: float) -> Verdict | None:
    pid, status = os.waitpid(task.pid, os.WNOHANG)
    seconds = round(time.monotonic() - task.started, 2)
    if pid == 0:
        if seconds < timeout:
            return None
        _kill(task.pid)
        os.waitpid(task.pid, 0)
        return Verdict(task.name, "timeout", seconds, f"longer than {timeout:.0f} s")
    _kill(task.pid)  # what the test left running
    log = _tail(task.folder / "log")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Verdict(task.name, "crash", seconds, f"{signal.Signals(number).name}\n{log}")
    try:
        report = json.loads((task.folder / "report").read_text())
    except (OSError, ValueError):
        return Verdict(task.name, "fail", seconds, log)
    return _judge(task.name, seconds, report, log)


def _judge(name: str, seconds: float, report: dict, log: str) -> Verdict:
    if report["bad"]:
        test, text = report["bad"][0]
        crashed = any("signal" in text and "crashed" in text.lower() for _, text in report["bad"])
        detail = f"{len(report['bad'])} of {report['run']}: {test}\n{text}"
        return Verdict(name, "crash" if crashed else "fail", seconds, detail, report["routes"])
    if report["run"] == 0:
        return Verdict(name, "skip", seconds, "left out by runtests.py (tags, bugs.txt)")
    if len(report["skipped"]) >= report["run"]:
        return Verdict(name, "skip", seconds, report["skipped"][0])
    return Verdict(name, "pass", seconds, routes=report["routes"])


def _tail(path: Path, count: int = 6000) -> str:
    try:
        return path.read_text(errors="replace")[-count:]
    except OSError:
        return ""
