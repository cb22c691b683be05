"""``import_file``: one source file, by its path."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import loader, pyxbld
from .settings import Settings, chosen_settings


class _FileFinder:
    """Knows the modules that `import_file` loaded, so that reload() finds them again."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, Callable[[], Settings]]] = {}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        found = self.known.get(fullname)
        own = getattr(target, "__loader__", None)
        if found is None or getattr(own, "path", None) != found[0]:
            return None
        return loader.spec_for(fullname, *found)


_files = _FileFinder()


def import_file(
    path: str | os.PathLike[str],
    name: str | None = None,
    route: str | None = None,
    language: str | None = None,
    directives: Mapping[str, Any] | None = None,
    language_level: Any = None,
    include_path: Iterable[str] | None = None,
) -> ModuleType:
    """Compile and import one .pyx, .py or .bc file as module ``name`` (default: the file's name).

    The module is put into ``sys.modules``; ``importlib.reload`` recompiles it from the file.
    ``route`` is CYTHON_LLVM_ROUTE's, or "auto", where it is None.  Raises `ModuleBuildError` (an
    ImportError).
    """
    source = os.path.abspath(os.fspath(path))
    if name is None:
        name = os.path.splitext(os.path.basename(source))[0]
    settings = chosen_settings(route=route, language=language, directives=directives,
                         language_level=language_level, include_path=include_path)  # fmt: skip
    if source.endswith(".bc"):
        from . import bitcode

        return bitcode.import_bitcode(source, name, settings)

    def options() -> Settings:
        return pyxbld.apply(settings, name, source, {})

    if _files not in sys.meta_path:
        # First: it answers for reload() only, where a library beside the source must not win.
        sys.meta_path.insert(0, _files)  # type: ignore[arg-type]
    module = loader.load(loader.spec_for(name, source, options))
    _files.known[name] = (source, options)
    return module
