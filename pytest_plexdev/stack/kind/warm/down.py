"""Delete the warm cluster if it is ours."""

from __future__ import annotations

from typing import Final

from pytest_plexdev.core.progress import Progress, no_progress
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_OUT_OF_SIGHT, FOREIGN_CLUSTER, TOOL_MISSING
from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.lock import exclusive, is_held
from pytest_plexdev.stack.kind.cluster.node_container import find_container, find_node
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory
from pytest_plexdev.stack.kind.warm.owner import describe_owner, files_of

_PRUNE: Final = "to free the disk space of images: docker builder prune -f && docker image prune -f"


def take_down(settings: KindSettings, *, force: bool, progress: Progress | None) -> list[str]:
    """Delete the warm cluster if it is ours or *force* is set. Returns lines for the user.

    Raises:
        PlexdevError: ``cluster-out-of-sight``: Docker is not installed, and files name a cluster.
    """
    try:
        return _take_down(files_of(settings), settings, force=force, progress=progress or no_progress)
    except PlexdevError as error:
        if error.failure is not TOOL_MISSING or error.facts["program"] != "docker":
            raise
    if (directory := warm_directory(settings.state, settings.name)).exists():
        raise PlexdevError(CLUSTER_OUT_OF_SIGHT, name=settings.name, directory=directory)
    return ["plexdev: nothing to delete: no kind cluster was brought up from here, and docker is not on PATH"]


def _take_down(files: ClusterFiles, settings: KindSettings, *, force: bool, progress: Progress) -> list[str]:
    if is_held(settings.state):
        # Report an engine that does not answer before waiting for another process.
        find_container(settings.name)
    with exclusive(settings.state, timeout=settings.timeout, progress=progress):
        was_half_made = create.remove_half_made(files)
        container = find_node(settings.name)
        if container is None and not was_half_made:
            _remove_files(files)
            return [f"plexdev: nothing to delete: there is no kind cluster {settings.name}", _PRUNE]
        if container is not None:
            # The ConfigMap is no proof: piping `plexdev manifests` into any cluster creates it.
            if not force and (whose := describe_owner(files, container)):
                return [_preserved(settings.name, whose), _PRUNE]
            create.delete(files)
        _remove_files(files)
    return [f"plexdev: the kind cluster {settings.name} is deleted", _PRUNE]


def _remove_files(files: ClusterFiles) -> None:
    if files.directory.is_dir():
        # Its path proves that it is this user's. The mark may be missing (earlier versions) or damaged.
        files.mark()
        files.remove()


def _preserved(name: str, whose: str) -> str:
    return (
        f"plexdev[{FOREIGN_CLUSTER.tag}]: the kind cluster {name} {whose}, so it is preserved\n"
        "  fix: DEV_FORCE_DOWN=1 plexdev down --stack kind deletes it anyway"
    )
