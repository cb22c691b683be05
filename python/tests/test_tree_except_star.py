"""`except*` by the tree route, beside the C route."""

from __future__ import annotations

import gc
import sys
import traceback
from typing import Any

import pytest

from conftest import Both

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")

SOURCE = """
def handled(exception, log):
    try:
        if exception is not None:
            raise exception
    except* ValueError as group:
        log.append(("value", group.exceptions))
    except* (TypeError, KeyError):
        log.append("type or key")
    else:
        log.append("else")
    finally:
        log.append("finally")
    return log

def raising(exception, log):
    try:
        raise exception
    except* ValueError as group:
        log.append(len(group.exceptions))
        raise LookupError("from value")
    except* TypeError:
        log.append("type")
        raise

def nested(exception, log):
    try:
        try:
            raise exception
        except* ValueError:
            log.append("inner")
        log.append("after")
    except ExceptionGroup as group:
        log.append(group.exceptions)
    return log

def pattern(exception, kind):
    try:
        raise exception
    except* kind:
        pass

def jumps(exceptions):
    found = []
    for exception in exceptions:
        try:
            raise exception
        except* ValueError as group:
            found.append(len(group.exceptions))
            for inner in group.exceptions:
                if inner.args == ("skip",):
                    break
            else:
                found.append("all")
    return found

def generator(exception):
    try:
        raise exception
    except* ValueError as group:
        yield group.exceptions
        yield "again"
        raise KeyError(1)
    except* OSError as group:
        yield "os"

def generator_list(exception, log):
    for value in generator(exception):
        log.append(value)

def context(exception, log):
    try:
        raise exception
    except* ValueError:
        {}["missing"]
"""


def shown(error: BaseException | None, name: str) -> Any:
    """An exception with all that hangs on it, and the lines of its traceback."""
    if error is None:
        return None
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "test_tree" not in frame.filename]
    lines = [(frame.name.replace(name, "module"), frame.lineno) for frame in frames]
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    inner = [shown(one, name) for one in parts]
    return (type(error), str(error), lines, inner, shown(error.__cause__, name),
            shown(error.__context__, name), error.__suppress_context__)  # fmt: skip


def outcomes(module: Any, function: str, make: Any, *more: Any) -> Any:
    log: list[Any] = []
    try:
        value = getattr(module, function)(make(), *more or (log,))
    except BaseException as error:
        return repr(log), shown(error, module.__name__)
    return repr(log), repr(value)


GROUPS = [
    lambda: ExceptionGroup("g", [ValueError(1), TypeError(2)]),
    lambda: ExceptionGroup("g", [ValueError(1), ValueError("skip")]),
    lambda: ExceptionGroup("g", [OSError(1), ExceptionGroup("h", [ValueError(2), KeyError(3), OSError(4)])]),
    lambda: ExceptionGroup("g", [OSError(1)]),
    lambda: BaseExceptionGroup("g", [KeyboardInterrupt(), TypeError()]),
    lambda: ValueError("alone"),
    lambda: TypeError("alone"),
    lambda: OSError("other"),
]


def test_parts_go_to_their_clauses_and_the_rest_on(both: Both) -> None:
    tree, c = both(SOURCE)
    for make in GROUPS:
        for function in ("handled", "raising", "nested", "context", "generator_list"):
            found = outcomes(tree, function, make)
            assert found == outcomes(c, function, make), (function, make())
    assert tree.handled(None, []) == c.handled(None, []) == ["else", "finally"]
    assert tree.jumps([GROUPS[1](), ValueError(1)]) == c.jumps([GROUPS[1](), ValueError(1)])
    for kind in (ValueError, (ValueError, OSError), 3, ExceptionGroup, (ValueError, ExceptionGroup), ()):
        for make in GROUPS:
            assert outcomes(tree, "pattern", make, kind) == outcomes(c, "pattern", make, kind), kind


def test_nothing_is_left_behind(both: Both) -> None:
    tree, _ = both(SOURCE)

    def rounds(count: int) -> int:
        for _ in range(count):
            for make in GROUPS:
                for name in ("handled", "raising", "nested", "context", "generator_list"):
                    outcomes(tree, name, make)
                outcomes(tree, "pattern", make, 3)
        gc.collect()
        return sys.getallocatedblocks()

    before = rounds(100)
    assert rounds(300) - before < 200
