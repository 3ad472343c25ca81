"""A run's own cluster: made for it, and gone with it however it ends."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from pytest_plexdev.errors import STATE_UNWRITABLE, PlexdevError
from pytest_plexdev.stack.kind.bring_up import BringUp
from pytest_plexdev.stack.kind.explain import explained
from pytest_plexdev.stack.kind.host import cluster, reaper, tools
from pytest_plexdev.stack.kind.host.place import Place
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.model import Progress, StackInfo
from pytest_plexdev.together import together


def bring_up(settings: KindSettings, directory: Path, progress: Progress) -> StackInfo:
    """Make a cluster and bring the stack up on it; a failure leaves nothing of it behind.

    Raises:
        PlexdevError: Whatever a bring-up can fail with.
    """
    assert settings.owner is not None
    place = Place(settings.name, directory)
    tools.check(progress)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlexdevError(STATE_UNWRITABLE, path=directory, reason=error.strerror or str(error)) from None
    reaper.dismiss(directory)
    reaper.watch_over(settings.name, directory, settings.owner, settings.run_directory)
    try:
        with explained(settings, place), together(settings.timeout):
            # A process of this run may have died while it made the cluster.
            cluster.clear_away(place)
            info = BringUp(settings, place, progress).on_a_new_cluster()
        info.write(directory / "stack.json")
    except BaseException:
        # What could not be deleted, the reaper deletes: it stays then.
        with contextlib.suppress(PlexdevError):
            take_down(settings.name, directory)
        raise
    return info


def take_down(name: str, directory: Path) -> None:
    """Delete the cluster, then what watched over it and its files.

    Raises:
        PlexdevError: It could not be deleted; what watches over it and its files stay.
    """
    cluster.clear_away(Place(name, directory))
    reaper.dismiss(directory)
    shutil.rmtree(directory, ignore_errors=True)
