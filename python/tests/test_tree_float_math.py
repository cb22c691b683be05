"""`fp_contract`, `fastmath` and the C compiler's flags that mean the same, off by default."""

from __future__ import annotations

import array
import math
from pathlib import Path
from typing import Any

import pytest

import cython_llvm
from cli_tools import cython
from conftest import write
from cython_llvm import floatmath

needs_fma = pytest.mark.skipif(
    " fma " not in Path("/proc/cpuinfo").read_text(), reason="the processor has no fused multiply-add"
)

FUNCTIONS = """
cimport cython
from cython.parallel import prange

{decorator}
def residual(double x, double y, double p):
    return x * y - p

{decorator}
def regrouped(double a, double b):
    return (a + b) - a

{decorator}
def special(double x):
    cdef double big = 1e300
    return x != x, x - x, big * x, x == 0

{decorator}
def inner(double x, double y, double p):
    def residual():
        return x * y - p
    return residual()

{decorator}
def generated(double x, double y, double p):
    yield x * y - p

{decorator}
def parallel(double[::1] x, double y, double p):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=2):
        x[i] = x[i] * y - p
    return x[0]

{decorator}
cdef class Point:
    cdef public double x
    def residual(self, double y, double p):
        return self.x * y - p

def plain(double x, double y, double p):
    return x * y - p
"""
X = 1 + 2.0**-30
ROUNDED = X * X
ERROR = 2.0**-60


def made(folder: Path, header: str = "", decorator: str = "", route: str = "tree", **settings: Any) -> Any:
    path = write(folder / "floats.pyx", header + "\n# cython: language_level=3\n"
                 + FUNCTIONS.replace("{decorator}", decorator))  # fmt: skip
    return cython_llvm.import_file(path, "floats", route=route, **settings)


def contracted(module: Any) -> dict[str, bool]:
    """Which functions add products that are not rounded."""
    point = module.Point()
    point.x = X
    found = {
        "residual": module.residual(X, X, ROUNDED),
        "inner": module.inner(X, X, ROUNDED),
        "generated": next(module.generated(X, X, ROUNDED)),
        "parallel": module.parallel(array.array("d", [X] * 9), X, ROUNDED),
        "method": point.residual(X, ROUNDED),
        "plain": module.plain(X, X, ROUNDED),
    }
    assert set(found.values()) <= {0.0, ERROR}
    return {name: value != 0 for name, value in found.items()}


EVERYWHERE = dict.fromkeys(("residual", "inner", "generated", "parallel", "method", "plain"), True)


@pytest.mark.parametrize("route", ["tree", "c"])
def test_results_are_exact_by_default(tmp_path: Path, cache_dir: Path, route: str) -> None:
    module = made(tmp_path, route=route)
    assert not any(contracted(module).values())
    assert module.regrouped(1e20, 1) == 0


@needs_fma
@pytest.mark.parametrize("route", ["tree", "c"])
@pytest.mark.parametrize("name", ["fp_contract", "fastmath"])
def test_a_header_is_for_the_whole_module(tmp_path: Path, cache_dir: Path, name: str, route: str) -> None:
    module = made(tmp_path, f"# cython: {name}=True", route=route)
    assert contracted(module) == EVERYWHERE
    assert module.regrouped(1e20, 1) == (1 if name == "fastmath" else 0)


@needs_fma
@pytest.mark.parametrize("route", ["tree", "c"])
def test_so_are_options(tmp_path: Path, cache_dir: Path, route: str) -> None:
    assert contracted(made(tmp_path, route=route, directives={"fp_contract": True})) == EVERYWHERE


@needs_fma
@pytest.mark.parametrize("name", ["fp_contract", "fastmath"])
def test_a_decorator_is_for_a_function_or_class(tmp_path: Path, cache_dir: Path, name: str) -> None:
    module = made(tmp_path, decorator=f"@cython.{name}(True)")
    assert contracted(module) == EVERYWHERE | {"plain": False}


@needs_fma
def test_a_decorator_takes_a_function_out(tmp_path: Path, cache_dir: Path) -> None:
    module = made(tmp_path, "# cython: fp_contract=True", "@cython.fp_contract(False)")
    assert contracted(module) == dict.fromkeys(EVERYWHERE, False) | {"plain": True}


@pytest.mark.parametrize("route", ["tree", "c"])
def test_nan_and_infinities_keep_their_meaning(tmp_path: Path, cache_dir: Path, route: str) -> None:
    module = made(tmp_path, "# cython: fastmath=True", route=route)
    unequal, difference, product, zero = module.special(math.nan)
    assert unequal and math.isnan(difference) and math.isnan(product) and not zero
    unequal, difference, product, zero = module.special(-math.inf)
    assert not unequal and math.isnan(difference) and product == -math.inf and not zero


def test_decorators_need_the_tree_route(tmp_path: Path, cache_dir: Path) -> None:
    with pytest.raises(ImportError, match="directive fastmath=True: needs route 'tree'"):
        made(tmp_path, decorator="@cython.fastmath(True)", route="c")


def test_with_statements_cannot_have_them(tmp_path: Path, cache_dir: Path) -> None:
    path = write(tmp_path / "within.pyx", """\
        cimport cython
        def f(double x):
            with cython.fastmath(True):
                return x * x - 1
        """)  # fmt: skip
    with pytest.raises(ImportError, match="fastmath compiler directive is not allowed in with"):
        cython_llvm.import_file(path, "within", route="tree")


@needs_fma
def test_flags_of_the_c_compiler_are_heeded(tmp_path: Path, cache_dir: Path) -> None:
    module = made(tmp_path, "# distutils: extra_compile_args = -O3 -ffast-math")
    assert contracted(module) == EVERYWHERE and module.regrouped(1e20, 1) == 1


@pytest.mark.parametrize(
    ("flags", "found"),
    [("", "exact"), ("-ffast-math", "fast"), ("-ffp-contract=fast", "contract"), ("-ffp-contract=on", "exact"),
     ("-ffast-math -fno-fast-math -ffp-contract=off", "exact"),
     ("-ffast-math -fno-fast-math", "exact"), ("-ffp-contract=fast -ffp-contract=off", "exact"),
     ("-funsafe-math-optimizations", "fast"),
     ("-fno-math-errno -fno-trapping-math", "exact")],
)  # fmt: skip
def test_the_last_flag_counts(flags: str, found: str) -> None:
    assert floatmath.of_flags(flags.split()) == found
    assert all(floatmath.FLAGS.fullmatch(flag) for flag in flags.split())


def test_jit_has_the_name_that_numba_has(cache_dir: Path) -> None:
    def regrouped(a, b):  # type: ignore[no-untyped-def]
        return (a + b) - a

    assert cython_llvm.jit(regrouped)(1e20, 1.0) == 0
    assert cython_llvm.jit(fastmath=True)(regrouped)(1e20, 1.0) == 1


@pytest.mark.parametrize(("header", "fused"), [("", False), (", fp_contract=True", True)])
def test_loops_on_a_gpu_obey(tmp_path: Path, header: str, fused: bool) -> None:
    path = write(tmp_path / "loop.pyx", f"""\
        # cython: language_level=3, prange_device=gpu{header}
        from cython.parallel import prange
        def f(double[::1] x, double y):
            cdef Py_ssize_t i
            for i in prange(x.shape[0], nogil=True):
                x[i] = x[i] * y + 1
        """)  # fmt: skip
    done = cython(tmp_path, "--backend=llvm", "--emit=ptx", path.name)
    assert done.returncode == 0, done.stderr
    assert ("fma.rn.f64" in (tmp_path / "loop.ptx").read_text()) == fused
