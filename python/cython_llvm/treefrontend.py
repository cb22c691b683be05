"""Cython's pipeline up to the point where it would generate code, and the analysed tree from there.

For `cython --backend=llvm --emit=tree`; the form of the text is in docs/tree-schema.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import (
    frontend,
    hints,
    linemarks,
    live_slots,
    prange_frontend,
    scratch,
    sharedfunctions,
    sharedutil,
    tracedlines,
)
from .settings import Settings

if TYPE_CHECKING:
    from .shortened import Notes


@contextmanager
def exporting() -> Iterator[list[str]]:
    """While this lasts, compilations of this thread end in a tree instead of in C.

    The texts, one per module, are appended to the list.  The C files stay empty: what reads
    Cython's results goes on as ever.
    """
    trees: list[str] = []

    def export_stage(module: Any, options: Any, result: Any, generate: Generate) -> Any:
        if linemarks.wanted(module):
            trees.append(_with_lines(module, generate)[1])
            return _without_c(module, result)
        trees.append(export(module))
        # The headers of public and api names: Cython's own, as after generating C.
        module.generate_h_code(module.scope, options, result)
        module.generate_api_code(module.scope, options, result)
        return _without_c(module, result)

    with instead_of_generation(export_stage):
        yield trees


Generate = Callable[[Any], Any]
#: (a function that makes the tree's text, the source's path) -> whether there is to be no C.
Decide = Callable[[Callable[[], str], str], bool]


@contextmanager
def choosing_by_file(decide_for: Callable[[str], Decide]) -> Iterator[None]:
    """While this lasts, compilations of this thread ask about the tree when their C is made.

    ``decide_for`` gives a ``decide`` for each C file.  C is generated whatever the answer, for what
    else Cython makes in doing so: headers, the annotated page, warnings and hints.
    """
    from Cython.Compiler import Errors

    def stage(module: Any, options: Any, result: Any, generate: Generate) -> Any:
        done, text = generated(module, options, result, generate)
        if not Errors.get_errors_count():
            decide_for(os.path.abspath(result.c_file))(text, result.main_source_file)
        return done

    with instead_of_generation(stage):
        yield


@contextmanager
def choosing(decide: Decide, notes: Notes | None = None) -> Iterator[None]:
    """While this lasts, compilations of this thread ask ``decide`` before they make C.

    ``notes``: gets what a later analysis of an edit needs.
    """
    from Cython.Compiler import Errors

    def stage(module: Any, options: Any, result: Any, generate: Generate) -> Any:
        objects = notes.objects if notes is not None else None
        live_slots.assign(module.scope, live_slots.in_use(module.full_module_name, result.main_source_file))
        if linemarks.wanted(module):
            done, text = _with_lines(module, generate)
            if Errors.get_errors_count() or not decide(lambda: text, result.main_source_file):
                live_slots.forget(module.scope)
                return done
            return _without_c(module, result)
        without = decide(lambda: export(module, objects), result.main_source_file)
        if not without:
            live_slots.forget(module.scope)
        if not without or hints.come_with_c(module):
            generate(module)
        elif notes is not None:
            notes.module = module
        return _without_c(module, result) if without else result

    with instead_of_generation(stage, notes):
        yield


def export(module: Any, objects: list[Any] | None = None) -> str:
    """The tree of a module that has been through Cython's transforms."""
    from Cython.Compiler import Options

    from . import treeexport

    if Options.cimport_from_pyx:
        share_all(module.scope)
    return treeexport.export(module) if objects is None else treeexport.export(module, objects)


def _with_lines(module: Any, generate: Generate) -> tuple[Any, str]:
    """What generating C gives, and the tree with the places where that tells of lines."""
    objects: list[Any] = []
    text = export(module, objects)
    with linemarks.noting(module, objects) as marks:
        done = generate(module)
    return done, marks.added(lambda: text)()


#: The module that Cython's memoryview code comes in where it is not shared.
_OWN_MEMORYVIEWS = '"View.MemoryView"'


def generated(module: Any, options: Any, result: Any, generate: Generate) -> tuple[Any, Callable[[], str]]:
    """What generating C gives, and the tree of before, to be asked for."""
    objects: list[Any] = []
    text = _kept_export(module, options, result, objects)
    if not linemarks.wanted(module):
        return generate(module), text
    with linemarks.noting(module, objects) as marks:
        done = generate(module)
    return done, marks.added(text)


def _kept_export(module: Any, options: Any, result: Any, objects: list[Any]) -> Callable[[], str]:
    """The tree as it is now, to be asked for after C has been generated from it; ``objects`` gets what it
    consists of.

    The tree route has memoryview code in its run-time library.  A tree that has its own, as C that
    is for others must, is made anew without.
    """
    try:
        text = export(module, objects)
    except Exception as error:  # to be told by who asks
        failure = error

        def fail() -> str:
            raise failure

        return fail

    complete = sharedfunctions.noting(module, text)

    def ask() -> str:
        name = sharedutil.available()
        if name is None or options.shared_utility_qualified_name or _OWN_MEMORYVIEWS not in text:
            return complete()
        return _shared_export(module, options, result, name)

    return ask


def _shared_export(module: Any, options: Any, result: Any, name: str) -> str:
    """The tree with shared memoryview code: another run, whose messages have been printed before."""
    from Cython.Compiler import Errors, Main

    state = vars(Errors.threadlocal)
    before = dict(state)
    with scratch.folder() as folder, exporting() as trees:
        again = type(options)(
            options, output_file=os.path.join(folder, os.path.basename(result.c_file)), annotate=False,
            shared_utility_qualified_name=name, depfile=False, timestamps=None, cache=None,
        )  # fmt: skip
        try:
            Main.compile_single(result.main_source_file, again, module.full_module_name,
                                context=frontend.silent_context(again))  # fmt: skip
        finally:
            state.clear()
            state.update(before)
    return trees[0]


def _without_c(module: Any, result: Any) -> Any:
    if linemarks.wanted(module) and os.path.exists(result.c_file):
        with open(result.c_file, "rb") as file:
            result.traced_lines = tracedlines.of_c(file.read())
    result.compilation_source = module.compilation_source
    with open(result.c_file, "wb"):
        pass
    return result


@contextmanager
def instead_of_generation(stage: Callable[[Any, Any, Any, Generate], Any],
                          notes: Notes | None = None) -> Iterator[None]:  # fmt: skip
    """While this lasts, ``stage(module, options, result, generate)`` runs in this thread's
    compilations where Cython would generate C; ``generate(module)`` does that."""
    from Cython.Compiler import Pipeline, PyrexTypes

    owner = threading.get_ident()

    def with_stage(context: Any, options: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        # The process's first anonymous enum, after which C names some types of every later module.
        vars(PyrexTypes.c_anon_enum_type).pop("entry", None)
        stages = list(stock(context, options, result, *args, **kwargs))
        if threading.get_ident() != owner:
            return stages
        stages.insert(stage_index(stages, "inject_utility_code_stage"), wrap_declared)
        at = generation_stage(stages)
        generate = stages[at]

        def generate_pyx_code_stage(module: Any) -> Any:
            return stage(module, options, result, generate)

        stages = [*stages[:at], generate_pyx_code_stage, *stages[at + 1 :]]
        return stages if notes is None else notes.of_pipeline(stages)

    with frontend.LOCK:
        stock = Pipeline.create_pyx_pipeline
        Pipeline.create_pyx_pipeline = with_stage
        try:
            with prange_frontend.mixed_signs():
                yield
        finally:
            Pipeline.create_pyx_pipeline = stock


def share_all(scope: Any) -> None:
    """Export what a .pxd file would have declared, as Cython's C does with ``cimport_from_pyx``."""
    for entry in scope.c_class_entries:
        if entry.scope is scope and entry.visibility != "extern":
            entry.defined_in_pxd = 1  # its C methods are called as C calls them
    for entry in (*scope.var_entries, *scope.cfunc_entries):
        if entry.visibility != "extern":
            entry.defined_in_pxd = entry.used = 1


def wrap_declared(module: Any) -> Any:
    """Asks for the conversions to Python of functions that are declared ``cpdef``, as C's generator does."""
    for entry in module.scope.cfunc_entries:
        if entry.create_wrapper and entry.scope is module.scope:
            entry.type.create_to_py_utility_code(module.scope)
    return module


def stage_index(stages: list[Any], name: str) -> int:
    """The index of a stage by its function's name; the end where there is none."""
    found = (index for index, stage in enumerate(stages) if getattr(stage, "__name__", "") == name)
    return next(found, len(stages))


def generation_stage(stages: list[Any]) -> int:
    """The index of the stage that generates code."""
    return stage_index(stages, "generate_pyx_code_stage")


def analyse(
    path: str, module_name: str, settings: Settings, *, shared_utility: str | None = None
) -> tuple[str, frontend.CUnit]:
    """The analysed tree of one file as JSON, and what Cython read for it; the C is left empty.

    Raises `CompileError` as `frontend.generate_c` does.
    """
    from . import compiler_import

    with frontend.LOCK:
        compiler_import.import_compiler()
        with exporting() as trees:
            unit = frontend.generate_c(path, module_name, settings, shared_utility=shared_utility)
    return trees[0], unit


def export_tree(
    path: str, module_name: str, settings: Settings, *, shared_utility: str | None = None
) -> str:
    """The analysed tree of one file as JSON; raises `CompileError` as `frontend.generate_c` does."""
    return analyse(path, module_name, settings, shared_utility=shared_utility)[0]
