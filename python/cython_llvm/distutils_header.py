"""``# distutils:`` lines at the head of a source, as `Settings`.

The rules are Cython's own (Cython.Build.Dependencies.DistutilsInfo, which does the reading): lists
add up, a cimported .pxd passes on libraries, folders and flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import compiler_import, errors
from .settings import Settings

_LISTS = ("libraries", "library_dirs", "runtime_library_dirs", "include_dirs", "extra_objects",
          "extra_compile_args", "extra_link_args")  # fmt: skip
_TRANSITIVE = ("libraries", "library_dirs", "runtime_library_dirs", "include_dirs",
               "extra_compile_args", "extra_link_args")  # fmt: skip

# Flags that surely name no relative path, unlike -Iinc, "-include x.h", lib.a or -Wl,x.o.
_WITHOUT_PLACE = re.compile(
    r"-O\w*|-g\d?|-w|-W[\w-]+|-f[\w-]+|-m[\w.-]+(=[\w.+-]+)?|-std=[\w+]+|-pthread|-l[\w.+-]+|-D\w+(=\w*)?"
    r"|-U\w+|-[IL]/.*"
)

_NUMPY_INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]numpy/', re.MULTILINE)


def _values(source: bytes, path: str) -> dict[str, Any]:
    if b"distutils:" not in source[:65536]:
        return {}
    # Before that import brings the compiler in: its scanner is to come from the cache.
    compiler_import.import_compiler()
    from Cython.Build.Dependencies import DistutilsInfo

    try:
        values: dict[str, Any] = DistutilsInfo(source.decode("utf-8", "replace")).values
    except Exception as error:  # it has no checks of its own
        raise errors.CompileError(
            f"'{path}': a '# distutils:' line at the head of the file cannot be read "
            f"({type(error).__name__}: {error}); is a quote or a bracket left open?",
            code="CYL1206",
        ) from error
    return values


def _extend(settings: Settings, values: dict[str, Any], names: Iterable[str]) -> Settings:
    changes = {}
    for name in names:
        have = getattr(settings, name)
        new = tuple(item for item in values.get(name, ()) if item not in have)
        if new:
            changes[name] = have + new
    return settings.with_(**changes) if changes else settings


def merge(settings: Settings, source: bytes, path: str) -> tuple[Settings, str]:
    """The settings with the source's own added, and the language ("c" or "c++")."""
    import os

    values = _values(source, path)
    settings = _extend(settings, values, _LISTS)
    macros = tuple(
        (macro[0], macro[1] if len(macro) > 1 else None) for macro in values.get("define_macros", ())
    )
    if macros:
        settings = settings.with_(define_macros=settings.define_macros + macros)
    if values.get("undef_macros"):
        settings = settings.with_(
            undef_macros=settings.undef_macros + tuple(values["undef_macros"])
        )
    if values.get("sources"):
        base = os.path.dirname(path)
        found = [
            name if os.path.isabs(name) or os.path.exists(name) else os.path.join(base, name)
            for name in values["sources"]
        ]
        settings = settings.with_(extra_sources=settings.extra_sources + tuple(found))
    return settings, settings.language or values.get("language") or "c"


def merge_pxds(settings: Settings, paths: Iterable[str]) -> tuple[Settings, str]:
    """The settings with what cimported .pxd files pass on, and the folder that this depends on.

    That is the working directory where they name relative folders or files, else "".
    """
    folder = ""
    for path in paths:
        if not path.endswith(".pxd"):
            continue
        try:
            with open(path, "rb") as file:
                head = file.read(16384)
        except OSError:
            continue
        values = _values(head, path)
        if values:
            settings = _extend(settings, values, _TRANSITIVE)
            if not folder and _depends_on_place(values):
                folder = _working_directory()
        if b"numpy" in path.encode("utf-8", "replace") and path.endswith("numpy/__init__.pxd"):
            settings = with_numpy(settings)
    return settings, folder


def _depends_on_place(values: dict[str, Any]) -> bool:
    folders = [*values.get("include_dirs", ()), *values.get("library_dirs", ())]
    flags = [*values.get("extra_compile_args", ()), *values.get("extra_link_args", ())]
    return any(not path.startswith("/") for path in folders) or any(
        not _WITHOUT_PLACE.fullmatch(flag) for flag in flags
    )


def _working_directory() -> str:
    import os

    try:
        return os.getcwd()
    except OSError:
        return "deleted"  # which is no folder's name: what is built is not found again


def includes_numpy(c_text: bytes) -> bool:
    """Whether generated C includes NumPy's headers, as `@cython.ufunc` does without any cimport."""
    return b"numpy/" in c_text and _NUMPY_INCLUDE.search(c_text) is not None


def with_numpy(settings: Settings) -> Settings:
    """NumPy's headers, where NumPy is installed."""
    import importlib.util

    spec = importlib.util.find_spec("numpy")
    if spec is None or spec.origin is None:
        return settings
    import os

    base = os.path.dirname(spec.origin)
    for relative in ("_core/include", "core/include"):
        folder = os.path.join(base, relative)
        if os.path.isdir(folder) and folder not in settings.include_dirs:
            return settings.with_(include_dirs=(*settings.include_dirs, folder))
    return settings
