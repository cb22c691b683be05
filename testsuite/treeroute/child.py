"""One test file by the tree route: prints RESULT and a JSON object."""

from __future__ import annotations

import atexit
import doctest
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
import unittest
from pathlib import Path


class Loader(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Imports the one compiled module, as the import system would its .so file: also again."""

    def __init__(self, name: str, path: str, address: int) -> None:
        self.name, self.path, self.address = name, path, address

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=self.path)
        spec.has_location = True
        return spec

    def create_module(self, spec):
        from cython_llvm import _native

        return _native.create_module(self.address, spec)

    def exec_module(self, module) -> None:
        from cython_llvm import _native

        _native.exec_module(module)


def tags(path: str) -> dict[str, set[str]]:
    """The words of the comments ``# mode:`` and ``# tag:`` at a test file's start."""
    found: dict[str, set[str]] = {"mode": set(), "tag": set()}
    for line in Path(path).read_text("utf-8", "replace").splitlines():
        match = re.match(r"#\s*(mode|tags?)\s*:(.*)", line)
        if match:
            found[match[1][:4].rstrip("s")] |= set(re.split(r"[\s,]+", match[2].strip()))
        elif line.strip() and not line.startswith("#"):
            break
    return found


def build_and_import(module, name: str, settings, *, only_compile: bool):
    """The module as a library in a file, as the command line writes it: nothing of ours beside it."""
    from cython_llvm import cobject, toolchain

    code = toolchain.library_object(module, settings)
    folder = tempfile.mkdtemp(prefix="treeroute-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    cobject.link([code], os.path.join(folder, name + ".so"), settings, "c")
    if only_compile:
        return name, []
    sys.path.insert(0, folder)
    found = importlib.import_module(name)
    assert "cython_llvm._cyrt" not in sys.modules, "the library uses the package's run-time library"
    return found, []


def compile_and_import(path: str, name: str, *, only_compile: bool = False, library: bool = False):
    from Cython.Compiler import Options

    from cython_llvm import codeload, sharedutil, toolchain, treefrontend, treeroute
    from cython_llvm.settings import Settings

    support = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(path))), "testsupport")
    Options.clear_to_none = False  # as runtests.py
    settings = Settings(language_level=2, directives={"autotestdict": False},
                        include_path=(support,))  # as runtests.py  # fmt: skip
    tree, unit = treefrontend.analyse(path, name, settings, shared_utility=sharedutil.available())
    settings = unit.settings
    lowered = treeroute.lower(tree, settings)
    if lowered.module is None:
        return None, [[m.construct, m.file, m.line] for m in lowered.missing]
    if library:
        settings = settings.with_(march="x86-64")
        return build_and_import(lowered.module, name, settings, only_compile=only_compile)
    toolchain.optimize(lowered.module, settings)
    address = codeload.load([toolchain.emit(lowered.module, "obj", settings)], name, settings, language="c",
                       openmp=toolchain.uses_openmp(lowered.module), runtime=True)  # fmt: skip
    if only_compile:
        return name, []
    sys.meta_path.insert(0, Loader(name, path, address))
    return importlib.import_module(name), []


def run_tests(module) -> tuple[int, str]:
    out = io.StringIO()
    suite = unittest.TestSuite()
    suite.addTests(doctest.DocTestSuite(module))
    suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(out, verbosity=0).run(suite)
    return len(result.failures) + len(result.errors), out.getvalue()


def main(path: str, *, library: bool = False) -> dict:
    name = os.path.splitext(os.path.basename(path))[0]
    os.chdir(os.path.dirname(os.path.abspath(path)))
    sys.path.insert(0, os.getcwd())
    from cython_llvm import errors

    labels = tags(path)
    only_compile = "compile" in labels["mode"]
    if "allow_unknown_names" in labels["tag"]:
        from Cython.Compiler import Options

        Options.error_on_unknown_names = False
    try:
        module, missing = compile_and_import(path, name, only_compile=only_compile, library=library)
    except errors.CompileError as error:
        kind = "defect" if error.code.startswith("CYL17") else "refused"
        return {"status": kind, "detail": str(error)[-3000:]}
    except BaseException:
        return {"status": "fail", "detail": "at import:\n" + traceback.format_exc()[-3000:]}
    if module is None:
        return {"status": "missing", "missing": missing}
    if only_compile:
        return {"status": "pass"}
    failed, text = run_tests(module)
    return {"status": "fail", "detail": text[-6000:]} if failed else {"status": "pass"}


if __name__ == "__main__":
    found = main(sys.argv[1], library="--so" in sys.argv[2:])
    sys.stdout.flush()
    print("\nRESULT " + json.dumps(found), flush=True)
    atexit._run_exitfuncs()
    os._exit(0)
