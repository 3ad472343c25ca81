"""Find the supervisor that owns a stack's directory, and build the commands that stop or select a stack.

A stack keeps running if its directory, or the mark in it, is deleted. The mark of its scratch directory still names its
directory, so such a stack can be found.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import is_owned, look
from pytest_plexdev.core.ownership.process import OwnerProgram, find_owner, which_directory
from pytest_plexdev.core.ownership.run_directory import PREFIX
from pytest_plexdev.core.temporary import find_temporary_directory
from pytest_plexdev.errors import PlexdevError


def which_stack(directory: Path) -> str:
    """Return the option that selects this stack, whatever else runs."""
    return "--stack embedded" if is_warm(directory) else which_directory(directory)


SUPERVISOR: Final = OwnerProgram(
    module="pytest_plexdev.stack.embedded.supervisor",
    what="the embedded stack",
    instead="PLEXDEV_STATE_DIR=/some/directory plexdev up",
    which=which_stack,
)
"""The program that owns the directory of an embedded stack. The stack stops when it ends."""


def recovery_command(directory: Path, up: str = "plexdev up") -> str:
    """Return the command that stops an incomplete stack and, if it is the warm one, starts a new one.

    Args:
        up: The command that starts one with the same options, if they are known.
    """
    return f"plexdev down {which_stack(directory)}" + (f" && {up}" if is_warm(directory) else "")


def is_warm(directory: Path) -> bool:
    """Whether *directory* is the warm stack's."""
    from pytest_plexdev.stack.embedded.warm import warm_directory

    try:
        return directory == warm_directory()
    except PlexdevError:  # a user without a home directory has no warm stack
        return False


def has_lost_supervisor(directory: Path) -> bool:
    """Whether a stack of *directory* runs though its mark there was deleted or replaced.

    Reads a few files only if there is none.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    if is_owned(directory) or not _is_scratch_owned(directory):
        return False
    # While a stack starts or stops, it owns its scratch directory but not its directory: only its supervisor is proof.
    supervisor = find_owner(directory, SUPERVISOR.module)
    if supervisor is None:
        return False
    supervisor.close()
    return not is_owned(directory)


def _is_scratch_owned(directory: Path) -> bool:
    temporary = find_temporary_directory()
    for scratch in temporary.glob(f"{PREFIX}*") if temporary is not None else ():
        with contextlib.suppress(PlexdevError, OSError):  # it may belong to another user
            found = look(scratch)
            if found is None or found.mark is None or not found.is_owned:
                continue
            if found.mark.kind == "scratch" and found.mark.counterpart == str(directory.absolute()):
                return True
    return False
