"""Run as `python child.py FILE`: builds programs by both routes, and tells where they differ.

FILE: JSON lines of {"name", "text", "calls"}.  One line of JSON is printed for each program:
{"name", "status": same|different|leak|missing|error|refused|too long, "detail"}; `refused`: by Cython.
"""

from __future__ import annotations

import gc
import itertools
import json
import re
import signal
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any

import cython_llvm
from cython_llvm import cachefill, errors

#: Seconds that one call may take; what takes longer is not compared.
LIMIT = 5

#: How Cython's code generator fails where the tree route does not, and what clang refuses in its C.
C_FAULTS = ("Cython/Compiler/", "maximum recursion depth exceeded", "integer literal is too large",
            "__Pyx_CyFunction_SetDefaultsGetter(")  # fmt: skip


class TooLong(BaseException):
    """A call that does not end."""


def _too_long(*_: Any) -> None:
    raise TooLong


def shown(value: Any) -> str:
    """A value's text, without addresses."""
    if isinstance(value, types.GeneratorType) or hasattr(value, "__next__"):
        return repr([shown(one) for _, one in zip(range(50), value, strict=False)])
    if callable(value):
        return f"function {getattr(value, '__qualname__', value)}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def outcome(module: types.ModuleType, function: str, arguments: str) -> list[Any]:
    """Result or exception, with its lines and causes; what was noted; what could not be raised."""
    lost: list[str] = []
    sys.unraisablehook = lambda event: lost.append(f"{type(event.exc_value).__name__}: {event.exc_value}")
    module.notes.clear()
    signal.alarm(LIMIT)
    try:
        result = shown(eval(f"function({arguments})", {**vars(module), "function": getattr(module, function)}))
    except TooLong:
        return ["too long"]
    except Exception as error:
        result = described(error)
    finally:
        signal.alarm(0)
        sys.unraisablehook = sys.__unraisablehook__
    return [result, settled(list(module.notes), isinstance(result, list)), lost]


def settled(notes: list[Any], failed: bool) -> list[Any]:
    """Notes in which objects that an exception lets die, as `deaths` notes it, are in an order of their own.

    In which order temporaries are released then is not a matter of the program: Cython numbers them, and uses
    the numbers again.
    """
    found: list[Any] = []
    dying: list[str] = []
    raising = False
    for note in [*notes, "raises" if failed else ""]:
        if isinstance(note, str) and note.startswith("-"):
            dying.append(note)
            continue
        handling = isinstance(note, str) and (note in ("raises", "handles") or " <class" in note)
        found += sorted(dying) if raising or handling else dying
        found.append(note)
        dying, raising = [], note == "raises"
    return found[:-1]


def described(error: BaseException) -> list[Any]:
    chain = []
    found: BaseException | None = error
    while found is not None and len(chain) < 5:
        lines = [(frame.name, frame.lineno) for frame in traceback.extract_tb(found.__traceback__)
                 if frame.filename.endswith(".pyx")]  # fmt: skip
        chain.append([type(found).__name__, str(found), lines, found.__suppress_context__])
        found = found.__cause__ or found.__context__
    return chain


def memory(module: types.ModuleType, calls: list[tuple[str, str]]) -> int:
    """Blocks that a round of calls leaves behind, once caches are filled."""
    counts = []
    for _ in range(7):
        for function, arguments in calls:
            outcome(module, function, arguments)
        module.notes.clear()
        gc.collect()
        counts.append(sys.getallocatedblocks())
    # Caches fill up in any round: what leaks, leaks in each.
    return min(after - before for before, after in itertools.pairwise(counts))


def compare(name: str, text: str, calls: list[tuple[str, str]], folder: Path) -> dict[str, Any]:
    modules = {}
    path = folder / f"{name}.pyx"
    path.write_text(text, encoding="utf-8")
    refused: dict[str, str] = {}
    for route in ("tree", "c"):
        try:
            modules[route] = cython_llvm.import_file(path, name, route=route)
        except errors.CythonLLVMError as error:
            refused[route] = str(error)
        finally:
            sys.modules.pop(name, None)
    if len(refused) == 2:
        return {"status": "refused", "detail": [refused["c"]]}
    if refused:
        route, why = refused.popitem()
        if route == "c" and any(text in why for text in C_FAULTS):
            return {"status": "refused", "detail": [why[-600:]]}
        return {"status": "missing" if route == "tree" else "error", "detail": [f"{route}: {why[-600:]}"]}
    return differences(modules["tree"], modules["c"], calls)


def differences(tree: types.ModuleType, c: types.ModuleType, calls: list[tuple[str, str]]) -> dict[str, Any]:
    """What calls of two modules' functions do differently."""
    found = []
    for function, arguments in calls:
        ours, stock = (outcome(module, function, arguments) for module in (tree, c))
        if "too long" in (ours[0], stock[0]):
            return {"status": "too long", "detail": [f"{function}({arguments})"]}
        if ours != stock:
            found.append(f"{function}({arguments}):\n  tree {ours}\n  C    {stock}")
    if found:
        return {"status": "different", "detail": found}
    # A thread may still be writing the cache.
    cachefill.wait_for_cache()
    for _ in range(3):
        by_tree, by_c = (memory(module, calls) for module in (tree, c))
        if by_tree <= max(by_c, 0):
            break
    else:
        return {"status": "leak", "detail": [f"blocks gained in a round: tree {by_tree}, C {by_c}"]}
    return {"status": "same", "detail": []}


def main() -> None:
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
            program = json.loads(line)
            print(json.dumps({"name": program["name"], "status": "started"}), flush=True)
            calls = [(function, arguments) for function, arguments in program["calls"]]
            found = compare(program["name"], program["text"], calls, Path(folder))
            print(json.dumps({"name": program["name"], **found}), flush=True)


if __name__ == "__main__":
    main()
