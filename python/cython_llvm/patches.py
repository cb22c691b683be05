"""What the hook does to Cython's and distutils' modules once they are loaded.

Every patch is a wrapper that does nothing of its own unless ``--backend`` is among the
arguments (coverage's plugin: unless a module is of ours), and that can be applied twice without harm.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

_MARK = "__cython_llvm_original__"

# The request of the command line parsed last, for the main function that had it parsed.
current_request: Any = None


def _wrap(module: ModuleType, name: str, make: Any) -> None:
    original = getattr(module, name)
    if hasattr(original, _MARK):
        return
    wrapper = functools.wraps(original)(make(original))
    setattr(wrapper, _MARK, original)
    setattr(module, name, wrapper)


def _take_request(args: list[str], *, jobs: bool) -> list[str]:
    global current_request
    from .cli_options import mentions_backend

    current_request = None
    if not mentions_backend(args):
        return args
    from .cli_options import split_arguments

    current_request, rest = split_arguments(args, jobs=jobs)
    return rest


def patch_cmdline(module: ModuleType) -> None:
    """Cython.Compiler.CmdLine: our options are taken out first, and shown by --help."""

    def make_add(original: Any) -> Any:
        def add_compile_arguments(parser: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(parser, *args, **kwargs)
            from .cli_options import add_arguments, wants_help

            if wants_help(sys.argv[1:]):
                add_arguments(parser)
            return result

        return add_compile_arguments

    def make_parse(original: Any) -> Any:
        def parse_command_line(args: Any) -> Any:
            return original(_take_request(list(args), jobs=True))

        return parse_command_line

    _wrap(module, "add_compile_arguments", make_add)
    _wrap(module, "parse_command_line", make_parse)


def patch_main(module: ModuleType) -> None:
    """Cython.Compiler.Main: `main` compiles with us where --backend=llvm was given."""
    cmdline = sys.modules.get("Cython.Compiler.CmdLine")
    if cmdline is not None:
        patch_cmdline(cmdline)
        module.parse_command_line = cmdline.parse_command_line  # type: ignore[attr-defined]

    def make_main(original: Any) -> Any:
        def main(command_line: int = 0) -> Any:
            from .cli_options import mentions_backend

            if not command_line or not mentions_backend(sys.argv[1:]):
                return original(command_line=command_line)
            from .cli import run_cython

            return run_cython(module, original)

        return main

    _wrap(module, "main", make_main)


def patch_cythonize(module: ModuleType) -> None:
    """Cython.Build.Cythonize: `main` builds with us where --backend=llvm was given."""

    def make_parser(original: Any) -> Any:
        def create_args_parser() -> Any:
            parser = original()
            from .cli_options import add_arguments, wants_help

            if wants_help(sys.argv[1:]):
                add_arguments(parser, jobs=False)
            return parser

        return create_args_parser

    def make_parse(original: Any) -> Any:
        def parse_args(args: Any) -> Any:
            given = sys.argv[1:] if args is None else args
            rest = _take_request(list(given), jobs=False)
            return original(args if current_request is None else rest)

        return parse_args

    def make_main(original: Any) -> Any:
        def main(args: Any = None) -> Any:
            from .cli_options import mentions_backend

            given = sys.argv[1:] if args is None else list(args)
            if not mentions_backend(given):
                return original(args)
            from .cythonize_cli import run_cythonize

            return run_cythonize(module, original, args)

        return main

    _wrap(module, "create_args_parser", make_parser)
    _wrap(module, "parse_args", make_parse)
    _wrap(module, "main", make_main)


def patch_coverage(module: ModuleType) -> None:
    """Cython.Coverage: modules of ours have no C file beside them that it could read."""

    def make_init(original: Any) -> Any:
        def coverage_init(registry: Any, options: Any) -> None:
            from . import coverage

            coverage.coverage_init(registry, options)

        return coverage_init

    _wrap(module, "coverage_init", make_init)


def patch_pipeline(module: ModuleType) -> None:
    """Cython.Compiler.Pipeline, with CYTHON_LLVM_DISTUTILS=1: trees are kept for the tree route."""
    from . import treecache

    if treecache.default_route() != "c":
        treecache.patch_pipeline(module)


def patch_distutils_module(module: ModuleType) -> None:
    """distutils.ccompiler under either of its names, with CYTHON_LLVM_DISTUTILS=1."""
    from .distutils_patch import patch_ccompiler

    patch_ccompiler(module)
