"""How many iterations a ``prange`` has, and what is left in its variable: the same by both routes."""

from __future__ import annotations

from conftest import Both, outcome

#: Signatures and headers of loops; each counts its iterations, adds up its variable, and returns it.
LOOPS = {
    "start": ("unsigned int a, unsigned int b", "a, b", "unsigned int"),
    "step": ("size_t a, size_t b, size_t c", "a, b, c", "size_t"),
    "down": ("size_t a", "a - 1, -1, -1", "size_t"),
    "down_by_two": ("unsigned int a", "a, 0, -2", "unsigned int"),
    "narrow": ("unsigned char a, unsigned char b", "a, b", "unsigned char"),
    "narrow_step": ("unsigned short a, unsigned short b, int c", "a, b, c", "unsigned short"),
    "mixed": ("int a, unsigned int b", "a, b", "int"),
    "mixed_wide": ("int a, size_t b", "a, b", "Py_ssize_t"),
    "mixed_step": ("unsigned int a, unsigned int b, int c", "a, b, c", "long"),
    "signed_variable": ("unsigned int a, unsigned int b", "a, b", "long"),
    "literal": ("unsigned long b", "3, b, 4", "unsigned long"),
    "wraps": ("int a", "a", "signed char"),
    "plain": ("int a, int b, int c", "a, b, c", "int"),
}
SOURCE = """
from cython.parallel import prange
""" + "\n".join(
    f"""
def {name}({parameters}):
    cdef {ty} i = 3
    cdef size_t count = 0, sum = 0
    for i in prange({bounds}, nogil=True, num_threads=3):
        count += 1
        sum += i
    return i, count, sum
"""
    for name, (parameters, bounds, ty) in LOOPS.items()
)
TOP = 2**32 - 1
CALLS: list[tuple[str, tuple[int, ...]]] = [
    *(("start", pair) for pair in ((0, 0), (3, 9), (9, 9), (0, 1), (TOP - 9, TOP), (TOP, TOP))),
    *(("step", three) for three in ((0, 10, 3), (5, 5, 1), (3, 100, 7), (2**63, 2**63 + 9, 4),
                                    (2**64 - 10, 2**64 - 1, 3))),
    *(("down", (number,)) for number in (1, 2, 10)),
    *(("down_by_two", (number,)) for number in (0, 1, 2, 10, TOP)),
    *(("narrow", pair) for pair in ((0, 255), (250, 255), (3, 3), (9, 3))),
    *(("narrow_step", three) for three in ((0, 65535, 1000), (10, 0, -1), (10, 0, -3), (65535, 0, -7))),
    *(("mixed", pair) for pair in ((0, 10), (3, 3), (2**31 - 9, 2**31 - 1))),
    *(("mixed_wide", pair) for pair in ((0, 10), (3, 3), (-5, 3))),
    *(("mixed_step", three) for three in ((0, 10, 3), (3, 30, 4), (3, 3, 1), (10, 0, -1), (TOP - 9, TOP, 2))),
    *(("signed_variable", pair) for pair in ((0, 10), (TOP - 9, TOP))),
    *(("literal", (number,)) for number in (4, 20)),
    *(("wraps", (number,)) for number in (0, 100, 300)),
    *(("plain", three) for three in ((0, 10, 3), (10, 0, -3), (10, 0, -1), (7, 3, 2), (3, 7, -2), (0, -1, -100),
                                     (2**31 - 9, 2**31 - 1, 2))),
]  # fmt: skip


def test_bounds_of_every_integer_type(both: Both) -> None:
    mine, stock = both(SOURCE)
    for name, arguments in CALLS:
        results = [outcome(getattr(module, name), *arguments) for module in (mine, stock)]
        assert results[0] == results[1], (name, arguments)
    # Where Cython's C divides by abs(step), which is an int.
    assert mine.step(0, 2**42, 2**40) == (3 * 2**40, 4, 6 * 2**40)
