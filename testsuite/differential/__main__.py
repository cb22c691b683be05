"""python -m differential [NAME...]: Cython's own tests by both routes, compared example by example.

Every file of treeroute/passing.txt is built by both routes; each library's doctests and unit tests
run in a process of its own.  What they print, raise (type, message, lines) and warn of must be the
same, when they are run again too, and so must be the references and memory blocks that a round of
all of them leaves behind.  With Debian's python3.11-dbg, modules count references as that does.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from . import compare, interpreter, report
from .build import ROUTES, library

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PASSING = HERE.parent / "treeroute" / "passing.txt"


class Server:
    """A process that builds; see server.py."""

    def __init__(self, python: interpreter.Interpreter) -> None:
        self.process = subprocess.Popen([python.command, str(HERE / "server.py")], env=python.env(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)  # fmt: skip

    def build(self, source: Path, folder: Path) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([str(source), str(folder)]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def run(python: interpreter.Interpreter, built: Path, source: Path, timeout: float,
        *options: str) -> dict[str, Any]:  # fmt: skip
    """What child.py notes, with its options; {"crash": why} where it notes nothing."""
    result = built.with_suffix(".json")
    result.unlink(missing_ok=True)
    command = [python.command, "-X", "faulthandler", str(HERE / "child.py"), str(built), str(source),
               str(result), *options]  # fmt: skip
    try:
        done = subprocess.run(command, env=python.env(), capture_output=True, timeout=timeout)
        why = f"exit status {done.returncode}: {done.stderr[-1500:].decode('utf-8', 'replace')}"
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        why, failed = "timeout", True
    found = json.loads(result.read_text()) if result.exists() else {"examples": [], "again": [], "growth": []}
    if failed:
        found["crash"] = why
    return found


def one_file(python: interpreter.Interpreter, server: Server, source: Path, timeout: float,
             *, each: bool = False) -> dict[str, Any]:  # fmt: skip
    """A file's result: {"status": same|different|leak|crash|missing|error, ...}."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = server.build(source, folder)
        if "built" not in built:
            status = "missing" if "missing" in built else "error"
            return {"status": status, "detail": built.get("missing") or [built["error"]]}
        libraries = [library(folder, route, source.stem) for route in ROUTES]
        options = ["--each"] if each else []
        c, tree = (run(python, one, source, timeout, *options) for one in libraries)
        if not each and compare.leaks(c["growth"], tree["growth"]):
            # A few rounds can differ by chance: of threads, say, or of a cache that fills slowly.
            c, tree = (run(python, one, source, 2 * timeout, "--longer") for one in libraries)
    found = {"examples": len(c["examples"]), "measured": len(c["growth"])}
    if "crash" in c or "crash" in tree:
        detail = [f"{route}: {one['crash']}" for route, one in (("C", c), ("tree", tree)) if "crash" in one]
        return {"status": "crash", "detail": detail, **found}
    if each:
        gained = compare.leaks_by_test(c, tree)
    else:
        gained = compare.leaks(c["growth"], tree["growth"])
        found["growth"] = [c["growth"], tree["growth"]]
    different = compare.differences(c, tree, known())
    status = "different" if different else "leak" if gained else "same"
    return {"status": status, "detail": [*gained, *different], **found}


def known() -> dict[str, str]:
    """Beginnings of the names of examples that differ for a reason that is no fault: why."""
    with open(HERE / "known.toml", "rb") as file:
        return tomllib.load(file)["known"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="differential", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="test files; default: treeroute/passing.txt")
    parser.add_argument("-k", dest="pattern", help="regular expression over folder/name")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one route's tests")
    parser.add_argument("--ordinary", action="store_true", help="not by a debug interpreter")
    parser.add_argument("--each", action="store_true", help="measure every test by itself")
    parser.add_argument("--resume", action="store_true", help="only what the cache has no result of")
    parser.add_argument("--again", action="store_true", help="with --resume, also what was not the same")
    parser.add_argument("--shuffle", action="store_true", help="in an order that makes a part representative")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no file after so long")
    parser.add_argument("--update", action="store_true", help="write ../DIFFERENTIAL.md")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from conformance.corpus import fetch

    tests = fetch(ROOT / ".cache").tests
    cache = ROOT / ".cache" / "differential"
    python = (None if args.ordinary else interpreter.debug(cache)) or interpreter.ordinary()
    everything = PASSING.read_text().split()
    names = list(args.names or everything)
    if args.pattern:
        names = [name for name in names if re.search(args.pattern, name)]
    store = cache / ("debug.jsonl" if python.debug else "ordinary.jsonl")
    cache.mkdir(parents=True, exist_ok=True)
    results = _load(store)
    if args.shuffle:
        random.Random(0).shuffle(names)
    if args.resume:
        done = ("same",) if args.again else tuple(result["status"] for result in results.values())
        names = [name for name in names if name not in results or results[name]["status"] not in done]
    started = time.monotonic()
    bad = 0
    server = Server(python)
    try:
        for name in names:
            if time.monotonic() - started > 60 * args.minutes:
                break
            source = Path(name).resolve() if Path(name).exists() else tests / name
            result = one_file(python, server, source, args.timeout, each=args.each)
            if not args.each and source.is_relative_to(tests):
                results[name] = result
                with open(store, "a", encoding="utf-8") as file:
                    file.write(json.dumps([name, result]) + "\n")
            bad += result["status"] != "same"
            print(f"{result['status']:9} {name}", flush=True)
            if result["status"] != "same":
                print("\n".join(f"    {text}" for text in result["detail"][:40]), flush=True)
    finally:
        server.close()
    results = {name: results[name] for name in everything if name in results}
    print(report.summary(results))
    if args.update:
        (HERE.parent / "DIFFERENTIAL.md").write_text(report.page(results, known(), python, len(everything)))
    return 1 if bad else 0


def _load(store: Path) -> dict[str, Any]:
    if not store.exists():
        return {}
    return dict(json.loads(line) for line in store.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main())
