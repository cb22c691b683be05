"""``revise()`` and its relatives, after Revise.jl: edits of the files behind loaded modules come in.

What is looked at: the sources of all modules that were imported from source, the files that were read
for them (``.pxd``, ``.pxi``, headers), files that would have been read had they been there, and what
`track` adds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import ModuleType

from . import live, loader

State = tuple[int, int] | None  # size and time, None where there is no such file

_LOCK = threading.RLock()
# By module: the state of its files when it failed, why, and the modules that were to go with it.
_failed: dict[str, tuple[dict[str, State], BaseException, list[str]]] = {}
_tracked: dict[str, dict[str, State]] = {}  # by module: files that `track` added


def _state(path: str) -> State:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _loader_of(name: str) -> loader.PyxLoader | None:
    """The loader of a module that is loaded from source, where it still is the one in use."""
    module = sys.modules.get(name)
    found = getattr(module, "__loader__", None)
    found = getattr(found, "_inner", found)
    return found if isinstance(found, loader.PyxLoader) and found.name == name else None


def _files(name: str, own: loader.PyxLoader) -> dict[str, State]:
    """Every file that decides what a module is, as it was when the module was loaded."""
    code = loader.current[name]
    read, absent = code.files
    found: dict[str, State] = {path: (size, changed) for path, size, changed, _ in read}
    for path in [path for path in found if path.endswith((".pyx", ".py"))]:
        if os.path.splitext(path)[0] + ".pxd" in found:
            del found[path]  # looked at for its place only
    found.update(dict.fromkeys(absent, None))
    found[own.path] = code.source
    found.update(_tracked.get(name, {}))
    return found


def tracked() -> dict[str, list[str]]:
    """The files that each module is reloaded for."""
    with _LOCK:
        return {
            name: sorted(path for path, state in _files(name, own).items() if state is not None)
            for name in list(loader.current)
            if (own := _loader_of(name)) is not None
        }


# ---------------------------------------------------------------------------- revise


def _dirty() -> dict[str, loader.PyxLoader]:
    """The modules whose files have changed since they were loaded, or since that failed."""
    known: dict[str, State] = {}

    def now(path: str) -> State:
        if path not in known:
            known[path] = _state(path)
        return known[path]

    found = {}
    for name in list(loader.current):
        own = _loader_of(name)
        if own is None:
            continue
        files = _files(name, own)
        if name in _failed:
            files = _failed[name][0]
        # A source that is gone for a moment is being written.
        if now(own.path) is not None and any(now(path) != state for path, state in files.items()):
            found[name] = own
    for mate in [mate for name in found if name in _failed for mate in _failed[name][2]]:
        own = _loader_of(mate)
        if own is not None:
            found.setdefault(mate, own)
    return found


def _depends(name: str, other: loader.PyxLoader) -> bool:
    """Whether a module has read the declarations of another."""
    declarations = os.path.splitext(other.path)[0] + ".pxd"
    return any(path == declarations for path, *_ in loader.current[name].files[0])


def _groups(dirty: dict[str, loader.PyxLoader]) -> list[list[str]]:
    """Modules that go together, each group in the order of its dependencies."""
    needs = {
        name: [other for other, own in dirty.items() if other != name and _depends(name, own)]
        for name in dirty
    }
    shared: dict[str, list[str]] = {}
    for name in dirty:
        for path, state in _files(name, dirty[name]).items():
            if _state(path) != state:
                shared.setdefault(path, []).append(name)
    root = {name: name for name in dirty}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for name, others in needs.items():
        for other in others:
            root[find(other)] = find(name)
    for names in shared.values():
        for name in names:
            root[find(name)] = find(names[0])
    ordered: list[str] = []

    def visit(name: str, above: tuple[str, ...] = ()) -> None:
        if name in ordered or name in above:
            return
        for other in needs[name]:
            visit(other, (*above, name))
        ordered.append(name)

    for name in dirty:
        visit(name)
    groups: dict[str, list[str]] = {}
    for name in ordered:
        groups.setdefault(find(name), []).append(name)
    return list(groups.values())


def _reload_group(names: list[str], dirty: dict[str, loader.PyxLoader], prune: bool | None) -> None:
    """Compile all, then execute all; nothing changes where one of them fails."""
    codes = [(name, dirty[name].obtain()) for name in names]
    parts = []
    for name, code in codes:
        address, path = code.loaded_again(name)
        parts.append((sys.modules[name], name, address, loader._first.get(name), path))
    live.execute_together(parts, prune)
    for name, code in codes:
        loader.current[name] = code


def revise(*, throw: bool = False, prune: bool | None = None) -> list[str]:
    """Bring every edit in; the names of the modules that were reloaded.

    What fails leaves its modules as they were and is kept for `errors`; it is tried again when a file
    changes, or by `retry`.  With ``throw`` the first failure is raised.
    """
    with _LOCK:
        return _revise(_dirty(), throw, prune)


def _revise(dirty: dict[str, loader.PyxLoader], throw: bool, prune: bool | None) -> list[str]:
    done: list[str] = []
    first: BaseException | None = None
    for names in _groups(dirty):
        before = {name: {path: _state(path) for path in _files(name, dirty[name])} for name in names}
        try:
            _reload_group(names, dirty, prune)
        except Exception as error:
            first = first or error
            for name in names:
                _failed[name] = (before[name], error, names)
            continue
        for name in names:
            _failed.pop(name, None)
            for path in _tracked.get(name, ()):
                _tracked[name][path] = before[name][path]
        done += names
    if throw and first is not None:
        raise first
    return done


def errors() -> dict[str, BaseException]:
    """Why modules are not what their files say, by module."""
    return {name: error for name, (_, error, _) in _failed.items()}


def retry(*, throw: bool = False) -> list[str]:
    """Try again what failed, though no file has changed."""
    with _LOCK:
        dirty = {name: own for name in list(_failed) if (own := _loader_of(name)) is not None}
        return _revise(dirty, throw, None)


def track(path: str | os.PathLike[str], module: ModuleType | str | None = None) -> ModuleType:
    """Watch a file too.

    Without ``module``, ``path`` is a source: the module loaded from it, which is imported now where
    there is none.  With ``module``, a file that this module is to be reloaded for: a template, data.
    """
    full = os.path.abspath(os.fspath(path))
    if module is not None:
        name = module if isinstance(module, str) else module.__name__
        if _loader_of(name) is None:
            raise ValueError(f"module '{name}' was not imported from a source by cython_llvm")
        with _LOCK:
            _tracked.setdefault(name, {})[full] = _state(full)
        return sys.modules[name]
    for name in list(loader.current):
        own = _loader_of(name)
        if own is not None and own.path == full:
            return sys.modules[name]
    from .importfile import import_file

    return import_file(full)


def entr(function: Callable[[], object], files: Iterable[str | os.PathLike[str]] = (),
         modules: Iterable[ModuleType | str] = (), *, all: bool = False, postpone: bool = False,
         pause: float = 0.05, stop: Callable[[], bool] | None = None) -> None:  # fmt: skip
    """Call ``function`` now and whenever one of the files, or of the modules' files, changes.

    Edits are brought in first.  ``all``: all modules' files.  ``postpone``: not now, only after the
    first change.  Ends by KeyboardInterrupt, or when ``stop()`` is true.
    """
    paths = [os.path.abspath(os.fspath(path)) for path in files]
    names = [one if isinstance(one, str) else one.__name__ for one in modules]

    def look() -> dict[str, State]:
        known = tracked()
        wanted = known if all else {name: known.get(name, []) for name in names}
        every = [*paths, *(path for some in wanted.values() for path in some)]
        return {path: _state(path) for path in every}

    seen = look()
    changed = not postpone
    try:
        while stop is None or not stop():
            if changed:
                revise()
                function()
                seen = {**look(), **seen}
            time.sleep(pause)
            now = look()
            changed = any(seen.get(path, state) != state for path, state in now.items())
            seen = now
    except KeyboardInterrupt:
        pass


# ---------------------------------------------------------------------------- by itself


def manual() -> bool:
    """Whether CYTHON_LLVM_REVISE=manual forbids that anything is reloaded unasked."""
    return os.environ.get("CYTHON_LLVM_REVISE", "").strip().lower() == "manual"


_told: dict[str, int] = {}


def revise_quietly() -> None:
    """`revise` where no caller could catch an error: each is told once, as a warning."""
    try:
        revise()
    except Exception as error:  # not that of a module, which `errors` has
        _tell("cython_llvm", error)
    for name, error in errors().items():
        _tell(name, error)
    for name in [name for name in _told if name not in _failed]:
        del _told[name]


def _tell(name: str, error: BaseException) -> None:
    import warnings

    if _told.get(name) == id(error):
        return
    _told[name] = id(error)
    said = f"{type(error).__name__}: {error}"
    warnings.warn_explicit(f"'{name}' goes on with its old code.\n{said}", live.ReloadWarning,
                           name, 0, registry={})  # fmt: skip


class Watcher:
    """A thread that calls `revise_quietly` when a file changes."""

    def __init__(self, pause: float = 0.3) -> None:
        self.pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cython_llvm-watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self.pause):
            if not manual():
                revise_quietly()

    def stop(self) -> None:
        """End the thread, after what it is doing."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()


_watcher: Watcher | None = None


def watch(on: bool = True) -> None:
    """Start or end the watching thread of this process."""
    global _watcher
    live.options.expected = on
    with _LOCK:
        ended, started = (_watcher, None) if not on else (None, _watcher or Watcher())
        _watcher = started
    if ended is not None:
        ended.stop()
