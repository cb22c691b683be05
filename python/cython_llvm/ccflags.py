"""What the flags of a cc command line mean to the compiler and linker in this process.

Build scripts and ``# distutils:`` headers speak gcc's language; this file sorts their flags
into the fields of `Settings`, drops those that only steer gcc's driver, and never looks at
the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_LEVELS = {"": 1, "0": 0, "1": 1, "2": 2, "3": 3, "g": 1, "s": 2, "z": 2, "fast": 3}

# Only gcc's driver or its own intermediate formats know these; clang would refuse them.
_DROP = re.compile(
    r"""-(?:c|S|E|pipe|shared|static|rdynamic|s|save-temps.*|v
        |fPIC|fpic|fPIE|fpie|fno-plt|flto(?:=.*)?|fno-lto|ffat-lto-objects|fno-fat-lto-objects
        |fuse-linker-plugin|fno-use-linker-plugin|flto-partition=.*|fuse-ld=.*
        |specs=.*|fvar-tracking.*|fno-var-tracking.*|fmax-errors=.*|fdiagnostics-.*
        |fprofile-.*|fno-profile-.*|fwhole-program|fopt-info.*|fdump-.*
        |fno-semantic-interposition|fno-gnu-unique|fgnu-unique|fipa-.*|fno-ipa-.*
        |ftree-.*|fno-tree-.*|fgcse.*|fno-gcse.*|fsched.*|fno-sched.*|fweb|frename-registers
        |fprefetch-loop-arrays|floop-.*|fgraphite.*|fexcess-precision=.*|fno-allow-store-data-races
        |pthread|ggdb.*|gdwarf.*|gsplit-dwarf|g[0-3]?|fopenmp.*|qopenmp|ldl|lm
        |arch|isysroot|mmacosx-version-min=.*|static-lib.*)$""",
    re.VERBOSE,
)
_TAKES_VALUE = frozenset({"-o", "-MF", "-MT", "-MQ", "-x", "-l", "-L", "-u", "-z", "-T", "-Xlinker",
                          "-isysroot", "-arch", "-R"})  # fmt: skip
_KEEPS_VALUE = frozenset({"-I", "-D", "-U", "-include", "-isystem", "-iquote", "-idirafter",
                          "-imacros", "-iprefix", "-Xclang", "-mllvm",
                          "-Xpreprocessor"})  # fmt: skip
_LINK_ONLY = re.compile(r"-(?:Wl,|l.|L.|R.|M[MDGPT]*$|MF|MT|MQ|x.|Xlinker)")


@dataclass(frozen=True)
class CompileFlags:
    """``args`` holds what goes to clang unchanged, in its order."""

    opt_level: int | None = None
    march: str | None = None
    debug: bool | None = None
    include_dirs: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    warnings: bool = False  # the caller asked for some kind of warning


@dataclass(frozen=True)
class LinkFlags:
    """``args`` holds what goes to lld, its own spelling (``-Wl,`` taken off)."""

    libraries: tuple[str, ...] = ()
    library_dirs: tuple[str, ...] = ()
    runtime_library_dirs: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    openmp: bool = False


@dataclass
class _Link:
    libraries: list[str] = field(default_factory=list)
    library_dirs: list[str] = field(default_factory=list)
    runtime_library_dirs: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    openmp: bool = False


def _wrong_language(flag: str, language: str) -> bool:
    """gcc only warns about -std=c++17 on a C file, clang refuses it: such flags are dropped."""
    standard = flag[5:] if flag.startswith("-std=") else None
    if standard is not None:
        return ("++" in standard) != (language == "c++")
    if language == "c":
        return flag.startswith(("-stdlib=", "-fno-rtti", "-fno-exceptions", "-fvisibility-inlines"))
    return flag in ("-Wstrict-prototypes", "-Wmissing-prototypes", "-Wimplicit", "-ansi")


def parse_compile_flags(args: Iterable[str], language: str = "c") -> CompileFlags:
    """Sort the flags of a compile command; ``language`` is "c" or "c++".

    The last of several -O, -march or -g flags counts, as in gcc.
    """
    level: int | None = None
    march: str | None = None
    debug: bool | None = None
    includes: list[str] = []
    kept: list[str] = []
    warnings = False
    stream = iter(args)
    for flag in stream:
        if flag in _KEEPS_VALUE or flag == "-isysroot":
            value = next(stream, None)
            if value is None or flag == "-isysroot":
                continue
            if flag == "-I":
                includes.append(value)
            else:
                kept += [flag, value]
        elif flag in _TAKES_VALUE:
            next(stream, None)
        elif flag.startswith("-I"):
            includes.append(flag[2:])
        elif flag.startswith("-O") and flag[2:] in _LEVELS:
            level = _LEVELS[flag[2:]]
            if flag == "-Ofast":
                kept.append("-ffast-math")
        elif flag.startswith(("-march=", "--march=")):
            march = flag.partition("=")[2]
        elif re.fullmatch(r"-g(?:[0-3]|gdb.*|dwarf.*)?", flag):
            debug = flag not in ("-g0", "-ggdb0")
        elif _DROP.match(flag) or _LINK_ONLY.match(flag) or _wrong_language(flag, language):
            continue
        elif flag:
            warnings = warnings or (flag.startswith("-W") and not flag.startswith("-Wno-"))
            kept.append(flag)
    return CompileFlags(level, march, debug, tuple(includes), tuple(kept), warnings)


def _linker_words(args: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """(word, meant for the linker itself) with -Wl, and -Xlinker taken apart."""
    stream = iter(args)
    for flag in stream:
        if flag == "-Xlinker":
            value = next(stream, None)
            if value is not None:
                yield value, True
        elif flag.startswith("-Wl,"):
            for word in flag[4:].split(","):
                if word:
                    yield word, True
        else:
            yield flag, False


_RPATH = re.compile(r"(?:-rpath=|--rpath=|-R)(?P<dir>.+)$")
_LD_ONLY_GNU = re.compile(
    r"--?(?:no-copy-dt-needed-entries|copy-dt-needed-entries|reduce-memory-overheads"
    r"|add-needed|no-add-needed|hash-size=.*|sort-common.*|relax|no-relax|warn-common"
    r"|plugin.*|push-state|pop-state)$"
)


def parse_link_flags(args: Sequence[str]) -> LinkFlags:
    """Sort the flags of a link command; names of files become ``objects``."""
    out = _Link()
    words = iter(list(_linker_words(args)))
    for word, for_linker in words:
        if word in ("-rpath", "--rpath", "-R"):
            value = next(words, None)
            if value is not None:
                out.runtime_library_dirs += value[0].split(":")
        elif for_linker and (found := _RPATH.match(word)):
            out.runtime_library_dirs += found["dir"].split(":")
        elif word.startswith("-R") and not for_linker:
            out.runtime_library_dirs += word[2:].split(":")
        elif word in ("-l", "-L"):
            value = next(words, None)
            if value is not None:
                (out.libraries if word == "-l" else out.library_dirs).append(value[0])
        elif word.startswith("-l"):
            out.libraries.append(word[2:])
        elif word.startswith("-L"):
            out.library_dirs.append(word[2:])
        elif word in ("-fopenmp", "-qopenmp") or word.startswith("-fopenmp="):
            out.openmp = True
        elif word in ("-o", "-T", "-u", "-z") and not for_linker:
            value = next(words, None)
            if value is not None and word in ("-u", "-z"):
                out.args += [word, value[0]]
        elif for_linker:
            if not _LD_ONLY_GNU.match(word):
                out.args.append(word)
        elif word == "-s":
            out.args.append(word)
        elif word.startswith("-"):
            continue  # a driver's or compiler's flag: nothing is left for it to do
        elif word:
            out.objects.append(word)
    return LinkFlags(
        tuple(out.libraries),
        tuple(out.library_dirs),
        tuple(out.runtime_library_dirs),
        tuple(out.objects),
        tuple(out.args),
        out.openmp,
    )
