"""C lines back to source lines, on C that the installed Cython writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cython_llvm.cdiag import CSource, format_diagnostic, hints, source_place
from cython_llvm.cmap import find_extern_line, included_header, map_c_line

SOURCE = """\
cdef extern from "mylib.h":
    int twice(int)

cdef class Box:
    cdef public int x
    def __init__(self, int x):
        self.x = x
    cpdef int get(self, int y):
        return twice(self.x) + y

def total(double v):
    s = 0
    for i in range(10):
        s += v * twice(i)
    return s
"""


def generate(folder: Path, *options: str) -> str:
    (folder / "box.pyx").write_text(SOURCE)
    command = [sys.executable, "-m", "cython", "-3", *options, "box.pyx"]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "box.c").read_text()


def c_line(text: str, part: str, start: int = 0) -> int:
    return text.count("\n", 0, text.index(part, start)) + 1


@pytest.fixture(scope="module")
def c_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return generate(tmp_path_factory.mktemp("cmap"))


def test_statement_maps_to_its_line(c_text: str) -> None:
    at = c_text.index("static int __pyx_f_3box_3Box_get", c_text.index("section: module_code"))
    assert map_c_line(c_text, c_line(c_text, "twice(__pyx_v_self->x)", at)) == ("box.pyx", 9)


def test_line_without_a_jump_uses_the_comment(c_text: str) -> None:
    line = c_line(c_text, "__pyx_v_self->x = ")
    assert "__PYX_ERR" not in c_text.split("\n")[line - 1]
    assert map_c_line(c_text, line) == ("box.pyx", 7)


def test_every_error_jump_maps_to_the_line_it_names(c_text: str) -> None:
    seen = 0
    for number, text in enumerate(c_text.split("\n"), 1):
        found = re.search(r"__PYX_ERR\(0, (\d+), ", text)
        if found and not text.startswith("#define"):
            seen += 1
            assert map_c_line(c_text, number) == ("box.pyx", int(found.group(1))), text
    assert seen > 20


def test_utility_code_and_slots_have_no_source(c_text: str) -> None:
    utility = c_line(c_text, "Code section: utility_code_def") + 30
    assert map_c_line(c_text, utility) is None
    slot = c_text.index("static PyObject *__pyx_tp_new_3box_Box(PyTypeObject *t,")
    body = c_text.index("{", slot)
    assert map_c_line(c_text, c_text.count("\n", 0, body) + 2) is None
    assert map_c_line(c_text, 1) is None


@pytest.mark.parametrize("line", [0, -1, 10**9])
def test_lines_outside_the_text(c_text: str, line: int) -> None:
    assert map_c_line(c_text, line) is None


def test_without_comments_error_jumps_serve(tmp_path: Path) -> None:
    text = generate(tmp_path, "-X", "emit_code_comments=False")
    assert '/* "box.pyx":9' not in text
    jump = re.search(r"__PYX_ERR\(0, 14, ", text[text.index("double __pyx_v_v) {") :])
    assert jump is not None
    at = text.index("double __pyx_v_v) {") + jump.start()
    assert map_c_line(text, text.count("\n", 0, at) + 1) == ("box.pyx", 14)
    # No comment and no jump on the line: better no line than a wrong one.
    at = text.index("static int __pyx_f_3box_3Box_get", text.index("section: module_code"))
    assert map_c_line(text, c_line(text, "twice(__pyx_v_self->x)", at)) is None


def test_line_directives(tmp_path: Path) -> None:
    text = generate(tmp_path, "--line-directives")
    mapped = map_c_line(text, c_line(text, "__pyx_v_self->x = "))
    assert mapped is not None
    assert (Path(mapped.file).name, mapped.line) == ("box.pyx", 7)


def test_include_belongs_to_the_extern_block(c_text: str, tmp_path: Path) -> None:
    line = c_line(c_text, '#include "mylib.h"')
    assert included_header(c_text, line) == "mylib.h"
    assert map_c_line(c_text, line) is None
    assert find_extern_line(SOURCE, "mylib.h") == 1
    assert find_extern_line(SOURCE, "other.h") is None
    pyx = tmp_path / "box.pyx"
    pyx.write_text(SOURCE)
    source = CSource("/src/box.c", c_text, str(pyx))
    diagnostic = {
        "severity": "fatal", "message": "'mylib.h' file not found", "file": "/src/box.c",
        "line": line, "column": 10, "source_line": '#include "mylib.h"', "option": None,
    }  # fmt: skip
    assert source_place(diagnostic, source) == (str(pyx), 1)
    shown = format_diagnostic(diagnostic, source)
    assert "box.pyx:1: error: 'mylib.h' file not found" in shown
    assert "include_dirs" in shown


def test_diagnostic_elsewhere_keeps_its_place(c_text: str) -> None:
    diagnostic = {
        "severity": "error", "message": "bad", "file": "/usr/include/x.h", "line": 3,
        "column": 2, "source_line": "int;", "option": None,
    }  # fmt: skip
    source = CSource("/src/box.c", c_text, None)
    assert source_place(diagnostic, source) is None
    assert format_diagnostic(diagnostic, source).startswith("/usr/include/x.h:3:2: error: bad")


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("'numpy/arrayobject.h' file not found", "pip install numpy"),
        ("'zlib.h' file not found", "zlib1g-dev"),
        ("'unheard.h' file not found", "include_dirs"),
        ("unable to find library -lfoo", "libfoo.so"),
        ("undefined symbol: frob", "frob"),
    ],
)
def test_hints_name_what_to_do(message: str, part: str) -> None:
    assert part in " ".join(hints(message))


def test_no_hint_where_none_is_known() -> None:
    assert hints("expected ';' after expression") == []
