"""Runs one test file in a forked process, through Cython's ``runtests.py``.

The parent has Cython and runtests imported and warm, so that a fork costs milliseconds; whatever
the test does to the process (a crash, a hang, a changed global) ends with the fork.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

from .corpus import Corpus

_FLAGS = ["-vv", "--no-unit", "--no-doctest", "--no-pyregr", "--no-examples", "--no-code-style",
          "--no-refnanny", "--no-cpp-locals", "--exit-ok"]  # fmt: skip


def load_runtests(corpus: Corpus) -> ModuleType:
    """Import runtests.py, with the installed Cython and not the one beside it."""
    os.chdir(corpus.root)
    spec = importlib.util.spec_from_file_location("runtests", corpus.root / "runtests.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["runtests"] = module
    sys.argv = [str(corpus.root / "runtests.py")]
    spec.loader.exec_module(module)
    module.EndToEndTest.cython_root = str(corpus.runtime)
    return module


def warm_up(corpus: Corpus, runtests: ModuleType, files: list[str]) -> None:
    """Pay what every child would pay: Cython's lexicon and builtins, the files' tags."""
    import tempfile

    from Cython.Compiler.Main import compile_single
    from Cython.Compiler.Options import CompilationOptions, default_options

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "warm.pyx"
        source.write_text("def f(double[:] a):\n    return a[0]\n")
        compile_single(str(source), CompilationOptions(default_options), "warm")
    for name in files:
        runtests.parse_tags(str(corpus.tests / name))


def _languages(corpus: Corpus, runtests: ModuleType, name: str) -> str:
    if name.endswith(".srctree"):
        return "c,cpp"
    return "cpp" if runtests.skip_c(runtests.parse_tags(str(corpus.tests / name))) else "c"


def _select_only(runtests: ModuleType, corpus: Corpus, name: str) -> None:
    """Make TestBuilder see one file of the folder (two files may share a module's name)."""
    folder, _, filename = name.partition("/")
    original_list = runtests.list_unchanging_dir
    original_handle = runtests.TestBuilder.handle_directory

    def handle_directory(self: Any, path: str, context: str) -> Any:
        if context != folder:
            return unittest.TestSuite()
        runtests.list_unchanging_dir = lambda path: [filename]
        try:
            return original_handle(self, path, context)
        finally:
            runtests.list_unchanging_dir = original_list

    runtests.TestBuilder.handle_directory = handle_directory


class _Recorder(unittest.TextTestRunner):
    """Keeps the result object for the report."""

    last: unittest.TestResult | None = None

    def run(self, test: Any) -> unittest.TextTestResult:
        result = super().run(test)
        _Recorder.last = result
        return result


#: Files whose tests look for lines of C in tracebacks.
_LINES_OF_C = {"run/tracebacks.pyx"}


def _note_routes(name: str) -> set[str]:
    """A set that comes to hold the route of each module that this process builds.

    runtests.py asks for clean-up code and for lines of C in tracebacks, which are C's alone and which
    no test that it builds in this process looks at, but for those of `_LINES_OF_C`.
    """
    found: set[str] = set()
    treecache = sys.modules.get("cython_llvm.treecache")
    if treecache is not None:
        for option in ("generate_cleanup_code", "clear_to_none"):
            treecache.routes.C_OPTIONS.pop(option, None)
        treecache.routes.HARMLESS_MACROS.add("CYTHON_CLINE_IN_TRACEBACK")
        reasons = treecache.routes.option_reasons

        def option_reasons(options: Any = None) -> tuple[str, ...]:
            return tuple(one for one in reasons(options) if one != treecache.routes.LINES_OF_C)

        if name not in _LINES_OF_C:
            treecache.routes.option_reasons = option_reasons
        stock = treecache.choice_for

        def choice_for(*args: Any) -> Any:
            choice = stock(*args)
            found.add(choice.route)
            return choice

        treecache.choice_for = choice_for
    return found


def run_file(corpus: Corpus, runtests: ModuleType, name: str, work: Path, report: Path) -> None:
    """In the forked child: run the file, write what unittest saw to ``report`` as JSON."""
    folder, _, filename = name.partition("/")
    module = filename.rpartition(".")[0]
    _select_only(runtests, corpus, name)
    routes = _note_routes(name)
    runtests.unittest.TextTestRunner = _Recorder
    sys.argv = [
        "runtests.py",
        *_FLAGS,
        f"--backends={_languages(corpus, runtests, name)}",
        f"--work-dir={work}",
        f"--root-dir={corpus.tests}",
        rf"^{folder}\.{module}$",
    ]
    try:
        runtests.main()
    except SystemExit:
        pass
    result = _Recorder.last
    if result is None:
        return
    bad = [(str(test), text) for test, text in [*result.failures, *result.errors]]
    bad += [(str(test), "unexpected success") for test in result.unexpectedSuccesses]
    data = {
        "run": result.testsRun,
        "bad": [[name, text[-6000:]] for name, text in bad],
        "skipped": [str(reason) for _, reason in result.skipped],
        "routes": " ".join(sorted(routes)),
    }
    report.write_text(json.dumps(data))
