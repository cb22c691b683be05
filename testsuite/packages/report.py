"""The table of all packages: testsuite/PACKAGES.md.  A run renews the lines of the packages that it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from . import environment
from .checking import Result

TABLE = environment.REPOSITORY / "testsuite" / "PACKAGES.md"
_HEAD = """# Real packages by the tree route

Made by `make packages-check`: each package's sources of a pinned version and hash, every module of it
that is C compiled by the tree route alone, and the package's own tests run twice, with the libraries of
its wheel and with ours. A line is of the last run that had the package; the whole list, and which of a
package's tests are run, is in `testsuite/packages/packages.toml`.

| package | modules | tree route | lack something | C++ | tests passed, wheel | with ours | differ |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
_MISSING = "## What is missing"
_DIFFERS = "## What differs"


def write(results: list[Result], table: Path = TABLE) -> None:
    """Renew the lines of these packages."""
    text = table.read_text() if table.exists() else ""
    renewed = {result.package.name for result in results}
    known = [*environment.packages(), *renewed]
    rows = {line[2:].partition(" ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    rows |= {result.package.name: _row(result) for result in results}
    made = _HEAD + "".join(f"{rows[name]}\n" for name in dict.fromkeys(known) if name in rows)
    for title, lines in ((_MISSING, _missing_lines(results)), (_DIFFERS, _different_lines(results))):
        lines = [*_kept(text, title, renewed), *lines]
        if lines:
            made += f"\n{title}\n\n" + "\n".join(sorted(lines)) + "\n"
    table.write_text(made)


def _row(result: Result) -> str:
    states = Counter(module["state"] for module in result.modules.values())
    return (
        f"| {result.package.name} {result.package.version} | {sum(states.values())} | {states['tree']} "
        f"| {states['missing'] + states['error']} | {states['C++']} | {result.before['passed']} "
        f"| {result.after['passed']} | {len(result.differences)} |"
    )


def _missing_lines(results: list[Result]) -> Iterable[str]:
    for result in results:
        users = Counter(construct for module in result.modules.values()
                        for construct in {entry[0] for entry in module.get("missing", ())})  # fmt: skip
        for construct, count in users.most_common():
            yield f"* {result.package.name}: {construct}, in {count} of its modules"


def _different_lines(results: list[Result]) -> Iterable[str]:
    return (f"* {result.package.name}: {line}" for result in results for line in result.differences)


def _kept(text: str, title: str, renewed: set[str]) -> list[str]:
    """The lines of a section that are of packages which this run did not have."""
    section = text.partition(f"{title}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines()
            if line.startswith("* ") and line[2:].partition(":")[0] not in renewed]  # fmt: skip


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
