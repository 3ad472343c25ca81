"""The warm stack: the one that ``plexdev up`` leaves running, at a place where everybody of this user finds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.stack.embedded.layout import stack_file, supervisor_of
from pytest_plexdev.stack.embedded.settings import WARM_ID, state_directory
from pytest_plexdev.stack.model import StackInfo

if TYPE_CHECKING:
    from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
    from pytest_plexdev.stack.model import Progress


def warm_directory(state: Path | None = None) -> Path:
    """Its directory, whether there is a stack or not."""
    return (state or state_directory()) / WARM_ID


def find_warm(state: Path | None = None) -> StackInfo | None:
    """The warm stack, or ``None``: two files and one look at a process, no connection, well under a millisecond.

    Args:
        state: The directory below which it is; by default that of :func:`settings.state_directory`.
    """
    directory = warm_directory(state)
    supervisor = supervisor_of(directory)
    if supervisor is None or not supervisor.is_alive:
        return None
    try:
        return StackInfo.read(stack_file(directory))
    except FileNotFoundError:
        return None


def bring_up_warm(
    settings: EmbeddedSettings, progress: Progress, *, state: Path | None = None
) -> tuple[StackInfo, bool]:
    """The warm stack, and whether it is new; of two who ask at once, one brings it up and the other waits.

    Raises:
        PlexdevError: It did not become ready, or there is no place for its files.
    """
    from filelock import FileLock

    from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
    from pytest_plexdev.stack.embedded.template import storage_errors

    directory = warm_directory(state)
    with storage_errors(directory.parent):
        directory.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(directory.with_name("warm.lock")):
        if info := find_warm(state):
            return info, False
        return EmbeddedProvider(settings, directory).up(progress), True
