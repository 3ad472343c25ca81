"""The warm stack: the one that ``plexdev up`` leaves running, at a place where everybody of this user finds it."""

from __future__ import annotations

from pathlib import Path

from pytest_plexdev.stack.embedded.layout import stack_file, supervisor_of
from pytest_plexdev.stack.embedded.settings import WARM_ID, state_directory
from pytest_plexdev.stack.model import StackInfo


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
