"""`cython --backend=llvm`: the stock command, ending in machine code.

The stock main function parses the arguments, changes directory, reports errors and sets the
exit code; only the step that compiles the sources is ours, and that runs the stock pipeline
on every file, with the C in a temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from . import (
    cli_routes,
    compiler_import,
    directives,
    lexicon,
    patches,
    produce,
    scratch,
)
from . import jobs as job_pool
from .cdiag import shown_path as _shown
from .cli_options import Request
from .errors import CythonLLVMError
from .progress import Progress

Compile = Callable[..., Any]


@dataclass(frozen=True)
class Job:
    """One source file and where its results go."""

    source: str  # absolute
    output: str
    c_path: str  # where stock Cython would write the C: side files go beside it


@dataclass
class Outcome:
    """How one file went."""

    seconds: float = 0.0
    num_errors: int = 0
    messages: list[str] = field(default_factory=list)
    explanation: str = ""


class ResultSet(dict):
    """What the stock main function reads of a compilation's result."""

    num_errors = 0


def run_cython(main_module: ModuleType, stock_main: Callable[..., Any]) -> Any:
    """Run the stock main function with our compile step.  Exits as it does."""
    from Cython.Build import SharedModule

    stock_compile = main_module.compile
    stock_shared = SharedModule.generate_shared_module

    def compile_step(sources: Any, options: Any = None, *args: Any, **kwargs: Any) -> Any:
        request = patches.current_request
        if request is None or request.backend != "llvm" or request.emit == "c":
            return stock_compile(sources, options, *args, **kwargs)
        return compile_sources(main_module, stock_compile, sources, options, request)

    def shared_step(options: Any) -> Any:
        request = patches.current_request
        if request is None or request.backend != "llvm" or request.emit == "c":
            return stock_shared(options)
        return compile_shared(stock_shared, options, request)

    main_module.compile = compile_step
    SharedModule.generate_shared_module = shared_step
    try:
        with compiler_import.no_programs():
            return stock_main(command_line=1)
    finally:
        main_module.compile = stock_compile
        SharedModule.generate_shared_module = stock_shared


def _stem(path: str, emit: str) -> str:
    """A path without the suffix of an output file."""
    suffix = produce.extension_suffix() if emit == "so" else produce.SUFFIXES[emit]
    return path[: -len(suffix)] if path.endswith(suffix) else os.path.splitext(path)[0]


def plan(main_module: ModuleType, source: str, options: Any, request: Request) -> Job:
    """Where one source's output goes: beside it, or where -o says."""
    from Cython.Compiler import Options

    name = options.module_name
    if not name:
        context = main_module.Context.from_options(options)
        name = context.extract_module_name(source, options)
    suffix = ".cpp" if options.cplus else ".c"
    directory, chosen = os.path.dirname(source), None
    if options.output_file:
        out = os.path.join(os.getcwd(), options.output_file)
        if os.path.isdir(out):
            directory = out
        else:
            chosen = out
    if Options.embed and request.emit == "so":
        output = chosen or os.path.join(directory, name.rpartition(".")[2])
    else:
        output = chosen or os.path.join(directory, produce.output_name(name, request.emit))
    if chosen:
        c_path = _stem(chosen, request.emit) + suffix
    else:
        c_path = os.path.join(directory, os.path.splitext(os.path.basename(source))[0] + suffix)
    return Job(source, output, c_path)


def compile_sources(
    main_module: ModuleType,
    stock_compile: Compile,
    sources: Sequence[str],
    options: Any,
    request: Request,
) -> ResultSet:
    """Compile every source; prints errors, progress and, asked for, explanations."""
    results = ResultSet()
    planned: dict[str, Job] = {}
    for name in sources:
        source = os.path.abspath(name)
        if source not in planned:
            planned[source] = plan(main_module, source, options, request)
    clash = _clash(list(planned.values()))
    if clash:
        sys.stderr.write(clash + "\n")
        results.num_errors = 1
        return results
    todo = [job for job in planned.values() if _out_of_date(main_module, job, options)]
    progress = Progress(len(todo), quiet=bool(options.quiet))

    def build(job: Job) -> Outcome:
        return build_one(main_module, stock_compile, job, options, request)

    def report(job: Job, outcome: Outcome) -> None:
        for message in outcome.messages:
            progress.message(message)
        results.num_errors += outcome.num_errors
        written = None if outcome.num_errors else _shown(job.output)
        progress.done(_shown(job.source), written, outcome.seconds)
        if outcome.explanation:
            progress.message(outcome.explanation)

    try:
        count = request.jobs or job_pool.default_jobs()
        if len(todo) > 1 and count > 1 and hasattr(os, "fork"):
            _build_parallel(build, todo, count, progress, report)
        else:
            for job in todo:
                progress.start(_shown(job.source))
                with progress.giving_way():
                    outcome = build(job)
                report(job, outcome)
    finally:
        progress.close()
    return results


def _build_parallel(
    build: Callable[[Job], Outcome],
    todo: Sequence[Job],
    count: int,
    progress: Progress,
    report: Callable[[Job, Outcome], None],
) -> None:
    def finished(item: job_pool.Finished) -> None:
        job = todo[item.index]
        outcome = item.value
        if outcome is None:
            text = f"{_shown(job.source)}: not compiled: {item.failure} [CYL4003]"
            outcome = Outcome(num_errors=1, messages=[text])
        progress.message(item.output)
        report(job, outcome)

    lexicon.make_ready()
    job_pool.run_forked(
        build, todo, count, lambda index: progress.start(_shown(todo[index].source)), finished
    )


def _clash(planned: Sequence[Job]) -> str | None:
    seen: dict[str, str] = {}
    for job in planned:
        other = seen.setdefault(job.output, job.source)
        if other != job.source:
            return (
                f"{_shown(other)} and {_shown(job.source)} would both be written to "
                f"{_shown(job.output)}: give -o a directory, or compile them apart [CYL4004]"
            )
    return None


def _out_of_date(main_module: ModuleType, job: Job, options: Any) -> bool:
    if not options.timestamps:
        return True
    context = main_module.Context.from_options(options)
    return bool(context.c_file_out_of_date(job.source, job.output))


def header_values(main_module: ModuleType, source: str, options: Any) -> dict[str, Any]:
    """The ``# distutils:`` settings of a source and of what it cimports."""
    from Cython.Build.Dependencies import create_dependency_tree

    context = main_module.Context.from_options(options)
    return dict(create_dependency_tree(context, quiet=True).distutils_info(source).values)


def build_one(
    main_module: ModuleType, stock_compile: Compile, job: Job, options: Any, request: Request
) -> Outcome:
    """One source to its output.  Errors are in the outcome; Cython prints its own as it goes."""
    began = time.perf_counter()
    outcome = Outcome()
    unit: produce.CUnit | None = None
    directory = ""
    try:
        directory = scratch.make()
        settings = request.settings()
        values = header_values(main_module, job.source, options)
        if values.get("language") == "c++" and not options.cplus:
            options = type(options)(options, cplus=1)
            c_path = os.path.splitext(job.c_path)[0] + ".cpp"
            job = Job(job.source, job.output, c_path)
        settings = _of_header(settings, values, job, request)
        build = cli_routes.Build(job.source, options, settings, request.emit)
        uncached = type(options)(options, cache=None) if build.wants_tree else options
        with build.deciding():
            unit = generate(main_module, stock_compile, job, uncached, request, directory)
        if unit is None:
            outcome.num_errors = 1
            return outcome
        outcome.messages += build.finish(unit, job.output, finish)
        if request.explain:
            outcome.explanation = build.explanation()
        if options.verbose:
            sys.stderr.write(build.choice.line(_shown(job.source)) + "\n")
    except (CythonLLVMError, OSError) as error:
        outcome.num_errors = 1
        outcome.messages.append(produce.failure_text(error, unit, _shown(job.output)))
    except Exception as error:
        # A PyrexError is a message for the user, as in the stock main; the rest are bugs.
        from Cython.Compiler.Errors import PyrexError

        outcome.num_errors = 1
        known = isinstance(error, PyrexError)
        outcome.messages.append(str(error) if known else traceback.format_exc())
    finally:
        lexicon.save()
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
        outcome.seconds = time.perf_counter() - began
    return outcome


def _of_header(settings: Any, values: Any, job: Job, request: Request) -> Any:
    """``settings`` with what a source's `# distutils:` lines say."""
    settings = produce.from_distutils(settings, values)
    settings = settings.with_(extra_sources=tuple(values.get("sources") or ()))
    settings = produce.resolved(settings, [os.getcwd(), os.path.dirname(job.source)])
    return _command_line_wins(settings, request)


def _command_line_wins(settings: Any, request: Request) -> Any:
    """-O, --march and -g of the command line after the same flags of a source's header."""
    flags: list[str] = []
    if request.opt_level is not None:
        flags.append(f"-O{request.opt_level}")
    if request.march is not None:
        flags.append(f"-march={request.march}")
    if request.debug:
        flags.append("-g")
    return settings.with_(extra_compile_args=(*settings.extra_compile_args, *flags))


def finish(unit: produce.CUnit, settings: Any, emit: str, output: str) -> list[str]:
    """Write the output for generated C: a module, or with --embed a program."""
    from Cython.Compiler import Options

    if Options.embed and emit == "so":
        from .embed import link_program

        return link_program(unit, settings, output, Options.embed)
    return produce.produce(unit, settings, emit, output)


def generate(
    main_module: ModuleType,
    stock_compile: Compile,
    job: Job,
    options: Any,
    request: Request,
    directory: str,
) -> produce.CUnit | None:
    """Run Cython's own pipeline; None where it reported errors.

    Headers, the annotated HTML and the like end up where stock Cython puts them.
    """
    c_file = os.path.join(directory, os.path.basename(job.c_path))
    ours = type(options)(options, output_file=c_file, timestamps=None)
    ours.compiler_directives = {**directives.from_environment(), **(ours.compiler_directives or {})}
    if request.debug:
        ours.emit_linenums = True
    if ours.annotate is None and _annotated_before(job.c_path):
        ours.annotate = True
    result = stock_compile(job.source, ours, full_module_name=options.module_name)
    if result.num_errors > 0 or not result.c_file:
        return None
    with open(result.c_file, "rb") as file:
        text = file.read()
    _place_side_files(directory, c_file, job)
    return produce.CUnit(text, job.c_path, "c++" if ours.cplus else "c", job.source)


def _annotated_before(c_path: str) -> bool:
    """Whether an HTML file of Cython's lies where this one would go: stock then renews it."""
    with contextlib.suppress(OSError), open(
        os.path.splitext(c_path)[0] + ".html", encoding="utf-8", errors="replace"
    ) as html:
        return "<!-- Generated by Cython" in html.read(100)
    return False


def _place_side_files(directory: str, c_file: str, job: Job) -> None:
    target = os.path.dirname(job.c_path)
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if path == c_file or not os.path.isfile(path):
            continue
        if name.endswith(".dep"):
            retarget_depfile(path, job.output)
        shutil.move(path, os.path.join(target, name))


def retarget_depfile(path: str, output: str) -> None:
    """Make a depfile's rule one for ``output``: the C that Cython named is not kept."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        _, colon, prerequisites = file.read().partition(":")
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(os.path.relpath(output).replace(" ", "\\ ") + colon + prerequisites)


def compile_shared(stock_shared: Callable[..., Any], options: Any, request: Request) -> None:
    """--generate-shared: the shared utility module, as an extension module.

    The name given is that of the C file, as in stock Cython, or of the output.
    """
    c_path = os.path.abspath(options.shared_c_file_path)
    suffix = os.path.splitext(c_path)[1].lower()
    if suffix in (".c", ".cpp", ".cc", ".cxx"):
        stem = os.path.splitext(os.path.basename(c_path))[0]
        output = os.path.join(os.path.dirname(c_path), produce.output_name(stem, request.emit))
    else:
        output = c_path
        c_path = _stem(output, request.emit) + (".cpp" if options.cplus else ".c")
    unit: produce.CUnit | None = None
    try:
        with scratch.folder() as directory:
            options.shared_c_file_path = os.path.join(directory, os.path.basename(c_path))
            stock_shared(options)
            try:
                with open(options.shared_c_file_path, "rb") as file:
                    text = file.read()
            except FileNotFoundError:
                sys.exit(1)  # Cython has said why
        unit = produce.CUnit(text, c_path, "c++" if options.cplus else "c")
        for message in produce.produce(unit, request.settings(), request.emit, output):
            sys.stderr.write(message + "\n")
    except (CythonLLVMError, OSError) as error:
        sys.stderr.write(produce.failure_text(error, unit, _shown(output)) + "\n")
        sys.exit(1)


def main(args: Sequence[str] | None = None) -> int:
    """The stock `cython` command with --backend=llvm, for ``python -m cython_llvm.cli``.

    Returns the exit code.
    """
    if "Cython.Compiler.Main" not in sys.modules:
        compiler_import.prepare_commands()
    from Cython.Compiler import CmdLine, Main

    patches.patch_cmdline(CmdLine)
    patches.patch_main(Main)
    given = list(sys.argv[1:] if args is None else args)
    if not any(arg.startswith("--backend") for arg in given):
        given.insert(0, "--backend=llvm")
    saved, sys.argv = sys.argv, [sys.argv[0], *given]
    try:
        Main.main(command_line=1)
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            sys.stderr.write(code + "\n")
            return 1
        return int(code or 0)
    finally:
        sys.argv = saved
    return 0


if __name__ == "__main__":
    sys.exit(main())
