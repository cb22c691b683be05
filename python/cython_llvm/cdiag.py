"""What went wrong in the C stage, in words about the user's source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cmap import find_extern_line, included_header, map_c_line
from .errors import CythonLLVMError

MAX_SHOWN = 20

_MISSING_HEADER = re.compile(r"'([^']+)' file not found")
_MISSING_LIBRARY = re.compile(r"unable to find library (?:-l)?([^\s:]+)")
_UNDEFINED = re.compile(r"undefined (?:hidden |protected )?symbol: (\S.*)")
_NO_MEMBER = re.compile(r"undeclared (?:identifier|function|library function) '([^']+)'")

# Headers that people miss most, and what brings them on Debian or from PyPI.
_PROVIDERS = {
    "numpy/": "pip install numpy",
    "mpi.h": "apt install libopenmpi-dev",
    "mpi4py/": "pip install mpi4py",
    "zlib.h": "apt install zlib1g-dev",
    "gmp.h": "apt install libgmp-dev",
    "mpfr.h": "apt install libmpfr-dev",
    "gsl/": "apt install libgsl-dev",
    "openssl/": "apt install libssl-dev",
    "curl/": "apt install libcurl4-openssl-dev",
    "libxml/": "apt install libxml2-dev",
    "sqlite3.h": "apt install libsqlite3-dev",
    "cblas.h": "apt install libopenblas-dev",
    "fftw3.h": "apt install libfftw3-dev",
    "hdf5.h": "apt install libhdf5-dev",
    "ncurses.h": "apt install libncurses-dev",
    "readline/": "apt install libreadline-dev",
    "boost/": "apt install libboost-dev",
    "Eigen/": "apt install libeigen3-dev",
}


@dataclass(frozen=True)
class CSource:
    """The C text that a diagnostic's lines refer to, and the source that it came from."""

    c_file: str  # the name that was given to the compiler
    c_text: str
    source_file: str | None = None  # the .pyx or .py


def header_hint(header: str) -> str:
    """What to install or set when ``header`` is missing."""
    provider = next((how for start, how in _PROVIDERS.items() if header.startswith(start)), None)
    install = f"install it ({provider})" if provider else "install the package that provides it"
    return (
        f"{install}, or name its directory: include_dirs of the Extension, "
        f"'# distutils: include_dirs = DIR' in the source, or CPPFLAGS=-IDIR"
    )


def library_hint(library: str) -> str:
    """What to install or set when lib``library`` is missing."""
    return (
        f"install the package that provides lib{library}.so, or name its directory: library_dirs "
        f"of the Extension, '# distutils: library_dirs = DIR' in the source, or LDFLAGS=-LDIR"
    )


def _read(path: str | None) -> str:
    if path is None:
        return ""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _source_path(name: str, source: CSource) -> str:
    """The path to show and read for a file as Cython named it."""
    if source.source_file is not None:
        if os.path.basename(name) == os.path.basename(source.source_file):
            return source.source_file
        beside = os.path.join(os.path.dirname(source.source_file), os.path.basename(name))
        if not os.path.exists(name) and os.path.exists(beside):
            return beside
    return name


def source_place(diagnostic: Mapping[str, Any], source: CSource | None) -> tuple[str, int] | None:
    """(file, 1-based line) in the user's source that a clang diagnostic belongs to, or None."""
    file, line = diagnostic.get("file"), int(diagnostic.get("line") or 0)
    if source is None or not file or os.path.abspath(file) != os.path.abspath(source.c_file):
        return None
    header = included_header(source.c_text, line)
    if header is not None:
        found = find_extern_line(_read(source.source_file), header)
        return (source.source_file, found) if found and source.source_file else None
    mapped = map_c_line(source.c_text, line)
    return None if mapped is None else (_source_path(mapped.file, source), mapped.line)


def _c_excerpt(diagnostic: Mapping[str, Any]) -> list[str]:
    text = diagnostic.get("source_line")
    if not text:
        return []
    column = int(diagnostic.get("column") or 0)
    shown = [f"    {text.rstrip()}"]
    if 0 < column <= len(text) + 1:
        pad = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
        shown.append(f"    {pad}^")
    return shown


def shown_path(path: str) -> str:
    """A path relative to the current directory where it lies in or just above it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.path.join(os.pardir, os.pardir)) else relative


def _place_text(diagnostic: Mapping[str, Any]) -> str:
    file, line, column = (diagnostic.get(key) for key in ("file", "line", "column"))
    if not file:
        return ""
    return ":".join([shown_path(str(file)), *(str(n) for n in (line, column) if n)]) + ": "


def format_diagnostic(diagnostic: Mapping[str, Any], source: CSource | None = None) -> str:
    """One message: the user's line first where there is one, then the C that it became."""
    severity = "error" if diagnostic["severity"] == "fatal" else diagnostic["severity"]
    message = diagnostic["message"]
    option = f" [{diagnostic['option']}]" if diagnostic.get("option") else ""
    place = source_place(diagnostic, source)
    out: list[str] = []
    if place is None:
        out.append(f"{_place_text(diagnostic)}{severity}: {message}{option}")
        out += _c_excerpt(diagnostic)
    else:
        file, line = place
        out.append(f"{shown_path(file)}:{line}: {severity}: {message}{option}")
        source_lines = _read(file).splitlines()
        if line <= len(source_lines):
            out.append(f"    {source_lines[line - 1].strip()}")
        out.append(f"  in the generated C, {_place_text(diagnostic).rstrip(': ')}:")
        out += _c_excerpt(diagnostic)
    out += [f"  note: {hint}" for hint in hints(message)]
    return "\n".join(out)


def hints(message: str) -> list[str]:
    """Mends for a message of clang or lld; empty where none is known."""
    found = _MISSING_HEADER.search(message)
    if found:
        return [header_hint(found.group(1))]
    found = _MISSING_LIBRARY.search(message)
    if found:
        return [library_hint(found.group(1))]
    found = _UNDEFINED.search(message)
    if found:
        return [f"no object or library given defines {found.group(1)}: add it to libraries "
                "or extra_objects ('# distutils: libraries = NAME')"]  # fmt: skip
    if _NO_MEMBER.search(message):
        return ["the header named by 'cdef extern from' does not declare it"]
    return []


def format_error(error: BaseException, source: CSource | None = None) -> str:
    """An error of ours as text: its diagnostics with their places, else its message."""
    if not isinstance(error, CythonLLVMError):
        return f"{type(error).__name__}: {error}"
    wanted = [d for d in error.diagnostics if d["severity"] in ("fatal", "error")]
    if not wanted:
        message = str(error)
        return "\n".join([f"{message} [{error.code}]", *(f"  note: {h}" for h in hints(message))])
    out = _with_notes(error.diagnostics, source)
    more = len(wanted) - MAX_SHOWN
    if more > 0:
        out.append(f"and {more} more errors")
    return "\n".join([*out, f"[{error.code}]"])


def _with_notes(diagnostics: Sequence[Mapping[str, Any]], source: CSource | None) -> list[str]:
    """The first MAX_SHOWN errors, each with the notes that follow it."""
    out: list[str] = []
    shown, keep = 0, False
    for diagnostic in diagnostics:
        severity = diagnostic["severity"]
        if severity in ("fatal", "error"):
            shown += 1
            keep = shown <= MAX_SHOWN
        elif severity != "note":
            keep = False
        if keep:
            out.append(format_diagnostic(diagnostic, source))
    return out
