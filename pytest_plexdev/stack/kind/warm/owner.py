"""The files of the warm cluster, and who created it."""

from __future__ import annotations

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.node import NODE_UNMARKED
from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import CONFIGURATION, NodeContainer
from pytest_plexdev.stack.kind.settings import KindSettings, warm_directory


def files_of(settings: KindSettings) -> ClusterFiles:
    """The files of the warm cluster, which need not exist."""
    return ClusterFiles(settings.name, warm_directory(settings.state, settings.name))


def describe_owner(files: ClusterFiles, container: NodeContainer) -> str:
    """Describe who created the cluster; empty if it is ours.

    Raises:
        PlexdevError: ``node-unmarked``: the owner is unknown. It may still be this user.
    """
    mark = create.settled_mark(files, container)
    if mark == "ours":
        return ""
    if mark == "elsewhere":
        return "was created by hand, or by plexdev with another state directory (PLEXDEV_STATE_DIR)"
    if mark == "none":
        return "was not created by plexdev"
    if mark == "not yet":
        reason = "kind has not written its labels: the cluster is being created, or its creation was killed"
        fix = f"run it again; if the creation was killed: kind delete cluster --name {files.name}"
    else:
        reason = "its labels name the owner, but Docker could not read them"
        fix = f"run it again; docker cp {container.name}:{CONFIGURATION} - shows why they cannot be read"
    raise PlexdevError(NODE_UNMARKED, node=container.name, name=files.name, reason=reason, fix=fix)
