"""The comparison as a page."""

from __future__ import annotations

import collections
from typing import Any

from .interpreter import Interpreter


def summary(results: dict[str, Any]) -> str:
    """One line of counts."""
    counts = collections.Counter(one["status"] for one in results.values())
    examples = sum(one.get("examples", 0) for one in results.values())
    measured = sum(bool(one.get("measured")) for one in results.values())
    return (f"{len(results)} files, {examples} examples, {measured} files measured: "
            + ", ".join(f"{count} {status}" for status, count in counts.most_common()))  # fmt: skip


def page(results: dict[str, Any], known: dict[str, str], python: Interpreter, total: int) -> str:
    """DIFFERENTIAL.md."""
    how = ("`sys.gettotalrefcount()` and `sys.getallocatedblocks()` of a debug interpreter" if python.debug
           else "the counts of well-known objects and `sys.getallocatedblocks()`")  # fmt: skip
    lines = [
        "# The two routes beside each other", "",
        f"Made by `make differential`: {len(results)} of the {total} files of Cython's own tests that the tree",
        "route passes, built by both routes. Compared are, for each example of the doctests and for each unit",
        "test: what it prints, to standard error too, the type, message, cause, context and traceback lines",
        "of what it raises; the same when all are run a second time; the names in the module; and what a",
        f"round of all tests leaves behind, by {how}.", "",
        summary(results), "",
    ]  # fmt: skip
    told = {name: one for name, one in results.items() if one["status"] != "same"}
    if told:
        lines += ["| file | result | what |", "| --- | --- | --- |"]
    for name, one in sorted(told.items()):
        what = " ".join("; ".join(one["detail"][:2]).split()).replace("|", "\\|")[:300]
        lines.append(f"| {name} | {one['status']} | {what} |")
    if known:
        lines += ["", "Not compared:", "", "| examples | why |", "| --- | --- |"]
        lines += [f"| {name} | {why} |" for name, why in known.items()]
    return "\n".join(lines) + "\n"
