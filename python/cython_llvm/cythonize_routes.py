"""The route of each module that `cythonize --backend=llvm` builds.

Cython's cythonize() may run in processes of its own; what a module's compilation decided, and the
bitcode of one that took the tree route, lies in files beside its C until it is built.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import explaining, produce, routes, treefrontend, treeproduce
from .errors import CompileError, CythonLLVMError
from .routes import Choice
from .settings import Settings

_CHOICE = ".route.json"
_BITCODE = ".route.bc"
_ELSEWHERE = "Cython made its C elsewhere, in a process that knows nothing of this package"


@contextmanager
def deciding(wanted: Mapping[str, tuple[Settings, str]], emit: str) -> Iterator[None]:
    """While this lasts, compilations of this process and its forks choose their routes.

    ``wanted``: settings and language of each source, by its absolute path.
    """

    def decide_for(target: str) -> treefrontend.Decide:
        def decide(export: Callable[[], str], source: str) -> bool:
            settings, language = wanted.get(os.path.abspath(source), (None, ""))
            if settings is None:
                return False
            reasons = early_reasons(settings, emit)
            choice = Choice("c", reasons) if reasons else routes.choose(export, settings, language)
            _leave(target, choice)
            return choice.module is not None

        return decide

    with treefrontend.choosing_by_file(decide_for):
        yield


def early_reasons(settings: Settings, emit: str) -> tuple[str, ...]:
    """What decides before the tree is looked at."""
    if settings.route == "c":
        return (explaining.ASKED_FOR_C,)
    if settings.route == "auto" and emit not in treeproduce.COMPLETE:
        return (explaining.FILES_FOR_OTHERS,)
    return ()


def _leave(target: str, choice: Choice) -> None:
    if choice.module is not None:
        with open(target + _BITCODE, "wb") as file:
            file.write(choice.module.to_bitcode())
    with open(target + _CHOICE, "w", encoding="utf-8") as file:
        json.dump([choice.route, choice.reasons, choice.on_gpu], file)


def taken(c_file: str, name: str, settings: Settings) -> Choice:
    """What was decided when ``c_file`` was made; its traces are removed.

    Raises `CompileError` where only the tree route will do and the module cannot take it.
    """
    try:
        with open(c_file + _CHOICE, encoding="utf-8") as file:
            route, reasons, on_gpu = json.load(file)
    except (OSError, ValueError):
        return Choice("c", (_ELSEWHERE,))
    module: Any = None
    if route == "tree":
        from . import _native, toolchain

        try:
            with open(c_file + _BITCODE, "rb") as file:
                module = _native.Module.from_bitcode(file.read(), name)
        except _native.NativeError as error:
            failed = routes.failed(toolchain.compile_error(error))
            route, reasons = failed.route, failed.reasons
    for suffix in (_CHOICE, _BITCODE):
        if os.path.exists(c_file + suffix):
            os.unlink(c_file + suffix)
    choice = Choice(route, tuple(reasons), module, on_gpu=on_gpu)
    if settings.route == "tree" and module is None:
        raise routes.refusal(name, choice)
    return choice


def written(choice: Choice, unit: produce.CUnit, settings: Settings, emit: str, output: str) -> Choice:
    """Write the tree route's module as ``output``; the C route where that fails and C may do.

    Raises CompileError, LinkError, OSError.
    """
    try:
        treeproduce.write(choice.module, unit, settings, emit, output)
    except CompileError as error:
        return routes.around(error, settings.route == "tree")
    return choice


def settings_of(function: Callable[[Any], Settings], extensions: list[Any]) -> dict[str, tuple[Settings, str]]:
    """Settings and language of extensions by their sources; those that have none of either are left out."""
    found = {}
    for extension in extensions:
        try:
            settings = function(extension)
        except (CythonLLVMError, OSError):
            continue  # building it tells
        found[os.path.abspath(extension.sources[0])] = (settings, extension.language or "c")
    return found
