"""Cells of one session: each a module, sharing C functions and types by name.

A cell may use every cdef or cpdef function and every type (extension types, structs, unions, enums,
ctypedefs, fused types) that a cell before it defines, as if it had cimported it.  A cell that defines
the very names of an earlier one, or says the same module name, or comes from the same place of a
notebook, is that cell run again: its code runs in the module that exists, as a reload.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from . import cache, frontend, inlining, loader
from .settings import Settings

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass
class Names:
    """What a cell's source says about names."""

    shared: set[str] = field(default_factory=set)  # C functions and types
    bound: set[str] = field(default_factory=set)  # all that stands at module level
    used: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Cell:
    """A cell as it was last run."""

    module_name: str
    names: Names
    loader: loader.PyxLoader
    module: ModuleType
    folder: str
    key: str | None
    uses: tuple[Cell, ...]
    settings: Settings


class Session:
    """The cells of one shell."""

    def __init__(self) -> None:
        self._cells: list[Cell] = []
        self._owner: dict[str, Cell] = {}  # shared name -> the cell that defined it last

    def run(self, code: str, settings: Settings, *, name: str | None = None, key: str | None = None,
            force: bool = False) -> Cell:  # fmt: skip
        """Compile and run a cell.

        ``name``: the module's, where the cell says one; ``key``: the cell's place in a notebook.
        Raises `CompileError` and what the cell's own code raises; the session is then as before.
        """
        names = names_of(code)
        before = self._again(names, name, key)
        uses = self._used(names, before)
        prelude = "".join(
            f"from {cell.module_name} cimport {', '.join(wanted)}\n" for cell, wanted in uses.items()
        )
        needed = tuple(_with_theirs(uses))
        settings = settings.with_(
            include_path=(*settings.include_path, *(cell.folder for cell in needed)),
            prelude=prelude,
            cimport_from_pyx=True,
        )
        digest = hashlib.sha256(repr((code, prelude, settings.identity())).encode()).hexdigest()
        if before is not None:
            name = before.module_name
        elif name is None:
            name = "_cython_magic_" + digest
        folder = os.path.join(_folder(), digest[:2], digest)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = inlining.place_source(code.encode(), name, folder)
        frontend.PRELUDES[path] = prelude
        if before is None:
            cell = self._first(name, path, names, settings, force)
        else:
            cell = self._run_again(before, path, names, settings, force)
        cell.folder, cell.key, cell.uses = folder, key, tuple(uses)
        self._remember(cell, before)
        return cell

    def run_aside(self, code: str, settings: Settings, prefix: str, name: str | None) -> None:
        """Compile and run a cell as a module that others do not see, ``prefix`` before its name."""
        cells, owner = list(self._cells), dict(self._owner)
        if name is None:
            name = "_cython_magic_" + hashlib.sha256(code.encode()).hexdigest()
        try:
            self.run(code, settings, name=prefix + name)
        finally:
            self._cells, self._owner = cells, owner

    def _again(self, names: Names, name: str | None, key: str | None) -> Cell | None:
        """The cell that this one is, run again."""
        for cell in reversed(self._cells):
            if name is not None:
                if cell.module_name == name:
                    return cell
            elif key is not None and cell.key is not None:
                if cell.key == key:
                    return cell
            elif names.bound and cell.names.bound == names.bound:
                return cell
        return None

    def _used(self, names: Names, before: Cell | None) -> dict[Cell, list[str]]:
        """Names that other cells share and this one uses."""
        found: dict[Cell, list[str]] = {}
        for name in sorted((names.used - names.bound) & self._owner.keys()):
            cell = self._owner[name]
            if cell is not before and (before is None or before not in _with_theirs([cell])):
                found.setdefault(cell, []).append(name)
        return found

    def _first(self, name: str, path: str, names: Names, settings: Settings, force: bool) -> Cell:
        spec = loader.spec_for(name, path, lambda: cell.settings, force=force)
        own = spec.loader
        assert isinstance(own, loader.PyxLoader)
        cell = Cell(name, names, own, ModuleType(name), "", None, (), settings)
        cell.module = inlining.load_spec(spec)
        return cell

    def _run_again(self, before: Cell, path: str, names: Names, settings: Settings, force: bool) -> Cell:
        own = before.loader
        options = loader.PyxLoader(before.module_name, path, lambda: settings, force=force)
        if sys.modules.get(before.module_name) is not before.module:
            sys.modules[before.module_name] = before.module
        inlining.own_error(lambda: options.exec_module(before.module))
        own.path = path
        before.module.__file__ = path
        before.module.__loader__ = options
        return Cell(before.module_name, names, options, before.module, "", None, (), settings)

    def _remember(self, cell: Cell, before: Cell | None) -> None:
        if before is not None:
            self._cells.remove(before)
            for name, owner in list(self._owner.items()):
                if owner is before:
                    self._owner[name] = cell
                    if name not in cell.names.shared:
                        del self._owner[name]
            for other in self._cells:
                other.uses = tuple(cell if used is before else used for used in other.uses)
        self._cells.append(cell)
        self._owner.update(dict.fromkeys(cell.names.shared, cell))


def _with_theirs(cells: Any) -> Iterator[Cell]:
    """The cells and those that they use, each once."""
    seen: set[int] = set()
    waiting = list(cells)
    while waiting:
        cell = waiting.pop(0)
        if id(cell) not in seen:
            seen.add(id(cell))
            yield cell
            waiting.extend(cell.uses)


def _folder() -> str:
    return cache.subdirectory("cells") or inlining.private_folder()


# ---------------------------------------------------------------------------- reading a cell


def names_of(code: str) -> Names:
    """Names that a cell defines and uses; only words where it does not parse (compiling says why)."""
    from . import compiler_import, lexicon

    compiler_import.import_compiler()
    from Cython.Compiler import Errors
    from Cython.Compiler.TreeFragment import parse_from_strings

    data = code.encode("utf-8", "surrogatepass")
    frontend.check_nesting(data, "<cell>")
    with frontend.LOCK:
        lexicon.note_source(data)
        Errors.reset()
        try:
            with Errors.local_errors(ignore=True):
                tree = parse_from_strings("cell", code)
        except (Errors.PyrexError, AssertionError, AttributeError, TypeError, ValueError):
            return Names(used=set(_WORD.findall(code)))
    names = Names()
    _module_level(tree.body, names)
    _uses(tree.body, names.used)
    return names


def _module_level(node: Any, names: Names) -> None:
    from Cython.Compiler import Nodes

    if isinstance(node, Nodes.CDefExternNode):
        _module_level(node.body, names)
        return
    if isinstance(node, (Nodes.CFuncDefNode, Nodes.CTypeDefNode)):
        name = _declared(node.declarator)
        names.bound.add(name)
        if getattr(node, "visibility", "") != "extern":
            names.shared.add(name)
    elif isinstance(node, (Nodes.CStructOrUnionDefNode, Nodes.CEnumDefNode, Nodes.FusedTypeNode)):
        if node.name:
            names.bound.add(node.name)
            if getattr(node, "visibility", "") != "extern":
                names.shared.add(node.name)
        if isinstance(node, Nodes.CEnumDefNode):
            items = {item.name for item in node.items}
            names.bound |= items
            if node.visibility != "extern":
                names.shared |= items
    elif isinstance(node, Nodes.CClassDefNode):
        names.bound.add(node.class_name)
        if node.visibility != "extern":
            names.shared.add(node.class_name)
    elif isinstance(node, Nodes.CVarDefNode):
        names.bound.update(map(_declared, node.declarators))
    elif isinstance(node, (Nodes.DefNode, Nodes.PyClassDefNode)):
        names.bound.add(node.name)
    elif isinstance(node, Nodes.FromCImportStatNode):
        names.bound.update(item[2] or item[1] for item in node.imported_names)
    elif isinstance(node, Nodes.CImportStatNode):
        names.bound.add(node.as_name or node.module_name.partition(".")[0])
    else:
        _statement(node, names)


def _statement(node: Any, names: Names) -> None:
    """Other statements: what they assign, and what stands inside them."""
    from Cython.Compiler import ExprNodes, Nodes

    for target in ("lhs", "target"):
        _targets(getattr(node, target, None), names)
    if isinstance(node, Nodes.FromImportStatNode):
        names.bound.update(target.name for _, target in node.items)
    if isinstance(node, Nodes.CascadedAssignmentNode):
        for target in node.lhs_list:
            _targets(target, names)
    for attribute in node.child_attrs or ():
        child = getattr(node, attribute, None)
        for one in child if isinstance(child, list) else [child]:
            if isinstance(one, Nodes.Node) and not isinstance(one, ExprNodes.ExprNode):
                _module_level(one, names)


def _targets(node: Any, names: Names) -> None:
    from Cython.Compiler import ExprNodes

    if isinstance(node, ExprNodes.NameNode):
        names.bound.add(node.name)
    for one in getattr(node, "args", None) or ():
        _targets(one, names)


def _declared(declarator: Any) -> str:
    while not hasattr(declarator, "name"):
        declarator = declarator.base
    return str(declarator.name)


def _uses(node: Any, used: set[str]) -> None:
    from Cython.Compiler import ExprNodes, Nodes

    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ExprNodes.NameNode):
            used.add(one.name)
        elif isinstance(one, Nodes.CSimpleBaseTypeNode):
            used.add(one.module_path[0] if one.module_path else one.name)
        elif isinstance(one, Nodes.CClassDefNode) and one.bases is not None:
            waiting.append(one.bases)
        for attribute in one.child_attrs or ():
            child = getattr(one, attribute, None)
            for part in child if isinstance(child, (list, tuple)) else [child]:
                if isinstance(part, Nodes.Node):
                    waiting.append(part)
