"""Where the bytes of libraries are: by section, and by the function that they belong to.

The libraries must have their symbols.  What is left of a file beside its sections is padding and headers.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

#: Families of functions and data, by how their names begin; the first that fits.
FAMILIES = (
    ("own: Python functions", r"__pyx_(pw|pf|gb|lambda|fuse|mdef)"),
    ("own: C functions", r"__pyx_f_\d*(?!5?View|16_cython)"),
    ("own: types", r"__pyx_(tp|sq|mp|nb|bf|am|getset|[gs]etprop|specialmethod|type|methods|vtable|slots)_"),
    ("own: module", r"__pyx_(pymod|module|mstate|string|unpickle)|PyInit_|__Pyx_(Create|Init|modinit)"),
    ("own: lines of tracebacks", r"add\."),
    ("utilities", r"_*(__Pyx|__pyx|Py)"),
    ("runtime", r"cyl_"),
)


_NUMBER = re.compile(r"[.]\d+$")


@dataclass
class Bytes:
    """Of some libraries: bytes by section, and by symbol within those that are loaded."""

    sections: Counter[str] = field(default_factory=Counter)
    symbols: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, library: Path) -> None:
        self.sections["headers and padding"] += library.stat().st_size
        names: dict[str, str] = {}
        for number, name, kind, size in sections(library):
            names[number] = name
            if kind != "NOBITS":
                self.sections[name] += size
                self.sections["headers and padding"] -= size
        seen = set()
        for number, name, address, size in symbols(library):
            if number in names and (number, address) not in seen:
                seen.add((number, address))
                self.symbols[names[number], name] += size


def shown(option: str, library: Path) -> Iterable[str]:
    command = ["readelf", "-W", option, str(library)]
    # readelf cuts long names, not always where a character ends.
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    return done.stdout.splitlines()


def sections(library: Path) -> Iterable[tuple[str, str, str, int]]:
    for line in shown("-S", library):
        found = re.match(r"\s*\[ *(\d+)\] (\S+) +([A-Z_]\w+) +\w+ \w+ (\w+)", line)
        if found:
            yield found[1], found[2], found[3], int(found[4], 16)


def symbols(library: Path) -> Iterable[tuple[str, str, int, int]]:
    for line in shown("-s", library):
        row = line.split()
        if len(row) >= 8 and row[3] in ("FUNC", "OBJECT") and row[6].isdigit():
            yield row[6], row[7], int(row[1], 16), int(row[2], 0)


def family(name: str) -> str:
    return next((title for title, start in FAMILIES if re.match(start, name)), "others")


def report(title: str, libraries: Iterable[Path], top: int = 40) -> str:
    """A table for some libraries."""
    found = Bytes()
    for library in libraries:
        found.add(library)
    total = sum(found.sections.values())
    lines = [f"{title}: {total}"]
    lines += [f"  {name:40}{size:10}{size / total:7.1%}" for name, size in found.sections.most_common() if size]
    families: Counter[str] = Counter()
    for (section, name), size in found.symbols.items():
        families[f"{section} {family(name)}"] += size
    lines.append("  by family")
    lines += [f"  {name:40}{size:10}{size / total:7.1%}" for name, size in families.most_common(24)]
    lines.append("  by symbol")
    merged: Counter[str] = Counter()
    for (section, name), size in found.symbols.items():
        if not family(name).startswith("own"):
            merged[f"{section} {_NUMBER.sub('', name)}"] += size
    lines += [f"  {name:60}{size:10}{size / total:7.1%}" for name, size in merged.most_common(top)]
    return "\n".join(lines)
