"""The kind provider: a stack on a kind cluster, for one run or to stay."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_plexdev.core.model import Cluster, Progress, StackInfo, Verdict
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.kube import Access, KubeClient, read_access
from pytest_plexdev.kube.client import Object
from pytest_plexdev.kube.pods import newest_pod
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE, WARM_CLUSTER
from pytest_plexdev.stack.kind.port_forward import Forwards
from pytest_plexdev.stack.kind.settings import KindSettings


class KindProvider:
    """Implements :class:`pytest_plexdev.core.model.Provider`. *directory* is the stack's own, below the run's."""

    def __init__(self, settings: KindSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._forwards: Forwards | None = None

    def up(self, progress: Progress) -> StackInfo:
        """Bring the stack up: on a new cluster where it has an owner, else the warm one.

        Raises:
            PlexdevError: It did not become ready. Of a run's own cluster nothing is left then, unless it is kept.
        """
        from pytest_plexdev.stack.kind.warm import attach

        if self._settings.owner is None:
            return attach.bring_up(self._settings, progress)[0]
        from pytest_plexdev.stack.kind import fresh

        return fresh.bring_up(self._settings, self._directory, progress)

    def down(self, info: StackInfo | None) -> None:
        """Delete a run's own cluster and its directory. One that is gone already is fine."""
        from pytest_plexdev.stack.kind import fresh

        if info is None:
            fresh.take_down(self._settings.name, self._directory)
            return
        assert info.cluster is not None
        fresh.take_down(info.cluster.name, info.directory)

    def state(self, info: StackInfo) -> Sequence[Verdict]:
        """Judge every object of the stack, and what it needs of its cluster, as the cluster says it is now."""
        from pytest_plexdev.readiness.look import verdicts_now
        from pytest_plexdev.stack.kind.health import health_of
        from pytest_plexdev.stack.kind.manifests.inventory import parts_of

        assert info.cluster is not None

        try:
            with KubeClient(_access(info)) as client:
                owned = info.cluster.owned
                found = verdicts_now(client, parts_of(client, owned=owned), health=health_of(owned=owned))
                return [*_edits(client, info.cluster, found), *found]
        except PlexdevError as error:
            if error.failure is not CLUSTER_UNREACHABLE:
                raise
            reason = f"the API server does not answer: {error.facts['reason']}"
            return [Verdict(name=one.name, state="gone", reason=reason) for one in info.services]

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        """What the newest Pod of a service wrote, container by container; empty where it has none."""
        with KubeClient(_access(info)) as client:
            pod = newest_pod(client, service, (NAMESPACE, GATEWAY_NAMESPACE))
            return _log(client, pod, since) if pod is not None else ""

    def reach(self, info: StackInfo, service: str) -> str:
        """The URL of ``postgres`` or ``nats``; a port-forward is opened with the first question.

        Raises:
            PlexdevError: It cannot be reached.
        """
        assert info.cluster is not None
        if self._forwards is None:
            self._forwards = Forwards(info.cluster)
        return self._forwards.url(service)

    def clone(self) -> KindProvider:
        """Another provider of the same stack, with port-forwards of its own."""
        return KindProvider(self._settings, self._directory)

    def close(self) -> None:
        """Close the port-forwards."""
        if self._forwards is not None:
            self._forwards.close()
            self._forwards = None


def _edits(client: KubeClient, cluster: Cluster, found: Sequence[Verdict]) -> Iterator[Verdict]:
    if cluster.owned and cluster.name == WARM_CLUSTER and any(each.state != "ready" for each in found):
        from pytest_plexdev.stack.kind.warm.edited import edits_in_the_way

        yield from (each.verdict for each in edits_in_the_way(client))


def _access(info: StackInfo) -> Access:
    assert info.cluster is not None
    access = read_access(info.cluster.kubeconfig, info.cluster.context)
    if access is None:
        raise PlexdevError(
            CLUSTER_UNREACHABLE,
            context=info.cluster.context,
            server="an address that is not known any more",
            reason=f"{info.cluster.kubeconfig} is gone",
            fix="plexdev up --stack kind",
        )
    return access


def _log(client: KubeClient, pod: Object, since: float | None) -> str:
    meta, spec = pod["metadata"], pod["spec"]
    seconds = None if since is None else time.time() - since
    said = {
        container["name"]: client.log(meta["name"], container["name"], meta["namespace"], seconds=seconds)
        for container in (*spec.get("initContainers", ()), *spec["containers"])
    }
    written = {name: text for name, text in said.items() if text}
    main = spec["containers"][0]["name"]
    if set(written) <= {main}:
        return written.get(main, "")
    return "".join(f"==> {name} <==\n{text}" for name, text in written.items())
