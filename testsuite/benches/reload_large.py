"""One function edited in a large module: from the edit to the new result.

    python testsuite/benches/reload_large.py [--functions 300] [--gcc] [--repeat 5]

Prints LLVM's share, Cython's frontend alone, and the whole, by the tree route and by the C route;
with --gcc also by pyximport with gcc, which takes minutes.  Seconds of CPU, as other work on the machine
stretches any other.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

HEAD = """# cython: language_level=3
import os

cdef int LIMIT = 5

"""

FUNCTIONS = [
    '''def plain{i}(x, int n=3, *, key="key{i}"):
    """Function {i}."""
    cdef int j, total = 0
    cdef double s = 0.5
    for j in range(n):
        total += j * {i}
        if total > 1000:
            s += total / (j + 1.0)
    if isinstance(x, str):
        return x.upper() + key
    return [total, s, x]

''',
    '''cdef double scaled{i}(double a, double b) except? -1:
    cdef double r = a * b + {i}
    cdef int k
    for k in range(LIMIT):
        r += k * a
        if r > 1e6:
            raise ValueError("too large in {i}")
    return r if r > 0 else -r

''',
    '''def listed{i}(list items, dict table=None):
    cdef Py_ssize_t at
    out = []
    if table is None:
        table = {{}}
    for at, item in enumerate(items):
        if item in table:
            out.append(table[item])
        else:
            table[item] = at + {i}
    try:
        out.append(table["key{i}"])
    except KeyError as error:
        out.append(str(error))
    return sorted(out, key=str), len(table), scaled{j}(len(out), 2)

''',
]
EDITED = """def edited(int a):
    cdef int b = a * 2
    return b + {number}

"""


def source(functions: int, number: int) -> str:
    """A module with so many functions, the last but one of which gives another result."""
    body = (FUNCTIONS[i % 3].format(i=i, j=i - 1) for i in range(functions - 2))
    return HEAD + "".join(body) + EDITED.format(number=number) + "def last():\n    return 1\n"


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of CPU, children included, and seconds by the clock."""
    cpu, clock = sum(os.times()[:4]), time.perf_counter()
    work()
    return sum(os.times()[:4]) - cpu, time.perf_counter() - clock


def show(what: str, times: list[tuple[float, float]], note: str = "") -> float:
    best, clock = min(cpu for cpu, _ in times), min(clock for _, clock in times)
    print(f"{what:44} {best * 1e3:9.1f} ms of CPU {clock * 1e3:9.1f} ms by the clock {note}", flush=True)
    return best


def edits(folder: str, name: str, functions: int, repeat: int,
          reload: Callable[[ModuleType], ModuleType]) -> list[tuple[float, float]]:  # fmt: skip
    """Times from an edit to the new result."""
    path = os.path.join(folder, name + ".pyx")

    def write(number: int) -> None:
        with open(path, "w", encoding="ascii") as file:
            file.write(source(functions, number))
        os.utime(path, (number, 2_000_000_000 + number))

    write(0)
    module = importlib.import_module(name)
    times = []
    for number in range(1, repeat + 1):
        write(number)

        def work(number: int = number) -> None:
            nonlocal module
            module = reload(module)
            assert module.edited(4) == 8 + number

        times.append(timed(work))
    return times


def frontend(folder: str, functions: int, repeat: int) -> list[tuple[float, float]]:
    """Cython alone, up to its tree."""
    from cython_llvm import settings, sharedutil, treefrontend

    path = os.path.join(folder, "alone.pyx")
    with open(path, "w", encoding="ascii") as file:
        file.write(source(functions, 0))
    given = settings.default_settings()
    return [timed(lambda: treefrontend.analyse(path, "alone", given, shared_utility=sharedutil.available()))
            for _ in range(repeat)]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--gcc", action="store_true")
    arguments = parser.parse_args()
    functions, repeat = arguments.functions, arguments.repeat
    os.environ["CYTHON_LLVM_CACHE"] = "0"
    import cython_llvm
    from cython_llvm import incremental, live

    lines = source(functions, 0).count("\n")
    print(f"{functions} functions, {lines} lines, one function edited")
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        alone = show("Cython's frontend alone", frontend(folder, functions, repeat))
        live.options.expected = True
        reports = []

        def again(module: ModuleType) -> ModuleType:
            importlib.reload(module)
            reports.append(incremental.reports[module.__name__])
            return module

        importers = cython_llvm.install(route="tree")
        times = edits(folder, "by_tree", functions, repeat, again)
        tree = show("tree route, edit to result", times)
        best = min(reports, key=lambda one: one.llvm)
        link = min(one.link for one in reports)
        print(f"  LLVM: {best.llvm * 1e3:.1f} ms for {best.compiled} of {best.functions} functions, "
              f"linking {link * 1e3:.1f} ms; the whole: {tree / alone:.2f} times the frontend")  # fmt: skip
        cython_llvm.uninstall(*importers)
        importers = cython_llvm.install(route="c")
        c = show("C route", edits(folder, "by_c", functions, 1, importlib.reload))
        print(f"  the tree route takes 1/{c / tree:.1f} of it")
        cython_llvm.uninstall(*importers)
        if arguments.gcc:
            import pyximport

            pyximport.install(build_dir=os.path.join(folder, "built"), reload_support=True, language_level=3)
            stock = show("pyximport with gcc", edits(folder, "by_gcc", functions, 1, importlib.reload))
            print(f"  the tree route takes 1/{stock / tree:.1f} of it")


if __name__ == "__main__":
    main()
