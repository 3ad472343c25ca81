"""Reset a running stack on a cluster of ours, and restart its services."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.profiles import ON_REQUEST
from pytest_plexdev.core.provider_parts import Changed
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.changes import NOT_OURS
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack import uses
from pytest_plexdev.stack.kind.constants import WARM_CLUSTER, node_of
from pytest_plexdev.stack.kind.observer import access_of
from pytest_plexdev.stack.kind.port_forward import Forwards
from pytest_plexdev.stack.kind.state import seeded_copy
from pytest_plexdev.stack.kind.state.restart import restart, wait_for_former_pods, workloads

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Cluster, StackInfo
    from pytest_plexdev.core.progress import Progress
    from pytest_plexdev.stack.kind.settings import KindSettings

_WITH_CACHES: Final = ("plexsphere", "plexsphere-signer")
"""The services of a control plane other than ours that may remember what the database had."""
_REFERENCE: Final = "age-heartbeat"
"""The capability of our control plane, which asks the database for each request."""


class KindChanges:
    """Implements :class:`pytest_plexdev.core.provider_parts.Changes`."""

    def __init__(self, info: StackInfo, settings: KindSettings) -> None:
        assert info.cluster is not None
        self._info = info
        self._cluster: Cluster = info.cluster
        self._settings = settings

    def services(self) -> Sequence[str]:
        """The services with a Deployment or a StatefulSet."""
        with self._client() as client:
            return sorted(workloads(client))

    def reset(self, progress: Progress) -> Changed:
        """Bring back the database from the copy in it, with the relations, and empty the streams."""
        access = self._own_access("reset")
        with self._alone(progress), ThreadPoolExecutor() as threads:
            uses.refuse_used(self._info, "plexdev reset", why=uses.RESET_ENDS)
            # Opened meanwhile, but emptied last: until then the API publishes.
            forwards = Forwards(self._cluster)
            with contextlib.closing(forwards):
                nats = threads.submit(forwards.url, "nats")
                seeded_copy.restore(access, name=self._cluster.name)
                if _REFERENCE not in self._info.capabilities:
                    self._restart(_WITH_CACHES, progress)
                _empty_streams(nats.result())
        return Changed(info=self._info, notes=list(self._notes()))

    def restart(self, services: Sequence[str], progress: Progress) -> Changed:
        """Replace the Pods of Deployments, and restart the containers of StatefulSets, which keep their data."""
        self._own_access(f"restart of {', '.join(services)}")
        with self._alone(progress):
            self._restart(services, progress)
        return Changed(info=self._info)

    def _restart(self, services: Sequence[str], progress: Progress) -> None:
        from pytest_plexdev.readiness import wait_ready

        deadline = time.monotonic() + self._settings.timeout
        with self._client() as client:
            known = workloads(client)
            refs = {service: known[service] for service in services if service in known}
            began = time.time()
            start = partial(restart, client, node=node_of(self._cluster.name), deadline=deadline)
            for service, workload in refs.items():
                start(service, workload)
            left_s = max(1.0, deadline - time.monotonic())
            wait_ready(client, list(refs.values()), timeout=left_s, began=began, progress=progress)
            wait_for_former_pods(client, list(refs), deadline=deadline)

    def _notes(self) -> Iterator[str]:
        for service in self._info.services:
            if service.name in ON_REQUEST:
                name = shlex.quote(service.name)
                yield f"{name}: its Node is gone: plexdev down {name} && plexdev up {name}"

    def _own_access(self, change: str) -> Access:
        """The access to the cluster.

        Raises:
            PlexdevError: ``not-ours``.
        """
        access = access_of(self._info)
        if not self._cluster.owned:
            raise PlexdevError(
                NOT_OURS,
                provider=self._info.provider,
                change=change,
                whose=f"the node of {self._cluster.name} has no label of this user's plexdev",
                command=f"{' '.join(access.kubectl)} rollout restart deployment/NAME",
            )
        return access

    def _client(self) -> KubeClient:
        return KubeClient(access_of(self._info))

    def _alone(self, progress: Progress) -> contextlib.AbstractContextManager[None]:
        """Keep bring-ups and attaching runs waiting meanwhile; a run's own cluster has none."""
        from pytest_plexdev.stack.kind.cluster.lock import exclusive

        if self._cluster.name != WARM_CLUSTER:
            return contextlib.nullcontext()
        return exclusive(self._settings.state, timeout=self._settings.timeout, progress=progress)


def _empty_streams(url: str) -> None:
    from pytest_plexdev.stack.kind.state.streams import purge

    purge(url)
