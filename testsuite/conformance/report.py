"""The comparison as text for a terminal and as ``testsuite/CONFORMANCE.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from .compare import Outcome
from .corpus import FOLDERS, VERSION
from .runner import Verdict


def _in(folder: str, names: list[str] | dict[str, str]) -> int:
    return sum(name.startswith(folder + "/") for name in names)


def show(outcome: Outcome, verdicts: Mapping[str, Verdict], *, verbose: bool) -> None:
    """Print the result; the last line is ``N passed, N failed, N skipped``."""
    for name in outcome.worse:
        verdict = verdicts[name]
        print(f"WORSE THAN GCC: {name}: {verdict.status}")
        if verbose:
            print("    " + verdict.detail.replace("\n", "\n    "))
    for name, reason in outcome.excepted.items():
        print(f"known exception: {name}: {reason}")
    for name in outcome.stale:
        print(f"exceptions.toml lists {name}, which passes")
    if outcome.missing:
        print(f"not run with this backend: {len(outcome.missing)} files that pass with gcc")
    print(f"{outcome.share:.2f} % of the files that pass with gcc pass with cython-llvm")
    failed = len(outcome.worse) + len(outcome.missing)
    skipped = len(outcome.skipped) + len(outcome.excepted)
    print(f"{len(outcome.passed) + len(outcome.better)} passed, {failed} failed, {skipped} skipped")


Verdicts = Mapping[str, Verdict]


def _by_route(outcome: Outcome, by_route: Mapping[str, Verdicts]) -> list[str]:
    """How the files that pass with gcc fare by each route, as far as they have been run."""
    out = ["", "By route (`python -m conformance llvm --route=ROUTE`); `auto` takes the tree route where",
           "nothing is missing:", "",
           "| route | files run | pass | built by the tree route alone | by both | by the C route |",
           "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for route, verdicts in by_route.items():
        run = [verdicts[name] for name in outcome.reference if name in verdicts]
        if not run:
            continue
        ways = Counter(verdict.routes for verdict in run)
        passed = sum(verdict.status == "pass" for verdict in run)
        numbers = [len(run), passed, ways["tree"], ways["c tree"], ways["c"]]
        out.append(f"| {route} | " + " | ".join(map(str, numbers)) + " |")
    return out


def write(path: Path, outcome: Outcome, verdicts: Verdicts, route: str,
          by_route: Mapping[str, Verdicts]) -> None:  # fmt: skip
    """Write the Markdown report; ``verdicts`` are those of ``route``."""
    out = [
        "# Conformance",
        "",
        f"Cython {VERSION}'s own tests, file by file, through its own `runtests.py`; written by",
        "`make conformance`. A file counts for gcc, or for us, when every test in it passes.",
        "",
        f"**{outcome.share:.2f} %** of the files that pass with Cython and gcc pass with cython-llvm "
        f"(route {route}): {len(outcome.passed)} of {len(outcome.reference) - len(outcome.missing)}.",
        "",
        "| tests/ | pass with gcc | pass with us | known exceptions | unexplained | not judged |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for folder in FOLDERS:
        numbers = [_in(folder, names) for names in (
            outcome.reference, outcome.passed, outcome.excepted, outcome.worse, outcome.missing
        )]  # fmt: skip
        out.append(f"| {folder} | " + " | ".join(map(str, numbers)) + " |")
    out += _by_route(outcome, by_route)
    statuses = Counter(verdict.status for verdict in verdicts.values())
    out += ["", "All verdicts with cython-llvm, files that do not pass with gcc included: "
            + ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())) + "."]  # fmt: skip
    out += ["", "## Files that pass with gcc and not with us", ""]
    out += [f"* `{name}`: {reason}" for name, reason in sorted(outcome.excepted.items())]
    out += [f"* `{name}`: {verdicts[name].status}, not yet explained" for name in outcome.worse]
    if not outcome.excepted and not outcome.worse:
        out.append("None.")
    if outcome.better:
        out += ["", "## Files that pass with us and not with gcc", ""]
        out += [f"* `{name}`" for name in outcome.better]
    path.write_text("\n".join(out) + "\n")
