"""Read the verdicts, events and logs of a stack from its cluster: the kind provider's ``Observer``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_plexdev.core.model import Cluster, StackInfo, Verdict
from pytest_plexdev.core.provider_parts import LogWriter
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE, SERVICE_NOT_READY
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.pods import newest_pod
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE, WARM_CLUSTER

_NAMESPACES: Final = (NAMESPACE, GATEWAY_NAMESPACE)
_WORST_FIRST: Final = ("doomed", "gone", "waiting")


def verdicts(info: StackInfo) -> Sequence[Verdict]:
    """Evaluate every object of the stack, and the parts of the cluster that it needs, from their current state."""
    from pytest_plexdev.readiness.snapshot import verdicts_now
    from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
    from pytest_plexdev.stack.kind.required_parts import health_of

    cluster = _cluster(info)
    try:
        with KubeClient(access_of(info)) as client:
            found = verdicts_now(
                client, objects_of_stack(client, owned=cluster.owned), health=health_of(owned=cluster.owned)
            )
            return [*_manual_changes(client, cluster, found), *found]
    except PlexdevError as error:
        if error.failure is not CLUSTER_UNREACHABLE:
            raise
        reason = f"the API server does not answer: {error.facts['reason']}"
        return [Verdict(name=one.name, state="gone", reason=reason) for one in info.services]


def not_ready_error(info: StackInfo, probe: Callable[[StackInfo], Sequence[Verdict]]) -> PlexdevError | None:
    """Build the error for a stack that is not ready, with the worst verdict first; ``None`` if everything is ready.

    Args:
        probe: Returns the verdicts.
    """
    try:
        unready = [verdict for verdict in probe(info) if verdict.state != "ready"]
    except PlexdevError as error:
        return error
    if not unready:
        return None
    first, *rest = sorted(unready, key=lambda verdict: _WORST_FIRST.index(verdict.state))
    # An unreachable API server is reported once, and not for each service.
    has_one_reason = bool(rest) and len({verdict.reason for verdict in unready}) == 1
    others = () if has_one_reason else rest
    return PlexdevError(
        SERVICE_NOT_READY,
        detail="\n".join(f"{verdict.name} is {verdict.state}: {verdict.reason}" for verdict in others),
        service=f"all of {', '.join(verdict.name for verdict in unready)}" if has_one_reason else first.name,
        state=first.state,
        reason=first.headline,
        fix=first.hint or f"check whether its node runs: docker ps -a --filter name={_cluster(info).name}-",
    )


def events(info: StackInfo, since: float) -> str:
    """The events of the stack's namespace since *since* (Unix time, seconds), one per line; empty if there was none."""
    from pytest_plexdev.kube.events import events_since

    return "\n".join(events_since(_cluster(info), since))


def log(info: StackInfo, service: str, *, since: float | None = None) -> str:
    """The logs of all containers of a service's newest Pod; empty if it has no Pod.

    Args:
        since: Unix time, seconds: only lines after that.
    """
    with KubeClient(access_of(info)) as client:
        pod = newest_pod(client, service, _NAMESPACES)
        return _log_of(client, pod, since) if pod is not None else ""


class PodLogs:
    """Implements :class:`pytest_plexdev.core.provider_parts.Logs` for the services of a cluster."""

    def __init__(self, info: StackInfo) -> None:
        self._info = info

    @property
    def directory(self) -> Path:
        """The directory of the stack. The logs are in the cluster."""
        return self._info.directory

    def services(self) -> list[str]:
        """The names of the stack's services, sorted."""
        return sorted(each.name for each in self._info.services)

    def read(self, service: str, *, since: float | None = None) -> str:
        """The logs of all containers of a service's newest Pod."""
        return log(self._info, service, since=since)

    def follow(
        self, services: Sequence[str], write: LogWriter, *, since: float | None = None, tail: int | None = None
    ) -> None:
        """Stream the logs of the main containers until all of them end."""
        from pytest_plexdev.kube.follow import follow

        seconds = None if since is None else time.time() - since
        follow(_cluster(self._info), services, write, _NAMESPACES, seconds=seconds, lines=tail)


def _manual_changes(client: KubeClient, cluster: Cluster, found: Sequence[Verdict]) -> Iterator[Verdict]:
    if cluster.owned and cluster.name == WARM_CLUSTER and any(each.state != "ready" for each in found):
        from pytest_plexdev.stack.kind.warm.manual_changes import changes_to_revert

        yield from (each.verdict for each in changes_to_revert(client))


def _cluster(info: StackInfo) -> Cluster:
    assert info.cluster is not None
    return info.cluster


def access_of(info: StackInfo) -> Access:
    """Return the access to the stack's cluster.

    Raises:
        PlexdevError: ``cluster-unreachable``: its kubeconfig is gone.
    """
    cluster = _cluster(info)
    access = read_access(cluster.kubeconfig, cluster.context)
    if access is None:
        raise PlexdevError(
            CLUSTER_UNREACHABLE,
            context=cluster.context,
            server="an address that is not known any more",
            reason=f"{cluster.kubeconfig} is gone",
            fix="plexdev up --stack kind",
        )
    return access


def _log_of(client: KubeClient, pod: KubeObject, since: float | None) -> str:
    meta, spec = pod["metadata"], pod["spec"]
    seconds = None if since is None else time.time() - since
    logs = {
        container["name"]: client.log(meta["name"], container["name"], meta["namespace"], seconds=seconds)
        for container in (*spec.get("initContainers", ()), *spec["containers"])
    }
    written = {name: text for name, text in logs.items() if text}
    main = spec["containers"][0]["name"]
    if set(written) <= {main}:
        return written.get(main, "")
    return "".join(f"==> {name} <==\n{text}" for name, text in written.items())
