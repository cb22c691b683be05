"""The packages that are checked, their sources, and the virtual environment that their tests run in."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pip._internal.models.index import PyPI

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
WORK = REPOSITORY / ".cache" / "packages"
#: Where pip looks.
_INDEX = (os.environ.get("PIP_INDEX_URL") or PyPI.simple_url).rstrip("/")
#: What the tests of most packages want.
_COMMON = ("pytest", "pytest-timeout", "hypothesis", "numpy")


@dataclass(frozen=True)
class Package:
    """A table of packages.toml; paths are relative to ``root`` in the sdist."""

    name: str
    version: str
    sha256: str  # of the sdist
    modules: list[str]  # patterns of sources
    package: str = ""  # the folder that is imported; usually the name
    root: str = "."
    leave_out: dict[str, str] = field(default_factory=dict)  # pattern of sources: why
    requires: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)  # patterns of files for Cython's Tempita
    substitute: dict[str, str] = field(
        default_factory=dict
    )  # what meson puts for @NAME@ in these templates
    files: dict[str, str] = field(
        default_factory=dict
    )  # what the package's build writes: their text
    language_level: Any = 3
    directives: dict[str, Any] = field(default_factory=dict)
    include_dirs: list[str] = field(default_factory=list)
    macros: list[list[str]] = field(default_factory=list)
    sources: dict[str, list[str]] = field(
        default_factory=dict
    )  # pattern of modules: further C sources
    compile_args: list[str] = field(default_factory=list)  # for these sources
    cplus: list[str] = field(
        default_factory=list
    )  # patterns of modules that the package has as C++
    tests: list[str] = field(default_factory=list)  # arguments for pytest
    all_tests: list[str] = field(default_factory=list)  # the same, where `tests` are a choice
    tests_folder: str = ""  # a folder of the sdist that the tests run in, where the wheel has none

    @property
    def folder(self) -> str:
        return self.package or self.name


def packages() -> dict[str, Package]:
    with open(HERE / "packages.toml", "rb") as file:
        return {name: Package(name, **values) for name, values in tomllib.load(file).items()}


def sources(package: Package, work: Path) -> Path:
    """The folder of the package's sources, downloaded and with its templates filled in once."""
    folder = work / "src" / f"{package.name}-{package.version}"
    if not (folder / ".complete").exists():
        _unpack(_download(package), folder)
        _fill_in(package, folder / package.root)
        (folder / ".complete").touch()
    return folder


def compiler() -> str:
    """The folder that this interpreter has cython_llvm from."""
    import cython_llvm

    return os.path.dirname(os.path.dirname(os.path.abspath(cython_llvm.__file__)))


def _download(package: Package) -> bytes:
    with urllib.request.urlopen(f"{_INDEX}/{package.name}/", timeout=60) as answer:
        page = answer.read().decode()
    for link in re.findall(r'href="([^"]+)"', page):
        address, _, fragment = link.partition("#")
        if address.endswith(".tar.gz") and fragment == f"sha256={package.sha256}":
            break
    else:
        raise SystemExit(f"{package.name}: the index has no sdist with the hash {package.sha256}")
    with urllib.request.urlopen(
        urllib.parse.urljoin(f"{_INDEX}/{package.name}/", address), timeout=600
    ) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != package.sha256:
        raise SystemExit(f"{package.name}: the sdist that came has another hash")
    return data


def _unpack(data: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2]
            if member.name:
                archive.extract(member, folder, filter="data")


def _fill_in(package: Package, root: Path) -> None:
    from Cython import Tempita

    for pattern in package.templates:
        for path in sorted(root.glob(pattern)):
            text = path.read_text()
            for name, value in package.substitute.items():
                text = text.replace(f"@{name}@", value)
            path.with_suffix("").write_text(Tempita.sub(text))
    for name, text in package.files.items():
        (root / name).write_text(text)


def virtual_environment(work: Path, chosen: Iterable[Package]) -> str:
    """An interpreter that has the packages' wheels and this interpreter's Cython."""
    import Cython

    python = work / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
    wanted = [f"Cython=={Cython.__version__}", *_COMMON]
    for package in chosen:
        wanted += [f"{package.name}=={package.version}", *package.requires]
    stamp = work / "venv" / "installed"
    if set(wanted) - set(stamp.read_text().split("\n") if stamp.exists() else ()):
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *wanted],
            check=True,
        )
        with open(stamp, "a") as file:
            file.write("\n".join(wanted) + "\n")
    return str(python)
