"""Not admitted, or without an address: controller, EnvoyProxy, GatewayClass and Gateway are applied anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.client import Object
from pytest_plexdev.readiness.wait import refs_of, wait_ready
from pytest_plexdev.stack.kind import manifests
from pytest_plexdev.stack.kind.apply import Outcome, apply
from pytest_plexdev.stack.kind.names import GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.settings import Addresses
from pytest_plexdev.stack.kind.vendor import custom_resource_definitions
from pytest_plexdev.stack.model import Event

_PATIENCE: Final = 30.0
"""Seconds that CustomResourceDefinitions get to be served."""


def mend(access: Access) -> Sequence[str]:
    """Apply what the gateway is made of. Nothing of it depends on the stack's addresses."""
    outcome = Outcome()
    wanted = [*custom_resource_definitions(), *_of_the_gateway(manifests.render(Addresses()))]
    with KubeClient(access) as client:

        def established(definitions: Sequence[Object]) -> None:
            wait_ready(client, refs_of(definitions), timeout=_PATIENCE, progress=_ignore)

        apply(client, wanted, outcome, established=established)
    done = [f"{name}: {change}" for name, change in sorted(outcome.changes.items()) if change != "unchanged"]
    return done or ["everything of the gateway is as it should be: look at its controller's log"]


def _of_the_gateway(objects: Sequence[Object]) -> Iterator[Object]:
    for each in objects:
        of_the_controller = GATEWAY_NAMESPACE in (each["metadata"].get("namespace"), each["metadata"]["name"])
        if of_the_controller or each["kind"].startswith(("Gateway", "ClusterRole")):
            yield each


def _ignore(event: Event) -> None:
    del event
