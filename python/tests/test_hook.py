"""The hook: nothing for those who never import Cython, never in the way, gone when removed."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import _cython_llvm_hook

HOOK_FILE = Path(_cython_llvm_hook.__file__)
PTH_FILE = HOOK_FILE.parent / "cython_llvm.pth"
HOOK_NAMES = {"cython_llvm.pth", "_cython_llvm_hook.py"}


def start(site: Path, code: str, *, env: dict[str, str] | None = None, paths: tuple[str, ...] = ()):
    """Run ``code`` in an interpreter that processed the .pth files of ``site`` and no others."""
    program = (
        "import site, sys\n"
        f"sys.path[:0] = {list(paths)!r}\n"
        f"site.addsitedir({str(site)!r})\n" + code
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CYTHON_LLVM", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-S", "-c", program], env={**clean, **(env or {})},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in HOOK_NAMES:
        shutil.copy(HOOK_FILE.parent / name, folder / name)
    return folder


@pytest.fixture
def libraries() -> tuple[str, ...]:
    import Cython

    import cython_llvm.errors

    roots = (Path(Cython.__file__).parents[1], Path(cython_llvm.errors.__file__).parents[1])
    return tuple(dict.fromkeys(str(root) for root in roots))


def test_the_running_interpreter_has_a_finder() -> None:
    finders = [f for f in sys.meta_path if getattr(f, "cython_llvm_hook", False)]
    assert finders


def test_pth_is_one_line_that_site_executes() -> None:
    text = PTH_FILE.read_text()
    assert text.count("\n") == 1
    assert text.startswith("import ")


def test_start_imports_nothing_of_ours(site: Path) -> None:
    code = (
        "import json, decimal, email\n"
        "print([m for m in sys.modules if 'cython' in m.lower()])\n"
        "print(sum(getattr(f, 'cython_llvm_hook', False) for f in sys.meta_path))\n"
    )
    done = start(site, code)
    assert done.stdout.split() == ["[]", "1"], done.stderr


def test_several_finders_patch_once(site: Path, libraries: tuple[str, ...]) -> None:
    """A virtual environment that sees the system's packages may process two .pth files."""
    code = (
        f"exec(open({str(site / 'cython_llvm.pth')!r}).read())\n"
        "import _cython_llvm_hook; _cython_llvm_hook.install()\n"
        "print(sum(getattr(f, 'cython_llvm_hook', False) for f in sys.meta_path))\n"
        "import Cython.Compiler.CmdLine as C\n"
        "print(hasattr(C.parse_command_line.__cython_llvm_original__, "
        "'__cython_llvm_original__'))\n"
    )
    done = start(site, code, paths=libraries)
    assert done.stdout.split() == ["2", "False"], done.stderr


def test_uninstall_of_the_finder() -> None:
    saved = list(sys.meta_path)
    try:
        _cython_llvm_hook.uninstall()
        assert not any(getattr(f, "cython_llvm_hook", False) for f in sys.meta_path)
        _cython_llvm_hook.install()
        assert getattr(sys.meta_path[0], "cython_llvm_hook", False)
    finally:
        sys.meta_path[:] = saved


def test_modules_are_patched_once_and_look_like_themselves(
    site: Path, libraries: tuple[str, ...]
) -> None:
    code = (
        "import Cython.Compiler.Main as M, Cython.Compiler.CmdLine as C, _cython_llvm_hook as h\n"
        "import inspect\n"
        "from cython_llvm import patches\n"
        "first = C.parse_command_line\n"
        "patches.patch_cmdline(C); patches.patch_main(M)\n"
        "assert C.parse_command_line is first is M.parse_command_line\n"
        "assert hasattr(M.main, '__cython_llvm_original__')\n"
        "assert type(M.__loader__).__module__ != '_cython_llvm_hook', M.__loader__\n"
        "assert M.__spec__.loader is M.__loader__\n"
        "assert 'def main' in inspect.getsource(M)\n"
        "print(M.main.__name__, M.setuptools_main.__name__)\n"
    )
    done = start(site, code, paths=libraries)
    assert done.stdout.split() == ["main", "setuptools_main"], done.stderr


def test_hook_module_missing_leaves_cython_alone(site: Path, libraries: tuple[str, ...]) -> None:
    """As in pip's isolated builds, where site-packages leaves sys.path after the start."""
    hook_folder = str(HOOK_FILE.parent)
    if hook_folder in libraries:  # installed beside Cython: hide the file, not the folder
        hide = "sys.modules['_cython_llvm_hook'] = None\n"
    else:
        hide = f"sys.path.remove({str(site)!r})\n"
    code = (
        hide + "import Cython.Compiler.Main as M\n"
        "print(hasattr(M.main, '__cython_llvm_original__'))\n"
    )
    done = start(site, code, paths=libraries)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize("asked", [False, True])
def test_broken_package_leaves_cython_alone(
    site: Path, libraries: tuple[str, ...], tmp_path: Path, asked: bool
) -> None:
    broken = tmp_path / "broken" / "cython_llvm"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('broken on purpose')\n")
    code = (
        f"sys.argv[1:] = {['--backend=llvm'] if asked else []!r}\n"
        "import Cython.Compiler.CmdLine as C\n"
        "print(hasattr(C.parse_command_line, '__cython_llvm_original__'))\n"
    )
    done = start(site, code, paths=(str(broken.parent), *libraries))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
    assert ("broken on purpose" in done.stderr) is asked


def test_distutils_only_where_asked(site: Path, libraries: tuple[str, ...]) -> None:
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import setuptools\n"
        "from distutils.ccompiler import new_compiler\n"
        "print(new_compiler().compiler_type)\n"
    )
    setuptools_root = str(Path(importlib.metadata.distribution("setuptools").locate_file("")))
    paths = (*libraries, setuptools_root)
    assert start(site, code, paths=paths).stdout.strip() == "unix"
    off = start(site, code, paths=paths, env={"CYTHON_LLVM_DISTUTILS": "0"})
    assert off.stdout.strip() == "unix"
    on = start(site, code, paths=paths, env={"CYTHON_LLVM_DISTUTILS": "1"})
    assert on.stdout.strip() == "llvm", on.stderr


def test_uninstall_takes_the_hook_along() -> None:
    """The files are the distribution's own; in a source tree, in the wheel's data folder."""
    try:
        files = importlib.metadata.files("cython-llvm") or []
    except importlib.metadata.PackageNotFoundError:
        data = Path(__file__).parents[1] / "cython_llvm.data" / "purelib"
        assert {path.name for path in data.iterdir() if path.is_file()} == HOOK_NAMES
    else:
        assert HOOK_NAMES <= {str(path) for path in files}
