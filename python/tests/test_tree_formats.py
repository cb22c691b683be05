"""f-strings of C values by both routes."""

from __future__ import annotations

from conftest import Both, outcome

INTEGERS = {"signed char": (0, -1, 127), "int": (7, -2147483648),
            "unsigned long": (0, 2**64 - 1), "bint": (0, 1)}  # fmt: skip
SPECS = ["", ":5", ":05", ":>6", ":<6", ":^6", ":-5", ":+5", ":x", ":08X", ":>4o", ":c", ":b", ":,", "!r",
         "!s:>6", "!a:3", ":e", ":5.2f", ":zz"]  # fmt: skip
DOUBLES = (0.0, -1.5, 1e300, float("nan"))


def test_formats_of_c_numbers_are_cythons(both: Both) -> None:
    lines, calls = [], []
    for index, spec in enumerate(SPECS):
        for ty, values in {**INTEGERS, "double": DOUBLES}.items():
            name = f"f{index}_{ty.replace(' ', '_')}"
            lines.append(f"def {name}({ty} x): return f'a{{x{spec}}}b'")
            calls += [(name, value) for value in values]
    tree, c = both("\n".join(lines))
    for name, value in calls:
        assert outcome(getattr(tree, name), value) == outcome(getattr(c, name), value), (name, value)
