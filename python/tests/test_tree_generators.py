"""Generators that delegate to one another, in a process for each route: they share the type of generators
within a process, and so the functions that resume them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import Both, write

SOURCE = """# cython: language_level=3
def chain(int depth, log):
    \"\"\"As deep as this, one delegating to the next.\"\"\"
    if depth:
        try:
            result = yield from chain(depth - 1, log)
        except KeyError as error:
            log.append(('caught', depth, error.args))
            result = yield 'after'
        finally:
            log.append(('left', depth))
        return (depth, result)
    got = yield 'first'
    while got is not None:
        if got == 'raise':
            raise ValueError(depth)
        if got == 'stop':
            return 'stopped'
        if got == 'key':
            raise KeyError(depth)
        got = yield got
    return 'end'

def tree(int depth):
    if depth:
        yield from tree(depth - 1)
        x = yield depth
        if x:
            yield x
        yield from tree(depth - 1)

def mixed(sources):
    for source in sources:
        got = yield from source
        yield 'result', got

def values(*items):
    for item in items:
        yield item
    return items

def returns(value):
    return value
    yield

class Iterator:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        self.n -= 1
        if self.n < 0: raise StopIteration('done')
        return self.n

def with_objects(a, int n):
    held = [a]
    for i in range(n):
        yield held
    del held
    yield a

def reenter(box):
    yield 1
    yield from box

def ladder(int depth):
    \"\"\"All of them end at once.\"\"\"
    yield depth
    if depth:
        yield from ladder(depth - 1)
"""

PROGRAM = r"""
import gc, random, sys
sys.setrecursionlimit(4000)
import cython_llvm
m = cython_llvm.import_file("delegating.pyx", "delegating", route=ROUTE)

def outcome(function, *args):
    try:
        return function(*args)
    except BaseException as error:
        return type(error).__name__, error.args, type(error.__context__).__name__

def pure(*items):
    for item in items:
        yield item
    return 'pure'

rng = random.Random(5)
for depth in (0, 1, 2, 5, 31, 32, 33, 34, 70, 200):
    for _ in range(12):
        log = []
        g = m.chain(depth, log)
        print(depth, outcome(next, g))
        for _ in range(rng.randrange(1, 7)):
            what = rng.choice(['next', 'send', 'raise', 'stop', 'key', 'throw', 'throwkey', 'close'])
            if what == 'next':
                print(outcome(next, g))
            elif what == 'throw':
                print(outcome(g.throw, LookupError(1)))
            elif what == 'throwkey':
                print(outcome(g.throw, KeyError(2)))
            elif what == 'close':
                print(outcome(g.close))
            else:
                print(outcome(g.send, what))
            print(len(log), log[-3:], g.gi_running, g.gi_yieldfrom is None)
        del g
        print(len(log), log[-1:])

print(list(m.tree(6)))
g = m.tree(4)
print([outcome(g.send, None if i == 0 else rng.choice([None, 7])) for i in range(30)])

started = m.values(1, 2, 3)
next(started)
ended = m.values()
list(ended)
for sources in ([m.values(1, 2), m.values(), [5, 6], m.Iterator(3), pure(1, 2), m.returns(4), m.returns((1, 2)),
                 m.returns(StopIteration(3)), started, ended, m.returns(None), m.chain(40, [])],
                [m.values(1), 5], [m.mixed([m.mixed([m.returns([1])])])], [m.mixed([5])]):
    g = m.mixed(sources)
    print([outcome(next, g) for _ in range(40)])

for _ in range(2):
    item = []
    before = sys.getrefcount(item)
    for n, steps in ((3, 0), (3, 1), (3, 2), (3, 9), (0, 1)):
        g = m.with_objects(item, n)
        for _ in range(steps):
            outcome(next, g)
        inside = sys.getrefcount(item)
        del g
        print(inside - before, sys.getrefcount(item) - before)

box = []
class Through:
    def __iter__(self): return self
    def __next__(self): return outcome(next, box[0])
g = m.reenter(Through())
box.append(g)
print([outcome(next, g) for _ in range(3)])
inner = m.reenter(Through())
outer = m.mixed([m.mixed([inner])])
box[0] = outer
print([outcome(next, outer) for _ in range(3)])
box[0] = inner
print([outcome(next, outer) for _ in range(3)])
one = m.reenter(None)
two = m.mixed([one])
next(two)
print(outcome(next, two), outcome(next, two))
itself = []
g = m.mixed(itself)
itself.append(g)
print([outcome(next, g) for _ in range(3)])
shared = m.chain(3, [])
a, b = m.mixed([shared]), m.mixed([shared])
print([outcome(next, x) for x in (a, b, a, b, a, b, a)])
print(sum(m.ladder(700)), sum(1 for _ in m.ladder(33)))
gc.collect()
print(len(gc.garbage))
"""


def test_chains_of_generators_are_the_same(run: Callable[..., str], tmp_path: Path) -> None:
    write(tmp_path / "delegating.pyx", SOURCE)
    mine, theirs = (
        run(PROGRAM.replace("ROUTE", repr(route)).replace("delegating.pyx", str(tmp_path / "delegating.pyx")))
        for route in ("tree", "c")
    )
    assert mine.splitlines() == theirs.splitlines()
    assert len(mine.splitlines()) > 500


def test_chains_in_files_are_the_same(run: Callable[..., str], tmp_path: Path) -> None:
    """Libraries have the run-time library linked in."""
    write(tmp_path / "delegating.pyx", SOURCE)
    load = (
        "import importlib.util\n"
        "spec = importlib.util.spec_from_file_location('delegating', 'delegating.so')\n"
        "m = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(m)\n"
    )
    program = PROGRAM.replace('m = cython_llvm.import_file("delegating.pyx", "delegating", route=ROUTE)', load)
    assert load in program
    outputs = []
    for route in ("tree", "c"):
        target = tmp_path / route / "delegating.so"
        target.parent.mkdir()
        run(
            "import sys, cython_llvm\n"
            "from Cython.Compiler.Main import setuptools_main\n"
            f"sys.argv = ['cython', '--backend=llvm', '--emit=so', '--route={route}', '-3', '-O3', '-o',\n"
            f"            {str(target)!r}, {str(tmp_path / 'delegating.pyx')!r}]\n"
            "sys.exit(setuptools_main())\n"
        )
        outputs.append(run(program.replace("'delegating.so'", repr(str(target)))).splitlines())
    assert outputs[0] == outputs[1]


def test_generator_expressions_over_others_become_containers(both: Both) -> None:
    text = """
def lists(values):
    return list(x + 1 for x in list(y * 2 for y in values))

def sets(values):
    return set(x for x in set(y & 1 for y in values))

def ordered(values):
    return sorted(-x for x in sorted(y for y in values))

def mixed(values):
    return {x for x in list(y for y in [z for z in list(v + 1 for v in set(values))])}

def inside(values):
    return list(list(x * y for x in list(z for z in values)) for y in list(w for w in values))

def any_of(values):
    return any(x > 2 for x in list(y for y in values)), all(x for x in list(y for y in values))
"""
    tree, c = both(text)
    for name in ("lists", "sets", "ordered", "mixed", "inside", "any_of"):
        for values in ([], [3, 1, 2], (0, 5)):
            assert getattr(tree, name)(values) == getattr(c, name)(values), (name, values)
