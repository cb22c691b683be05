"""No compiler, linker or header on the machine; and nothing is executed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from everything import EVERYTHING

# Runs in a mount namespace of its own: hides what a toolchain is made of, then the program.
_HIDE = r"""
set -eu
empty=$1; python=$2; shift 2
for tool in gcc cc c++ g++ cpp clang clang++ ld ld.bfd ld.gold ld.lld as ar lld collect2 gdb; do
    for folder in /usr/local/bin /usr/bin /bin; do
        for path in $folder/$tool $folder/$tool-[0-9]* $folder/x86_64-linux-gnu-$tool*; do
            [ -e "$path" ] && mount --bind "$empty/file" "$(readlink -f "$path")" 2>/dev/null || true
        done
    done
done
for folder in /usr/include /usr/lib/llvm-22 /usr/lib/gcc; do
    [ -d $folder ] && mount --bind "$empty/folder" $folder
done
ls -A /usr/include | grep . && exit 3
exec "$python" everything.py
"""


def test_everything_works_without_a_toolchain(folder: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no unshare command here to hide the toolchain with")
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"mount namespaces are forbidden here: {probe.stderr.strip()}")
    (folder / "empty" / "folder").mkdir(parents=True)
    (folder / "empty" / "file").write_text("")
    (folder / "everything.py").write_text(EVERYTHING)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", _HIDE, "sh", str(folder / "empty"), sys.executable],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("all of it works")
