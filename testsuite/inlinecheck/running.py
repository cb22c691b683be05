"""Cases run by one `inline` or the other, and their outcomes as text that can be compared."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .snippets import Case

#: "result" or "error", what went to standard output, and what to standard error.
Outcome = dict[str, str]

#: Progress, which ours has none of.
_PROGRESS = re.compile(r"^(?:Compiling .* because .*|\[1/1\] Cythonizing .*)\n", re.MULTILINE)
_UNREACHABLE = re.compile(r"^warning: (.*\.pyx):(\d+):4: Unreachable code\n", re.MULTILINE)
_INSTALLED = re.compile(r"[^\s\"']*/site-packages/")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_FILE = re.compile(r"[^\s'\"]*_cython_inline_[0-9a-f]+\.pyx")
_MODULE = re.compile(r"_cython_inline_[0-9a-f]+")
_CALL = compile("__r = __inline(__code, **__options, **__names)", "<call>", "exec")


def cases() -> dict[str, Case]:
    """The cases, with values that no run has seen."""
    made = runpy.run_path(str(Path(__file__).with_name("snippets.py")), run_name="snippets")
    found: dict[str, Case] = made["CASES"]
    return found


def run(inline: Callable[..., Any], case: Case, **more: Any) -> Outcome:
    """One call; ``more``: further options of every call."""
    out, err = io.StringIO(), io.StringIO()
    options = {**(more if isinstance(case.code, str) else {}), **case.options}
    within = {**case.globals, "__inline": inline, "__code": case.code, "__options": options}
    local = dict(case.names) if case.frame else {}
    within["__names"] = {} if case.frame else dict(case.names)
    outcome: Outcome = {}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(_CALL, within, local)
            result = eval(case.after, {"r": local["__r"], "names": case.names})
        except Exception as error:
            kind = type(error).__name__
            outcome["error"] = kind if kind == "CompileError" else f"{kind}: {_normal(str(error))}"
            if kind == "CompileError":  # stock prints the text that ours has in the exception
                text = str(error)
                err.write("" if text in err.getvalue() or _FILE.fullmatch(text) else text)
        else:
            outcome["result"] = f"{type(result).__name__} {_normal(repr(result))}"
    printed = _PROGRESS.sub("", out.getvalue())
    told = _UNREACHABLE.sub(_of_the_code, err.getvalue()).strip()
    if printed.startswith("Couldn't find"):  # in the order of a set
        printed = "".join(sorted(printed.splitlines(True)))
    if printed:
        outcome["out"] = _normal(printed)
    if told:
        outcome["err"] = _normal(told)
    return outcome


def _of_the_code(found: re.Match[str]) -> str:
    """A warning, where it is not of the `return` that `inline` itself puts behind the code."""
    with contextlib.suppress(OSError, IndexError), open(found[1], encoding="utf-8") as file:
        if file.read().splitlines()[int(found[2]) - 1] == "    return locals()":
            return ""
    return found[0]


def _normal(text: str) -> str:
    text = _FILE.sub("<inline>.pyx", text)
    text = _INSTALLED.sub("site-packages/", text)
    return _ADDRESS.sub("", _MODULE.sub("<inline>", text))
