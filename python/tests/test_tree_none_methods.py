"""Methods of built-in types where the variable is None: stock Cython says so at first, and crashes later."""

from __future__ import annotations

from pathlib import Path

import pytest

import cython_llvm
from conftest import write

SOURCE = """
def issubset(set o, x): return o.issubset(x)
def issuperset(set o, x): return o.issuperset(x)
def isdisjoint(set o, x): return o.isdisjoint(x)
def intersection(set o, x): return o.intersection(x)
def count(list o, x): return o.count(x)
def index(tuple o, x): return o.index(x)
def popitem(dict o, x): return o.popitem()
"""


def test_methods_of_none_raise_each_time(tmp_path: Path, cache_dir: Path) -> None:
    path = write(tmp_path / "none_methods.pyx", SOURCE)
    module = cython_llvm.import_file(path, "none_methods", route="tree")
    good = {"issubset": {1}, "issuperset": {1, 2}, "isdisjoint": {3}, "intersection": {1}, "count": [1, 1],
            "index": (2, 1), "popitem": {1: 2}}  # fmt: skip
    for name, receiver in good.items():
        function = getattr(module, name)
        expected = "NoneType"
        with pytest.raises((TypeError, AttributeError), match=expected) as first:
            function(None, [1])
        found = function(receiver, 1 if name in ("count", "index") else [1])
        assert found is not None
        for _ in range(2):
            with pytest.raises((TypeError, AttributeError), match=expected) as later:
                function(None, [1])
            assert str(later.value) == str(first.value)
