"""The exceptions that users catch, and the one place where they are turned into text."""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any



class CythonLLVMError(Exception):
    """Base of every error of ours.  ``code`` is stable ("CYL1001"), ``diagnostics`` structured."""

    code = "CYL0000"

    def __init__(
        self, message: str, *, code: str | None = None, diagnostics: Sequence[Any] = ()
    ) -> None:
        Exception.__init__(self, message)
        if code is not None:
            self.code = code
        self.diagnostics = list(diagnostics)


class CompileError(CythonLLVMError):
    """The source could not be compiled: Cython, the C stage, or code generation refused it."""

    code = "CYL1000"


class LinkError(CompileError):
    """Compiled, but not linked: a symbol or a library is missing."""

    code = "CYL2000"


class ModuleBuildError(CythonLLVMError, ImportError):
    """An import failed because the module could not be built.  ``__cause__`` says why."""

    code = "CYL3000"

    def __init__(
        self,
        message: str,
        *,
        name: str | None = None,
        path: str | None = None,
        code: str | None = None,
        diagnostics: Sequence[Any] = (),
    ) -> None:
        CythonLLVMError.__init__(self, message, code=code, diagnostics=diagnostics)
        self.name = name
        self.path = path


class _Errors(ModuleType):
    """``cython_llvm.errors()``: what `live_watch.errors` gives."""

    def __call__(self) -> dict[str, BaseException]:
        from . import live_watch

        return live_watch.errors()


errors = sys.modules[__name__]
errors.__class__ = _Errors
