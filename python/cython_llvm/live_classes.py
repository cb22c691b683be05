"""Which old object goes with which new one, by name, and the old ones made to run the new code."""

from __future__ import annotations

import gc
import weakref
from types import CellType, ModuleType
from typing import Any

_SKIPPED = frozenset({"__dict__", "__weakref__", "__abstractmethods__", "_abc_impl", "__pyx_vtable__"})


class Functions:
    """Function objects made by earlier reloads that something may still hold, by qualified name."""

    def __init__(self) -> None:
        self._found: dict[str, list[weakref.ref[Any]]] = {}

    def add(self, function: Any) -> None:
        known = self._found.setdefault(function.__qualname__, [])
        known[:] = [one for one in known if one() is not None]
        try:
            known.append(weakref.ref(function))
        except TypeError:
            pass

    def of(self, name: str) -> list[Any]:
        return [one for ref in self._found.get(name, ()) if (one := ref()) is not None]


class Pairs:
    """The pairs of one reload."""

    def __init__(self, name: str, namespace: dict[str, Any], objects: Any, functions: Functions) -> None:
        self.name = name
        self._namespace = namespace
        self._objects = objects
        self._functions = functions
        self._classes: list[tuple[type, type]] = []
        self._new: dict[int, Any] = {}
        self._used: dict[tuple[int, int], tuple[Any, Any, Any]] = {}  # old, new, which of them stays

    # -------------------------------------------------------------- any two values

    def use(self, old: Any, new: Any) -> Any:
        """The object that stays: ``old``, where it could be made to run what ``new`` runs."""
        if old is new:
            return new
        key = id(old), id(new)
        if key not in self._used:
            self._used[key] = old, new, new  # until it is known
            self._used[key] = old, new, self._use(old, new)
        return self._used[key][2]

    def _use(self, old: Any, new: Any) -> Any:
        if self._objects.is_function(new):
            return self._function(old, new)
        if isinstance(new, type):
            return self._class(old, new)
        if type(old) is not type(new):
            return new
        if hasattr(old, "__conform__"):
            old.__conform__(new)
            return old
        if isinstance(new, (staticmethod, classmethod)):
            return old if self.use(old.__func__, new.__func__) is old.__func__ else new
        if isinstance(new, property):
            pairs = [(old.fget, new.fget), (old.fset, new.fset), (old.fdel, new.fdel)]
            if any((a is None) != (b is None) for a, b in pairs) or type(new) is not property:
                return new
            kept = [a is None or self.use(a, b) is a for a, b in pairs]
            return old if all(kept) and old.__doc__ == new.__doc__ else new
        wrapped = [getattr(one, "__dict__", {}).get("__wrapped__") for one in (old, new)]
        if None not in wrapped:
            self.use(*wrapped)
        elif type(new).__name__.endswith("_descriptor"):
            return old if self._objects.function(old, new) == 1 else new
        return new

    def _function(self, old: Any, new: Any) -> Any:
        if not self._objects.is_function(old) or getattr(new, "__module__", None) != self.name:
            return new
        if getattr(old, "__module__", None) != self.name or old.__qualname__ != new.__qualname__:
            return new
        specialised = [dict(getattr(one, "__signatures__", None) or {}) for one in (old, new)]
        known = self._functions.of(new.__qualname__)
        if self._objects.function(old, new) != 1:
            return new
        for other in known:
            if other is not old and other is not new:
                self._objects.function(other, new)
        self._new[id(new)] = new
        for key, one in specialised[0].items():
            if key in specialised[1]:
                self.use(one, specialised[1][key])
        return old

    # -------------------------------------------------------------- namespaces

    def namespace(self, before: dict[str, Any]) -> None:
        """Everything that the module had and has again."""
        namespace = self._namespace
        for key, old in before.items():
            if key.startswith("__") and key.endswith("__") and not callable(old):
                continue
            new = namespace.get(key)
            if new is None or new is old or isinstance(new, ModuleType):
                continue
            used = self.use(old, new)
            if used is not new:
                namespace[key] = used
        for key, new in list(namespace.items()):
            # Another name for something that goes on as the old object.
            used = self._stands_for(new)
            if used is not new:
                namespace[key] = used

    def _stands_for(self, value: Any) -> Any:
        for old, new in self._classes:
            if value is new:
                return old
        return value

    def extension_type(self, kind: type, before: dict[str, Any]) -> None:
        """The methods of a type that has been made over; ``before``: what its dictionary held."""
        space = self._objects.type_dict(kind)
        for key, new in list(space.items()):
            old = before.get(key)
            if key in _SKIPPED or old is None or old is new:
                continue
            used = self.use(old, new)
            if used is not new:
                space[key] = used
        self._objects.type_modified(kind)

    # -------------------------------------------------------------- Python classes

    def _class(self, old: Any, new: type) -> Any:
        if not isinstance(old, type) or type(old) is not type(new) or new.__module__ != self.name:
            return new
        if old.__module__ != self.name or old.__qualname__ != new.__qualname__:
            return new
        plain = type(new) is type or type(new).__name__ == "ABCMeta"
        if not plain or not new.__flags__ & (1 << 9) or not old.__flags__ & (1 << 9):
            return new
        bases = tuple(self._stands_for(base) for base in new.__bases__)
        layout = [(k.__basicsize__, k.__itemsize__, k.__dictoffset__, k.__weakrefoffset__,
                   k.__dict__.get("__slots__")) for k in (old, new)]  # fmt: skip
        if layout[0] != layout[1]:
            return new
        if bases != old.__bases__:
            try:
                old.__bases__ = bases
            except TypeError:
                return new
        slots = _slot_names(new)
        for key, value in new.__dict__.items():
            if key not in _SKIPPED and key not in slots:
                type.__setattr__(old, key, self.use(old.__dict__.get(key), value))
        for key, value in list(old.__dict__.items()):
            gone = key not in new.__dict__ and key not in _SKIPPED and self._is_method(value)
            if gone:
                type.__delattr__(old, key)
        if hasattr(new, "__abstractmethods__") and "__abstractmethods__" in new.__dict__:
            old.__abstractmethods__ = new.__abstractmethods__  # type: ignore[attr-defined]
        self._classes.append((old, new))
        return old

    def _is_method(self, value: Any) -> bool:
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, property):
            value = value.fget
        return bool(self._objects.is_function(value)) and getattr(value, "__module__", None) == self.name

    # -------------------------------------------------------------- the end

    def finish(self) -> None:
        """References to the new twins of classes become references to the old ones."""
        for new in self._new.values():
            self._functions.add(new)
        if not self._classes:
            return
        for old, _ in self._classes:
            for value in list(old.__dict__.values()):
                for inner in _functions_in(value):
                    for kept, made in self._classes:
                        self._objects.set_class(inner, made, kept)
        mapping = {id(new): old for old, new in self._classes}
        made = [new for _, new in self._classes]
        own = {id(made), id(self._classes), id(mapping)}
        for holder in gc.get_referrers(*made):
            if id(holder) not in own:
                self._repoint(holder, mapping)

    def _repoint(self, holder: Any, mapping: dict[int, type]) -> None:
        kind = type(holder)
        if kind is dict:
            for key, value in list(holder.items()):
                if id(value) in mapping:
                    holder[key] = mapping[id(value)]
            for key in [key for key in holder if id(key) in mapping]:
                holder[mapping[id(key)]] = holder.pop(key)
        elif kind is list:
            holder[:] = [mapping.get(id(value), value) for value in holder]
        elif kind is set:
            for value in [value for value in holder if id(value) in mapping]:
                holder.discard(value)
                holder.add(mapping[id(value)])
        elif kind is CellType:
            holder.cell_contents = mapping[id(holder.cell_contents)]
        elif isinstance(holder, type) and id(holder) not in mapping:
            bases = tuple(mapping.get(id(base), base) for base in holder.__bases__)
            if bases != holder.__bases__:
                try:
                    holder.__bases__ = bases
                except TypeError:
                    pass
        elif id(kind) in mapping:
            try:
                holder.__class__ = mapping[id(kind)]
            except TypeError:
                pass
        elif self._objects.is_function(holder):
            for made, old in [(made, old) for old, made in self._classes]:
                self._objects.set_class(holder, made, old)


def _slot_names(kind: type) -> set[str]:
    slots = kind.__dict__.get("__slots__", ())
    return {slots} if isinstance(slots, str) else set(slots)


def _functions_in(value: Any) -> list[Any]:
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [one for one in (value.fget, value.fset, value.fdel) if one is not None]
    return [value]
