"""Built modules on disk, found by content, without importing Cython or LLVM.

Two steps, as ccache's direct mode.  A *key* is a hash of what is known before anything is compiled:
the source, its name, the settings, versions, the CPU.  Under the key lies a *manifest*: the files
that were read besides the source (with their hashes), the files whose appearance would have changed
the result, and the hash of the *entry*, a shared library ready to load.  An entry counts only if
all of that still holds; anything damaged or out of date is a miss.

The folder belongs to one user (mode 0700).  Everything is written beside its place and renamed, so
readers see whole files only.  A cache that cannot be used costs time, never an error.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import sys
import time
from _blake2 import blake2b

from . import toolchain_id

TYPE_CHECKING = False  # typing takes milliseconds to import, and cached imports pass here
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FORMAT = 1
_DEFAULT_SIZE = 2 << 30
_TOUCH_AFTER = 3600.0  # seconds between updates of an entry's time of use
_LOCK_TIMEOUT = 600.0  # seconds to wait for another process that builds the same module

_override: str | None = None
_checked: dict[str, str | None] = {}


class Manifest:
    """What an entry was made from, besides the key.  Paths are absolute."""

    __slots__ = ("absent", "dependencies", "digest", "extra")

    def __init__(
        self,
        digest: str,
        dependencies: tuple[tuple[str, int, int, str], ...],
        absent: tuple[str, ...],
        extra: str = "",
    ) -> None:
        self.digest = digest  # of the entry
        self.dependencies = dependencies  # (path, size, mtime in ns, content digest)
        self.absent = absent
        self.extra = extra

    def dump(self) -> bytes:
        body = marshal.dumps((_FORMAT, self.digest, self.dependencies, self.absent, self.extra))
        return blake2b(body, digest_size=16).digest() + body

    @staticmethod
    def load(data: bytes) -> Manifest | None:
        """None where the bytes are not what `dump` wrote."""
        digest, body = data[:16], data[16:]
        if len(digest) < 16 or blake2b(body, digest_size=16).digest() != digest:
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
        os.makedirs(path, mode=0o700, exist_ok=True)
        status = os.stat(path)
    except OSError as error:
        return _refuse(path, f"cannot be created: {error.strerror}")
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
    _warn(f"the cache directory '{path}' {why}; modules are compiled anew in each process "
          "(CYTHON_LLVM_CACHE_DIR names another place, CYTHON_LLVM_CACHE=0 turns the cache off)")  # fmt: skip


_warned: set[str] = set()


def _warn(message: str) -> None:
    """Once per message and process."""
    if message not in _warned:
        _warned.add(message)
        import warnings

        warnings.warn(f"cython_llvm: {message}", RuntimeWarning, stacklevel=3)


def subdirectory(name: str) -> str | None:
    """A folder of the cache, made where it is missing; None where there is none to be used."""
    base = directory()
    if base is None:
        return None
    path = os.path.join(base, name)
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        _warn(f"the cache directory '{base}' cannot be written: {error.strerror}")
        return None
    return path


def write_atomically(path: str, data: bytes) -> bool:
    """Write a file so that readers see all of it or none; False (and a warning) on failure."""
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
    except OSError as error:
        _warn(f"the cache at '{os.path.dirname(path)}' cannot be written: {error.strerror}")
        try:
            os.unlink(temporary)
        except OSError:
            pass
        return False
    return True


# ---------------------------------------------------------------------------- keys


def digest_of(data: bytes) -> str:
    """The hash that stands for a file's content everywhere in the cache."""
    return blake2b(data, digest_size=20).hexdigest()


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
                text = file.read(16384).partition(b"\n\n")[0]
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
    state = blake2b(digest_size=20)
    for part in (_FORMAT, kind, *environment_identity(), *parts):
        data = part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass")
        state.update(b"%d:" % len(data))
        state.update(data)
    return state.hexdigest()


# ---------------------------------------------------------------------------- entries


def _folder(key: str) -> str | None:
    base = directory()
    return None if base is None else os.path.join(base, "modules", key[:2], key)


def lookup(key: str, filename: str) -> str | None:
    """Path of the entry under a key, checked against its manifest; None on a miss."""
    folder = _folder(key)
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
    _touch(manifest_path)
    return path


def manifest_of(key: str) -> Manifest | None:
    """The manifest under a key as it stands, for `explain`."""
    folder = _folder(key)
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, "manifest"), "rb") as file:
            return Manifest.load(file.read())
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _holds(manifest: Manifest) -> bool:
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


def _touch(path: str) -> None:
    try:
        if time.time() - os.stat(path).st_mtime > _TOUCH_AFTER:
            os.utime(path)
    except OSError:
        pass


def fingerprint(paths: Iterable[str]) -> tuple[tuple[str, int, int, str], ...]:
    """The dependencies' state now, for a manifest; files that are gone are left out.

    A file's time counts only once it is old enough that a later change must show in it.
    """
    found = []
    now = time.time_ns()
    for path in dict.fromkeys(map(os.path.abspath, paths)):
        try:
            with open(path, "rb") as file:
                data = file.read()
            status = os.stat(path)
        except OSError:
            continue
        settled = now - status.st_mtime_ns > 2_000_000_000
        found.append((path, len(data), status.st_mtime_ns if settled else -1, digest_of(data)))
    return tuple(found)


def reserve(key: str) -> str | None:
    """A folder to link an entry into, or None."""
    folder = _folder(key)
    if folder is None:
        return None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        _warn(f"the cache directory '{directory()}' cannot be written: {error.strerror}")
        return None
    return folder


def store(
    key: str,
    filename: str,
    data: bytes,
    dependencies: tuple[tuple[str, int, int, str], ...] = (),
    absent: Iterable[str] = (),
    extra: str = "",
) -> str | None:
    """Put a shared library under a key; its path, or None where that failed."""
    folder = reserve(key)
    if folder is None:
        return None
    digest = digest_of(data)
    path = os.path.join(folder, f"{digest[:16]}-{filename}")
    if not write_atomically(path, data):
        return None
    manifest = Manifest(digest, dependencies, tuple(map(os.path.abspath, absent)), extra)
    if not write_atomically(os.path.join(folder, "manifest"), manifest.dump()):
        return None
    evict()
    return path


class Lock:
    """One process builds a key at a time; others wait, then find the entry.

    Where locks do not work, or the holder takes too long, the caller goes on without.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._file = -1

    def __enter__(self) -> Lock:
        folder = subdirectory("locks")
        if folder is None:
            return self
        try:
            self._file = os.open(
                os.path.join(folder, self._key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError:
            return self
        deadline = time.monotonic() + _LOCK_TIMEOUT
        pause = 0.002
        while time.monotonic() < deadline:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(pause)
                pause = min(pause * 1.5, 0.1)
            except OSError:
                break
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file >= 0:
            # Closing alone would leave the lock to a process forked in the meantime.
            try:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            except OSError:
                pass
            os.close(self._file)
            self._file = -1


# ---------------------------------------------------------------------------- size


def size_limit() -> int:
    """Bytes that the cache may take: CYTHON_LLVM_CACHE_SIZE ("500M", "2G"), default 2 GiB."""
    text = os.environ.get("CYTHON_LLVM_CACHE_SIZE", "").strip().upper().removesuffix("B").removesuffix("I")
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    factor = units.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    try:
        return int(float(digits) * factor)
    except ValueError:
        return _DEFAULT_SIZE


def _entries(base: str) -> Iterator[tuple[float, int, str]]:
    """(time of last use, bytes, folder) of every entry."""
    modules = os.path.join(base, "modules")
    for prefix in _listdir(modules):
        for name in _listdir(os.path.join(modules, prefix)):
            folder = os.path.join(modules, prefix, name)
            size, used = 0, 0.0
            for file in _listdir(folder):
                try:
                    status = os.stat(os.path.join(folder, file))
                except OSError:
                    continue
                size += status.st_size
                used = max(used, status.st_mtime)
            yield used, size, folder


def _listdir(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def evict() -> None:
    """Remove least recently used entries until the rest fits."""
    base = directory()
    if base is None:
        return
    limit = size_limit()
    entries = sorted(_entries(base))
    total = sum(size for _, size, _ in entries)
    # The newest entry stays, however small the limit: it is what was asked for just now.
    for _, size, folder in entries[:-1]:
        if total <= limit:
            return
        for file in _listdir(folder):
            try:
                os.unlink(os.path.join(folder, file))
            except OSError:
                pass
        try:
            os.rmdir(folder)
        except OSError:
            pass
        total -= size
