"""The table of a run: testsuite/PACKAGES.md."""

from __future__ import annotations

from collections import Counter

from . import environment
from .checking import Result

_HEAD = """# Real packages by the tree route

Made by `make packages-check`: each package's sources of a pinned version and hash, every module of it
that is C compiled by the tree route alone, and the package's own tests run twice, with the libraries of
its wheel and with ours. The rows are the packages of one run; the whole list is in
`testsuite/packages/packages.toml`.

| package | modules | tree route | lack something | C++ | tests passed, wheel | with ours | differ |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def write(results: list[Result]) -> None:
    rows = []
    for result in results:
        states = Counter(module["state"] for module in result.modules.values())
        rows.append(
            f"| {result.package.name} {result.package.version} | {sum(states.values())} | {states['tree']} "
            f"| {states['missing'] + states['error']} | {states['C++']} | {result.before['passed']} "
            f"| {result.after['passed']} | {len(result.differences)} |"
        )
    text = (
        _HEAD + "\n".join(rows) + "\n\n## What is missing\n\n```\n" + missing(results) + "\n```\n"
    )
    different = [line for result in results for line in result.differences]
    if different:
        text += "\n## What differs\n\n" + "\n".join(f"* {line}" for line in different) + "\n"
    (environment.REPOSITORY / "testsuite" / "PACKAGES.md").write_text(text)


def missing(results: list[Result]) -> str:
    """The constructs, most frequent first."""
    users: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for result in results:
        for module in result.modules.values():
            constructs = {entry[0] for entry in module.get("missing", ())}
            users.update(constructs)
            if len(constructs) == 1:
                alone.update(constructs)
    lines = [f"{count:5} {alone[name]:5}  {name}" for name, count in users.most_common()]
    return "\n".join(["modules that use it, modules that lack only it: construct", *lines])
