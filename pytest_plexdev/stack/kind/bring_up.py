"""The bring-up of a stack on a kind cluster: everything that can be done at the same time is.

The cluster is made while our images are built and the manifests rendered; third-party workloads start while our images
are loaded; the marks come last.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.client import Object
from pytest_plexdev.readiness.ref import ObjectRef, refs_of
from pytest_plexdev.readiness.wait import refs_in, wait_ready
from pytest_plexdev.stack.kind import answers, cluster, images, manifests, sentinel
from pytest_plexdev.stack.kind.apply import Outcome, apply
from pytest_plexdev.stack.kind.beside import all_of, beside
from pytest_plexdev.stack.kind.cluster import Place
from pytest_plexdev.stack.kind.config import choose_addresses, cluster_config
from pytest_plexdev.stack.kind.describe import services_of, stack_info
from pytest_plexdev.stack.kind.explain import api_silent, explained
from pytest_plexdev.stack.kind.inputs import Inputs
from pytest_plexdev.stack.kind.names import GATEWAY_NAMESPACE, NAMESPACE, node_of
from pytest_plexdev.stack.kind.network import takes_images, wait_for_services
from pytest_plexdev.stack.kind.node_image import derived
from pytest_plexdev.stack.kind.phases import Phases
from pytest_plexdev.stack.kind.pins import override, read_pins
from pytest_plexdev.stack.kind.render import BOOTSTRAP, images_of
from pytest_plexdev.stack.kind.seeded import read_tenants
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings
from pytest_plexdev.stack.model import Progress, SeededTenant, StackInfo, Verdict, VerdictChanged

_LOOK_AGAIN: Final = 0.3
"""Seconds between two looks at a node that is being made: Docker tells of its container, not of what runs in it."""
_LEAST: Final = 1.0
"""Seconds that a step gets though the time is up: what is there already is seen at once."""


class BringUp:
    """One bring-up in one place, which begins now. ``did`` says in words what was done and what was skipped."""

    def __init__(self, settings: KindSettings, place: Place, progress: Progress) -> None:
        self._settings = settings
        self._place = place
        self._progress = progress
        self._phases = Phases(progress)
        self._abandoned = threading.Event()
        self._settled: Mapping[str, str] = {}
        self.did: list[str] = []

    def on_a_new_cluster(self) -> StackInfo:
        """Make the cluster and bring the stack up on it. A cluster that could not be made leaves nothing behind.

        Raises:
            PlexdevError: ``port-taken``; whatever can fail.
        """
        addresses = choose_addresses(self._settings)
        inputs = Inputs(self._settings, addresses, self._phases, self._note)
        made = beside(partial(self._make_cluster, addresses))
        loaded = beside(partial(self._load_early, made, inputs))
        try:
            all_of(made, *inputs.all)
        except BaseException:
            self._abandoned.set()
            cluster.delete(self._place)
            raise
        self.did.append(f"cluster {self._place.name}: created")
        return self._fill(made.result(), addresses, inputs, loaded)

    def on_a_cluster_of_ours(
        self, access: Access, addresses: Addresses, *, settled: Mapping[str, str] = MappingProxyType({})
    ) -> StackInfo:
        """Bring the stack up on a cluster that is there and ours, whatever it has of it already.

        Args:
            settled: Inputs of the fingerprint that the cluster keeps, whatever is applied to it.

        Raises:
            PlexdevError: Whatever can fail.
        """
        self._settled = settled
        inputs = Inputs(self._settings, addresses, self._phases, self._note)
        all_of(*inputs.all)
        return self._fill(access, addresses, inputs, beside(self._load))

    def verify(self, client: KubeClient, ready: sentinel.Ready, addresses: Addresses) -> StackInfo:
        """Apply nothing; wait until everything that is there is ready and the stack answers.

        Raises:
            PlexdevError: It does not become ready.
        """
        wanted = [*refs_in(client, NAMESPACE), *refs_in(client, GATEWAY_NAMESPACE)]
        try:
            with self._phases.phase("verify"):
                self.wait(client, wanted)
                version = self.answering(addresses)
        except PlexdevError as error:
            raise explained(error, client.access) from None
        self.did.append("images, objects, bootstrap: skipped, the cluster has this fingerprint")
        self.did.append(f"verified: {len(wanted)} objects are ready, the API and the identity provider answer")
        return stack_info(
            client.access,
            addresses,
            name=self._place.name,
            directory=self._place.directory,
            owned=True,
            version=version,
            tenants=ready.tenants,
            services=ready.services,
            phases=self._phases.done,
            started_at=ready.at,
        )

    def _make_cluster(self, addresses: Addresses) -> Access:
        config = cluster_config(self._place.name, addresses)
        with self._phases.phase("node image"):
            image = derived(self._settings.kind_image, override(read_pins(), self._settings.images), self._note)
        with self._phases.phase("cluster"):
            if self._abandoned.is_set():
                raise KeyboardInterrupt
            return cluster.create(self._place, config, image=image, timeout=self._left())

    def _fill(self, access: Access, addresses: Addresses, inputs: Inputs, loaded: Future[bool]) -> StackInfo:
        with KubeClient(access) as client:
            try:
                return self._fill_with(client, addresses, inputs, loaded)
            except PlexdevError as error:
                raise explained(error, access) from None

    def _fill_with(self, client: KubeClient, addresses: Addresses, inputs: Inputs, loaded: Future[bool]) -> StackInfo:
        access = client.access
        sentinel.withdraw_ready(client)
        objects = inputs.objects.result()
        outcome = self._apply(client, [*inputs.definitions.result(), *objects], loaded, built=inputs.built.result())
        with self._phases.phase("readiness"):
            self.wait(client, refs_of(objects))
        tenants = beside(partial(self._tenants, access))
        with self._phases.phase("answers"):
            version = self.answering(addresses)
        services = services_of(objects)
        sentinel.write_ready(
            client,
            fingerprint={**inputs.fingerprint, **self._settled},
            tenants=tenants.result(),
            services=services,
            addresses=addresses,
        )
        self.did.append(f"bootstrap: {outcome.words_of_job(BOOTSTRAP)}")
        return stack_info(
            access,
            addresses,
            name=self._place.name,
            directory=self._place.directory,
            owned=True,
            version=version,
            tenants=tenants.result(),
            services=services,
            phases=self._phases.done,
        )

    def _apply(self, client: KubeClient, objects: Sequence[Object], loaded: Future[bool], *, built: bool) -> Outcome:
        """Apply everything; what runs our images waits until the node has them."""
        outcome = Outcome()
        again = {BOOTSTRAP} if self._settings.reapply else set[str]()
        run = partial(apply, client, outcome=outcome, established=partial(self._established, client), again=again)
        hasty = [each for each in objects if _is_hasty(each)]
        ours = [each for each in objects if each not in hasty and self._is_ours(images_of(each))]
        with self._phases.phase("apply"):
            run([each for each in objects if each not in hasty and each not in ours])
            others = beside(partial(self._apply_hasty, client, partial(run, hasty)))
            fresh = loaded.result()
            run(ours)
            others.result()
        self.did.append(f"images: {'built' if built else 'up to date'}, {'loaded' if fresh else 'on the node already'}")
        self.did.append(f"objects: {', '.join(outcome.words())}")
        return outcome

    def _apply_hasty(self, client: KubeClient, run: Callable[[], None]) -> None:
        with self._phases.phase("network"):
            wait_for_services(client, node_of(self._place.name), timeout=self._left())
        run()

    def _load_early(self, made: Future[Access], inputs: Inputs) -> bool:
        """Load as soon as the node takes images: long before its control plane is up."""
        inputs.built.result()
        while not made.done():
            if takes_images(self._place.name):
                # A node that is being made may refuse what it takes a moment later.
                with contextlib.suppress(PlexdevError):
                    return self._load()
            time.sleep(_LOOK_AGAIN)
        made.result()
        return self._load()

    def _load(self) -> bool:
        with self._phases.phase("load"):
            # A new cluster has the others in its node's image; one that is there may lack what a pin changed to.
            pins = override(read_pins(), self._settings.images)
            lacking = [pin.reference for pin in images.missing_on_node(self._place.name, pins)]
            return images.load(self._place.name, [*self._our_images(), *lacking], self._note)

    def _our_images(self) -> list[str]:
        chosen = manifests.references(self._settings.images)
        return [chosen.get(image, image) for image in images.OUR_IMAGES]

    def _is_ours(self, names: AbstractSet[str]) -> bool:
        return not names.isdisjoint(self._our_images())

    def _established(self, client: KubeClient, definitions: Sequence[Object]) -> None:
        self.wait(client, refs_of(definitions))

    def wait(self, client: KubeClient, wanted: Sequence[ObjectRef]) -> None:
        """Wait until they are ready, within the time that is left."""
        wait_ready(client, wanted, timeout=self._left(), progress=self._progress)

    def answering(self, addresses: Addresses) -> Mapping[str, Any]:
        """Wait until the API and the identity provider answer at the host ports; what the API says that it is.

        Raises:
            PlexdevError: ``api-silent``.
        """
        try:
            answers.wait_until_answering(addresses.api, addresses.issuer, deadline=time.monotonic() + self._left())
            return answers.version(addresses.api, patience=5.0)
        except (OSError, ValueError) as error:
            raise api_silent(self._place.name, addresses, error) from None

    def _tenants(self, access: Access) -> tuple[SeededTenant, ...]:
        with self._phases.phase("tenants"):
            return read_tenants(access)

    def _note(self, line: str) -> None:
        self._progress(VerdictChanged(verdict=Verdict(name="images", state="waiting", reason=line)))

    def _left(self) -> float:
        return max(_LEAST, self._settings.timeout - self._phases.seconds)


def _is_hasty(item: Object) -> bool:
    """A Job that waits for nobody: on a node without a network yet it fails, and is not started again for ever."""
    return item["kind"] == "Job" and not item["spec"]["template"]["spec"].get("initContainers")
