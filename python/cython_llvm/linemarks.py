"""Where Cython's C tells a tracer of a line, for modules with the directive `linetrace`.

Cython notes places while it generates C, and what it writes next gets the call; which lines that are,
and between which parts of an expression, depends on what has text in C.  So C is generated, by a
writer that remembers which node each call belongs to, and the exported tree gets the list
(docs/tree-schema.md).
"""

from __future__ import annotations

import copy
import json
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

#: A node, and when: before its own code ("start") or behind it ("end"), or one of `_places`.
Place = tuple[Any, str]
#: Kinds of copies of a `finally` clause, in the order of Cython's labels.
_EXITS = ("c", "b", "r", "e")


def wanted(module: Any) -> bool:
    """Whether lines may be told of in an analysed module."""
    if module.directives["linetrace"]:
        return True
    return any("linetrace" in line for line in module.compilation_source.source_desc.get_lines())


@contextmanager
def noting(module: Any, objects: list[Any]) -> Iterator[Marks]:
    """While this lasts, C that is generated is listened to.  ``objects``: of the exported tree."""
    from Cython.Compiler import Annotate, Code, Nodes

    marks = Marks(module, objects)
    stock = Code.CCodeWriter, Annotate.AnnotationCCodeWriter, Nodes.copy
    Code.CCodeWriter = _writer(marks, stock[0])
    Annotate.AnnotationCCodeWriter = _writer(marks, stock[1])
    Nodes.copy = SimpleNamespace(copy=copy.copy, deepcopy=marks.deepcopy)
    try:
        yield marks
    finally:
        Code.CCodeWriter, Annotate.AnnotationCCodeWriter, Nodes.copy = stock


class Marks:
    """What has been heard of one module."""

    def __init__(self, module: Any, objects: list[Any]) -> None:
        from Cython.Compiler import Nodes

        self._kept: list[Any] = [objects]
        # Nodes are the first of the tree's tables.
        self._numbers = {id(one): index for index, one in enumerate(objects) if isinstance(one, Nodes.Node)}
        self._places = _places()
        self._mark_lines: dict[CodeType, list[int]] = {}
        self._finally = Nodes.TryFinallyStatNode.generate_execution_code.__code__
        self._function = {
            Nodes.FuncDefNode.generate_function_definitions.__code__,
            Nodes.GeneratorBodyDefNode.generate_function_definitions.__code__,
            type(module).generate_module_init_func.__code__,
        }
        self._node = Nodes.Node
        #: The copy of its `finally` clause that a statement is writing.
        self._copies: dict[int, str] = {}
        self._found: list[tuple[int | None, int | None, str, str, int, bool]] = []

    def added(self, ask: Callable[[], str]) -> Callable[[], str]:
        """``ask`` for the exported tree, which gets what has been heard unless it has that already."""

        def with_marks() -> str:
            tree = ask()
            if tree.startswith('{"line_marks"'):
                return tree
            return f'{{"line_marks":{json.dumps(self._found)},\n{tree[1:]}'

        return with_marks

    def deepcopy(self, thing: Any, within: dict[int, Any] | None = None) -> Any:
        """As `copy.deepcopy`; copies of nodes stand for what they are copies of."""
        if within is not None:
            return copy.deepcopy(thing, within)
        memo: dict[int, Any] = {}
        made = copy.deepcopy(thing, memo)
        self._kept.append(memo)
        for key, one in memo.items():
            number = self._numbers.get(key)
            if number is not None and isinstance(one, self._node):
                self._numbers[id(one)] = number
        return made

    def place(self, frame: FrameType) -> Place | None:
        """The place that a call of `mark_pos` from this frame is for."""
        code = frame.f_code
        lines = self._mark_lines.get(code)
        if lines is None:
            lines = self._mark_lines[code] = _lines_with(code, "mark_pos(")
        if frame.f_lineno not in lines:
            return None
        known = self._places.get(code)
        if known is None:
            known = [_start] if len(lines) == 1 else []
        index = lines.index(frame.f_lineno)
        try:
            return known[index](frame.f_locals) if index < len(known) else None
        except (AttributeError, KeyError):
            return None

    def copy_begins(self, frame: FrameType | None, text: str) -> None:
        """A `try` statement writes the text before a copy of its `finally` clause, or its own start."""
        while frame is not None and frame.f_code is not self._finally:
            frame = frame.f_back
        if frame is None:
            return
        values = frame.f_locals
        labels = values.get("new_labels")
        name = text.partition(":")[0]
        if text == "/*try:*/ {":
            self._copies.pop(id(values["self"]), None)
        elif text == "/*normal exit:*/{":
            self._copies[id(values["self"])] = "n"
        elif text == "/*exception exit:*/{":
            self._copies[id(values["self"])] = "e"
        elif labels and name in labels:
            self._copies[id(values["self"])] = _EXITS[labels.index(name)]

    def tell(self, place: Place | None, text: str, frame: FrameType | None) -> None:
        """The text of a call has been written."""
        line, _, nogil = text[text.index("(") + 1 :].split(",")[:3]
        path, function = "", None
        while frame is not None and function is None:
            if frame.f_code is self._finally:
                path = self._copies.get(id(frame.f_locals["self"]), "") + path
            elif frame.f_code in self._function:
                function = self._numbers.get(id(frame.f_locals["self"]))
            frame = frame.f_back
        if place is _NEVER:
            return
        node, when = place or (None, "")
        self._found.append((function, self._numbers.get(id(node)), when, path, int(line), nogil != "0"))


def _writer(marks: Marks, base: Any) -> Any:
    class Writer(base):
        """Cython's writer of C, which tells of its calls for lines."""

        def __init__(self, create_from: Any = None, *args: Any, **options: Any) -> None:
            base.__init__(self, create_from, *args, **options)
            # The place that is to be marked with the next text, and the one whose mark is being written.
            self.pending: tuple[Any, Place | None] | None = getattr(create_from, "pending", None)
            self.marked: Any = getattr(create_from, "marked", None)
            self.marking: Place | None = None

        def create_new(self, create_from: Any, buffer: Any, copy_formatting: Any) -> Any:
            return Writer(create_from, buffer, copy_formatting)

        def mark_pos(self, pos: Any, trace: bool = True) -> None:
            if pos is not None and (self.pending is not None or self.marked != pos[:2]):
                # All places without text between them are one.
                before, place = self.pending or (pos, None)
                if place is None or is_constant(place[0]):
                    place = marks.place(sys._getframe(1)) or place
                self.pending = before if self.marked == pos[:2] else pos, place
            base.mark_pos(self, pos, trace)

        def write_trace_line(self, pos: Any) -> None:
            caller = sys._getframe(1)
            if self.marking is None and caller.f_code.co_name == "generate_execution_code":
                self.marking = caller.f_locals["self"].body, "iteration"
            base.write_trace_line(self, pos)
            self.marking = None

        def _write_to_buffer(self, s: str) -> None:
            base._write_to_buffer(self, s)
            if s.startswith("__Pyx_TraceLine("):
                marks.tell(self.marking, s, sys._getframe(1))
                self.marking = None
            elif s == "\n" and self.pending is not None and self.buffer.markers[-1:] == [self.pending[0][:2]]:
                self.marked, self.marking = self.pending[0][:2], self.pending[1]
                self.pending = None
            elif s.strip() and not s.startswith('/* "'):
                self.marking = None
                if s.endswith("{"):
                    marks.copy_begins(sys._getframe(1), s)

    return Writer


def _lines_with(code: CodeType, text: str) -> list[int]:
    last = max((line for _, _, line in code.co_lines() if line is not None), default=0)
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : last]
    return [number for number, line in enumerate(lines, code.co_firstlineno) if text in line]


# ---------------------------------------------------------------- places, by who marks them

Values = dict[str, Any]
#: Behind a body that does not end.
_NEVER: Place = (None, "never")


def _start(values: Values) -> Place:
    return values["self"], "start"


def _otherwise(values: Values) -> Place:
    return values["self"].else_clause, "start"


def _behind(name: str) -> Callable[[Values], Place]:
    return lambda values: (getattr(values["self"], name), "end")


def is_constant(node: Any) -> bool:
    """Whether an expression has no code of its own: constants, and what has been computed before."""
    from Cython.Compiler import ExprNodes, UtilNodes

    constant = ExprNodes.ConstNode, ExprNodes.CodeObjectNode, ExprNodes.PythonCapiFunctionNode
    before = ExprNodes.CloneNode, ExprNodes.TempNode, ExprNodes.RawCNameExprNode, UtilNodes.ResultRefNode
    return isinstance(node, (*constant, *before))


def _own_code(values: Values) -> Place:
    """Before an expression's own code, behind its parts."""
    from Cython.Compiler import ExprNodes, MatchCaseNodes

    node = values["self"]
    if isinstance(node, ExprNodes.SimpleCallNode):
        parts = [node.function, *(node.arg_tuple.args if node.arg_tuple is not None else node.args)]
        if not node.function.type.is_pyobject and not node.function.is_attribute:
            del parts[0]
    elif isinstance(node, MatchCaseNodes.EvaluateWithKeysAndSubjectsArrays):
        parts = node.keys_array
    else:
        parts = node.subexpr_nodes()
    parts = [part for part in parts if not is_constant(part)]
    return (parts[-1], "end") if parts else (node, "start")


def _places() -> dict[CodeType, list[Callable[[Values], Place]]]:
    """For functions that mark several places, or others than where their node starts: what they mark."""
    from Cython.Compiler import ExprNodes, MatchCaseNodes, Nodes

    execution, evaluation = "generate_execution_code", "generate_evaluation_code"
    found: list[tuple[type, str, list[Callable[[Values], Place]]]] = [
        (Nodes.StatListNode, execution, [lambda values: (values["stat"], "start")]),
        (Nodes._ForInStatNode, execution, [_start, _behind("body")]),
        (Nodes.WhileStatNode, execution, [_start, _otherwise]),
        (Nodes.IfStatNode, execution, [_start, _otherwise]),
        (Nodes.IfClauseNode, execution, [_behind("condition")]),
        (Nodes.SwitchStatNode, execution, [_behind("test")]),
        (Nodes.SwitchCaseNode, execution, [lambda values: (values["cond"], "case")]),
        (Nodes.TryExceptStatNode, execution, [_start, _start, _otherwise]),
        (Nodes.TryFinallyStatNode, execution, [_start, _behind("body")]),
        (Nodes.GeneratorBodyDefNode, "generate_function_definitions", [_start, lambda values: _NEVER]),
        (ExprNodes.ExprNode, evaluation, [_own_code]),
        (ExprNodes.SimpleCallNode, evaluation, [_own_code]),
        (ExprNodes.WithExitCallNode, evaluation, [_own_code]),
        (ExprNodes.JoinedStrNode, evaluation, [_start, _own_code]),
        (MatchCaseNodes.EvaluateWithKeysAndSubjectsArrays, evaluation, [_own_code]),
    ]
    return {getattr(cls, name).__code__: places for cls, name, places in found}
