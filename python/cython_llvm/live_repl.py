"""``autoreload()``: edits come in before each input, in plain Python, IPython and Jupyter."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from . import live, live_watch, loader

_on = False
_hooked = False
_busy = threading.local()


def autoreload(on: bool = True, *, prune: bool | None = None) -> None:
    """Reload edited modules before each input of the REPL or cell of the notebook.

    With IPython's own ``%autoreload``, each reloads what is its own.  ``prune``: as for `install`.
    CYTHON_LLVM_REVISE=manual turns it off.
    """
    global _on, _hooked
    if prune is not None:
        live.options.prune = prune
    live.options.expected = on
    shell = _ipython()
    if shell is not None:
        _register(shell, on)
        return
    _on = on
    if on and not _hooked:
        # The interactive loop has no hook before it runs an input, but tells auditors of it.
        _hooked = True
        sys.addaudithook(_audit)


def before_input() -> None:
    """What happens before each input."""
    if not live_watch.manual():
        live_watch.revise_quietly()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event != "exec" or not _on or getattr(_busy, "now", False):
        return
    name = getattr(args[0], "co_filename", "") if args else ""
    if name not in ("<stdin>", "<console>") and not name.startswith("<python-input"):
        return
    if threading.current_thread() is not threading.main_thread():
        return
    _busy.now = True
    try:
        before_input()
    finally:
        _busy.now = False


# ---------------------------------------------------------------------------- IPython


def _ipython() -> Any:
    """The running shell, where there is one; IPython is not imported for it."""
    package = sys.modules.get("IPython")
    return package.get_ipython() if package is not None else None


def _register(shell: Any, on: bool) -> None:
    registered = _before_cell in shell.events.callbacks["pre_run_cell"]
    if on and not registered:
        # First: IPython's own must find our modules up to date.
        shell.events.register("pre_run_cell", _before_cell)
        callbacks = shell.events.callbacks["pre_run_cell"]
        callbacks.insert(0, callbacks.pop(callbacks.index(_before_cell)))
    elif registered and not on:
        shell.events.unregister("pre_run_cell", _before_cell)


def _before_cell(info: Any = None) -> None:
    before_input()
    shell = _ipython()
    magics = getattr(shell, "magics_manager", None)
    registry = magics.registry if magics is not None else {}
    reloader = getattr(registry.get("AutoreloadMagics"), "_reloader", None)
    times = getattr(reloader, "modules_mtimes", None)
    if isinstance(times, dict):
        # %autoreload goes by the times of .py files; compiled ones are ours.
        for name, code in list(loader.current.items()):
            path = getattr(sys.modules.get(name), "__file__", None) or ""
            if code.source is not None and path.endswith(".py") and os.path.exists(path):
                times[name] = os.stat(path).st_mtime
