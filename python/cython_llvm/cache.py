"""Built modules on disk, found by content, without importing Cython or LLVM.

Two steps, as ccache's direct mode.  A *key* is a hash of what is known before anything is compiled:
the source, its name, the settings, versions, the CPU.  Under the key lies a *manifest*: the files
that were read besides the source (with their hashes), the files whose appearance would have changed
the result, and the hash of the *entry*, a shared library ready to load.  An entry counts only if
all of that still holds; anything damaged or out of date is a miss.

The folder belongs to one user (mode 0700).  Everything is written beside its place and renamed, so
readers see whole files only.  A cache that cannot be used costs time, never an error.

Here is what a cached import needs; `cachestore` writes, `cachelock` keeps builds apart.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import time
from _imp import source_hash

from . import toolchain_id

_FORMAT = 3
_TOUCH_AFTER = 3600.0  # seconds between updates of an entry's time of use

_override: str | None = None
_checked: dict[str, str | None] = {}


class Manifest:
    """What an entry was made from, besides the key.  Paths are absolute."""

    __slots__ = ("absent", "dependencies", "digest", "place")

    def __init__(
        self,
        digest: str,
        dependencies: tuple[tuple[str, int, int, str], ...],
        absent: tuple[str, ...],
        place: str = "",
    ) -> None:
        self.digest = digest  # of the entry
        self.dependencies = dependencies  # (path, size, mtime in ns, content digest)
        self.absent = absent
        self.place = place  # the only working directory that the entry is for; "": any

    def dump(self) -> bytes:
        body = marshal.dumps((_FORMAT, self.digest, self.dependencies, self.absent, self.place))
        return digest_of(body).encode("ascii") + body

    @staticmethod
    def load(data: bytes) -> Manifest | None:
        """None where the bytes are not what `dump` wrote."""
        digest, body = data[:32], data[32:]
        if digest_of(body).encode("ascii") != digest:
            return None
        version, *fields = marshal.loads(body)
        return Manifest(*fields) if version == _FORMAT else None


# ---------------------------------------------------------------------------- the folder


def set_directory(path: str | None) -> None:
    """Use ``path`` (``install(build_dir=...)``) instead of the environment's; None undoes it."""
    global _override
    _override = None if path is None else os.path.abspath(os.path.expanduser(path))


def enabled() -> bool:
    """False where CYTHON_LLVM_CACHE=0 turns the cache off."""
    return os.environ.get("CYTHON_LLVM_CACHE", "1").strip().lower() not in ("0", "no", "false", "off")


def _wanted_directory() -> str:
    path = os.environ.get("CYTHON_LLVM_CACHE_DIR") or _override
    if path:
        return os.path.abspath(os.path.expanduser(path))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "cython_llvm")


def directory() -> str | None:
    """The cache's folder, made where it is missing; None where there is none to be used."""
    if not enabled():
        return None
    path = _wanted_directory()
    if path not in _checked:
        _checked[path] = _prepare(path)
    return _checked[path]


def _prepare(path: str) -> str | None:
    try:
        status = os.stat(path)
    except OSError:
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            status = os.stat(path)
        except OSError as error:
            return _refuse(path, f"cannot be created: {error.strerror}")
    if not stat.S_ISDIR(status.st_mode):
        return _refuse(path, "is not a directory")
    if status.st_uid != os.geteuid():
        return _refuse(path, "belongs to another user")
    if status.st_mode & 0o022:
        return _refuse(path, "can be written by other users; 'chmod go-w' it")
    if status.st_mode & 0o077:
        try:
            os.chmod(path, 0o700)
        except OSError as error:
            return _refuse(path, f"cannot be made private: {error.strerror}")
    return path


def _refuse(path: str, why: str) -> None:
    warn(f"the cache directory '{path}' {why}; modules are compiled anew in each process "
          "(CYTHON_LLVM_CACHE_DIR names another place, CYTHON_LLVM_CACHE=0 turns the cache off)")  # fmt: skip


_warned: set[str] = set()


def warn(message: str) -> None:
    """Once per message and process."""
    if message not in _warned:
        _warned.add(message)
        import warnings

        warnings.warn(f"cython_llvm: {message}", RuntimeWarning, stacklevel=3)


def warn_unwritable(error: OSError) -> None:
    """The same words wherever it shows, so that they come once."""
    warn(f"the cache directory '{directory()}' cannot be written: {error.strerror}")


def subdirectory(name: str) -> str | None:
    """A folder of the cache, made where it is missing; None where there is none to be used."""
    base = directory()
    if base is None:
        return None
    path = os.path.join(base, name)
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        warn_unwritable(error)
        return None
    return path


# ---------------------------------------------------------------------------- keys


def digest_of(data: bytes) -> str:
    """The hash that stands for a file's content everywhere in the cache: 128 bits, in hex.

    CPython's own for hash-based .pyc files (SipHash), with two keys.  The folder is private to one
    user, so that collisions need not be guarded against, only accidents; and nothing has to be
    imported for it, as it must for hashlib.
    """
    return source_hash(0, data).hex() + source_hash(1, data).hex()


def _installed(relative: str) -> str:
    """Identity of an installed package, by the state of one of its files; no import."""
    for folder in sys.path:
        try:
            status = os.stat(os.path.join(folder or ".", relative))
        except OSError:
            continue
        return f"{folder}:{status.st_size}:{status.st_mtime_ns}"
    return "absent"


_cpu: str | None = None


def cpu_identity() -> str:
    """What `-march=native` depends on, as the kernel tells it."""
    global _cpu
    if _cpu is None:
        wanted = (b"vendor_id", b"cpu family", b"model", b"stepping", b"flags")
        try:
            with open("/proc/cpuinfo", "rb", buffering=0) as file:
                # The first processor's block; the kernel makes only as much as is asked for.
                text = file.read(4096)
                while b"\n\n" not in text and (more := file.read(4096)):
                    text += more
                text = text.partition(b"\n\n")[0]
        except OSError:
            text = b""
        lines = [line for line in text.split(b"\n") if line.startswith(wanted)]
        _cpu = digest_of(b"\n".join(lines))
    return _cpu


def environment_identity() -> tuple[str, ...]:
    """Versions that decide what code comes out."""
    return (
        sys.version,
        sys.executable,
        toolchain_id(),
        _installed("Cython/Shadow.py"),
        _installed("numpy/version.py"),
        cpu_identity(),
    )


def key(kind: str, *parts: object) -> str:
    """A key from anything whose repr says what it is; bytes go in as they are."""
    whole = []
    for part in (_FORMAT, kind, *environment_identity(), *parts):
        data = part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass")
        whole += (b"%d:" % len(data), data)
    return digest_of(b"".join(whole))


# ---------------------------------------------------------------------------- entries


def entry_folder(key: str) -> str | None:
    base = directory()
    return None if base is None else os.path.join(base, "modules", key[:2], key)


def lookup(key: str, filename: str) -> str | None:
    """Path of the entry under a key, checked against its manifest; None on a miss."""
    folder = entry_folder(key)
    if folder is None:
        return None
    manifest_path = os.path.join(folder, "manifest")
    try:
        with open(manifest_path, "rb", buffering=0) as file:
            manifest = Manifest.load(file.read())
        if manifest is None or not _holds(manifest):
            return None
        path = os.path.join(folder, f"{manifest.digest[:16]}-{filename}")
        with open(path, "rb", buffering=0) as file:
            if digest_of(file.read()) != manifest.digest:
                return None
    except (OSError, ValueError, EOFError, TypeError):
        return None
    touch(manifest_path)
    files_of[path] = (manifest.dependencies, manifest.absent)
    return path


#: Of the entries that `lookup` found: the files read besides the source, and those looked for in vain.
files_of: dict[str, tuple[tuple[tuple[str, int, int, str], ...], tuple[str, ...]]] = {}


def manifest_of(key: str) -> Manifest | None:
    """The manifest under a key as it stands, for `explain`."""
    folder = entry_folder(key)
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, "manifest"), "rb") as file:
            return Manifest.load(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _holds(manifest: Manifest) -> bool:
    if manifest.place and manifest.place != os.getcwd():
        return False
    for path, size, mtime, digest in manifest.dependencies:
        try:
            status = os.stat(path)
            if status.st_size == size and status.st_mtime_ns == mtime:
                continue
            if status.st_size != size:
                return False
            with open(path, "rb") as file:
                if digest_of(file.read()) != digest:
                    return False
        except OSError:
            return False
    return not any(os.path.exists(path) for path in manifest.absent)


def touch(path: str) -> None:
    """Note that a file is in use, for `cachestore`, which removes what is not."""
    try:
        if time.time() - os.stat(path).st_mtime > _TOUCH_AFTER:
            os.utime(path)
    except OSError:
        pass
