"""Large functions by the tree route: what they cost to compile, and that they do the same as by the C route."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from conftest import Both, outcome
from cython_llvm import sharedutil, toolchain, treefrontend, treeroute
from cython_llvm.settings import Settings


def large(variables: int) -> str:
    """A function with so many object variables, each of which something that may raise is done to."""
    names = [f"v{number}" for number in range(variables)]
    steps = [f"    {name} = f({before}, {number})\n    f({name}, 0).real" for number, (before, name)
             in enumerate(zip(["start", *names], names, strict=False))]  # fmt: skip
    loop = f"    for item in range(20):\n        {names[0]} = f({names[0]}, item)\n        {names[-1]} = item"
    return (
        "def large(f, start):\n" + "\n".join(steps) + f"\n{loop}\n    if {names[1]} is None: del {names[2]}\n"
        f"    return [{', '.join(names)}]\n"
    )


def optimized(folder: Path, text: str) -> str:
    (folder / "large.pyx").write_text(text)
    settings = Settings(language_level=3, march="x86-64")
    tree, unit = treefrontend.analyse(
        str(folder / "large.pyx"), "large", settings, shared_utility=sharedutil.available()
    )
    module = treeroute.lower(tree, unit.settings).module
    assert module is not None
    module.begin_file(2)
    toolchain.optimize(module, unit.settings)
    return module.to_ir()


def incoming(text: str) -> int:
    """How many values come into blocks from others."""
    return sum(line.count("[") for line in re.findall(r"= phi .*", text))


def test_ways_to_the_end_do_not_bring_every_variable(tmp_path: Path) -> None:
    small, twice = (incoming(optimized(tmp_path, large(count))) for count in (40, 80))
    assert twice < 2.5 * small


def test_a_large_function_is_the_same(both: Both) -> None:
    tree, c = both(large(60))

    class Failure(Exception):
        pass

    for last in (*range(0, 125, 7), 10**6):
        seen = []
        for module in (tree, c):
            calls = 0
            start = object()
            counts = sys.getrefcount(start)

            def f(value, number, start=start, last=last):
                nonlocal calls
                calls += 1
                if calls == last:
                    raise Failure(number)
                return number if number % 3 else start

            result = outcome(module.large, f, start)
            seen.append((calls, str(result).replace(repr(start), "start"), str(result[0])))
            del f, result
            assert sys.getrefcount(start) == counts
        assert seen[0] == seen[1]
