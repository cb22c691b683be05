#!/usr/bin/env python3
"""What large modules cost to compile: the tree route, start to end, against Cython's C by gcc -O2.

Modules of Cython itself (its compiler compiled), and of packages whose sources `make packages-check` has
fetched (`--packages`: of these, whatever is there).  Both sides start with the source and end with a
library, each in processes of its own; what counts is their processor time, the least of the rounds, which
alternate.  Sizes are without symbol tables.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testsuite"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from size import GCC, measured, run  # noqa: E402

from packages import checking, environment  # noqa: E402

#: Sources in Cython's own compiler, and in packages.
OWN = ["Cython/Compiler/Code.py", "Cython/Compiler/Nodes.py", "Cython/Compiler/ExprNodes.py"]
OTHERS = {
    "pandas": ["pandas/_libs/algos.pyx", "pandas/_libs/groupby.pyx", "pandas/_libs/lib.pyx"],
    "scikit-learn": ["sklearn/tree/_tree.pyx"],
}
#: Processor time of the tree route's for that of the other's, over all modules.
BAR = 0.6


@dataclasses.dataclass(frozen=True)
class Job:
    """A module to be compiled, and the package that says how."""

    package: environment.Package
    root: Path
    source: str

    @property
    def name(self) -> str:
        return ".".join(Path(self.source).with_suffix("").parts)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Seconds, and what of them is Cython's, where that is known; the library's size in bytes."""

    seconds: float
    frontend: float
    size: int


def jobs(folder: Path, names: list[str]) -> list[Job]:
    from conformance.corpus import fetch

    own = environment.Package("Cython", "", "", OWN)
    found = [Job(own, fetch(ROOT / ".cache").tests.parent, source) for source in OWN]
    known = environment.packages()
    for name, sources in OTHERS.items():
        package = dataclasses.replace(known[name], sources={})
        root = folder / "src" / f"{name}-{package.version}" / package.root
        found += [Job(package, root, source) for source in sources if (root / source).exists()]
    return [job for job in found if not names or any(name in job.source for name in names)]


def tree(job: Job, folder: Path) -> Cost:
    library = folder / "tree.so"
    found = checking.compiled(job.package, job.root, job.root / job.source, job.name, library, sys.executable)
    if found["state"] != "tree":
        raise SystemExit(f"{job.source}: {found}")
    return Cost(found["cpu"], found["frontend"], measured(library)[1])


def gcc(job: Job, folder: Path) -> Cost:
    import numpy

    text, library = folder / "module.c", folder / "gcc.so"
    options = [f"-{job.package.language_level}", *(
        f"-X{name}={value}" for name, value in job.package.directives.items())]  # fmt: skip
    include = [sysconfig.get_path("include"), numpy.get_include(),
               *(str(job.root / folder) for folder in job.package.include_dirs)]  # fmt: skip
    start = children()
    run([sys.executable, "-m", "cython", *options, "--module-name", job.name, "-I", str(job.root), job.source,
         "-o", str(text)], job.root)  # fmt: skip
    frontend = children() - start
    macros = [f"-D{name}={value}" for name, value in job.package.macros]
    run([*GCC, *macros, *(f"-I{one}" for one in include), str(text), "-o", str(library), "-lm"], job.root)
    return Cost(children() - start, frontend, measured(library)[1])


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def least(costs: list[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of the sources' names; default: all")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--packages", type=Path, default=environment.WORK, help="packages-check's folder")
    args = parser.parse_args()
    total: dict[str, Any] = {"tree": 0.0, "gcc": 0.0}
    print("| module | tree route, s | of it Cython | Cython and gcc -O2, s | of it Cython | time | size |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for job in jobs(args.packages, args.names):
            try:
                both = [(tree(job, Path(name)), gcc(job, Path(name))) for _ in range(args.rounds)]
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(error, file=sys.stderr)
                return 2
            ours, theirs = (least(list(side)) for side in zip(*both, strict=True))
            total["tree"] += ours.seconds
            total["gcc"] += theirs.seconds
            print(f"| {job.source} | {ours.seconds:.1f} | {ours.frontend:.1f} | {theirs.seconds:.1f} "
                  f"| {theirs.frontend:.1f} | {ours.seconds / theirs.seconds:.2f} "
                  f"| {ours.size / theirs.size:.2f} |", flush=True)  # fmt: skip
    ratio = total["tree"] / total["gcc"]
    print(f"together {ratio:.2f} of the time of Cython's C by gcc -O2; the bar is {BAR}")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
