"""When objects die by the tree route, beside the C route: each notes what is done to it, and its end."""

from __future__ import annotations

from conftest import Both

HEAD = """
notes = []

class T:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        notes.append("-" + self.name)
    def __iter__(self):
        notes.append("iter " + self.name)
        return iter([1, 2, 3])

def noted(function, *args):
    notes.clear()
    try:
        notes.append(function(*args))
    except ValueError as error:
        notes.append(str(error))
    return list(notes)
"""


def same(both: Both, text: str, *names: str) -> list[list[str]]:
    """What the functions note by both routes."""
    tree, c = both(HEAD + text)
    found = []
    for name in names:
        ours, stock = (module.noted(getattr(module, name)) for module in (tree, c))
        assert ours == stock, name
        found.append(ours)
    return found


def test_what_is_unpacked_is_released_once_there_is_an_iterator(both: Both) -> None:
    text = """
class Late(T):
    def __iter__(self):
        return counted()

def counted():
    for one in range(3):
        notes.append(one)
        yield one

def three():
    a, b, c = Late("late")
    return a + b + c

def starred():
    a, *b = Late("late")
    return a, b

def only_starred():
    *a, b = Late("late")
    return a, b

def too_many():
    a, b = Late("late")

def many():
    a, b, c, d, e = Late("late")

def kept():
    own = Late("late")
    a, b, c = own
    notes.append("got")
    return a + b + c
"""
    found = same(both, text, "three", "starred", "only_starred", "too_many", "many", "kept")
    assert found[0] == ["-late", 0, 1, 2, 3]


def test_scope_objects_are_released_after_the_variables_that_refer_to_them(both: Both) -> None:
    text = """
def outer():
    v0 = T("shared")
    v1 = T("own")
    def inner(p=T("default")):
        return v0, p
    v2 = T("last")
    return 1
"""
    same(both, text, "outer")


def test_arguments_are_released_before_the_object_of_the_method(both: Both) -> None:
    text = """
class O(T):
    def method(self, *args, **named):
        notes.append(sorted(named))

def positional():
    O("o").method(T("a"), T("b"))

def keywords():
    return O("o").method(T("a"), x=T("x"), y=T("y"))

async def awaited():
    return O("o").method(T("a"), x=T("x"))

def driven():
    try:
        awaited().send(None)
    except StopIteration as stop:
        return stop.value
"""
    found = same(both, text, "positional", "keywords", "driven")
    assert found[0] == [[], "-a", "-b", "-o", None]


def test_what_a_comparison_gave_is_released_before_the_next(both: Both) -> None:
    text = """
class C(T):
    def __lt__(self, other):
        notes.append(f"{self.name} < {other.name}")
        return C(f"({self.name} < {other.name})")
    def __bool__(self):
        notes.append(f"bool {self.name}")
        return "no" not in self.name

def made(name):
    notes.append("made " + name)
    return C(name)

def true():
    return (made("a") < made("b") < made("c") < made("d")).name

def false():
    return (made("a") < made("no") < made("c")).name

def tested():
    return 1 if made("a") < made("b") < made("c") else 0
"""
    # Not where the next one raises: C releases the result twice then.
    same(both, text, "true", "false", "tested")


def test_arguments_in_tuples_are_released_from_the_last_to_the_first(both: Both) -> None:
    text = """
class F(T):
    def __call__(self, *args, **named):
        notes.append(sorted(named))

def local():
    def inner(*args, **named):
        notes.append(len(args))
    inner(T("a"), T("b"), T("c"))
    inner(T("one"))
    inner(T("a"), T("b"), x=T("x"), y=T("y"))

def called():
    F("f")(T("a"), T("b"))
    F("g")(T("a"), T("b"), x=T("x"), y=T("y"))
    F("h")(x=T("x"))
    F("i")(*(T("a"), T("b")), **{"x": T("x")})

def lambdas():
    (lambda *args: notes.append(len(args)))(T("a"), T("b"))
"""
    found = same(both, text, "local", "called", "lambdas")
    assert found[0][:4] == [3, "-c", "-b", "-a"]


def test_what_is_indexed_is_released_before_the_index(both: Both) -> None:
    text = """
class S(T):
    def __getitem__(self, index):
        notes.append(type(index).__name__)
    def __setitem__(self, index, value):
        notes.append(type(index).__name__)
    def __delitem__(self, index):
        notes.append(type(index).__name__)

def items():
    S("o")[T("i")]
    S("o")[T("i")] = T("v")
    del S("o")[T("i")]

def slices():
    S("o")[T("a"):T("b")]
    S("o")[T("a"):T("b"):T("c")]
    S("o")[T("a"):T("b")] = T("v")
    S("o")[T("a"):T("b"):T("c")] = T("v")
    del S("o")[T("a"):T("b")]
    del S("o")[T("a"):T("b"):T("c")]
"""
    same(both, text, "items", "slices")
