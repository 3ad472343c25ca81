"""The supervisor that owns a stack's directory, as a process to end, and the commands that speak of a stack."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.process import OwnerProgram, which_directory
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
