"""`cythonize --backend=llvm`: the stock command, built in place without a C compiler.

The stock main function parses, expands paths and benchmarks; Cython's own cythonize() writes
the C, into a temporary directory unless -s build_dir says otherwise; compiling and linking
happen here.  A module whose output is newer than everything it was made from is left alone.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from . import (
    compiler_import,
    cythonize_routes,
    explaining,
    lexicon,
    patches,
    produce,
    scratch,
)
from . import jobs as job_pool
from .cdiag import shown_path as _shown
from .cli import Outcome
from .cli_options import Request
from .distutils_patch import patch_distutils
from .errors import CythonLLVMError
from .progress import Progress
from .settings import Settings

_SIDE_FILES = (".html", ".h", "_api.h", ".pxi")


@dataclass(frozen=True)
class Module:
    """One extension to build: its generated C and where the result goes."""

    name: str
    source: str | None  # the .pyx or .py
    c_file: str
    base_dir: str
    extension: Any


def run_cythonize(module: ModuleType, stock_main: Callable[..., Any], args: Any) -> Any:
    """Run the stock main function of Cython.Build.Cythonize with our build step."""
    stock_compile_files = module._cython_compile_files
    stock_build = module._build
    stock_cythonize = module.cythonize
    try:
        work = scratch.make()
    except CythonLLVMError as error:
        sys.exit(produce.failure_text(error, None, ""))
    sources: dict[str, str] = {}
    fresh: set[str] = set()

    def is_ours() -> bool:
        request = patches.current_request
        return request is not None and request.backend == "llvm" and request.emit != "c"

    def compile_files(paths: Any, options: Any) -> Any:
        if is_ours():
            if not options.build:
                options.build = options.build_inplace = True
            options.options.setdefault("build_dir", work)
            if options.parallel is None:
                options.parallel = job_pool.default_jobs()
        return stock_compile_files(paths, options)

    def cythonize(paths: Any, **options: Any) -> Any:
        if not is_ours():
            return stock_cythonize(paths, **options)
        request = patches.current_request
        stale, up_to_date = _cythonize_stale(stock_cythonize, paths, options, sources, request)
        fresh.update(ext.name for ext in up_to_date)
        return [*stale, *up_to_date]

    def build(ext_modules: Any, parallel: Any) -> None:
        if not is_ours():
            stock_build(ext_modules, parallel)
            return
        found = [
            _module(ext, base, sources)
            for base, extensions in ext_modules
            for ext in extensions
            if ext.name not in fresh
        ]
        quiet = any(arg in ("-q", "--quiet") for arg in sys.argv[1:])
        if not build_modules(found, patches.current_request, parallel, quiet):
            sys.exit(1)
        patch_distutils()  # --timeit compiles its benchmark with cython.inline

    module._cython_compile_files = compile_files
    module._build = build
    module.cythonize = cythonize
    try:
        with compiler_import.no_programs():
            return stock_main(args)
    finally:
        module._cython_compile_files = stock_compile_files
        module._build = stock_build
        module.cythonize = stock_cythonize
        shutil.rmtree(work, ignore_errors=True)


def _module(ext: Any, base_dir: str | None, sources: dict[str, str]) -> Module:
    return Module(ext.name, sources.get(ext.name), ext.sources[0], base_dir or os.getcwd(), ext)


def _output(name: str, base_dir: str, emit: str) -> str:
    package = name.split(".")[:-1]
    return os.path.join(base_dir, *package, produce.output_name(name, emit))


def _base_dir(source: str) -> str:
    """The directory above a source's outermost package."""
    from Cython.Utils import is_package_dir

    directory = os.path.dirname(os.path.abspath(source))
    while is_package_dir(directory):
        directory = os.path.dirname(directory)
    return directory


def _cythonize_stale(
    stock: Callable[..., Any],
    paths: Any,
    options: dict[str, Any],
    sources: dict[str, str],
    request: Request,
) -> tuple[list[Any], list[Any]]:
    """(extensions that Cython's cythonize() wrote C for, those whose output is up to date)."""
    from Cython.Build.Dependencies import create_dependency_tree, create_extension_list
    from Cython.Compiler.Main import Context
    from Cython.Compiler.Options import CompilationOptions

    known = {k: v for k, v in options.items() if k not in _CYTHONIZE_ARGUMENTS}
    known.setdefault("include_path", ["."])
    context = Context.from_options(CompilationOptions(**known))
    tree = create_dependency_tree(context, quiet=True)
    excluded = list(options.get("exclude") or [])
    up_to_date: list[Any] = []
    todo: list[Any] = []
    listed, _ = create_extension_list(
        paths, exclude=excluded, ctx=context, quiet=True,
        language=options.get("language"), exclude_failures=bool(options.get("exclude_failures")),
    )  # fmt: skip
    for ext in listed:
        if not ext.sources:
            continue
        source = ext.sources[0]
        sources[ext.name] = source
        todo.append(ext)
        if options.get("force") or os.environ.get("CYTHON_FORCE_REGEN") == "1":
            continue
        output = _output(ext.name, _base_dir(source), request.emit)
        inputs = {*tree.all_dependencies(source), *ext.depends, *ext.sources}
        if _newer_than_all(output, inputs):
            excluded.append(os.path.abspath(source))
            up_to_date.append(todo.pop())
    options["exclude"] = excluded
    if len(up_to_date) < len(listed):
        lexicon.make_ready()
    def settings_of(ext: Any) -> Settings:
        return _settings(Module(ext.name, sources[ext.name], "", _base_dir(ext.sources[0]), ext), request)

    wanted = cythonize_routes.settings_of(settings_of, todo)
    try:
        with cythonize_routes.deciding(wanted, request.emit):
            made = stock(paths, **{**options, "force": True, "quiet": True})
    finally:
        lexicon.save()
    return list(made), up_to_date


_CYTHONIZE_ARGUMENTS = frozenset(
    {"exclude", "nthreads", "aliases", "quiet", "force", "language", "exclude_failures",
     "show_all_warnings", "depfile"}
)  # fmt: skip


def _newer_than_all(output: str, inputs: Any) -> bool:
    try:
        made = os.path.getmtime(output)
    except OSError:
        return False
    for path in inputs:
        try:
            if os.path.getmtime(path) > made:
                return False
        except OSError:
            return False
    return True


def build_modules(
    modules: Sequence[Module], request: Request, parallel: int | None, quiet: bool = False
) -> bool:
    """Build every module; prints errors and progress.  True when all went well."""
    progress = Progress(len(modules), quiet=quiet)
    count = parallel or job_pool.default_jobs()
    good = True

    def output_of(module: Module) -> str:
        return _output(module.name, module.base_dir, request.emit)

    def report(module: Module, outcome: Outcome) -> None:
        nonlocal good
        for message in outcome.messages:
            progress.message(message)
        good = good and not outcome.num_errors
        written = None if outcome.num_errors else _shown(output_of(module))
        progress.done(_label(module), written, outcome.seconds)
        if outcome.explanation:
            progress.message(outcome.explanation)

    def build(module: Module) -> Outcome:
        return build_module(module, request, output_of(module))

    def finished(item: job_pool.Finished) -> None:
        module = modules[item.index]
        progress.message(item.output)
        outcome = item.value
        if outcome is None:
            text = f"{_label(module)}: not built: {item.failure} [CYL4003]"
            outcome = Outcome(num_errors=1, messages=[text])
        report(module, outcome)

    try:
        if len(modules) > 1 and count > 1 and hasattr(os, "fork"):
            job_pool.run_forked(
                build, modules, count, lambda i: progress.start(_label(modules[i])), finished
            )
        else:
            for module in modules:
                progress.start(_label(module))
                report(module, build(module))
    finally:
        progress.close()
    return good


def _label(module: Module) -> str:
    return _shown(module.source) if module.source else module.name


def build_module(module: Module, request: Request, output: str) -> Outcome:
    """Compile and link one extension that Cython has been through.  Errors are in the outcome."""
    began = time.perf_counter()
    outcome = Outcome()
    unit: produce.CUnit | None = None
    ext = module.extension
    try:
        settings = _settings(module, request)
        choice = cythonize_routes.taken(module.c_file, module.name, settings)
        with open(module.c_file, "rb") as file:
            text = file.read()
        language = "c++" if ext.language == "c++" or module.c_file.endswith(".cpp") else "c"
        unit = produce.CUnit(text, _virtual_name(module), language, module.source)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        if choice.module is not None:
            choice = cythonize_routes.written(choice, unit, settings, request.emit, output)
        if choice.module is None:
            warning = choice.warning(_label(module))
            outcome.messages += [warning] if warning else []
            outcome.messages += produce.produce(unit, settings, request.emit, output)
        _move_side_files(module)
        if request.explain:
            outcome.explanation = explaining.route_line(_label(module), choice.route, choice.reasons)
    except (CythonLLVMError, OSError) as error:
        outcome.num_errors = 1
        outcome.messages.append(produce.failure_text(error, unit, _shown(output)))
    outcome.seconds = time.perf_counter() - began
    return outcome


def _settings(module: Module, request: Request) -> Settings:
    """How an extension is compiled: the command line's settings and its own."""
    ext = module.extension
    flags = [f"-O{request.opt_level}"] if request.opt_level is not None else []
    flags += [f"-march={request.march}"] if request.march else []
    flags += ["-g"] if request.debug else []
    settings = produce.from_distutils(request.settings(), vars(ext)).with_(
        extra_sources=tuple(ext.sources[1:]),
    )
    settings = settings.with_(extra_compile_args=(*settings.extra_compile_args, *flags))
    roots = [os.getcwd(), module.base_dir]
    if module.source:
        roots.append(os.path.dirname(module.source))
    return produce.resolved(settings, roots)


def _virtual_name(module: Module) -> str:
    """The C file's name beside the source, so that its #include "..." are found from there."""
    if module.source is None:
        return module.c_file
    return os.path.join(
        os.path.dirname(os.path.abspath(module.source)), os.path.basename(module.c_file)
    )


def _move_side_files(module: Module) -> None:
    """Headers and the annotated HTML to where stock cythonize leaves them."""
    if module.source is None:
        return
    made, wanted = os.path.splitext(module.c_file)[0], os.path.splitext(module.source)[0]
    if os.path.abspath(made) == os.path.abspath(wanted):
        return
    for suffix in _SIDE_FILES:
        if os.path.exists(made + suffix):
            shutil.move(made + suffix, wanted + suffix)
