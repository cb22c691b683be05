"""Cython's lexical analyser, kept between processes.

Building the state machine of Cython's scanner takes a third to half a second, the largest part of
a first compilation.  It depends on nothing but Cython's own source, so it is saved as plain tuples
(marshal) in the cache folder and put together again.  Cython is not changed: its scanner asks
`make_lexicon` of its own module's names, and that name is set here.

Nearly all of the machine's 1.5 million transitions are for the letters of other scripts in
identifiers.  A second, small machine leaves them out; it serves until a file turns up that has any
character beyond ASCII outside whole-line comments (`note_source`).  Cython's own utility sources
have none.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import marshal
import os
import re
import sys
from typing import Any

from . import cache, cachestore

_FORMAT = 1
_MINIMUM_RUN = 8  # characters with one target that are worth a shared key tuple

_COMMENT_LINES = re.compile(rb"^[ \t]*#[^\r\n]*", re.MULTILINE)
# Lines of a formatted string may look like comments, and hold code.
_LONG_FORMATTED = re.compile(rb"""[fFtT][rR]?(?:\"\"\"|''')|[fFtT][rR]?["'][^\r\n]*\\\r?[\n\r]""")

_original: Any = None
_installed: _Switch | None = None

_SIMPLE = re.compile(r"(?P<kind>IGNORE|TEXT)$")
_RETURN = re.compile(r"Return\((?P<value>.+)\)$", re.DOTALL)
_METHOD = re.compile(r"Method\((?P<name>\w+)(?P<kwargs>(?:, \w+='[^']*')*)\)$")


class _Switch:
    """What Cython's scanners take for a Plex lexicon: the small machine, or the whole one."""

    def __init__(self) -> None:
        self._small: Any = None
        self._whole: Any = None
        self._need_whole = False
        self._built_here = False

    def get_initial_state(self, name: str) -> Any:
        return self.machine().initial_states[name]

    def machine(self) -> Any:
        """The one that serves now, loaded or built where that has not happened."""
        if self._whole is None and not self._need_whole and self._small is None:
            self._small = _load("ascii")
        if self._small is not None and not self._need_whole:
            return self._small
        if self._whole is None:
            self._whole = _load("whole")
        if self._whole is None:
            self._whole = _original().machine
            self._built_here = True
        return self._whole

    def need_whole(self) -> None:
        self._need_whole = True

    def save(self) -> None:
        """Write what Cython built in this process, once."""
        if not self._built_here:
            return
        self._built_here = False
        for kind in ("ascii", "whole"):
            path = _path(kind)
            data = _pack(self._whole, ascii_only=kind == "ascii") if path is not None else None
            if path is not None and data is not None:
                cachestore.write_atomically(path, data)


def install() -> None:
    """Make Cython's scanners use saved machines, where there are any.

    The compiled scanner takes `make_lexicon` over when it is imported; where that has happened
    already, it stays with Cython's own.
    """
    global _original, _installed
    if _installed is not None or "Cython.Compiler.Scanning" in sys.modules:
        return
    from Cython.Compiler import Lexicon

    _original = Lexicon.make_lexicon
    _installed = _Switch()
    Lexicon.make_lexicon = lambda: _installed
    try:
        from Cython.Compiler import Scanning  # noqa: F401
    finally:
        Lexicon.make_lexicon = _original


def note_source(data: bytes) -> None:
    """Tell what is going to be scanned, before it is."""
    if _installed is None or data.isascii():
        return
    if not _COMMENT_LINES.sub(b"", data).isascii() or _LONG_FORMATTED.search(data):
        _installed.need_whole()


def watch_files() -> None:
    """`note_source` for every file that Cython opens to scan it, where nobody else calls it."""
    try:
        _watch_files()
    except Exception:  # a Cython that does this in another way
        if _installed is not None:
            _installed.need_whole()


def _watch_files() -> None:
    from Cython.Compiler.Scanning import FileSourceDescriptor

    original = FileSourceDescriptor.get_file_object
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def get_file_object(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with open(self.filename, "rb") as file:
                note_source(file.read())
        except OSError:  # in an archive, say
            if _installed is not None:
                _installed.need_whole()
        return original(self, *args, **kwargs)

    FileSourceDescriptor.get_file_object = get_file_object


def make_ready() -> None:
    """Load the machine now, or build and save it: before processes are forked that need it."""
    if _installed is not None:
        _installed.machine()
        _installed.save()


def save() -> None:
    """Write a machine that had to be built in this process."""
    if _installed is not None:
        _installed.save()


def _load(kind: str) -> Any:
    path = _path(kind)
    if path is None:
        return None
    try:
        cache.touch(path)
        with open(path, "rb") as file:
            return _unpack(file.read())
    except Exception:  # damaged in whatever way: built anew, and saved over it
        return None


def _path(kind: str) -> str | None:
    folder = cache.subdirectory("lexicon")
    if folder is None:
        return None
    import Cython
    from Cython.Compiler import Lexicon
    from Cython.Plex import Machines

    state = hashlib.blake2b(digest_size=12)
    state.update(f"{_FORMAT} {Cython.__version__}".encode())
    for module in (Lexicon, Machines):
        status = os.stat(module.__file__)
        state.update(f"{module.__file__} {status.st_size} {status.st_mtime_ns}".encode())
    return os.path.join(folder, f"{kind}-{state.hexdigest()}.bin")


# ---------------------------------------------------------------------------- packing


def _action_text(action: Any) -> str | None:
    """An action as text, where `_action` understands it."""
    text = repr(action)
    try:
        return text if repr(_action(text)) == text else None
    except (ValueError, SyntaxError):
        return None


def _action(text: str) -> Any:
    from Cython.Plex import Actions

    if _SIMPLE.match(text):
        return getattr(Actions, text)
    found = _RETURN.match(text)
    if found:
        return Actions.Return(ast.literal_eval(found["value"]))
    found = _METHOD.match(text)
    if found:
        arguments = re.findall(r", (\w+)=('[^']*')", found["kwargs"])
        return Actions.Method(
            found["name"], **{key: ast.literal_eval(value) for key, value in arguments}
        )
    raise ValueError(text)


def _pack(machine: Any, *, ascii_only: bool = False) -> bytes | None:
    """None where the machine holds something that this format does not know."""
    number_of = {id(state): number for number, state in enumerate(machine.states)}
    actions: dict[int, int] = {}
    action_texts: list[str] = []
    charsets: dict[str, int] = {}
    states = []
    for state in machine.states:
        action = state["action"]
        at = -1
        if action is not None:
            if id(action) not in actions:
                text = _action_text(action)
                if text is None:
                    return None
                actions[id(action)] = len(action_texts)
                action_texts.append(text)
            at = actions[id(action)]
        groups: dict[int, list[str]] = {}
        singles = []
        for event, target in state.items():
            if event in ("number", "action") or (ascii_only and not event.isascii()):
                continue
            if target is not None and id(target) not in number_of:
                return None
            to = -1 if target is None else number_of[id(target)]
            if len(event) == 1:
                groups.setdefault(to, []).append(event)
            else:
                singles.append((event, to))
        runs = []
        for to, events in groups.items():
            if len(events) < _MINIMUM_RUN:
                singles += [(event, to) for event in events]
            else:
                runs.append((charsets.setdefault("".join(sorted(events)), len(charsets)), to))
        states.append((state["number"], at, tuple(runs), tuple(singles)))
    initial = tuple((name, number_of[id(state)]) for name, state in machine.initial_states.items())
    body = marshal.dumps((tuple(charsets), tuple(action_texts), tuple(states), initial))
    return hashlib.blake2b(body, digest_size=16).digest() + body


def _unpack(data: bytes) -> Any:
    from Cython.Plex.Machines import FastMachine

    if hashlib.blake2b(data[16:], digest_size=16).digest() != data[:16]:
        return None
    charset_texts, action_texts, packed, initial = marshal.loads(data[16:])
    # Dicts as sets of keys: fromkeys() then has the size and the hashes at hand.
    charsets = [dict.fromkeys(text) for text in charset_texts]
    actions = [_action(text) for text in action_texts]
    machine = FastMachine()
    states: list[dict] = [{} for _ in packed]
    machine.states.extend(states)
    made: dict[tuple[int, int], dict] = {}
    for state, (number, at, runs, singles) in zip(states, packed, strict=True):
        # Largest first: updating an empty dict from a dense one copies it as a whole.
        for run in sorted(runs, key=lambda run: -len(charsets[run[0]])):
            group = made.get(run)
            if group is None:
                charset, to = run
                group = dict.fromkeys(charsets[charset], states[to] if to >= 0 else None)
                made[run] = group
            state.update(group)
        for event, to in singles:
            state[event] = states[to] if to >= 0 else None
        state["number"] = number
        state["action"] = actions[at] if at >= 0 else None
    for name, number in initial:
        machine.make_initial_state(name, states[number])
    return machine
