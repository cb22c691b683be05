"""One test file by the tree route: prints RESULT and a JSON object."""

from __future__ import annotations

import doctest
import importlib.machinery
import io
import json
import os
import sys
import traceback
import unittest


def compile_and_import(path: str, name: str):
    from cython_llvm import _native, jit, sharedutil, toolchain, treefrontend, treeroute
    from cython_llvm.settings import Settings

    settings = Settings(language_level=2, directives={"autotestdict": False})  # as runtests.py
    tree, unit = treefrontend.analyse(path, name, settings, shared_utility=sharedutil.available())
    settings = unit.settings
    lowered = treeroute.lower(tree, settings)
    if lowered.module is None:
        return None, [[m.construct, m.file, m.line] for m in lowered.missing]
    toolchain.optimize(lowered.module, settings)
    address = jit.load(toolchain.emit(lowered.module, "obj", settings), name, settings, language="c",
                       openmp=toolchain.uses_openmp(lowered.module), runtime=True)  # fmt: skip
    spec = importlib.machinery.ModuleSpec(name, None, origin=path)
    module = _native.create_module(address, spec)
    module.__file__ = path
    sys.modules[name] = module
    _native.exec_module(module)
    return module, []


def run_tests(module) -> tuple[int, str]:
    out = io.StringIO()
    suite = unittest.TestSuite()
    suite.addTests(doctest.DocTestSuite(module))
    suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(out, verbosity=0).run(suite)
    return len(result.failures) + len(result.errors), out.getvalue()


def main(path: str) -> dict:
    name = os.path.splitext(os.path.basename(path))[0]
    os.chdir(os.path.dirname(os.path.abspath(path)))
    sys.path.insert(0, os.getcwd())
    from cython_llvm import errors

    try:
        module, missing = compile_and_import(path, name)
    except errors.CompileError as error:
        kind = "defect" if error.code.startswith("CYL17") else "refused"
        return {"status": kind, "detail": str(error)[-3000:]}
    except BaseException:
        return {"status": "fail", "detail": "at import:\n" + traceback.format_exc()[-3000:]}
    if module is None:
        return {"status": "missing", "missing": missing}
    failed, text = run_tests(module)
    return {"status": "fail", "detail": text[-6000:]} if failed else {"status": "pass"}


if __name__ == "__main__":
    found = main(sys.argv[1])
    sys.stdout.flush()
    print("\nRESULT " + json.dumps(found), flush=True)
    os._exit(0)
