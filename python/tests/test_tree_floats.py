"""Single precision by the tree route: computed where and as wide as the C that Cython writes does it."""

from __future__ import annotations

import array
import itertools
import random

import pytest

from conftest import Both, outcome

#: Expressions of two floats, a double and an int.  C has the integer literals as doubles.
EXPRESSIONS = [
    "d + y * 10", "d + y * 0.1", "d + y * n", "d + y / z + y / 3", "d + y ** 2", "(y + 1 if y > z else z) + d",
    "y * 10 == 1", "y * 10 == z * 10", "y * 3 < z * 3", "d + (y * 3) * n", "d + -(y * 3)", "d + <float>(y * 3)",
    "<int>(y * 10)", "<double>(y * 10)", "d + (y + 16777217)", "d + abs(y * 3)", "y * 3 - z * 3",
    "(y * 3) / (z + 7)", "d + (y * 3) // 7", "(y - 3) * (z + 3)",
    "d + y // 3", "d + y % 3", "(y * 3) or d", "d + (3 - y) * 2", "2 * y + z * 3 - 7",
    "y + 1", "y * 3", "y / 3",
]  # fmt: skip
STATEMENTS = {
    "assigned": "cdef double r = y * 10 + 1\n    return r",
    "narrowed": "cdef float r = y * 10 + 1\n    return r + d",
    "twice": "cdef float r = y\n    r *= 10\n    r += 16777217\n    return r + d",
    "passed": "return taken(y * 10) + takend(y * 10)",
    "returned": "return given(y) + d",
    "items": "cdef float[:] v = view\n    v[0] = y\n    v[0] += z * 3\n    v[0] *= 7\n    v[0] -= 16777217\n"
             "    return v[0] + d",
    "summed": "cdef float s = 0\n    cdef int i\n    for i in range(n): s += y * 3 + 1\n    return s + d",
}  # fmt: skip


@pytest.mark.parametrize("cdivision", [False, True])
def test_literals_in_expressions_of_floats_are_doubles(both: Both, cdivision: bool) -> None:
    text = f"# cython: language_level=3, cdivision={cdivision}\n"
    text += "cdef float taken(float x): return x\ncdef double takend(double x): return x\n"
    text += "cdef float given(float y): return y * 10 + 1\n"
    names = []
    for number, expression in enumerate(EXPRESSIONS):
        text += f"def e{number}(float y, float z, double d, int n, view): return {expression}\n"
        names.append(f"e{number}")
    for name, body in STATEMENTS.items():
        text += f"def {name}(float y, float z, double d, int n, view):\n    {body}\n"
        names.append(name)
    tree, c = both(text)
    chance = random.Random(7)
    special = [0.0, 0.1, -0.1, 1 / 3, 16777218.0, 1e-40, 3e38]
    values = list(itertools.product(special, special[:4])) + [
        (chance.uniform(-5, 5), chance.uniform(-5, 5)) for _ in range(100)]  # fmt: skip
    for name, (y, z) in itertools.product(names, values):
        args = (y, z, 1e-9, 5, array.array("f", [0]))
        found, expected = (repr(outcome(getattr(module, name), *args)) for module in (tree, c))
        shown = EXPRESSIONS[int(name[1:])] if name[1:].isdigit() else STATEMENTS[name]
        assert found == expected, (shown, y, z)
