"""cdef classes whose C methods come and go: the class, its objects and its table stay."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from conftest import write
from cython_llvm import live_watch
from cython_llvm.live import ReloadWarning

Edit = Callable[[str], ModuleType]

FAMILY = """
cdef class A:
    cdef int x
    def __init__(self, x): self.x = x
    cdef int one(self): return self.x
    cdef int two(self): return self.x * 2
    def call(self): return self.one(), self.two()
cdef class B(A):
    cdef int own(self): return 100
    cdef int two(self): return 200
    def call_b(self): return self.own(), self.two(), self.one()
def steps(A a):
    yield a.one()
    yield a.two()
"""
#: With two more methods between the old ones.
GROWN = FAMILY.replace(
    "    cdef int two(self): return self.x * 2\n",
    "    cdef object added(self, y): return 'added', y\n"
    "    cpdef told(self): return 'told'\n"
    "    cdef int two(self): return self.x * 3\n",
).replace("self.one(), self.two()\n", "self.one(), self.two(), self.added(9), self.told()\n", 1)


def start(sources: Path, name: str, text: str) -> tuple[ModuleType, Edit]:
    """The module, and what changes its source and reloads it without a warning."""
    path = write(sources / f"{name}.pyx", text)
    module = importlib.import_module(name)

    def edit(text: str) -> ModuleType:
        write(path, text)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReloadWarning)
            return importlib.reload(module)

    return module, edit


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "tree")


pytestmark = pytest.mark.usefixtures("tree")


def test_objects_get_the_methods_that_come(sources: Path) -> None:
    module, edit = start(sources, "slots_grow", FAMILY)
    A, B = module.A, module.B
    a, b, running = A(5), B(6), module.steps(A(7))
    P = type("P", (B,), {})
    p = P(8)
    assert next(running) == 7
    edit(GROWN)
    assert module.A is A and module.B is B and isinstance(p, B)
    assert a.call() == (5, 15, ("added", 9), "told") and "told" in A.__dict__
    assert b.call() == (6, 200, ("added", 9), "told") and b.call_b() == (100, 200, 6)
    assert p.call() == (8, 200, ("added", 9), "told") and p.told() == "told"
    assert next(running) == 21  # suspended in the old code, which finds the method where it was
    Q = type("Q", (A,), {"told": lambda self: "Q"})
    assert Q(1).call()[3] == "Q"


def test_a_subclass_overrides_what_came(sources: Path) -> None:
    module, edit = start(sources, "slots_override", FAMILY)
    a, b = module.A(5), module.B(6)
    edit(GROWN)
    edit(
        GROWN.replace(
            "    cdef int own(self): return 100\n",
            "    cdef int own(self): return 101\n"
            "    cdef object added(self, y): return 'of B', y\n"
            "    cpdef told(self): return 'B told'\n",
        )
    )
    assert a.call() == (5, 15, ("added", 9), "told")
    assert b.call() == (6, 200, ("of B", 9), "B told") and b.call_b() == (101, 200, 6)


def test_methods_that_go_and_come_again(sources: Path) -> None:
    module, edit = start(sources, "slots_gone", GROWN)
    a, b, A = module.A(5), module.B(6), module.A
    shrunk = GROWN.replace("    cdef int two(self): return self.x * 3\n", "").replace(
        "self.one(), self.two(), self.added(9), self.told()", "self.one(), self.told()"
    )
    shrunk = shrunk.replace("yield a.two()", "yield 2")
    running = module.steps(a)
    next(running)
    for _ in range(2):
        edit(shrunk)
        assert a.call() == (5, "told") and b.call_b() == (100, 200, 6) and module.A is A
        edit(FAMILY)
        assert a.call() == (5, 10) and not hasattr(a, "told")
        edit(GROWN)
        assert b.call() == (6, 200, ("added", 9), "told") and module.A is A
    assert next(running) == 15
    # What goes while it may be called stays for those that call it.
    late = module.steps(a)
    next(late)
    for number in range(40):
        edit(shrunk.replace("'told'", f"'told {number}'"))
    assert next(late) == 15 and a.call() == (5, "told 39")


def test_a_signature_that_changes_is_another_method(sources: Path) -> None:
    module, edit = start(sources, "slots_signature", FAMILY)
    a, running = module.A(5), module.steps(module.A(7))
    next(running)
    edit(FAMILY.replace("cdef int two", "cdef double two").replace("* 2", "* 2.5"))
    assert a.call() == (5, 12.5) and next(running) == 14 and module.B(1).call() == (1, 200.0)


def test_a_body_that_raises_puts_tables_back(sources: Path) -> None:
    module, edit = start(sources, "slots_back", FAMILY)
    a, b = module.A(5), module.B(6)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            edit(GROWN + "1 / 0\n")
        assert a.call() == (5, 10) and b.call_b() == (100, 200, 6) and not hasattr(a, "told")
    edit(GROWN)
    assert a.call() == (5, 15, ("added", 9), "told")


def test_a_table_without_room_is_another_type(sources: Path) -> None:
    module, edit = start(sources, "slots_room", FAMILY)
    a, A = module.A(5), module.A
    many = "".join(f"    cdef int more{at}(self): return {at}\n" for at in range(30))
    path = sources / "slots_room.pyx"
    write(path, FAMILY.replace("    cdef int one", many + "    cdef int one"))
    with pytest.warns(ReloadWarning, match="C method 'more0' added"):
        importlib.reload(module)
    assert module.A is not A and a.call() == (5, 10) and module.A(6).call() == (6, 12)
    new = module.A(6)
    edit(path.read_text().replace("self.x * 2", "self.more29()"))
    assert new.call() == (6, 29)


PXD = "cdef class Base:\n    cdef int x\n    cdef int one(self)\n"
BASE = "cdef class Base:\n    def __init__(self, x): self.x = x\n    cdef int one(self): return self.x\n"
USER = """
from {0} cimport Base
cdef class Sub(Base):
    cdef int one(self): return {1} + self.x
def use(Base b): return b.one()
"""


def test_a_class_of_a_pxd_grows_with_those_that_know_it(sources: Path) -> None:
    write(sources / "shown_base.pxd", PXD)
    path = write(sources / "shown_base.pyx", BASE)
    user_path = write(sources / "shown_user.pyx", USER.format("shown_base", 100))
    base, user = importlib.import_module("shown_base"), importlib.import_module("shown_user")
    b, s, Base, Sub = base.Base(1), user.Sub(2), base.Base, user.Sub
    assert (user.use(b), user.use(s)) == (1, 102)
    write(sources / "shown_base.pxd", PXD + "    cdef int more(self, int y)\n")
    write(path, BASE + "    cdef int more(self, int y): return self.x + y\n"
                       "    def call(self): return self.more(10)\n")  # fmt: skip
    write(user_path, USER.format("shown_base", 200).replace("b.one()", "b.one(), b.more(5)"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReloadWarning)
        assert set(live_watch.revise(throw=True)) == {"shown_base", "shown_user"}
    assert base.Base is Base and user.Sub is Sub
    assert (user.use(b), user.use(s), s.call()) == ((1, 6), (202, 7), 12)


def test_a_subclass_elsewhere_without_a_place_for_it(sources: Path) -> None:
    write(sources / "shown_full.pxd", PXD)
    path = write(sources / "shown_full.pyx", BASE)
    own = "cdef class Own(Base):\n    cdef int own(self): return 7\n    def call(self): return self.own()\n"
    write(sources / "full_user.pyx", USER.format("shown_full", 100) + own)
    base, user = importlib.import_module("shown_full"), importlib.import_module("full_user")
    s, o = user.Sub(2), user.Own(3)
    write(sources / "shown_full.pxd", PXD + "    cdef int more(self, int y)\n")
    write(path, BASE + "    cdef int more(self, int y): return self.x + y\n"
                       "    def told(self): return self.more(10)\n")  # fmt: skip
    with pytest.warns(ReloadWarning, match="C method 'more' added"):
        importlib.reload(base)
    assert (user.use(s), o.call(), base.Base(1).told()) == (102, 7, 11)
    assert not hasattr(o, "told")


def test_methods_of_a_module_by_way_of_c(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTHON_LLVM_ROUTE", "c")
    module, _ = start(sources, "slots_c", FAMILY)
    a, A = module.A(5), module.A
    write(sources / "slots_c.pyx", GROWN)
    with pytest.warns(ReloadWarning, match="C method 'added' added"):
        importlib.reload(module)
    assert module.A is not A and a.call() == (5, 10) and module.A(1).call()[1] == 3


def test_a_module_imported_anew_is_another_module(sources: Path) -> None:
    """What was known of the first one's classes says nothing about the second one's."""
    text = "cdef class A:\n    cdef public object o\n    cdef public Py_ssize_t n\n    def m(self): return {}\n"
    module, edit = start(sources, "anew", text.format(1))
    edit(text.format(1) + "\n")
    del sys.modules["anew"]
    fields = "    cdef public Py_ssize_t n\n    cdef public object o\n"
    write(sources / "anew.pyx", f"cdef class A:\n{fields}    def m(self): return 2\n")
    second = importlib.import_module("anew")
    assert second is not module
    held = second.A()
    held.n = 7
    write(sources / "anew.pyx", text.format(3))
    with pytest.warns(ReloadWarning, match="another layout"):
        importlib.reload(second)
    assert (held.n, held.o, held.m()) == (7, None, 2) and second.A().m() == 3
