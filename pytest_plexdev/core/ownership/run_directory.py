"""Create, share and remove the directory of one test run, which holds its logins.

Every process that uses the run's stack owns it, and the supervisor too. The controller removes it at its end. If the
controller was killed, the next sweep removes it after the last owner has ended.
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
"""Prefix of plexdev's temporary directories."""
STACK_DIRECTORY: Final = "stack"
"""Name of a fresh stack's directory, in the run's."""
OWN_STACK_PREFIX: Final = "own-"
"""Prefix of the directories of stacks for one test, in the run's."""
LOGINS: Final = "logins"
"""Directory of the run's tokens."""
LEASE_FILES: Final = ("lease.lock", "lease.json", "failure.json")
"""Files of the lease; deleting them releases it."""
FILES: Final = (
    *LEASE_FILES,
    "ran.json",
    "drift.txt",
    "passed-over.txt",
    "reported-failure.json",
    "bring-up.jsonl",
    LOGINS,
)
"""All files of a run's directory, without the stack's."""


def hold(directory: Path) -> Ownership:
    """Share the ownership of the run's directory with the run's other processes. It is created if missing.

    Raises:
        PlexdevError: ``untrusted-path``, ``owned-elsewhere``.
        OSError: It cannot be created, or its file system does not support locks.
    """
    make_private_directory(directory)
    return share(directory, Mark.of_this_process("run", directory.name))


def remove_left(directory: Path) -> None:
    """Remove the directory that an ended run left around a kept stack. Any other directory stays."""
    with contextlib.suppress(PlexdevError):
        held = seize(directory, "run")
        if held is not None:
            held.remove(*FILES)


def own_stacks(directory: Path) -> list[Path]:
    """Return the directories of stacks for one test that are left in the run's."""
    return sorted(directory.glob(f"{OWN_STACK_PREFIX}*"))


def sweep(remove_stack: Callable[[Path], object] | None = None) -> None:
    """Remove the directories of this user's runs that were killed.

    Args:
        remove_stack: Removes a stack in a run's directory if its owner has ended.
    """
    for directory in temporary_directory().glob(f"{PREFIX}*"):
        with contextlib.suppress(PlexdevError, OSError):  # other programs create directories there too
            held = seize(directory, "run", patience_s=0)
            if held is not None:
                with held:
                    if remove_stack is not None:
                        for stack in (directory / STACK_DIRECTORY, *own_stacks(directory)):
                            remove_stack(stack)
                    held.remove(*FILES)
