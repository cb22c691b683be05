"""The random programs, and that what differs would be found."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from fuzz import __main__ as fuzz
from fuzz.child import differences, settled
from fuzz.code import Program
from fuzz.deaths import DeathMaker
from fuzz.kernels import KernelMaker
from fuzz.operations import OperationMaker
from fuzz.program import Maker


def test_random_programs_are_the_same_by_both_routes() -> None:
    programs = {f"tested_{seed}": Maker(seed).program(4) for seed in range(900, 904)}
    found = list(fuzz.compared(programs.items()))
    assert {one["name"] for one in found} == set(programs)
    assert not [one for one in found if one["status"] in fuzz.FAULTS]
    assert any(one["status"] == "same" for one in found)


def test_programs_depend_on_their_seeds_alone() -> None:
    assert Maker(5).program().text() == Maker(5).program().text() != Maker(6).program().text()


def test_single_operations_are_the_same_by_both_routes() -> None:
    programs = {f"operations_{seed}": OperationMaker(seed).program(8) for seed in (3, 4)}
    found = list(fuzz.accepted(programs, fuzz.compared))
    assert {one["name"]: one["status"] for one in found} == dict.fromkeys(programs, "same"), found


def test_objects_die_the_same_by_both_routes() -> None:
    programs = {f"deaths_{seed}": DeathMaker(seed).program(2) for seed in (26, 28)}
    found = list(fuzz.compared(programs.items()))
    assert {one["name"]: one["status"] for one in found} == dict.fromkeys(programs, "same"), found


def test_makers_make_what_they_are_for() -> None:
    text = "".join(DeathMaker(seed).program().text() for seed in range(30))
    for what in ("yield ", "await ", "finally:", "with ", "match ", "lambda", " for c", ":=", "**{", "f'{"):
        assert what in text, what
    text = "".join(OperationMaker(seed).program().text() for seed in range(10))
    for what in (".startswith(", "[:, :] m", "[i:j:k]", "**kwargs", "*args", "<E?>a", "cpdef "):
        assert what in text, what
    for maker in (DeathMaker, OperationMaker):
        assert maker(5).program().text() == maker(5).program().text() != maker(6).program().text()


def test_deaths_by_an_exception_have_no_order() -> None:
    assert settled(["a", "-2", "-1", "b"], failed=False) == ["a", "-2", "-1", "b"]
    later = ["b", "-2", "-1"]
    assert settled(["raises", "-2", "-1", *later], failed=False) == ["raises", "-1", "-2", *later]
    assert settled(["a", "-2", "-1", "handles"], failed=False) == ["a", "-1", "-2", "handles"]
    assert settled(["a", "-2", "-1"], failed=True) == ["a", "-1", "-2"]


def test_functions_that_cython_refuses_are_left_out() -> None:
    program = OperationMaker(1).program(3)
    line = program.text().splitlines().index(next(program.functions[1].render())) + 1
    less = fuzz.without(program, {"name": "one", "detail": [f"one.pyx:{line}:4: no"]})
    assert less is not None
    assert [one.name for one in less.functions] == [program.functions[0].name, program.functions[2].name]


def module(text: str) -> types.ModuleType:
    made = types.ModuleType("made")
    made.notes = []
    exec(compile("\n" * 3 + text, "made.pyx", "exec"), made.__dict__)
    return made


SAME = "def f(x):\n    notes.append(x)\n    return [x] if x else 1 / x"


def test_differences_are_found() -> None:
    calls = [("f", "1"), ("f", "0")]
    assert differences(module(SAME), module(SAME), calls)["status"] == "same"
    for other in (
        "def f(x):\n    notes.append(x)\n    return (x,) if x else 1 / x",  # another result
        "def f(x):\n    notes.append(1)\n    return [x] if x else 1 / x",  # something else noted
        "def f(x):\n    notes.append(x)\n\n    return [x] if x else 1 / x",  # another line
        "def f(x):\n    notes.append(x)\n    return [x] if x else 1 % x",  # another text
    ):
        assert differences(module(other), module(SAME), calls)["status"] == "different", other


def test_leaks_are_found() -> None:
    leaking = module("kept = []\n" + SAME.replace("notes.append(x)", "notes.append(x); kept.append([x])"))
    assert differences(leaking, module(SAME), [("f", "1")] * 20)["status"] == "leak"


def test_programs_are_made_smaller_as_long_as_they_show_the_fault() -> None:
    program = Maker(11).program()
    lines = [line.strip() for function in program.functions for line in function.render()]
    wanted = next(line for line in lines if "note(" in line)

    def compare(programs: Iterable[tuple[str, Program]]) -> Iterator[dict[str, Any]]:
        for name, one in programs:
            fault = wanted in one.text()
            yield {"name": name, "status": "different" if fault else "same", "detail": ["here"]}

    small, found = fuzz.reduced(program, {"status": "different", "detail": ["here"]}, 60, compare)
    assert found["status"] == "different"
    rendered = [line for function in small.functions for line in function.render() if line.strip()]
    assert wanted in "\n".join(rendered) and len(rendered) < 20


def test_random_loops_are_the_same_for_a_gpu(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    programs = {f"kernels_{seed}": KernelMaker(seed).program(3) for seed in (1, 5)}
    found = list(fuzz.for_gpu(tmp_path)(programs.items()))
    assert {one["name"]: one["status"] for one in found} == dict.fromkeys(programs, "same"), found


def test_random_loops_have_what_a_gpu_can_do() -> None:
    text = "".join(KernelMaker(seed).program().text() for seed in range(30))
    for what in (
        "raise ", "while ", "break", "continue", "else:", "prange(cube", "max(", "turned[i]", "marks[i].x",
        "helper0(", "weights[", "sqrt(", "erf(", " ** ", " // ", "schedule='dynamic'",
    ):  # fmt: skip
        assert what in text, what
    assert KernelMaker(5).program().text() == KernelMaker(5).program().text()


def test_differences_of_loops_are_found() -> None:
    np = pytest.importorskip("numpy")
    from fuzz.kernel_child import same

    a = np.array([1.0, np.nan, 3.0])
    assert same(a, a.copy()) and not same(a, a + 1) and same((1, 2.5), (1, 2.5)) and not same((1,), (2,))
