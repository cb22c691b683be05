"""Input that is no Cython source at all: a clear error each time, and never the end of the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from cython_llvm import errors, frontend
from cython_llvm.settings import Settings

pytestmark = pytest.mark.usefixtures("cache_dir")

MALFORMED = {
    "binary": (b"\x7fELF\x02\x01\x01" + bytes(range(256)), "CYL1204", "NUL byte at offset 7"),
    "utf16": ("x = 1\n".encode("utf-16"), "CYL1204", "NUL byte"),
    "not_utf8": (b"x = '\xff\xfe'\n", "CYL1201", "cannot decode"),
    "unknown_encoding": (b"# coding: nonsense\n", "CYL1204", "unknown encoding: nonsense"),
    "no_text_encoding": (b"# coding: base64\n", "CYL1204", "base64"),
    "control": (b"x = 1\x01\n", "CYL1201", "Unrecognized character"),
    "tabs": (b"if 1:\n\tx = 1\n        y = 2\n", "CYL1201", "Mixed use of tabs and spaces"),
    "open_string": (b'x = """abc', "CYL1201", "Unexpected token"),
    "itself": (b'include "itself.pyx"\n', "CYL1201", "includes itself again and again"),
    "pair": (b'include "pair.pxi"\n', "CYL1201", "includes itself again and again"),
    "nothing_there": (b'include "nothing.pxi"\n', "CYL1201", "'nothing.pxi' not found"),
    "no_module": (b"cimport no_such_module\n", "CYL1201", "'no_such_module.pxd' not found"),
    "broken_pxd": (b"x = 1\n", "CYL1201", "broken_pxd.pxd:2:0"),
    "header": (b"# distutils: sources = 'a b\n", "CYL1206", "# distutils:"),
    "deep": (b"x = " + b"[" * 30_000 + b"]" * 30_000, "CYL1205", "1000 deep"),
    "directive": (b"# cython: boundscheck=perhaps\n", "CYL1201", "boundscheck"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, code, words = MALFORMED[name]
    (tmp_path / "pair.pxi").write_bytes(b'x = 1\ninclude "pair.pyx"\n')
    (tmp_path / "broken_pxd.pxd").write_bytes(b"cdef int f(\n")
    path = tmp_path / f"{name}.pyx"
    path.write_bytes(source)
    with pytest.raises(errors.CompileError) as info:
        frontend.generate_c(str(path), name, Settings())
    assert info.value.code == code
    assert words in str(info.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "source",
    [b"", b"\xef\xbb\xbfx = 1\n", b"x = 1", b"x = 1\r\n", b"x = 1\ry = 2\r", b"\x0cx = 1\n",
     b"# coding: latin-1\nx = '\xe9'\n", b"x = '" + b"(" * 5000 + b"'\n",
     b'"""' + b"[\n" * 5000 + b'"""\n', b"#" + b"(" * 5000],
)  # fmt: skip
def test_odd_but_right(source: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.pyx"
    path.write_bytes(source)
    assert b"PyInit_odd" in frontend.generate_c(str(path), "odd", Settings()).c_text


def test_a_folder_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "Is a directory"), (tmp_path / "gone.pyx", "No such file")):
        with pytest.raises(errors.CompileError, match=words) as info:
            frontend.generate_c(str(path), "gone", Settings())
        assert info.value.code == "CYL1203"


def test_many_inclusions_of_one_file_are_no_circle(tmp_path: Path) -> None:
    (tmp_path / "leaf.pxi").write_text("y = 1\n")
    path = tmp_path / "many.pyx"
    path.write_text('include "leaf.pxi"\n' * 150)
    unit = frontend.generate_c(str(path), "many", Settings())
    assert unit.dependencies == (str(tmp_path / "leaf.pxi"),)


def test_what_was_read_and_what_was_missed(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "other.pxd").write_text("# distutils: libraries = m\ncdef inline int one(): return 1\n")
    (package / "part.pxi").write_text("z = 3\n")
    (package / "mod.pyx").write_text(
        "# distutils: define_macros = A=1\n"
        'from pack.other cimport one\nfrom . cimport other\ninclude "part.pxi"\nx = one()\n'
    )
    unit = frontend.generate_c(str(package / "mod.pyx"), "pack.mod", Settings())
    assert set(unit.dependencies) >= {str(package / "other.pxd"), str(package / "part.pxi")}
    assert str(package / "mod.pxd") in unit.absent
    assert unit.settings.libraries == ("m",) and unit.settings.define_macros == (("A", "1"),)
    assert unit.headers == {} and unit.c_filename == str(package / "mod.c")


def test_public_headers_come_with_the_text(tmp_path: Path) -> None:
    path = tmp_path / "pub.pyx"
    path.write_text("cdef public int twice(int x): return 2 * x\ncdef api int same(int x): return x\n")
    unit = frontend.generate_c(str(path), "pub", Settings())
    assert set(unit.headers) == {"pub.h", "pub_api.h"} and b"twice" in unit.headers["pub.h"]
    assert sorted(item.name for item in tmp_path.iterdir() if item.is_file()) == ["pub.pyx"]
