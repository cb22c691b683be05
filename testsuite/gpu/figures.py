"""python figures.py OUTPUT DOCUMENT: what scripts/gpu_check.sh has printed goes into a document.

It goes between two marks. Needs nothing but Python: the bundle's machine may have no packages.
"""

from __future__ import annotations

import sys
from pathlib import Path

FIRST, LAST = "<!-- figures of scripts/gpu_check.sh -->", "<!-- end of the figures -->"


def section(output: str) -> str:
    """The lines from the cases' result on; the first line names interpreter and device."""
    lines = output.rstrip().splitlines()
    at = next((at for at, line in enumerate(lines) if " cases, 0 wrong, " in line), None)
    if at is None:
        raise SystemExit("no results, or wrong ones: the document stays as it is")
    return "\n".join(["", "```text", *lines[at:], "```", ""])


def replaced(document: str, output: str) -> str:
    before, found, rest = document.partition(FIRST)
    _, end, after = rest.partition(LAST)
    if not (found and end):
        raise SystemExit(f"the document has no {FIRST} and {LAST}")
    return before + FIRST + section(output) + LAST + after


def main() -> None:
    output, document = map(Path, sys.argv[1:3])
    made = replaced(document.read_text(encoding="utf-8"), output.read_text(encoding="utf-8"))
    document.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
