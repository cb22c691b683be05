"""Random edits of real modules: the shortened analysis must give the tree that the whole one gives.

    python testsuite/reloads/edits.py [--seed 1] [--edits 4] [-k REGEX] [--files 100] PATH...

Each PATH is a .pyx file or a folder of them.  After each edit the tree is made in both ways and the
texts are compared, byte for byte.  Prints how many edits were taken the short way, why others were not,
and every difference; the status is 1 where there is one.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import os
import random
import re
import sys
import tempfile
from typing import Any

#: Statements that an edit puts into a function.
STATEMENTS = [
    "new_local = {n}",
    "print('text {n}')",
    "new_list = [i for i in range({n})]",
    "pass",
    "# a comment",
    "new_dict = {{'key{n}': {n}.5, b'bytes{n}': None}}",
    "for new_i in range({n}):\n    new_s = new_i * {n}",
    "if {n} > 5:\n    return {n}",
    "try:\n    new_t = int('{n}')\nexcept ValueError as new_error:\n    print(new_error)",
    "cdef int new_c = {n}\nnew_c += 1",
    "cdef double new_d = {n}",
    "new_f = f'{{len(str({n}))}} and {n}'",
    "with open('name{n}') as new_file:\n    new_file.read()",
    "assert {n}, 'message {n}'",
    "import os as new_os",
    "new_set = {{{n}, 'a{n}'}}\ndel new_set",
    "while False:\n    break",
    "raise KeyError({n})",
    "x.attribute{n} = {n}",
    "new_slice = 'abc'[{n}:]",
    "new_star, *new_rest = (1, 2, {n})",
    "new_x = not_declared_{n}",
    "new_y = new_y + 1",
    "new_call = len(sorted([{n}], reverse=True))",
    "new_cond = {n} if {n} > 2 else None",
    "new_big = {n}" + "0" * 30,
    "cdef list new_l = []\nnew_l.append({n})",
    "cdef str new_u = 'u{n}'\nnew_u.upper()",
    "new_op = {n} << 2 | 1",
    "new_chain = 1 < {n} < 10",
    "new_in = {n} in (1, 2, 3)",
    "(new_walrus := {n})",
    "new_gen = (j for j in [{n}])",
    "new_lambda = lambda q: q + {n}",
    "def new_inner(q):\n    return q + {n}",
    "yield {n}",
    "global new_global_{n}",
    "cdef int new_error = 'text'",
    "this is no syntax",
    "new_open = (",
    "cdef object new_o = {n}",
    "return",
    "class NewClass:\n    attribute = {n}",
    "cdef char* new_p = 'x'",
    "new_tuple = ({n}, ('b', {n}))",
    "'''a doc'''",
    "cdef int[3] new_array\nnew_array[0] = {n}",
    "cdef Py_ssize_t new_size = len('a{n}')",
    "exec('{n}')",
    "locals()",
    "nonlocal q",
    "print(__name__, __file__)",
    "new_bytes = b'{n}'.decode('ascii')",
    "new_type = type({n})",
]


def change(
    lines: list[str], function: Any, others: list[str], rng: random.Random
) -> list[str] | None:
    """The lines with an edit within a function."""
    body = [at for at in range(function.body, function.end) if lines[at].strip()]
    if not body:
        return None
    at = rng.choice(body)
    new = list(lines)
    indent = re.match(r"\s*", lines[at])[0]  # type: ignore[index]
    kind = rng.randrange(8)
    number = rng.randrange(1, 300)
    if kind <= 3:
        statement = rng.choice(STATEMENTS).format(n=number)
        new[at:at] = [indent + line for line in statement.split("\n")]
    elif kind == 4:
        del new[at]
    elif kind == 5:
        new[at] = re.sub(
            r"\b\d+\b", lambda found: str(int(found[0]) % 90 + number), new[at], count=1
        )
    elif kind == 6:
        names = re.findall(r"\b[a-z_]\w*\b", "\n".join(lines[function.body : function.end]))
        old = rng.choice(names) if names else "nothing"
        for line in range(function.body, function.end):
            new[line] = re.sub(rf"\b{old}\b", old + "_new", new[line])
    else:
        new[at:at] = [indent + rng.choice(others).strip()]
    return new if new != lines else None


class Run:
    """All files of one run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.rng = random.Random(arguments.seed)
        self.reasons: collections.Counter[str] = collections.Counter()
        self.short = self.refused = self.different = self.files = 0

    def analyse(self, path: str, notes: Any = None) -> str | None:
        """The tree by analysing the whole source; None where Cython refuses it."""
        from cython_llvm import errors, routes, settings, sharedutil

        texts: list[str] = []
        stock = routes.choose

        def choose(export: Any, *_: Any) -> Any:
            texts.append(export())
            return routes.Choice("tree", (), module=object())

        routes.choose = choose
        try:
            routes.analyse(path, "module", settings.default_settings(), notes=notes, c_text=False,
                           shared_utility=sharedutil.available())  # fmt: skip
        except errors.CompileError:
            return None
        finally:
            routes.choose = stock
        return texts[0]

    def file(self, source: str, folder: str) -> None:
        from cython_llvm import settings, shortened

        with open(source, encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(folder, "module.pyx")

        def write(text: str) -> None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

        others = [
            line
            for line in text.split("\n")
            if line.startswith("    ") and line.rstrip()[-1:] not in ":,(["
        ]
        kept = None
        for _ in range(self.arguments.edits):
            if kept is None:
                write(text)
                # Some of Cython's types are there once for the process, and another after their first use.
                if self.analyse(path) is None or self.analyse(path, shortened.Notes()) is None:
                    return
                kept = shortened._kept.get("module")
                if kept is None or not kept.functions:
                    self.reasons["nothing is kept of the file"] += 1
                    return
            lines = kept.text.split("\n")
            new = change(lines, self.rng.choice(kept.functions), others or ["pass"], self.rng)
            if new is None:
                continue
            write("\n".join(new))
            kept = shortened.edited(path, "module", settings.default_settings())
            if kept is None:
                self.refused += 1
                self.reasons[shortened.ways["module"].partition(chr(10))[0][:110]] += 1
                continue
            self.short += 1
            text = "\n".join(new)
            short, whole = kept.export(), self.analyse(path)
            if short != whole:
                self.different += 1
                self.show(source, lines, new, short, whole)
                kept = None
        self.files += 1

    def show(
        self, source: str, old: list[str], new: list[str], short: str, whole: str | None
    ) -> None:
        print(f"DIFFERENT: {source}")
        print("\n".join(difflib.unified_diff(old, new, n=1, lineterm="")))
        if whole is None:
            print("  the whole analysis refuses it")
            return
        rows = difflib.unified_diff(short.split("\n"), whole.split("\n"), n=0, lineterm="")
        for _, row in zip(range(8), rows, strict=False):
            print("  " + row[:600])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--edits", type=int, default=4, help="of each file")
    parser.add_argument("--files", type=int, default=0, help="at most so many, drawn by chance")
    parser.add_argument("-k", default="", help="files whose paths match")
    arguments = parser.parse_args()
    found = []
    for path in arguments.paths:
        if os.path.isdir(path):
            found += [
                os.path.join(path, name)
                for name in sorted(os.listdir(path))
                if name.endswith(".pyx")
            ]
        else:
            found.append(path)
    found = [path for path in found if re.search(arguments.k, path)]
    run = Run(arguments)
    if arguments.files:
        found = run.rng.sample(found, min(arguments.files, len(found)))
    with tempfile.TemporaryDirectory() as folder:
        for path in found:
            try:
                run.file(path, folder)
            except (UnicodeDecodeError, OSError) as error:
                print(f"{path}: {error}")
    print(f"{run.files} files: {run.short} edits the short way, {run.different} of them different, "
          f"{run.refused} refused:")  # fmt: skip
    for reason, count in run.reasons.most_common(25):
        print(f"{count:6}  {reason}")
    return 1 if run.different else 0


if __name__ == "__main__":
    sys.exit(main())
