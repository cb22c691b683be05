"""``prange`` on the CPU by the tree route: what Cython has, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

import cython_llvm
from conftest import write

EXTREMES = """
# cython: language_level=3
from cython.parallel import prange
def call(double[::1] x, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        m = max(m, x[i])
    return m
def branch(double[::1] x, double m):
    cdef Py_ssize_t i
    cdef double v
    for i in prange(x.shape[0], nogil=True, schedule="dynamic", chunksize=7):
        v = x[i]
        if m > v:
            m = v
    return m
def both(int[::1] x):
    cdef Py_ssize_t i
    cdef int low = 2147483647, high = -low
    for i in prange(x.shape[0], nogil=True):
        low = x[i] if x[i] < low else low
        high = high if x[i] <= high else x[i]
    return low, high
def unsigned_most(unsigned char[::1] x):
    cdef Py_ssize_t i
    cdef unsigned char most = 0
    for i in prange(x.shape[0], nogil=True):
        most = max(x[i], most)
    return most
def seen_elsewhere(int[::1] x, int[::1] out):
    cdef Py_ssize_t i
    cdef int m = -5
    for i in prange(x.shape[0], nogil=True, num_threads=1):
        m = max(m, x[i])
        out[i] = m
    return m
"""


def test_greatest_and_least_values(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    m = cython_llvm.import_file(write(tmp_path / "extremes.pyx", EXTREMES), "extremes", route="tree")
    random = np.random.default_rng(3)
    for n in (0, 1, 2, 1000, 20000):
        x = random.uniform(-1, 1, n)
        whole = random.integers(-(10**6), 10**6, n).astype(np.intc)
        small = random.integers(1, 255, n).astype(np.uint8)
        for _ in range(5):
            assert m.call(x, -2.0) == max([*x, -2.0])
            assert m.branch(x, 0.5) == min([*x, 0.5])
            assert m.both(whole) == ((min(whole), max(whole)) if n else (2**31 - 1, 1 - 2**31))
            assert m.unsigned_most(small) == (max(small) if n else 0)
    assert m.call(random.uniform(0, 1, 1000), 7.0) == 7.0
    nan = float("nan")
    assert repr(m.call(random.uniform(0, 1, 1000), nan)) == "nan"


MORE_FORMS = """
# cython: language_level=3
from cython.parallel import prange
from libc.math cimport fabs, fmax, fminf
def three(double[::1] x, double[::1] y, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        m = max(m, x[i], y[i])
    return m
def between(double[::1] x, double[::1] y, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        m = max(x[i], m, y[i])
    return m
def nested(double[::1] x, double[::1] y, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        m = min(min(x[i] * 2, m), min(y[i], 3))
    return m
def expression(double[::1] x, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        if fabs(x[i]) * 3 - 1 > m:
            m = fabs(x[i]) * 3 - 1
    return m
def both(double[::1] x):
    cdef Py_ssize_t i
    cdef double high = -9, low = 9
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        if x[i] > high:
            high = x[i]
        elif i == 7:
            low = x[i]
    return high, low
def of_libm(double[::1] x, double m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        m = fmax(fabs(x[i]), m)
    return m
def of_libm_single(float[::1] x, float m):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=4):
        m = fminf(m, x[i])
    return m
def no_reduction(double[::1] x, double m):
    # The lesser of a greater value: what it is, depends on the order.
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True, num_threads=1):
        m = max(m, min(x[i], m + 1))
    return m
"""


def test_more_forms_of_greatest_and_least_values(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    path = write(tmp_path / "forms.pyx", MORE_FORMS)
    modules = {"": cython_llvm.import_file(path, "forms", route="tree")}
    directives = {"prange_reproducible": True}
    modules["ordered"] = cython_llvm.import_file(path, "forms_ordered", route="tree", directives=directives)
    random = np.random.default_rng(4)
    for m in modules.values():
        for _ in range(20):
            x, y = random.uniform(-1, 1, (2, 5000))
            assert m.three(x, y, -5) == m.between(x, y, -5) == max(x.max(), y.max())
            assert m.nested(x, y, 9) == min(2 * x.min(), y.min())
            assert m.expression(x, -5) == (abs(x) * 3 - 1).max()
            assert m.both(x)[0] == x.max()
            assert m.of_libm(x, 0.5) == abs(x).max()
            assert m.of_libm_single(x.astype("f"), 0.5) == x.astype("f").min()
        steps = np.array([5.0, 9.0, 2.0, 9.0])
        assert m.no_reduction(steps, 0.0) == 3.0


def test_numbers_that_are_none(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    path = write(tmp_path / "nan.pyx", MORE_FORMS + EXTREMES.replace("# cython: language_level=3", ""))
    nan = float("nan")
    x = np.random.default_rng(5).uniform(-1, 1, 5001)
    x[::7] = nan
    for name, directives in (("nan", {}), ("nan_ordered", {"prange_reproducible": True})):
        m = cython_llvm.import_file(path, name, route="tree", directives=directives)
        # Passed over among the values; kept where the variable was none before, but by libm's functions.
        for start in (-2.0, 0.5):
            assert m.call(x, start) == m.three(x, x, start) == np.nanmax([*x, start])
            assert m.branch(x, start) == np.nanmin([*x, start])
        assert np.isnan([m.call(x, nan), m.branch(x, nan), m.three(x, x, nan), m.expression(x, nan)]).all()
        assert m.of_libm(x, nan) == np.nanmax(abs(x))
        assert m.of_libm_single(x.astype("f"), nan) == np.nanmin(x.astype("f"))
        assert np.isnan(m.of_libm(np.full(9, nan), nan))


def test_a_variable_that_is_read_elsewhere_is_no_reduction(tmp_path: Path, cache_dir: Path) -> None:
    np = pytest.importorskip("numpy")
    m = cython_llvm.import_file(write(tmp_path / "elsewhere.pyx", EXTREMES), "elsewhere", route="tree")
    x = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.intc)
    out = np.zeros_like(x)
    assert m.seen_elsewhere(x, out) == 9
    assert list(out) == [3, 3, 4, 4, 5, 9, 9, 9]


def test_the_c_route_has_no_reproducible_sums(tmp_path: Path, cache_dir: Path) -> None:
    text = """
    # cython: language_level=3, prange_reproducible=True
    from cython.parallel import prange
    def total(double[::1] x):
        cdef Py_ssize_t i
        cdef double s = 0
        for i in prange(x.shape[0], nogil=True):
            s += x[i]
        return s
    """
    path = write(tmp_path / "sums.pyx", text)
    with pytest.raises(cython_llvm.ModuleBuildError, match="needs route 'tree'"):
        cython_llvm.import_file(path, "sums", route="c")
