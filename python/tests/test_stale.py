"""Cache and reload cases that went wrong once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import write

_BLD = """
    import os
    def make_ext(name, source):
        from setuptools import Extension
        here = os.path.dirname(source)
        return Extension(name, [source], {})
"""
_OLD = 1_600_000_000


def _age(path: Path, seconds: int) -> None:
    os.utime(path, (_OLD + seconds, _OLD + seconds))


def test_a_changed_extra_object_is_a_miss(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "uses.pyx", '''
        cdef extern from *:
            """int ext_value(void);"""
            int ext_value()
        def v(): return ext_value()
    ''')  # fmt: skip
    write(tmp_path / "uses.pyxbld", _BLD.format('extra_objects=[os.path.join(here, "e.o")]'))
    make = """
        from cython_llvm import settings, toolchain
        s = settings.default_settings()
        m = toolchain.compile_c(b"int ext_value(void){{return {};}}", "e.c", "c", s)
        open("e.o", "wb").write(toolchain.emit(m, "obj", s))
    """
    use = "import cython_llvm; cython_llvm.install(); import uses; print(uses.v())"
    for count, value in enumerate(("1", "222")):
        run(make.format(value))
        _age(tmp_path / "e.o", count)
        assert run(use) == value


def test_a_new_header_found_earlier_is_a_miss(tmp_path: Path, run: Callable[..., str]) -> None:
    write(tmp_path / "hs.pyx", 'cdef extern from "hv.h":\n    int HV\ndef v(): return HV\n')
    write(tmp_path / "hs.pyxbld", _BLD.format('include_dirs=[here + "/a", here + "/b"]'))
    header = write(tmp_path / "b" / "hv.h", "#define HV 1\n")
    _age(header, 0)
    use = "import cython_llvm; cython_llvm.install(); import hs; print(hs.v())"
    assert run(use) == "1"
    write(tmp_path / "a" / "hv.h", "#define HV 2\n")
    assert run(use) == "2"


@pytest.mark.parametrize("way", ["inplace", "import_file"])
def test_a_library_beside_the_source_does_not_stop_reload(
    tmp_path: Path, run: Callable[..., str], way: str
) -> None:
    write(tmp_path / "beside.pyx", "def v(): return 1\n")
    first = {
        "inplace": "cython_llvm.install(inplace=True); import beside",
        "import_file": "open(name, 'w').close(); beside = cython_llvm.import_file('beside.pyx')",
    }[way]
    shown = run(f"""
        import importlib, sysconfig, cython_llvm
        name = "beside" + sysconfig.get_config_var("EXT_SUFFIX")
        {first}
        assert beside.v() == 1
        open("beside.pyx", "w").write("def v(): return 22\\n")
        again = importlib.reload(beside)
        print(again is beside, again.v(), again.__file__.endswith("beside.pyx"))
    """)
    assert shown == "True 22 True"
