"""Cython's part: the same text as stock Cython's, however it was warmed up."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import write

SOURCE = """
def f(it, double[:] a=None):
    try:
        next(it)
    except StopIteration as e:
        return e.value, e.args
    except UnicodeDecodeError as u:
        return u.encoding, u.__context__
    return f"{it!r:>10}", 0x1_000, 1e-5j, b"\\x00", '''long'''
"""

GENERATE = """
import sys
from cython_llvm import frontend
from cython_llvm.settings import Settings
unit = frontend.generate_c(sys.argv[1] if len(sys.argv) > 1 else "mod.pyx", "mod", Settings())
import hashlib
print(hashlib.sha256(unit.c_text).hexdigest(), len(unit.c_text))
"""


def test_the_text_is_stock_cythons(tmp_path: Path, run: Callable[..., str]) -> None:
    path = write(tmp_path / "mod.pyx", SOURCE)
    subprocess.run(
        [sys.executable, "-m", "cython", str(path), "-o", "stock.c"], cwd=tmp_path, check=True
    )
    import hashlib

    stock = (tmp_path / "stock.c").read_bytes()
    wanted = f"{hashlib.sha256(stock).hexdigest()} {len(stock)}"
    # The first builds the lexicon, the second reads it back.
    assert [run(GENERATE), run(GENERATE)] == [wanted, wanted]


def test_identifiers_of_other_scripts(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "mod.pyx", "x = 1\n")
    run(GENERATE)
    write(tmp_path / "mod.pyx", "def größe(λ): return λ\n")
    assert run(GENERATE).split()[1].isdigit()


def test_letters_where_they_are_easily_missed(tmp_path: Path, run: Callable[..., str]) -> None:
    """Whole-line comments do not need the whole lexicon; what only looks like one does."""
    write(tmp_path / "mod.pyx", "x = 1\n")
    run(GENERATE)
    for source in ('ä = 1\nx = f"""\n# {ä}\n"""\n', 'ä = 1\nx = f"\\\n# {ä}"\n', "# ä\rö = 1\r"):
        # The name of another module first, so that letters elsewhere in it do not help.
        hidden = source.replace("ä = 1\n", "from names import *\n")
        (tmp_path / "mod.pyx").write_text(hidden, encoding="utf-8", newline="")
        printed = run(GENERATE, check=False)
        assert "Unrecognized character" not in printed
        (tmp_path / "mod.pyx").write_text(source, encoding="utf-8", newline="")
        assert run(GENERATE).split()[1].isdigit()


def test_a_damaged_lexicon_is_built_anew(
    tmp_path: Path, run: Callable[..., str], cache_dir: Path
) -> None:
    write(tmp_path / "mod.pyx", SOURCE)
    first = run(GENERATE)
    saved = sorted((cache_dir / "lexicon").iterdir())
    assert len(saved) == 2
    for path in saved:
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 0xFF
        path.write_bytes(data)
    assert run(GENERATE) == first
    assert run(GENERATE) == first


def test_exceptions_attributes_are_there(sources: Path) -> None:
    import importlib

    write(sources / "exc_attr.pyx", SOURCE)
    module = importlib.import_module("exc_attr")
    assert module.f(iter(())) == (None, ())


def test_the_version_is_the_workspaces() -> None:
    import cython_llvm

    manifest = Path(__file__).parents[2] / "Cargo.toml"
    if not manifest.exists():
        pytest.skip("not in a source tree")
    workspace = tomllib.loads(manifest.read_text())["workspace"]
    assert workspace["package"]["version"] == cython_llvm.__version__
