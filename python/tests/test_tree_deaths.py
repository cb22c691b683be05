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
