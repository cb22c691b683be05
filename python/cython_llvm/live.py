"""Reload: the edited module's code runs in the module that exists, and the objects that others hold
run it too.

The new code is executed as `importlib.reload` says, in the module's own namespace.  Extension types
are made over to it as soon as they exist, so that the module's body already sees them; functions,
descriptors and Python classes follow once the body has succeeded.  Where it raises, everything is put
back.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from . import live_classes, live_code, live_free, live_info, live_keep, live_objects, live_slots

if TYPE_CHECKING:
    from types import ModuleType

LOCK = threading.RLock()


class ReloadWarning(UserWarning):
    """A reload could not carry everything that exists over to the new code."""


class Record:
    """What is known of a module that has been reloaded."""

    def __init__(self, info: live_info.Description) -> None:
        self.classes: dict[str, Any] = dict(info["classes"])  # as the type objects in use have them
        self.functions = live_classes.Functions()
        self.pointers: dict[tuple[str, str], Any] = {}  # capsules handed out, by name and signature
        self.attic = live_free.Attic()
        self.last: live_free.Old | None = None  # the code in use, where it may be freed one day
        self.targets: dict[int, int] = {}  # where calls of redirected C functions go
        self.code: live_keep.Code | None = None  # in use
        self.variables: live_keep.Variables = info.get("variables", {})
        self.methods_gone: set[int] = set()  # C methods that tables have, though their classes have not
        self.models: dict[str, int] = {}  # types that those in use were made from: they have the slots' tables


_records: dict[str, Record] = {}


def _record(name: str, before: Any) -> Record:
    """What is known of a module; ``before``: the `loader.Code` that it was first executed with."""
    record = _records.get(name)
    if record is None:
        known = live_code.description(before.address, before.path) if before else None
        record = _records[name] = Record(known or live_info.parse(None))
        record.code = (before.address, before.path) if before else None
    return record


def classes_of(name: str) -> dict[str, Any]:
    """The extension types of a module that runs, by name, as `live_info` describes them."""
    from . import loader

    before = loader.first(name)
    return _record(name, before).classes if before is not None else {}


def forget(name: str) -> None:
    """A module is executed in another module object: nothing of what was is known any more."""
    _records.pop(name, None)


def execute_again(module: ModuleType, name: str, address: int, *, before: Any = None,
                  path: str | None = None) -> None:  # fmt: skip
    """Run the code whose init function is at ``address`` in a module that exists.

    ``before``: the `loader.Code` that the module was first executed with.  ``path``: of the new
    library, where the system's loader has it.
    """
    execute_together([(module, name, address, before, path)])


def execute_together(parts: list[tuple[ModuleType, str, int, Any, str | None]],
                     prune: bool | None = None) -> None:  # fmt: skip
    """`execute_again` for several modules, in this order: all of them, or none where one raises."""
    with LOCK:
        done: list[_Change] = []
        try:
            for module, name, address, before, path in parts:
                change = _Change(module, name, _record(name, before), address, path)
                done.append(change)
                change.execute()
        except BaseException:
            for change in reversed(done):
                change.undo()
            raise
        for change in done:
            change.commit(prune=options.prune if prune is None else prune)


class Options:
    """What `install` and `autoreload` set for all reloads."""

    prune = False
    expected = False  # modules that are imported will be reloaded


options = Options()


class _Change:
    """One reload of one module."""

    def __init__(self, module: ModuleType, name: str, record: Record, address: int,
                 path: str | None) -> None:  # fmt: skip
        self.module = module
        self.name = name
        self.record = record
        self.address = address
        self.path = path
        self.info = live_code.description(address, path)
        self.places = live_code.ranges(address)  # of the new code
        self.objects: Any = live_objects.functions()
        self.before = dict(module.__dict__)
        capi = self.before.get("__pyx_capi__")
        self.capi = dict(capi) if isinstance(capi, dict) else {}
        self.types: list[tuple[type, Any]] = []  # those made over, and what undoes it
        self.models: list[type] = []  # what those were made from
        self.own_types = False  # whether the new code has type objects that are in use
        self.replaced: list[type] = []  # those with another layout
        self.methods_gone: set[int] = set()
        self.redirected: list[tuple[int, int]] = []  # C functions, and where their calls went before

    def execute(self) -> None:
        """Run the new code; `undo` or `commit` must follow."""
        from . import _native

        watched = self.objects is not None and self.objects.watch(self.module, self.on_type) == 1
        try:
            _native.exec_into(self.address, self.module)
        finally:
            if watched:
                self.objects.unwatch(self.module)
        self._pointers()

    # -------------------------------------------------------------- extension types

    def on_type(self, name: str, made: type) -> type:
        """The type object that the module is to have under a name, while it is executed."""
        from . import _native

        old = self.before.get(name)
        if not isinstance(old, type) or old is made or old.__module__ != made.__module__:
            self.own_types = True
            return made
        described = self.info["classes"].get(name)
        known = self.record.classes.get(name)
        if (
            described is None
            or known is None
            or not self.objects.same_layout(old, made)
            or not live_slots.fits(known, described)
            or not self._subclasses_fit(old, live_slots.added(known, described))
        ):
            self.replaced.append(old)
            self.own_types = True
            return made
        table, made_table = self.objects.vtable_of(old), self.objects.vtable_of(made)
        count = live_slots.length(described) if table else 0
        if table:
            # Code that runs may call them still.
            self.methods_gone |= self._pointers_at(table, live_slots.gone(known, described))
        self.types.append((old, self.objects.type(old, made, count)))
        self.models.append(made)
        _native.replace_pointers(self.places, id(made), id(old))
        if table and made_table:
            _native.replace_pointers(self.places, made_table, table)
        return old

    def _subclasses_fit(self, kind: type, new: list[live_slots.Slot]) -> bool:
        """Whether the tables of all classes below a class can take what its own table gets."""
        if not new:
            return True
        for below in type.__subclasses__(kind):
            if self.objects.vtable_of(below):
                others = classes_of(below.__module__)
                if not live_slots.takes(others.get(below.__name__), new):
                    return False
            if not self._subclasses_fit(below, new):
                return False
        return True

    @staticmethod
    def _pointers_at(table: int, slots: list[live_slots.Slot]) -> set[int]:
        return {ctypes.c_uint64.from_address(table + 8 * slot[2]).value for slot in slots}

    # -------------------------------------------------------------- the two ends

    def undo(self) -> None:
        """Everything as it was."""
        from . import _native

        for address, before in reversed(self.redirected):
            _native.redirect_function(address, before)
            self.record.targets[address] = before
        for _, saved in reversed(self.types):
            self.objects.type_restore(saved)
        namespace = self.module.__dict__
        namespace.update(self.before)
        for added in [key for key in namespace if key not in self.before]:
            del namespace[added]
        capi = namespace.get("__pyx_capi__")
        if isinstance(capi, dict):
            capi.clear()
            capi.update(self.capi)
        self._discard()

    def _discard(self) -> None:
        """Nothing of the new code is wanted; it is freed unless something has got hold of it."""
        if self.objects is None or not self._may_be_freed():
            return
        self.types.clear()
        apart = [id(model) for model in self.models if not live_code.inside(id(model), self.places)]
        while self.models:
            self.objects.type_discard(self.models.pop())
        for model in apart:
            self.objects.type_free(model)
        self.record.attic.add(live_free.Old(self.address, live_free.pages(self.places)),
                              self._fixed(), self.objects)  # fmt: skip

    def commit(self, *, prune: bool) -> None:
        """What others hold runs the new code."""
        self._keep()
        if prune:
            self._prune()
        if self.objects is not None:
            pairs = live_classes.Pairs(self.name, self.module.__dict__, self.objects, self.record.functions)
            for kind, saved in self.types:
                pairs.extension_type(kind, self.objects.type_before(saved))
            pairs.namespace(self.before)
            pairs.finish()
        for old in self.replaced:
            self._warn(old)
        kept = {kind.__name__ for kind, _ in self.types}
        for name, described in self.info["classes"].items():
            known = self.record.classes.get(name)
            took_over = known is not None and name in kept
            self.record.classes[name] = live_slots.merged(known, described) if took_over else described
        self.record.methods_gone |= self.methods_gone
        self.record.variables = self.info.get("variables", {})
        self.record.code = (self.address, self.path)
        self._retire()

    def _retire(self) -> None:
        """The code that ran before is freed when nothing uses it."""
        record, last = self.record, self.record.last
        if last is not None and self.objects is not None:
            record.attic.add(last, self._fixed(), self.objects)
        own = live_free.Old(self.address, live_free.pages(self.places))
        record.last = own if self._may_be_freed() else None
        while self.models:
            model = self.models.pop()
            name, place = model.__name__, id(model)
            self.objects.type_discard(model)  # from here on nothing may ask it for anything
            before = record.models.pop(name, None)
            if before is not None:
                self.objects.type_free(before)
            # Where it is not part of the code, it is memory of its own.
            if not live_code.inside(place, self.places):
                record.models[name] = place

    def _may_be_freed(self) -> bool:
        """Whether the new code, too, goes one day."""
        return bool(self.info.get("free")) and not self.own_types and live_code.is_jitted(self.address)

    def _fixed(self) -> list[int]:
        """Addresses in code of the module that others hold for good."""
        record = self.record
        fixed = [live_objects.capsule(one)[1] for one in record.pointers.values()]
        return [*fixed, *record.targets.values(), *record.methods_gone]

    def _keep(self) -> None:
        """Names that the module declares to outlive a reload."""
        namespace = self.module.__dict__
        names = namespace.get("__keep__", ())
        variables = self.info.get("variables", {})
        for name in (names,) if isinstance(names, str) else names:
            if name in variables and self.record.code is not None:
                why = live_keep.keep(name, self.record.code, self.record.variables,
                                     (self.address, self.path), variables, bool(self.replaced))  # fmt: skip
                if why:
                    warnings.warn(f"C variable '{name}' of module '{self.name}' starts anew: {why}",
                                  ReloadWarning, stacklevel=2)  # fmt: skip
            elif name in self.before:
                namespace[name] = self.before[name]

    def _prune(self) -> None:
        """Functions and classes of the module's own that the new code does not make any more."""
        namespace = self.module.__dict__
        for name, value in self.before.items():
            if name.startswith("__") or namespace.get(name) is not value:
                continue
            own = isinstance(value, type) or self.objects is None or self.objects.is_function(value)
            if own and getattr(value, "__module__", None) == self.name and not self._is_kept(value):
                del namespace[name]

    def _is_kept(self, value: Any) -> bool:
        return any(value is kind for kind, _ in self.types)

    # -------------------------------------------------------------- C functions

    def _pointers(self) -> None:
        """Addresses that others have from ``__pyx_capi__`` run the new code, by the same signature."""
        from . import _native

        capi = self.module.__dict__.get("__pyx_capi__")
        if not isinstance(capi, dict):
            return
        for name, capsule in self.capi.items():
            self.record.pointers.setdefault((name, live_objects.capsule(capsule)[0]), capsule)
        for name, capsule in list(capi.items()):
            signature, address = live_objects.capsule(capsule)
            old = self.record.pointers.get((name, signature))
            if old is None or old is capsule or "(" not in signature:
                continue
            known = live_objects.capsule(old)[1]
            try:
                _native.redirect_function(known, address)
            except _native.NativeError as error:
                warnings.warn(f"C function '{name}' of module '{self.name}': addresses taken before keep "
                              f"the old code; {error.args[1]}", ReloadWarning, stacklevel=2)  # fmt: skip
                continue
            # Where it was not redirected yet, its own code goes on behind the first instruction.
            self.redirected.append((known, self.record.targets.get(known, known + 2)))
            self.record.targets[known] = address
            capi[name] = old

    # -------------------------------------------------------------- messages

    def _warn(self, old: type) -> None:
        was = self.record.classes.get(old.__name__, {})
        now = self.info["classes"].get(old.__name__, {})
        holders = sorted(
            name
            for name, module in list(sys.modules.items())
            if module is not self.module
            and isinstance(getattr(module, "__dict__", None), dict)
            and any(value is old for value in list(module.__dict__.values()))
        )
        held = f"; still held by {', '.join(holders)}" if holders else ""
        warnings.warn(
            f"class '{self.name}.{old.__name__}' has another layout ({_difference(was, now)}): objects "
            f"made before keep the old class and its code{held}",
            ReloadWarning, stacklevel=2,
        )  # fmt: skip


def _difference(was: dict[str, Any], now: dict[str, Any]) -> str:
    """What distinguishes two descriptions of a class, in words."""
    said = []
    for what, word in (("fields", "field"), ("vtable", "C method")):
        old = {name: kind for name, kind, *_ in was.get(what, ())}
        new = {name: kind for name, kind, *_ in now.get(what, ())}
        said += [f"{word} '{name}' added" for name in new if name not in old]
        said += [f"{word} '{name}' removed" for name in old if name not in new]
        said += [f"{word} '{name}': {old[name]} -> {new[name]}"
                 for name in new if name in old and old[name] != new[name]]  # fmt: skip
        if not said and list(old) != list(new):
            said.append(f"order of {word}s")
    if was.get("base") != now.get("base"):
        said.append(f"base {was.get('base')} -> {now.get('base')}")
    return ", ".join(said) or "its base class or its flags"
