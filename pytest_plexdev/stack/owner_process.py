"""Find the process that owns a directory by what it is: it runs a module of ours and has the locked file open.

No pid of a file is believed: files are edited, and a pid means another process in another container.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pytest_plexdev.clock import monotonic
from pytest_plexdev.stack.ownership import elsewhere, is_owned, look
from pytest_plexdev.stack.processes import ProcessHandle, ProcessId

_END_TAKES_S: Final = 0.5
"""A process that ends loses its command line some time before its locks: it is nobody's then for that long at most."""
_PAUSE_S: Final = 0.005


def owner_to_end(directory: Path, module: str, *, what: str, command: str, instead: str) -> ProcessHandle | None:
    """The owner of *directory*, to be ended and closed; ``None`` where nobody owns it.

    Args:
        module: See :func:`find_owner`.
        what: See :func:`~pytest_plexdev.stack.ownership.elsewhere`, as for the other two.

    Raises:
        PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``.
    """
    deadline = monotonic() + _END_TAKES_S
    while is_owned(directory):
        if owner := find_owner(directory, module):
            return owner
        if monotonic() > deadline:
            raise elsewhere(directory, what=what, command=command, instead=instead)
        time.sleep(_PAUSE_S)
    return None


def find_owner(directory: Path, module: str) -> ProcessHandle | None:
    """The owner of *directory*, to be closed; ``None`` where none is visible here.

    Args:
        module: Which the owner of such a directory runs.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    found = look(directory)
    if found is None:
        return None
    # The oldest first: a child between fork and exec still looks like its parent.
    for process in sorted(_running(module), key=lambda each: (each.started, each.pid)):
        handle = process.open()
        if handle is None:
            continue
        # Asked after the process was opened: what is seen now is that process.
        if _runs(process.pid, module) and _has_open(process.pid, found.file):
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


def _has_open(pid: int, file: os.stat_result) -> bool:
    with contextlib.suppress(OSError):  # it has ended, or its files are not for this user to see
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(entry.stat(), file):
                    return True
    return False
