"""One module from source to code: Cython, then clang or the tree route, LLVM, the JIT or the linker.

Imported only when something has to be compiled.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import (
    cache,
    cachestore,
    cdiag,
    codeload,
    coldcode,
    errors,
    frontend,
    headersearch,
    hints,
    incremental,
    linkargs,
    live_info,
    pch,
    routes,
    runtimelib,
    scratch,
    sharedutil,
    shortened,
    toolchain,
    tracedlines,
    verdicts,
)
from .frontend import CUnit
from .settings import Settings


@dataclass
class Built:
    """A compiled module: loaded (``address`` of its init function), or linked (``path``)."""

    unit: CUnit
    objects: list[bytes]
    headers: list[str]  # C headers that were read, those of the wheel left out
    openmp: bool
    address: int = 0
    path: str | None = None
    # State of every file that was read, taken right after it was read: what is written to the
    # cache later must not vouch for an edit that came in between.
    state: tuple[tuple[str, int, int, str], ...] = ()
    cacheable: bool = True
    messages: list[Any] = field(default_factory=list)  # clang's warnings
    runtime: bool = False  # refers to the tree route's runtime library


#: Called with everything that is built, by whoever shows warnings.
listeners: list[Callable[[Built], None]] = []


def build(path: str, name: str, settings: Settings, beside: str | None = None) -> Built:
    """Compile and load; with ``beside``, link to that path instead of loading by the JIT."""
    started = time.time_ns()
    if settings.route == "c":
        unit = frontend.generate_c(path, name, settings, shared_utility=sharedutil.available())
        hints.show(name, unit.warnings, path)
        built = _build_unit(Built(unit, [], [], False), beside)
    else:
        built = _build_by_best(path, name, settings, beside)
    unit = built.unit
    tracedlines.compiled(path, unit.lines)
    for listener in listeners:
        listener(built)
    used = (*unit.dependencies, *built.headers, *unit.settings.extra_sources,
            *linkargs.linked_in(unit.settings))  # fmt: skip
    built.state = cachestore.fingerprint(used)
    # Files that changed while they were compiled may or may not be what was compiled.
    built.cacheable = len(built.state) == len(set(used)) and not any(
        os.stat(file).st_mtime_ns >= started for file in (path, *used)
    )
    return built


def _build_by_best(path: str, name: str, settings: Settings, beside: str | None) -> Built:
    """By the tree route where nothing is missing, else by the other one.

    Raises `errors.CompileError` for ``route="tree"`` where the module needs the C route.
    """
    only = settings.route == "tree"
    with open(path, "rb") as file:
        source = file.read()
    key = verdicts.key(path, source, name, settings)
    known = () if only else verdicts.known(key)
    parts = incremental.Attempt(name) if beside is None and incremental.wanted(name) else None
    with incremental.attempting(parts):
        found = routes.edited(path, name, settings) if parts is not None and not known else None
        notes = shortened.Notes() if parts is not None and found is None else None
        unit, choice = found or routes.analyse(
            path, name, settings, shared_utility=sharedutil.available(), known=known, c_text=not only,
            notes=notes,
        )  # fmt: skip
    hints.show(name, unit.warnings, path)
    if choice.module is None:
        if only:
            raise routes.refusal(path, choice)
        routes.tell(name, choice)
        if not known:
            verdicts.remember(key, choice, unit.dependencies, unit.absent, unit.place)
        return _build_unit(Built(unit, [], [], False), beside)
    try:
        built = _build_tree(name, unit, choice, parts, beside, edited=found is not None)
    except errors.CompileError as error:
        choice = routes.around(error, only)
        incremental.forget(name)
    routes.tell(name, choice)
    if choice.module is not None:
        return built
    unit, _ = routes.analyse(path, name, settings, shared_utility=sharedutil.available(),
                             known=choice.reasons)  # fmt: skip
    built = _build_unit(Built(unit, [], [], False), beside)
    verdicts.remember(key, choice, unit.dependencies, unit.absent, unit.place)
    return built


def _build_tree(
    name: str, unit: CUnit, choice: routes.Choice, parts: incremental.Attempt | None, beside: str | None,
    *, edited: bool,
) -> Built:  # fmt: skip
    """Compile the tree route's module and load it, or link it."""
    flags = routes.for_tree(unit.settings)
    choice.module.prepare_live(live_info.SYMBOL, unit.live, live_info.visible(unit.live))
    timed = time.process_time()
    toolchain.optimize(choice.module, flags)
    code = toolchain.emit(choice.module, "obj", flags)
    timed = time.process_time() - timed
    objects = parts.objects(code) if parts is not None else [code]
    if name in incremental.reports:
        incremental.reports[name].llvm += timed
        incremental.reports[name].shortened = edited
        incremental.tell(name)
    built = Built(unit, objects, list(choice.headers),
                  toolchain.uses_openmp(choice.module),
                  messages=list(choice.messages), runtime=True)  # fmt: skip
    return _build_unit(built, beside)


def _build_unit(built: Built, beside: str | None) -> Built:
    unit = built.unit
    if not built.objects:
        virtual = [
            (os.path.join(os.path.dirname(unit.c_filename), name), data)
            for name, data in unit.headers.items()
        ]
        _compile(built, unit.c_text, unit.c_filename, unit.language, virtual)
    for source in unit.settings.extra_sources:
        text = _read_further(source, unit.source_path)
        _compile(built, text, os.path.abspath(source), _language_of(source), [])
    if beside is None and not codeload.needs_linking(unit.settings):
        timed = time.process_time()
        address = codeload.load(built.objects, unit.module_name, unit.settings,
                           language=unit.language, openmp=built.openmp,
                           runtime=built.runtime)  # fmt: skip
        if address is not None:
            built.address = address
            if unit.module_name in incremental.reports:
                incremental.reports[unit.module_name].link = time.process_time() - timed
            return built
    if beside is not None:
        _link(built, beside)
        built.path = beside
    else:
        built.path = codeload.memory_file(_linked(built), unit.module_name)
    return built


def _read_further(path: str, asked_by: str) -> bytes:
    """A further C or C++ source, of a `# distutils:` line or a .pyxbld."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise errors.CompileError(
            f"'{path}', which '{asked_by}' names among its sources, cannot be read: {error.strerror}",
            code="CYL1003",
        ) from error


def _language_of(path: str) -> str:
    return "c" if path.endswith(".c") else "c++"


def _compile(built: Built, text: bytes, filename: str, language: str,
             virtual: list[tuple[str, bytes]]) -> None:  # fmt: skip
    unit = built.unit
    try:
        module = toolchain.compile_c(text, filename, language, unit.settings, virtual_files=virtual)
        module.mark_cold(coldcode.PREFIXES)
        if not built.objects:
            module.prepare_live(live_info.SYMBOL, unit.live, live_info.visible(unit.live))
        toolchain.optimize(module, unit.settings)
        built.objects.append(toolchain.emit(module, "obj", unit.settings))
    except errors.CompileError as error:
        source = cdiag.CSource(filename, text.decode("utf-8", "replace"), unit.source_path)
        shown = cdiag.format_error(error, source)
        raise errors.CompileError(shown, code=error.code, diagnostics=error.diagnostics) from error
    built.messages += module.diagnostics
    built.openmp = built.openmp or toolchain.uses_openmp(module)
    own = (str(toolchain.data_dir()), toolchain.python_include())
    virtual_names = {name for name, _ in virtual}
    built.headers += [
        header
        for header in module.dependencies
        if not header.startswith(own)
        and header not in virtual_names
        and os.path.basename(header) != pch.HEADER_NAME
    ]


def _link(built: Built, output: str) -> None:
    unit = built.unit
    language = "c++" if any(_language_of(s) == "c++" for s in unit.settings.extra_sources) else unit.language
    settings = unit.settings
    if built.runtime:
        library = runtimelib.path()
        settings = settings.with_(
            extra_objects=(*settings.extra_objects, library),
            runtime_library_dirs=(*settings.runtime_library_dirs, os.path.dirname(library)),
        )
    try:
        toolchain.link_extension(
            built.objects, output, settings, language=language, openmp=built.openmp,
            finish=[functools.partial(tracedlines.with_lines, lines=unit.lines)] if unit.lines else (),
        )  # fmt: skip
    except errors.LinkError as error:
        shown = cdiag.format_error(error)
        raise errors.LinkError(shown, code=error.code, diagnostics=error.diagnostics) from error


def _linked(built: Built) -> bytes:
    """The shared library's bytes."""
    with scratch.folder() as folder:
        output = os.path.join(folder, built.unit.module_name.rpartition(".")[2] + ".so")
        _link(built, output)
        with open(output, "rb") as file:
            return file.read()


def store(built: Built, key: str, filename: str) -> str | None:
    """Link and put into the cache; the entry's path, or None where there is no cache."""
    if cache.directory() is None:
        return None
    if not built.cacheable:
        return None
    unit = built.unit
    flags = toolchain.driver_args(unit.settings, unit.language)
    shadowing = headersearch.shadowing(flags, os.path.dirname(unit.source_path), built.headers)
    absent = (*unit.absent, *shadowing)
    return cachestore.store(key, filename, _linked(built), built.state, absent, unit.place)
