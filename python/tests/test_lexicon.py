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


COMMAND = """
import sys
{before}
sys.argv = ["cython", *{args}]
from Cython.Compiler import Main
from cython_llvm import lexicon
built = []
original = lexicon._Switch.save
def save(self):
    built.append(self._built_here)
    original(self)
lexicon._Switch.save = save
code = 0
try:
    Main.main(command_line=1)
except SystemExit as stop:
    code = stop.code
print(code or 0, lexicon._installed is not None, any(built))
"""


def test_the_commands_use_it(run, tmp_path, cache_dir):
    def command(*args, before=""):
        return run(COMMAND.format(args=list(args), before=before)).splitlines()[-1]

    for name in ("one", "two"):
        (tmp_path / f"{name}.pyx").write_text("def f(): return 1\n")
    (tmp_path / "größe.pyx").write_text("include 'part.pxi'\ndef f(): return ä\n")
    (tmp_path / "part.pxi").write_text("ä = 1\n")
    assert command("--backend=llvm", "-3", "-j2", "one.pyx", "two.pyx") == "0 True True"
    assert sorted(path.name.split("-")[0] for path in (cache_dir / "lexicon").iterdir()) == [
        "ascii", "whole",
    ]  # fmt: skip
    assert command("--backend", "llvm", "-3", "one.pyx") == "0 True False"
    assert command("--backend=llvm", "-3", "größe.pyx", "one.pyx") == "0 True False"
    assert command("-3", "-f", "größe.pyx") == "0 False False"
    # Whatever goes wrong with it, the command works.
    broken = "def broken(*args): raise RuntimeError\nfrom cython_llvm import lexicon\nlexicon.{} = broken"
    shown = command("--backend=llvm", "-3", "größe.pyx", before=broken.format("install"))
    assert shown == "0 False False"
    shown = command("--backend=llvm", "-3", "größe.pyx", before=broken.format("_watch_files"))
    assert shown == "0 True False"
