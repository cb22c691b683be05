"""Cython's scanner is kept between processes, whichever way the compiler comes in."""

from __future__ import annotations

import textwrap

import pytest

PROGRAM = """
import cython_llvm
from cython_llvm import lexicon
built = []
original = lexicon._Switch.save
def save(self):
    built.append(self._built_here)
    original(self)
lexicon._Switch.save = save
cython_llvm.import_file({name!r})
print(any(built))
"""

HEADERS = {
    "plain": "",
    "flags": "# distutils: extra_compile_args = -O2\n",
    "language": "# distutils: language = c++\n",
}


@pytest.mark.parametrize("kind", HEADERS)
def test_it_is_built_once(run, tmp_path, kind):
    for name in ("first", "second"):
        (tmp_path / f"{name}.pyx").write_text(HEADERS[kind] + "def f(): return 1\n")
    assert run(textwrap.dedent(PROGRAM.format(name="first.pyx"))) == "True"
    assert run(textwrap.dedent(PROGRAM.format(name="second.pyx"))) == "False"
