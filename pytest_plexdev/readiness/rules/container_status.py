"""The containers of a Pod, from its spec and the kubelet's status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_plexdev.kube.resources import KubeObject


@dataclass(frozen=True)
class PodContainer:
    """A container: its part of the Pod's spec, and the kubelet's status of it."""

    pod: KubeObject
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    is_init: bool

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def is_sidecar(self) -> bool:
        return self.is_init and self.spec.get("restartPolicy") == "Always"

    @property
    def state(self) -> tuple[str, Mapping[str, Any]]:
        """``waiting``, ``running`` or ``terminated``, with its details."""
        return next(iter((self.status.get("state") or {}).items()), ("waiting", {}))

    @property
    def last_end(self) -> Mapping[str, Any]:
        """Details of its last termination; empty if it has not ended."""
        kind, details = self.state
        return details if kind == "terminated" else (self.status.get("lastState") or {}).get("terminated") or {}

    @property
    def is_past(self) -> bool:
        """Whether the Pod no longer waits for it."""
        kind, details = self.state
        if kind == "terminated":
            return details.get("exitCode") == 0 and (not self._always_restarts or self.is_init)
        ready = self.status.get("started") if self.is_sidecar else self.status.get("ready")
        return kind == "running" and bool(ready) and (self.is_sidecar or not self.is_init)

    @property
    def _always_restarts(self) -> bool:
        return bool(self.pod["spec"].get("restartPolicy", "Always") == "Always")


def containers(pod: KubeObject) -> list[PodContainer]:
    """Return all containers, in the order in which they start."""
    status = pod.get("status") or {}
    found = []
    for member, is_init in (("initContainers", True), ("containers", False)):
        kind = "initContainerStatuses" if is_init else "containerStatuses"
        statuses = {each["name"]: each for each in status.get(kind) or ()}
        for spec in pod["spec"].get(member) or ():
            found.append(PodContainer(pod, spec, statuses.get(spec["name"], {}), is_init))  # noqa: PERF401 (reads better)
    return found
