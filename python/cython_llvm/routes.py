"""Which route a module takes: the tree route where nothing is missing, else the C route.

The decision is made in the middle of Cython's pipeline, where the analysed tree is there and no C
yet: a module that the tree route cannot take goes on to C at once, with nothing done twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import cobject, errors, floatmath
from .settings import Settings

if TYPE_CHECKING:
    from . import treeroute
    from .frontend import CUnit
    from .shortened import Notes

#: Macros that change what Cython's C does; the tree route has none of it.
_C_MACROS = re.compile(r"CYTHON_(?!LLVM_)|Py_LIMITED_API|PYREX_|Py_TRACE_REFS|Py_REF_DEBUG")

#: Macros of Cython's C that do not count after all, where a program knows that it does not need them.
HARMLESS_MACROS: set[str] = set()

#: Flags for a C compiler that change nothing that a module without C could notice.
_WITHOUT_EFFECT = re.compile(
    r"-(?:W.*|w|std=.*|ansi|pedantic.*|pipe|pthread|mtune=.*|D.+|U.+|I.*|isystem.*|iquote.*|idirafter.*"
    r"|f(?:no-)?(?:wrapv|strict-aliasing|strict-overflow|common|visibility.*|omit-frame-pointer|diagnostics.*"
    r"|asynchronous-unwind-tables|unwind-tables|stack-.*|exceptions|PIC|PIE"
    r"|file-prefix-map=.*|debug-prefix-map=.*|macro-prefix-map=.*|plt|builtin.*))"
)
_WITH_VALUE = frozenset({"-I", "-D", "-U", "-isystem", "-iquote", "-idirafter"})


@dataclass(frozen=True)
class Choice:
    """The route of one module; ``reasons``: why not the tree route, each with its place if it has one.

    ``module`` is the tree route's, not yet optimised.
    """

    route: str
    reasons: tuple[str, ...] = ()
    module: Any = None
    headers: tuple[str, ...] = ()  # C headers that were read
    messages: tuple[Any, ...] = ()  # clang's warnings
    error: errors.CompileError | None = None  # a failure of the tree route itself
    on_gpu: bool = False  # a loop that has to run on a GPU cannot: C would be no way out

    @property
    def defects(self) -> tuple[str, ...]:
        """The reasons that are defects of this package."""
        return tuple(one for one in self.reasons if _DEFECT.search(one))

    def warning(self, name: str) -> str | None:
        """What the user is told of a module that a defect of this package keeps off the tree route."""
        if not self.defects:
            return None
        return f"{name}: warning: {self.defects[0]}; it takes the C route instead: please report this"

    def line(self, name: str) -> str:
        """The choice in a line, for logs."""
        if self.route == "tree":
            return f"{name}: tree route"
        more = f", and {len(self.reasons) - 1} more" if len(self.reasons) > 1 else ""
        return f"{name}: C route, because {self.reasons[0]}{more}"


#: What tells defects of this package from other reasons.
_DEFECT = re.compile(r"\Aits tree cannot be exported|\[CYL(?:16\d\d|17\d\d|110[2-6])\]\Z")
#: And for what C may get around: names that it knows as macros or as its own.
_UNLINKED = ("CYL2103", "CYL2001")


def failed(error: errors.CompileError) -> Choice:
    """The C route for a module that the tree route fails at."""
    first = str(error).partition("\n")[0]
    return Choice("c", (f"the tree route failed: {first} [{error.code}]",), error=error)


def around(error: errors.CompileError, only_tree: bool) -> Choice:
    """The C route for what the tree route's code fails at, in LLVM or in linking.

    Raises ``error`` where the C route is not wanted, or would fail too.
    """
    choice = failed(error)
    if only_tree or not (error.code in _UNLINKED or choice.defects):
        raise error
    return choice


def tell(name: str, choice: Choice) -> None:
    """One line to the log "cython_llvm", at level INFO; a warning where there is one."""
    import logging

    log = logging.getLogger("cython_llvm")
    warning = choice.warning(name)
    if warning is not None:
        log.warning("%s", warning)
    else:
        log.info("%s", choice.line(name))


def for_tree(settings: Settings) -> Settings:
    """The settings as code generation understands them: flags such as -O3 sorted into the fields."""
    return cobject.normalized(settings, "c") if settings.extra_compile_args else settings


def standing_reasons(settings: Settings, language: str) -> tuple[str, ...]:
    """What keeps a module off the tree route whatever it holds."""
    from . import treeroute

    found = []
    if language == "c++":
        found.append("it is C++")
    macros = [name for name, _ in settings.define_macros if name not in treeroute.TRACE_MACROS]
    macros += settings.undef_macros
    args = for_tree(settings).extra_compile_args
    macros += [arg[2:].partition("=")[0] for arg in args if arg.startswith(("-D", "-U"))]
    macros += [following.partition("=")[0] for arg, following in zip(args, args[1:], strict=False)
               if arg in ("-D", "-U")]  # fmt: skip
    found += [f"the macro {macro} is for C" for macro in macros
              if _C_MACROS.match(macro) and macro not in HARMLESS_MACROS]  # fmt: skip
    found += [f"the flag {flag} is for the C compiler" for flag in _foreign_flags(args)]
    found += option_reasons()
    if not treeroute.available():
        found.append("there is no run-time library for the installed Cython")
    return tuple(dict.fromkeys(found))


def _foreign_flags(args: Sequence[str]) -> list[str]:
    found = []
    words = iter(args)
    for flag in words:
        if flag in _WITH_VALUE:
            next(words, None)
        elif not _WITHOUT_EFFECT.fullmatch(flag) and not floatmath.FLAGS.fullmatch(flag):
            found.append(flag)
    return found


def attempt(tree: str, settings: Settings) -> Choice:
    """Take the tree route if that can be; its own failures are reasons for the C route."""
    from . import treeroute

    try:
        lowered = treeroute.lower(tree, settings)
    except errors.CompileError as error:
        return failed(error)
    if lowered.module is None:
        return lacking(lowered)
    return Choice("tree", (), lowered.module, lowered.headers, lowered.messages)


def lacking(lowered: treeroute.Lowered) -> Choice:
    """The C route for a module with what the tree route lacks."""
    lacks = tuple(f"the tree route lacks {one}" for one in lowered.missing)
    return Choice("c", lacks, headers=lowered.headers, on_gpu=any(one.on_gpu for one in lowered.missing))


def analyse(
    path: str, name: str, settings: Settings, *, shared_utility: str | None = None,
    known: tuple[str, ...] = (), c_text: bool = True, notes: Notes | None = None,
) -> tuple[CUnit, Choice]:  # fmt: skip
    """Cython on one file: C text where the C route is taken, else the tree route's module.

    ``known``: reasons against the tree route that an earlier attempt has found; it is not made
    again.  Without ``c_text`` there is no C either way.  ``notes`` gets what `edited` needs later.
    Raises `CompileError` as `frontend.generate_c` does.
    """
    from . import compiler_import, frontend, treefrontend

    if known:
        return (frontend.generate_c(path, name, settings, shared_utility=shared_utility),
                Choice("c", known))  # fmt: skip
    made: list[Choice] = []

    def decide(export: Callable[[], str], _source: str) -> bool:
        if notes is not None:
            notes.current = frontend.current()
        made.append(choose(export, *frontend.current()))
        return made[-1].route == "tree" or not c_text

    with frontend.LOCK:
        compiler_import.import_compiler()
        with treefrontend.choosing(decide, notes), notes.declaring() if notes else nullcontext():
            try:
                unit = frontend.generate_c(path, name, settings, shared_utility=shared_utility)
            except errors.CompileError as error:
                if error.code == "CYL1302" and made:  # the C route is no way out
                    lines = "".join(f"\n  {reason}" for reason in made[0].reasons)
                    raise errors.CompileError(f"{error}, but{lines}", code=error.code) from None
                raise
    if notes is not None and made[0].module is not None:
        notes.keep(unit, settings)
    return unit, made[0]


def edited(path: str, name: str, settings: Settings) -> tuple[CUnit, Choice] | None:
    """`analyse` for a module that has been analysed before, where an edit of one function is all."""
    from . import frontend, shortened

    with frontend.LOCK:
        kept = shortened.edited(path, name, settings)
        if kept is None:
            return None
        choice = choose(kept.export, *kept.current)
    if choice.module is None:
        shortened.forget(name)
        return None
    return kept.unit, choice


def refusal(path: str, choice: Choice) -> errors.CompileError:
    """The error of ``route="tree"`` for a module that needs the C route."""
    if choice.error is not None:
        return choice.error
    lines = "\n".join(f"  {reason}" for reason in choice.reasons)
    if choice.on_gpu:
        return errors.CompileError(f"'{path}' cannot run on a GPU, because\n{lines}", code="CYL1301")
    return errors.CompileError(
        f"'{path}' needs the C route, because\n{lines}\nroute 'auto' takes the C route by itself",
        code="CYL1301",
    )


def choose(export: Callable[[], str], settings: Settings, language: str) -> Choice:
    """The route of a module whose tree ``export`` makes."""
    reasons = standing_reasons(settings, language)
    if reasons:
        return Choice("c", reasons)
    try:
        tree = export()
    except Exception as error:  # a tree that the exporter does not understand
        return Choice("c", (f"its tree cannot be exported: {type(error).__name__}: {error}",))
    return attempt(tree, for_tree(settings))


def option_reasons(options: Any = None) -> tuple[str, ...]:
    """What options of Cython's, global ones and those of a compilation, ask for that only C has."""
    import sys

    module = sys.modules.get("Cython.Compiler.Options")
    if module is None:
        return ()
    found = [f"Cython's option {name} is for C" for name, usual in C_OPTIONS.items()
             if getattr(module, name, usual) != usual]  # fmt: skip
    if options is not None:
        if options.gdb_debug:
            found.append("--gdb is for C")
        if options.c_line_in_traceback:
            found.append(LINES_OF_C)
    return tuple(found)


#: Why the tree route does not do where tracebacks are to tell of them.
LINES_OF_C = "lines of C in tracebacks are C's"
#: Options of the whole compiler that act on what is generated, and what they usually are.
C_OPTIONS: dict[str, Any] = {
    "docstrings": True,
    "pre_import": None,
    "generate_cleanup_code": False,
    "clear_to_none": True,
    "cache_builtins": True,
    "lookup_module_cpdef": False,
    "embed": None,
    "embed_modules": [],
    "buffer_max_dims": 8,
}
