"""Deploy plexd to the warm cluster and wait until its Node is healthy; and remove it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pytest_plexdev.core.cancellation import fail_after, remaining_s
from pytest_plexdev.core.model import Service, StackInfo, Verdict
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.progress import Progress, VerdictChanged
from pytest_plexdev.core.provider import Observer
from pytest_plexdev.core.provider_parts import Deployed
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE, FOREIGN_CLUSTER, PLEXD_SILENT, PLEXD_TOKEN_SPENT
from pytest_plexdev.errors.readiness import DOOMED_OBJECT, OBJECTS_NOT_READY
from pytest_plexdev.kube import KubeClient, read_access
from pytest_plexdev.readiness.wait import wait_ready
from pytest_plexdev.stack.kind.cluster.lock import exclusive
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.images.pins import PLEXD
from pytest_plexdev.stack.kind.plexd import image as images
from pytest_plexdev.stack.kind.plexd.enrolment import DOMAIN, ControlPlane, Enrolment, signed_in
from pytest_plexdev.stack.kind.plexd.objects import VOLUME, WORKLOAD, apply_objects, delete_objects
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import ownership
from pytest_plexdev.stack.kind.warm.owner import describe_owner, files_of

_POLL_S: Final = 0.3
"""The contract's event stream is not provisioned, so a Node cannot be watched."""
_SPENT: Final = ("token_consumed", "token_expired", "token_revoked")
"""The contract's codes for a token that registers nothing."""


def deploy(info: StackInfo, provider: Observer, settings: KindSettings, progress: Progress, *, image: str) -> Deployed:
    """Deploy plexd, or bring the one that is there up to date, and wait until its Node is healthy.

    Its Node stays the same as long as its volume does; a token is issued for a new one only.

    Raises:
        PlexdevError: ``foreign-cluster``; ``image-missing``; ``doomed-object`` or ``objects-not-ready``: its Pod;
            ``plexd-token-spent``; ``plexd-silent``; an error of the sign-in.
        ProblemError: The API refused.
    """
    with _our_cluster(info, settings, progress) as client, signed_in(info, provider) as plane:
        return _Deployment(client, plane, settings, Phases(progress), progress).run(image)


def remove(info: StackInfo, settings: KindSettings, progress: Progress) -> list[str]:
    """Remove plexd's Deployment, Secret and volume. Returns lines for the user.

    Raises:
        PlexdevError: ``foreign-cluster``, ``object-held``.
    """
    with _our_cluster(info, settings, progress) as client:
        enrolment = Enrolment.read(client)
        deleted = delete_objects(client)
        _list_service(client, None)
    if not deleted:
        return ["plexdev: nothing to remove: plexd does not run here"]
    lines = [f"plexdev: plexd is removed: {', '.join(deleted)}"]
    if enrolment is not None and enrolment.node_id:
        lines.append(f"its Node {enrolment.node_id} stays in {DOMAIN}, unreachable: the API deletes no Nodes")
    return lines


@dataclass
class _Deployment:
    client: KubeClient
    plane: ControlPlane
    settings: KindSettings
    phases: Phases
    progress: Progress
    did: list[str] = field(default_factory=list)

    def run(self, image: str) -> Deployed:
        with self.phases.phase("image"):
            identity, was_loaded = images.put_on_node(self.settings.name, image, self._note)
        self.did.append(f"image: {image}, {'loaded' if was_loaded else 'on the node already'}")
        enrolment = self._enrolled()
        began = time.time()
        apply = partial(apply_objects, self.client, image=image, identity=identity, images=self.settings.images)
        result = apply(enrolment)
        self.did.append(f"objects: {', '.join(result.summary())}")
        _list_service(self.client, Service(name=PLEXD, version=image))
        with self.phases.phase("readiness"):
            self._wait_until_ready(enrolment, began)
        with self.phases.phase("heartbeat"):
            healthy = self._wait_until_healthy(enrolment)
        if healthy != enrolment:
            # The Secret notes the Node.
            apply(healthy)
        return Deployed(node_id=healthy.node_id, domain=DOMAIN, image=image, did=self.did)

    def _enrolled(self) -> Enrolment:
        """The enrolment in the cluster if the API still knows it, else a new one, with an empty volume."""
        known = Enrolment.read(self.client)
        if known is None:
            self.did.append("token: issued")
            return self.plane.enrol()
        if not known.node_id:
            known = self.plane.registered(known)
        if known.node_id and self.plane.reachability(known) is not None:
            self.did.append("token: none issued, its Node is registered")
            return known
        token = self.plane.token(known)
        if not known.node_id and token is not None and token.state == "issued":
            self.did.append("token: the one that an earlier attempt left unspent")
            return known
        if known.node_id:
            # The volume has the identity of a Node of another database.
            delete_objects(self.client)
            self.did.append(f"removed: Node {known.node_id} and its volume, because the API does not know it any more")
        self.did.append("token: issued, in place of one that is not valid any more")
        return self.plane.enrol()

    def _wait_until_ready(self, enrolment: Enrolment, began: float) -> None:
        try:
            wait_ready(self.client, [WORKLOAD], timeout=remaining_s(), began=began, progress=self.progress)
        except PlexdevError as error:
            if error.failure not in {DOOMED_OBJECT, OBJECTS_NOT_READY}:
                raise
            code = next((each for each in _SPENT if each in error.detail), None)
            if code is None:
                raise
            node = f"Node {enrolment.node_id} has" if enrolment.node_id else "another Node has"
            reason = {"token_consumed": f"{node} registered with it"}.get(code, "it is not valid any more")
            raise PlexdevError(
                PLEXD_TOKEN_SPENT, detail=error.detail, code=code, reason=reason, volume=VOLUME
            ) from None

    def _wait_until_healthy(self, enrolment: Enrolment) -> Enrolment:
        """Wait until the Node is registered and healthy; return the enrolment with its id."""
        seconds = remaining_s()

        def look() -> tuple[Enrolment, str | None]:
            known = enrolment if enrolment.node_id else self.plane.registered(enrolment)
            return known, self.plane.reachability(known)

        known, state = poll(look, until=lambda found: found[1] == "healthy", every_s=_POLL_S, timeout_s=seconds)
        if state != "healthy":
            what = f"its Node {known.node_id} is {state}" if known.node_id else "it registered no Node"
            raise PlexdevError(PLEXD_SILENT, reason=what, seconds=seconds)
        return known

    def _note(self, line: str) -> None:
        self.progress(VerdictChanged(verdict=Verdict(name="images", state="waiting", reason=line)))


@contextmanager
def _our_cluster(info: StackInfo, settings: KindSettings, progress: Progress) -> Iterator[KubeClient]:
    """Lock the cluster and connect to it, if plexdev created it.

    Raises:
        PlexdevError: ``foreign-cluster``, ``cluster-busy``.
    """
    cluster = info.cluster
    assert cluster is not None
    if not cluster.owned:
        container = find_node(cluster.name)
        whose = describe_owner(files_of(settings), container) if container is not None else ""
        whose = whose or "was not created by plexdev"
        raise PlexdevError(FOREIGN_CLUSTER, name=cluster.name, whose=whose, use="pytest --dev-stack")
    access = read_access(cluster.kubeconfig, cluster.context)
    if access is None:
        server, fix = "an address that is not known any more", "plexdev up --stack kind"
        reason = f"{cluster.kubeconfig} is gone"
        raise PlexdevError(CLUSTER_UNREACHABLE, context=cluster.context, server=server, reason=reason, fix=fix)
    began = time.monotonic()
    with exclusive(settings.state, timeout=settings.timeout, progress=progress):
        left = settings.timeout - (time.monotonic() - began)
        with fail_after(left), KubeClient(access) as client:
            yield client


def _list_service(client: KubeClient, service: Service | None) -> None:
    """Note in the ready mark whether the stack has plexd: `plexdev logs` and the list of what it omits read it."""
    ready = ownership.read_ready(client)
    if ready is None:
        return
    services = tuple(each for each in ready.services if each.name != PLEXD)
    services += (service,) if service is not None else ()
    if services != ready.services:
        ownership.write_ready(client, replace(ready, services=services))
