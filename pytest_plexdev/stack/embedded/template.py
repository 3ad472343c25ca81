"""The cache of migrated Postgres data directories: a stack copies one in place of initdb and migrations.

``<cache>/postgres/<key>/data`` beside ``template.json``, which counts its files and bytes. A template is moved into
place in one piece under an exclusive lock; whoever copies it holds the lock shared.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import CACHE_UNWRITABLE, DISK_FULL, Failure, PlexdevError
from pytest_plexdev.stack.directories import mount_point, why_unwritable

TEMPLATES: Final = "postgres"
"""Their directory, in the cache."""
_FORMAT: Final = "1"
"""Part of the key: another number, and every template is built anew."""
_LOCK_PAUSE: Final = 0.01
_UNUSED: Final = 14 * 24 * 60 * 60
"""Seconds after which a template that nobody copied is removed; another version's stays until then."""


def key_of(server: Path, options: Iterable[str], migrations: Path) -> str:
    """What the template depends on: the server's binary, initdb's options, and every migration."""
    binary = server.stat()
    digest = hashlib.sha256(f"{_FORMAT} {binary.st_size} {binary.st_mtime_ns}".encode())
    for option in options:
        digest.update(option.encode() + b"\0")
    for file in sorted(migrations.glob("*.sql")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Template:
    """One entry of the cache, there or not."""

    cache: Path
    key: str

    @property
    def _home(self) -> Path:
        return self.cache / TEMPLATES

    @property
    def _place(self) -> Path:
        return self._home / self.key

    @property
    def data(self) -> Path:
        return self._place / "data"

    def is_there(self) -> bool:
        return self._place.is_dir()

    def flaw(self) -> str | None:
        """What is wrong with it, or ``None``: a look that finds what is missing or cut short, in milliseconds."""
        try:
            promised = json.loads((self._place / "template.json").read_text(encoding="utf-8"))
            found = _measure(self.data)
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        if found != promised:
            return f"{found['files']} files with {found['bytes']} bytes, not {promised}"
        return None

    @contextlib.asynccontextmanager
    async def locked(self, mode: int) -> AsyncIterator[None]:
        """Hold its lock, ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``.

        Raises:
            PlexdevError: ``cache-unwritable``, ``disk-full``.
        """
        import asyncio  # 40 ms that whoever only asks `is_there` does not pay

        with storage_errors(self.cache):
            self._home.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # A blocking flock would take the event loop with it. In a thread it could not be cancelled, and the
            # supervisor has to stay one thread (processes.Child); the other holder builds for a second at most.
            while not _try_lock(handle, mode):  # noqa: ASYNC110
                await asyncio.sleep(_LOCK_PAUSE)
            yield
        finally:
            os.close(handle)

    def share(self) -> int | None:
        """Hold its lock shared without waiting: a descriptor to close, or ``None`` where it is being built."""
        try:
            handle = os.open(self._lock_file, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        if self.is_there() and _try_lock(handle, fcntl.LOCK_SH):
            return handle
        os.close(handle)
        return None

    @property
    def _lock_file(self) -> Path:
        return self._home / f"{self.key}.lock"

    def building_place(self) -> Path:
        """A new directory of the same file system, to be filled and handed to :meth:`put`."""
        place = self._home / f".{self.key}.{os.getpid()}"
        with storage_errors(self.cache):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        return place

    def put(self, built: Path) -> None:
        """Move what was built into place; the exclusive lock must be held."""
        with storage_errors(self.cache):
            (built / "template.json").write_text(json.dumps(_measure(built / "data")), encoding="utf-8")
            self.discard()
            built.rename(self._place)
        self._remove_unused()

    def discard(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)

    def note_use(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._place)

    def _remove_unused(self) -> None:
        for other in self._home.iterdir():
            with contextlib.suppress(OSError):
                if other.is_dir() and other.stat().st_mtime < time.time() - _UNUSED:
                    shutil.rmtree(other, ignore_errors=True)


def _try_lock(handle: int, mode: int) -> bool:
    try:
        fcntl.flock(handle, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _measure(data: Path) -> dict[str, int]:
    sizes = list(_sizes(str(data)))
    return {"files": len(sizes), "bytes": sum(sizes)}


def _sizes(directory: str) -> Iterator[int]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path)
            else:
                yield entry.stat(follow_symlinks=False).st_size


def is_no_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def storage_errors(path: Path, *, refused: Failure = CACHE_UNWRITABLE) -> Iterator[None]:
    """Turn what a file system refuses into the catalogue's words."""
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise PlexdevError(DISK_FULL, path=mount_point(path)) from error
        reason = why_unwritable(path) if isinstance(error, PermissionError) else error.strerror or str(error)
        raise PlexdevError(refused, path=str(path), reason=reason) from error
