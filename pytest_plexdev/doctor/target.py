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
from pytest_plexdev.kube.files import read_file
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.constants import CONTEXT_PREFIX, WARM_CLUSTER, context_of
from pytest_plexdev.stack.kind.settings import warm_directory
from pytest_plexdev.stack.kind.state import ownership

WARM_CONTEXT: Final = context_of(WARM_CLUSTER)


def find_target(
    kubeconfig: Path | None, context: str | None, environment: Mapping[str, str] = os.environ
) -> Access | None:
    """The cluster that was named, else the warm one, in our own kubeconfig or the user's; ``None``: there is none.

    Raises:
        PlexdevError: Of one that was named: ``context-missing`` where it is not there, ``kubeconfig-unusable``.
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
    """The context of the warm cluster's name that is of another machine, which nobody looks at unasked."""
    found = (each for each in _warm_ones(environment) if isinstance(each, Access) and not each.is_loopback)
    return next(found, None)


def unusable(environment: Mapping[str, str] = os.environ) -> list[PlexdevError]:
    """The errors of kubeconfigs that may have the warm cluster's context and cannot be used."""
    return [each for each in _warm_ones(environment) if isinstance(each, PlexdevError)]


def _warm_ones(environment: Mapping[str, str]) -> Iterator[Access | PlexdevError]:
    for file in _kubeconfigs(WARM_CONTEXT, environment):
        try:
            if WARM_CONTEXT.encode() not in read_file(file):
                continue
        except OSError:
            # read_access says why, or that it is not there.
            pass
        try:
            access = read_access(file, WARM_CONTEXT)
        except PlexdevError as error:
            yield error
        else:
            if access is not None:
                yield access


def kind_cluster(access: Access | None) -> str:
    """kind's name of a cluster; empty where there is none, or not one of kind on this machine."""
    if access is None or not access.is_loopback or not access.context.startswith(CONTEXT_PREFIX):
        return ""
    return access.context.removeprefix(CONTEXT_PREFIX)


def is_ours(client: KubeClient, state: Path | None = None) -> bool:
    """Whether plexdev made the cluster, by the labels of its node: the warm one, or the one of a run.

    Args:
        state: Where the warm cluster's files are, if not where they usually are.
    """
    name = kind_cluster(client.access)
    # A run's own cluster has its kubeconfig among its files.
    homes = (warm_directory(state, name), client.access.kubeconfig.parent) if name else ()
    return any(ownership.is_ours(client, ClusterFiles(name, home)) for home in homes)


def _kubeconfigs(context: str, environment: Mapping[str, str]) -> Iterator[Path]:
    yield warm_directory(state_directory(environment), context.removeprefix(CONTEXT_PREFIX)) / "kubeconfig"
    if named := environment.get("KUBECONFIG"):
        yield from (Path(each) for each in named.split(os.pathsep) if each)
    elif home := (environment.get("HOME") or home_directory()):
        yield Path(home) / ".kube" / "config"
