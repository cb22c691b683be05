"""Command line: run the tests, compare the engines, write the report."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from . import compare, corpus, engines, report, runner, store

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Run Cython's own tests with gcc and with cython-llvm and compare, per file.",
    )
    parser.add_argument("engines", nargs="*", choices=[*engines.NAMES, []], metavar="ENGINE",
                        help="gcc, llvm; none: report only what is already known")  # fmt: skip
    parser.add_argument("--short", action="store_true", help="only the files in short.txt")
    parser.add_argument("-k", metavar="REGEX", help="only files whose folder/name matches")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="files at a time (default: the number of CPUs)")  # fmt: skip
    parser.add_argument("--timeout", type=float, default=240, metavar="SECONDS",
                        help="limit for one file (default: %(default)s)")  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="leave out files already judged")
    parser.add_argument("--route", choices=engines.ROUTES, default="auto",
                        help="of the backend (default: %(default)s)")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache",
                        help="for Cython's sources and results (default: .cache)")  # fmt: skip
    parser.add_argument("--update-baseline", action="store_true",
                        help="write gcc's verdicts to gcc-baseline.json")  # fmt: skip
    parser.add_argument("--write-report", action="store_true", help="write ../CONFORMANCE.md")
    parser.add_argument("-v", action="store_true", help="show why files fail")
    return parser


def _selected(known: corpus.Corpus, args: argparse.Namespace) -> list[str]:
    files = known.files()
    if args.short:
        files = [name for name in compare.short_list() if name in set(files)]
    if args.k:
        files = [name for name in files if re.search(args.k, name)]
    return files


def main() -> int:
    args = _parser().parse_args()
    cache = args.cache.resolve()
    known = corpus.fetch(cache)
    files = _selected(known, args)
    # Keys are made before anything runs: a package that is installed anew meanwhile has another.
    reported = not args.engines or "llvm" in args.engines
    needed = {*args.engines, *["gcc"] * args.update_baseline, *["llvm"] * reported}
    made = {name: engines.engine(name, args.route) for name in needed}
    for name in args.engines:
        _run(made[name], known, files, cache / "conformance", args)
    if args.update_baseline:
        key = made["gcc"].key
        compare.write_baseline(store.load(cache / "conformance", "gcc", key=key))
    if reported:
        ours = made["llvm"]
        verdicts = store.load(cache / "conformance", ours.name, key=ours.key)
        outcome = compare.compare(compare.baseline(), verdicts, files)
        if args.write_report:
            folder = cache / "conformance"
            by_route = {route: store.load(folder, f"llvm-{route}", key=ours.key) for route in engines.ROUTES}
            report.write(ROOT / "testsuite" / "CONFORMANCE.md", outcome, verdicts, args.route, by_route)
        report.show(outcome, verdicts, verbose=args.v)
        return 1 if outcome.worse or outcome.missing else 0
    return 0


def _run(engine: engines.Engine, known: corpus.Corpus, files: list[str], folder: Path,
         args: argparse.Namespace) -> None:  # fmt: skip
    results = store.Writer(folder, engine)
    done = store.load(folder, engine.name, key=engine.key) if args.resume else {}
    todo = [file for file in files if file not in done]
    print(f"{engine.name}: {len(todo)} files, {args.j} at a time", flush=True)
    count = 0

    def on_verdict(verdict: runner.Verdict) -> None:
        nonlocal count
        count += 1
        results.add(verdict)
        print(f"[{count}/{len(todo)}] {verdict.status:7} {verdict.file} ({verdict.seconds:.1f} s)",
              flush=True)  # fmt: skip

    runner.run(known, engine, todo, jobs=args.j, timeout=args.timeout, on_verdict=on_verdict)
    if engines.engine(engine.name.partition("-")[0]).key != engine.key:
        print("WARNING: what builds the modules changed while the tests ran", flush=True)


if __name__ == "__main__":
    sys.exit(main())
