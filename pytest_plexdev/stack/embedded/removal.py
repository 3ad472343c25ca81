"""Remove the files and data of an embedded stack without a supervisor.

Only directories with a mark of plexdev are touched, and in them only the files of a stack. A path in a mark is not
trusted: it must be a scratch directory by its name and by its own mark, which must name the stack's directory.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from pytest_plexdev.core.model import KEPT_MARK, STACK_FILE
from pytest_plexdev.core.ownership.lock import LOOK_TAKES_S, Ownership, seize
from pytest_plexdev.core.ownership.run_directory import PREFIX
from pytest_plexdev.core.ownership.run_directory import sweep as sweep_runs
from pytest_plexdev.core.temporary import temporary_directory
from pytest_plexdev.errors import PlexdevError

LOGS: Final = "logs"
CONFIGURATION: Final = "configuration"
ENDS: Final = "ends"
CONTROL: Final = "control"
"""The Unix socket of the supervisor, which takes changes of the running stack."""
FILES: Final = (STACK_FILE, KEPT_MARK, LOGS, CONFIGURATION, ENDS, CONTROL)
"""The entries of a stack's directory."""
_FURTHER_DATA: Final = ("seaweedfs", "mimir", "loki")
"""Data of servers of the profile ``full``."""
_DATA: Final = (
    *("postgres", "sockets", "signer", "template", "jetstream", "installation", "libraries", "passwd"),
    *_FURTHER_DATA,
)
_CORE_DUMP: Final = re.compile(r"core(\.\d+)?")
"""A crashed server leaves it in its working directory, the scratch directory."""


def remove_stack(directory: Path) -> list[str]:
    """Remove the files and the data of the stack in *directory*, unless it has an owner.

    Returns:
        The names in the directory that do not belong to a stack; they are kept.

    Raises:
        PlexdevError: ``untrusted-path``; ``undeletable``: a file of the stack; everything else is removed.
    """
    ownership = seize(directory, "stack", damaged_too=True)
    if ownership is None:
        return []
    with ownership:
        if ownership.mark is not None and ownership.mark.counterpart:
            _remove_scratch(Path(ownership.mark.counterpart), stack=directory)
        return ownership.remove(*FILES)


def remove_data(ownership: Ownership) -> None:
    """Remove a scratch directory that this process owns."""
    from pytest_plexdev.stack.embedded.processes.shared_memory import release

    release(ownership.directory / "postgres")
    ownership.remove(*_DATA, *filter(_CORE_DUMP.fullmatch, ownership.names()))


def remove_content(ownership: Ownership) -> None:
    """Remove the data of the servers from a scratch directory that this process owns. All of them have ended."""
    from pytest_plexdev.stack.embedded.processes.shared_memory import release

    release(ownership.directory / "postgres")
    ownership.delete("postgres", "signer", "jetstream", *_FURTHER_DATA)


def sweep() -> None:
    """Remove the scratch directories and the run directories of this user whose owners were killed."""
    for directory in temporary_directory().glob(f"{PREFIX}*"):
        _remove_scratch(directory, timeout_s=0)
    sweep_runs(_remove_if_not_kept)


def _remove_if_not_kept(directory: Path) -> None:
    if not (directory / KEPT_MARK).exists():
        remove_stack(directory)


def _remove_scratch(directory: Path, *, stack: Path | None = None, timeout_s: float = LOOK_TAKES_S) -> None:
    """Remove *directory* if it is a scratch directory without an owner.

    Args:
        stack: The directory of the stack to which it must belong.
        timeout_s: ``patience_s`` of :func:`seize`.
    """
    if not directory.is_absolute() or not directory.name.startswith(PREFIX):
        return
    with contextlib.suppress(PlexdevError, OSError):  # it may belong to another user
        ownership = seize(directory, "scratch", patience_s=timeout_s)
        if ownership is None:
            return
        with ownership:
            mark = ownership.mark
            if stack is None or (mark is not None and Path(mark.counterpart) == stack.absolute()):
                remove_data(ownership)
