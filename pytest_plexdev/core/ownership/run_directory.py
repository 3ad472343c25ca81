"""Create, share and remove the directory of one test run, which holds its logins.

Each process that has the run's stack owns it, and the run's supervisor too. The controller removes it at its end; where
that was killed, whoever sweeps next does, once none of them is left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pytest_plexdev.core.ownership.lock import Ownership, seize, share
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.core.temporary import temporary_directory
from pytest_plexdev.errors import PlexdevError

PREFIX: Final = "plexdev-"
"""Of every directory that plexdev makes among the temporary ones."""
STACK_DIRECTORY: Final = "stack"
"""Name of a fresh stack's directory, in the run's."""
LOGINS: Final = "logins"
"""Directory of the run's tokens."""
LEASE_FILES: Final = ("lease.lock", "lease.json", "failure.json")
"""What the lease is given back by."""
FILES: Final = (*LEASE_FILES, "ran.json", "drift.txt", "passed-over.txt", "told.json", LOGINS)
"""All that a run puts into its directory, besides a stack's."""


def hold(directory: Path) -> Ownership:
    """Own the run's directory together with the run's other processes; it is made where it is missing.

    Raises:
        PlexdevError: ``untrusted-path``, ``owned-elsewhere``.
        OSError: It cannot be made, or its file system knows no locks.
    """
    make_private_directory(directory)
    return share(directory, Mark.of_this_process("run", directory.name))


def remove_left(directory: Path) -> None:
    """Remove the directory of a run that has ended and left it, around a stack that was kept; any other one stays."""
    with contextlib.suppress(PlexdevError):
        held = seize(directory, "run")
        if held is not None:
            held.remove(*FILES)


def sweep(remove_stack: Callable[[Path], object] | None = None) -> None:
    """Remove the directories of this user's runs that were killed.

    Args:
        remove_stack: Removes the stack in a run's directory, if it is one of those that are not there any more.
    """
    for directory in temporary_directory().glob(f"{PREFIX}*"):
        with contextlib.suppress(PlexdevError, OSError):  # others make directories there too
            held = seize(directory, "run", patience_s=0)
            if held is not None:
                with held:
                    if remove_stack is not None:
                        remove_stack(directory / STACK_DIRECTORY)
                    held.remove(*FILES)
