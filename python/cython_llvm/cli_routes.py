"""The route of each file that `cython --backend=llvm` compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import directives, explaining, frontend, produce, routes, treefrontend, treeproduce, verdicts
from .cdiag import shown_path
from .errors import CompileError, CythonLLVMError
from .routes import Choice
from .settings import Settings

#: Texts on the way that only the tree route has.
_STAGES = ("tree", "mir", "ptx")

WriteC = Callable[[produce.CUnit, Settings, str, str], "list[str]"]


class Build:
    """One source on its way to one file; ``choice`` is its route once Cython has run."""

    def __init__(self, source: str, options: Any, settings: Settings, emit: str) -> None:
        self._source = source
        self._settings = settings
        self._emit = emit
        self._language = "c++" if options.cplus else "c"
        self._directives = {**directives.from_environment(), **(options.compiler_directives or {})}
        self._only_tree = settings.route == "tree" or emit in _STAGES
        self._tree = ""
        self._key: str | None = None
        reasons = self._reasons(options)
        if not reasons and not self._only_tree:
            with open(source, "rb") as file:
                shown = repr((options.module_name, self._language, sorted(self._directives.items(),
                              key=str), options.language_level, list(options.include_path)))  # fmt: skip
                self._key = verdicts.key(source, file.read(), shown, settings)
            reasons = verdicts.known(self._key)
        self.choice = Choice("c", reasons)
        if self._only_tree and reasons and emit not in _STAGES:
            raise routes.refusal(shown_path(source), self.choice)
        if self._only_tree and self._language == "c++" and emit != "tree":
            raise CythonLLVMError(f"{shown_path(source)}: the tree route has no C++", code="CYL4002")

    def _reasons(self, options: Any) -> tuple[str, ...]:
        if self._emit in _STAGES:
            return ()
        if self._settings.route == "c":
            return (explaining.ASKED_FOR_C,)
        if self._settings.route == "auto" and self._emit not in treeproduce.COMPLETE:
            return (explaining.FILES_FOR_OTHERS,)
        standing = routes.standing_reasons(self._settings, self._language)
        return (*standing, *(one for one in routes.option_reasons(options) if one not in standing))

    @property
    def wants_tree(self) -> bool:
        """Whether Cython has to come by the tree: its own cache of C files would pass it by."""
        return not self.choice.reasons

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """While this lasts, the compilation of the source chooses its route."""
        if not self.wants_tree:
            yield
            return

        def decide(export: Callable[[], str], _source: str) -> bool:
            if self._emit in _STAGES:
                self._tree = export()
                return True
            self.choice = routes.choose(export, self._settings, self._language)
            return self.choice.route == "tree" or self._only_tree

        with treefrontend.choosing_by_file(lambda _: decide):
            yield
        if self.choice.reasons:
            self._remember()

    def _remember(self) -> None:
        if self._key is not None:
            verdicts.remember(self._key, self.choice, self._dependencies())

    def _dependencies(self) -> tuple[str, ...]:
        from Cython.Build.Dependencies import create_dependency_tree

        try:
            found = create_dependency_tree(quiet=True).all_dependencies(self._source)
        except Exception:  # what it reads may be gone again
            return ()
        return tuple(path for path in found if path != self._source)

    def finish(self, unit: produce.CUnit, output: str, write_c: WriteC) -> list[str]:
        """Write ``output``; warnings for the user.  Raises CompileError, LinkError, OSError."""
        if self._emit in _STAGES:
            shown = shown_path(self._source)
            treeproduce.write_stage(self._tree, shown, self._settings, self._emit, output)
            return []
        if self.choice.module is not None:
            try:
                treeproduce.write(self.choice.module, unit, self._settings, self._emit, output)
                return []
            except CompileError as error:
                self.choice = routes.around(error, self._only_tree)
            self._remember()
        if self._only_tree:
            raise routes.refusal(shown_path(self._source), self.choice)
        with open(self._source, "rb") as file:
            frontend.refuse_c_route(shown_path(self._source), file.read(), self._directives)
        warning = self.choice.warning(shown_path(self._source))
        return [*([warning] if warning else []), *write_c(unit, self._settings, self._emit, output)]

    def explanation(self) -> str:
        """What --explain prints."""
        return explaining.route_line(shown_path(self._source), self.choice.route, self.choice.reasons)
