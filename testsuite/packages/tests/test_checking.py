"""What `packages` finds: other outcomes, modules and constructs that are lacking, C++; without the network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from packages import build, checking, environment, report  # noqa: E402

JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="one"/>
<testcase classname="a" name="two"><failure message="wrong">trace</failure></testcase>
<testcase classname="a" name="two"/>
<testcase classname="a" name="three"><skipped message="no"/></testcase>
</testsuite></testsuites>"""


def package(**values: object) -> environment.Package:
    return environment.Package("some", "1.0", "0" * 64, ["some/*.pyx"], **values)  # type: ignore[arg-type]


def test_the_list_is_complete() -> None:
    for name, one in environment.packages().items():
        assert len(one.sha256) == 64, name
        assert one.modules, name
        assert one.version, name


def test_outcomes_of_tests(tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(JUNIT)
    found = checking._outcomes(tmp_path / "results.xml")
    assert found["a::one"] == ("passed", "")
    assert found["a::two"] == ("failure", "wrong")
    assert found["a::two'"] == ("passed", "")
    assert found["a::three"] == ("skipped", "no")


def test_libraries_are_replaced(tmp_path: Path) -> None:
    output, overlay = tmp_path / "out", tmp_path / "overlay"
    for path in (output / "some" / "a.so", output / "some" / "b.so"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ours")
    (overlay / "some").mkdir(parents=True)
    (overlay / "some" / "a.cpython-311-x86_64-linux-gnu.so").write_text("wheel's")
    assert checking._replace(output, overlay) == 1
    assert (overlay / "some" / "a.cpython-311-x86_64-linux-gnu.so").read_text() == "ours"


def test_cplus_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text("from libcpp.vector cimport vector\n")
    (tmp_path / "b.pyx").write_text("# language: C\nx = 'cimport libcpp'\n")
    (tmp_path / "b.pxd").write_text("# distutils: language = c++\n")
    (tmp_path / "c.pyx").write_text("x = 1\n")
    assert [build.is_cplus(str(tmp_path / f"{name}.pyx")) for name in "abc"] == [True, True, False]
    (tmp_path / "d.py").write_text('"""\n    cdef cppclass A:\n"""\n')
    (tmp_path / "e.py").write_text("# distutils: language = c++\n")
    assert [build.is_cplus(str(tmp_path / f"{name}.py")) for name in "de"] == [False, True]


def test_templates_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "a.pxi.in").write_text("{{for n in (1, 2)}}\nDEF A{{n}} = @VALUE@\n{{endfor}}\n")
    environment._fill_in(package(templates=["*.in"], substitute={"VALUE": "7"}), tmp_path)
    assert (tmp_path / "a.pxi").read_text().split("\n")[:2] == ["DEF A1 = 7", "DEF A2 = 7"]


def test_files_of_the_build_are_written(tmp_path: Path) -> None:
    environment._fill_in(package(files={"config.h": "#define A 1\n"}), tmp_path)
    assert (tmp_path / "config.h").read_text() == "#define A 1\n"


def test_missing_constructs_are_counted() -> None:
    result = checking.Result(package())
    result.modules["some.a"] = {
        "state": "missing",
        "missing": [["X", "a.pyx", 1], ["X", "a.pyx", 2]],
    }
    result.modules["some.b"] = {
        "state": "missing",
        "missing": [["X", "b.pyx", 1], ["Y", "b.pyx", 2]],
    }
    lines = report.missing([result]).split("\n")[1:]
    assert lines == ["    2     1  X", "    1     0  Y"]
    assert result.good
    result.modules["some.c"] = {"state": "error", "message": "crash"}
    assert not result.good


def test_a_run_renews_its_own_lines(tmp_path: Path) -> None:
    table = tmp_path / "PACKAGES.md"
    one, other = checking.Result(package()), checking.Result(package())
    other.package = environment.Package("yarl", "2", "0" * 64, ["*.pyx"])
    one.modules["some.a"] = {"state": "missing", "missing": [["X", "a.pyx", 1]]}
    one.differences = ["t: passed with the wheel, failure with ours"]
    other.modules["yarl.a"] = {"state": "missing", "missing": [["Y", "a.pyx", 1]]}
    report.write([one], table)
    report.write([other], table)
    text = table.read_text()
    assert "| yarl 2 | 1 | 0 | 1 | 0 | 0 | 0 | 0 |" in text
    assert "* yarl: Y, in 1 of its modules" in text
    one.modules["some.a"] = {"state": "tree"}
    one.differences = []
    report.write([one, other], table)
    text = table.read_text()
    assert "| some 1.0 | 1 | 1 | 0 |" in text
    assert "X" not in text and "What differs" not in text


def test_verdicts_of_an_earlier_run_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "sources", lambda package, work: tmp_path / "sources")
    path = tmp_path / "sources" / "some" / "a.pyx"
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr(checking, "compiled", lambda *args: {"state": "tree"})
    made = checking.check(package(), tmp_path, "python", only=None, kept=False, tests=False)
    kept = checking.check(package(), tmp_path, "python", only=None, kept=True, tests=False)
    assert kept.modules == made.modules == {"some.a": {"state": "tree"}}
    (path.parent / "b.pyx").touch()
    checking.check(package(), tmp_path, "python", only="b", kept=False, tests=False)
    kept = checking.check(package(), tmp_path, "python", only=None, kept=True, tests=False)
    assert sorted(kept.modules) == ["some.a", "some.b"]
