"""`python -m packages`: packages.toml's packages by the tree route, and their tests with what comes out.

For each package: its sdist of a pinned version and hash; each module that matches `modules` compiled by
the tree route alone; a copy of the installed package with these libraries in place of the wheel's own;
the package's tests, once with the wheel and once with the copy.  What differs is printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from . import checking, environment, report


def main() -> int:
    parser = argparse.ArgumentParser(prog="packages", description=__doc__)
    parser.add_argument("names", nargs="*", help="packages; none: all of them")
    parser.add_argument(
        "--work", type=Path, default=environment.WORK, help="folder for downloads and results"
    )
    parser.add_argument("-k", dest="only", help="only modules whose names contain this")
    parser.add_argument("--no-tests", action="store_true", help="only compile")
    parser.add_argument(
        "--all-tests",
        action="store_true",
        help="where packages.toml has a choice of tests, all of them",
    )
    parser.add_argument("--kept", action="store_true", help="take the libraries of an earlier run")
    parser.add_argument("--update", action="store_true", help="write testsuite/PACKAGES.md")
    args = parser.parse_args()
    known = environment.packages()
    chosen = {name: known[name] for name in args.names or known}
    results = []
    python = environment.virtual_environment(args.work, chosen.values())
    for package in chosen.values():
        if args.all_tests and package.all_tests:
            package = dataclasses.replace(package, tests=package.all_tests)
        results.append(checking.check(package, args.work, python, only=args.only, kept=args.kept,
                                      tests=not args.no_tests))  # fmt: skip
    if args.update:
        report.write(results)
    print(report.missing(results))
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
