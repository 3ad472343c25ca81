"""Choose the cluster that the doctor examines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pytest_plexdev.core.paths import home_directory, state_directory
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.doctor import CONTEXT_MISSING
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.user_files import read_file
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.constants import CONTEXT_PREFIX, WARM_CLUSTER, context_of
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.state import ownership

WARM_CONTEXT: Final = context_of(WARM_CLUSTER)


def find_target(
    kubeconfig: Path | None, context: str | None, environment: Mapping[str, str] = os.environ
) -> Access | None:
    """Return the named cluster, else the warm one, from plexdev's or the user's kubeconfig; ``None`` if none exists.

    Raises:
        PlexdevError: ``context-missing``, ``kubeconfig-unusable``: of a named cluster only.
    """
    wanted = context or WARM_CONTEXT
    if kubeconfig is None and context is None:
        return next((each for each in _warm_ones(environment) if isinstance(each, Access) and each.is_loopback), None)
    files = [kubeconfig] if kubeconfig is not None else list(_kubeconfigs(wanted, environment))
    for file in files:
        access = read_access(file, wanted)
        if access is not None:
            return access
    raise PlexdevError(CONTEXT_MISSING, path=":".join(map(str, files)), context=wanted)


def elsewhere(environment: Mapping[str, str] = os.environ) -> Access | None:
    """Return a context of the warm cluster's name whose API server is on another machine. It is not examined."""
    found = (each for each in _warm_ones(environment) if isinstance(each, Access) and not each.is_loopback)
    return next(found, None)


def unusable(environment: Mapping[str, str] = os.environ) -> list[PlexdevError]:
    """Return the errors of unusable kubeconfigs that may have the warm cluster's context."""
    return [each for each in _warm_ones(environment) if isinstance(each, PlexdevError)]


def _warm_ones(environment: Mapping[str, str]) -> Iterator[Access | PlexdevError]:
    for file in _kubeconfigs(WARM_CONTEXT, environment):
        try:
            if WARM_CONTEXT.encode() not in read_file(file):
                continue
        except OSError:
            # read_access reports the reason.
            pass
        try:
            access = read_access(file, WARM_CONTEXT)
        except PlexdevError as error:
            yield error
        else:
            if access is not None:
                yield access


def kind_cluster(access: Access | None) -> str:
    """Return the name (for kind) of a cluster; empty if it is not a kind cluster on this machine."""
    if access is None or not access.is_loopback or not access.context.startswith(CONTEXT_PREFIX):
        return ""
    return access.context.removeprefix(CONTEXT_PREFIX)


def has_our_labels(client: KubeClient, state: Path | None = None) -> bool:
    """Whether plexdev created the cluster, by the labels of its node: the warm one, or that of a run.

    Args:
        state: The state directory; by default the usual one.
    """
    name = kind_cluster(client.access)
    # A run's own cluster has its kubeconfig among its files.
    homes = (warm_directory(state, name), client.access.kubeconfig.parent) if name else ()
    return any(ownership.has_our_labels(client, ClusterFiles(name, home)) for home in homes)


def _kubeconfigs(context: str, environment: Mapping[str, str]) -> Iterator[Path]:
    yield warm_directory(state_directory(environment), context.removeprefix(CONTEXT_PREFIX)) / "kubeconfig"
    if named := environment.get("KUBECONFIG"):
        yield from (Path(each) for each in named.split(os.pathsep) if each)
    elif home := (environment.get("HOME") or home_directory()):
        yield Path(home) / ".kube" / "config"
