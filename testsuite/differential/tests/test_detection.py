"""What the comparison is for is found: leaks, references too few, other results, messages and lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from differential import __main__ as differential  # noqa: E402
from differential import build, compare, interpreter  # noqa: E402

SOURCE = '''\
# cython: language_level=3
class Some:
    held = None
def attribute(x):
    """
    >>> attribute(Some())
    >>> attribute(3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AttributeError: ...
    """
    return x.held
def other(x):
    """
    >>> other(3)
    [3]
    """
    return [x]
'''

_HELPER = b"""
#include <Python.h>
/* Hidden, as the runtime library's own would come before it. */
__attribute__((visibility("hidden"))) PyObject *__Pyx_PyObject_GetAttrStr(PyObject *, PyObject *);
PyObject *__Pyx_PyObject_GetAttrStr(PyObject *object, PyObject *name) {
    PyObject *found = Py_TYPE(object)->tp_getattro(object, name);
    %s
    return found;
}
"""


def _runs(folder: Path, helper: bytes, *, each: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    path = folder / "tried.pyx"
    path.write_text(SOURCE)
    # Less optimised, as inlined helpers cannot be replaced.
    built = build.both(path, folder, tree_opt=1, helpers=_HELPER % helper)
    assert built == {"built": True}
    python = interpreter.ordinary()
    options = ["--each"] if each else []
    c, tree = (differential.run(python, build.library(folder, route, "tried"), path, 60, *options)
               for route in build.ROUTES)  # fmt: skip
    assert "crash" not in c
    return c, tree


def test_equal_modules_are_the_same(tmp_path: Path) -> None:
    c, tree = _runs(tmp_path, b"")
    assert compare.differences(c, tree) == []
    assert compare.leaks(c["growth"], tree["growth"]) == []
    assert len(c["examples"]) == 4 and c["growth"]


@pytest.mark.parametrize(
    ("mutation", "reported"),
    [(b"Py_XINCREF(found);", "references gained in a round: C 0, tree 1"),
     (b"if (found == Py_None) Py_DECREF(found);", "references gained in a round: C 0, tree -1"),
     (b"PyList_New(0);", "blocks gained in a round: C 0, tree 2")],
)  # fmt: skip
def test_wrong_counts_are_reported(tmp_path: Path, mutation: bytes, reported: str) -> None:
    c, tree = _runs(tmp_path, mutation)
    assert compare.differences(c, tree) == []
    assert reported in compare.leaks(c["growth"], tree["growth"])


def test_the_test_with_the_leak_is_named(tmp_path: Path) -> None:
    c, tree = _runs(tmp_path, b"Py_XINCREF(found);", each=True)
    found = compare.leaks_by_test(c, tree)
    assert found == ["tried.attribute: references gained in a round: C 0, tree 1"]


def test_other_behaviour_is_reported(tmp_path: Path) -> None:
    c, tree = _runs(tmp_path, b'if (!found) { PyErr_SetString(PyExc_AttributeError, "else"); }')
    found = compare.differences(c, tree)
    assert len(found) == 2 and all("tried.attribute[1]" in text and "'else'" in text for text in found)
