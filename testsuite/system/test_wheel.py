"""The wheel in an environment of its own: the hook comes, stays and goes."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

DIST = Path(__file__).resolve().parents[2] / "dist"


def test_install_reinstall_cython_uninstall(folder: Path) -> None:
    wheels = sorted(DIST.glob("*.whl"))
    if not wheels:
        pytest.skip("no wheel in dist/")
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env/bin/python")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=600)

    def pip(*arguments: str) -> None:
        done = run(python, "-m", "pip", "-q", "--disable-pip-version-check", *arguments)
        assert done.returncode == 0, done.stderr

    import Cython

    cython = f"cython=={Cython.__version__}"
    pip("install", str(wheels[-1]), cython)
    (folder / "mod.pyx").write_text("def f(): return 7\n")
    compile_it = (str(folder / "env/bin/cython"), "--backend=llvm", "-3", "mod.pyx")
    assert run(*compile_it).returncode == 0
    assert run(python, "-c", "import mod; assert mod.f() == 7").returncode == 0

    pip("install", "--force-reinstall", "--no-deps", cython)
    assert "--backend" in run(str(folder / "env/bin/cython"), "--help").stdout
    assert run(*compile_it).returncode == 0

    pip("uninstall", "-y", "cython-llvm")
    site = next((folder / "env/lib").glob("python*/site-packages"))
    assert [path.name for path in site.iterdir() if "cython_llvm" in path.name] == []
    gone = run(*compile_it)
    assert gone.returncode != 0 and "--backend" in gone.stderr + gone.stdout
    assert run(python, "-c", "import Cython").returncode == 0
    assert sys.executable != python
