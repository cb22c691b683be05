#!/usr/bin/env python3
"""The table of Cython's node classes at the end of docs/tree-schema.md.

Prints it; --write puts it into the document, --check says whether it is there as it should be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "tree-schema.md"
BEGIN = "<!-- node classes: scripts/tree_classes.py --write -->\n"


def modules() -> list[ModuleType]:
    """The modules of the installed Cython that define nodes."""
    from Cython.Compiler import (
        ExprNodes,
        FusedNode,
        MatchCaseNodes,
        ModuleNode,
        Nodes,
        ParseTreeTransforms,
        TreeFragment,
        UtilNodes,
    )

    return [ModuleNode, Nodes, ExprNodes, UtilNodes, FusedNode, MatchCaseNodes, ParseTreeTransforms,
            TreeFragment]  # fmt: skip


def table() -> str:
    """The table in Markdown."""
    from Cython import __version__
    from Cython.Compiler import ExprNodes, Nodes

    parse_only = (Nodes.CBaseTypeNode, Nodes.CAnalysedBaseTypeNode, Nodes.CDeclaratorNode,
                  ExprNodes.AnnotationNode)  # fmt: skip
    rows: dict[str, str] = {}
    for module in modules():
        for name, cls in vars(module).items():
            if not isinstance(cls, type) or not issubclass(cls, Nodes.Node):
                continue
            if cls.__module__ != module.__name__ or cls.__name__ != name or issubclass(cls, parse_only):
                continue
            base = next((base.__name__ for base in cls.__mro__[1:] if issubclass(base, Nodes.Node)), "")
            children = ", ".join(f"`{child}`" for child in child_attributes(cls))
            rows[name] = f"| `{name}` | {f'`{base}`' if base else ''} | {children} |"
    head = f"Of Cython {__version__}.\n\n| class | base | child attributes |\n| --- | --- | --- |\n"
    return head + "\n".join(rows[name] for name in sorted(rows)) + "\n"


def child_attributes(cls: type) -> list[str]:
    """The attributes with child nodes, in the order in which Cython visits them."""
    children = getattr(cls, "child_attrs", None)
    if isinstance(children, property) or children is None:  # expressions: the same as subexprs
        children = getattr(cls, "subexprs", None)
    return list(children) if isinstance(children, (list, tuple)) else []


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    if not arguments:
        sys.stdout.write(table())
        return 0
    text = DOCUMENT.read_text(encoding="utf-8")
    kept, marker, found = text.partition(BEGIN)
    wanted = "\n" + table()
    if arguments == ["--check"]:
        if marker and found == wanted:
            return 0
        sys.stderr.write(f"{DOCUMENT}: the node classes are not Cython's; run with --write\n")
        return 1
    DOCUMENT.write_text(kept + BEGIN + wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
