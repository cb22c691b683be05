"""child.py LIBRARY SOURCE RESULT [--each | --longer]: runs one module's tests and notes what came of each.

In a process of its own, by the interpreter that is to be asked; needs nothing but the standard
library (and `cython_llvm._cyrt`, which modules of the tree route import).  With ``--each``, growth
is measured test by test instead of for the whole module; with ``--longer``, in more rounds.
"""

from __future__ import annotations

import builtins
import contextlib
import doctest
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import sys
import time
import types
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any

WARM_UP, MEASURED = 2, 5
#: Seconds of a first round after which there are fewer rounds, and none.
SLOW, TOO_SLOW = 4.0, 15.0
#: Rounds with ``--longer``, whatever they take.
LONGER = 10


class Finder(importlib.abc.MetaPathFinder):
    """Finds the one library, as often as it is asked for."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        loader = importlib.machinery.ExtensionFileLoader(name, self.path)
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


class Outcomes:
    """What a run has shown, in a form that does not depend on addresses and folders."""

    def __init__(self, library: str, source: str) -> None:
        self.library, self.source = library, source

    def text(self, text: str) -> str:
        text = text.replace(self.library, "<library>").replace(os.path.dirname(self.library), "<folder>")
        text = re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text)
        # Warnings of CPython's about what the program leaves behind come when they come.
        return text[:20000]

    def exception(self, error: BaseException, depth: int = 3) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "message": self.text(_str(error)),
            "frames": [_frame(code, line)
                       for code, line in _frames(error.__traceback__)
                       if os.path.basename(code.co_filename) != os.path.basename(__file__)],
        }  # fmt: skip
        if depth and error.__cause__ is not None:
            found["cause"] = self.exception(error.__cause__, depth - 1)
        if depth and error.__context__ is not None:
            found["context"] = self.exception(error.__context__, depth - 1)
        if isinstance(error, BaseExceptionGroup) and depth:
            found["group"] = [self.exception(one, depth - 1) for one in error.exceptions]
        return found


def _frame(code: types.CodeType, line: int) -> list[Any]:
    """File, function, line.

    Of Cython's utility code, the last part of the function's name only: a traceback in C has the file
    that a module happens to use first, and the function of the first frame with the same line.
    """
    name = os.path.basename(code.co_filename)
    if name.startswith("<") or name.endswith((".pyx", ".py", ".pxd", ".pxi")):
        return [name, code.co_name, line]
    return ["<utility code>", code.co_name.rpartition(".")[2], line]


def _str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        return f"<{type(failure).__name__}>"


def _frames(tb: types.TracebackType | None) -> Iterator[tuple[types.CodeType, int]]:
    while tb is not None:
        yield tb.tb_frame.f_code, tb.tb_lineno
        tb = tb.tb_next


def run_doctest(test: doctest.DocTest, outcomes: Outcomes) -> list[dict[str, Any]]:
    """Every example's outcome."""
    found = []
    globs = test.globs.copy()
    globs.setdefault("__name__", "__main__")
    for number, example in enumerate(test.examples):
        if example.options.get(doctest.SKIP):
            continue
        out, err, error = io.StringIO(), io.StringIO(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = compile(example.source, f"<{test.name}[{number}]>", "single", dont_inherit=True)
                exec(code, globs)
            except KeyboardInterrupt:
                raise
            except BaseException as one:
                error = outcomes.exception(one)
        found.append({"at": f"{test.name}[{number}]", "source": example.source.strip()[:200],
                      "out": outcomes.text(out.getvalue()), "err": outcomes.text(err.getvalue()),
                      "error": error})  # fmt: skip
    globs.clear()
    return found


class Recorder(unittest.TestResult):
    """Keeps every unit test's outcome."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.outcomes, self.found = outcomes, []

    def _add(self, test: Any, kind: str, error: Any = None) -> None:
        noted = self.outcomes.exception(error[1]) if error else None
        self.found.append({"at": str(test.id()), "out": kind, "error": noted})

    def addSuccess(self, test):
        self._add(test, "ok")

    def addError(self, test, err):
        self._add(test, "error", err)

    addFailure = addError

    def addSkip(self, test, reason):
        self._add(test, f"skipped: {reason}")

    def addExpectedFailure(self, test, err):
        self._add(test, "expected failure", err)

    def addSubTest(self, test, subtest, err):
        if err:
            self._add(subtest, "subtest", err)


def run_unit(suite: Callable[[], Any], outcomes: Outcomes) -> list[dict[str, Any]]:
    recorder = Recorder(outcomes)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        suite().run(recorder)
    return recorder.found


Piece = tuple[str, Callable[[], list[dict[str, Any]]]]


def pieces(module: types.ModuleType, outcomes: Outcomes) -> list[Piece]:
    """The module's tests: name, and a function that runs it."""
    tests = doctest.DocTestFinder(exclude_empty=True).find(module)
    found: list[Piece] = [(test.name, lambda test=test: run_doctest(test, outcomes))
                          for test in sorted(tests, key=lambda test: test.name) if test.examples]  # fmt: skip
    loader = unittest.TestLoader()
    classes = sorted(name for name, one in vars(module).items()
                     if isinstance(one, type) and issubclass(one, unittest.TestCase))  # fmt: skip
    for name in classes:
        found.append((name, lambda name=name: run_unit(
            lambda: loader.loadTestsFromTestCase(getattr(module, name)), outcomes)))  # fmt: skip
    return found


_WELL_KNOWN = (None, True, False, Ellipsis, NotImplemented, (), "", b"", *range(-5, 257),
               *(one for one in vars(builtins).values() if isinstance(one, type)))  # fmt: skip


def measure(module: types.ModuleType) -> list[int]:
    """[references, blocks]: those of the whole interpreter where it counts them, else of a selection."""
    gc.collect()
    total = getattr(sys, "gettotalrefcount", None)
    if total is not None:
        # numpy's own code is not built to count: what it gives away or drops is missing in the total.
        return [0 if "numpy" in sys.modules else total(), sys.getallocatedblocks()]
    own = [one for one in vars(module).values() if callable(one)]
    return [sum(map(sys.getrefcount, (*_WELL_KNOWN, module, *own))), sys.getallocatedblocks()]


def growth(run: Callable[[], Any], module: types.ModuleType, rounds: int) -> list[list[int]]:
    """[references, blocks] gained in each of some rounds."""
    found = [[0, 0] for _ in range(rounds)]
    before = measure(module)
    for index in range(rounds):
        run()
        after = measure(module)
        found[index][0], found[index][1] = after[0] - before[0], after[1] - before[1]
        before[0], before[1] = after[0], after[1]
    return found


def main(library: str, source: str, result: str, *, each: bool, longer: bool) -> None:
    name = os.path.splitext(os.path.basename(source))[0]
    os.chdir(os.path.dirname(source))
    sys.path.insert(0, os.getcwd())
    sys.dont_write_bytecode = True
    warnings.simplefilter("default")
    sys.meta_path.insert(0, Finder(name, library))
    outcomes = Outcomes(library, source)
    data: dict[str, Any] = {"examples": [], "growth": [], "again": []}
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            module = importlib.import_module(name)
    except BaseException as error:
        data["examples"] = [{"at": "import", "out": outcomes.text(out.getvalue()),
                             "error": outcomes.exception(error)}]  # fmt: skip
        write(result, data)
        return
    data["examples"].append({"at": "import", "out": outcomes.text(out.getvalue())})
    data["names"] = sorted(vars(module))
    found = pieces(module, outcomes)
    started = time.monotonic()
    for _, piece in found:
        data["examples"] += piece()
    took = time.monotonic() - started
    write(result, data)  # what follows may fail
    if longer or took < TOO_SLOW and found:
        rounds = LONGER if longer else 3 if took > SLOW else MEASURED
        gc.collect()
        gc.freeze()
        if each:
            for title, piece in found:
                for _ in range(WARM_UP):
                    piece()
                data["growth"].append([title, growth(piece, module, rounds)])
        else:
            def all_of_them() -> None:
                for _, piece in found:
                    piece()

            data["again"] = [one for _, piece in found for one in piece()]
            data["growth"] = growth(all_of_them, module, rounds)
    write(result, data)


def write(result: str, data: dict[str, Any]) -> None:
    with open(result, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(data, file)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3]),
         each="--each" in sys.argv[4:], longer="--longer" in sys.argv[4:])  # fmt: skip
    sys.stdout.flush()
    os._exit(0)
