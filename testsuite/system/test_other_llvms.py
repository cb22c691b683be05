"""numba brings an LLVM of its own: both work in one process, whichever comes first."""

from __future__ import annotations

import itertools

import pytest

IMPORT_NUMBA = "import numba"
IMPORT_OURS = "import cython_llvm; cython_llvm.install(); from cython_llvm import _native"
USE_NUMBA = """
@numba.njit
def doubled(x):
    return 2 * x + offset()
@numba.njit
def offset():
    return 1
assert doubled(20) == 41, doubled(20)
"""
USE_OURS = """
import adder
assert adder.add(20, 22) == 42
assert cython_llvm.inline("return a * b", a=6, b=7) == 42
"""

STEPS = {"IN": IMPORT_NUMBA, "IC": IMPORT_OURS, "UN": USE_NUMBA, "UC": USE_OURS}
ORDERS = [order for order in itertools.permutations(STEPS)
          if order.index("IN") < order.index("UN") and order.index("IC") < order.index("UC")]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_in_one_process(python, folder, order):
    pytest.importorskip("numba", reason="numba has no wheel for this interpreter")
    (folder / "adder.pyx").write_text("# cython: language_level=3\ndef add(int a, int b): return a + b\n")
    python("\n".join(STEPS[step] for step in order) + "\n" + USE_NUMBA + USE_OURS, CYTHON_LLVM_CACHE="0")


def test_the_library_exports_nothing_of_llvm(run):
    import subprocess

    from cython_llvm import _native

    shown = subprocess.run(["readelf", "-W", "--dyn-syms", _native.__file__], capture_output=True,
                           text=True, check=True).stdout  # fmt: skip
    rows = [line.split() for line in shown.splitlines() if line.strip()[:1].isdigit()]
    exported = {row[7] for row in rows if len(row) > 7 and row[6] != "UND" and row[4] != "LOCAL"}
    assert "PyInit__native" in exported
    others = exported - {"PyInit__native", "__jit_debug_register_code", "__jit_debug_descriptor"}
    assert not [name for name in others if "llvm" in name.lower() or "clang" in name.lower()]
