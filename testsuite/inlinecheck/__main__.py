"""Compare `cython_llvm.inline` with what stock `cython.inline` was recorded to do; --record runs stock.

    python -m inlinecheck [-v] [NAME ...]       ours against the record
    python -m inlinecheck --record [NAME ...]   stock, with the machine's C compiler; writes golden.json
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from .running import Outcome, cases, run

GOLDEN = Path(__file__).with_name("golden.json")


def recorded() -> dict[str, Outcome]:
    """What stock does, by case."""
    found: dict[str, Outcome] = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    return found


def expected(name: str, golden: dict[str, Outcome]) -> Outcome:
    """What ours is to do: what stock does, but for the differences that are meant."""
    from .differences import DIFFERENT

    return DIFFERENT[name][1] if name in DIFFERENT else golden[name]


def record(wanted: list[str], missing_only: bool = False) -> None:
    """Run stock; its outcomes go to golden.json."""
    import cython

    os.environ["CFLAGS"] = "-O0 -w"
    golden = recorded()
    found = cases()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in wanted or [one for one in found if not missing_only or one not in golden]:
            golden[name] = run(cython.inline, found[name], lib_dir=os.path.join(folder, "lib"))
            print(name, json.dumps(golden[name], ensure_ascii=False)[:150], flush=True)
            if not len(golden) % 20:
                save(golden, found)
    save(golden, found)


def save(golden: dict[str, Outcome], found: dict[str, Any]) -> None:
    """Write golden.json, in the order of the cases."""
    kept = {name: golden[name] for name in found if name in golden}
    GOLDEN.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def compare(wanted: list[str], verbose: bool) -> int:
    """Run ours, each case twice: new and known.  Prints differences; the number of cases that differ."""
    import cython_llvm

    golden = recorded()
    first, second = cases(), cases()
    failed = 0
    for name in wanted or first:
        should = expected(name, golden)
        got = run(cython_llvm.inline, first[name])
        again = run(cython_llvm.inline, second[name])
        differs = [f"{key}: {line}" for key in sorted(should.keys() | got.keys())
                   for line in difflib.ndiff(should.get(key, "").splitlines(), got.get(key, "").splitlines())
                   if not line.startswith("  ")]  # fmt: skip
        if [again.get(key) for key in ("result", "error")] != [got.get(key) for key in ("result", "error")]:
            differs.append(f"a second call differs: {again}")
        failed += bool(differs)
        if differs or verbose:
            print(f"{name}: {'differs' if differs else 'as stock'}", *differs, sep="\n    ", flush=True)
    print(f"{len(wanted or first)} cases, {failed} differ")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="inlinecheck", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--record", action="store_true", help="run stock, and write what it does")
    parser.add_argument("--missing", action="store_true", help="with --record: only what has no record")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    if given.record:
        record(given.names, given.missing)
        return 0
    return 1 if compare(given.names, given.verbose) else 0


if __name__ == "__main__":
    sys.exit(main())
