"""The options that `cython` and `cythonize` take besides their own, and what they mean.

They are read only where ``--backend`` is given, by a parser of their own, so that the stock
parsers see exactly the arguments they always saw.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .cobject import PORTABLE_CPU, file_march
from .settings import EMIT_KINDS, ROUTES, Settings, default_settings

BACKENDS = ("c", "llvm")

TITLE = "cython-llvm"
DESCRIPTION = (
    "Compile to machine code with the LLVM inside cython-llvm: no C compiler is used. "
    "The options of this group need --backend=llvm."
)


@dataclass(frozen=True)
class Request:
    """What the command line asked of cython-llvm."""

    backend: str = "llvm"
    emit: str = "so"
    opt_level: int | None = None
    march: str | None = None
    route: str | None = None
    explain: bool = False
    debug: bool = False
    jobs: int | None = None

    def settings(self) -> Settings:
        """The settings for files written to disk, before the source's own headers."""
        base = default_settings()
        return base.with_(
            opt_level=base.opt_level if self.opt_level is None else self.opt_level,
            march=self.march or file_march(),
            route=self.route or base.route,
            debug=base.debug or self.debug,
        )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {value}")
    return value


def add_arguments(parser: argparse.ArgumentParser, *, jobs: bool = True) -> None:
    """Add the options' group; ``jobs=False`` where the command has a -j of its own."""
    group = parser.add_argument_group(TITLE, DESCRIPTION)
    group.add_argument("--backend", choices=BACKENDS, default=argparse.SUPPRESS,
                       help="c: write C, as without this option.  llvm: write an extension "
                            "module that can be imported")  # fmt: skip
    kinds = EMIT_KINDS if jobs else tuple(kind for kind in EMIT_KINDS if kind not in ("tree", "mir", "ptx"))
    group.add_argument("--emit", choices=kinds, default=argparse.SUPPRESS,
                       help="what to write: extension module (default), object file, portable "
                            "bitcode before optimisation, LLVM IR, assembly, "
                            + ("C, Cython's analysed tree as JSON, or its MIR" if jobs
                               else "or C"))  # fmt: skip
    group.add_argument("-O", dest="opt_level", type=int, choices=(0, 1, 2, 3),
                       metavar="LEVEL", default=argparse.SUPPRESS,
                       help="optimisation level, 0 to 3 (default 2)")  # fmt: skip
    group.add_argument("--march", metavar="CPU", default=argparse.SUPPRESS,
                       help=f"CPU to compile for: native, x86-64-v3, ... (default {PORTABLE_CPU}: "
                            f"the file runs on every machine of the architecture)")  # fmt: skip
    group.add_argument("--route", choices=ROUTES, default=argparse.SUPPRESS,
                       help="how to get from Cython's tree to LLVM: c goes through C text, tree "
                            "does not, auto (default) takes the best that works")  # fmt: skip
    group.add_argument("--explain", action="store_true", default=argparse.SUPPRESS,
                       help="print the route that each module took, and why")  # fmt: skip
    group.add_argument("-g", dest="debug", action="store_true", default=argparse.SUPPRESS,
                       help="debug information that points into the source")  # fmt: skip
    if jobs:
        group.add_argument("-j", "--jobs", type=_positive, metavar="N", default=argparse.SUPPRESS,
                           help="files compiled at a time (default: CPU count)")  # fmt: skip


def wants_help(args: Sequence[str]) -> bool:
    """Whether argparse would print the help for these arguments."""
    return any(arg == "-h" or (len(arg) > 2 and "--help".startswith(arg)) for arg in args)


def mentions_backend(args: Sequence[str]) -> bool:
    """Whether ``--backend`` is among the arguments."""
    return any(arg == "--backend" or arg.startswith("--backend=") for arg in args)


def split_arguments(args: Sequence[str], *, jobs: bool = True) -> tuple[Request | None, list[str]]:
    """(the request, the arguments left for the stock parser); (None, args) without --backend.

    Exits with 2 on a bad value, having printed usage and error as argparse does, or the error
    alone for a bad value in the environment.
    """
    given = list(args)
    if not mentions_backend(given):
        return None, given
    parser = argparse.ArgumentParser(
        prog=os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "cython",
        usage="%(prog)s --backend=llvm [options] sources...",
        add_help=False,
        allow_abbrev=False,
    )
    add_arguments(parser, jobs=jobs)
    ours, rest = parser.parse_known_args(given)
    values: dict[str, Any] = vars(ours)
    request = replace(Request(), **values)
    extra = sorted(set(values) - {"backend"})
    if request.backend != "llvm" and extra:
        names = {"opt_level": "-O", "debug": "-g"}
        shown = ", ".join(names.get(name, f"--{name}") for name in extra)
        parser.error(f"{shown}: needs --backend=llvm")
    if request.route == "tree" and request.emit == "c":
        parser.error("--emit=c: the tree route has no C; leave out --route=tree")
    if request.backend == "llvm" and request.emit != "c":
        try:
            request.settings()
        except ValueError as error:  # of the environment; the usage would not help
            parser.exit(2, f"{parser.prog}: error: {error}\n")
    return request, rest
