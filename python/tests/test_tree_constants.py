"""Constants of C that start with their values, and defaults that C converts."""

from __future__ import annotations

from pathlib import Path

import pytest

import cython_llvm
from conftest import Both, outcome, write

DECLARED = """
cdef const unsigned int SEED = 7
cdef const double EPS = 1e-7
cdef const float SINGLE = 1e-7
cdef const long long BIG = -(1 << 40)
cdef const double WHOLE = 3
cdef const double NEGATIVE = -0.0
cdef const unsigned char LETTER = c'x'
cdef const Py_ssize_t ZERO = 0
cdef inline unsigned int seed() nogil:
    return SEED
"""
DEFINING = """
def early(): return OWN, SEED
found = early()
cdef const int OWN = 5
def all_of_them(): return seed(), SEED, EPS, SINGLE, BIG, WHOLE, str(NEGATIVE), LETTER, ZERO, OWN
"""
USING = """
cimport {0}
from {0} cimport SEED, seed
def all_of_them(): return seed(), SEED, {0}.EPS, {0}.BIG
"""


def test_constants_of_a_pxd_have_their_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    results = []
    for route in ("tree", "c"):
        name = f"constants_{route}"
        write(tmp_path / f"{name}.pxd", DECLARED)
        defining = cython_llvm.import_file(write(tmp_path / f"{name}.pyx", DEFINING), name, route=route)
        monkeypatch.setitem(__import__("sys").modules, name, defining)
        using = write(tmp_path / f"{name}_user.pyx", USING.format(name))
        user = cython_llvm.import_file(using, f"{name}_user", route=route)
        results.append((defining.found, defining.all_of_them(), user.all_of_them()))
    assert results[0] == results[1]
    assert results[0][1][:2] == (7, 7)


DEFAULTS = """
from libc.math cimport INFINITY, M_PI
cdef float single = 0.1
cdef short small = -3
cdef unsigned char byte = 200
def of_module(double low=-INFINITY, double high=INFINITY, long n=small, double m=byte, float f=M_PI):
    return low, high, n, m, f
cdef double c_function(double low=-INFINITY, long n=small) except? -1:
    return n if low < 0 else low
def call(*args):
    return c_function(), c_function(args[0]), c_function(args[0], args[1])
cpdef both(double x=single, long long n=small, unsigned m=byte):
    return x, n, m
cdef class Extension:
    def method(self, double low=-INFINITY, *, double other=single, long n=byte):
        return low, other, n
    cpdef virtual(self, double x=single, long n=small):
        return x, n
def make(short s, float f):
    def inner(double x=f, long n=s, float g=s):
        return x, n, g
    return inner
"""


def test_defaults_are_converted_as_in_c(both: Both) -> None:
    results = []
    for module in both(DEFAULTS):
        extension = module.Extension()
        results.append([
            module.of_module(), module.of_module(1), module.call(1, 2), module.call(-1, 7),
            module.both(), module.both(2.5), extension.method(), extension.method(2, n=3),
            extension.virtual(), extension.virtual(1), module.make(-7, 0.3)(), module.make(-7, 0.3)(1.5),
            module.make(3, 2.5).__defaults__, outcome(module.of_module, "x"),
        ])  # fmt: skip
    assert results[0] == results[1]
