"""Fix a Gateway that is not admitted or has no address: apply controller, EnvoyProxy, GatewayClass and Gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_plexdev.doctor.fixes.definitions import restart_controller, serve
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.manifests.apply import ApplyResult, apply
from pytest_plexdev.stack.kind.manifests.render import render
from pytest_plexdev.stack.kind.settings import Addresses, KindSettings


def apply_fix(access: Access, settings: KindSettings) -> Sequence[str]:
    """Apply the objects of the gateway, none of which depends on the stack's addresses."""
    result = ApplyResult()
    wanted = list(_of_the_gateway(render(Addresses(), settings)))
    with KubeClient(access) as client:
        added = serve(client)
        apply(client, wanted, result, established=lambda _: None)
        changes = [f"{name}: {change}" for name, change in sorted(result.changes.items()) if change != "unchanged"]
        # If nothing had to change, the controller itself is stuck.
        restarted = restart_controller(client) if added or not changes else []
    return [*(f"{name}: created" for name in added), *changes, *restarted]


def _of_the_gateway(objects: Sequence[KubeObject]) -> Iterator[KubeObject]:
    for each in objects:
        of_the_controller = GATEWAY_NAMESPACE in (each["metadata"].get("namespace"), each["metadata"]["name"])
        if of_the_controller or each["kind"].startswith(("Gateway", "ClusterRole")):
            yield each
