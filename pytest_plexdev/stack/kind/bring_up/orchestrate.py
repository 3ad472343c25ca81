"""Bring up a stack on a kind cluster, with all independent steps concurrent.

The cluster is made while our images are built and the manifests rendered; third-party workloads start while our images
are loaded; the marks come last.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any

from pytest_plexdev.core.cancellation import Cancelled, cancel, spawn, wait_all
from pytest_plexdev.core.model import Progress, StackInfo
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.bring_up.artifacts import Artifacts
from pytest_plexdev.stack.kind.bring_up.context import BringUpContext
from pytest_plexdev.stack.kind.bring_up.rollout import PreviousState, Rollout, read_previous
from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.config import choose_addresses, cluster_config
from pytest_plexdev.stack.kind.cluster.early_access import reach
from pytest_plexdev.stack.kind.cluster.files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.health import health_of
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import override, read_pins
from pytest_plexdev.stack.kind.manifests.inventory import parts_of
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state.loopback import refuse_where_elsewhere
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.stack_info import stack_info


class BringUp:
    """One bring-up in one place, which begins now. ``did`` says in words what was done and what was skipped."""

    def __init__(self, settings: KindSettings, place: ClusterFiles, progress: Progress) -> None:
        self.course = BringUpContext(settings, place, progress)
        self._settings = settings
        self._place = place
        self._loading = ImageLoader(settings, self.course.phases, self.course.note)

    @property
    def did(self) -> list[str]:
        return self.course.did

    def on_a_new_cluster(self, addresses: Addresses | None = None) -> StackInfo:
        """Make the cluster and bring the stack up on it. A cluster that could not be made leaves nothing behind.

        Args:
            addresses: Host ports that are chosen already.

        Raises:
            PlexdevError: ``port-taken``; whatever can fail.
        """
        addresses = addresses or choose_addresses(self._settings)
        inputs = self._inputs(addresses)
        made = spawn(partial(self._make_cluster, addresses))
        loaded = spawn(partial(self._loading.early, made, inputs.built))
        reached = spawn(partial(self._reach, made, loaded))
        try:
            wait_all(reached, *inputs.all)
        except BaseException:
            # The thread that makes the cluster takes back what it began, and knows what that was.
            cancel()
            if made.done() and made.exception() is None:
                create.delete(self._place)
            raise
        self.did.append(f"cluster {self._place.name}: created")
        filling = Rollout(self.course, inputs, self._loading)
        try:
            return filling.fill(
                reached.result(), addresses, spawn(partial(_whole, made, loaded)), PreviousState(is_new=True)
            )
        except PlexdevError:
            cancel()
            # A cluster that could not be made after all was taken away under the objects' feet.
            if isinstance(cause := made.exception(), PlexdevError):
                raise cause from None
            raise

    def on_a_cluster_of_ours(self, client: KubeClient, addresses: Addresses, ready: Ready | None) -> StackInfo:
        """Bring the stack up on a cluster that is there and ours, whatever it has of it already.

        Args:
            ready: The mark of the bring-up before this one, where that was completed.

        Raises:
            PlexdevError: Whatever can fail.
        """
        there = read_previous(client, ready)
        inputs = self._inputs(addresses)
        wait_all(*inputs.all)
        filling = Rollout(self.course, inputs, self._loading)
        return filling.fill(client.access, addresses, spawn(self._loading.now), there)

    def verify(self, client: KubeClient, ready: Ready) -> StackInfo:
        """Apply nothing; wait until everything of ours that is there is ready and the stack answers.

        Raises:
            PlexdevError: It does not become ready.
        """
        wanted = parts_of(client, owned=True)
        with self.course.phases.phase("verify"):
            self.course.until_ready(client, wanted, health=health_of(owned=True))
            version = self.course.until_answering(ready.addresses)
        self.did.append("images, objects, bootstrap: skipped, the cluster has this fingerprint")
        self.did.append(f"verified: {len(wanted)} objects are ready, the API and the identity provider answer")
        phases = self.course.phases.done
        return stack_info(self._place, client.access, ready, owned=True, version=version, phases=phases)

    def _make_cluster(self, addresses: Addresses) -> Access:
        config = cluster_config(self._place, addresses)
        with self.course.phases.phase("node image"):
            image = derived(self._settings.kind_image, override(read_pins(), self._settings.images), self.course.note)
        if self._settings.owner is not None and not self._settings.owner.is_alive:
            # A worker outlives its controller for some seconds, and what deletes its cluster has looked by then.
            raise Cancelled
        with self.course.phases.phase("cluster"):
            return create.create(self._place, config, image=image, timeout=self.course.left())

    def _reach(self, made: Future[Access], loaded: Future[Any]) -> Access:
        """How to reach it; where nobody can from here, that is said before its control plane is waited for."""
        wait([made, loaded], return_when=FIRST_COMPLETED)
        if not made.done() and (container := find_node(self._place.name)) is not None:
            refuse_where_elsewhere(container)
        return reach(self._place, made, loaded)

    def _inputs(self, addresses: Addresses) -> Artifacts:
        return Artifacts(self._settings, addresses, self.course.phases, self.course.note)


def _whole(made: Future[Access], loaded: Future[bool]) -> bool:
    made.result()
    return loaded.result()
