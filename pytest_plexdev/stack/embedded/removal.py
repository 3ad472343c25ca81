"""Remove the files and data of a stack of processes that has no supervisor any more.

Only directories that carry our mark are touched, and in them only what a stack puts there. A path that a mark names is
a claim: it has to be a scratch directory by its name and its own mark, which names the stack's directory in turn.
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
FILES: Final = (STACK_FILE, KEPT_MARK, LOGS, CONFIGURATION, ENDS)
"""All that a stack has in its directory."""
_DATA: Final = ("postgres", "sockets", "signer", "template", "jetstream", "installation", "libraries", "passwd")
_OF_PROGRAMS: Final = re.compile(r"core(\.\d+)?")
"""What a server that crashed leaves in its working directory."""


def remove_stack(directory: Path) -> list[str]:
    """Remove the files and the data of the stack in *directory*, unless it has an owner.

    Returns:
        The names in the directory that are not a stack's: they stay.

    Raises:
        PlexdevError: ``untrusted-path``; ``undeletable``: a file of the stack, where everything else is removed.
    """
    held = seize(directory, "stack", damaged_too=True)
    if held is None:
        return []
    with held:
        if held.mark is not None and held.mark.counterpart:
            _remove_scratch(Path(held.mark.counterpart), of=directory)
        return held.remove(*FILES)


def remove_data(held: Ownership) -> None:
    """Remove a scratch directory that this process owns."""
    from pytest_plexdev.stack.embedded.processes.shared_memory import release

    release(held.directory / "postgres")
    held.remove(*_DATA, *filter(_OF_PROGRAMS.fullmatch, held.names()))


def sweep() -> None:
    """Remove the scratch directories of this user's stacks, and the directories of runs, whose owners were killed."""
    for directory in temporary_directory().glob(f"{PREFIX}*"):
        _remove_scratch(directory, patience_s=0)
    sweep_runs(_remove_if_not_kept)


def _remove_if_not_kept(directory: Path) -> None:
    if not (directory / KEPT_MARK).exists():
        remove_stack(directory)


def _remove_scratch(directory: Path, *, of: Path | None = None, patience_s: float = LOOK_TAKES_S) -> None:
    """Remove a scratch directory without an owner, if it is one.

    Args:
        of: The stack whose data it has to be.
        patience_s: See :func:`seize`.
    """
    if not directory.is_absolute() or not directory.name.startswith(PREFIX):
        return
    with contextlib.suppress(PlexdevError, OSError):  # not this user's, say: others make directories there too
        held = seize(directory, "scratch", patience_s=patience_s)
        if held is None:
            return
        with held:
            if of is None or (held.mark is not None and Path(held.mark.counterpart) == of.absolute()):
                remove_data(held)
