"""``module.pyxbld`` and ``module.pyxdep`` beside a source, and pyximport's ``setup_args``.

A .pyxbld is Python: ``make_ext(modname, pyxfilename)`` returns a setuptools Extension,
``make_setup_args()`` a dictionary.  What has meaning without setuptools' build is taken over.
"""

from __future__ import annotations

import os

from .settings import Settings

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LISTS = ("include_dirs", "library_dirs", "runtime_library_dirs", "libraries", "extra_objects",
          "extra_compile_args", "extra_link_args", "undef_macros")  # fmt: skip


def apply(settings: Settings, name: str, source: str, setup_args: Mapping[str, Any]) -> Settings:
    """The settings for one module."""
    base = os.path.splitext(source)[0]
    if setup_args:
        settings = _with_setup_args(settings, setup_args)
    if os.path.isfile(base + ".pyxbld"):
        settings = _with_pyxbld(settings, base + ".pyxbld", name, source)
    if os.path.isfile(base + ".pyxdep"):
        settings = _with_pyxdep(settings, base + ".pyxdep")
    return settings


def _with_setup_args(settings: Settings, args: Mapping[str, Any]) -> Settings:
    folders = args.get("include_dirs") or ()
    if isinstance(folders, str):
        folders = folders.split(os.pathsep)
    elif callable(getattr(folders, "__fspath__", None)):
        folders = (os.fspath(folders),)
    settings = settings.with_(include_dirs=(*settings.include_dirs, *folders))
    options = (args.get("options") or {}).get("build_ext", {})
    for key in ("include_dirs", "library_dirs", "libraries"):
        value = options.get(key)
        if value:
            value = value.split(os.pathsep) if isinstance(value, str) else value
            settings = settings.with_(**{key: (*getattr(settings, key), *value)})
    return settings


def _run(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    namespace: dict[str, Any] = {"__file__": path, "__name__": "pyxbld"}
    exec(compile(text, path, "exec"), namespace)
    return namespace


def _with_pyxbld(settings: Settings, path: str, name: str, source: str) -> Settings:
    namespace = _run(path)
    make_setup_args = namespace.get("make_setup_args")
    if make_setup_args is not None:
        settings = _with_setup_args(settings, make_setup_args())
    make_ext = namespace.get("make_ext")
    if make_ext is None:
        return settings
    extension = make_ext(name, source)
    changes: dict[str, Any] = {}
    for key in _LISTS:
        value = getattr(extension, key, None)
        if value:
            changes[key] = (*getattr(settings, key), *value)
    macros = tuple(tuple(macro) for macro in getattr(extension, "define_macros", None) or ())
    if macros:
        changes["define_macros"] = (*settings.define_macros, *macros)
    own = os.path.abspath(source)
    others = tuple(
        os.path.abspath(other) for other in extension.sources if os.path.abspath(other) != own
    )
    if others:
        changes["extra_sources"] = (*settings.extra_sources, *others)
    language = getattr(extension, "language", None)
    if language:
        changes["language"] = language
    directives = getattr(extension, "cython_directives", None)
    if directives:
        changes["directives"] = {**settings.directives, **directives}
    folders = getattr(extension, "cython_include_dirs", None)
    if folders:
        changes["include_path"] = (*settings.include_path, *folders)
    return settings.with_(**changes)


def _with_pyxdep(settings: Settings, path: str) -> Settings:
    """The state of the files named by globs goes into the settings, so that a change is a miss."""
    import glob

    from .cache import digest_of
    from .cachestore import fingerprint

    with open(path, encoding="utf-8") as file:
        patterns = [line.strip() for line in file if line.strip()]
    folder = os.path.dirname(path)
    files = sorted(
        found for pattern in patterns for found in glob.glob(os.path.join(folder, pattern))
    )
    digests = "".join(digest for _, _, _, digest in fingerprint(files))
    # A macro that no source refers to: it changes the key and nothing else.
    macro = ("CYTHON_LLVM_PYXDEP_" + digest_of(digests.encode())[:16], "1")
    return settings.with_(define_macros=(*settings.define_macros, macro))
