"""``python -m cython_llvm``: Python's prompt, where .pyx files import and edits to them come in."""

from __future__ import annotations

import argparse
import sys

from . import __version__
from .repl import Console, run_file


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cython_llvm", description=__doc__)
    parser.add_argument("-V", "--version", action="version", version=f"cython_llvm {__version__}")
    parser.add_argument("-q", dest="quiet", action="store_true", help="no banner")
    parser.add_argument("-i", dest="interactive", action="store_true", help="a prompt after the file")
    parser.add_argument("-c", dest="command", metavar="CODE", help="run this instead of a prompt")
    parser.add_argument("--language-level", choices=("2", "3", "3str"), help="of .pyx files")
    parser.add_argument("--no-autoreload", action="store_true", help="leave edited modules alone")
    parser.add_argument("file", nargs="?", help="a .py or .pyx file to run first")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    given = parser.parse_args(arguments)

    from . import importer, settings

    try:
        settings.default_settings()
    except ValueError as error:  # what an environment variable says
        parser.error(str(error))
    level = int(given.language_level) if given.language_level in ("2", "3") else given.language_level
    importer.install(language_level=level)
    console = Console(reloading=not given.no_autoreload)
    status = 0
    if given.command is not None:
        sys.argv = ["-c", *([given.file] if given.file else []), *given.args]
        status = console.run_once(given.command)
    elif given.file is not None:
        sys.argv = [given.file, *given.args]
        status = run_file(given.file, console)
    if given.interactive or (given.command is None and given.file is None):
        console.talk(quiet=given.quiet)
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
