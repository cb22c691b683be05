"""Objects taken before a reload run the new code: each row of the guide's table."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import inspect
import pickle
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from conftest import write
from cython_llvm import cachefill, loader

Edit = Callable[[str], ModuleType]


@pytest.fixture(params=["auto", "tree"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", request.param)
    return str(request.param)


def start(sources: Path, name: str, text: str) -> tuple[ModuleType, Edit]:
    """The module, and what changes its source and reloads it."""
    path = write(sources / f"{name}.pyx", text)
    module = importlib.import_module(name)

    def edit(text: str) -> ModuleType:
        write(path, text)
        return importlib.reload(module)

    return module, edit


# ---------------------------------------------------------------------------- functions


def test_a_function_keeps_its_identity(sources: Path, route: str) -> None:
    module, edit = start(sources, f"fi_{route}", '''
        def f(a, b=1, *, c: int = 2):
            "old"
            return a + b + c
        def g(): return 1
        ''')  # fmt: skip
    f, held, part = module.f, [module.f], functools.partial(module.f, 10)
    assert edit('''
        def f(a, b=5, *, d: str = "x"):
            "new"
            return (a, b, d)
        def g(): return 2
        ''') is module  # fmt: skip
    assert module.f is f is held[0]
    assert f(1) == (1, 5, "x") and held[0](2) == (2, 5, "x") and part() == (10, 5, "x")
    assert f.__doc__ == "new" and f.__defaults__ == (5,) and f.__kwdefaults__ == {"d": "x"}
    assert f.__annotations__ == {"d": "str"} and f.__code__.co_varnames[:3] == ("a", "b", "d")
    assert list(inspect.signature(f).parameters) == ["a", "b", "d"]


def test_holders_of_every_generation_follow(sources: Path, route: str) -> None:
    text = "registry = []\ndef add(f):\n    registry.append(f)\n    return f\n@add\ndef f(): return {}\n"
    module, edit = start(sources, f"gen_{route}", text.format(0))
    holders = [module.registry[0]]
    for number in range(1, 5):
        edit(text.format(number))
        holders.append(module.registry[0])
        assert [one() for one in holders] == [number] * len(holders)


def test_user_attributes_of_functions_stay(sources: Path) -> None:
    module, edit = start(sources, "fattr", "def f(): return 1\n")
    module.f.mine = 7
    edit("def f(): return 2\n")
    assert (module.f.mine, module.f()) == (7, 2)


def test_wrapped_functions_follow(sources: Path) -> None:
    text = """
        import functools
        def twice(f):
            @functools.wraps(f)
            def inner(*args): return 2 * f(*args)
            return inner
        @twice
        def f(x): return x + {}
        """
    module, edit = start(sources, "wrap", text.format(1))
    old = module.f
    edit(text.format(10))
    assert old(1) == module.f(1) == 22


def test_functions_without_binding_follow(sources: Path, route: str) -> None:
    text = "# cython: binding=False\ndef f(x): return x + {0}\ncdef class A:\n    def m(self): return {0}\n"
    module, edit = start(sources, f"nobind_{route}", text.format(1))
    f, m, bound = module.f, module.A.m, module.A().m
    edit(text.format(2))
    assert module.f is f and f(1) == 3 and m(module.A()) == 2
    assert bound() in (1, 2) and module.A().m() == 2


def test_fused_functions_follow(sources: Path) -> None:
    text = "ctypedef fused T:\n    int\n    double\ndef f(T x): return x + {}\n"
    module, edit = start(sources, "fus", text.format(1))
    f, one = module.f, module.f["int"]
    edit(text.format(2))
    assert module.f is f and f(1.5) == 3.5 and f["int"](1) == 3 and one(1) == 3


def test_running_calls_end_in_the_old_code(sources: Path, route: str) -> None:
    text = """
        def numbers():
            yield {0}
            yield {0}
        async def later(): return {0}
        def call(other):
            other()
            return {0}
        """
    module, edit = start(sources, f"run_{route}", text.format(1))
    running, pending = module.numbers(), module.later()
    assert next(running) == 1
    assert module.call(lambda: edit(text.format(2))) == 1
    assert list(running) == [1] and list(module.numbers()) == [2, 2]
    with pytest.raises(StopIteration) as ended:
        pending.send(None)
    assert ended.value.value == 1


def test_names_that_are_gone_stay(sources: Path) -> None:
    module, edit = start(sources, "gone", "def f(): return 1\ndef g(): return 1\nx = 1\n")
    edit("def f(): return 2\ndef h(): return 3\n")
    assert (module.f(), module.g(), module.h(), module.x) == (2, 1, 3, 1)


# ---------------------------------------------------------------------------- classes

CLASSES = """
cdef class A:
    cdef public int x
    cdef object o
    def __init__(self, x): self.x = x
    def v(self): return ("v", {0}, self.x)
    cdef int hidden(self): return {0}
    cpdef int shown(self): return {0} * 10
    def call(self): return self.hidden(), self.shown()
    def __add__(self, other): return {0}
    def __len__(self): return {0}
    @property
    def p(self): return {0}
    @staticmethod
    def s(): return {0}
    @classmethod
    def c(cls): return cls, {0}

cdef class B(A):
    cdef int hidden(self): return {0} + 100
    def __repr__(self): return "B{0}"
"""


def test_instances_run_the_new_methods(sources: Path, route: str) -> None:
    module, edit = start(sources, f"inst_{route}", CLASSES.format(1))
    A, B = module.A, module.B
    a, b = A(5), B(6)
    kept = A.v, a.v, A.__dict__["p"], A.s, A.c
    edit(CLASSES.format(2))
    assert module.A is A and module.B is B and type(module.A(1)) is A
    for one in (a, A(5)):
        assert one.v() == ("v", 2, 5) and one.call() == (2, 20) and one + 1 == 2 and len(one) == 2
        assert one.p == 2 and isinstance(one, A)
    for one in (b, B(6)):
        assert one.call() == (102, 20) and repr(one) == "B2" and len(one) == 2 and isinstance(one, A)
    assert kept[0](a) == ("v", 2, 5) and kept[1]() == ("v", 2, 5)
    assert kept[2].__get__(a) == 2 and kept[3]() == 2 and kept[4]() == (A, 2)
    assert A.__subclasses__() == [B]
    edit(CLASSES.format(3))
    assert a.call() == (3, 30) and b.call() == (103, 30) and kept[1]() == ("v", 3, 5)
    assert A.__subclasses__() == [B] and module.A is A


def test_code_from_the_cache_is_made_over_too(sources: Path, route: str) -> None:
    path = write(sources / f"cached_{route}.pyx", CLASSES.format(2))
    module = importlib.import_module(path.stem)
    cachefill.wait_for_cache()
    del sys.modules[path.stem]
    module, edit = start(sources, path.stem, CLASSES.format(2))
    A, a, b = module.A, module.A(5), module.B(6)
    edit(CLASSES.format(1))
    assert a.call() == (1, 10) and b.call() == (101, 10)
    edit(CLASSES.format(2))  # a library
    for one in (a, module.A(5)):
        assert one.call() == (2, 20) and one.v() == ("v", 2, 5) and type(one) is A and one.p == 2
    assert b.call() == (102, 20) and module.B(1).call() == (102, 20) and repr(b) == "B2"


def test_methods_and_slots_come_and_go(sources: Path) -> None:
    text = "cdef class A:\n    def m(self): return 1\n    def __len__(self): return 3\n"
    module, edit = start(sources, "slots", text)
    A = module.A
    a = A()
    edit("cdef class A:\n    def n(self): return 2\n    def __iter__(self): return iter([4])\n"
         "    def __call__(self, x): return x\n")  # fmt: skip
    assert a.n() == 2 and list(a) == [4] and a(7) == 7
    assert not hasattr(a, "m") and not hasattr(a, "__len__")
    with pytest.raises(TypeError):
        len(a)


def test_python_subclasses_follow(sources: Path) -> None:
    text = "".join(f"    def {name}(self): return {{0}}\n" for name in ("m", "__len__", "__neg__"))
    text = "cdef class A:\n" + text
    module, edit = start(sources, "pysub", text.format(1))

    class P(module.A):
        def __len__(self) -> int:
            return 50

    class Q(P):
        pass

    p, q = P(), Q()
    assert (p.m(), len(p), -p, -q) == (1, 50, 1, 1)
    edit(text.format(2))
    assert (p.m(), len(p), -p, -q, len(q)) == (2, 50, 2, 2, 50)
    assert isinstance(p, module.A) and P.__mro__[1] is module.A
    edit(text.format(3) + "    def __contains__(self, x): return True\n")
    assert 5 in q and -q == 3


def test_cdef_subclasses_in_other_modules_follow(sources: Path, route: str) -> None:
    name, user = f"base_{route}", f"user_{route}"
    fields = "    cdef int x\n    cdef int c(self)\n    cpdef int d(self)\n"
    write(sources / f"{name}.pxd", "cdef class A:\n" + fields)
    text = "cdef class A:\n    cdef int c(self): return {0}\n    cpdef int d(self): return {0} * 10\n"
    module, edit = start(sources, name, text.format(1))
    write(sources / f"{user}.pyx", f"""
        from {name} cimport A
        cdef class S(A):
            cpdef int d(self): return 7
            def both(self): return self.c(), self.d()
        def through(A a): return a.c(), a.d()
        """)  # fmt: skip
    other = importlib.import_module(user)
    s, a = other.S(), module.A()
    assert s.both() == (1, 7) and other.through(a) == (1, 10) and other.through(s) == (1, 7)
    edit(text.format(2))
    assert s.both() == (2, 7) and other.through(a) == (2, 20) and other.through(s) == (2, 7)
    assert other.S().both() == (2, 7) and isinstance(s, module.A)


def test_python_classes_keep_their_identity(sources: Path) -> None:
    text = """
        class P:
            kind = {0}
            def m(self): return {0}
            @property
            def p(self): return {0}
            @classmethod
            def c(cls): return cls, {0}
        class Q(P):
            def m(self): return super().m(), {0}
        made = Q()
        table = {{P: {0}}}
        """
    module, edit = start(sources, "pycls", text.format(1))
    P, Q, p, q = module.P, module.Q, module.P(), module.Q()
    edit(text.format(2))
    assert module.P is P and module.Q is Q and Q.__bases__ == (P,)
    assert p.m() == 2 and p.p == 2 and P.kind == 2 and P.c() == (P, 2) and q.m() == (2, 2)
    assert type(module.made) is Q and module.made.m() == (2, 2) and module.table == {P: 2}
    assert P.__subclasses__() == [Q]


def test_objects_made_by_the_new_body_have_the_old_type(sources: Path, route: str) -> None:
    text = """
        cdef class A:
            cdef int x
            def m(self): return {0}
        made = A()
        kinds = {{A: {0}}}
        seen = isinstance(made, A)
        def check(A a): return a.m()
        """
    module, edit = start(sources, f"body_{route}", text.format(1))
    A, old = module.A, module.made
    edit(text.format(2))
    assert type(module.made) is A is type(old) and module.kinds == {A: 2} and module.seen
    assert module.check(old) == module.check(module.made) == module.made.m() == 2


def test_another_layout_makes_another_type(sources: Path, route: str) -> None:
    text = "cdef class A:\n    cdef public int x\n    def m(self): return 1\n"
    module, edit = start(sources, f"layout_{route}", text)
    holder = ModuleType("holder_of_a")
    holder.A = module.A  # type: ignore[attr-defined]
    sys.modules["holder_of_a"] = holder
    old = module.A()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            edit("cdef class A:\n    cdef public double x\n    cdef object y\n    def m(self): return 2\n")
    finally:
        del sys.modules["holder_of_a"]
    [warning] = [one for one in caught if type(one.message).__name__ == "ReloadWarning"]
    text = str(warning.message)
    assert f"layout_{route}.A" in text and "'y' added" in text and "int -> double" in text
    assert "holder_of_a" in text
    assert old.m() == 1 and old.x == 0 and module.A().m() == 2 and type(old) is not module.A
    edit("cdef class A:\n    cdef public double x\n    cdef object y\n    def m(self): return 3\n")
    assert old.m() == 1 and module.A().m() == 3


def test_a_raising_body_puts_classes_back(sources: Path, route: str) -> None:
    module, edit = start(sources, f"back_{route}", CLASSES.format(1))
    a, b, A = module.A(5), module.B(6), module.A

    class P(A):  # type: ignore[misc, valid-type]
        pass

    p = P(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            edit(CLASSES.format(2).replace("def __repr__", "def __iter__") + "1 / 0\n")
        assert a.call() == (1, 10) and b.call() == (101, 10) and repr(b) == "B1"
        assert a.v() == ("v", 1, 5) and len(p) == 1 and a + a == 1 and a.p == 1 and module.A is A
        assert not hasattr(b, "__iter__")
    edit(CLASSES.format(3))
    assert a.call() == (3, 30) and len(p) == 3


# ---------------------------------------------------------------------------- state, C pointers


def test_names_in_keep_keep_their_values(sources: Path) -> None:
    text = "__keep__ = ('cache',)\ncache = {}\nother = {}\ndef f(): return cache\n"
    module, edit = start(sources, "keep", text)
    cache, other = module.cache, module.other
    edit(text + "\n")
    assert module.cache is cache is module.f() and module.other is not other


def test_c_pointers_stay_valid(sources: Path, route: str) -> None:
    write(sources / f"capi_{route}.pxd", "cdef double f(double x)\ncdef int g(int x)\n")
    text = "cdef double f(double x): return x * {0}\ncdef int g(int x): return x + {0}\n"
    module, edit = start(sources, f"capi_{route}", text.format(2))
    pointer = _pointer(module, "f", "double (double)")
    call = ctypes.PYFUNCTYPE(ctypes.c_double, ctypes.c_double)(pointer)
    assert call(2.0) == 4.0
    for factor in (3, 4):
        edit(text.format(factor))
        assert call(2.0) == 2.0 * factor and _pointer(module, "f", "double (double)") == pointer


def _pointer(module: ModuleType, name: str, signature: str) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found: int = get(module.__pyx_capi__[name], signature.encode())
    return found


def test_another_signature_is_refused(sources: Path) -> None:
    write(sources / "sig.pxd", "cdef double f(double x)\n")
    module, edit = start(sources, "sig", "cdef double f(double x): return x * 2\n")
    write(sources / "siguser.pyx", "from sig cimport f\ndef g(x): return f(x)\n")
    user = importlib.import_module("siguser")
    cachefill.wait_for_cache()
    compiled = loader.obtain(str(sources / "siguser.pyx"), "siguser", user.__loader__.settings())
    assert compiled.cached and user.g(2) == 4
    write(sources / "sig.pxd", "cdef double f(double x, int y)\n")
    edit("cdef double f(double x, int y): return x * y\n")
    assert user.g(2) == 4  # the old address runs the old code
    with pytest.raises(TypeError, match="wrong signature"):
        compiled.execute_again(user, "siguser")  # as it was compiled, against the old declaration
    assert user.g(2) == 4
    write(sources / "sig.pxd", "cdef double f(double x)\n")
    edit("cdef double f(double x): return x * 5\n")
    assert user.g(2) == 10


def test_modules_that_cimport_functions_run_the_new_code(sources: Path, route: str) -> None:
    name, user = f"cf_{route}", f"cfu_{route}"
    write(sources / f"{name}.pxd", "cdef int f(int x) except? -1\ncpdef int h(int x)\n")
    text = "cdef int f(int x) except? -1: return x + {0}\ncpdef int h(int x): return x * {0}\n"
    module, edit = start(sources, name, text.format(1))
    write(sources / f"{user}.pyx", f"from {name} cimport f, h\ndef g(x): return f(x), h(x)\n")
    other = importlib.import_module(user)
    assert other.g(1) == (2, 1)
    edit(text.format(5))
    assert other.g(1) == (6, 5)


# ---------------------------------------------------------------------------- memory


def test_old_code_is_freed_once_unused(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cython_llvm import live, live_free

    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree")
    monkeypatch.setattr(live_free, "BATCH", 4)
    monkeypatch.setattr(live_free, "WAIT", 60)  # however slow the machine
    text = """
        cdef class A:
            cdef int x
            cpdef int m(self): return {0}
        def f(): return {0}
        def numbers():
            yield {0}
            yield {0}
        def outer():
            def inner(): return {0}
            return inner
        """
    module, edit = start(sources, "freed", text.format(0))
    a, f, held = module.A(), module.f, []
    for number in range(1, 40):
        edit(text.format(number))
        if number % 10 == 5:
            running = module.numbers()
            held.append((number, next(running), running, module.outer(), pickle.loads(pickle.dumps(a))))
        assert a.m() == f() == number
    attic = live._records["freed"].attic
    assert attic.freed >= 20
    for number, first, running, inner, copy in held:
        assert (first, list(running), inner(), copy.m()) == (number, [number], number, 39)


def test_what_is_being_written_does_not_keep_old_code(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cython_llvm import compiling, live, live_free

    writing = threading.Event()

    def store(*_: object) -> None:
        writing.set()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000)  # a running thread, without the GIL

    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree")
    monkeypatch.setattr(compiling, "store", store)
    monkeypatch.setattr(live_free, "BATCH", 4)
    monkeypatch.setattr(live_free, "WAIT", 60)
    text = "def f(): return {0}\nassert {0} == 0 or globals()['written']()\n"
    module, edit = start(sources, "written", text.format(0))
    module.written = lambda: writing.wait(60) and (writing.clear() or True)
    for number in range(1, 9):
        edit(text.format(number))
        assert module.f() == number
    assert live._records["written"].attic.freed >= 4


@pytest.mark.parametrize(
    "source",
    ["cdef int f(): return 1\nx = <size_t>f\n", "from cpython.pycapsule cimport PyCapsule_New\n",
     "cdef extern from 'signal.h':\n    int x\n", "def f(double[:] a): return a\n"],
)  # fmt: skip
def test_code_whose_addresses_may_be_held_stays(source: str) -> None:
    from cython_llvm import live_free

    assert not live_free.may_be_freed(source.encode())


def test_pickles_follow(sources: Path, route: str) -> None:
    text = "cdef class A:\n    cdef public int x\n    def m(self): return {0}, self.x\n"
    module, edit = start(sources, f"pickled_{route}", text.format(1))
    a = module.A()
    a.x = 5
    stored = pickle.dumps(a)
    edit(text.format(2))
    assert pickle.loads(stored).m() == pickle.loads(pickle.dumps(a)).m() == (2, 5)
    assert type(pickle.loads(stored)) is type(a)


# ---------------------------------------------------------------------------- found by trying


def test_other_names_of_a_function_stay_the_same_function(sources: Path, route: str) -> None:
    text = "def f(): return {0}\ng = f\nclass C:\n    def m(self): return {0}\n    n = m\n"
    module, edit = start(sources, f"alias_{route}", text.format(1))
    f, m = module.f, module.C.__dict__["m"]
    for number in (2, 3):
        edit(text.format(number))
        assert module.f is module.g is f and f() == number
        assert module.C.__dict__["m"] is module.C.__dict__["n"] is m and module.C().n() == number


def test_a_class_with_weak_references_stays(sources: Path, route: str) -> None:
    text = "cdef class A:\n    cdef object __weakref__\n    def m(self): return {}\n"
    module, edit = start(sources, f"weak_{route}", text.format(1))
    a, A = module.A(), module.A
    known = weakref.WeakSet([a])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        edit(text.format(2))
    assert module.A is A and [one.m() for one in known] == [2] and weakref.ref(module.A()) is not None
