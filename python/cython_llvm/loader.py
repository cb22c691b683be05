"""A source file to a live module: from the cache, or compiled, loaded and then cached.

`PyxLoader` is what the import system sees.  It compiles in `exec_module` when a module is executed
again, so that `importlib.reload` brings edits in; the first time code must exist before the module
object does, and `create_module` compiles.
"""

from __future__ import annotations

import _imp
import os
import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery costs as much as the rest

from . import cache
from .settings import Settings

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from . import errors

_EXT_SUFFIX = next(suffix for suffix in _imp.extension_suffixes())


class Code:
    """Code of one module, ready to run once; a library on disk or an init function's address."""

    __slots__ = ("address", "cached", "files", "path", "source")

    def __init__(self, *, path: str | None = None, address: int = 0, cached: bool = False,
                 files: Any = None) -> None:  # fmt: skip
        self.path = path
        self.files = files or ((), ())  # read besides the source, with their state; looked for in vain
        self.source: tuple[int, int] | None = None  # size and time of the source as it was read
        self.address = address
        self.cached = cached  # found, not compiled

    def gone(self) -> bool:
        """Whether another process has removed the library from the cache since it was found."""
        return self.path is not None and not os.path.exists(self.path)

    def create(self, spec: ModuleSpec) -> ModuleType:
        """The module object, not yet executed."""
        if self.path is not None:
            own = ModuleSpec(spec.name, spec.loader, origin=self.path)
            own.submodule_search_locations = spec.submodule_search_locations
            try:
                return _imp.create_dynamic(own)
            except ImportError as error:
                raise _load_error(error, spec) from None
        from . import _native

        return _native.create_module(self.address, spec)

    def execute(self, module: ModuleType) -> None:
        """Run the module's code the first time."""
        if self.path is not None:
            _imp.exec_dynamic(module)
        else:
            from . import _native

            _native.exec_module(module)

    def execute_again(self, module: ModuleType, name: str, before: Code | None = None) -> None:
        """Run this code in a module that exists; ``before``: what it was first executed with."""
        from . import live

        address, path = self.loaded_again(name)
        live.execute_again(module, name, address, before=before, path=path)

    def loaded_again(self, name: str) -> tuple[int, str | None]:
        """The init function's address, and the library's path where the system's loader has it."""
        from . import codeload

        if self.path is None:
            return self.address, None
        # A library that is loaded already would come back with its old variables.
        path = codeload.private_copy(self.path)
        return codeload.dlopen_init(path, name), path


def _load_error(error: ImportError, spec: ModuleSpec) -> errors.ModuleBuildError:
    from . import errors

    return errors.ModuleBuildError(
        f"module '{spec.name}' was built, but cannot be loaded: {error}",
        name=spec.name, path=spec.origin, code="CYL3002",
    )  # fmt: skip


# ---------------------------------------------------------------------------- finding


def obtain(path: str, name: str, settings: Settings, *, in_place: bool = False,
           force: bool = False) -> Code:  # fmt: skip
    """Code for the source at ``path`` as module ``name``.  Raises `errors.CompileError`.

    ``force``: compiled, though the cache may hold it.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            source = file.read()
    except OSError as error:
        from . import errors

        raise errors.CompileError(
            f"'{path}' cannot be read: {error.strerror}", code="CYL1203"
        ) from error
    filename = name.rpartition(".")[2] + _EXT_SUFFIX
    key = cache.key("module", source, path, name, settings.identity(), _folder_of_use(source, settings))
    found = None if in_place or force else cache.lookup(key, filename)
    if found is not None:
        code = Code(path=found, cached=True, files=cache.files_of.get(found))
    else:
        from . import cachefill

        code = cachefill.fill(path, name, settings, key, filename, in_place=in_place, force=force)
    code.source = (status.st_size, status.st_mtime_ns)
    return code


def _folder_of_use(source: bytes, settings: Settings) -> str:
    """The working directory, where relative paths can make the result depend on it; else ""."""
    paths = (*settings.include_path, *settings.include_dirs, *settings.library_dirs,
             *settings.extra_objects, *settings.extra_sources)  # fmt: skip
    given = any(not os.path.isabs(path) for path in paths) or bool(settings.extra_compile_args)
    depends = given and any(word in source for word in (b"cimport", b"include", b"extern"))
    if not depends and b"distutils:" in source:
        depends = any(
            b"distutils:" in line and any(key in line for key in (b"_dirs", b"sources", b"extra_"))
            for line in source.splitlines()
        )
    try:
        return os.getcwd() if depends else ""
    except OSError:  # it has been deleted
        return ""


# ---------------------------------------------------------------------------- the import system

_first: dict[str, Code] = {}  # what each module was executed with first
current: dict[str, Code] = {}  # and last


def first(name: str) -> Code | None:
    """What a module was first executed with."""
    return _first.get(name)


class PyxLoader:
    """Loader of one .pyx (or pure-Python-mode .py) file."""

    def __init__(self, name: str, path: str, options: Callable[[], Settings], *,
                 in_place: bool = False, force: bool = False) -> None:  # fmt: skip
        self.name = name
        self.path = path
        self._options = options
        self._in_place = in_place
        self._force = force
        self._fresh: tuple[ModuleType, Code] | None = None
        self.library: str | None = None  # where the code is, unless it is in memory only

    def __repr__(self) -> str:
        return f"<cython_llvm loader of {self.path!r}>"

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Compile (or find) the code and make the module object."""
        code = self._obtain()
        try:
            module = code.create(spec)
        except ImportError:
            if not code.gone():
                raise
            code = self._obtain()
            module = code.create(spec)
        module.__file__ = self.path
        module.__loader__ = self
        self._fresh = (module, code)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code; on a module that has run before, that of the source as it is now."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None and fresh[0] is module:
            fresh[1].execute(module)
            _first[self.name] = current[self.name] = fresh[1]
            if live := sys.modules.get(f"{__package__}.live"):
                live.forget(self.name)
            return
        self._execute_again(module)

    def _execute_again(self, module: ModuleType) -> None:
        code = self.obtain()
        code.execute_again(module, self.name, _first.get(self.name))
        current[self.name] = code

    def _obtain(self) -> Code:
        try:
            code = obtain(self.path, self.name, self._options(), in_place=self._in_place,
                          force=self._force)  # fmt: skip
            self.library = code.path
            return code
        except Exception as error:
            from . import errors

            if isinstance(error, errors.CompileError):
                raise build_error(error, self.name, self.path) from error
            raise

    def obtain(self) -> Code:
        """Code for the source as it is now."""
        code = self._obtain()
        return self._obtain() if code.gone() else code

    def settings(self) -> Settings:
        """How the module is compiled."""
        return self._options()

    # The rest is what tools ask of loaders.

    def get_filename(self, name: str | None = None) -> str:
        return self.path

    def get_source(self, name: str | None = None) -> str:
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def get_code(self, name: str | None = None) -> None:
        return None

    def is_package(self, name: str | None = None) -> bool:
        return os.path.splitext(os.path.basename(self.path))[0] == "__init__"


def build_error(error: errors.CompileError, name: str, path: str) -> errors.ModuleBuildError:
    """What an import raises when compiling failed; pyximport's words, then the compiler's."""
    from . import errors

    return errors.ModuleBuildError(
        f"Building module {name} failed: {error}",
        name=name, path=path, code=error.code, diagnostics=error.diagnostics,
    )  # fmt: skip


def spec_for(name: str, path: str, options: Callable[[], Settings], *,
             in_place: bool = False, force: bool = False) -> ModuleSpec:  # fmt: skip
    """The spec that imports ``path`` as ``name``."""
    loader = PyxLoader(name, path, options, in_place=in_place, force=force)
    spec = ModuleSpec(name, loader, origin=path, is_package=loader.is_package())  # type: ignore[arg-type]
    spec.has_location = True
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(os.path.dirname(path))
    return spec


def load(spec: ModuleSpec) -> ModuleType:
    """Import by a spec; `sys.modules` is left as it was where that fails."""
    assert spec.loader is not None
    before = sys.modules.get(spec.name)
    module = spec.loader.create_module(spec)
    assert module is not None
    module.__spec__ = spec
    if spec.parent is not None:
        module.__package__ = spec.parent
    if spec.submodule_search_locations is not None:
        module.__path__ = spec.submodule_search_locations
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            sys.modules.pop(spec.name, None)
        else:
            sys.modules[spec.name] = before
        raise
    return sys.modules.get(spec.name, module)
