"""The warm cluster: ``kind-plexsphere``, ours or somebody else's, at a place where everybody of this user finds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.stack.kind.settings import KindSettings
    from pytest_plexdev.stack.model import Progress, StackInfo


def find(state: Path | None = None) -> StackInfo | None:
    """The stack of the warm cluster, or ``None``: files and sockets alone, nothing is applied.

    Raises:
        PlexdevError: ``not-loopback``: the context is there and its API server is not on this machine.
    """
    raise NotImplementedError


def attach(settings: KindSettings, progress: Progress) -> StackInfo | None:
    """What :func:`find` finds, after ``settings.on_drift`` was obeyed where it is ours and has another fingerprint.

    Raises:
        PlexdevError: ``drifted``, with ``on_drift="fail"``; what :func:`find` raises.
    """
    raise NotImplementedError


def drift(settings: KindSettings, info: StackInfo) -> list[str]:
    """The inputs that differ from what was applied; empty where the cluster is not ours."""
    raise NotImplementedError


def bring_up(settings: KindSettings, progress: Progress) -> tuple[StackInfo, list[str]]:
    """The warm stack, and what was done and skipped for it, in words.

    Raises:
        PlexdevError: ``foreign-cluster`` where it is not ours; whatever a bring-up can fail with.
    """
    raise NotImplementedError


def take_down(settings: KindSettings, *, force: bool, progress: Progress) -> list[str]:
    """Delete the warm cluster where it is ours, or *force* says so. What was done, in lines for a person."""
    raise NotImplementedError
