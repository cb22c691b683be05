"""Setup scripts and distutils with the compiler in this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli_tools import SUFFIX, python, run
from cython_llvm import archive, atomic
from cython_llvm.ccflags import parse_compile_flags, parse_link_flags


@pytest.fixture(scope="module", autouse=True)
def native() -> None:
    """These tests compile: the native library must be there."""
    import cython_llvm._native  # noqa: F401


SETUP = """\
import sys
from setuptools import Extension, setup
from cython_llvm.build import build_ext, cythonize
setup(name="x", version="1", cmdclass={{"build_ext": build_ext}}, ext_modules={extensions})
"""

PYX = "cdef extern from *:\n    int FLAG\ndef flag(): return FLAG\n"


def build(folder: Path, *args: str, env: dict[str, str] | None = None):
    done = run(folder, sys.executable, "setup.py", "-q", "build_ext", *args, env=env)
    assert done.returncode == 0, done.stderr
    return done


def test_build_ext_takes_pyx_and_honours_extension(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text(PYX)
    (tmp_path / "helper.cpp").write_text("#include <vector>\nint one() { return 1; }\n")
    extension = (
        '[Extension("pkg.a", ["a.pyx", "helper.cpp"], define_macros=[("FLAG", "7")],'
        ' extra_compile_args=["-fopenmp", "-std=c++17", "-fno-tree-vectorize", "-flto=auto"],'
        ' extra_link_args=["-fopenmp", "-Wl,-z,now", "-lm"])]'
    )
    (tmp_path / "setup.py").write_text(SETUP.format(extensions=extension))
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    build(tmp_path, "--inplace")
    assert (tmp_path / "pkg" / ("a" + SUFFIX)).exists()
    assert python(tmp_path, "import pkg.a; print(pkg.a.flag())") == "7"


def test_objects_are_elf_and_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text(PYX)
    extension = 'cythonize([Extension("a", ["a.pyx"], define_macros=[("FLAG", "1")])])'
    (tmp_path / "setup.py").write_text(
        "import sys\n"
        "ran = []\n"
        "sys.addaudithook(lambda event, args: ran.append(args) if event in "
        "('subprocess.Popen', 'os.exec', 'os.posix_spawn', 'os.system', 'os.fork') else None)\n"
        + SETUP.format(extensions=extension)
        + "print('ran', [a for a in ran if 'uname' not in str(a)])  # platform.processor()\n"
    )
    done = build(tmp_path, "--inplace", "--build-temp=temp")
    assert done.stdout.splitlines()[-1] == "ran []"
    objects = list((tmp_path / "temp").rglob("*.o"))
    assert len(objects) == 1
    assert objects[0].read_bytes()[:4] == b"\x7fELF"


def test_environment_flags(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text(PYX)
    (tmp_path / "setup.py").write_text(SETUP.format(extensions='cythonize(["a.pyx"])'))
    build(tmp_path, "--inplace", env={"CPPFLAGS": "-DFLAG=3", "CFLAGS": "-O0"})
    assert python(tmp_path, "import a; print(a.flag())") == "3"


def test_cythonize_alone_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text("x = 5\n")
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nfrom cython_llvm.build import cythonize\n"
        "setup(name='x', ext_modules=cythonize('a.pyx', backend='llvm', language_level=3))\n"
    )
    build(tmp_path, "--inplace")
    assert python(tmp_path, "import a; print(a.x)") == "5"


def test_stock_script_with_the_environment_variable(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text("x = 6\n")
    (tmp_path / "b.pyx").write_text("x = 7\n")
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nfrom Cython.Build import cythonize\n"
        "setup(name='x', ext_modules=cythonize('*.pyx', language_level=3))\n"
    )
    build(tmp_path, "--inplace", "--parallel=2", env={"CYTHON_LLVM_DISTUTILS": "1"})
    assert python(tmp_path, "import a, b; print(a.x + b.x)") == "13"


def test_limited_api(tmp_path: Path) -> None:
    (tmp_path / "lim.pyx").write_text("def f(x): return x * 2\n")
    extension = (
        '[Extension("lim", ["lim.pyx"], py_limited_api=True,'
        ' define_macros=[("Py_LIMITED_API", "0x030b0000"), ("CYTHON_LIMITED_API", "1")])]'
    )
    (tmp_path / "setup.py").write_text(SETUP.format(extensions=extension))
    build(tmp_path, "--inplace")
    assert (tmp_path / "lim.abi3.so").exists()
    assert python(tmp_path, "import lim; print(lim.f(4))") == "8"


def test_compile_error_is_distutils_own_and_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "bad.pyx").write_text('cdef extern from "nosuch.h":\n    int q\nx = q\n')
    (tmp_path / "setup.py").write_text(SETUP.format(extensions='cythonize(["bad.pyx"])'))
    done = run(tmp_path, sys.executable, "setup.py", "-q", "build_ext", "-i")
    assert done.returncode == 1
    assert "bad.pyx:1: error: 'nosuch.h' file not found" in done.stderr
    assert "could not compile bad.c" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.so"))


def test_backend_argument() -> None:
    from cython_llvm.build import cythonize

    with pytest.raises(ValueError, match="c, llvm"):
        cythonize([], backend="gcc")
    assert cythonize([], backend="c") == []


COMPILER = """\
import sys
if {setuptools}: import setuptools
import warnings; warnings.simplefilter("ignore")
from cython_llvm import build
from distutils.ccompiler import CCompiler
import distutils.ccompiler as cc
from distutils.sysconfig import customize_compiler
"""


@pytest.fixture(params=[True, False], ids=["setuptools", "stdlib"])
def prelude(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    if not request.param and sys.version_info >= (3, 12):
        pytest.skip("the standard library has no distutils from 3.12 on")
    env = {"SETUPTOOLS_USE_DISTUTILS": "local" if request.param else "stdlib"}
    return COMPILER.format(setuptools=request.param), env


def test_new_compiler_and_back(tmp_path: Path, prelude: tuple[str, dict[str, str]]) -> None:
    code = prelude[0] + (
        "before = cc.new_compiler().compiler_type\n"
        "build.patch_distutils(always=False)\n"
        "named = cc.new_compiler(compiler='llvm').compiler_type, cc.new_compiler().compiler_type\n"
        "build.patch_distutils(); build.patch_distutils()\n"
        "made = cc.new_compiler(force=1); customize_compiler(made)\n"
        "assert isinstance(made, CCompiler) and made.force == 1\n"
        "for name in ('compiler', 'compiler_so', 'compiler_cxx', 'linker_so', 'linker_exe'):\n"
        "    assert isinstance(getattr(made, name), list) and getattr(made, name), name\n"
        "system = cc.new_compiler(compiler='unix').compiler_type\n"
        "build.unpatch_distutils()\n"
        "print(before, *named, made.compiler_type, system, cc.new_compiler().compiler_type)\n"
    )
    assert python(tmp_path, code, env=prelude[1]) == "unix llvm unix llvm unix unix"


def test_compiler_object(tmp_path: Path, prelude: tuple[str, dict[str, str]]) -> None:
    (tmp_path / "f.c").write_text("int f(void) { return NUMBER; }\n")
    (tmp_path / "g.c").write_text("int f(void);\nint g(void) { return f() + 1; }\n")
    code = prelude[0] + (
        "build.patch_distutils()\n"
        "c = cc.new_compiler(); customize_compiler(c)\n"
        "objects = c.compile(['f.c', 'g.c'], output_dir='o', macros=[('NUMBER', '4')])\n"
        "c.create_static_lib(objects[:1], 'f', output_dir='o')\n"
        "c.link_shared_object(objects[1:], 'lib.so', libraries=['f'], library_dirs=['o'])\n"
        "import ctypes; print(ctypes.CDLL('./lib.so').g())\n"
        "print(c.has_function('cos', libraries=['m']), c.has_function('no_such_function'))\n"
        "from distutils.errors import CompileError, LinkError\n"
        "for call in (lambda: c.compile(['missing.c']),\n"
        "             lambda: c.link_executable(objects, 'prog'),\n"
        "             lambda: c.spawn([c.compiler_so[0], '-c'])):\n"
        "    try: call()\n"
        "    except (CompileError, LinkError) as error: print(type(error).__name__)\n"
    )
    printed = python(tmp_path, code, env=prelude[1]).split()
    assert printed == ["5", "True", "False", "CompileError", "LinkError", "CompileError"]


# -- flags --------------------------------------------------------------------


def test_compile_flags() -> None:
    flags = parse_compile_flags(
        ["-O2", "-g", "-Ia", "-I", "b", "-DX=1", "-O3", "-march=haswell", "-fopenmp", "-Wall",
         "-std=c++17", "-flto", "-c", "-o", "x.o", "-Wl,-z,now", "-lm", "-fno-math-errno"],
        "c",
    )  # fmt: skip
    assert (flags.opt_level, flags.march, flags.debug) == (3, "haswell", True)
    assert flags.include_dirs == ("a", "b")
    assert flags.args == ("-DX=1", "-Wall", "-fno-math-errno")
    assert flags.warnings
    assert parse_compile_flags(["-std=c++17", "-g0"], "c++").args == ("-std=c++17",)
    assert parse_compile_flags(["-Ofast"]).args == ("-ffast-math",)


def test_link_flags() -> None:
    flags = parse_link_flags(
        ["-shared", "-la", "-L", "d", "-Wl,-rpath,/r", "-Wl,--enable-new-dtags,-R/s", "-fopenmp",
         "-Xlinker", "-z", "-Xlinker", "now", "x.a", "-pthread", "-Wl,--no-undefined"]
    )  # fmt: skip
    assert flags.libraries == ("a",)
    assert flags.library_dirs == ("d",)
    assert flags.runtime_library_dirs == ("/r", "/s")
    assert flags.objects == ("x.a",)
    assert flags.openmp
    assert flags.args == ("--enable-new-dtags", "-z", "now", "--no-undefined")


def test_archive_is_read_by_binutils_or_python(tmp_path: Path) -> None:
    members = [("short.o", b"abc"), ("a_name_longer_than_sixteen.o", b"12345678")]
    data = archive.archive_bytes(members)
    assert data.startswith(b"!<arch>\n")
    assert read_archive(data) == members


def read_archive(data: bytes) -> list[tuple[str, bytes]]:
    """The members of an archive, read by the format's rules and not by our writer's."""
    at, table, found = 8, b"", []
    while at < len(data):
        header = data[at : at + 60]
        assert header[58:] == b"`\n"
        size = int(header[48:58])
        body = data[at + 60 : at + 60 + size]
        name = header[:16].decode().strip()
        at += 60 + size + size % 2
        if name == "//":
            table = body
        elif name.startswith("/"):
            start = int(name[1:])
            found.append((table[start : table.index(b"/\n", start)].decode(), body))
        else:
            found.append((name.rstrip("/"), body))
    return found


def test_atomic_write_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic.replacing(str(path)) as temporary:
        Path(temporary).write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    atomic.write_bytes(str(path), b"new", 0o777)
    assert path.read_bytes() == b"new"
    code = (
        "import os; os.umask(0o022)\n"
        "from cython_llvm import atomic; atomic.write_bytes('m', b'', 0o777)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o755
    atomic.write_bytes("/dev/null", b"gone")
    assert Path("/dev/null").is_char_device()
