"""The prompt of ``python -m cython_llvm``: Python's own, with edits to sources brought in before each input."""

from __future__ import annotations

import code
import contextlib
import linecache
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from . import __version__


class Console(code.InteractiveConsole):
    """Python's console over ``__main__``."""

    def __init__(self, *, reloading: bool = True) -> None:
        self.module = ModuleType("__main__")
        self.module.__dict__["__builtins__"] = sys.modules["builtins"]
        super().__init__(self.module.__dict__)
        self._reloading = reloading
        self._inputs = 0

    def runsource(self, source: str, filename: str = "<input>", symbol: str = "single") -> bool:
        """One input, whose text tracebacks and `inspect` find."""
        name = f"<python-input-{self._inputs}>"
        lines = [line + "\n" for line in source.splitlines()]
        linecache.cache[name] = (len(source), None, lines, name)
        incomplete = super().runsource(source, name, symbol)
        if not incomplete:
            self._inputs += 1
        return incomplete

    def talk(self, *, quiet: bool = False) -> None:
        """The prompt, until the end of input."""
        sys.modules["__main__"] = self.module
        if "" not in sys.path:
            sys.path.insert(0, "")
        sys.argv = [""]
        _line_editing(self.module.__dict__)
        if self._reloading:
            from .live_repl import autoreload

            autoreload()
        banner = f"Python {sys.version.split()[0]}, cython_llvm {__version__}: .pyx files import" + (
            ", and edits to them come in before each input" if self._reloading else ""
        )
        self.interact(banner="" if quiet else banner, exitmsg="")

    def run_once(self, source: str) -> int:
        """``-c``: 1 where it raises."""
        sys.modules["__main__"] = self.module
        if "" not in sys.path:
            sys.path.insert(0, "")
        return self._run(source, "<string>")

    def _run(self, source: str | bytes, filename: str) -> int:
        try:
            exec(compile(source, filename, "exec", dont_inherit=True), self.module.__dict__)
        except SystemExit:
            raise
        except BaseException:
            kind, error, trace = sys.exc_info()
            traceback.print_exception(kind, error, trace.tb_next if trace is not None else None)
            return 1
        return 0


def run_file(path: str, console: Console) -> int:
    """A file as ``__main__``; a .pyx file is imported, and its names are the prompt's."""
    folder = os.path.dirname(os.path.abspath(path))
    sys.path.insert(0, folder)
    if not path.endswith(".pyx"):
        sys.modules["__main__"] = console.module
        console.module.__file__ = path
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            print(f"python -m cython_llvm: can't open file {path!r}: {error.strerror}", file=sys.stderr)
            return 2
        return console._run(source, path)
    from .importfile import import_file

    try:
        module = import_file(path)
    except Exception as error:
        traceback.print_exception(error)
        return 1
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    console.module.__dict__.update(names)
    return 0


def _line_editing(namespace: dict[str, Any]) -> None:
    """History and completion, where there is readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    import atexit

    readline.set_completer(rlcompleter.Completer(namespace).complete)
    readline.parse_and_bind("tab: complete")
    history = os.environ.get("PYTHON_HISTORY") or os.path.join(os.path.expanduser("~"), ".python_history")
    if readline.get_current_history_length() == 0:
        with contextlib.suppress(OSError):  # there may be none yet
            readline.read_history_file(history)
        atexit.register(lambda: _save(history))


def _save(history: str) -> None:
    import readline

    with contextlib.suppress(OSError):
        readline.write_history_file(history)
