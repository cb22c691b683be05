"""Tests of the harness: `python -m pytest -q conformance/tests`, in testsuite/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import compare, corpus, engines, store
from conformance.runner import Verdict


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "a.py", tmp_path / "sub" / "b.py", tmp_path / "_native.so"]
    for path in found:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode())
    return found


def test_hash_is_over_contents_and_names(tmp_path: Path, files: list[Path]) -> None:
    first = engines.hash_files(tmp_path, files)
    assert engines.hash_files(tmp_path, files[::-1]) == first
    os.utime(files[0], (0, 0))
    assert engines.hash_files(tmp_path, files) == first
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content + b"#")
        assert engines.hash_files(tmp_path, files) != first
        path.write_bytes(content)
    moved = files[0].rename(tmp_path / "c.py")
    assert engines.hash_files(tmp_path, [moved, *files[1:]]) != first


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the installed package's files, which the key is then made of."""
    import cython_llvm

    package = tmp_path / "site" / "cython_llvm"
    names = shutil.ignore_patterns("data", "__pycache__", "*.so")
    shutil.copytree(Path(cython_llvm.__file__).parent, package, ignore=names)
    (package / "_native.so").write_bytes(b"native")
    cython_llvm.toolchain_id()  # reads data/, which the copy lacks, and remembers
    monkeypatch.setattr(cython_llvm, "__file__", str(package / "__init__.py"))
    return package


@pytest.mark.parametrize("name", ["cli.py", "_native.so"])
def test_our_code_is_in_the_key_of_llvm_alone(installed: Path, name: str) -> None:
    ours, gcc = engines.engine("llvm").key, engines.engine("gcc").key
    assert engines.engine("llvm").key == ours
    with (installed / name).open("ab") as file:
        file.write(b"\n")
    assert engines.engine("llvm").key != ours
    assert engines.engine("gcc").key == gcc


def test_key_of_gcc_names_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    first = engines.engine("gcc").key
    assert f"cython-{corpus.VERSION}" in first
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    assert engines.engine("gcc").key == first.replace(corpus.VERSION, "9.9")


def test_verdicts_of_another_key_are_not_resumed(tmp_path: Path) -> None:
    old, new = engines.Engine("llvm", "old", {}), engines.Engine("llvm", "new", {})
    store.Writer(tmp_path, old).add(Verdict("run/a.pyx", "pass", 1.0))
    assert store.load(tmp_path, "llvm", key=old.key).keys() == {"run/a.pyx"}
    assert store.load(tmp_path, "llvm", key=new.key) == {}


def test_baseline_keeps_what_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "baseline.json"
    monkeypatch.setattr(compare, "BASELINE", path)
    compare.write_baseline({name: Verdict(name, "fail", 1.0) for name in ("run/b.pyx", "run/a.py")})
    compare.write_baseline({"run/b.pyx": Verdict("run/b.pyx", "pass", 1.0)})
    assert list(compare.baseline().items()) == [("run/a.py", "fail"), ("run/b.pyx", "pass")]
    path.write_text(json.dumps({**json.loads(path.read_text()), "gcc": "1.0"}))
    compare.write_baseline({"run/b.pyx": Verdict("run/b.pyx", "pass", 1.0)})
    assert compare.baseline() == {"run/b.pyx": "pass"}


@pytest.fixture
def unpacked(tmp_path: Path) -> corpus.Corpus:
    """What a source distribution has beside its tests: scripts, and a Cython of its own."""
    root = tmp_path / "cython"
    (root / "Cython").mkdir(parents=True)
    (root / "Cython" / "__init__.py").write_text("raise ImportError('the wrong Cython')\n")
    show = "import sys\nfrom Cython.Compiler import Scanning\nprint(Scanning.__file__)\n"
    here = "import os, sys\nsys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))\n"
    (root / "cython.py").write_text(here + show)
    (root / "cythonize.py").write_text(show)
    return corpus.Corpus(root)


@pytest.mark.parametrize("script", ["cython.py", "cythonize.py"])
@pytest.mark.parametrize("was_link", [False, True])
def test_scripts_of_srctree_tests_run_the_installed_cython(
    unpacked: corpus.Corpus, script: str, was_link: bool
) -> None:
    import Cython.Compiler.Scanning as installed

    if was_link:
        unpacked.runtime.mkdir()
        (unpacked.runtime / script).symlink_to(unpacked.root / script)
    corpus._make_runtime_root(unpacked)
    corpus._make_runtime_root(unpacked)
    env = {**os.environ, "PYTHONPATH": str(unpacked.runtime)}
    command = [sys.executable, str(unpacked.runtime / script)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    path = Path(done.stdout.strip())
    assert path.is_relative_to(unpacked.runtime / "Cython")
    assert path.samefile(installed.__file__)
