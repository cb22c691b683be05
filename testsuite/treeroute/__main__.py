"""python -m treeroute [NAME...]: Cython's own run tests by the tree route alone, no fallback.

Each file is exported, lowered, compiled, imported in a process of its own, and its doctests and
unit tests are run.  Files that use what the tree route does not support yet are counted by
construct, most frequent first: that list is the work left.  NAME is a file or a folder under Cython's
tests/ ("run/cintop.pyx", "compile"), a path, or, with -k, a pattern.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDERS = ("run", "memoryview", "buffers")
_CHILD = HERE / "child.py"
PASSING = HERE / "passing.txt"
REPORT = HERE.parent / "TREEROUTE.md"
SHORT = 12
#: They look at the C file, which this route does not make.
NOT_APPLICABLE = {
    "run/annotate_html.pyx": "reads the C file's annotation",
    "run/tracebacks.pyx": "wants lines of the C file in tracebacks",
}

#: Why files are refused.
REFUSED = {
    "memoryview/borrowed_refs.pyx": "redefines the C file's macros by cnames that hold preprocessor lines",
    "run/code_object_cache.pyx": "calls a helper function of the C file, with a struct that is there alone",
    "run/cythonscope.pyx": "reads a struct that is in the C file alone",
    "run/freethreaded_list_indexing.pyx": "changes the C file's macros by preprocessor lines",
    "run/no_gc_clear.pyx": "reads a struct that is in the C file alone",
    "run/setjmp.pyx": "passes `jmp_buf`, an array, as an argument",
}


def corpus() -> Path:
    """Cython's tests, unpacked; `make conformance` fetches them."""
    sys.path.insert(0, str(HERE.parent))
    from conformance.corpus import fetch

    return fetch(ROOT / ".cache").tests


def wanted(tests: Path, names: list[str], pattern: str | None) -> list[Path]:
    folders = [name for name in names if (tests / name).is_dir() and not os.path.exists(name)]
    found = [Path(name) if os.path.exists(name) else tests / name for name in names if name not in folders]
    if found:
        return found
    for folder in folders or FOLDERS:
        found += sorted(path for path in (tests / folder).iterdir() if path.suffix in (".pyx", ".py"))
    # Tests of Cython's that call `cython.inline` leave its files beside them.
    found = [path for path in found if not path.name.startswith("_cython_inline_")]
    bugs = known_bugs(tests)
    found = [path for path in found if not _tagged_cpp(path) and not bugs.search(module_name(path))]
    found = [path for path in found if f"{path.parent.name}/{path.name}" not in NOT_APPLICABLE]
    if pattern:
        found = [path for path in found if re.search(pattern, f"{path.parent.name}/{path.name}")]
    return found


def known_bugs(tests: Path) -> re.Pattern[str]:
    """What Cython's own runs leave out because Cython itself fails there."""
    lines = (line.partition("#")[0].strip() for line in (tests / "bugs.txt").read_text().splitlines())
    return re.compile("|".join(line for line in lines if line), re.IGNORECASE)


def module_name(path: Path) -> str:
    return f"{path.parent.name}.{path.stem}"


def _tagged_cpp(path: Path) -> bool:
    head = path.read_bytes()[:2000]
    tags = re.findall(rb"^#\s*(?:tag|mode|cython|distutils)\s*:(.*)$", head, re.MULTILINE)
    text = b" ".join(tags)
    return b"cpp" in text or b"c++" in text or b"error" in text.split()


def run_one(path: Path, timeout: float, *options: str) -> dict:
    """{"status": pass|fail|missing|refused|crash|timeout, ...} of one file."""
    command = [sys.executable, str(_CHILD), str(path), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                              errors="replace")  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"status": "timeout"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        why = signal.Signals(-done.returncode).name if done.returncode < 0 else done.returncode
        return {"status": "crash", "detail": f"{why}\n{done.stderr[-3000:]}"}
    return json.loads(lines[-1][len("RESULT "):])


def main() -> int:
    parser = argparse.ArgumentParser(prog="treeroute", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="test files; default: all")
    parser.add_argument("-k", dest="pattern", help="regular expression over folder/name")
    parser.add_argument("-j", dest="jobs", type=int, default=1, help="files at once")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for a file")
    parser.add_argument("--json", type=Path, help="write every file's result there")
    parser.add_argument("--short", action="store_true",
                        help=f"every {SHORT}th of the files in passing.txt; fails where one does not pass")
    parser.add_argument("--so", action="store_true",
                        help="as libraries in files, which have the run-time library linked in")
    parser.add_argument("--update", action="store_true", help="write passing.txt and ../TREEROUTE.md")
    parser.add_argument("-v", dest="verbose", action="store_true", help="show each file's result")
    args = parser.parse_args()
    tests = corpus()
    files = wanted(tests, args.names, args.pattern)
    if args.short:
        files = [tests / name for name in PASSING.read_text().split()[::SHORT]]
    results: dict[str, dict] = {}
    options = ["--so"] if args.so else []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(run_one, path, args.timeout, *options): path for path in files}
        for future in concurrent.futures.as_completed(futures):
            path = futures[future]
            name = f"{path.parent.name}/{path.name}"
            results[name] = result = future.result()
            if args.verbose or len(files) <= 5:
                print(f"{result['status']:8} {name}")
                for one in result.get("missing", [])[:20]:
                    print(f"           {one[2]}: {one[0]}")
                if result.get("detail") and (len(files) <= 5 or result["status"] == "crash"):
                    print(result["detail"])
                sys.stdout.flush()
    text = report(results)
    print(text)
    if args.json:
        args.json.write_text(json.dumps(results, indent=0, sort_keys=True))
    if args.update:
        passing = sorted(name for name, result in results.items() if result["status"] == "pass")
        PASSING.write_text("\n".join(passing) + "\n")
        REPORT.write_text(document(results, text))
    if args.short:
        bad = sorted(name for name, result in results.items() if result["status"] != "pass")
        for name in bad:
            print(f"{name}: {results[name]['status']}\n{results[name].get('detail', '')}")
        return 1 if bad else 0
    return 0


def report(results: dict[str, dict]) -> str:
    """What is missing, most frequent first, and the counts."""
    counts = collections.Counter(result["status"] for result in results.values())
    uses: collections.Counter[str] = collections.Counter()
    alone: collections.Counter[str] = collections.Counter()
    for result in results.values():
        constructs = {one[0] for one in result.get("missing", [])}
        uses.update(constructs)
        if len(constructs) == 1:
            alone.update(constructs)
    lines = []
    if uses:
        lines.append("files that use it, files that lack only it: construct")
        lines += [f"{count:5} {alone[construct]:5}  {construct}" for construct, count in uses.most_common(60)]
    total = len(results)
    lines.append(f"{total} files: " + ", ".join(f"{count} {status}" for status, count in counts.most_common()))
    if total:
        lines.append(f"{100 * counts['pass'] / total:.1f} % pass by the tree route with no fallback")
    return "\n".join(lines)


def document(results: dict[str, dict], text: str) -> str:
    """The report as a page."""
    baseline = json.loads((HERE.parent / "conformance" / "gcc-baseline.json").read_text())["verdicts"]
    judged = {name: result["status"] for name, result in results.items() if baseline.get(name) == "pass"}
    passed = sum(status == "pass" for status in judged.values())
    wrong = [f"| {name} | {result['status']} | {baseline.get(name, 'not run')} | {REFUSED.get(name, '')} |"
             for name, result in sorted(results.items())
             if result["status"] not in ("pass", "missing")]  # fmt: skip
    return "\n".join([
        "# The tree route over Cython's own tests", "",
        "Made by `make conformance-tree`: the C files of `tests/run`, `tests/memoryview` and",
        "`tests/buffers` of Cython 3.3.1, each exported, lowered, imported and tested with no fallback.", "",
        f"Of {len(judged)} files that pass with gcc, {passed} pass by the tree route: "
        f"{100 * passed / max(len(judged), 1):.1f} %.", "",
        "Left out, besides what Cython's own runs leave out: "
        + "; ".join(f"{name} ({why})" for name, why in NOT_APPLICABLE.items()) + ".", "",
        "Files that neither pass nor lack a construct, with gcc's verdict beside ours:", "",
        "| file | tree route | gcc | why |", "| --- | --- | --- | --- |", *wrong, "",
        "## What is missing", "", "```", text, "```", "",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
