"""inline and jit over random expressions: beside plain Python, and one route beside the other."""

from __future__ import annotations

import importlib.util
import itertools
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cython_llvm
from cython_llvm import jit

pytestmark = pytest.mark.usefixtures("cache_dir")

SEED = 20_260
NUMBERS = {
    "int": [0, 1, -1, 2, 7, -13, 255, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63)],
    "float": [0.0, -0.0, 1.0, -1.5, 2.25, 1e300, -1e-300, float("inf"), float("nan"), 3.0],
}
NUMBERS["mixed"] = [*NUMBERS["int"][:8], *NUMBERS["float"][:6]]


def expression(rng: random.Random, depth: int, integers: bool, floats: bool = True) -> str:
    """An expression over a, b and c that Python can evaluate in no time."""
    if depth == 0 or rng.random() < 0.15:
        constants = ["1", "2.5" if floats else "3", "0", str(rng.randint(-9, 9))]
        return rng.choice(["a", "b", "c", "a", "b", *rng.sample(constants, 2)])
    sub = [expression(rng, depth - 1, integers, floats) for _ in range(3)]
    kinds = ["({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} / {1})", "({0} // {1})", "({0} % {1})",
             "(-{0})", "(+{0})", "({0} if {1} < {2} else {1})", "({0} < {1})", "({0} <= {1} != {2})",
             "({0} and {1})", "({0} or {1})", "(not {0})", "abs({0})", "min({0}, {1})", "max({0}, {1}, {2})",
             "({0} == {1})", "({0} ** 2)", "float({0})", "int({0})", "(({0}) * 2 - ({1}))"]  # fmt: skip
    if integers:
        kinds += ["({0} & {1})", "({0} | {1})", "({0} ^ {1})", "(~{0})", "({0} >> 3)", "({0} << 2)"]
    if not floats:  # Cython refuses `~` of what it knows to be one
        kinds = [kind for kind in kinds if " / " not in kind and "float" not in kind]
    return rng.choice(kinds).format(*sub)


def shown(function: Any, values: list[Any]) -> Any:
    """What a call gives, as text: zeros have signs, and types count; of an exception the type."""
    try:
        found = function(*values)
    except Exception as error:  # the words of some differ where numbers are C's
        return type(error).__name__
    return type(found).__name__, repr(found)


def module_of(tmp_path: Path, name: str, text: str) -> ModuleType:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", NUMBERS)
def test_jit_gives_what_python_gives(tmp_path: Path, kind: str) -> None:
    rng = random.Random(f"{SEED} jit {kind}")
    texts = [expression(rng, 3, kind == "int") for _ in range(16)]
    lines = [f"def f{number}(a, b, c):\n    x = {text}\n    y = x\n    return y\n"
             for number, text in enumerate(texts)]  # fmt: skip
    plain = module_of(tmp_path, f"jit_random_{kind}", "\n".join(lines))
    for number, text in enumerate(texts):
        function = getattr(plain, f"f{number}")
        compiled = jit(function)
        for _ in range(12):
            values = [rng.choice(NUMBERS[kind]) for _ in range(3)]
            assert shown(compiled, values) == shown(function, values), (text, values)
        assert compiled.reason is None, text


@pytest.mark.parametrize("kind", NUMBERS)
def test_jit_loops_give_what_python_gives(tmp_path: Path, kind: str) -> None:
    rng = random.Random(f"{SEED} loops {kind}")
    texts = [(expression(rng, 2, kind == "int"), expression(rng, 1, kind == "int")) for _ in range(8)]
    lines = [
        f"def f{number}(a, b, n):\n    c = a\n    s = b\n    for i in range(n):\n        s = {first}\n"
        f"        c = i + {second}\n        if s != s or abs(s) > 1e100:\n            break\n    return s, c\n"
        for number, (first, second) in enumerate(texts)
    ]
    plain = module_of(tmp_path, f"jit_loops_{kind}", "\n".join(lines))
    for number, text in enumerate(texts):
        function = getattr(plain, f"f{number}")
        compiled = jit(function)
        for count in (0, 1, 5):
            values = [*(rng.choice(NUMBERS[kind][:6]) for _ in range(2)), count]
            assert shown(compiled, values) == shown(function, values), (text, values)


def snippet(texts: list[str]) -> str:
    lines = ["found = []"]
    for text in texts:
        lines += ["try:", f"    found.append(repr({text}))",
                  "except Exception as error:",
                  "    found.append((type(error).__name__, str(error)))"]  # fmt: skip
    return "\n".join([*lines, "return found"])


@pytest.mark.parametrize("kind", NUMBERS)
def test_inline_by_both_routes(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """C's integers and floats: as Cython's C has them."""
    rng = random.Random(f"{SEED} inline {kind}")
    texts = [expression(rng, 3, kind == "int", kind != "int") for _ in range(20)]
    values = NUMBERS[kind]
    triples = [tuple(rng.choice(values) for _ in range(3)) for _ in range(6)]
    for number, (a, b, c) in enumerate(triples):
        given = []
        for route in ("c", "tree"):
            monkeypatch.setenv("CYTHON_LLVM_ROUTE", route)
            given.append(cython_llvm.inline(snippet(texts), a=a, b=b, c=c))
        for text, by_c, by_tree in itertools.zip_longest(texts, *given):
            assert by_tree == by_c, (number, text, a, b, c)


def test_inline_of_objects_is_python() -> None:
    """Names that are objects: the same as Python's `eval`, but for Cython's zeros without sign."""
    rng = random.Random(f"{SEED} objects")
    texts = [expression(rng, 3, True, False) for _ in range(30)]
    code = snippet(texts)
    numbers = [0, 1, -1, 7, -13, 2**40, 2**63, -(2**70), True]
    for _ in range(8):
        values = dict(zip("abc", (rng.choice(numbers) for _ in range(3)), strict=True))
        got = cython_llvm.inline(code, get_type=None, **values)
        for text, found in zip(texts, got, strict=True):
            try:
                expected: Any = repr(eval(text, {}, values))
            except Exception as error:
                expected = (type(error).__name__, str(error))
            if isinstance(found, tuple) and isinstance(expected, tuple):
                assert found[0] == expected[0], (text, values)
            else:
                assert str(found).replace("-0.0", "0.0") == str(expected).replace("-0.0", "0.0"), (text, values)
