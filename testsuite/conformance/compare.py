"""Our verdicts held against gcc's."""

from __future__ import annotations

import json
import platform
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .corpus import VERSION
from .runner import Verdict

HERE = Path(__file__).parent
BASELINE = HERE / "gcc-baseline.json"
EXCEPTIONS = HERE / "exceptions.toml"
SHORT = HERE / "short.txt"


@dataclass
class Outcome:
    """Files by what happened; ``reference`` are those that pass with gcc."""

    reference: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    excepted: dict[str, str] = field(default_factory=dict)  # file -> reason
    worse: list[str] = field(default_factory=list)  # pass with gcc, not with us, no reason given
    better: list[str] = field(default_factory=list)  # pass with us, not with gcc
    stale: list[str] = field(default_factory=list)  # listed as exceptions, but pass
    missing: list[str] = field(default_factory=list)  # pass with gcc, not run with us
    skipped: list[str] = field(default_factory=list)  # neither judged by gcc nor by us

    @property
    def share(self) -> float:
        """Percentage of the files that pass with gcc which pass with us."""
        judged = len(self.reference) - len(self.missing)
        return 100.0 * len(self.passed) / judged if judged else 0.0


def baseline() -> dict[str, str]:
    """gcc's verdict by file, as committed."""
    verdicts: dict[str, str] = json.loads(BASELINE.read_text())["verdicts"]
    return verdicts


def write_baseline(verdicts: Mapping[str, Verdict]) -> None:
    """Put gcc's ``verdicts`` into the committed ones, which stay where no other is known.

    Where gcc, Cython or Python is another than before, the committed ones go.
    """
    version = subprocess.run(
        ["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
    )
    data = {
        "cython": VERSION,
        "gcc": version.stdout.strip(),
        "python": platform.python_version(),
        "flags": "CFLAGS=-O0, as in Cython's own test runs; refnanny off",
    }
    known: dict[str, str] = {}
    if BASELINE.exists():
        committed = json.loads(BASELINE.read_text())
        if data.items() <= committed.items():
            known = committed["verdicts"]
    merged = {**known, **{name: verdict.status for name, verdict in verdicts.items()}}
    BASELINE.write_text(
        json.dumps({**data, "verdicts": dict(sorted(merged.items()))}, indent=0) + "\n"
    )


def exceptions() -> dict[str, str]:
    """File to reason, for files that pass with gcc and not with us."""
    with EXCEPTIONS.open("rb") as file:
        reasons: dict[str, str] = tomllib.load(file).get("files", {})
    return reasons


def short_list() -> list[str]:
    """The files of the short run."""
    lines = (line.partition("#")[0].strip() for line in SHORT.read_text().splitlines())
    return [line for line in lines if line]


def compare(gcc: Mapping[str, str], ours: Mapping[str, Verdict], files: Iterable[str]) -> Outcome:
    """Sort ``files`` by what became of them."""
    reasons = exceptions()
    outcome = Outcome()
    for name in files:
        verdict = ours.get(name)
        if gcc.get(name) != "pass":
            if verdict is not None and verdict.status == "pass":
                outcome.better.append(name)
            else:
                outcome.skipped.append(name)
            continue
        outcome.reference.append(name)
        if verdict is None:
            outcome.missing.append(name)
        elif verdict.status == "pass":
            outcome.passed.append(name)
            if name in reasons:
                outcome.stale.append(name)
        elif name in reasons:
            outcome.excepted[name] = reasons[name]
        else:
            outcome.worse.append(name)
    return outcome
