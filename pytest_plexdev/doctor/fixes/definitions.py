"""Fix a Gateway that is not programmed: apply the CRDs server-side, which needs no annotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_plexdev.core.progress import ProgressEvent
from pytest_plexdev.core.subprocesses import run
from pytest_plexdev.kube import Access, KubeClient
from pytest_plexdev.kube.resources import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT
from pytest_plexdev.readiness import refs_of, wait_ready
from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE
from pytest_plexdev.stack.kind.manifests.crds import custom_resource_definitions, sources_of
from pytest_plexdev.stack.kind.settings import KindSettings

_CONTROLLER: Final = "envoy-gateway"
_PATIENCE: Final = 60.0


def apply_fix(access: Access, settings: KindSettings) -> Sequence[str]:
    """Apply the gateway's CRDs. If one was missing, restart the controller."""
    del settings  # the fix is the same for every stack
    with KubeClient(access) as client:
        added = serve(client)
        restarted = restart_controller(client) if added else []
    return [f"{name}: created" for name in added] + restarted or ["all CustomResourceDefinitions exist already"]


def serve(client: KubeClient) -> list[str]:
    """Apply the gateway's CRDs and wait until they are served. Returns the names of those that were missing."""
    wanted = custom_resource_definitions(sources_of("lean"))
    known = {each["metadata"]["name"] for each in client.list(CUSTOM_RESOURCE_DEFINITION)["items"]}
    for definition in wanted:
        client.apply(definition)
    wait_ready(client, refs_of(wanted), timeout=_PATIENCE, progress=_ignore)
    return [name for each in wanted if (name := each["metadata"]["name"]) not in known]


def restart_controller(client: KubeClient) -> list[str]:
    """Restart Envoy Gateway, which looks for its kinds only when it starts."""
    if client.get(DEPLOYMENT, _CONTROLLER, GATEWAY_NAMESPACE) is None:
        return []
    argv = [*client.access.kubectl, "-n", GATEWAY_NAMESPACE, "rollout", "restart", f"deployment/{_CONTROLLER}"]
    run(argv, timeout=_PATIENCE, purpose="Envoy Gateway must find the new kinds")
    return [f"deployment/{_CONTROLLER}: restarted"]


def _ignore(event: ProgressEvent) -> None:
    del event
