"""Cython's run-time helpers in a library of their own: each of these is its own C there."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cython_llvm import runtimelib, runtimeutilities

TYPES = {"ptr": ctypes.py_object, "i64": ctypes.c_long, "i32": ctypes.c_int, "void": None,
         "i8": ctypes.c_byte, "double": ctypes.c_double}  # fmt: skip


@pytest.fixture(scope="module")
def library() -> ctypes.PyDLL:
    path = runtimelib.available()
    assert path is not None
    opened = ctypes.PyDLL(path)
    assert opened.cyl_runtime_init() == 0
    return opened


def function(library: ctypes.PyDLL, name: str) -> Any:
    """A helper that takes and returns what the table says."""
    types = runtimelib.symbols()[name]
    assert types["defined"] and not types["varargs"]
    found = getattr(library, name)
    found.argtypes = [TYPES[param] for param in types["params"]]
    found.restype = TYPES[types["ret"]]
    return found


def test_it_is_a_module() -> None:
    import importlib

    module = importlib.import_module(runtimelib.NAME)
    assert module.__file__ == runtimelib.available()


def test_it_needs_nothing_but_the_c_library() -> None:
    path = runtimelib.available()
    assert path is not None
    shown = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    needed = {line.split("[")[1].rstrip("]") for line in shown.splitlines() if "NEEDED" in line}
    assert needed <= {"libc.so.6", "libm.so.6"}


def test_no_file_tells_where_it_was_made() -> None:
    path = Path(runtimelib.available() or "")
    for name in (path.name, runtimelib.ARCHIVE, runtimelib.HOT, runtimelib.SYMBOLS):
        data = (path.parent / name).read_bytes()
        assert b"/_cyrt.c" not in data and tempfile.gettempdir().encode() + b"/" not in data, name


def test_every_symbol_of_the_table_is_there(library: ctypes.PyDLL) -> None:
    symbols = runtimelib.symbols()
    for name, one in symbols.items():
        if one["defined"]:
            assert library[name]  # AttributeError where it is not there
    assert sum(one["defined"] for one in symbols.values()) > 1000


def test_others_are_in_this_process(library: ctypes.PyDLL) -> None:
    symbols = runtimelib.symbols()
    # The compiler's own, which a link brings in.
    missing = [name for name, one in symbols.items() if not one["defined"]
               and not name.startswith("__") and not hasattr(ctypes.pythonapi, name)
               and not hasattr(library, name)]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("name", ["__Pyx_PyObject_Append", "__Pyx_PyLong_As_int", "__Pyx_PyLong_AddObjC",
                                  "__Pyx_CyFunction_New", "__Pyx_GetItemInt_Fast",
                                  "cyl___Pyx_GetItemInt", "cyl_CyFunctionType", "Py_INCREF",
                                  "PyType_CheckExact", "__Pyx_div_long", "cyl___Pyx_c_prod_double",
                                  "cyl___Pyx_Generator_New", "cyl_add_traceback",
                                  "__pyx_memoryview_new", "__Pyx_PyLong_As_int64_t",
                                  "__Pyx_add_long_checking_overflow"])  # fmt: skip
def test_symbols(name: str) -> None:
    assert runtimelib.symbols()[name]["defined"]


def test_types() -> None:
    symbols = runtimelib.symbols()
    assert symbols["__Pyx_PyLong_As_int"]["params"] == ["ptr"]
    assert symbols["__Pyx_PyLong_As_int"]["ret"] == "i32"
    assert symbols["__Pyx_PyLong_As_char"]["abi"][0] == ["signext"]
    assert symbols["__Pyx_PyLong_AddObjC"]["params"] == ["ptr", "ptr", "i64", "i32", "i32"]
    assert symbols["PyErr_Format"]["varargs"] and not symbols["PyErr_Format"]["defined"]


def test_what_works_on_a_module_is_withheld(library: ctypes.PyDLL) -> None:
    withheld = runtimeutilities.contents()["own_state"]
    assert "__Pyx_AddTraceback" in withheld
    for name in withheld:
        assert name not in runtimelib.symbols() and not hasattr(library, name)


def test_append(library: ctypes.PyDLL) -> None:
    things = [1]
    append = function(library, "__Pyx_PyObject_Append")
    assert append(things, 2) == 0
    assert things == [1, 2]

    class Own:
        def append(self, value: int) -> None:
            things.append(-value)

    assert append(Own(), 3) == 0
    assert things == [1, 2, -3]
    with pytest.raises(AttributeError, match="'int' object has no attribute 'append'"):
        append(1, 2)


def test_conversions(library: ctypes.PyDLL) -> None:
    convert = function(library, "__Pyx_PyLong_As_int")
    assert convert(-(2**31)) == -(2**31)
    with pytest.raises(OverflowError, match="^value too large to convert to int$"):
        convert(2**31)
    with pytest.raises(TypeError, match="^an integer is required$"):
        convert("1")
    with pytest.raises(OverflowError, match="^can't convert negative value to size_t$"):
        unsigned = library.__Pyx_PyLong_As_size_t
        unsigned.argtypes, unsigned.restype = [ctypes.py_object], ctypes.c_size_t
        unsigned(-1)


def test_arithmetic(library: ctypes.PyDLL) -> None:
    add = function(library, "__Pyx_PyLong_AddObjC")
    assert add(2**62, 3, 3, 0, 0) == 2**62 + 3
    assert add(2**100, 3, 3, 0, 0) == 2**100 + 3
    assert add(0.5, 3, 3, 0, 0) == 3.5
    with pytest.raises(TypeError, match="unsupported operand"):
        add(None, 3, 3, 0, 0)
    divide = function(library, "__Pyx_div_long")
    constant = divide.argtypes[2:]
    assert divide(-7, 2, *[0] * len(constant)) == -4


def test_indexing(library: ctypes.PyDLL) -> None:
    get = function(library, "cyl___Pyx_GetItemInt")
    assert get([1, 2, 3], -1, 1, 1, 0) == 3
    assert get((1, 2, 3), 1, 1, 1, 0) == 2
    assert get({5: 6}, 5, 1, 1, 0) == 6
    with pytest.raises(IndexError):
        get([1], 4, 1, 1, 0)


class MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("method", ctypes.c_void_p), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p)]  # fmt: skip


def test_a_function(library: ctypes.PyDLL) -> None:
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object)
    called = kind(lambda own, value: value * 2)
    method = MethodDef(b"double", ctypes.cast(called, ctypes.c_void_p).value, 8, b"Twice as much.")
    new = library.__Pyx_CyFunction_New
    new.restype = ctypes.py_object
    assert len(runtimelib.symbols()["__Pyx_CyFunction_New"]["params"]) == 7
    new.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.py_object,
                    ctypes.py_object, ctypes.c_void_p]  # fmt: skip
    double = new(ctypes.addressof(method), 0, "a.double", None, "somewhere", {}, None)
    assert type(double) is function(library, "cyl_CyFunctionType")()
    assert type(double).__name__ == "cython_function_or_method"
    assert double(21) == 42
    assert (double.__name__, double.__qualname__, double.__doc__) == ("double", "a.double", "Twice as much.")
    assert double.__module__ == "somewhere"
    with pytest.raises(TypeError, match="double"):
        double()


def test_names_of_a_module(library: ctypes.PyDLL) -> None:
    get = library.cyl_get_global
    get.restype = ctypes.py_object
    get.argtypes = [ctypes.py_object, ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p]
    version, cached = ctypes.c_uint64(), ctypes.c_void_p()
    own: dict[str, Any] = {"a": 1}

    def name(which: str) -> Any:
        return get(own, which, ctypes.addressof(version), ctypes.addressof(cached))

    assert name("a") == 1 and name("a") == 1
    own["a"] = 2
    assert name("a") == 2
    version.value, cached.value = 0, None
    assert name("len") is len and name("len") is len
    own["len"] = max
    assert name("len") is max
    version.value, cached.value = 0, None
    with pytest.raises(NameError, match="name 'nothing' is not defined"):
        name("nothing")
    in_class = function(library, "cyl_get_name_in_class")
    assert in_class({"a": 3}, own, "a") == 3
    assert in_class({}, own, "a") == 2
    assert in_class({}, own, "abs") is abs


FAILING = '''
cdef extern from *:
    """
    static int fail_at(size_t add, size_t cache, PyObject *globals, int line) {
        PyErr_SetString(PyExc_ValueError, "why");
        ((void (*)(void **, PyObject *, const char *, int, const char *)) add)(
            (void **) cache, globals, "somewhere.f", line, "f.pyx");
        return -1;
    }
    """
    int fail_at(size_t add, size_t cache, object globals, int line) except -1
def fail(add, cache, globals, line):
    fail_at(add, cache, globals, line)
'''


def test_traceback(tmp_path: Path, library: ctypes.PyDLL) -> None:
    from cython_llvm import import_file

    path = tmp_path / "failing_at.pyx"
    path.write_text(FAILING)
    module = import_file(str(path))
    add = ctypes.cast(library.cyl_add_traceback, ctypes.c_void_p).value
    cache, own = ctypes.c_void_p(), {"__name__": "somewhere"}
    codes = []
    for line in (7, 7, 8):
        with pytest.raises(ValueError, match="^why$") as found:
            module.fail(add, ctypes.addressof(cache), own, line)
        last = found.tb
        while last.tb_next:
            last = last.tb_next
        code = last.tb_frame.f_code
        assert (code.co_name, code.co_filename, last.tb_lineno) == ("somewhere.f", "f.pyx", line)
        assert last.tb_frame.f_globals is own
        codes.append(code)
    assert cache.value and codes[0] is codes[1] is not codes[2]


def test_types_are_shared_with_other_modules(tmp_path: Path, library: ctypes.PyDLL) -> None:
    """Cython's own modules of the same ABI version have the very same types."""
    from cython_llvm import import_file

    path = tmp_path / "other_types.pyx"
    path.write_text("def f(): pass\ndef g(): yield\n")
    module = import_file(str(path))
    assert type(module.f) is function(library, "cyl_CyFunctionType")()
    assert type(module.g()) is function(library, "cyl_GeneratorType")()


def test_not_imported_unless_wanted(run: Any) -> None:
    code = f"import sys, cython_llvm; print({runtimelib.NAME!r} in sys.modules)"
    assert run(code) == "False"


