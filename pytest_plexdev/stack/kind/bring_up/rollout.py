"""Apply everything to our cluster, wait until it is ready and answers, then write the ready mark."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pytest_plexdev.core.cancellation import remaining_s, spawn, wait_all
from pytest_plexdev.core.model import SeededTenant, StackInfo
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef, refs_of
from pytest_plexdev.stack.kind.bring_up.artifacts import Artifacts
from pytest_plexdev.stack.kind.bring_up.context import BringUpContext
from pytest_plexdev.stack.kind.bring_up.object_groups import ObjectGroups
from pytest_plexdev.stack.kind.cluster.node_readiness import restart_coredns, wait_for_services
from pytest_plexdev.stack.kind.constants import NAMESPACE, node_of
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.prune import labelled, prune
from pytest_plexdev.stack.kind.manifests.transform import BOOTSTRAP
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.kind.state import database, ownership, seeded_copy
from pytest_plexdev.stack.kind.state.applied_objects import applied_objects
from pytest_plexdev.stack.kind.state.fingerprint import CREATION_INPUTS
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.seeded import read_tenants
from pytest_plexdev.stack.kind.state.stack_info import services_of, services_on_request, stack_info

_POSTGRES: Final = ObjectRef("StatefulSet", "postgres", NAMESPACE)
_SPICEDB: Final = ObjectRef("Deployment", "spicedb", NAMESPACE)


@dataclass(frozen=True)
class PreviousState:
    """The state of our cluster before this bring-up.

    Attributes:
        creation_inputs: The inputs that the cluster was created with; empty if they are not recorded.
        database: The identity of the seeded database, as an input; empty if the last bring-up was not completed.
        is_new: Whether the cluster was just created.
    """

    creation_inputs: Mapping[str, str] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False


def read_previous(client: KubeClient, ready: Ready | None) -> PreviousState:
    """Read the state of an existing cluster from its marks."""
    applied = ready.fingerprint if ready is not None else {}
    return PreviousState(
        creation_inputs=ownership.read_creation_inputs(client)
        or {name: applied[name] for name in CREATION_INPUTS if name in applied},
        database={name: uid for name, uid in applied.items() if name == database.INPUT},
    )


class Rollout:
    """One rollout of the stack to one cluster."""

    def __init__(self, context: BringUpContext, inputs: Artifacts, loading: ImageLoader) -> None:
        self._context = context
        self._inputs = inputs
        self._loading = loading
        self._result = ApplyResult()
        self._began = time.time()

    def run(self, access: Access, addresses: Addresses, loaded: Future[bool], previous: PreviousState) -> StackInfo:
        """Apply the stack to a cluster that plexdev created, and wait until it is ready and answers.

        Args:
            loaded: Done once the node is complete and has our images: whether they had to be loaded.

        Raises:
            PlexdevError: Any error of a bring-up.
        """
        with KubeClient(access) as client:
            fingerprint = self._inputs.fingerprint
            creation_inputs = previous.creation_inputs or {
                name: fingerprint[name] for name in CREATION_INPUTS if name in fingerprint
            }
            ownership.write_creation_inputs(client, creation_inputs)
            ownership.withdraw_ready(client)
            objects = labelled(self._inputs.objects.result())
            seeded, is_new = self._apply(client, objects, loaded, previous)
            with self._context.phases.phase("readiness"):
                self._context.wait_for_stack(client, refs_of(objects), began=self._began)
            tenants = spawn(partial(self._read_tenants, access))
            copied = spawn(partial(seeded_copy.keep, access)) if is_new else None
            with self._context.phases.phase("answers"):
                version = self._context.wait_until_answering(addresses)
            if copied is not None:
                copied.result()
            applied = {name: value for name, value in fingerprint.items() if name not in CREATION_INPUTS}
            ready = Ready(
                addresses=addresses,
                services=(*services_of(objects), *services_on_request(client)),
                profile=self._context.settings.profile,
                fingerprint={**applied, **creation_inputs, **(seeded or database.identity(client))},
                tenants=tenants.result(),
                objects=applied_objects(client, [*self._inputs.definitions.result(), *objects]),
            )
            ownership.write_ready(client, ready)
        self._context.did.append(f"bootstrap: {self._result.job_summary(BOOTSTRAP)}")
        phases = self._context.phases.done
        return stack_info(self._context.files, access, ready, owned=True, version=version, phases=phases)

    def _apply(
        self, client: KubeClient, objects: Sequence[KubeObject], loaded: Future[bool], previous: PreviousState
    ) -> tuple[Mapping[str, str], bool]:
        """Apply everything, in the order in which a new node can run it.

        StatefulSets come first: their Pods need no network and take longest. All other Pods begin with DNS lookups.
        Started before Services route, they would only slow down kube-proxy and CoreDNS.

        Returns:
            The identity of the database that was seeded, and whether it was empty before.
        """
        groups = ObjectGroups.of(objects, self._inputs.definitions.result(), self._loading)
        run = partial(apply, client, result=self._result, established=partial(self._wait_until_established, client))
        with self._context.phases.phase("apply"):
            run(groups.namespaces)
            run(groups.data)
            custom = spawn(partial(run, [*groups.definitions, *groups.custom]))
            self._wait_for_network(client, loaded, previous)
            networked = spawn(partial(self._apply_independent_jobs, run, client, groups, loaded))
            watching = spawn(partial(self._apply_controllers, run, groups, custom))
            run(groups.others)
            jobs = {each["metadata"]["name"] for each in groups.ours if each["kind"] == "Job"}
            is_empty = not previous.is_new and self._wait_for_database(client, objects, previous, jobs)
            seeded = {} if previous.is_new else database.identity(client)
            fresh = loaded.result()
            run(groups.ours, again=jobs if is_empty or self._context.settings.reapply else ())
            wait_all(custom, networked, watching)
        self._report(fresh=fresh)
        if not previous.is_new and (old := prune(client, [*groups.definitions, *objects])):
            self._context.did.append(f"pruned, because they are no longer rendered: {', '.join(old)}")
        return seeded, previous.is_new or is_empty

    def _wait_for_database(
        self, client: KubeClient, objects: Sequence[KubeObject], previous: PreviousState, jobs: Collection[str]
    ) -> bool:
        """Wait until Postgres has rolled out. Restarts SpiceDB if the database is another one.

        Returns:
            Whether *jobs* have to fill the database.
        """
        if _POSTGRES in refs_of(objects):
            database.wait_until_old_is_gone(client, timeout=remaining_s())
            self._context.wait_until_ready(client, [_POSTGRES], began=self._began)
        now = database.identity(client)
        if now == previous.database or (not previous.database and database.was_used_by(client, jobs)):
            return False
        since = "it was seeded" if previous.database else "a bring-up that was not completed"
        self._context.did.append(f"database: replaced since {since}; it is migrated and seeded again")
        if database.restart_spicedb(client, now):
            # Before the Jobs, which also write into its tables.
            self._context.wait_until_ready(client, [_SPICEDB], began=self._began)
        return True

    def _report(self, *, fresh: bool) -> None:
        built = "built" if self._inputs.built.result() else "up to date"
        self._context.did += [
            f"images: {built}, {'loaded' if fresh else 'on the node already'}",
            f"objects: {', '.join(self._result.summary())}",
        ]
        if readers := self._result.reader_summary():
            self._context.did.append(f"restarted, because what they read was changed or deleted by hand: {readers}")

    def _wait_for_network(self, client: KubeClient, loaded: Future[bool], previous: PreviousState) -> None:
        node = node_of(self._context.files.name)
        with self._context.phases.phase("network"):
            wait_for_services(client, node, whole=loaded, timeout=remaining_s())
            if previous.is_new:
                restart_coredns(client)

    def _apply_independent_jobs(
        self,
        run: Callable[[Sequence[KubeObject]], None],
        client: KubeClient,
        groups: ObjectGroups,
        loaded: Future[bool],
    ) -> None:
        """Apply the independent Jobs, and then the workloads that mount the Secrets created by them.

        A Pod created before its Secret would retry the mount with exponential back-off.
        """
        run(groups.independent_jobs)
        if groups.secret_consumers:
            # Before this, the node may still have kind's taint, which would be reported as a final failure.
            loaded.result()
            self._context.wait_until_ready(client, refs_of(groups.independent_jobs), began=self._began)
            run(groups.secret_consumers)

    def _apply_controllers(
        self, run: Callable[[Sequence[KubeObject]], None], groups: ObjectGroups, custom: Future[None]
    ) -> None:
        """Apply the controllers of custom kinds once their kinds are served.

        One that starts earlier looks for its kinds again only after 10 s.
        """
        custom.result()
        run(groups.controllers)

    def _wait_until_established(self, client: KubeClient, definitions: Sequence[KubeObject]) -> None:
        self._context.wait_until_ready(client, refs_of(definitions))

    def _read_tenants(self, access: Access) -> tuple[SeededTenant, ...]:
        with self._context.phases.phase("tenants"):
            return read_tenants(access, self._context.settings.seed)
