"""Failure modes of images: one that the node lacks and never pulls or cannot pull, and serial pulls."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from pytest_plexdev.doctor.checks.objects import container_statuses, in_namespace, label
from pytest_plexdev.doctor.facts import Facts, Unknown
from pytest_plexdev.doctor.model import CheckResult, Found, NotFound
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import node_of

_PULLS: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"})
PARALLEL_PULLS: Final = 6
"""``maxParallelImagePulls`` of the runbook's kubelet patch."""
_CONFIGURATION: Final = "/var/lib/kubelet/config.yaml"
_PATCH: Final = rf"$a serializeImagePulls: false\nmaxParallelImagePulls: {PARALLEL_PULLS}"
KUBELET_COMMANDS: Final = (
    ("sed", "-i", "-e/^serializeImagePulls:/d", "-e/^maxParallelImagePulls:/d", f"-e{_PATCH}", _CONFIGURATION),
    ("systemctl", "restart", "kubelet"),
)
"""Commands that make a node's kubelet pull in parallel. Its Pods keep running."""


def never_pulled(facts: Facts) -> CheckResult:
    """Check that no container waits for an image that the node lacks and must not pull."""
    if isinstance(facts.pods, Unknown):
        return facts.pods
    missing = [(pod, status) for pod in facts.pods for status in container_statuses(pod) if _never_pulled(status)]
    if not missing:
        return NotFound()
    evidence = "; ".join(f"{label(pod)}, container {status['name']}: {status['image']}" for pod, status in missing)
    return Found(f"not on the node: {evidence}", _load(images_never_pulled(facts.pods), facts.cluster))


def not_pulled(facts: Facts) -> CheckResult:
    """Check that no container waits for an image that its node cannot pull."""
    if isinstance(facts.pods, Unknown):
        return facts.pods
    waiting = [(pod, status) for pod in facts.pods for status in container_statuses(pod) if _reason(status) in _PULLS]
    if not waiting:
        return NotFound()
    evidence = "; ".join(
        f"{label(pod)}, container {status['name']}: {status['image']} ({_reason(status)})" for pod, status in waiting
    )
    images = list(dict.fromkeys(status["image"] for _, status in waiting))
    pulls = [f"docker pull {image}" for image in images]
    if facts.cluster:
        command = " && ".join([*pulls, f"kind load docker-image {' '.join(images)} --name {facts.cluster}"])
    else:
        pod = waiting[0][0]
        command = f"{facts.kubectl} describe {in_namespace(pod)} pod/{pod['metadata']['name']}"
    return Found(f"not pulled: {evidence}", command)


def images_never_pulled(pods: Sequence[KubeObject]) -> list[str]:
    """Return the distinct images that these Pods lack now, or will lack once their init containers have finished.

    A container that waits for an init container does not report its own missing image yet.
    """
    waiting = [pod for pod in pods if any(map(_never_pulled, container_statuses(pod)))]
    reported = [status["image"] for pod in waiting for status in container_statuses(pod) if _never_pulled(status)]
    behind = [each["image"] for pod in waiting for each in _containers(pod) if each.get("imagePullPolicy") == "Never"]
    return list(dict.fromkeys([*reported, *behind]))


def _containers(pod: KubeObject) -> list[KubeObject]:
    spec = pod.get("spec") or {}
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _never_pulled(status: KubeObject) -> bool:
    return _reason(status) == "ErrImageNeverPull"


def _reason(status: KubeObject) -> str:
    """Why a container waits; empty if it does not."""
    return str(((status.get("state") or {}).get("waiting") or {}).get("reason") or "")


def _load(images: Sequence[str], cluster: str) -> str:
    if not cluster:
        return f"docker push {images[0]}  # to a registry that the nodes pull from; then change the image's policy"
    return f"kind load docker-image {' '.join(images)} --name {cluster}"


def serial_pulls(facts: Facts) -> CheckResult:
    """Check that every kubelet pulls images in parallel."""
    if isinstance(facts.kubelet, Unknown):
        return facts.kubelet
    serial = [node for node, config in facts.kubelet.items() if config.get("serializeImagePulls", True)]
    if not serial:
        return NotFound(", ".join(f"{node}: in parallel" for node in facts.kubelet))
    pulling = () if isinstance(facts.pods, Unknown) else [label(pod) for pod in facts.pods if _is_pulling(pod)]
    waiting = f"; waiting now: {', '.join(pulling)}" if pulling else ""
    evidence = f"the kubelet of {', '.join(serial)} has serializeImagePulls: true{waiting}"
    return Found(evidence, _pull_in_parallel(facts.cluster))


def _is_pulling(pod: KubeObject) -> bool:
    reasons = {((status.get("state") or {}).get("waiting") or {}).get("reason") for status in container_statuses(pod)}
    return bool(reasons & {"PodInitializing", "ContainerCreating"})


def _pull_in_parallel(cluster: str) -> str:
    before = ("docker", "exec", node_of(cluster)) if cluster else ("sudo",)
    return " && ".join(shlex.join([*before, *words]) for words in KUBELET_COMMANDS)
