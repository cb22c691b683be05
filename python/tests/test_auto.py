"""Route "auto": the tree route where nothing is missing, else the C route, and never silently."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import cython_llvm
from cli_tools import SUFFIX, cython, cythonize, python
from cli_tools import run as run_command
from conftest import write
from cython_llvm import frontend, routes, toolchain, treefrontend, treeroute, verdicts
from cython_llvm.settings import Settings

WHOLE = "def f(int a): return a + 1\n"
#: The tree route has no globals of callers.
LACKING = "# cython: old_style_globals=True\ndef f(int a): return a + 1\n"
LACKS = "directive old_style_globals"


@pytest.fixture
def generations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often Cython's pipeline has run: a path for each time."""
    paths: list[str] = []
    stock = frontend._generate

    def generate(path: str, *args: object) -> object:
        paths.append(path)
        return stock(path, *args)

    monkeypatch.setattr(frontend, "_generate", generate)
    return paths


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trees that were lowered."""
    trees: list[str] = []
    stock = treeroute.lower

    def lower(tree: str, *args: object, **kwargs: object) -> object:
        trees.append(tree)
        return stock(tree, *args, **kwargs)

    monkeypatch.setattr(treeroute, "lower", lower)
    return trees


def test_imports_take_the_tree_route_where_they_can(
    sources: Path, generations: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    write(sources / "whole_one.pyx", WHOLE)
    write(sources / "lacking_one.pyx", LACKING)
    with caplog.at_level(logging.INFO, "cython_llvm"):
        whole, lacking = map(importlib.import_module, ("whole_one", "lacking_one"))
    assert (whole.f(1), lacking.f(1)) == (2, 2)
    assert len(generations) == 2, "a module that falls back has been through Cython once"
    assert [record.getMessage() for record in caplog.records] == [
        "whole_one: tree route",
        "lacking_one: C route, because the tree route lacks lacking_one.pyx:1: directive "
        "old_style_globals",
    ]
    assert cython_llvm.explain(whole).route == "tree"
    told = cython_llvm.explain(lacking)
    assert told.route == "c" and told.reasons[0].endswith(f"lacking_one.pyx:1: {LACKS}")


def test_what_a_module_lacks_is_found_once(sources: Path, lowerings: list[str], cache_dir: Path) -> None:
    path = write(sources / "known_one.pyx", LACKING + "cimport known_pxd\n")
    pxd = write(sources / "known_pxd.pxd", "ctypedef int number\n")
    assert importlib.import_module("known_one").f(1) == 2
    assert len(lowerings) == 1
    assert cython_llvm.explain(str(path)).route == "c"
    cython_llvm.import_file(path, "known_one")
    assert len(lowerings) == 1, "known since the import"
    cython_llvm.import_file(path, "known_two")
    assert len(lowerings) == 2, "under another name it is another module"
    write(pxd, "ctypedef long number\n")
    cython_llvm.explain(str(path))
    assert len(lowerings) == 3, "a file that it read is another"
    write(path, WHOLE)
    assert cython_llvm.explain(str(path)).route == "tree"
    for name in ("known_one", "known_two"):
        sys.modules.pop(name, None)


def test_a_failure_of_the_tree_route_is_a_reason_for_the_other(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise cython_llvm.CompileError("it does not hold together", code="CYL1701")

    write(sources / "defective.pyx", WHOLE)
    monkeypatch.setattr(treeroute, "lower", fail)
    module = importlib.import_module("defective")
    assert module.f(1) == 2
    (reason,) = cython_llvm.explain(module).reasons
    assert reason == "the tree route failed: it does not hold together [CYL1701]"
    with pytest.raises(cython_llvm.ModuleBuildError, match="hold together") as caught:
        cython_llvm.import_file(sources / "defective.pyx", "defective_tree", route="tree")
    assert caught.value.code == "CYL1701"


DEFECT = "MIR of 'f', bb3, at 2: v7 is used twice"


def broken(*args: object, **kwargs: object) -> None:
    raise cython_llvm.CompileError(DEFECT, code="CYL1701")


def fails_for_trees(code: str) -> Callable[..., None]:
    """LLVM fails at the code of the tree route, not at C's."""

    def fail(module: object, *args: object) -> None:
        raise cython_llvm.CompileError("Instruction does not dominate all uses!", code=code)

    return fail


def test_a_defect_is_told_once_a_build_and_ends_in_c(
    sources: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(sources / "unsound.pyx", WHOLE)
    monkeypatch.setattr(treeroute, "lower", broken)
    with caplog.at_level(logging.INFO, "cython_llvm"):
        assert cython_llvm.import_file(path, "unsound").f(1) == 2
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"unsound: warning: the tree route failed: {DEFECT} [CYL1701]; it takes the C route "
        "instead: please report this"
    )
    assert cython_llvm.explain(str(path)).reasons == (f"the tree route failed: {DEFECT} [CYL1701]",)


@pytest.mark.parametrize("code", ["CYL1102", "CYL1104", "CYL1105", "CYL1106"])
def test_what_llvm_fails_at_is_compiled_as_c(
    sources: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    path = write(sources / "unfit.pyx", WHOLE)
    stock, fail = toolchain.optimize, fails_for_trees(code)
    of_c: list[object] = []

    def optimize(module: object, *args: object) -> None:
        (stock if of_c else fail)(module, *args)

    def compile_c(*args: object, **kwargs: object) -> object:
        of_c.append(stock_compile(*args, **kwargs))
        return of_c[0]

    stock_compile = toolchain.compile_c
    monkeypatch.setattr(toolchain, "optimize", optimize)
    monkeypatch.setattr(toolchain, "compile_c", compile_c)
    assert cython_llvm.import_file(path, "unfit").f(1) == 2
    assert f"[{code}]; it takes the C route instead" in caplog.text
    assert cython_llvm.explain(str(path)).reasons[0].endswith(f"all uses! [{code}]")
    sys.modules.pop("unfit")
    of_c.clear()
    with pytest.raises(cython_llvm.ModuleBuildError, match="all uses!"):
        cython_llvm.import_file(path, "unfit_tree", route="tree")


#: Makes the tree route fail in the commands: where lowering is over, or in LLVM.
FAILURES = {
    "lowering": """
        from cython_llvm import treeroute
        def lower(*args, **kwargs):
            raise errors.CompileError("MIR of 'f' is wrong", code="CYL1701")
        treeroute.lower = lower
    """,
    "llvm": """
        from cython_llvm import toolchain
        def library_object(*args, **kwargs):
            raise errors.CompileError("LLVM is beside itself", code="CYL1106")
        toolchain.library_object = library_object
    """,
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("command", ["cython", "cythonize", "setup"])
def test_the_commands_get_around_defects(tmp_path: Path, command: str, failure: str) -> None:
    write(tmp_path / "mod.pyx", WHOLE)
    programs = {
        "cython": ("Cython.Compiler.Main", "setuptools_main", ["--backend=llvm", "mod.pyx"]),
        "cythonize": ("Cython.Build.Cythonize", "main", ["--backend=llvm", "-i", "-f", "mod.pyx"]),
        "setup": ("builder", "main", []),
    }
    write(tmp_path / "builder.py", """
        def main():
            import setuptools
            from cython_llvm.build import build_ext, cythonize
            setuptools.setup(name="mod", version="1", cmdclass={"build_ext": build_ext},
                             ext_modules=cythonize(["mod.pyx"], force=True),
                             script_args=["build_ext", "--inplace", "--force"])
    """)
    module, function, args = programs[command]
    text = "import sys\nfrom cython_llvm import errors\n" + textwrap.dedent(FAILURES[failure])
    for route in ("auto", "tree"):
        code = f"{text}\nsys.argv[1:] = {args!r}\nfrom {module} import {function} as main\nsys.exit(main())\n"
        done = run_command(tmp_path, sys.executable, "-c", code, env={"CYTHON_LLVM_ROUTE": route})
        said = done.stdout + done.stderr
        if route == "tree":
            assert done.returncode != 0 and "CYL1" in said, said
            continue
        assert done.returncode == 0, said
        assert "warning: the tree route failed: " in said and "please report this" in said, said
        assert python(tmp_path, "import mod; print(mod.f(1))") == "2"


def test_names_that_only_c_has_are_reasons_for_it(sources: Path) -> None:
    """Static functions of Cython's C that a module declares itself, and symbols that no library has."""
    write(sources / "inward.pyx", '''
        cdef extern from *:
            """
            static int __pyx_CyFunction_init(PyObject *module);
            """
            int __pyx_CyFunction_init(object module) except -1
        def f(): return __pyx_CyFunction_init(__import__(__name__))
    ''')  # fmt: skip
    module = importlib.import_module("inward")
    assert module.f() == 0
    (reason,) = cython_llvm.explain(module).reasons
    assert reason == "the tree route lacks C function '__pyx_CyFunction_init'"
    text = """
        cdef extern from *:
            '''
            int nowhere_at_all(int a);
            '''
            int nowhere_at_all(int a)
        def f(): return nowhere_at_all(1)
    """
    path = write(sources / "dangling.pyx", text)
    with pytest.raises(cython_llvm.ModuleBuildError, match="symbols not found: nowhere_at_all"):
        importlib.import_module("dangling")
    assert cython_llvm.explain(str(path)).route == "tree", "no C either knows the name"


def test_a_test_for_a_range_needs_no_macro_of_cpython_s(sources: Path) -> None:
    """Cython's C uses a macro that CPython does not have."""
    path = write(sources / "ranged.pyx", "def f(x):\n    cdef range r = x\n    return len(r)\n")
    for route in ("c", "tree"):
        module = cython_llvm.import_file(path, f"ranged_{route}", route=route)
        assert module.f(range(3)) == 3
        with pytest.raises(TypeError, match="Expected range, got list"):
            module.f([])


@pytest.mark.parametrize(
    ("settings", "language", "reason"),
    [
        (Settings(), "c++", "it is C++"),
        (Settings(define_macros=(("CYTHON_TRACE", "1"),)), "c", None),
        (Settings(define_macros=(("CYTHON_REFNANNY", "1"),)), "c", "the macro CYTHON_REFNANNY is for C"),
        (Settings(extra_compile_args=("-DPy_LIMITED_API=1",)), "c", "the macro Py_LIMITED_API is for C"),
        (Settings(extra_compile_args=("-mavx2",)), "c", "the flag -mavx2 is for the C compiler"),
        (Settings(extra_compile_args=("-ffast-math", "-ffp-contract=fast")), "c", None),
        (Settings(extra_compile_args=("-O3", "-Wall", "-std=c99", "-fopenmp", "-Iinc", "-g")), "c", None),
        (Settings(define_macros=(("NPY_NO_DEPRECATED_API", "1"), ("HERE", None))), "c", None),
    ],
)
def test_what_is_for_c_needs_c(settings: Settings, language: str, reason: str | None) -> None:
    assert routes.standing_reasons(settings, language) == ((reason,) if reason else ())


def test_flags_count_on_both_routes(sources: Path) -> None:
    text = "# distutils: extra_compile_args = -O0 -g\n" + WHOLE
    write(sources / "flagged.pyx", text)
    settings = Settings(extra_compile_args=("-O0", "-g"))
    found = routes.for_tree(settings)
    assert (found.opt_level, found.debug) == (0, True)
    assert importlib.import_module("flagged").f(2) == 3


def test_cython_s_options_for_c(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from Cython.Compiler import Options

    monkeypatch.setattr(Options, "docstrings", False)
    write(sources / "undocumented.pyx", 'def f():\n    "text"\n')
    module = importlib.import_module("undocumented")
    assert not module.f.__doc__
    assert cython_llvm.explain(module).reasons == ("Cython's option docstrings is for C",)


ERRORS = """
# cython: remove_unreachable=False
break
---
def f(int x: yield
---
cdef int f(): return "abc"
---
def f():
    cdef int* p
    if f:
        p = [1, 2, 3]
    continue
"""


@pytest.mark.parametrize("text", ERRORS.split("---\n"))
def test_errors_are_those_of_the_c_route(tmp_path: Path, text: str) -> None:
    """Also those that Cython finds only when it generates C."""
    path = str(write(tmp_path / "wrong.pyx", text))
    with pytest.raises(cython_llvm.CompileError) as there:
        frontend.generate_c(path, "wrong", Settings(language_level=3))
    with pytest.raises(cython_llvm.CompileError) as here:
        routes.analyse(path, "wrong", Settings(language_level=3))
    assert str(here.value) == str(there.value)


def test_exporting_changes_nothing_in_the_c(tmp_path: Path, run: Callable[..., str]) -> None:
    text = """
        cimport cython
        cdef class A:
            cdef double[:] view
            cdef public list items
            def total(self): return sum(x for x in self.items)
        ctypedef fused number:
            int
            double
        cpdef number twice(number x): return x * 2
        async def later(x): return [y async for y in x]
        def f(*args, a: int = 3, **kw): return f"{a!r:>10} {args}"
        """
    path = str(write(tmp_path / "twice.pyx", text))
    program = f"""
        import hashlib
        from cython_llvm import frontend, treefrontend
        from cython_llvm.settings import Settings
        asked = []
        def decide(export, source):
            asked.append(export())
        if {{exporting}}:
            with treefrontend.choosing_by_file(lambda target: decide):
                unit = frontend.generate_c({path!r}, "twice", Settings(language_level=3))
        else:
            unit = frontend.generate_c({path!r}, "twice", Settings(language_level=3))
        print(len(asked), hashlib.sha256(unit.c_text).hexdigest())
        """
    # In processes of their own: Cython counts some things over all that a process compiles.
    plain, exported = (run(program.format(exporting=how)).split() for how in (False, True))
    assert (plain[0], exported[0]) == ("0", "1") and plain[1] == exported[1]


# ---------------------------------------------------------------------------- the commands


def test_cython_command(tmp_path: Path) -> None:
    write(tmp_path / "whole.pyx", WHOLE)
    write(tmp_path / "lacking.pyx", LACKING)
    done = cython(tmp_path, "--backend=llvm", "-3", "-v", "-a", "whole.pyx", "lacking.pyx", "--explain")
    assert done.returncode == 0, done.stderr
    assert "whole.pyx: tree route\n" in done.stderr
    assert "lacking.pyx: C route, because the tree route lacks lacking.pyx:1: " in done.stderr
    assert f"\n  because the tree route lacks lacking.pyx:1: {LACKS}\n" in done.stderr
    assert (tmp_path / "whole.html").exists() and (tmp_path / "lacking.html").exists()
    assert python(tmp_path, "import whole, lacking; print(whole.f(1), lacking.f(1))") == "2 2"
    assert "__Pyx_" in (tmp_path / "whole.html").read_text(), "the page shows C"
    for emit, route in (("obj", "c"), ("bc", "c"), ("ll", "tree"), ("asm", "tree")):
        done = cython(tmp_path, "--backend=llvm", "-3", "-v", f"--emit={emit}", "whole.pyx", "--explain")
        assert f"whole.pyx: route: {route}" in done.stderr, (emit, done.stderr)
    only = cython(tmp_path, "--backend=llvm", "-3", "--route=tree", "lacking.pyx")
    assert only.returncode == 1 and "lacking.pyx:1" in only.stderr and "CYL1301" in only.stderr


def test_warnings_and_hints_are_printed_as_stock_prints_them(tmp_path: Path) -> None:
    write(tmp_path / "told.pyx", """
        cdef void g(int x) nogil: pass
        cdef class A:
            def __add__(self, other): return 1
        def f(double[:] a, unused=None):
            with nogil:
                g(1)
                a[0] = 1
        """)  # fmt: skip
    options = ("-3", "-Wextra", "-X", "warn.unused_arg=True", "told.pyx")
    stock = cython(tmp_path, *options)
    ours = cython(tmp_path, "--backend=llvm", *options)
    assert "will always require the GIL" in stock.stderr and "boundscheck(False)" in stock.stderr
    assert ours.stderr == stock.stderr


def test_side_files_and_header_lines(tmp_path: Path) -> None:
    write(tmp_path / "side.pyx", "# distutils: sources = more.c\n# distutils: libraries = m\n"
          "cdef extern from *:\n    int more(int)\ncdef public int shown(int x):\n    return more(x)\n"
          "def f(int x): return more(x)\n")  # fmt: skip
    write(tmp_path / "more.c", "int more(int x) { return x * 2; }\n")
    done = cython(tmp_path, "--backend=llvm", "-3", "-M", "side.pyx", "--explain")
    assert done.returncode == 0, done.stderr
    assert python(tmp_path, "import side; print(side.f(4))") == "8"
    assert (tmp_path / "side.h").exists()
    assert (tmp_path / "side.c.dep").read_text().startswith("side" + SUFFIX)


def test_a_package(tmp_path: Path) -> None:
    write(tmp_path / "pack" / "__init__.pyx", "def f(int a): return a + 1\n")
    done = cython(tmp_path, "--backend=llvm", "-3", "--explain", "pack/__init__.pyx")
    assert done.returncode == 0 and "route: tree" in done.stderr, done.stderr
    assert python(tmp_path, "import pack; print(pack.f(1), pack.__name__, pack.f.__module__)") == "2 pack pack"


def test_cythonize_command(tmp_path: Path) -> None:
    write(tmp_path / "whole.pyx", WHOLE)
    write(tmp_path / "lacking.pyx", LACKING)
    done = cythonize(tmp_path, "--backend=llvm", "-3", "-j2", "--explain", "whole.pyx", "lacking.pyx")
    assert done.returncode == 0, done.stderr
    assert "whole.pyx: route: tree" in done.stderr and "lacking.pyx: route: c" in done.stderr
    assert python(tmp_path, "import whole, lacking; print(whole.f(1), lacking.f(1))") == "2 2"
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["whole.pyx", "lacking.pyx", "whole" + SUFFIX, "lacking" + SUFFIX]
    )
    only = cythonize(tmp_path, "--backend=llvm", "-3", "-f", "--route=tree", "lacking.pyx")
    assert only.returncode == 1 and "lacking.pyx:1" in only.stderr


SETUP = """\
from setuptools import setup
from {module} import cythonize
setup(name="x", ext_modules=cythonize(["whole.pyx", "lacking.pyx"], language_level=3))
"""


@pytest.mark.parametrize("module", ["cython_llvm.build", "Cython.Build"])
def test_setup_scripts(tmp_path: Path, module: str, cache_dir: Path) -> None:
    """Also those that know nothing of this package: CYTHON_LLVM_DISTUTILS=1."""
    write(tmp_path / "whole.pyx", WHOLE)
    write(tmp_path / "lacking.pyx", LACKING)
    write(tmp_path / "setup.py", SETUP.format(module=module))
    done = run_command(tmp_path, sys.executable, "setup.py", "-v", "build_ext", "--inplace",
                       env={"CYTHON_LLVM_DISTUTILS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert "whole.c: tree route" in told
    assert "lacking.c: C route, because the tree route lacks lacking.pyx:" in told
    assert "PyInit_whole" in (tmp_path / "whole.c").read_text(), "C as ever"
    assert python(tmp_path, "import whole, lacking; print(whole.f(1), lacking.f(1))") == "2 2"


def test_verdicts_that_are_damaged_are_none(cache_dir: Path) -> None:
    key = verdicts.key("x.pyx", b"", "x", Settings())
    assert verdicts.known(key) == ()
    verdicts.remember(key, routes.Choice("c", ("it is C++",)), ())
    assert verdicts.known(key) == ("it is C++",)
    for path in cache_dir.rglob("*route.json"):
        path.write_bytes(b"{")
    assert verdicts.known(key) == ()


def test_choosing_is_undone(tmp_path: Path, run: Callable[..., str]) -> None:
    from Cython.Compiler import Pipeline

    stock = Pipeline.create_pyx_pipeline
    with treefrontend.choosing(lambda export, source: False):
        assert Pipeline.create_pyx_pipeline is not stock
    assert Pipeline.create_pyx_pipeline is stock


def test_what_only_a_gpu_refuses_is_told_apart_by_more_than_its_words() -> None:
    reason = "the tree route lacks a.pyx:1: prange on the GPU: 'gil'"
    for on_gpu, said in ((True, "cannot run on a GPU"), (False, "needs the C route")):
        refused = routes.refusal("a.pyx", routes.Choice("c", (reason,), on_gpu=on_gpu))
        assert said in str(refused) and reason in str(refused)
