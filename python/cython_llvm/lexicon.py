"""Cython's lexical analyser, kept between processes.

Building the state machine of Cython's scanner takes a third to half a second, the largest part of
a first compilation.  It depends on nothing but Cython's own source, so it is saved as plain tuples
(marshal) in the cache folder and put together again in some tens of milliseconds.  Cython is not
changed: its scanner asks `make_lexicon` of its own module's names, and that name is set here.
"""

from __future__ import annotations

import ast
import hashlib
import marshal
import os
import re
from typing import Any

from . import cache

_FORMAT = 1
_MINIMUM_RUN = 8  # characters with one target that are worth a shared key tuple

_original: Any = None
_made: Any = None
_saved = False

_SIMPLE = re.compile(r"(?P<kind>IGNORE|TEXT)$")
_RETURN = re.compile(r"Return\((?P<value>.+)\)$", re.DOTALL)
_METHOD = re.compile(r"Method\((?P<name>\w+)(?P<kwargs>(?:, \w+='[^']*')*)\)$")


def install() -> None:
    """Make Cython's scanner use the saved machine, where there is one."""
    global _original
    if _original is not None:
        return
    from Cython.Compiler import Scanning

    _original = Scanning.make_lexicon
    Scanning.make_lexicon = _make


def _make() -> Any:
    global _made, _saved
    path = _path()
    if path is not None:
        try:
            with open(path, "rb") as file:
                made = _unpack(file.read())
        except Exception:  # damaged in whatever way: built anew, and saved over it
            made = None
        if made is not None:
            _saved = True
            return made
    _made = _original()
    return _made


def save() -> None:
    """Write the machine that Cython built in this process, once."""
    global _made, _saved
    if _made is None or _saved:
        return
    _saved = True
    path = _path()
    data = _pack(_made) if path is not None else None
    _made = None
    if path is not None and data is not None:
        cache.write_atomically(path, data)


def _path() -> str | None:
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
    return os.path.join(folder, f"{state.hexdigest()}.bin")


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


def _pack(lexicon: Any) -> bytes | None:
    """None where the machine holds something that this format does not know."""
    machine = lexicon.machine
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
            if event in ("number", "action"):
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
    from Cython.Plex.Lexicons import Lexicon
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
    for state, (number, at, runs, singles) in zip(states, packed):
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
    lexicon = Lexicon.__new__(Lexicon)
    lexicon.machine = machine
    return lexicon
