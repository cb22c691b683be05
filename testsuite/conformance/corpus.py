"""Cython's source distribution: fetched by pip, pinned, unpacked once; and the test files in it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

VERSION = "3.3.1"
SHA256 = "e0e45989e821bef6aa9ae15c7d583ab5e055f7406c4b3624e49e06d24e90375a"

#: Folders of ``tests/`` that are run, in the order of a full run.
FOLDERS = ("run", "memoryview", "buffers", "compile", "errors", "pyximport", "build")
SUFFIXES = (".pyx", ".py", ".srctree")


@dataclass(frozen=True)
class Corpus:
    """An unpacked source distribution."""

    root: Path

    @property
    def tests(self) -> Path:
        return self.root / "tests"

    @property
    def runtime(self) -> Path:
        """What srctree tests take for Cython's root; see `_make_runtime_root`."""
        return self.root / ".runtime"

    def files(self) -> list[str]:
        """Test files as ``folder/name``; those that are a whole tree of files come last."""
        found: list[str] = []
        for folder in FOLDERS:
            for path in sorted((self.tests / folder).iterdir()):
                # Tests of inline leave files of theirs behind.
                if path.suffix in SUFFIXES and not path.name.startswith((".", "_cython_inline_")):
                    found.append(f"{folder}/{path.name}")
        return sorted(found, key=lambda name: name.endswith(".srctree"))


def fetch(cache: Path) -> Corpus:
    """The corpus under ``cache``, downloaded where it is missing."""
    root = cache / f"cython-{VERSION}"
    if not (root / ".complete").exists():
        archive = _download(cache)
        shutil.rmtree(root, ignore_errors=True)
        with tarfile.open(archive) as tar:
            # Python 3.11.4 and later ask for a filter; the archive's hash has been checked.
            if hasattr(tarfile, "data_filter"):
                tar.extractall(cache, filter="data")
            else:
                tar.extractall(cache)
        (root / ".complete").touch()
    corpus = Corpus(root)
    _make_runtime_root(corpus)
    return corpus


def _download(cache: Path) -> Path:
    archive = cache / f"cython-{VERSION}.tar.gz"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", "cython",
                   "--no-deps", "--disable-pip-version-check", "-d", str(cache),
                   f"cython=={VERSION}"]  # fmt: skip
        subprocess.run(command, check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256:
        archive.unlink()
        raise SystemExit(f"{archive.name}: sha256 is {digest}, expected {SHA256}")
    return archive


def _make_runtime_root(corpus: Corpus) -> None:
    """A folder that srctree tests use as Cython's: the installed (compiled) one, its scripts.

    The source distribution's own, uncompiled Cython would be slower and another program than the
    one under test.  The scripts are copies: Python puts the folder of what a link to a script
    points to on sys.path, and cython.py does so itself, and there lies that other Cython.
    """
    import Cython

    site = Path(Cython.__file__).parents[1]
    runtime = corpus.runtime
    runtime.mkdir(exist_ok=True)
    for name in ("Cython", "pyximport"):
        link, target = runtime / name, site / name
        if not link.is_symlink() or link.resolve() != target.resolve():
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    for name in ("cython.py", "cythonize.py"):
        script, text = runtime / name, (corpus.root / name).read_bytes()
        if script.is_symlink() or not script.exists() or script.read_bytes() != text:
            script.unlink(missing_ok=True)
            script.write_bytes(text)
