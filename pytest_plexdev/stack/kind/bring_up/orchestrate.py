"""Bring up a stack on a kind cluster, with all independent steps concurrent.

The cluster is created while our images are built and the manifests rendered. Third-party workloads start while our
images are loaded. The marks are written last.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Any

from pytest_plexdev.core.cancellation import Cancelled, cancel, remaining_s, spawn, wait_all
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.profiles import ON_REQUEST
from pytest_plexdev.core.progress import Progress
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.stack.kind.bring_up.artifacts import Artifacts
from pytest_plexdev.stack.kind.bring_up.context import BringUpContext
from pytest_plexdev.stack.kind.bring_up.rollout import PreviousState, Rollout, read_previous
from pytest_plexdev.stack.kind.cluster import create
from pytest_plexdev.stack.kind.cluster.cluster_files import ClusterFiles
from pytest_plexdev.stack.kind.cluster.config import choose_addresses, cluster_config
from pytest_plexdev.stack.kind.cluster.early_access import reach
from pytest_plexdev.stack.kind.cluster.node_container import find_node
from pytest_plexdev.stack.kind.images.load import ImageLoader
from pytest_plexdev.stack.kind.images.node_image import derived
from pytest_plexdev.stack.kind.images.pins import deployed, override, read_pins
from pytest_plexdev.stack.kind.manifests.inventory import objects_of_stack
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.kind.state.loopback import refuse_unreachable_ports
from pytest_plexdev.stack.kind.state.ownership import Ready
from pytest_plexdev.stack.kind.state.stack_info import stack_info


class BringUp:
    """One bring-up of one cluster. Its clock starts when it is created.

    Attributes:
        context: The deadline, timings and log.
    """

    def __init__(self, settings: KindSettings, files: ClusterFiles, progress: Progress) -> None:
        self.context = BringUpContext(settings, files, progress)
        self._files = files
        self.use(settings)

    def use(self, settings: KindSettings) -> None:
        """Continue with other settings: those of a cluster are complete once its marks are read."""
        self.context.settings = self._settings = settings
        self._loading = ImageLoader(settings, self.context.phases, self.context.note)

    @property
    def did(self) -> list[str]:
        """Lines for the user: what was done and what was skipped."""
        return self.context.did

    def on_a_new_cluster(self, addresses: Addresses | None = None) -> StackInfo:
        """Create the cluster and bring the stack up on it. A cluster whose creation fails is deleted.

        Args:
            addresses: The host ports; chosen here by default.

        Raises:
            PlexdevError: ``port-taken``; any error of a bring-up.
        """
        addresses = addresses or choose_addresses(self._settings)
        inputs = self._inputs(addresses)
        created = spawn(partial(self._create_cluster, addresses))
        loaded = spawn(partial(self._loading.load_during_creation, created, inputs.built))
        access = spawn(partial(self._reach, created, loaded))
        try:
            wait_all(access, *inputs.all)
        except BaseException:
            # The creating thread itself deletes a cluster that is not complete: it knows what it began.
            cancel()
            if created.done() and created.exception() is None:
                create.delete(self._files)
            raise
        self.did.append(f"cluster {self._files.name}: created")
        rollout = Rollout(self.context, inputs, self._loading)
        try:
            return rollout.run(
                access.result(),
                addresses,
                spawn(partial(_created_and_loaded, created, loaded)),
                PreviousState(is_new=True),
            )
        except PlexdevError:
            cancel()
            # If kind failed meanwhile, it deleted the cluster, and that is the cause.
            if isinstance(cause := created.exception(), PlexdevError):
                raise cause from None
            raise

    def on_an_existing_cluster(self, client: KubeClient, addresses: Addresses, ready: Ready | None) -> StackInfo:
        """Bring the stack up on a cluster that plexdev created, whatever was applied to it before.

        Args:
            ready: The ready mark of the previous bring-up, if that was completed.

        Raises:
            PlexdevError: Any error of a bring-up.
        """
        previous = read_previous(client, ready)
        inputs = self._inputs(addresses)
        wait_all(*inputs.all)
        self._loading.load_pins()
        rollout = Rollout(self.context, inputs, self._loading)
        return rollout.run(client.access, addresses, spawn(self._loading.load), previous)

    def verify(self, client: KubeClient, ready: Ready) -> StackInfo:
        """Wait until every object of the stack is ready and the stack answers. Applies nothing.

        Raises:
            PlexdevError: An object does not become ready, or ``api-silent``.
        """
        # What was added on request is no part of a bring-up, and must not fail it.
        wanted = [each for each in objects_of_stack(client, owned=True) if each.name not in ON_REQUEST]
        with self.context.phases.phase("verify"):
            self.context.wait_for_stack(client, wanted)
            version = self.context.wait_until_answering(ready.addresses)
        self.did.append("images, objects, bootstrap: skipped, the cluster has this fingerprint")
        self.did.append(f"verified: {len(wanted)} objects are ready, the API and the identity provider answer")
        phases = self.context.phases.done
        return stack_info(self._files, client.access, ready, owned=True, version=version, phases=phases)

    def _create_cluster(self, addresses: Addresses) -> Access:
        config = cluster_config(self._files, addresses)
        with self.context.phases.phase("node image"):
            pins = deployed(read_pins(), self._settings.profile)
            image = derived(self._settings.kind_image, override(pins, self._settings.images), self.context.note)
        if self._settings.owner is not None and not self._settings.owner.is_alive:
            # A worker outlives its controller for some seconds; by then the reaper has already run, and nothing would
            # delete the cluster.
            raise Cancelled
        with self.context.phases.phase("cluster"):
            return create.create(self._files, config, image=image, timeout=remaining_s())

    def _reach(self, created: Future[Access], loaded: Future[Any]) -> Access:
        """The access to the cluster. Refuses an unreachable one before the wait for its control plane."""
        wait([created, loaded], return_when=FIRST_COMPLETED)
        if not created.done() and (container := find_node(self._files.name)) is not None:
            refuse_unreachable_ports(container)
        return reach(self._files, created, loaded)

    def _inputs(self, addresses: Addresses) -> Artifacts:
        return Artifacts(self._settings, addresses, self.context.phases, self.context.note)


def _created_and_loaded(created: Future[Access], loaded: Future[bool]) -> bool:
    created.result()
    return loaded.result()
