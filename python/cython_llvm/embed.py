"""--embed: a program that starts Python and runs one module, linked by the embedded lld.

No C runtime files are needed: the few instructions before main are compiled here.
"""

from __future__ import annotations

import os
import sysconfig
from typing import Any

from . import atomic, cobject, linkargs
from .errors import LinkError
from .produce import CUnit, with_module_headers
from .settings import Settings

# What crt1.o does: the kernel's argument block to the C library, which calls main.  glibc from
# 2.34 on runs constructors itself when given no init function.
_START = b"""
extern int main(int, char **);
extern int __libc_start_main(int (*)(int, char **), int, char **,
                             void (*)(void), void (*)(void), void (*)(void), void *);
__attribute__((used)) static void start_c(long *stack, void (*fini)(void)) {
    __libc_start_main(main, (int)stack[0], (char **)(stack + 1), 0, 0, fini, stack);
    __builtin_trap();
}
__asm__(".globl _start\\n.type _start,@function\\n_start:\\n"
        "xor %ebp, %ebp\\nmov %rsp, %rdi\\nmov %rdx, %rsi\\nand $-16, %rsp\\n"
        "call start_c\\n");
"""

_INTERPRETER = "/lib64/ld-linux-x86-64.so.2"


def shared_libpython() -> str:
    """Path of libpython's shared library.  Raises LinkError where this Python has none."""
    get = sysconfig.get_config_var
    names = [get("INSTSONAME"), get("LDLIBRARY")]
    libdir = get("LIBDIR") or ""
    folders = [libdir, get("LIBPL"), os.path.join(libdir, get("MULTIARCH") or "")]
    for name in names:
        if not name or ".so" not in name:
            continue
        for folder in folders:
            if folder and os.path.isfile(os.path.join(folder, name)):
                return os.path.join(folder, name)
        found = linkargs.system_library(name)
        if found is not None:
            return found
    version = get("py_version_short") or "3"
    raise LinkError(
        f"--embed: no shared libpython{version} on this machine, so a program that embeds Python "
        f"cannot be linked: install it (apt install libpython{version}), or write the C with "
        f"--emit=c",
        code="CYL2010",
    )


def link_program(unit: CUnit, settings: Settings, output: str, entry: Any) -> list[str]:
    """Compile and link a program; ``entry`` is --embed's function name.

    Returns warnings.  Raises CompileError, LinkError, OSError.
    """
    if entry not in (True, "main"):
        raise LinkError(
            f"--embed={entry}: only a program with main() can be linked; for a function of "
            f"another name write an object with --emit=obj and link it into your program",
            code="CYL2011",
        )
    from . import toolchain

    library = shared_libpython()
    settings = with_module_headers(settings, unit)
    compiled = cobject.compile_text(unit.text, unit.name, unit.language, settings)
    objects = [cobject.object_code(compiled)]
    start = Settings(march=settings.march, extra_compile_args=("-fno-stack-protector",))
    objects.append(cobject.object_code(cobject.compile_text(_START, "start.c", "c", start)))
    objects += cobject.compile_sources(settings.extra_sources, settings)
    openmp = any(cobject._object_wants_openmp(data) for data in objects)
    with atomic.replacing(output, 0o777) as temporary:
        args = linkargs.arguments(
            temporary,
            settings.with_(
                extra_objects=(*settings.extra_objects, library),
                runtime_library_dirs=(*settings.runtime_library_dirs, os.path.dirname(library)),
            ),
            language=unit.language,
            openmp=toolchain.openmp_library() if openmp else None,
            builtins=toolchain.builtins_archive(),
        )
        _link(args, objects)
    return []


def _link(args: list[str], objects: list[bytes]) -> None:
    from . import _native
    from .toolchain import compile_error

    program = ["-pie", "-dynamic-linker", _INTERPRETER, "--export-dynamic", "-e", "_start"]
    try:
        _native.link_shared([*program, *args], objects)
    except _native.NativeError as error:
        raise compile_error(error, kind=LinkError) from None
