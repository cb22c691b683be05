"""Many reloads of a small module in one process: time of each, and the process's memory.

    python testsuite/benches/reload.py [--count 10000] [--route tree]

Every text is new, so that each reload compiles.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import statistics
import sys
import tempfile
import time

TEXT = """
cdef class Account:
    cdef double balance
    def __init__(self, double start): self.balance = start
    cpdef double after(self, int years): return self.balance * {factor} ** years

def total(list accounts):
    cdef double s = 0
    for one in accounts:
        s += one.after(2)
    return s, {number}
"""


def resident() -> float:
    """MB of this process in memory."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--route", default="auto")
    arguments = parser.parse_args()
    import cython_llvm

    with tempfile.TemporaryDirectory() as folder:
        os.environ["CYTHON_LLVM_CACHE"] = "0"
        sys.path.insert(0, folder)
        path = os.path.join(folder, "accounts.pyx")
        cython_llvm.install(route=arguments.route)

        def write(number: int) -> None:
            with open(path, "w", encoding="ascii") as file:
                file.write(TEXT.format(factor=1 + number / 1000, number=number))

        write(0)
        module = importlib.import_module("accounts")
        held, accounts = module.total, [module.Account(10.0)]
        times, shown = [], {1, 10, 100, 300, 1000, 3000, arguments.count}
        for number in range(1, arguments.count + 1):
            write(number)
            start = time.perf_counter()
            importlib.reload(module)
            times.append(time.perf_counter() - start)
            assert held(accounts)[1] == number
            if number in shown:
                gc.collect()
                print(f"{number:6} reloads: {resident():7.1f} MB resident, "
                      f"median {statistics.median(times) * 1e3:.1f} ms a reload", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
