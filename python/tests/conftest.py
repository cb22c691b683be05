"""A private cache, a folder on sys.path, and sub-processes, for the tests of imports."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    path = tmp_path / "cache"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("CYTHON_LLVM_CACHE_DIR", str(path))
    return path


@pytest.fixture
def sources(tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path with the import hook installed; modules imported from it go again."""
    import cython_llvm
    from cython_llvm import cachefill

    folder = tmp_path / "src"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    installed = cython_llvm.install()
    yield folder
    cython_llvm.uninstall(*installed)
    cachefill.wait_for_cache()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def reloaded_by_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules are compiled so that a reload compiles only what changed; nothing of them stays."""
    from cython_llvm import incremental, live, shortened

    monkeypatch.setenv("CYTHON_LLVM_CACHE", "0")
    monkeypatch.setattr(live.options, "expected", True)
    before = {*incremental._codes, *shortened._kept}
    yield
    for name in {*incremental._codes, *shortened._kept} - before:
        incremental.forget(name)
        sys.modules.pop(name, None)


def write(path: Path, text: str) -> Path:
    """Write a source, dedented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


#: A source text to two modules of it: (by the tree route, by the C route).
Both = Callable[[str], tuple[ModuleType, ModuleType]]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    """Builds a source text by the tree route alone and by the C route, to compare what the modules do."""
    import cython_llvm

    made: list[str] = []

    def build(text: str) -> tuple[ModuleType, ModuleType]:
        modules = []
        header = "" if text.startswith("# cython") else "# cython: language_level=3\n"
        for route in ("tree", "c"):
            name = f"both_{len(made)}_{route}"
            path = tmp_path / f"{name}.pyx"
            path.write_text(header + text, encoding="utf-8")
            modules.append(cython_llvm.import_file(path, name, route=route))
            made.append(name)
        return modules[0], modules[1]

    yield build
    for name in made:
        sys.modules.pop(name, None)


#: Every pair of routes, for a module that shares and one that uses it.
ROUTE_PAIRS = list(itertools.product(("tree", "c"), repeat=2))

#: Texts of a .pxd, of its module and of one that cimports it, and their routes, to both modules.
Sharing = Callable[[str, str, str, tuple[str, str]], tuple[ModuleType, ModuleType]]


@pytest.fixture
def sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sharing]:
    """Builds a module with a .pxd, and one that cimports it; `{library}` stands for the first's name."""
    import cython_llvm

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made: list[str] = []

    def build(
        pxd: str, library: str, client: str, routes: tuple[str, str]
    ) -> tuple[ModuleType, ModuleType]:
        # Types are registered by their modules' names for the life of the process.
        number = next(_numbers)
        names = (f"shared_library_{number}", f"shared_client_{number}")
        made.extend(names)
        write(tmp_path / f"{names[0]}.pxd", pxd)
        write(tmp_path / f"{names[0]}.pyx", library)
        write(tmp_path / f"{names[1]}.pyx", textwrap.dedent(client).replace("{library}", names[0]))
        first, second = (
            cython_llvm.import_file(tmp_path / f"{name}.pyx", name, route=route)
            for name, route in zip(names, routes, strict=True)
        )
        return first, second

    yield build
    for name in made:
        sys.modules.pop(name, None)


_numbers = itertools.count()


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, or the exception's type and text."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error), str(error)


#: Start of a program that is to obey access rights, as root does not.
WITHOUT_PRIVILEGES = """
import ctypes
ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
"""


@pytest.fixture
def run(tmp_path: Path, cache_dir: Path) -> Callable[..., str]:
    """Run a program in a fresh interpreter; what it prints.  Fails where it does not exit with 0."""

    def run_program(code: str, *, check: bool = True, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip() if check else done.stdout + done.stderr

    return run_program


def _gpu_tools() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).parents[2] / "testsuite"))
    from gpu import tools

    return tools


@pytest.fixture(scope="session")
def ptxas() -> Path:
    """NVIDIA's assembler."""
    tools = _gpu_tools()
    try:
        return tools.ptxas()
    except tools.Missing as error:
        pytest.skip(f"PTX IS NOT CHECKED: {error}")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver of CUDA's without a GPU."""
    return _gpu_tools().fake_driver(tmp_path_factory.mktemp("driver"))


#: A program, whether it is to fail, and environment variables, to what it prints.
Run = Callable[..., str]


@pytest.fixture
def with_driver(driver: Path, tmp_path: Path) -> Run:
    """Run a program in a process of its own that has the fake driver; what it prints."""

    def run(program: str, fails: bool = False, **environment: str) -> str:
        text = "import ctypes, os\n" + textwrap.dedent(program)
        folder = str(tmp_path / "cache")
        extra = {"CYTHON_LLVM_CUDA_DRIVER": str(driver), "CYTHON_LLVM_CACHE_DIR": folder}
        env = {**os.environ, **extra, **environment}
        command = [sys.executable, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + (done.stderr if fails else "")

    return run
