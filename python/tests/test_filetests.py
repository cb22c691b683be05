"""Golden files: the MIR of the functions of small sources, in ``filetests/``.

``CYTHON_LLVM_BLESS=1`` rewrites the expectations; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cython_llvm import sharedutil, treefrontend, treeroute
from cython_llvm.settings import Settings

FOLDER = Path(__file__).parent / "filetests"
#: Functions of the source, without wrappers and module initialisation.
_OWN = re.compile(r"^func @__pyx_p?f_.*?^\}\n", re.MULTILINE | re.DOTALL)


def mir_of(path: Path) -> str:
    settings = Settings(language_level=3)
    tree = treefrontend.export_tree(str(path), path.stem, settings, shared_utility=sharedutil.available())
    lowered = treeroute.lower(tree, settings, mir=True)
    assert not lowered.missing, lowered.missing
    assert lowered.mir is not None
    return "\n".join(_OWN.findall(lowered.mir))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.pyx")), ids=lambda path: path.stem)
def test_mir(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    found = mir_of(path)
    golden = path.with_suffix(".mir")
    if os.environ.get("CYTHON_LLVM_BLESS") == "1":
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
    assert mir_of(path) == found
