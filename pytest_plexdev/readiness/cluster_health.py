"""Judge what a stack needs of its cluster: nodes, DNS, kube-proxy, and the NodePorts that host ports lead to.

The one place that says what that is. It is looked at only; a part that the user may not list is reported as not looked
at and fails nothing.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pytest_plexdev.kube import resources
from pytest_plexdev.readiness.object_cache import ObjectCache, seconds
from pytest_plexdev.readiness.object_ref import DAEMON_SET, Object, ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import platform, workloads
from pytest_plexdev.readiness.rules.nodes import node, on_node
from pytest_plexdev.readiness.scope import Scope

SYSTEM: Final = "kube-system"
DNS: Final = ObjectRef("Service", "kube-dns", SYSTEM)
PROXY: Final = ObjectRef("DaemonSet", "kube-proxy", SYSTEM)
_DNS_SERVERS: Final = ObjectRef("Deployment", "coredns", SYSTEM)
_ANY_NODE: Final = ObjectRef("Node", "*")
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_EDITED_GRACE: Final = 5.0
"""Seconds that somebody may have scaled DNS away or renumbered a Service, to take it back."""
_UNSERVED_GRACE: Final = 20.0
"""Seconds that a NodePort may lack its Service once all workloads are ready, the gateway's controller included."""
_ADDON: Final = "kubeadm init phase addon {name} --config /kind/kubeadm.conf"
"""What kind itself made it with, on its node."""


@dataclass(frozen=True, kw_only=True)
class NodePort:
    """A port of the node that a host port leads to.

    Attributes:
        purpose: Who should answer there, in words.
        service: The Service that usually has it.
        remedy: The command that makes the Service where there is none.
    """

    port: int
    purpose: str
    service: ObjectRef
    remedy: str

    @property
    def ref(self) -> ObjectRef:
        """What a verdict calls it: ``nodeport/30080``."""
        return ObjectRef("NodePort", str(self.port))


@dataclass(frozen=True, kw_only=True)
class ClusterHealth:
    """What to look at in one cluster.

    Attributes:
        node_ports: Those of a cluster of ours; where a stranger's host ports lead is not known.
        is_ours: Whether kind made it with our configuration, so that DNS and kube-proxy are those of kubeadm. A
            stranger's may have others, so their absence means nothing there.
    """

    node_ports: tuple[NodePort, ...] = ()
    is_ours: bool = False

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The kinds that it is judged by."""
        return (
            Scope(resources.NODE, needed=False),
            Scope(resources.SERVICE, self._place, needed=False),
            Scope(resources.ENDPOINT_SLICE, self._place, needed=False),
            Scope(DAEMON_SET, SYSTEM, needed=False),
        )

    @property
    def explaining(self) -> tuple[Scope, ...]:
        """The kinds that say why it is not well."""
        of_dns = (Scope(each, SYSTEM, needed=False) for each in (resources.DEPLOYMENT, resources.REPLICA_SET))
        of_all = (Scope(each, self._place, needed=False) for each in (resources.POD, resources.EVENT))
        return (*of_dns, *of_all)

    @property
    def _place(self) -> str | None:
        """Where the Services are that it looks at."""
        return None if self.node_ports else SYSTEM

    def statuses(self, cache: ObjectCache, *, is_settled: bool = False) -> list[ObjectStatus]:
        """How each part is.

        Args:
            is_settled: Whether all workloads are ready, so that what is still missing will stay so.
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
        reason = "it runs on no node, so that no Service leads anywhere"
        return replace(found, state="doomed", reason=reason, actual="0", grace=0.0, hint=_patch(PROXY, change))

    def _absent(self, ref: ObjectRef, what: str, addon: str, cache: ObjectCache) -> ObjectStatus | None:
        if not self.is_ours:
            return None
        made = (on_node(each, _ADDON.format(name=addon)) for each in _control_planes(cache))
        hint = next((command for command in made if command), f"kubectl get {ref.words}")
        reason = f"{what} is not there"
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
            reason=f"no Service has it, so that nobody answers for {wanted.purpose}",
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
        # Where Pods find another node, this one is not the stack's end.
        yield replace(each, state="waiting") if is_one_ready and each.state == "doomed" else each


def _without_dns(found: ObjectStatus, absent: ObjectStatus | None, cache: ObjectCache) -> ObjectStatus:
    """Why no Pod answers for DNS, as far as the Deployment behind it is known."""
    if "Deployment" in _refused(cache):
        return found
    item = cache.get(_DNS_SERVERS)
    if item is None:
        return absent or found
    if item["spec"].get("replicas", 1) == 0:
        reason = f"{_DNS_SERVERS} is scaled to 0 replicas, so that no name resolves"
        hint = f"kubectl scale -n {SYSTEM} {_DNS_SERVERS} --replicas=2"
        scaled = replace(found, state="doomed", reason=reason, since=_changed_at(item), hint=hint)
        return replace(scaled, grace=_EDITED_GRACE, is_final=True, cause=None)
    cause = workloads.deployment(_DNS_SERVERS, item, cache)
    if cause.state == "ready":
        return found
    reason = "no Pod of it answers, so that no name resolves"
    found = replace(found, state=cause.state, reason=reason, cause=cause, grace=cause.grace)
    return replace(found, failed_at=cause.failed_at, is_final=cause.is_final, only_news=cause.only_news)


def _misnumbered(base: ObjectStatus, item: Object, wanted: NodePort) -> ObjectStatus:
    """The Service is there, and somebody changed its type or port."""
    numbers = [str(each["nodePort"]) for each in item["spec"].get("ports") or () if each.get("nodePort")]
    has = f"has {', '.join(numbers)}" if numbers else f"is of type {item['spec'].get('type', 'ClusterIP')}"
    change = [
        {"op": "replace", "path": "/spec/type", "value": "NodePort"},
        {"op": "add", "path": "/spec/ports/0/nodePort", "value": wanted.port},
    ]
    reason = f"{wanted.service} {has} in its place, so that nobody answers for {wanted.purpose}"
    since, hint = _changed_at(item), _patch(wanted.service, change)
    found = replace(base, state="doomed", reason=reason, actual=", ".join(numbers), since=since, hint=hint)
    return replace(found, grace=_EDITED_GRACE)


def _patch(ref: ObjectRef, change: object) -> str:
    return f"kubectl patch {ref.words} --type=json -p {shlex.quote(json.dumps(change))}"


def _unseen(ref: ObjectRef, cache: ObjectCache, *kinds: str) -> ObjectStatus | None:
    """Said in place of a judgement where the user may not list one of its kinds."""
    refused = next((kind for kind in kinds if kind in _refused(cache)), None)
    if refused is None:
        return None
    place = f" in {ref.namespace}" if ref.namespace else ""
    reason = f"this user may not list {ObjectRef(refused, '').resource.plural}{place}"
    return ObjectStatus(ref=ref, state="ready", reason=reason, is_unseen=True)


def _refused(cache: ObjectCache) -> set[str]:
    """The kinds that were refused where this module looks for them."""
    return {kind for kind, namespace in cache.refused if namespace in (None, SYSTEM)}


def _control_planes(cache: ObjectCache) -> Iterator[Object]:
    for each in cache.of_kind("Node"):
        if _CONTROL_PLANE in (each["metadata"].get("labels") or {}):
            yield each


def _changed_at(item: Object) -> float | None:
    """When somebody wrote an object last. Who scaled it is not told: the number is taken from its owner, for nobody."""
    entries = item["metadata"].get("managedFields") or ()
    return max((at for each in entries if (at := seconds(each.get("time"))) is not None), default=None)
