"""`@cython.ufunc` by the tree route, beside the C route."""

from __future__ import annotations

import pytest

from conftest import Both, outcome

TEXT = '''
cimport cython
cimport numpy
@cython.ufunc
cdef double triple(int x) nogil:
    """Three times, "triple",
    of \\u20ac."""
    return x * 3.
@cython.ufunc
cdef object joined(object x, object y): return x + y
@cython.ufunc
cdef (double, long long) both(unsigned char x, float y) nogil: return x * y, x
@cython.ufunc
cdef cython.numeric more(cython.numeric x): return x + 1
@cython.ufunc
cdef double complex turned(double complex z) nogil: return z * 1j
@cython.ufunc
cdef int picky(int x) except? -7:
    if x == 3: raise ValueError("three")
    return -x
'''


def test_ufuncs(both: Both) -> None:
    numpy = pytest.importorskip("numpy")
    tree, c = both(TEXT)
    for kind in ("b", "B", "h", "H", "i", "I", "l", "L", "q", "f", "d", "g", "F", "D", "O"):
        values = numpy.arange(12).reshape(3, 4).astype(kind)[:, ::2]
        for name in ("triple", "more", "turned", "picky"):
            ours, stock = (outcome(getattr(module, name), values) for module in (tree, c))
            assert getattr(ours, "dtype", None) == getattr(stock, "dtype", None), (name, kind)
            assert numpy.array_equal(ours, stock) if hasattr(stock, "dtype") else str(ours) == str(stock)
        ours, stock = (outcome(module.both, values, 2) for module in (tree, c))
        assert str(ours) == str(stock)
    words = numpy.array(["a", "b"], dtype=object)
    assert tree.joined(words, "x").tolist() == c.joined(words, "x").tolist() == ["ax", "bx"]
    for name in ("triple", "joined", "both", "more", "turned", "picky"):
        ours, stock = getattr(tree, name), getattr(c, name)
        assert (ours.__name__, ours.__doc__, ours.types, ours.nin, ours.nout, ours.identity) == (
            stock.__name__, stock.__doc__, stock.types, stock.nin, stock.nout, stock.identity)  # fmt: skip
    assert outcome(tree.joined, 1, "x") == outcome(c.joined, 1, "x")


@pytest.mark.parametrize("header", ["cimport cython\n", "from cython cimport ufunc\n", "import cython\n"])
def test_without_a_cimport_of_numpy(both: Both, header: str) -> None:
    """What Cython makes of it includes NumPy's headers all the same."""
    numpy = pytest.importorskip("numpy")
    decorator = "@ufunc" if "ufunc" in header else "@cython.ufunc"
    for module in both(f"{header}{decorator}\ncdef double twice(double x) nogil:\n    return 2 * x\n"):
        assert numpy.array_equal(module.twice([1, 2]), [2, 4])
