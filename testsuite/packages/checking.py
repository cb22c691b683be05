"""One package: its modules compiled, its tests run with the wheel and with what was compiled."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import environment
from .environment import Package

_BUILD_LIMIT, _TEST_LIMIT = 900, 3600


@dataclass
class Result:
    """What came of a package: the verdict of each module, the outcomes of the tests on both sides."""

    package: Package
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.differences and all(m["state"] != "error" for m in self.modules.values())


def check(
    package: Package, work: Path, python: str, *, only: str | None, kept: bool, tests: bool
) -> Result:
    """Compile, run the tests on both sides, print what is found as it is found."""
    result = Result(package)
    sources = environment.sources(package, work)
    root = sources / package.root
    output = work / "out" / package.name
    verdicts = output.with_suffix(".json")
    earlier = json.loads(verdicts.read_text()) if verdicts.exists() else {}
    if kept:
        result.modules = earlier
    else:
        _compile_all(package, root, output, python, only, result)
        verdicts.parent.mkdir(parents=True, exist_ok=True)
        verdicts.write_text(json.dumps({**(earlier if only else {}), **result.modules}))
    if tests and package.tests:
        _compare(package, sources, work, output, python, result)
    return result


def _compile_all(
    package: Package, root: Path, output: Path, python: str, only: str | None, result: Result
) -> None:
    paths = sorted({path for pattern in package.modules for path in root.glob(pattern)})
    for path in paths:
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        library = output / path.relative_to(root).with_suffix(".so")
        if only and only not in name:
            continue
        if any(path.match(pattern) for pattern in package.leave_out):
            continue
        library.unlink(missing_ok=True)
        found = result.modules[name] = compiled(package, root, path, name, library, python)
        detail = found["missing"][0][0] if "missing" in found else found.get("message", "")
        print(f"{found['state']:8} {found.get('cpu', 0):6.1f}s {name}  {detail}", flush=True)


def compiled(
    package: Package, root: Path, path: Path, name: str, library: Path, python: str
) -> dict[str, Any]:
    """One module by the tree route, in a process of its own: what `build.py` says of it."""
    library.parent.mkdir(parents=True, exist_ok=True)
    site = Path(python).parent.parent
    numpy = next(site.glob("lib/*/site-packages/numpy/_core/include"))
    relative = str(path.relative_to(root))
    extra = [source for pattern, given in package.sources.items() if fnmatch.fnmatch(relative, pattern)
             for source in given]  # fmt: skip
    job = {
        "path": str(path), "name": name, "root": str(root), "output": str(library),
        "language_level": package.language_level, "directives": package.directives,
        "include_path": [str(root)], "macros": package.macros,
        "include_dirs": [str(numpy), *(str(root / folder) for folder in package.include_dirs)],
        "sources": [str(root / source) for source in extra], "compile_args": package.compile_args,
        "cplus": any(fnmatch.fnmatch(relative, pattern) for pattern in package.cplus),
    }  # fmt: skip
    command = [python, str(environment.HERE / "build.py"), json.dumps(job)]
    env = {**os.environ, "PYTHONPATH": environment.compiler()}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_BUILD_LIMIT, env=env, check=False
        )
    except subprocess.TimeoutExpired:
        return {"state": "error", "message": f"longer than {_BUILD_LIMIT} s"}
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            return json.loads(line.removeprefix("RESULT"))
    return {"state": "error", "message": f"exit status {done.returncode}: {done.stderr[-600:]}"}


def _compare(
    package: Package, sources: Path, work: Path, output: Path, python: str, result: Result
) -> None:
    installed = next((Path(python).parent.parent / "lib").glob("*/site-packages")) / package.folder
    overlay = work / "overlay" / package.name
    shutil.rmtree(overlay, ignore_errors=True)
    shutil.copytree(
        installed, overlay / package.folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    # What a wheel's libraries are linked to lies beside the package.
    bundled = installed.parent / f"{package.name.replace('-', '_')}.libs"
    if bundled.exists():
        shutil.copytree(bundled, overlay / bundled.name)
    replaced = _replace(output, overlay)
    place = work / "tests" / package.name / "suite"  # pytest may take its name for a package's
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if package.tests_folder:
        shutil.copytree(sources / package.tests_folder, place, dirs_exist_ok=True)
    sides = []
    for side, path in (("wheel", ""), ("tree", str(overlay))):
        outcomes, tail = _run_tests(
            package, place, python, path, work / f"{package.name}-{side}.xml"
        )
        if not outcomes:
            result.differences.append(f"{side}: no results: {tail}")
        sides.append(outcomes)
    before, after = sides
    result.before, result.after = (Counter(o for o, _ in side.values()) for side in sides)
    for test in sorted(before.keys() | after.keys()) if before and after else ():
        one, other = before.get(test, ("absent", "")), after.get(test, ("absent", ""))
        if one[0] != other[0]:
            result.differences.append(
                f"{test}: {one[0]} with the wheel, {other[0]} with ours: {other[1] or one[1]}"
            )
    print(
        f"{package.name}: {replaced} libraries; wheel {dict(result.before)}, tree {dict(result.after)}"
    )
    for line in result.differences:
        print("  " + line[:600])


def _replace(output: Path, overlay: Path) -> int:
    """The wheel's libraries for those of ours; how many."""
    count = 0
    for library in sorted(output.rglob("*.so")):
        target = (overlay / library.relative_to(output)).parent
        own = [path for path in target.glob(library.stem + ".*") if path.suffix == ".so"]
        if own:  # else it is not among the modules of the wheel
            shutil.copy(library, own[0])
            count += 1
    return count


def _run_tests(
    package: Package, place: Path, python: str, path: str, results: Path
) -> tuple[Any, str]:
    results.unlink(missing_ok=True)
    env = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONHASHSEED": "0",  # some tests' names come out of sets
    }
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=",
               f"--junitxml={results}", *package.tests]  # fmt: skip
    done = subprocess.run(command, cwd=place, env=env, text=True, check=False, timeout=_TEST_LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    (results.with_suffix(".log")).write_text(done.stdout)
    if not results.exists():
        return {}, f"exit status {done.returncode}: {done.stdout[-1500:]}"
    return _outcomes(results), ""


def _outcomes(results: Path) -> dict[str, tuple[str, str]]:
    """The outcome and the message of each test in a file of JUnit's form."""
    found: dict[str, tuple[str, str]] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        name, outcome, message = f"{case.get('classname')}::{case.get('name')}", "passed", ""
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                outcome, message = child.tag, child.get("message") or ""
        while name in found:
            name += "'"
        found[name] = (outcome, message)
    return found
