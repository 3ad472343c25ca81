"""The supervisor that owns a stack's directory, as a process to end, and the commands that speak of a stack."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.owner_process import owner_to_end
from pytest_plexdev.stack.processes import ProcessHandle

SUPERVISOR: Final = "pytest_plexdev.stack.embedded.supervisor"
"""The module that it runs."""


def find_supervisor(directory: Path) -> ProcessHandle | None:
    """The supervisor of the stack in *directory*, to be closed; ``None`` where none has it.

    Raises:
        PlexdevError: ``owned-elsewhere``: it runs in another container or PID namespace; ``untrusted-path``.
    """
    return owner_to_end(
        directory,
        SUPERVISOR,
        what="the embedded stack",
        command=f"plexdev down {which_stack(directory)}",
        instead="PLEXDEV_STATE_DIR=/some/directory plexdev up",
    )


def which_stack(directory: Path) -> str:
    """The option that makes a command speak of this stack, whatever else runs."""
    return "--stack embedded" if is_warm(directory) else f"--directory {shlex.quote(str(directory))}"


def how_to_begin_anew(directory: Path) -> str:
    """What ends a stack that is not whole, and where it is the warm one, brings up another."""
    return f"plexdev down {which_stack(directory)}" + (" && plexdev up" if is_warm(directory) else "")


def is_warm(directory: Path) -> bool:
    """Whether it is the directory of the warm stack."""
    from pytest_plexdev.stack.embedded.warm import warm_directory

    try:
        return directory == warm_directory()
    except PlexdevError:  # A user without a home has no warm stack, and may have a run's own.
        return False
