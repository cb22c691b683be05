"""Analysing one edited function in a module that Cython has analysed before.

A module that is reloaded keeps its analysed tree.  Where an edit lies within the body of one function,
that function alone is parsed and goes through Cython's own transforms, the very ones that the module
went through, in the scope that the module has; then it takes the place of the old one in the tree.
The result is the tree that analysing the whole source would give.  Whatever could make it another one
is looked for, before and after: then `edited` says why, and the source is analysed as a whole.
"""

from __future__ import annotations

import copy
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import frontend, hints, live_info, live_slots, shift

if TYPE_CHECKING:
    from .settings import Settings

#: Whether edits are analysed this way at all; `CYTHON_LLVM_WHOLE_ANALYSIS=1` turns it off.
enabled = os.environ.get("CYTHON_LLVM_WHOLE_ANALYSIS", "") in ("", "0")

#: What acts beyond the function that it stands in, or is parsed by what came before.
_BEYOND = re.compile(
    r"\b(?:global|cimport|include|DEF|IF|ELIF|ELSE|lambda|yield|await|async|class|def|nonlocal|extern|prange|parallel"
    r"|fused|ctypedef|exec|eval)\b|[\t\f\\]",
    re.MULTILINE,
)
#: Of a whole source: what makes the parsing of one part depend on another.
_CONDITIONAL = re.compile(r"^\s*(?:DEF|IF|include)\b", re.MULTILINE)
#: Bookkeeping of scopes that no tree shows.
_IGNORED = frozenset({
    "_cached_tuple_types", "assignments", "cached_builtins", "cf_assignments", "cf_references", "directives",
    "id_counters", "might_overflow", "node_positions_to_offset", "undeclared_cached_builtins", "used",
    "utility_code_list",
})  # fmt: skip
#: Stages of Cython's pipeline that look at the module's declarations only, by name.
_OF_MODULES = frozenset({"check_c_declarations", "wrap_declared"})


class Refused(Exception):
    """The edit must be analysed with the whole source."""


@dataclass
class Function:
    """A function as it was parsed."""

    node: Any
    first: int  # line, from 0, decorators included
    body: int  # the line of its first statement
    end: int  # the line behind it
    doc: Any
    counts: shift.Counts | None = None  # of names, when it and what is in it was declared
    used: frozenset[int] | None = None  # ids of the entries that its body uses


@dataclass
class Kept:
    """A module that has been analysed."""

    path: str
    name: str
    identity: Any
    text: str
    module: Any
    stages: list[Any]
    functions: list[Function]
    unit: frontend.CUnit
    current: tuple[Settings, str]
    files: tuple[tuple[str, Any], ...]
    objects: list[Any]  # all that the tree consists of, as it was last exported

    def export(self) -> str:
        """The tree as JSON."""
        from . import treeexport

        self.objects.clear()
        return treeexport.export(self.module, self.objects)


_kept: dict[str, Kept] = {}
#: How the last analysis of each module went: "" where one function was enough, else why not.
ways: dict[str, str] = {}


def forget(name: str) -> None:
    """Analyse the whole source the next time."""
    _kept.pop(name, None)


# ------------------------------------------------------------------ the whole source


class Notes:
    """What a whole analysis leaves for a later one."""

    def __init__(self) -> None:
        self.stages: list[Any] = []
        self.functions: list[Function] = []
        self.counts: dict[int, tuple[Any, shift.Counts]] = {}
        self.module: Any = None
        self.current: Any = None
        self.objects: list[Any] = []

    def of_pipeline(self, stages: list[Any]) -> list[Any]:
        """The stages, with one more that looks at what has been parsed."""
        self.stages = stages[1:]
        return [stages[0], self._parsed, *stages[1:]]

    def _parsed(self, module: Any) -> Any:
        self.functions = list(_functions(module))
        return module

    @contextmanager
    def declaring(self) -> Iterator[None]:
        """While this lasts, note which numbers functions get."""

        def note(node: Any, at: int, counters: dict[Any, int]) -> None:
            _, counts = self.counts.setdefault(id(node), (node, []))
            if len(counts) == at:
                counts.append(dict(counters))

        with shift.counting(note):
            yield

    def keep(self, unit: frontend.CUnit, settings: Settings) -> None:
        """Keep the module for an edit."""
        forget(unit.module_name)
        text = _text(unit.source_path)
        if self.module is None or text is None or unit.warnings or unit.language != "c" or not enabled:
            return
        if self.module.directives.get("np_pythran"):
            return
        if _CONDITIONAL.search(text) or unit.source_path in frontend.PRELUDES or settings.cimport_from_pyx:
            return
        _number_of_lines(self.functions, text.count("\n") + 1)
        for function in self.functions:
            _, counts = self.counts.get(id(function.node), (None, []))
            function.counts = counts if len(counts) == shift.COUNTS else None
        _kept[unit.module_name] = Kept(
            unit.source_path, unit.module_name, settings.identity(), text, self.module, self.stages,
            self.functions, unit, self.current, _states(unit), self.objects,
        )  # fmt: skip


def _functions(module: Any) -> Iterator[Function]:
    """The functions at the module's top level, with the line of the next statement as their end."""
    from Cython.Compiler import Nodes

    body = module.body
    stats = body.stats if isinstance(body, Nodes.StatListNode) else [body]
    own = [stat for stat in stats if stat.pos[0] is module.pos[0]]
    for at, stat in enumerate(own):
        first = _first_line(stat)
        end = _first_line(own[at + 1]) if at + 1 < len(own) else -1
        if not (type(stat) is Nodes.DefNode or _is_plain_c_function(stat)):
            continue
        inner = stat.body.stats if isinstance(stat.body, Nodes.StatListNode) else [stat.body]
        start = min((_first_line(one) for one in inner), default=0)
        if inner and start > stat.pos[1]:
            yield Function(stat, first - 1, start - 1, end - 1 if end > 0 else -1, stat.doc)


def _is_plain_c_function(stat: Any) -> bool:
    """Whether a statement is a C function that nobody else declares, or sees."""
    from Cython.Compiler import Nodes

    return (
        type(stat) is Nodes.CFuncDefNode
        and not (stat.overridable or stat.api or stat.inline_in_pxd or stat.decorators)
        and stat.visibility == "private"
        and stat.template_declaration is None
    )


def _name(node: Any) -> Any:
    return node.name if hasattr(node, "name") else node.declared_name()


def _number_of_lines(functions: list[Function], lines: int) -> None:
    for function in functions:
        if function.end < 0:
            function.end = lines


def _first_line(stat: Any) -> int:
    decorators = getattr(stat, "decorators", None) or ()
    return min([stat.pos[1], *(one.pos[1] for one in decorators)])


def _text(path: str) -> str | None:
    """A source whose lines are what they seem."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    plain = "\r" not in text and "\f" not in text and not text.startswith("\ufeff")
    return text if plain and b"coding" not in b"".join(data.splitlines()[:2]) else None


def _states(unit: frontend.CUnit) -> tuple[tuple[str, Any], ...]:
    """What the files are that have been read or looked for beside the source."""

    def state(path: str) -> Any:
        try:
            found = os.stat(path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    names = (*unit.dependencies, *unit.absent)
    return tuple((path, state(path)) for path in names)


# ------------------------------------------------------------------ an edit


def edited(path: str, name: str, settings: Settings) -> Kept | None:
    """The module with its edited function, its tree ready for export; None where that cannot be."""
    kept = _kept.pop(name, None)
    if kept is None:
        return _told(name, "it has not been analysed before")
    try:
        with frontend.LOCK, shift.analysing() as messages:
            done = _Edit(kept, path, settings, messages).done()
    except Refused as reason:
        return _told(name, str(reason))
    except Exception as error:  # the whole analysis will tell
        return _told(name, f"{type(error).__name__}: {error}")
    _told(name, "")
    _kept[name] = done
    return done


def _told(name: str, why: str) -> None:
    """Note which way an analysis goes, and say it to the log "cython_llvm"."""
    import logging

    ways[name] = why
    whole = f"the whole source is analysed, because {why}" if why else "only the edited function is analysed"
    logging.getLogger("cython_llvm").info("%s: %s", name, whole)


class _Edit:
    """One edit of one module."""

    def __init__(self, kept: Kept, path: str, settings: Settings, messages: io.StringIO) -> None:
        self.kept = kept
        self.messages = messages
        if os.path.abspath(path) != kept.path or settings.identity() != kept.identity or not enabled:
            raise Refused("the settings are others")
        if _states(kept.unit) != kept.files:
            raise Refused("another file that it reads has changed")
        text = _text(path)
        if text is None:
            raise Refused("its text has an encoding or line ends of its own")
        self.text = text

    def done(self) -> Kept:
        """The module with the edited function in it."""
        kept = self.kept
        old, new = kept.text.split("\n"), self.text.split("\n")
        start, stop = _difference(old, new)  # in the old text
        moved = len(new) - len(old)
        function = next((one for one in kept.functions if one.body <= start and stop <= one.end), None)
        if function is None:
            raise Refused("the edit is not within the body of one function")
        end = function.end + moved
        before, after = "\n".join(old[function.first:function.end]), "\n".join(new[function.first:end])
        for part in (old[function.body : function.end], new[function.body : end]):
            if found := _BEYOND.search("\n".join(part)):
                raise Refused(f"the function has '{found[0]}'")
        scope = kept.module.scope
        for thing in _shared(scope):
            if self._stands_in(thing, function):
                raise Refused(f"the function declares {thing.name or thing.cname} for the module")
        if function.counts is None:
            raise Refused("the function is not declared as others are")
        if function.used is None:
            function.used = self._analysed(function, before).used
        one = self._analysed(function, after)
        assert one.used is not None
        if function.used - one.used:
            raise Refused("the function does not use any more what it used")
        self._put(function, one)
        if moved:
            if not shift.doctests(kept.module.body, function.end + 1, moved):
                raise Refused("the module has a list of doctests of its own")
            shift.lines(kept.objects, kept.module.pos[0], function.end + 1, moved)
        place = kept.functions.index(function)
        one.first, one.end = function.first, end
        one.counts = function.counts
        kept.functions[place] = one
        for later in kept.functions[place + 1 :]:
            later.first += moved
            later.body += moved
            later.end += moved
        kept.text = self.text
        data = self.text.encode()
        live_slots.assign(scope, live_slots.in_use(kept.name, kept.path))
        live = live_info.describe(kept.module.scope, data, kept.unit.language)
        kept.unit = replace(kept.unit, live=live)
        return kept

    def _stands_in(self, thing: Any, function: Function) -> bool:
        pos = getattr(thing, "pos", None)
        return (
            type(pos) is tuple
            and pos[0] is self.kept.module.pos[0]
            and function.body < pos[1] <= function.end
        )

    def _analysed(self, function: Function, text: str) -> Function:
        """The function with another text, analysed in the module's scope."""
        from Cython.Compiler import Nodes, Parsing
        from Cython.Compiler.Scanning import PyrexScanner

        module = self.kept.module
        scope, source = module.scope, module.pos[0]
        with source.get_file_object() as file:
            encoding = file.encoding
        scanner = PyrexScanner(
            io.StringIO(text + "\n"), source, source_encoding=encoding, scope=scope, context=scope.context,
            parse_comments=False, initial_pos=(source, function.first + 1, 0),
        )  # fmt: skip
        parsed = Parsing.p_module(scanner, None, module.full_module_name)
        body = parsed.body
        stats = body.stats if isinstance(body, Nodes.StatListNode) else [body]
        node = stats[0] if len(stats) == 1 else None
        self._no_messages()
        same = type(node) is type(function.node) and _name(node) == _name(function.node)
        if not same or node.doc != function.doc:
            raise Refused("it is not the function that it was")
        if type(node) is Nodes.CFuncDefNode:
            known = function.node
            if known.entry.defined_in_pxd or known.type.optional_arg_count or known.has_fused_arguments:
                raise Refused("it is a C function with optional or fused arguments, or of a .pxd")
        part = copy.copy(module)
        part.body = body
        inner = node.body.stats if isinstance(node.body, Nodes.StatListNode) else [node.body]
        first = min((_first_line(one) for one in inner), default=0)
        done = Function(node, function.first, first - 1, 0, node.doc)
        done.used = self._run(part, node, function)
        self.part = part
        return done

    def _run(self, part: Any, node: Any, function: Function) -> frozenset[int]:
        """Take the function through the transforms; the entries that it uses."""
        scope = self.kept.module.scope
        assert function.counts is not None
        numbers = function.counts
        counters = scope.id_counters
        finally_counted = dict(counters)
        things = _shared(scope)
        before = {id(thing): _state(thing) for thing in things}
        used = [thing for thing in things if "used" in vars(thing)]
        were = [thing.used for thing in used]
        lists = [(vars(thing), name, list(value)) for thing in things
                 for name, value in vars(thing).items() if type(value) is list]  # fmt: skip
        utility = len(scope.utility_code_list)
        positions = scope.node_positions_to_offset
        for thing in used:
            thing.used = 0

        def count(one: Any, at: int, now: dict[Any, int]) -> None:
            if one is not node:
                return
            if at % 2 and now != numbers[at]:
                raise Refused("names are numbered in another way")
            now.clear()
            now.update(numbers[at])

        part.analyse_declarations = lambda env: part.body.analyse_declarations(env)
        try:
            with shift.counting(count):
                for stage in self.kept.stages:
                    if stage is None or getattr(stage, "__name__", "") in _OF_MODULES:
                        continue
                    if getattr(stage, "__name__", "") in shift.LATER_STAGES:
                        break
                    part = stage(part)
                    self._no_messages()
            if hints.come_with_c(part):
                raise Refused("Cython may have something to say with its C")
            if counters != numbers[-1]:
                raise Refused("names are numbered in another way")
            new = self._new_utilities(scope.utility_code_list[utility:], scope.utility_code_list[:utility])
            found = frozenset(id(thing) for thing in used if thing.used)
        finally:
            for thing, value in zip(used, were, strict=True):
                thing.used = value or thing.used
            counters.clear()
            counters.update(finally_counted)
            scope.node_positions_to_offset = positions
        # The function's own entry is put where the old one is.
        for values, name, value in lists:
            now = values.get(name)
            if type(now) is list and len(now) > len(value) and now[: len(value)] == value:
                extra = now[len(value):]
                if name in _IGNORED or all(one is node.entry for one in extra):
                    del now[len(value):]
        scope.utility_code_list += new
        for thing in things:
            if _state(thing) != before[id(thing)]:
                raise Refused("it changes what the module declares: " + _what(thing, before[id(thing)]))
        return found

    @staticmethod
    def _new_utilities(new: list[Any], known: list[Any]) -> list[Any]:
        """Utility code that the module did not use before; such as has a tree of its own is refused."""
        found: list[Any] = []
        for one in new:
            if any(one is other or one == other for other in (*known, *found)):
                continue
            if type(one).__name__ == "CythonUtilityCode":
                raise Refused("it uses code of Cython's that has a tree of its own")
            found.append(one)
        return found

    def _no_messages(self) -> None:
        from Cython.Compiler import Errors

        if Errors.get_errors_count() or self.messages.getvalue():
            raise Refused("Cython has something to say")

    def _put(self, function: Function, new: Function) -> None:
        """Put the new function where the old one is."""
        old_place = shift.place_of(self.kept.module.body, function.node)
        new_place = shift.place_of(self.part.body, new.node)
        if old_place is None or new_place is None:
            raise Refused("the function is not where it was declared")
        (stats, at), (others, there) = old_place, new_place
        old_pair, pair = shift.pair(stats, at), shift.pair(others, there)
        if [type(one) for one in old_pair] != [type(one) for one in pair]:
            raise Refused("the function has become another statement")
        stats[at : at + len(pair)] = pair
        if hasattr(new.node, "cfunc_declarator") and not shift.use_type(function.node, new.node):
            raise Refused("it is a C function with types that each declaration makes anew")
        shift.swap(self.kept.module.scope, function.node.entry, new.node.entry)


def _shared(scope: Any) -> list[Any]:
    """Scopes and entries that functions have in common."""
    scopes, seen, found = [scope, *scope.cimported_modules], set(), []
    while scopes:
        one = scopes.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        for entry in (*one.entries.values(), *one.var_entries, *one.cfunc_entries, *one.pyfunc_entries):
            if id(entry) in seen:
                continue
            seen.add(id(entry))
            found.append(entry)
            kind = entry.type
            inner = getattr(kind, "scope", None) if entry.is_type else None
            if inner is not None:
                scopes.append(inner)
    return found


def _state(thing: Any) -> dict[str, Any]:
    """What a scope or an entry has, as far as trees show it."""
    return {
        name: _value(value) for name, value in vars(thing).items() if name not in _IGNORED
    }


def _value(value: Any) -> Any:
    if type(value) in (list, tuple):
        return tuple(map(id, value))
    if type(value) is dict:
        return tuple((key if isinstance(key, (str, int)) else id(key), id(item)) for key, item in value.items())
    if type(value) is set:
        return frozenset(map(id, value))
    return value if isinstance(value, (str, int, float, type(None))) else id(value)


def _what(thing: Any, before: dict[str, Any]) -> str:
    now = _state(thing)
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return f"{', '.join(names)} of {getattr(thing, 'name', '') or type(thing).__name__}"


def _difference(old: list[str], new: list[str]) -> tuple[int, int]:
    """The first line that differs, and the line in the old text from which all are the same again."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    same = 0
    while same < shorter - start and old[-1 - same] == new[-1 - same]:
        same += 1
    return start, len(old) - same
