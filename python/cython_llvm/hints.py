"""What Cython says of a source that compiles: its warnings and performance hints, on standard error.

Cython says some of it only while it generates C, of which the tree route has none.
"""

from __future__ import annotations

import os
import sys
from typing import Any

#: Modules of source that we have written, about which nobody wants to hear.
_GENERATED = ("_cython_jit_",)
#: Methods of extension types that Cython warns of when it writes their slots.
_REMOVED = ("__nonzero__", "__long__", "__getslice__", "__setslice__", "__delslice__")


def show(module_name: str, text: str, path: str) -> None:
    """Print what was said of the module at ``path``, as `cython` and pyximport do."""
    stream = sys.stderr
    if not text or stream is None or module_name.startswith(_GENERATED):
        return
    if module_name.startswith("_cython_inline_"):
        text = _of_the_code(text, path)
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", "replace").decode("ascii"))


def _of_the_code(text: str, path: str) -> str:
    """Without the warning of what `inline` puts behind a `return`, which nobody has written."""
    with open(path, "rb") as file:
        last = len(file.read().splitlines())
    line = f"warning: {path}:{last}:4: Unreachable code\n"
    return text.replace(line, "").replace(line.replace(os.getcwd() + os.sep, "", 1), "")


def come_with_c(module: Any) -> bool:
    """Whether Cython would say something of an analysed module while it generates its C.

    May be true where it would not in the end.
    """
    from Cython.Compiler import ExprNodes, Nodes

    indexing = (ExprNodes.BufferIndexNode, ExprNodes.MemoryViewIndexNode)
    waiting: list[tuple[Any, Any]] = [(module, module.directives)]
    while waiting:
        node, directives = waiting.pop()
        if isinstance(node, (Nodes.CompilerDirectivesNode, type(module))):
            directives = node.directives
            if directives["subinterpreters_compatible"] != "no" or directives["freethreading_compatible"]:
                return True
        elif isinstance(node, indexing):
            if (node.in_nogil_context and directives["boundscheck"]
                    and directives["show_performance_hints"]):  # fmt: skip
                return True
        elif isinstance(node, ExprNodes.SimpleCallNode):
            if (node.in_nogil_context and directives["show_performance_hints"]
                    and _needs_the_gil_after(node.function_type())):  # fmt: skip
                return True
        elif isinstance(node, Nodes.CClassDefNode) and node.scope is not None:
            if any(node.scope.lookup_here(name) for name in _REMOVED):
                return True
        for attribute in node.child_attrs or ():
            child = getattr(node, attribute, None)
            if type(child) is list:
                waiting.extend((one, directives) for one in child if one is not None)
            elif child is not None:
                waiting.append((child, directives))
    return False


def _needs_the_gil_after(function: Any) -> bool:
    """Whether only the exception state tells how a call has gone."""
    return bool(function.is_cfunction and function.exception_check and function.exception_value is None)
