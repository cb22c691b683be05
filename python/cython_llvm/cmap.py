"""From a line of the C text that Cython generated back to the line of the source.

Cython writes a comment with the source position before the code of every statement,
``#line`` directives where asked to, and ``__PYX_ERR(file, line, label)`` where something
can raise; all three are read here.  Nothing in this file imports Cython or LLVM.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class SourceLine(NamedTuple):
    """A place in a .pyx, .py, .pxd or .pxi file; ``line`` is 1-based."""

    file: str  # as Cython wrote it: relative to the root of the packages
    line: int


_COMMENT = re.compile(r'\s*/\* "(?P<file>[^"]+)":(?P<line>\d+)$')
_LINE_DIRECTIVE = re.compile(r'\s*#\s*line\s+(?P<line>\d+)\s+"(?P<file>(?:[^"\\]|\\.)+)"')
_SECTION = re.compile(r"/\* #### Code section: ")
_PYX_ERR = re.compile(r"__PYX_ERR\((?P<index>\d+),\s*(?P<line>\d+),")
_FUNCTION_NAME = re.compile(r"\b(\w+)\s*\(")
_INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
_FILE_TABLE = re.compile(r"__pyx_f\[\]\s*=\s*\{(.*?)\};", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')

# Functions that Cython writes for types and for the module, not for a source line.
_NO_SOURCE = ("__pyx_tp_", "__pyx_sq_", "__pyx_mp_", "__pyx_getprop_", "__pyx_setprop_",
              "__pyx_import_star", "__Pyx_", "__pyx_pymod_", "PyInit_")  # fmt: skip


@lru_cache(maxsize=4)
def _split(c_text: str) -> tuple[str, ...]:
    return tuple(c_text.split("\n"))


def _text(c_text: str | bytes) -> str:
    return c_text.decode("utf-8", "replace") if isinstance(c_text, bytes) else c_text


def _file_table(c_text: str) -> list[str]:
    found = _FILE_TABLE.search(c_text)
    return [m.group(1) for m in _STRING.finditer(found.group(1))] if found else []


def _generated_name(line: str) -> str | None:
    """The function that a line at column 0 starts to define, if it looks like one."""
    if not line or line[0] in " \t}#/*{" or not line.rstrip().endswith("{"):
        return None
    found = _FUNCTION_NAME.search(line)
    return found.group(1) if found else None


def map_c_line(c_text: str | bytes, line: int) -> SourceLine | None:
    """The source line that the C line ``line`` (1-based) was generated for.

    None where the C belongs to no source line (utility code, tables, type slots) and where
    it does not say, as with ``emit_code_comments=False``: better no line than a wrong one.
    """
    text = _text(c_text)
    lines = _split(text)
    if not 1 <= line <= len(lines):
        return None
    index = line - 1
    if _INCLUDE.match(lines[index]):
        return None  # see find_extern_line: the C text does not say where it came from
    own_jump = _PYX_ERR.search(lines[index])
    if own_jump is not None:
        mapped = _from_table(text, own_jump)
        if mapped is not None:
            return mapped
    in_own_function = True
    for at in range(index, -1, -1):
        current = lines[at]
        if current.startswith("}") and at < index:
            in_own_function = False
        if in_own_function:
            name = _generated_name(current)
            if name is not None and name.startswith(_NO_SOURCE):
                return None  # no comment between here and the top of a function of Cython's own
        found = _COMMENT.match(current) or _LINE_DIRECTIVE.match(current)
        if found is not None:
            return SourceLine(found["file"], int(found["line"]))
        if _SECTION.match(current):
            return None
    return None


def _from_table(text: str, found: re.Match[str]) -> SourceLine | None:
    table = _file_table(text)
    number = int(found["index"])
    return SourceLine(table[number], int(found["line"])) if number < len(table) else None


def included_header(c_text: str | bytes, line: int) -> str | None:
    """The header named by the ``#include`` on a C line (1-based), or None."""
    lines = _split(_text(c_text))
    if not 1 <= line <= len(lines):
        return None
    found = _INCLUDE.match(lines[line - 1])
    return found.group(2) if found else None


def find_extern_line(source: str, header: str) -> int | None:
    """The line (1-based) of ``cdef extern from "header"`` in a Cython source, or None."""
    wanted = re.compile(r"""\bextern\s+from\s+(?:u|b)?['"]<?""" + re.escape(header) + r""">?['"]""")
    for number, text in enumerate(source.splitlines(), 1):
        if wanted.search(text):
            return number
    return None
