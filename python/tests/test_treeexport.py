"""Cython's analysed tree as JSON: whole, the same each time, and of no effect on what follows."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli_tools import cython, cythonize
from conftest import write
from cython_llvm import errors, frontend, treefrontend
from cython_llvm.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / ".cache" / "cython-3.3.1" / "tests" / "run"
FAMILIES = {"n": "nodes", "t": "types", "e": "entries", "s": "scopes", "x": "helpers"}

SAMPLES = {
    "functions": """
        def f(a, int b=3, *args, c=None, **kwargs):
            a = a + b
            return a, args, c, kwargs

        cdef inline long g(long x, double y=1.5) except? -1 nogil:
            return x + <long>y

        cpdef str h(str s): return s + str(g(len(s)))
    """,
    "classes": """
        cdef class Base:
            cdef public int x
            cdef object y
            cdef int area(self) except -1: return self.x
            def __cinit__(self, x): self.x = x
            property p:
                def __get__(self): return self.y

        cdef class Derived(Base):
            cdef double z
            cdef int area(self) except -1: return Base.area(self) * 2
            cpdef double twice(self): return 2 * self.z

        class Plain:
            attribute = 1
            @staticmethod
            def s(): return Plain.attribute
    """,
    "closures": """
        def outer(x):
            y = 0
            def inner(z):
                nonlocal y
                y += x
                return lambda w: w + y + z
            return inner
    """,
    "generators": """
        def numbers(n):
            for i in range(n):
                got = yield i
                if got: yield from numbers(got)

        async def wait(x):
            async with x as y:
                return [await z async for z in y]

        def total(xs): return sum(x * x for x in xs if x)
    """,
    "fused": """
        ctypedef fused number:
            int
            double

        cpdef number add(number a, number b): return a + b
        def use(): return add[int](1, 2), add(1.5, 2.5)
    """,
    "memoryviews": """
        cimport cython

        @cython.boundscheck(False)
        @cython.wraparound(False)
        def total(double[:, ::1] a, const int[:] b not None):
            cdef Py_ssize_t i, j
            cdef double s = 0
            for i in range(a.shape[0]):
                for j in range(a.shape[1]):
                    s += a[i, j] * b[j]
            return s
    """,
    "parallel": """
        from cython.parallel cimport prange

        def total(double[::1] a):
            cdef Py_ssize_t i
            cdef double s = 0
            for i in prange(a.shape[0], nogil=True, schedule="static"):
                s += a[i]
            return s
    """,
    "structs": """
        cdef struct Point:
            int x
            double y[3]
        ctypedef Point* PointPointer
        cdef union Both:
            int i
            float f
        cdef enum Colour: RED, GREEN = 5
        cpdef enum Shape: ROUND = 1

        def f(int x):
            cdef Point p = Point(x, [1, 2, 3])
            cdef PointPointer q = &p
            cdef (int, double) pair = (q.x, q.y[1])
            return p, pair, <Colour>x, Shape.ROUND
    """,
    "tries": """
        def f(x):
            try:
                with x as y:
                    return y[0]
            except (KeyError, IndexError) as e:
                raise ValueError(f"no {e!r:>10}") from e
            finally:
                del x
    """,
    "dataclasses": """
        cimport cython

        @cython.dataclasses.dataclass(order=True)
        cdef class Item:
            name: str
            price: cython.double = 1.0
            tags: list = cython.dataclasses.field(default_factory=list)
    """,
    "matches": """
        def f(x):
            match x:
                case {"a": [first, *rest], **others} if rest: return first, others
                case int(n) | float(n): return n
                case _: return None
    """,
    "cimports": """
        from libc.math cimport sin, cos
        from libc.stdlib cimport malloc, free
        cimport cpython.array
        from cpython.list cimport PyList_Append

        def f(cpython.array.array a, double x):
            cdef char* c = <char*>malloc(10)
            free(c)
            r = []
            PyList_Append(r, sin(x))
            return a.data.as_doubles[0], r
    """,
    "strings": """
        # cython: language_level=3
        def f(): return "\\u00e9\\U0001d11e", b"\\x00\\xff", u"\\ud800", "a" "b", f"{f!s}", 1j, 10**30
        cdef char* c = "bytes"
        def s(bytes b, str t): return b[0], t[1:], [x for x in t], {1, 2} | {3}, {**{}}
    """,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples' sources."""
    path = tmp_path_factory.mktemp("samples")
    for name, text in SAMPLES.items():
        write(path / f"{name}.pyx", text)
    return path


@pytest.fixture(scope="module")
def trees(folder: Path) -> dict[str, str]:
    """The samples' trees."""
    return {name: tree_of(folder / f"{name}.pyx") for name in SAMPLES}


def tree_of(path: Path, **settings: Any) -> str:
    return treefrontend.export_tree(str(path), path.stem, Settings(**settings))


def tree_of_text(tmp_path: Path, text: str, **settings: Any) -> dict[str, Any]:
    return dict(json.loads(tree_of(write(tmp_path / "mod.pyx", text), **settings)))


def references(value: Any) -> Iterator[tuple[str, int]]:
    """Every reference within a value."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        (tag, inner), *more = value.items()
        assert tag in "nesxtbwifcduo" and [key for key, _ in more] in ([], ["enc"]), value
        if tag in FAMILIES:
            yield tag, inner
        elif tag == "d":
            yield from references(inner)


def find(tree: dict[str, Any], family: str, kind: str, **wanted: Any) -> dict[str, Any]:
    """The attributes of the first such object."""
    for row in tree[family]:
        if row["k"] == kind and all(row["a"].get(name) == value for name, value in wanted.items()):
            return dict(row["a"])
    raise AssertionError(f"no {kind} with {wanted}")


def check(tree: dict[str, Any]) -> None:
    """Whether the whole of a tree has the form that docs/tree-schema.md gives it."""
    assert list(tree) == [
        "schema", "cython", "module", "root", "sources", "directive_defaults", "delegates", "classes",
        *FAMILIES.values(),
    ]  # fmt: skip
    assert tree["schema"] == 1 and tree["nodes"][tree["root"]]["k"] == "ModuleNode"
    for record in tree["classes"].values():
        assert set(record) == {"mro", "own"} and set(record["mro"]) <= tree["classes"].keys()
    values = [record["own"].values() for record in tree["classes"].values()]
    for family in FAMILIES.values():
        for row in tree[family]:
            assert list(row) in (["k", "a"], ["k", "p", "a"]) and row["k"] in tree["classes"]
            if "p" in row:
                source, line, column = row["p"]
                assert 0 <= source < len(tree["sources"]) and line >= 0 and column >= 0
            assert list(row["a"]) == sorted(row["a"])
            values.append(row["a"].values())
    for group in values:
        for value in group:
            for tag, index in references(value):
                assert 0 <= index < len(tree[FAMILIES[tag]])


@pytest.mark.parametrize("name", SAMPLES)
def test_form(trees: dict[str, str], name: str) -> None:
    assert trees[name].isascii()
    check(json.loads(trees[name]))


EXPORT = """
import hashlib, os, sys
from cython_llvm import errors, treefrontend
from cython_llvm.settings import Settings
for path in sys.stdin.read().split():
    try:
        text = treefrontend.export_tree(path, os.path.basename(path).partition(".")[0], Settings())
        print(path, hashlib.sha256(text.encode()).hexdigest())
    except errors.CompileError as error:
        print(path, error.code)
"""


def in_a_process(paths: list[Path], seed: int) -> dict[str, str]:
    """What a process of its own makes of files, in an order of its own."""
    shuffled = list(map(str, paths))
    random.Random(seed).shuffle(shuffled)
    done = subprocess.run(
        [sys.executable, "-c", EXPORT], input="\n".join(shuffled), capture_output=True, text=True,
        env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(filter(None, sys.path))},
        timeout=300, check=True,
    )  # fmt: skip
    return dict(line.split() for line in done.stdout.splitlines())


def test_same_bytes(folder: Path) -> None:
    """Whatever the hash seed, and whatever the process compiled before."""
    paths = [folder / f"{name}.pyx" for name in SAMPLES]
    first = in_a_process(paths, 1)
    assert len(first) == len(SAMPLES) and not any(code.startswith("CYL") for code in first.values())
    assert in_a_process(paths, 2) == first


def corpus() -> list[Path]:
    """Some twenty of Cython's own tests."""
    found = [path for path in sorted(CORPUS.glob("*.pyx")) if "cpp" not in path.name]
    # Of these Cython's own result depends on what it compiled before, or on the hash seed.
    unsteady = ("builtin_divmod_pyx", "fused_types", "overflow_check_uint", "type_inference")
    return [path for path in found[7::40] if path.stem not in unsteady]


needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="Cython's sources are not there")


@needs_corpus
def test_same_bytes_of_cythons_tests() -> None:
    paths = corpus()
    first = in_a_process(paths, 3)
    assert len(first) == len(paths) >= 15
    assert sum(not code.startswith("CYL") for code in first.values()) >= 12
    assert in_a_process(paths, 4) == first


def generated(path: Path, export: bool, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The C of a file, with or without an export just before it is generated."""
    from Cython.Compiler import Pipeline

    from cython_llvm import treeexport

    stock = Pipeline.create_pyx_pipeline
    texts: list[str] = []

    def pipeline(*args: Any, **kwargs: Any) -> list[Any]:
        stages = stock(*args, **kwargs)

        def also_export(module: Any) -> Any:
            texts.append(treeexport.export(module))
            return module

        stages.insert(treefrontend.generation_stage(stages), also_export)
        return stages

    with monkeypatch.context() as patched:
        if export:
            patched.setattr(Pipeline, "create_pyx_pipeline", pipeline)
        text = frontend.generate_c(str(path), path.stem, Settings()).c_text
    assert len(texts) == export
    return text


@pytest.mark.parametrize("name", SAMPLES)
def test_the_tree_stays_as_it_is(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / f"{name}.pyx"
    with_export = generated(path, True, monkeypatch)
    assert with_export == generated(path, False, monkeypatch)


@needs_corpus
def test_cythons_tests_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for path in corpus():
        try:
            plain = generated(path, False, monkeypatch)
        except errors.CompileError:
            continue
        assert generated(path, True, monkeypatch) == plain, path.name
        check(json.loads(tree_of(path)))
        compared += 1
    assert compared >= 12


def test_what_lowering_needs_of_functions(trees: dict[str, str]) -> None:
    tree = json.loads(trees["functions"])
    g = find(tree, "entries", "Entry", name="g")
    assert g["func_cname"].startswith("__pyx_f_") and g["is_cfunction"]
    row = tree["types"][g["type"]["t"]]
    assert row["k"] == "CFuncType" and row["a"]["nogil"]
    assert tree["classes"]["CFuncTypeArg"]["mro"] and "args" in row["a"]
    assert row["a"]["optional_arg_count"] == 1
    value = tree["helpers"][row["a"]["exception_value"]["x"]]
    assert (value["k"], value["a"]["c_repr"]) == ("ExceptionValue", "-1L")
    long = tree["types"][tree["types"][row["a"]["args"][0]["t"]]["a"]["type"]["t"]]
    assert (long["k"], long["a"]["rank"], long["a"]["signed"]) == ("CIntType", 3, 1)
    assert long["a"]["to_py_function"] == "__Pyx_PyLong_From_long"
    assert long["a"]["from_py_function"] == "__Pyx_PyLong_As_long"
    # `a` is assigned to, `b` is not: what Cython counts assignments for.
    assert find(tree, "entries", "Entry", name="a")["cf_is_reassigned"]
    assert "cf_is_reassigned" not in find(tree, "entries", "Entry", name="b")
    # What a class says of the type of its nodes is a reference as well.
    own = tree["classes"]["DictNode"]["own"]["type"]
    assert tree["types"][own["t"]]["a"]["name"] == "dict"
    assert find(tree, "nodes", "TypecastNode")["type"]


def test_what_lowering_needs_of_classes(trees: dict[str, str]) -> None:
    tree = json.loads(trees["classes"])
    derived = find(tree, "types", "PyExtensionType", name="Derived")
    assert derived["vtabslot_cname"] and derived["vtabstruct_cname"] and derived["objstruct_cname"]
    assert tree["types"][derived["base_type"]["t"]]["a"]["name"] == "Base"
    members = tree["scopes"][derived["scope"]["s"]]["a"]
    assert [tree["entries"][e["e"]]["a"]["name"] for e in members["var_entries"]] == ["z"]
    methods = [tree["entries"][e["e"]]["a"]["name"] for e in members["cfunc_entries"]]
    assert methods == ["area", "twice"]
    module = find(tree, "scopes", "ModuleScope")
    assert [tree["entries"][e["e"]]["a"]["name"] for e in module["c_class_entries"]] == ["Base", "Derived"]
    assert {"type_entries", "entries", "c_includes", "directives"} <= module.keys()


def test_what_lowering_needs_of_closures(trees: dict[str, str]) -> None:
    tree = json.loads(trees["closures"])
    scope = find(tree, "scopes", "ClosureScope", name="outer")
    assert tree["classes"]["ClosureScope"]["own"]["is_closure_scope"]
    entry = tree["entries"][scope["scope_class"]["e"]]["a"]
    members = tree["scopes"][tree["types"][entry["type"]["t"]]["a"]["scope"]["s"]]["a"]["var_entries"]
    assert [tree["entries"][e["e"]]["a"]["name"] for e in members] == ["x", "y"]
    inner = find(tree, "entries", "InnerEntry", name="y")
    assert tree["entries"][inner["defining_entry"]["e"]]["a"]["name"] == "y"
    assert tree["delegates"]["InnerEntry"] == "defining_entry"


def test_what_lowering_needs_of_structs(trees: dict[str, str]) -> None:
    tree = json.loads(trees["structs"])
    point = find(tree, "types", "CStructOrUnionType", name="Point")
    fields = tree["scopes"][point["scope"]["s"]]["a"]["var_entries"]
    assert [tree["entries"][e["e"]]["a"]["cname"] for e in fields] == ["x", "y"]
    assert find(tree, "types", "CEnumType", name="Colour")
    assert find(tree, "types", "CTypedefType", typedef_name="PointPointer")["typedef_base_type"]


def test_directives(tmp_path: Path, trees: dict[str, str]) -> None:
    tree = json.loads(trees["memoryviews"])
    assert ["boundscheck", True] in tree["directive_defaults"]["d"]
    changed = {json.dumps(row["a"].get("directives")) for row in tree["nodes"]}
    assert '{"d": [["boundscheck", false], ["wraparound", false]]}' in changed
    tree = tree_of_text(tmp_path, "def f(int a, int b): return a / b", directives={"cdivision": True})
    assert find(tree, "nodes", "ModuleNode")["directives"] == {"d": [["cdivision", True]]}
    assert find(tree, "nodes", "DivNode")["operator"] == "/"


def test_other_modules_come_by_reference(trees: dict[str, str]) -> None:
    tree = json.loads(trees["cimports"])
    names = {row["a"].get("name") for row in tree["entries"]}
    assert {"sin", "malloc", "PyList_Append"} <= names
    assert not {"tanh", "qsort", "PyList_Sort"} & names
    scope = find(tree, "scopes", "ModuleScope", qualified_name="libc.math")
    assert "entries" not in scope


def test_parse_only_nodes_are_left_out(trees: dict[str, str]) -> None:
    kinds = {row["k"] for text in trees.values() for row in json.loads(text)["nodes"]}
    assert len(kinds) > 100
    assert not [kind for kind in kinds if re.search("DeclaratorNode|BaseTypeNode|AnnotationNode", kind)]


def decoded(value: Any) -> Any:
    """The Python value."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    (tag, inner), *_ = value.items()
    forms: dict[str, Callable[[Any], Any]] = {
        "b": lambda text: text.encode("latin-1"),
        "w": lambda text: bytes.fromhex(text).decode("utf-8", "surrogatepass"),
        "i": lambda text: sum(10**n * int(digit) for n, digit in enumerate(reversed(text))),
        "f": float,
        "c": lambda parts: complex(*map(float, parts)),
    }
    return forms[tag](inner)


def test_values(tmp_path: Path) -> None:
    """Surrogates, NUL bytes, large integers and what is not finite."""
    source = r"""
        a = "\ud800 x", "\0z", b"\0\xff", "\u00e9\U0001d11e", 1 << 20000, 1e999, -1e999, 1e999 - 1e999
        b = (1 << 70, "\udc80", 0.5, -0.0, 3)
    """
    values: list[Any] = []
    for row in tree_of_text(tmp_path, source)["nodes"]:
        values += [decoded(row["a"][name]) for name in ("value", "constant_result") if name in row["a"]]
    for wanted in ("\ud800 x", "\0z", b"\0\xff", "\u00e9\U0001d11e", 1 << 20000, float("inf"),
                   float("-inf"), [1 << 70, "\udc80", 0.5, -0.0, 3]):  # fmt: skip
        assert wanted in values
    assert any(isinstance(value, float) and value != value for value in values)


DEEP = {
    "unary": "-" * 900 + "x",
    "brackets": "(" * 900 + "x" + ")" * 900,
    "tuples": "(" * 900 + "1" + ",)" * 900,
    "calls": "f(" * 900 + "x" + ")" * 900,
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_expressions(tmp_path: Path, kind: str) -> None:
    """As deep as Cython goes, given the stack; the exporter needs none, nor do readers."""
    path = write(tmp_path / "deep.pyx", f"def f(x=1): return {DEEP[kind]}\n")
    texts: list[str] = []

    def export() -> None:
        from Cython.Compiler import Pipeline

        from cython_llvm import treeexport

        stock = treeexport.export

        def with_little_stack(module: Any) -> str:
            # A thread of its own has its own, empty stack; the limit is the usual one.
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(1000)
            try:
                found: list[str] = []
                thread = threading.Thread(target=lambda: found.append(stock(module)))
                thread.start()
                thread.join()
                return found[0]
            finally:
                sys.setrecursionlimit(limit)

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(30000)
        treeexport.export = with_little_stack
        try:
            texts.append(tree_of(path))
        finally:
            treeexport.export = stock
            sys.setrecursionlimit(limit)
        assert Pipeline.create_pyx_pipeline.__name__ == "create_pyx_pipeline"

    size = threading.stack_size(512 << 20)
    try:
        thread = threading.Thread(target=export)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    tree = json.loads(texts[0])
    check(tree)
    assert len(tree["nodes"]) > (10 if kind == "brackets" else 900)
    depth = deepest = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', texts[0]):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        deepest = max(deepest, depth)
    assert deepest < 128


def test_errors_are_those_of_the_c_route(tmp_path: Path) -> None:
    from Cython.Compiler import Pipeline

    stock = Pipeline.create_pyx_pipeline
    path = write(tmp_path / "bad.pyx", "cdef int f(x: return 1\n")
    with pytest.raises(errors.CompileError) as by_c:
        frontend.generate_c(str(path), "bad", Settings())
    with pytest.raises(errors.CompileError) as by_tree:
        tree_of(path)
    assert str(by_tree.value) == str(by_c.value) and by_tree.value.code == by_c.value.code
    assert by_tree.value.diagnostics == by_c.value.diagnostics != []
    with pytest.raises(errors.CompileError) as missing:
        tree_of(tmp_path / "none.pyx")
    assert missing.value.code == "CYL1203"
    assert Pipeline.create_pyx_pipeline is stock


def test_other_threads_use_stock_cython() -> None:
    from Cython.Compiler import Options, Pipeline
    from Cython.Compiler.Main import CompilationResult, Context

    options = Options.CompilationOptions(Options.default_options)
    context = Context.from_options(options)
    names: dict[str, str] = {}

    def generates(where: str) -> None:
        stages = Pipeline.create_pyx_pipeline(context, options, CompilationResult())
        names[where] = stages[-1].__module__

    with treefrontend.exporting():
        generates("here")
        thread = threading.Thread(target=generates, args=("there",))
        thread.start()
        thread.join()
    generates("after")
    stock = "Cython.Compiler.Pipeline"
    assert names == {"here": treefrontend.__name__, "there": stock, "after": stock}


def test_shared_memoryview_code_stays_outside(folder: Path, trees: dict[str, str]) -> None:
    path = folder / "memoryviews.pyx"
    text = treefrontend.export_tree(
        str(path), path.stem, Settings(), shared_utility="cython_llvm._cyutility"
    )
    check(json.loads(text))
    assert len(text) < len(trees["memoryviews"]) / 2


def test_emit_tree(tmp_path: Path) -> None:
    write(tmp_path / "pkg" / "__init__.py", "")
    write(tmp_path / "pkg" / "mod.pyx", "def f(int x): return x + 1")
    done = cython(tmp_path, "--backend=llvm", "--emit=tree", "-3", "pkg/mod.pyx")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "pkg").iterdir()) == [
        "__init__.py", "mod.pyx", "mod.tree.json",
    ]  # fmt: skip
    tree = json.loads((tmp_path / "pkg" / "mod.tree.json").read_text())
    check(tree)
    assert tree["module"] == "pkg.mod"
    done = cython(tmp_path, "--backend=llvm", "--emit=tree", "-X", "boundscheck=False", "-o", "out.json",
                  "pkg/mod.pyx")  # fmt: skip
    assert done.returncode == 0, done.stderr
    tree = json.loads((tmp_path / "out.json").read_text())
    assert find(tree, "nodes", "ModuleNode")["directives"] == {"d": [["boundscheck", False]]}


def test_emit_tree_reports_errors(tmp_path: Path) -> None:
    write(tmp_path / "bad.pyx", "cdef int f(x: return 1\n")
    done = cython(tmp_path, "--backend=llvm", "--emit=tree", "bad.pyx")
    assert done.returncode != 0 and "bad.pyx:1:14" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pyx"]
    done = cython(tmp_path, "--backend=llvm", "--emit=tree", "--generate-shared=shared.c")
    assert done.returncode != 0 and "--emit=tree" in done.stderr
    done = cythonize(tmp_path, "--backend=llvm", "--emit=tree", "bad.pyx")
    assert done.returncode == 2 and "invalid choice: 'tree'" in done.stderr


def test_the_documented_classes_are_cythons() -> None:
    script = ROOT / "scripts" / "tree_classes.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_document_names_what_is_there(trees: dict[str, str]) -> None:
    text = (ROOT / "docs" / "tree-schema.md").read_text(encoding="utf-8")
    tree = json.loads(trees["functions"])
    for key in (*tree, *tree["delegates"], *tree["delegates"].values(), *"ntesxbwifcduo"):
        assert f"`{key}`" in text, key
