"""What only C's headers know, numpy's cimport and old buffers by the tree route, beside the C route."""

from __future__ import annotations

import array
import importlib
import sys
import textwrap
from pathlib import Path

import pytest

import cython_llvm
from cli_tools import python, run
from conftest import ROUTE_PAIRS, Both, Sharing, outcome, write
from cython_llvm import cache, errors

DECLARATIONS = '''
cdef extern from *:
    """
    #define TWICE(x) ((x) * 2)
    #define SUM(...) cyl_test_sum(__VA_ARGS__)
    static int counter = 5;
    static int table[3] = {1, 2, 3};
    static double cyl_test_sum(int n, double a, double b) { return n + a + b; }
    typedef unsigned short narrow;
    typedef float real;
    typedef struct { char pad[3]; int a; short b; double c[2]; } Record;
    typedef union { int i; unsigned char c[8]; } Either;
    typedef enum { RED = 7, BLUE = -2 } Colour;
    static Record make(int a) { Record r = {{0}, a, 2, {1.5, 2.5}}; return r; }
    static int of_record(Record r) { return r.a * 10 + r.b; }
    static Colour next(Colour c) { return c == RED ? BLUE : RED; }
    static real half(real x) { return x / 2; }
    """
    int TWICE(int)
    double SUM(int, ...)
    int counter
    int table[3]
    ctypedef int narrow
    ctypedef double real
    ctypedef struct Record:
        int a
        int b
        double c[2]
    ctypedef union Either:
        int i
        unsigned char c[8]
    ctypedef enum Colour:
        RED
        BLUE
    enum: INT_MAX
    Record make(int)
    int of_record(Record)
    Colour next(Colour)
    real half(real)
'''


TYPEDEFS = '''
cdef extern from *:
    """
    typedef long as_declared;
    typedef short narrower;
    """
    ctypedef long as_declared
    ctypedef int narrower
def wide(as_declared x): return x
def narrow(narrower x): return x
'''


def test_overflow_of_typedefs_is_told_as_by_c(both: Both) -> None:
    tree, c = both(TYPEDEFS)
    for name in ("wide", "narrow"):
        for value in (2**63, -(2**63) - 1, 2**63 - 1, 2**64, 2**15, 2**31, -1, "x"):
            found = outcome(getattr(tree, name), value)
            assert found == outcome(getattr(c, name), value), (name, value)


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("ctypedef int t 'unsigned long'\nfrom cython.parallel cimport prange\ndef f(t n):\n"
         "    for i in prange(n, nogil=True): pass\n    return n >> 1\n", "with types that are not supported"),
        ("from libc.setjmp cimport *\ncdef void g(jmp_buf b): longjmp(b, 1)\ndef f(): return 1\n",
         "with types that are not supported"),
    ],
)
def test_what_c_would_make_otherwise_takes_the_c_route(tmp_path: Path, text: str, lacks: str) -> None:
    if text.startswith("ctypedef"):
        text = f"cdef extern from *:\n    {text}"
    path = write(tmp_path / "refused.pyx", "# cython: language_level=3\n" + text)
    with pytest.raises(ImportError, match=lacks):
        cython_llvm.import_file(path, "refused", route="tree")
    assert cython_llvm.import_file(path, "refused").f


def test_macros_constants_and_structs_are_those_of_the_header(both: Both) -> None:
    text = """
        def macro(int x): return TWICE(x), SUM(1, 2.0, 3.0), INT_MAX
        def variables():
            global counter
            counter += 1
            cdef int *place = &counter
            place[0] += 10
            return counter, table[2]
        def narrowed(x):
            cdef narrow n = x
            return n, <narrow> -1, sizeof(narrow)
        def record(int a):
            cdef Record r = make(a)
            cdef Record *p = &r
            r.b += 1
            p.c[1] = 4
            return r.a, r.b, p.c[1], of_record(r), sizeof(Record)
        def either():
            cdef Either e
            e.i = 258
            return e.c[0], e.c[1]
        def enums(): return next(RED) == BLUE, <int> next(RED), <int> BLUE
        def halves(x): return half(x)
    """
    tree, c = both(DECLARATIONS + textwrap.dedent(text))
    for name, *args in (("macro", 4), ("variables",), ("record", 9), ("either",), ("enums",),
                        ("halves", 0.2), ("narrowed", 3), ("narrowed", 70000), ("narrowed", -1)):  # fmt: skip
        assert outcome(getattr(tree, name), *args) == outcome(getattr(c, name), *args), name


def test_structs_of_headers_become_dictionaries_and_come_from_them(both: Both) -> None:
    text = """
        from libc.time cimport tm
        cdef extern from *:
            \"\"\"
            typedef struct { char pad; short x; float y; int z[2]; } Mixed;
            static int plus(int a, int b) { return a + b; }
            \"\"\"
            ctypedef struct Mixed:
                int x
                double y
                int z[2]
            cpdef int plus(int a, int b)
        def out(int x):
            cdef Mixed m = Mixed(x=x, y=1.5, z=[3, 4])
            m.x += 1
            return m
        def back(dictionary):
            cdef Mixed m = dictionary
            return m.x, m.y, m.z[1], sizeof(Mixed)
    """
    tree, c = both(textwrap.dedent(text))
    calls = [("out", 3), ("back", {"x": 1, "y": 2.5, "z": [5, 6]}), ("back", {"x": 1}), ("plus", 1, 2),
             ("plus", "a", 1), ("plus", 1)]  # fmt: skip
    for name, *args in calls:
        assert outcome(getattr(tree, name), *args) == outcome(getattr(c, name), *args), name


def test_what_does_not_compile_is_told_with_its_place(tmp_path: Path) -> None:
    source = write(tmp_path / "bad_shim.pyx", """
        cdef extern from *:
            int not_declared_anywhere(int)
        def f():
            return not_declared_anywhere(1) + also_not
        cdef extern from *:
            int also_not
    """)  # fmt: skip
    with pytest.raises(errors.ModuleBuildError) as caught:
        cython_llvm.import_file(source, "bad_shim", route="tree")
    assert "bad_shim.pyx:5" in str(caught.value) and "also_not" in str(caught.value)


def test_shims_are_kept_until_a_header_changes(tmp_path: Path) -> None:
    header = write(tmp_path / "size.h", "typedef int sized;\n#define ANSWER 1\n")
    source = write(tmp_path / "kept_shim.pyx", """
        cdef extern from "size.h":
            ctypedef int sized
            enum: ANSWER
        def f(): return sizeof(sized), ANSWER
    """)  # fmt: skip
    assert cache.directory() is not None
    for number, kind in ((1, "int"), (1, "int"), (2, "short")):
        header.write_text(f"typedef {kind} sized;\n#define ANSWER {number}\n")
        name = f"kept_shim_{number}"
        module = cython_llvm.import_file(source, name, route="tree")
        assert module.f() == (4 if kind == "int" else 2, number)


NUMPY = """
cimport cython
import numpy as np
cimport numpy as cnp
from libc.stdlib cimport malloc, free
"""


def test_numpy_by_its_declarations(both: Both) -> None:
    pytest.importorskip("numpy")
    import numpy as np

    text = """
        cnp.import_array()
        def shape(cnp.ndarray a):
            return a.ndim, a.shape[0], cnp.PyArray_DIM(a, 1), a.size, cnp.PyArray_TYPE(a) == cnp.NPY_DOUBLE
        def new(Py_ssize_t n):
            cdef cnp.npy_intp dims[1]
            dims[0] = n
            cdef cnp.ndarray made = cnp.PyArray_SimpleNew(1, dims, cnp.NPY_INTP)
            cdef cnp.intp_t *data = <cnp.intp_t *> cnp.PyArray_DATA(made)
            for i in range(n): data[i] = i
            return made
        def total(cnp.ndarray a):
            cdef cnp.flatiter it = cnp.PyArray_IterNew(a)
            cdef double sum = 0
            while cnp.PyArray_ITER_NOTDONE(it):
                sum += (<double *> cnp.PyArray_ITER_DATA(it))[0]
                cnp.PyArray_ITER_NEXT(it)
            return sum
        def narrow(cnp.int8_t x): return x
    """
    tree, c = both(NUMPY + textwrap.dedent(text))
    array = np.arange(6.0).reshape(2, 3)
    for module in (tree, c):
        assert module.shape(array) == (2, 2, 3, 6, True)
        assert list(module.new(4)) == [0, 1, 2, 3]
        assert module.total(array[:, ::2]) == 10.0
    for args in ((array,), (None,), ([1],)):
        assert outcome(tree.total, *args) == outcome(c.total, *args)
    for number in (5, 200, -129):
        assert outcome(tree.narrow, number) == outcome(c.narrow, number)


def test_buffers_are_taken_checked_and_given_back(both: Both) -> None:
    pytest.importorskip("numpy")
    import numpy as np

    text = """
        def item(cnp.ndarray[double, ndim=2] a, i, j): return a[i, j]
        @cython.boundscheck(False)
        def total(cnp.ndarray[cnp.int64_t, ndim=1, mode='c'] a not None):
            cdef cnp.int64_t sum = 0
            cdef Py_ssize_t i
            for i in range(a.shape[0]): sum += a[i]
            return sum
        def unsigned(cnp.ndarray[int, negative_indices=False] a, Py_ssize_t i): return a[i]
        def put(cnp.ndarray[double] a, i, value):
            a[i] = value
            a[i] *= 2
            return a[i]
        def objects(cnp.ndarray[object] a, value):
            old = a[0]
            a[0] = value
            return old, a[1]
        def again(first, second):
            cdef cnp.ndarray[double] a = first
            sum = a[0]
            try:
                a = second
            except ValueError as error:
                return sum, str(error), a[0]
            return sum, a[0]
        def first_fails(data):
            cdef object[int] a
            try:
                a = data
            except (TypeError, ValueError, BufferError) as error:
                return type(error)
            return a[0]
        def fused(cnp.ndarray[cython.floating] a): return a[0] * 2, cython.floating is float
    """
    tree, c = both(NUMPY + textwrap.dedent(text))
    doubles = np.arange(12.0).reshape(3, 4)
    integers = np.arange(5)
    calls = [
        *(("item", doubles, i, j) for i in (0, -1, 3, -4) for j in (0, 3, 4)),
        ("item", integers, 0, 0), ("item", doubles.T, 3, 2), ("item", None, 0, 0), ("item", 3, 0, 0),
        ("total", integers), ("total", integers[::2]), ("total", None), ("total", doubles),
        ("unsigned", integers.astype("i4"), 2), ("unsigned", integers.astype("i4"), -1),
        ("put", doubles[0].copy(), 1, 5), ("put", doubles[0].copy(), 9, 5), ("put", np.ones(2)[:0], 0, 1),
        ("again", np.ones(2), np.zeros(2)), ("again", np.ones(2), integers), ("again", np.ones(2), doubles),
        ("first_fails", integers), ("first_fails", 5), ("first_fails", integers.astype("i4")),
        ("fused", np.ones(2)), ("fused", np.ones(2, "f4")), ("fused", integers),
    ]  # fmt: skip
    for name, *args in calls:
        assert outcome(getattr(tree, name), *args) == outcome(getattr(c, name), *args), (name, args)
    value = object()
    for module in (tree, c):
        array = np.array([value, None], dtype=object)
        before = sys.getrefcount(value)
        for _ in range(5):
            assert module.objects(array, value) == (value, None)
        assert sys.getrefcount(value) == before
        memory = bytearray(16)
        for _ in range(3):
            outcome(module.first_fails, memory)
        memory += b"grows"  # nobody holds its buffer


def test_names_that_own_c_redefines(both: Both, tmp_path: Path) -> None:
    """A macro or a header may make another function of one that the process has."""
    write(tmp_path / "other_names.h", "static int cyl_test_labs(int a) { return a + 7; }\n"
          "#define atoi(text) 12\n#define labs cyl_test_labs\n")  # fmt: skip
    for module in both('''
cdef extern from *:
    """
    #include <stdlib.h>
    #define strlen(text) 42
    static int cyl_test_abs(int a) { return a * 100; }
    #define abs cyl_test_abs
    """
    size_t strlen(const char *text)
    int abs(int a)
cdef extern from "other_names.h":
    int atoi(const char *text)
    long labs(long a)
def f(int a, bytes b):
    cdef int (*g)(int)
    g = abs
    return strlen(b), abs(a), g(a + 1), atoi(b), labs(a)
'''):
        assert module.f(-3, b"77") == (42, -300, -200, 12, 4)


def test_a_double_declared_as_float_and_addresses_of_functions_without_a_result(both: Both) -> None:
    for module in both('''
from libc.stdlib cimport free, malloc
cdef extern from *:
    """
    typedef double wide;
    static wide twice(wide x) { return 2 * x; }
    """
    ctypedef float wide
    wide twice(wide x)
def f(x):
    cdef void (*release)(void *) noexcept
    release = free
    release(malloc(3))
    return twice(x)
'''):
        assert module.f(1.5) == 3.0 and module.f(-1) == -2.0
        assert outcome(module.f, "no")[0] is TypeError


def test_fields_of_array_array(both: Both) -> None:
    """Cython has the C declarations of `cpython.array` in no header."""
    from array import array

    tree, c = both("""
from cpython cimport array
def f(array.array a, double more):
    cdef array.array b = array.clone(a, 3, zero=True), d = array.copy(a)
    b.data.as_doubles[1] = a.data.as_doubles[0] + more
    array.resize_smart(d, len(a) + 2)
    d.data.as_doubles[len(a) + 1] = more
    array.extend(b, a)
    return b, d[len(a) + 1], a.ob_descr.itemsize, chr(a.ob_descr.typecode), len(d)
""")
    given = array("d", [1.5, 2])
    assert tree.f(given, 3) == c.f(given, 3) == (array("d", [0, 4.5, 0, 1.5, 2]), 3, 8, "d", 4)


def test_files_have_their_shims_in_them(tmp_path: Path) -> None:
    text = "def macro(int x): return TWICE(x), make(x).a, RED\n"
    write(tmp_path / "shimmed.pyx", "# cython: language_level=3\n" + DECLARATIONS + text)
    for emit, check in (
        ("so", "import shimmed; print(shimmed.macro(4))"),
        ("bc", "import cython_llvm.bitcode as b; from cython_llvm.settings import Settings; "
               "print(b.import_bitcode('shimmed.bc', 'shimmed', Settings()).macro(4))"),
    ):  # fmt: skip
        command = [sys.executable, "-m", "cython_llvm.cli", "--backend=llvm", "--route=tree"]
        done = run(tmp_path, *command, f"--emit={emit}", "shimmed.pyx")
        assert done.returncode == 0, done.stdout + done.stderr
        assert python(tmp_path, check) == "(8, 4, 7)"
        for made in tmp_path.glob("shimmed*.so"):
            made.unlink()


@pytest.mark.parametrize("routes", ROUTE_PAIRS)
def test_fused_functions_are_shared(sharing: Sharing, routes: tuple[str, str]) -> None:
    first, module = sharing(
        """
        ctypedef fused num:
            int
            double
        cdef num twice(num x) noexcept nogil
        """,
        "cdef num twice(num x) noexcept nogil: return x + x\n",
        """
        from {library} cimport twice, num
        cdef num three(num x): return twice(x) + x
        def run(): return twice(2), twice(2.5), twice[double](3), three[int](4), three[double](1.5)
        """,
        routes,
    )
    assert repr(module.run()) == "(4, 5.0, 6.0, 12, 4.5)"
    assert sorted(first.__pyx_capi__) == [
        "__pyx_fuse_0twice", "__pyx_fuse_1twice", "twice[double]", "twice[int]"]  # fmt: skip


def test_bytes_are_c_strings_of_every_sign(both: Both) -> None:
    text = """
def f(bytes b):
    cdef unsigned char* p = b
    cdef const unsigned char* q = b
    cdef signed char* s = b
    cdef const signed char *t = b
    return p[0], q[1], s[2], t[3]
"""
    for module in both(text):
        assert module.f(b"\xff\xfe\xfd\xfc") == (255, 254, -3, -4)
        assert outcome(module.f, None)[0] is TypeError


def test_arguments_of_pointers_are_converted_as_by_c(both: Both) -> None:
    text = """
cdef extern from *:
    \"\"\"
    static int plus_one(signed char c, unsigned char u, short s) { return c + u * 1000 + s * 1000000; }
    typedef int (*narrow)(signed char, unsigned char, short);
    static narrow get_narrow(void) { return plus_one; }
    \"\"\"
    ctypedef int (*narrow)(signed char, unsigned char, short)
    narrow get_narrow()

cdef class Holder:
    cdef double total
    cdef void add(self, double x, float y, int n, signed char c):
        self.total += x + y + n * 100 + c * 1000

def method(float[:] items, double d, int n):
    cdef Holder h = Holder()
    cdef short small = -3
    h.add(items[0], d, small, n)
    return h.total

def narrow_ints(int a, int b, long c):
    cdef narrow f = get_narrow()
    return f(a, b, c)
"""
    tree, c = both(text)
    for args in ((array.array("f", [1.25]), 2.5, 7), (array.array("f", [-3.5]), 0.1, 300)):
        assert tree.method(*args) == c.method(*args)
    for args in ((1, 2, 3), (-1, 255, -3), (300, 300, 100000), (-129, -1, -32769)):
        assert tree.narrow_ints(*args) == c.narrow_ints(*args)


def test_what_c_has_as_an_array_may_be_declared_as_a_pointer(both: Both) -> None:
    tree, c = both(textwrap.dedent('''
        from cpython.longintrepr cimport _PyLong_New, digit
        cdef extern from *:
            """
            typedef struct { int n; char name[8]; int *items; } Named;
            static int numbers[2] = {3, 4};
            static Named named = {1, "abc", numbers};
            """
            ctypedef struct Named:
                int n
                char *name
                int *items
            Named named
        def members():
            cdef Named *at = &named
            named.name[1] = c"x"
            return bytes(named.name), at.name[2], named.items[1], at.items[0]
        def digits():
            made = _PyLong_New(1)
            made.ob_digit[0] = 12
            return made
    '''))
    assert tree.members() == c.members() == (b"axc", ord("c"), 4, 3)
    assert tree.digits() == c.digits() == 12


def test_extern_classes_without_a_header(sources: Path) -> None:
    """Cython's C declares their structs itself."""
    write(sources / "plain_owner.pyx", """
        cdef class Spam:
            cdef int n
            def __init__(self, n): self.n = n
    """)
    text = """
        cdef extern class plain_owner.Spam:
            cdef int n
        def f(Spam it):
            it.n += 1
            return it.n
        def g(x): return isinstance(x, Spam), (<Spam> x).n
    """
    owner = importlib.import_module("plain_owner")
    path = write(sources / "plain_user.pyx", text)
    for route in ("tree", "c"):
        user = cython_llvm.import_file(path, f"plain_user_{route}", route=route)
        it = owner.Spam(4)
        assert user.f(it) == 5 and user.g(it) == (True, 5)
        assert outcome(user.f, 3) == (TypeError, "Argument 'it' has incorrect type (expected plain_owner.Spam, "
                                      "got int)")  # fmt: skip


def test_addresses_as_arrays(both: Both) -> None:
    text = '''
cdef extern from *:
    """
    typedef struct { int i, j; } pair;
    typedef pair pair_t[1];
    static void fill(pair_t it, int i) { it[0].i = i; it[0].j = -i; }
    """
    ctypedef struct pair:
        int i
        int j
    ctypedef pair pair_t[1]
    void fill(pair_t, int)
cdef pair_t value
def f(int i):
    cdef void *address = <void *> value
    fill(<pair_t> address, i)
    return value[0].i, value[0].j
'''
    tree, c = both(text)
    assert tree.f(7) == c.f(7) == (7, -7)
