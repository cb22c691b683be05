"""One module of a package by the tree route, in a process of its own: prints RESULT and a JSON object."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from typing import Any

_CPLUS = re.compile(r"^\s*(from|cimport)\s+libcpp|\bcppclass\b|language\s*=\s*c\+\+", re.MULTILINE)
#: The same in Python sources, which may speak of C++ in strings.
_CPLUS_PYTHON = re.compile(r"^#\s*distutils:\s*language\s*=\s*c\+\+", re.MULTILINE)


def build(job: dict[str, Any]) -> dict[str, Any]:
    """Compile ``job["path"]`` to a library; what came of it."""
    os.chdir(job["root"])
    from cython_llvm import produce, sharedutil, treefrontend, treeproduce, treeroute
    from cython_llvm.settings import Settings

    settings = Settings(
        language_level=job["language_level"], directives=job["directives"], march="x86-64", opt_level=2,
        include_path=tuple(job["include_path"]), include_dirs=tuple(job["include_dirs"]),
        define_macros=tuple((name, value) for name, value in job["macros"]),
        extra_sources=tuple(job["sources"]),
    )  # fmt: skip
    if job["cplus"] or is_cplus(job["path"]):
        return {"state": "C++"}
    begin = time.process_time()
    tree, unit = treefrontend.analyse(
        job["path"], job["name"], settings, shared_utility=sharedutil.available()
    )
    found: dict[str, Any] = {"frontend": time.process_time() - begin}
    if unit.language == "c++":
        return {**found, "state": "C++"}
    lowered = treeroute.lower(tree, unit.settings)
    if lowered.module is None:
        return {
            **found,
            "state": "missing",
            "missing": [[m.construct, m.file, m.line] for m in lowered.missing],
        }
    made = produce.CUnit(b"", job["name"], "c", job["path"])
    settings = unit.settings.with_(
        extra_sources=settings.extra_sources, extra_compile_args=tuple(job["compile_args"])
    )
    treeproduce.write(lowered.module, made, settings, "so", job["output"])
    return {**found, "state": "tree"}


def is_cplus(path: str) -> bool:
    """Whether a source, or its .pxd, is C++; packages say so to their build systems, not in the file."""
    for name in (path, os.path.splitext(path)[0] + ".pxd"):
        try:
            with open(name, encoding="utf-8") as file:
                pattern = _CPLUS_PYTHON if name.endswith(".py") else _CPLUS
                if pattern.search(file.read()):
                    return True
        except OSError:
            continue
    return False


def main() -> None:
    job = json.loads(sys.argv[1])
    try:
        found = build(job)
    except Exception as error:
        found = {"state": "error", "message": f"{type(error).__name__}: {error}"[:3000]}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print("RESULT" + json.dumps({**found, "cpu": usage.ru_utime + usage.ru_stime}))


if __name__ == "__main__":
    main()
