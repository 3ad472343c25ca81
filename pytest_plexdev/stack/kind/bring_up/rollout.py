"""Apply everything to our cluster, wait until it is ready and answers, then write the ready mark."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Final

from pytest_plexdev.core.cancellation import spawn, wait_all
from pytest_plexdev.core.model import SeededTenant, StackInfo
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.readiness.object_ref import ObjectRef, refs_of
from pytest_plexdev.stack.kind.bring_up.artifacts import Artifacts
from pytest_plexdev.stack.kind.bring_up.context import BringUpContext
from pytest_plexdev.stack.kind.cluster.node_readiness import restart_coredns, wait_for_services
from pytest_plexdev.stack.kind.constants import NAMESPACE, node_of
from pytest_plexdev.stack.kind.health import health_of
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.prune import prune, stamped
from pytest_plexdev.stack.kind.manifests.transform import BOOTSTRAP, images_of, waits_for_a_secret
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.kind.state import database, ownership
from pytest_plexdev.stack.kind.state.fingerprint import CREATION_INPUTS
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.seeded import read_tenants
from pytest_plexdev.stack.kind.state.stack_info import services_of, stack_info

_POSTGRES: Final = ObjectRef("StatefulSet", "postgres", NAMESPACE)
_CALLERS: Final = frozenset({"Deployment", "Job"})
"""Whose Pods call others."""
_SPICEDB: Final = ObjectRef("Deployment", "spicedb", NAMESPACE)


@dataclass(frozen=True)
class PreviousState:
    """What a cluster of ours was before this bring-up.

    Attributes:
        made_with: Inputs that it keeps, whatever is applied to it; empty where nobody wrote them down.
        database: Which one the stack's data went into, as an input; empty where no bring-up was completed.
        is_new: It has nothing yet.
    """

    made_with: Mapping[str, str] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False


def read_previous(client: KubeClient, ready: Ready | None) -> PreviousState:
    """What a cluster that is there says of itself."""
    applied = ready.fingerprint if ready is not None else {}
    return PreviousState(
        made_with=ownership.read_kept(client) or {name: applied[name] for name in CREATION_INPUTS if name in applied},
        database={name: uid for name, uid in applied.items() if name == database.INPUT},
    )


class Rollout:
    """One cluster being filled."""

    def __init__(self, course: BringUpContext, inputs: Artifacts, loading: ImageLoader) -> None:
        self._course = course
        self._inputs = inputs
        self._loading = loading
        self._result = ApplyResult()
        self._began = time.time()

    def fill(self, access: Access, addresses: Addresses, loaded: Future[bool], there: PreviousState) -> StackInfo:
        """Bring the stack up on a cluster that is ours, whatever it has of it already.

        Args:
            loaded: Whether the images had to be loaded onto the node, once it is whole and has them.

        Raises:
            PlexdevError: Whatever can fail.
        """
        with KubeClient(access) as client:
            fingerprint = self._inputs.fingerprint
            made_with = there.made_with or {name: fingerprint[name] for name in CREATION_INPUTS if name in fingerprint}
            ownership.write_kept(client, made_with)
            ownership.withdraw_ready(client)
            objects = stamped(self._inputs.objects.result())
            seeded = self._apply(client, objects, loaded, there)
            with self._course.phases.phase("readiness"):
                self._course.until_ready(client, refs_of(objects), began=self._began, health=health_of(owned=True))
            tenants = spawn(partial(self._tenants, access))
            with self._course.phases.phase("answers"):
                version = self._course.until_answering(addresses)
            applied = {name: value for name, value in fingerprint.items() if name not in CREATION_INPUTS}
            ready = Ready(
                addresses=addresses,
                services=services_of(objects),
                fingerprint={**applied, **made_with, **(seeded or database.identity(client))},
                tenants=tenants.result(),
            )
            ownership.write_ready(client, ready)
        self._course.did.append(f"bootstrap: {self._result.words_of_job(BOOTSTRAP)}")
        phases = self._course.phases.done
        return stack_info(self._course.place, access, ready, owned=True, version=version, phases=phases)

    def _apply(
        self, client: KubeClient, objects: Sequence[KubeObject], loaded: Future[bool], there: PreviousState
    ) -> Mapping[str, str]:
        """Apply everything, in the order that a new node becomes able to run it. Which database was seeded.

        The data's Pods call nobody and take longest. Everybody else's begin by asking for names: started before there
        is a way to the cluster's DNS, they would be in the way of what makes one.
        """
        parts = _Parts.of(objects, self._inputs.definitions.result(), self._loading)
        run = partial(apply, client, result=self._result, established=partial(self._established, client))
        with self._course.phases.phase("apply"):
            run(parts.namespaces)
            run(parts.data)
            custom = spawn(partial(run, [*parts.definitions, *parts.custom]))
            self._network(client, loaded, there)
            networked = spawn(partial(self._apply_hasty, run, client, parts, loaded))
            run(parts.others)
            seeded = {} if there.is_new else self._database(client, objects, there)
            fresh = loaded.result()
            run(parts.ours, again=self._again(parts.ours, is_another=seeded != there.database))
            wait_all(custom, networked)
        self._tell(fresh=fresh)
        if not there.is_new and (old := prune(client, [*parts.definitions, *objects])):
            self._course.did.append(f"removed, since nothing here has them any more: {', '.join(old)}")
        return seeded

    def _database(self, client: KubeClient, objects: Sequence[KubeObject], there: PreviousState) -> Mapping[str, str]:
        """The database's identity after Postgres has rolled out. Restarts SpiceDB if it changed."""
        if _POSTGRES in refs_of(objects):
            database.wait_until_old_is_gone(client, timeout=self._course.left())
            self._course.until_ready(client, [_POSTGRES], began=self._began)
        now = database.identity(client)
        if now != there.database:
            self._course.did.append("database: not the one that was seeded: it is migrated and seeded now")
            if database.restart_spicedb(client, now):
                # Before the Jobs: the seed goes into its tables too.
                self._course.until_ready(client, [_SPICEDB], began=self._began)
        return now

    def _again(self, ours: Sequence[KubeObject], *, is_another: bool) -> set[str]:
        """The Jobs that run once more even where nothing changed."""
        wanted = is_another or self._course.settings.reapply
        return {each["metadata"]["name"] for each in ours if each["kind"] == "Job" and wanted}

    def _tell(self, *, fresh: bool) -> None:
        built = "built" if self._inputs.built.result() else "up to date"
        self._course.did += [
            f"images: {built}, {'loaded' if fresh else 'on the node already'}",
            f"objects: {', '.join(self._result.words())}",
        ]
        if readers := self._result.words_of_readers():
            self._course.did.append(f"restarted, since what they had read was changed by hand: {readers}")

    def _network(self, client: KubeClient, loaded: Future[bool], there: PreviousState) -> None:
        node = node_of(self._course.place.name)
        with self._course.phases.phase("network"):
            wait_for_services(client, node, whole=loaded, timeout=self._course.left())
            if there.is_new:
                restart_coredns(client)

    def _apply_hasty(
        self, run: Callable[[Sequence[KubeObject]], None], client: KubeClient, parts: _Parts, loaded: Future[bool]
    ) -> None:
        """Jobs that wait for nobody, and then those who mount the Secrets that they make.

        A Pod that comes before its Secret is looked at again after ever longer pauses.
        """
        run(parts.hasty)
        if parts.late:
            # Before that kind may not have taken the taint from its only node, which would be told as doom.
            loaded.result()
            self._course.until_ready(client, refs_of(parts.hasty), began=self._began)
            run(parts.late)

    def _established(self, client: KubeClient, definitions: Sequence[KubeObject]) -> None:
        self._course.until_ready(client, refs_of(definitions))

    def _tenants(self, access: Access) -> tuple[SeededTenant, ...]:
        with self._course.phases.phase("tenants"):
            return read_tenants(access, self._course.settings.seed)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The objects by what they have to wait for.

    Attributes:
        data: StatefulSets, and what runs nothing.
        custom: Kinds that have to be defined first.
        hasty: Jobs that wait for nobody: without a network they fail, and are not started again for ever.
        late: Who mounts a Secret that such a Job makes.
        ours: What runs our images.
    """

    namespaces: Sequence[KubeObject]
    data: Sequence[KubeObject]
    definitions: Sequence[KubeObject]
    custom: Sequence[KubeObject]
    hasty: Sequence[KubeObject]
    late: Sequence[KubeObject]
    ours: Sequence[KubeObject]
    others: Sequence[KubeObject]

    @classmethod
    def of(cls, objects: Sequence[KubeObject], definitions: Sequence[KubeObject], loading: ImageLoader) -> _Parts:
        defined = {each["spec"]["names"]["kind"] for each in definitions}

        def part_of(item: KubeObject) -> str:
            if item["kind"] == "Namespace":
                return "namespaces"
            if item["kind"] in defined:
                return "custom"
            if item["kind"] not in _CALLERS:
                return "data"
            if _is_hasty(item):
                return "hasty"
            if loading.is_ours(images_of(item)):
                return "ours"
            return "late" if waits_for_a_secret(item, objects) else "others"

        parts = {each.name: [item for item in objects if part_of(item) == each.name] for each in fields(cls)}
        return cls(**{**parts, "definitions": definitions})


def _is_hasty(item: KubeObject) -> bool:
    return item["kind"] == "Job" and not item["spec"]["template"]["spec"].get("initContainers")
