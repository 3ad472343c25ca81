"""Find the process that owns a directory: it runs a module of this package and has the locked file open.

A pid from a file is never used: files are edited, and pids differ between containers. If an editor replaced the locked
file, or the directory was deleted, the owner still has the deleted file open, and the kernel reports its former path.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import elsewhere, is_owned, look
from pytest_plexdev.core.ownership.mark import MARK
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.private_files import open_private_directory
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId
from pytest_plexdev.errors import PlexdevError

_END_TAKES_S: Final = 0.5
"""Seconds for which an ending process has no command line any more but still holds its locks."""
_PAUSE_S: Final = 0.005


def which_directory(directory: Path) -> str:
    """Return the option of ``plexdev`` that selects the stack in *directory*."""
    return f"--directory {shlex.quote(str(directory))}"


@dataclass(frozen=True, kw_only=True)
class OwnerProgram:
    """A program of plexdev that owns the directory of a stack while it runs.

    Attributes:
        module: The module that it runs.
        what: The content of such a directory, as the subject of a sentence.
        instead: The variables that choose another directory.
        which: Returns the option of ``plexdev down`` that selects the stack in a directory.
    """

    module: str
    what: str
    instead: str
    which: Callable[[Path], str] = which_directory

    def find(self, directory: Path) -> ProcessHandle | None:
        """Return the process that owns *directory*; ``None`` if it has no owner. The caller closes the handle.

        Raises:
            PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``.
        """
        # True: the directory is locked by a process that is not visible here.
        owner = poll(
            lambda: find_owner(directory, self.module) or is_owned(directory),
            until=lambda found: found is not True,
            every_s=_PAUSE_S,
            timeout_s=_END_TAKES_S,
        )
        if owner is True:
            command = f"plexdev down {self.which(directory)}"
            raise elsewhere(directory, what=self.what, command=command, instead=self.instead)
        return owner or None


def find_owner(directory: Path, module: str) -> ProcessHandle | None:
    """Return the owner of *directory*; ``None`` if none is visible here. The caller closes the handle.

    Args:
        module: The module that the owner of such a directory runs.

    Raises:
        PlexdevError: ``untrusted-path``: the directory is not this user's alone.
    """
    opened = None
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), open_private_directory(directory) as checked:
        opened = os.fstat(checked)
    deleted = f"{directory.resolve() / MARK} (deleted)"
    locked = None
    with contextlib.suppress(PlexdevError):  # it may have been replaced
        found = look(directory)
        locked = found.file if found is not None else None
    # The oldest first: between fork and exec, a child has its parent's command line.
    for process in sorted(_running(module), key=lambda each: (each.started, each.pid)):
        handle = process.open()
        if handle is None:
            continue
        # Checked after opening, so that the pid cannot have been reused.
        if _runs(process.pid, module) and _owns(process.pid, opened, locked, deleted):
            return handle
        handle.close()
    return None


def _running(module: str) -> Iterator[ProcessId]:
    for name in os.listdir("/proc"):  # noqa: PTH208 (a Path for each process of the machine is slow)
        if name.isdigit() and _runs(int(name), module):
            with contextlib.suppress(ProcessLookupError):
                yield ProcessId.of(int(name))


def _runs(pid: int, module: str) -> bool:
    try:
        return module in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return False


def _owns(pid: int, directory: os.stat_result | None, locked: os.stat_result | None, deleted: str) -> bool:
    """Whether it has the locked file open, or the deleted one of this directory or of its predecessor.

    Args:
        deleted: The name that the kernel reports for a locked file that was deleted here.
    """
    has_directory = has_deleted = False
    with contextlib.suppress(OSError):  # it has ended, or belongs to another user
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                file = entry.stat()
                if locked is not None and os.path.samestat(file, locked):
                    return True
                has_directory |= directory is not None and os.path.samestat(file, directory)
                if file.st_nlink == 0:
                    was = entry.readlink()
                    if str(was) == deleted and file.st_uid == os.geteuid():
                        return True
                    has_deleted |= was.name == f"{MARK} (deleted)"
    return has_directory and has_deleted
