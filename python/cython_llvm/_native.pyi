"""Types of the Rust extension module: clang, LLVM, lld and the JIT in this process.

Importing it maps about 100 MB of library; only code that is going to compile
something may do so.  Every function that does work releases the GIL.
"""

from typing import Any, Literal, TypedDict

class Diagnostic(TypedDict):
    """One message of clang, LLVM, lld or the JIT."""

    severity: Literal["fatal", "error", "warning", "note", "remark"]
    message: str
    file: str | None  # after #line mapping; None where there is no place
    line: int  # 1-based; 0 where unknown
    column: int  # 1-based byte column; 0 where unknown
    source_line: str | None  # the text of the physical line, where at hand
    option: str | None  # the warning's flag, e.g. "-Wunused-variable"

class Signature(TypedDict):
    """A function's type in LLVM's words."""

    ret: str
    params: list[str]
    varargs: bool
    defined: bool  # whether the module holds its body
    abi: list[list[str]]  # attributes that decide how values are passed: result's, each parameter's

class NativeError(Exception):
    """A step failed.  ``args == (code, message)``."""

    code: str  # "CYL1001"; see docs/guide/errors.md
    message: str
    diagnostics: list[Diagnostic]

class HotBodies:
    def __init__(self, data: bytes) -> None: ...

class Module:
    """One LLVM module in a context of its own."""

    @staticmethod
    def from_bitcode(data: bytes, name: str = ...) -> Module: ...
    @staticmethod
    def from_ir(text: str, name: str = ...) -> Module: ...
    @property
    def diagnostics(self) -> list[Diagnostic]: ...
    @property
    def dependencies(self) -> list[str]:
        """Every file that the preprocessor opened, the main text left out."""
    def optimize(self, level: int) -> None:
        """Run LLVM's default pipeline for -O<level> (0 to 3) once."""
    def mark_cold(self, prefixes: list[str]) -> int:
        """Leave loop-free functions with these prefixes out of optimisation; returns how many."""
    def prepare_live(self, symbol: str, data: bytes, variables: list[str] = ...) -> None:
        """Leave room in the user's C functions to redirect them, and export ``data``."""
    def retarget(self, cpu: str, features: str) -> None:
        """Replace the CPU and features of every function; "native" is this machine's."""
    def to_ir(self) -> str: ...
    def to_bitcode(self) -> bytes: ...
    def to_asm(self) -> str: ...
    def to_object(self) -> bytes: ...
    def defined_symbols(self) -> list[str]: ...
    def undefined_symbols(self) -> list[str]: ...
    def export_functions(self, names: list[str]) -> list[str]:
        """Make these functions visible to others; the names of those that have a body."""
    def split_state(self, state: str, entry: str, fast: list[str], quick: list[str]) -> list[str]: ...
    def begin_file(self, level: int) -> int: ...
    def finish_file(self) -> None: ...
    def pack_tables(self) -> int: ...
    def extract_hot(self, names: list[str]) -> tuple[bytes, list[str]]: ...
    def link_hot(self, bodies: HotBodies) -> None: ...
    def function_signatures(self) -> dict[str, Signature]:
        """Every function's, declared ones' too, by name."""

def compile_source(
    source: bytes,
    filename: str,
    language: Literal["c", "c++"],
    args: list[str],
    virtual_files: list[tuple[str, bytes]] = ...,
    pch: str | None = ...,
) -> Module:
    """Compile C or C++ text to an unoptimised module; ``args`` as for the clang driver."""

def build_pch(
    source: bytes, filename: str, language: Literal["c", "c++"], args: list[str], output: str
) -> list[str]:
    """Write a precompiled header (to a temporary name, then renamed); returns its dependencies."""

def link_shared(args: list[str], objects: list[bytes]) -> list[Diagnostic]:
    """Run lld (ELF) with ``args``; each of ``objects`` is an object file's bytes, added in order.

    Returns warnings; raises NativeError on failure.
    """

class JitLibrary:
    """A module's code in this process (one JITDylib of a shared LLJIT)."""

    @staticmethod
    def load_objects(objects: list[bytes], name: str, libraries: list[str] = ..., builtins: str | None = ...
    ) -> JitLibrary:
        """``libraries``: paths or sonames, opened with dlopen before symbols are looked up."""
    @staticmethod
    def load_module(module: Module, name: str, libraries: list[str] = ..., builtins: str | None = ...
    ) -> JitLibrary: ...
    def address(self, symbol: str) -> int: ...
    def ranges(self) -> list[tuple[int, int, bool]]:
        """Where its sections lie: start, size, whether writable."""
    def release(self) -> None:
        """Free the code.  Sound only while nothing can reach it any more."""

def mapped_ranges(address: int) -> list[tuple[int, int, bool]]:
    """The segments of the shared library that holds an address, as `JitLibrary.ranges`."""

def replace_pointers(ranges: list[tuple[int, int, bool]], from_: int, to: int) -> int:
    """Replace a pointer by another wherever it stands in the writable ones of ``ranges``."""

def redirect_function(from_: int, to: int) -> None:
    """Make calls of the C function at ``from_`` run the one at ``to``, of the same signature."""

def create_module(init_address: int, spec: Any) -> Any:
    """Call ``PyInit_*`` at the address; a multi-phase module is made from its def and spec,
    not yet executed."""

def exec_module(module: Any) -> None:
    """PyModule_ExecDef on a module made by create_module."""

def exec_into(init_address: int, module: Any) -> None:
    """Call ``PyInit_*`` at the address and run that definition's Py_mod_exec slots on an
    existing module object (reload)."""

def host_cpu() -> tuple[str, str]:
    """(CPU name, feature string) of this machine as LLVM names them; needs no target set-up."""

def device_math() -> bytes:
    """Bitcode of libm's functions for GPUs, made for this machine."""

def versions() -> dict[str, str]: ...

class InlineFunction:
    """`cython_llvm.inline`: finds compiled code by the code string and the values' types.

    ``prepare`` is asked for what it does not know; see python/native/inline.c.
    """

    def __init__(self, prepare: Any) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def forget(self) -> None:
        """Forget all code."""

class JitDispatcher:
    """A function of `cython_llvm.jit`; see python/native/dispatcher.c."""

    def __init__(self, controller: Any, globals: dict[str, Any], builtins: dict[str, Any]) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def _add(self, function: Any, guards: tuple[Any, ...], restartable: bool) -> bool:
        """Add a specialisation; whether there was room."""
    def _watch(self, names: tuple[tuple[str, Any, bool], ...]) -> None:
        """Names that specialisations take for granted: (name, object or None, of builtins)."""
    def _holds(self) -> bool:
        """Whether they mean what they meant."""
    def _forget(self) -> None:
        """Drop all specialisations."""
