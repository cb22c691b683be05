"""``python -m cython_llvm``: at a terminal, with a file, with a command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("cache_dir")

MODULE = [sys.executable, "-m", "cython_llvm"]


def run(arguments: list[str], folder: Path, check: bool = True) -> Any:
    done = subprocess.run([*MODULE, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr
    return done


def test_at_a_terminal(tmp_path: Path, cache_dir: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    (tmp_path / "lively.pyx").write_text("cdef int number():\n    return 1\ndef f():\n    return number()\n")
    env = {**os.environ, "PYTHON_HISTORY": str(tmp_path / "history"), "TERM": "dumb"}
    child = pexpect.spawn(MODULE[0], MODULE[1:], cwd=str(tmp_path), env=env, encoding="utf-8", timeout=60)
    try:
        child.expect("cython_llvm .*: .pyx files import")
        child.expect(">>> ")

        def say(line: str) -> str:
            child.sendline(line)
            child.expect(">>> ")
            return str(child.before)

        say("import lively")
        assert "1" in say("lively.f()").splitlines()[-1]
        time.sleep(0.05)
        again = "cdef int number():\n    return 22\ndef f():\n    return number()\n"
        (tmp_path / "lively.pyx").write_text(again)
        assert "22" in say("lively.f()")
        (tmp_path / "lively.pyx").write_text("cdef int number(:\n")
        shown = say("lively.f()")
        assert "22" in shown and "Error compiling Cython file" in shown
        assert "22" in say("lively.f()")
        child.sendline("for i in range(2):")
        child.expect(r"\.\.\. ")
        child.sendline("    print('line', i)")
        child.expect(r"\.\.\. ")
        assert "line 1" in say("")
        assert "ZeroDivisionError" in say("1/0")
        assert "__main__" in say("__name__")
        child.sendline("def twice(x): return x * 2")
        child.expect(r"\.\.\. ")
        say("")
        say("import cython_llvm; twice = cython_llvm.jit(twice)")
        assert "(8, None)" in say("twice(4), twice.reason")
        child.send("lively.f.__nam\t")
        time.sleep(0.3)
        assert "'f'" in say("")
        child.sendline("import time; time.sleep(60)")
        time.sleep(0.5)
        child.sendintr()
        child.expect("KeyboardInterrupt")
        child.expect(">>> ")
        child.sendeof()
        child.expect(pexpect.EOF)
    finally:
        child.close()
    assert child.exitstatus == 0
    assert "import lively" in (tmp_path / "history").read_text()


def test_a_command(tmp_path: Path) -> None:
    (tmp_path / "cmod.pyx").write_text("def f(int x): return x + 1\n")
    assert run(["-c", "import cmod; print(cmod.f(1))"], tmp_path).stdout == "2\n"
    done = run(["-c", "1/0"], tmp_path, check=False)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
    assert run(["-c", "import sys; sys.exit(7)"], tmp_path, check=False).returncode == 7


def test_a_variable_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "bogus")
    done = run(["-c", "1"], tmp_path, check=False)
    assert done.returncode == 2 and "CYTHON_LLVM_ROUTE must be one of" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "fmod.pyx").write_text("def f(int x): return x + 1\nprint('imported', __name__)\n")
    (tmp_path / "program.py").write_text("import sys, fmod\nprint(__name__, fmod.f(2), sys.argv[1:])\n")
    shown = run(["program.py", "a", "-b"], tmp_path).stdout
    assert shown == "imported fmod\n__main__ 3 ['a', '-b']\n"
    assert run(["fmod.pyx"], tmp_path).stdout == "imported fmod\n"
    assert run(["nothing.py"], tmp_path, check=False).returncode == 2
    assert run(["--version"], tmp_path).stdout.startswith("cython_llvm ")


def test_input_that_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "pmod.pyx").write_text("def f(): return 'piped'\n")
    done = subprocess.run([*MODULE, "-q"], cwd=tmp_path, input="import pmod\nprint(pmod.f())\n",
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0 and "piped" in done.stdout
