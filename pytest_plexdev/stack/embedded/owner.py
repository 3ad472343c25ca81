"""Find the supervisor that owns a stack's directory, and the commands that name a stack.

A stack runs on where its directory, or the mark in it, was deleted. Its scratch directory still says whose data it has,
and so that such a stack is to be looked for.
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
    """The option that makes a command speak of this stack, whatever else runs."""
    return "--stack embedded" if is_warm(directory) else which_directory(directory)


SUPERVISOR: Final = OwnerProgram(
    module="pytest_plexdev.stack.embedded.supervisor",
    what="the embedded stack",
    instead="PLEXDEV_STATE_DIR=/some/directory plexdev up",
    which=which_stack,
)
"""It owns the directory of an embedded stack, and ends the stack when it ends."""


def how_to_begin_anew(directory: Path, up: str = "plexdev up") -> str:
    """What ends a stack that is not whole, and where it is the warm one, brings up another.

    Args:
        up: What brings up one like it, where that is known.
    """
    return f"plexdev down {which_stack(directory)}" + (f" && {up}" if is_warm(directory) else "")


def is_warm(directory: Path) -> bool:
    """Whether it is the directory of the warm stack."""
    from pytest_plexdev.stack.embedded.warm import warm_directory

    try:
        return directory == warm_directory()
    except PlexdevError:  # A user without a home has no warm stack, and may have a run's own.
        return False


def has_lost_supervisor(directory: Path) -> bool:
    """Whether a stack of *directory* runs whose mark there was deleted or replaced; a few files are read where none is.

    Raises:
        PlexdevError: ``untrusted-path``.
    """
    if is_owned(directory) or not _is_scratch_owned(directory):
        return False
    # A stack that comes up or ends has its scratch a moment longer than its directory: only its supervisor tells.
    supervisor = find_owner(directory, SUPERVISOR.module)
    if supervisor is None:
        return False
    supervisor.close()
    return not is_owned(directory)


def _is_scratch_owned(directory: Path) -> bool:
    temporary = find_temporary_directory()
    for scratch in temporary.glob(f"{PREFIX}*") if temporary is not None else ():
        with contextlib.suppress(PlexdevError, OSError):  # others make directories there too
            found = look(scratch)
            if found is None or found.mark is None or not found.is_owned:
                continue
            if found.mark.kind == "scratch" and found.mark.counterpart == str(directory.absolute()):
                return True
    return False
