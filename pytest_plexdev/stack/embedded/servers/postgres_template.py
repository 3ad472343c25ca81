"""Cache migrated Postgres data directories, so that a stack copies one instead of running initdb and migrations.

A template is ``<cache>/postgres/<key>/data``, with ``template.json`` beside it, which describes its content. It is
renamed into place under an exclusive lock and copied under a shared one. A template that other users can write is never
used, and only directories with the mark of a template (:mod:`~pytest_plexdev.core.ownership.lock`) are removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import Ownership, own, seize
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.paths import cache_room, mount_point, why_unwritable
from pytest_plexdev.core.private_files import (
    check_private,
    make_temporary_directory,
    open_private,
    read_private,
    write_private,
)
from pytest_plexdev.core.untrusted_json import decode_file
from pytest_plexdev.errors import CACHE_UNWRITABLE, DISK_FULL, Failure, PlexdevError
from pytest_plexdev.stack.embedded.servers.template_content import describe

TEMPLATES: Final = "postgres"
"""The directory of the templates, in the cache."""
_DATA: Final = "data"
_CONTENT: Final = "template.json"
_FORMAT: Final = "2"
"""Part of the key: changing it invalidates all templates."""
_LOCK_RETRY_INTERVAL_S: Final = 0.01
_UNUSED_S: Final = 14 * 24 * 60 * 60
"""A template that was not copied for this long is removed, for example one of another version."""


def key_of(server: Path, options: Iterable[str], migrations: Path) -> str:
    """Hash what a template depends on: the server's binary, the options and all migrations."""
    binary = server.stat()
    digest = hashlib.sha256(f"{_FORMAT} {binary.st_size} {binary.st_mtime_ns}".encode())
    for option in options:
        digest.update(option.encode() + b"\0")
    for file in sorted(migrations.glob("*.sql")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Template:
    """One entry of the cache, whether it exists or not."""

    cache: Path
    key: str

    @property
    def _root(self) -> Path:
        return self.cache / TEMPLATES

    @property
    def _place(self) -> Path:
        return self._root / self.key

    @property
    def data(self) -> Path:
        return self._place / _DATA

    def exists(self) -> bool:
        return self._place.is_dir()

    def flaw(self) -> str | None:
        """Return what is wrong with the template, or ``None``. Compares entries and configuration, in milliseconds.

        Raises:
            PlexdevError: ``untrusted-path``: other users can write a part of it.
        """
        try:
            check_private(self._root)
            check_private(self._place)
            expected = decode_file(read_private(self._place / _CONTENT))
            found = describe(self.data)
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        if not isinstance(expected, dict):
            return "its content is unknown"
        changed = [name for name, value in found.items() if expected.get(name) != value]
        return f"not the {' and '.join(changed)} that were put there" if changed else None

    @contextlib.asynccontextmanager
    async def locked(self, mode: int) -> AsyncIterator[None]:
        """Hold the template's lock; wait for it if necessary.

        Args:
            mode: ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``.

        Raises:
            PlexdevError: ``cache-unwritable``, ``untrusted-path``, ``disk-full``.
        """
        import asyncio  # lazy: takes 40 ms, and most callers only check whether the template exists

        with storage_errors(self.cache):
            cache_room(TEMPLATES, self.cache)
            handle = _open_lock(self._lock_file)
        try:
            # A blocking flock would block the event loop; in a thread it could not be cancelled, and the supervisor
            # must have one thread only (processes.child). Building takes the other holder a second at most.
            while not _try_lock(handle, mode):  # noqa: ASYNC110 (there is no event to wait for)
                await asyncio.sleep(_LOCK_RETRY_INTERVAL_S)
            yield
        finally:
            os.close(handle)

    def try_lock_shared(self) -> int | None:
        """Take the lock shared, without waiting.

        Returns:
            A file descriptor that the caller closes; ``None`` if the template is missing or is being built.

        Raises:
            PlexdevError: ``untrusted-path``.
        """
        try:
            check_private(self._root)
            handle = open_private(self._lock_file, os.O_RDWR)
        except OSError:
            return None
        if self.exists() and _try_lock(handle, fcntl.LOCK_SH):
            return handle
        os.close(handle)
        return None

    @property
    def _lock_file(self) -> Path:
        return self._root / f"{self.key}.lock"

    def begin(self) -> Ownership:
        """Create a directory on the same file system. The caller fills it (``data``) and passes it to :meth:`put`."""
        with storage_errors(self.cache):
            place = make_temporary_directory(self._root, prefix=f".{self.key}.")
            return own(place, Mark.of_this_process("template", self.key))

    def put(self, built: Ownership) -> None:
        """Move *built* into place. The caller holds the exclusive lock.

        Raises:
            PlexdevError: ``untrusted-path``: other users can write a part of it.
        """
        with storage_errors(self.cache), built:
            write_private(built.directory / _CONTENT, json.dumps(describe(built.directory / _DATA)).encode())
            self.discard()
            built.directory.rename(self._place)
        self._remove_unused()

    def discard(self) -> None:
        """Remove the template, if it is marked as one."""
        _remove(self._place)

    def record_use(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._place)

    def _remove_unused(self) -> None:
        for other in self._root.iterdir():
            # A dot marks a build: _remove() skips it if its process still runs.
            with contextlib.suppress(OSError, PlexdevError):
                if other.name.startswith(".") or other.lstat().st_mtime < time.time() - _UNUSED_S:
                    _remove(other)


def _remove(place: Path) -> None:
    with contextlib.suppress(OSError):
        if found := seize(place, "template"):
            found.remove(_DATA, _CONTENT)


def _open_lock(path: Path) -> int:
    with contextlib.suppress(FileExistsError):
        return open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    return open_private(path, os.O_RDWR)


def _try_lock(handle: int, mode: int) -> bool:
    try:
        fcntl.flock(handle, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_no_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def storage_errors(path: Path, *, refused: Failure = CACHE_UNWRITABLE) -> Iterator[None]:
    """Convert ``OSError`` into an error of the catalogue.

    Args:
        refused: The failure if the disk is not full.

    Raises:
        PlexdevError: ``disk-full``, or *refused*.
    """
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise PlexdevError(DISK_FULL, path=mount_point(path)) from error
        reason = why_unwritable(path) if isinstance(error, PermissionError) else error.strerror or str(error)
        raise PlexdevError(refused, path=str(path), reason=reason) from error
