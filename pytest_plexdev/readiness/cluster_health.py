"""Evaluate what a stack needs of its cluster: nodes, DNS, kube-proxy, and the NodePorts of the host ports.

Nothing is changed. A part that the user may not list is reported as not looked at and counts as ready.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pytest_plexdev.kube import resources
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import DAEMON_SET, ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import platform, workloads
from pytest_plexdev.readiness.rules.nodes import node, on_node
from pytest_plexdev.readiness.watched_kinds import Scope

SYSTEM: Final = "kube-system"
DNS: Final = ObjectRef("Service", "kube-dns", SYSTEM)
PROXY: Final = ObjectRef("DaemonSet", "kube-proxy", SYSTEM)
_DNS_SERVERS: Final = ObjectRef("Deployment", "coredns", SYSTEM)
_ANY_NODE: Final = ObjectRef("Node", "*")
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_EDITED_GRACE: Final = 5.0
"""Seconds for which DNS may be scaled to 0 or a Service renumbered: the change may be temporary."""
_UNSERVED_GRACE: Final = 20.0
"""Seconds that a NodePort may lack its Service after all workloads, with the gateway's controller, are ready."""
_ADDON: Final = "kubeadm init phase addon {name} --config /kind/kubeadm.conf"
"""The command on the node by which kind itself creates an addon."""


@dataclass(frozen=True, kw_only=True)
class NodePort:
    """A port of the node to which a host port is mapped.

    Attributes:
        purpose: The server that should answer there, as printed.
        service: The Service that usually has the port.
        remedy: The command that creates the Service.
    """

    port: int
    purpose: str
    service: ObjectRef
    remedy: str

    @property
    def ref(self) -> ObjectRef:
        """The name of the port in verdicts: ``nodeport/30080``."""
        return ObjectRef("NodePort", str(self.port))


@dataclass(frozen=True, kw_only=True)
class ClusterHealth:
    """The parts of one cluster that are evaluated.

    Attributes:
        node_ports: The NodePorts of a cluster that plexdev created; unknown for other clusters.
        is_ours: Whether kind created the cluster with plexdev's configuration, so that kubeadm installed DNS and
            kube-proxy. Other clusters may use other implementations, so their absence means nothing there.
    """

    node_ports: tuple[NodePort, ...] = ()
    is_ours: bool = False

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The kinds that determine the state."""
        return (
            Scope(resources.NODE, needed=False),
            Scope(resources.SERVICE, self._place, needed=False),
            Scope(resources.ENDPOINT_SLICE, self._place, needed=False),
            Scope(DAEMON_SET, SYSTEM, needed=False),
        )

    @property
    def explaining(self) -> tuple[Scope, ...]:
        """The kinds that explain a state that is not ready."""
        of_dns = (Scope(each, SYSTEM, needed=False) for each in (resources.DEPLOYMENT, resources.REPLICA_SET))
        of_all = (Scope(each, self._place, needed=False) for each in (resources.POD, resources.EVENT))
        return (*of_dns, *of_all)

    @property
    def _place(self) -> str | None:
        """The namespace of the Services; ``None`` for all."""
        return None if self.node_ports else SYSTEM

    def statuses(self, cache: ObjectCache, *, is_settled: bool = False) -> list[ObjectStatus]:
        """Return the status of each part.

        Args:
            is_settled: Whether all workloads are ready, so that a missing Service stays missing.
        """
        found = [*_nodes(cache), self._dns(cache), self._proxy(cache)]
        found += [self._node_port(each, cache, is_settled=is_settled) for each in self.node_ports]
        return [each for each in found if each is not None]

    def _dns(self, cache: ObjectCache) -> ObjectStatus | None:
        if unseen := _unseen(DNS, cache, "Service", "EndpointSlice"):
            return unseen
        item = cache.get(DNS)
        if item is None:
            return self._absent(DNS, "it", "coredns", cache)
        found = platform.service(DNS, item, cache)
        if found.state == "ready":
            return found
        return _without_dns(found, self._absent(DNS, str(_DNS_SERVERS), "coredns", cache), cache)

    def _proxy(self, cache: ObjectCache) -> ObjectStatus | None:
        if unseen := _unseen(PROXY, cache, "DaemonSet"):
            return unseen
        item = cache.get(PROXY)
        if item is None:
            return self._absent(PROXY, "it", "kube-proxy", cache)
        found = workloads.daemon_set(PROXY, item, cache)
        if (item.get("status") or {}).get("desiredNumberScheduled", 0) or found.state != "ready":
            return found
        change = [{"op": "replace", "path": "/spec/template/spec/nodeSelector", "value": {"kubernetes.io/os": "linux"}}]
        reason = "it runs on no node, so no Service is reachable"
        return replace(found, state="doomed", reason=reason, actual="0", grace=0.0, hint=_patch(PROXY, change))

    def _absent(self, ref: ObjectRef, what: str, addon: str, cache: ObjectCache) -> ObjectStatus | None:
        if not self.is_ours:
            return None
        made = (on_node(each, _ADDON.format(name=addon)) for each in _control_planes(cache))
        hint = next((command for command in made if command), f"kubectl get {ref.words}")
        reason = f"{what} does not exist"
        return ObjectStatus(ref=ref, state="doomed", reason=reason, actual="absent", hint=hint, is_final=True)

    def _node_port(self, wanted: NodePort, cache: ObjectCache, *, is_settled: bool) -> ObjectStatus | None:
        if unseen := _unseen(wanted.ref, cache, "Service"):
            return unseen
        for item in cache.of_kind("Service"):
            if any(each.get("nodePort") == wanted.port for each in item["spec"].get("ports") or ()):
                found = platform.service(ObjectRef.of(item, "Service"), item, cache)
                is_ready = found.state == "ready" or "EndpointSlice" in _refused(cache)
                ready = ObjectStatus(ref=wanted.ref, state="ready", since=found.since)
                return ready if is_ready else replace(ready, state="waiting", cause=found)
        base = ObjectStatus(
            ref=wanted.ref,
            state="waiting",
            reason=f"no Service has this NodePort, so nothing answers for {wanted.purpose}",
            expected=str(wanted.service),
            actual="absent",
            hint=wanted.remedy,
            grace=_UNSERVED_GRACE,
            is_final=True,
        )
        usual = cache.get(wanted.service)
        if usual is not None:
            return _misnumbered(base, usual, wanted)
        return replace(base, state="doomed") if is_settled else base


def _nodes(cache: ObjectCache) -> Iterator[ObjectStatus]:
    if unseen := _unseen(_ANY_NODE, cache, "Node"):
        yield unseen
        return
    found = [node(ObjectRef.of(each, "Node"), each) for each in cache.of_kind("Node")]
    is_one_ready = any(each.state == "ready" for each in found)
    for each in sorted(found, key=lambda one: one.ref):
        # While another node takes Pods, a doomed node does not doom the stack.
        yield replace(each, state="waiting") if is_one_ready and each.state == "doomed" else each


def _without_dns(found: ObjectStatus, absent: ObjectStatus | None, cache: ObjectCache) -> ObjectStatus:
    """Explain from its Deployment why DNS has no endpoint."""
    if "Deployment" in _refused(cache):
        return found
    item = cache.get(_DNS_SERVERS)
    if item is None:
        return absent or found
    if item["spec"].get("replicas", 1) == 0:
        reason = f"{_DNS_SERVERS} is scaled to 0 replicas, so no name resolves"
        hint = f"kubectl scale -n {SYSTEM} {_DNS_SERVERS} --replicas=2"
        scaled = replace(found, state="doomed", reason=reason, since=_changed_at(item), hint=hint)
        return replace(scaled, grace=_EDITED_GRACE, is_final=True, cause=None)
    cause = workloads.deployment(_DNS_SERVERS, item, cache)
    if cause.state == "ready":
        return found
    reason = "no Pod of it answers, so no name resolves"
    found = replace(found, state=cause.state, reason=reason, cause=cause, grace=cause.grace)
    return replace(found, failed_at=cause.failed_at, is_final=cause.is_final, only_news=cause.only_news)


def _misnumbered(base: ObjectStatus, item: KubeObject, wanted: NodePort) -> ObjectStatus:
    """The status of a NodePort whose Service exists with another type or port."""
    numbers = [str(each["nodePort"]) for each in item["spec"].get("ports") or () if each.get("nodePort")]
    has = f"has {', '.join(numbers)}" if numbers else f"is of type {item['spec'].get('type', 'ClusterIP')}"
    change = [
        {"op": "replace", "path": "/spec/type", "value": "NodePort"},
        {"op": "add", "path": "/spec/ports/0/nodePort", "value": wanted.port},
    ]
    reason = f"{wanted.service} {has} instead, so nothing answers for {wanted.purpose}"
    since, hint = _changed_at(item), _patch(wanted.service, change)
    found = replace(base, state="doomed", reason=reason, actual=", ".join(numbers), since=since, hint=hint)
    return replace(found, grace=_EDITED_GRACE)


def _patch(ref: ObjectRef, change: object) -> str:
    return f"kubectl patch {ref.words} --type=json -p {shlex.quote(json.dumps(change))}"


def _unseen(ref: ObjectRef, cache: ObjectCache, *kinds: str) -> ObjectStatus | None:
    """The status of a part for which the user may not list one of the kinds."""
    refused = next((kind for kind in kinds if kind in _refused(cache)), None)
    if refused is None:
        return None
    place = f" in {ref.namespace}" if ref.namespace else ""
    reason = f"this user may not list {ObjectRef(refused, '').resource.plural}{place}"
    return ObjectStatus(ref=ref, state="ready", reason=reason, is_unseen=True)


def _refused(cache: ObjectCache) -> set[str]:
    """The kinds that may not be listed in the namespaces that this module reads."""
    return {kind for kind, namespace in cache.refused if namespace in (None, SYSTEM)}


def _control_planes(cache: ObjectCache) -> Iterator[KubeObject]:
    for each in cache.of_kind("Node"):
        if _CONTROL_PLANE in (each["metadata"].get("labels") or {}):
            yield each


def _changed_at(item: KubeObject) -> float | None:
    """When an object was last written, in Unix seconds. A scaling has no entry of its own in ``managedFields``."""
    entries = item["metadata"].get("managedFields") or ()
    return max((at for each in entries if (at := seconds(each.get("time"))) is not None), default=None)
