"""Processes of each engine, which call its kernels.

Modules that Cython's C makes share the types of functions and generators in a process, whoever was
there first: with two engines in one process the one would run the other's code.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import kernel_build as build
from kernel_cases import Call, Case, calls, cases


def _kernels(engine: str) -> Callable[[Case], Callable[..., Any]]:
    if engine == "numba":
        from kernel_numba import compiled

        functions = compiled()

        def find(case: Case) -> Callable[..., Any]:
            functions[case.title](*case.arguments())
            return functions[case.title]

        return find
    return lambda case: getattr(_module(case.module, engine), case.name)


def _module(name: str, engine: str) -> Any:
    return build.load(build.library(build.KERNELS / f"{name}.pyx", engine))


def _timed(function: Callable[..., Any], case: Case, times: int) -> tuple[float, Any]:
    arguments = [case.arguments() for _ in range(times)]
    # Whose turn it is that the collector runs in would be chance.
    gc.disable()
    started = time.process_time()
    for one in arguments:
        result = function(*one)
    seconds = time.process_time() - started
    gc.enable()
    return seconds / times, result


def per_call(
    function: Callable[..., Any], arguments: tuple[Any, ...], times: int = 20_000
) -> tuple[float, float]:
    """What a call in a loop takes, and what the loop takes by itself."""
    loop = range(times)
    started = time.process_time()
    for _ in loop:
        pass
    empty = time.process_time() - started
    if len(arguments) == 1:
        (one,) = arguments
        started = time.process_time()
        for _ in loop:
            function(one)
    elif len(arguments) == 2:
        one, two = arguments
        started = time.process_time()
        for _ in loop:
            function(one, two)
    else:
        one, two, three = arguments
        started = time.process_time()
        for _ in loop:
            function(one, two, three)
    return (time.process_time() - started) / times, empty / times


def _serve(engine: str, connection: Connection) -> None:
    find = _kernels(engine)
    by_name = {case.title: case for case in cases()}
    by_call = {call.what: call for call in calls()}
    functions: dict[str, Any] = {}
    while True:
        what, name, times = connection.recv()
        if what == "end":
            return
        if what == "kernel":
            if name not in functions:
                functions[name] = find(by_name[name])
            connection.send(_timed(functions[name], by_name[name], times))
        elif what == "call":
            call = by_call[name]
            if name not in functions:
                functions[name] = getattr(_module("calls", engine), call.name)
            connection.send(per_call(functions[name], call.arguments, times))


class Worker:
    """An engine's processes, which take turns.

    Where the system puts stack, heap and libraries differs from process to process; it costs some kernels
    up to 1.8 times their best, with every engine.  Hashes of strings are those of the same processes of the
    other engines: by seeds from `seed` on.
    """

    def __init__(self, engine: str, processes: int = 1, seed: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self.connections: list[Connection] = []
        self.processes = []
        for index in range(processes):
            os.environ["PYTHONHASHSEED"] = str(seed + index)
            connection, other = context.Pipe()
            process = context.Process(target=_serve, args=(engine, other), daemon=True)
            process.start()
            other.close()
            self.connections.append(connection)
            self.processes.append(process)

    def _ask(self, what: str, name: str, times: int, turn: int) -> Any:
        connection = self.connections[turn % len(self.connections)]
        connection.send((what, name, times))
        return connection.recv()

    def kernel(self, case: Case, times: int, turn: int = 0) -> tuple[float, Any]:
        """Processor time of one call, and its result."""
        seconds, result = self._ask("kernel", case.title, times, turn)
        return seconds, result

    def call(self, call: Call, times: int = 20_000, turn: int = 0) -> tuple[float, float]:
        """Processor time of one of many short calls in a loop, and of the loop."""
        whole, loop = self._ask("call", call.what, times, turn)
        return whole, loop

    def end(self) -> None:
        for connection, process in zip(self.connections, self.processes, strict=True):
            connection.send(("end", "", 0))
            process.join()


def built(module: str, engines: list[str]) -> list[Path]:
    """Builds what is not there yet, one after the other."""
    sources = build.KERNELS / f"{module}.pyx"
    return [build.library(sources, engine) for engine in engines if engine != "numba"]
