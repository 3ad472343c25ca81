"""Find the clusters that this user created: the warm one, and one that a test run kept in its directory."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from pytest_plexdev.core.model import STACK_FILE, StackInfo
from pytest_plexdev.errors import KEPT_STACK_MISSING, PlexdevError


def has_warm_cluster() -> bool:
    """Whether this user created the warm cluster, according to its files or, without those, its node's labels.

    Docker may have a cluster of that name that another user created; it is not stopped by default.
    """
    from pytest_plexdev.stack.kind.settings import warm_directory

    # creating.json exists during the creation, and stays if that process is killed.
    if any((warm_directory() / name).exists() for name in ("kubeconfig", "creating.json")):
        return True
    if shutil.which("docker") is None:
        return False
    from pytest_plexdev.stack.kind.warm.node_status import warm_node_has_our_labels

    return warm_node_has_our_labels()


def find_kept(directory: Path) -> StackInfo | None:
    """The stack of the cluster that a test run kept in *directory*; ``None`` if there is no such file.

    Raises:
        PlexdevError: ``state-damaged``, ``untrusted-path``.
    """
    file = directory / STACK_FILE
    info = StackInfo.read(file) if file.is_file() else None
    return info if info is not None and info.cluster is not None else None


def kept_cluster(directory: Path) -> str | None:
    """The name of the cluster that a test run kept in *directory*: from the directory's mark, else from its stack.json.

    Raises:
        PlexdevError: ``state-damaged``, ``untrusted-path``: there is no mark, and ``stack.json`` is unreadable.
    """
    from pytest_plexdev.core.ownership.lock import look

    mark = None
    with contextlib.suppress(PlexdevError):
        found = look(directory)
        mark = found.mark if found is not None else None
    if mark is not None:
        return mark.name if mark.kind == "cluster" else None
    info = find_kept(directory)
    return info.cluster.name if info is not None and info.cluster is not None else None


def name_of_kept(directory: Path) -> str:
    """Like :func:`kept_cluster`, but raise if there is none.

    Raises:
        PlexdevError: ``kept-stack-missing``, ``state-damaged``, ``untrusted-path``.
    """
    name = kept_cluster(directory)
    if name is None:
        raise PlexdevError(KEPT_STACK_MISSING, directory=directory)
    return name
