"""lld's arguments for an extension module, with no linker, no ``-dev`` package and no gcc around.

The C library is linked by the very file that this process has loaded; other libraries are looked
for as ld does, and by their versioned names besides.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from functools import lru_cache

from .ccflags import parse_link_flags
from .settings import Settings

_SYSTEM_DIRS = (
    "/usr/local/lib",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/lib",
    "/lib",
)

# Parts of glibc since 2.34; their names stay valid on command lines.
_IN_LIBC = frozenset({"c", "pthread", "dl", "rt", "util", "gcc", "gcc_s"})


@lru_cache(maxsize=1)
def _loaded_files() -> dict[str, str]:
    """Base name to path of the shared libraries mapped into this process."""
    found: dict[str, str] = {}
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")[2]
                if ".so" in path:
                    found.setdefault(os.path.basename(path), "/" + path)
    except OSError:
        pass
    return found


def system_library(soname: str) -> str | None:
    """Path of a system library by its soname, e.g. ``libm.so.6``."""
    loaded = _loaded_files().get(soname)
    if loaded is not None and os.path.exists(loaded):
        return loaded
    for folder in _SYSTEM_DIRS:
        path = os.path.join(folder, soname)
        if os.path.exists(path):
            return path
    return None


def search_dirs(settings: Settings) -> list[str]:
    """Folders in which ``-l`` looks, in order."""
    from_environment = [d for d in os.environ.get("LIBRARY_PATH", "").split(":") if d]
    dirs = [*settings.library_dirs, *from_environment, *_SYSTEM_DIRS]
    return [folder for folder in dict.fromkeys(dirs) if os.path.isdir(folder)]


def _library_argument(name: str, dirs: Iterable[str]) -> list[str]:
    """``-lname`` where ld would find it; else the newest versioned file of that name."""
    if name in _IN_LIBC:
        return []  # always linked, see `arguments`
    if name == "m":
        return []
    if name.startswith(":"):
        return [f"-l{name}"]
    versioned: list[str] = []
    for folder in dirs:
        for suffix in ("so", "a"):
            if os.path.exists(os.path.join(folder, f"lib{name}.{suffix}")):
                return [f"-l{name}"]
        versioned += sorted(glob.glob(os.path.join(glob.escape(folder), f"lib{name}.so.*")))
    if versioned:
        return [versioned[-1]]
    return [f"-l{name}"]  # lld says that it is missing


def arguments(
    output: str,
    settings: Settings,
    *,
    language: str,
    openmp: str | None,
    builtins: str | None,
) -> list[str]:
    """lld's arguments after the objects; paths of ``openmp`` and ``builtins`` where wanted."""
    flags = parse_link_flags(settings.extra_link_args)
    settings = settings.with_(
        libraries=(*settings.libraries, *flags.libraries),
        library_dirs=(*settings.library_dirs, *flags.library_dirs),
        runtime_library_dirs=(*settings.runtime_library_dirs, *flags.runtime_library_dirs),
        extra_objects=(*settings.extra_objects, *flags.objects),
    )
    args = ["-o", output, "-m", "elf_x86_64", "--hash-style=gnu", "--eh-frame-hdr",
            "-z", "relro", "--as-needed", "--enable-new-dtags",
            # lld's thread pool would outlive the link, and break in a forked child.
            "--threads=1"]  # fmt: skip
    if not settings.debug:
        args.append("--strip-debug")
    args += settings.extra_objects
    dirs = search_dirs(settings)
    args += [f"-L{folder}" for folder in dirs]
    for library in settings.libraries:
        # Named by the user: needed, whether the code refers to it yet or not.
        args += ["--no-as-needed", *_library_argument(library, dirs), "--as-needed"]
    rpath = list(settings.runtime_library_dirs)
    if openmp is not None:
        args.append(openmp)
        rpath += ["$ORIGIN", os.path.dirname(openmp)]
    if rpath:
        args += ["-rpath", ":".join(dict.fromkeys(rpath))]
    args += flags.args
    if builtins is not None:
        args.append(builtins)
    wanted = ["libm.so.6", "libc.so.6", "ld-linux-x86-64.so.2"]
    if language == "c++":
        wanted = ["libstdc++.so.6", "libgcc_s.so.1", *wanted]
    args += [path for path in map(system_library, wanted) if path is not None]
    return args


def _resolve(name: str, dirs: Iterable[str]) -> str | None:
    """Path of a library named as in ``-lname``, shared ones first; None where there is none."""
    for folder in dirs:
        for pattern in (f"lib{name}.so", f"lib{name}.so.*", f"lib{name}.a"):
            found = sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))
            # A linker script called libfoo.so is text; the versioned file beside it is the library.
            found = [path for path in found if path.endswith(".a") or _is_elf(path)]
            if found:
                return found[-1]
    return None


def _is_elf(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def shared_libraries(settings: Settings) -> list[str]:
    """Paths (sonames where nothing is found) of the libraries that the settings name."""
    dirs = search_dirs(settings)
    names = [name for name in settings.libraries if name not in _IN_LIBC and name != "m"]
    return [_resolve(name, dirs) or f"lib{name}.so" for name in names]


def has_static_libraries(settings: Settings) -> bool:
    """Whether a library of the settings exists as an archive only."""
    return any(path.endswith(".a") for path in shared_libraries(settings))


def linked_in(settings: Settings) -> list[str]:
    """Files that a link copies into its output: objects and static libraries, existing ones."""
    flags = parse_link_flags(settings.extra_link_args)
    dirs = search_dirs(
        settings.with_(library_dirs=(*settings.library_dirs, *flags.library_dirs))
    )
    libraries = (*settings.libraries, *flags.libraries)
    archives = [path for path in (_resolve(name, dirs) for name in libraries) if path is not None]
    found = [*settings.extra_objects, *flags.objects, *(p for p in archives if p.endswith(".a"))]
    return [path for path in found if os.path.isfile(path)]
