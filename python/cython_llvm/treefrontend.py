"""Cython's pipeline up to the point where it would generate code, and the analysed tree from there.

For `cython --backend=llvm --emit=tree`; the form of the text is in docs/tree-schema.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import frontend
from .settings import Settings


@contextmanager
def exporting() -> Iterator[list[str]]:
    """While this lasts, compilations of this thread end in a tree instead of in C.

    The texts, one per module, are appended to the list.  The C files stay empty: what reads
    Cython's results goes on as ever.
    """
    from Cython.Compiler import Options, Pipeline

    from . import treeexport

    trees: list[str] = []
    owner = threading.get_ident()

    def with_export(context: Any, options: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        stages = stock(context, options, result, *args, **kwargs)
        if threading.get_ident() != owner:
            return stages

        def export_stage(module: Any) -> Any:
            if Options.cimport_from_pyx:
                share_all(module.scope)
            trees.append(treeexport.export(module))
            # The headers of public and api names: Cython's own, as after generating C.
            module.generate_h_code(module.scope, options, result)
            module.generate_api_code(module.scope, options, result)
            result.compilation_source = module.compilation_source
            with open(result.c_file, "wb"):
                pass
            return result

        stages = list(stages[: generation_stage(stages)])
        stages.insert(stage_index(stages, "inject_utility_code_stage"), wrap_declared)
        return [*stages, export_stage]

    with frontend.LOCK:
        stock = Pipeline.create_pyx_pipeline
        Pipeline.create_pyx_pipeline = with_export
        try:
            yield trees
        finally:
            Pipeline.create_pyx_pipeline = stock


def share_all(scope: Any) -> None:
    """Export what a .pxd file would have declared, as Cython's C does with ``cimport_from_pyx``."""
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
