"""One source by both routes, to two shared libraries, from one run of Cython.

Runs in an interpreter that has `cython_llvm`; the modules are made for that interpreter.
"""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import Any

ROUTES = ("c", "tree")


def warm_up() -> None:
    """Import what every build needs, before processes are forked."""
    from Cython.Compiler import Main, Options, Pipeline  # noqa: F401

    from cython_llvm import _native, frontend, runtimelib, toolchain, treefrontend, treeroute  # noqa: F401

    Options.clear_to_none = False  # as Cython's runtests.py
    treeroute._symbols()
    runtimelib.hot_bodies()


def both(path: Path, folder: Path, tree_opt: int = 2, helpers: bytes = b"") -> dict[str, Any]:
    """Build; {"built": True} or what stood in the way: {"missing": [...]} or {"error": text}.

    ``helpers``: C of functions that the tree route's library is to call instead of the usual ones.
    """
    try:
        return _both(path, folder, tree_opt, helpers)
    except BaseException:
        return {"error": traceback.format_exc()[-3000:]}


def library(folder: Path, route: str, name: str) -> Path:
    """Where a build is put."""
    return folder / route / f"{name}.so"


def _both(path: Path, folder: Path, tree_opt: int, helpers: bytes) -> dict[str, Any]:
    from cython_llvm import frontend, sharedutil, toolchain, treefrontend, treeroute
    from cython_llvm.settings import Settings

    name = path.stem
    tags = _tags(path)
    if "allow_unknown_names" in tags:
        from Cython.Compiler import Options

        Options.error_on_unknown_names = False
    settings = Settings(language_level=2, directives={"autotestdict": False},
                        include_path=(str(path.parent.parent / "testsupport"),))  # fmt: skip
    trees: list[str] = []

    def stage(module: Any, options: Any, result: Any, generate: Any) -> Any:
        done, tree = treefrontend.generated(module, options, result, generate)
        trees.append(tree())
        return done

    with treefrontend.instead_of_generation(stage):
        unit = frontend.generate_c(str(path), name, settings, shared_utility=sharedutil.available())
    settings = unit.settings.with_(opt_level=tree_opt)
    lowered = treeroute.lower(trees[0], settings)
    if lowered.module is None:
        return {"missing": [f"{one.construct} ({one.line})" for one in lowered.missing]}
    more = [toolchain.compile_c(helpers, "helpers.c", "c", settings)] if helpers else []
    _finish([lowered.module, *more], library(folder, "tree", name), settings, runtime=True)
    # What C means does not depend on how well it is optimised.
    settings = unit.settings.with_(opt_level=0)
    virtual = [(os.path.join(os.path.dirname(unit.c_filename), header), data)
               for header, data in unit.headers.items()]  # fmt: skip
    module = toolchain.compile_c(unit.c_text, unit.c_filename, unit.language, settings, virtual_files=virtual)
    _finish([module], library(folder, "c", name), settings)
    return {"built": True}


def _finish(modules: list[Any], output: Path, settings: Any, *, runtime: bool = False) -> None:
    from cython_llvm import runtimelib, toolchain

    for module in modules:
        toolchain.optimize(module, settings)
    code = [toolchain.emit(module, "obj", settings) for module in modules]
    openmp = any(map(toolchain.uses_openmp, modules))
    if runtime:
        helpers = runtimelib.path()
        settings = settings.with_(extra_objects=(*settings.extra_objects, helpers),
                                  runtime_library_dirs=(os.path.dirname(helpers),))  # fmt: skip
    output.parent.mkdir(parents=True, exist_ok=True)
    toolchain.link_extension(code, str(output), settings, openmp=openmp)


def _tags(path: Path) -> set[str]:
    """The words of the comments ``# tag:`` at a test file's start."""
    found: set[str] = set()
    for line in path.read_text("utf-8", "replace").splitlines():
        match = re.match(r"#\s*tags?\s*:(.*)", line)
        if match:
            found |= set(re.split(r"[\s,]+", match[1].strip()))
        elif line.strip() and not line.startswith("#"):
            break
    return found
