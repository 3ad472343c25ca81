"""The cache of migrated Postgres data directories: a stack copies one in place of initdb and migrations.

``<cache>/postgres/<key>/data`` beside ``template.json``, which says what is in it. A template is moved into place in
one piece under an exclusive lock; whoever copies it holds the lock shared. No server starts on one that is not this
user's alone, and only what carries the mark of a template (:mod:`~pytest_plexdev.core.ownership.lock`) is ever removed.
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
"""Their directory, in the cache."""
_DATA: Final = "data"
_CONTENT: Final = "template.json"
_FORMAT: Final = "2"
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
        return self._place / _DATA

    def is_there(self) -> bool:
        return self._place.is_dir()

    def flaw(self) -> str | None:
        """What is wrong with it, or ``None``: a look at each entry and at the configuration's content, in milliseconds.

        Raises:
            PlexdevError: ``untrusted-path``: something of it is not this user's alone.
        """
        try:
            check_private(self._home)
            check_private(self._place)
            promised = decode_file(read_private(self._place / _CONTENT))
            found = describe(self.data)
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        if not isinstance(promised, dict):
            return "its content is unknown"
        changed = [name for name, value in found.items() if promised.get(name) != value]
        return f"not the {' and '.join(changed)} that were put there" if changed else None

    @contextlib.asynccontextmanager
    async def locked(self, mode: int) -> AsyncIterator[None]:
        """Hold its lock, ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``.

        Raises:
            PlexdevError: ``cache-unwritable``, ``untrusted-path``, ``disk-full``.
        """
        import asyncio  # 40 ms that whoever only asks `is_there` does not pay

        with storage_errors(self.cache):
            cache_room(TEMPLATES, self.cache)
            handle = _open_lock(self._lock_file)
        try:
            # A blocking flock would take the event loop with it. In a thread it could not be cancelled, and the
            # supervisor has to stay one thread (processes.Child); the other holder builds for a second at most.
            while not _try_lock(handle, mode):  # noqa: ASYNC110 (nothing announces it)
                await asyncio.sleep(_LOCK_PAUSE)
            yield
        finally:
            os.close(handle)

    def share(self) -> int | None:
        """Hold its lock shared without waiting: a descriptor to close, or ``None`` where it is being built.

        Raises:
            PlexdevError: ``untrusted-path``.
        """
        try:
            check_private(self._home)
            handle = open_private(self._lock_file, os.O_RDWR)
        except OSError:
            return None
        if self.is_there() and _try_lock(handle, fcntl.LOCK_SH):
            return handle
        os.close(handle)
        return None

    @property
    def _lock_file(self) -> Path:
        return self._home / f"{self.key}.lock"

    def begin(self) -> Ownership:
        """A new directory of the same file system, to be filled (``data``) and handed to :meth:`put`."""
        with storage_errors(self.cache):
            place = make_temporary_directory(self._home, prefix=f".{self.key}.")
            return own(place, Mark.of_this_process("template", self.key))

    def put(self, built: Ownership) -> None:
        """Move what was built into place; the exclusive lock must be held.

        Raises:
            PlexdevError: ``untrusted-path``: something of it is not this user's alone.
        """
        with storage_errors(self.cache), built:
            write_private(built.directory / _CONTENT, json.dumps(describe(built.directory / _DATA)).encode())
            self.discard()
            built.directory.rename(self._place)
        self._remove_unused()

    def discard(self) -> None:
        """Remove it, if it is one of ours."""
        _remove(self._place)

    def note_use(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._place)

    def _remove_unused(self) -> None:
        for other in self._home.iterdir():
            # What starts with a dot was being built by a process that has ended, or it has its owner.
            with contextlib.suppress(OSError, PlexdevError):
                if other.name.startswith(".") or other.lstat().st_mtime < time.time() - _UNUSED:
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
    """Turn what a file system refuses into the catalogue's words."""
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise PlexdevError(DISK_FULL, path=mount_point(path)) from error
        reason = why_unwritable(path) if isinstance(error, PermissionError) else error.strerror or str(error)
        raise PlexdevError(refused, path=str(path), reason=reason) from error
