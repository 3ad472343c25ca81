"""Failure modes of this machine: taken ports, clocks that differ, a full disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_plexdev.doctor.checks.objects import condition, label
from pytest_plexdev.doctor.facts import Disk, Facts, PortUse, Unknown
from pytest_plexdev.doctor.model import CheckResult, Found, NotFound
from pytest_plexdev.kube.resources import KubeObject
from pytest_plexdev.stack.kind.constants import node_of

SKEW_ALLOWED: Final = 60.0
"""Seconds that two clocks may be apart before an id_token is refused (runbook)."""
ROOM_NEEDED: Final = 2 << 30
"""Bytes: what the images of the stack and their unpacked copies on the node take, roughly."""
PRUNE: Final = "docker builder prune -f && docker image prune -f"


def port_taken(facts: Facts) -> CheckResult:
    """Check that no other program uses a host port of the dev stack."""
    if isinstance(facts.ports, Unknown):
        return facts.ports
    wrong = [use for use in facts.ports if _is_in_the_way(use, facts)]
    if wrong:
        evidence = "; ".join(f"port {use.port} ({use.purpose}) is taken by {use.holder}" for use in wrong)
        commands = dict.fromkeys(use.stop for use in wrong if use.stop)
        return Found(evidence, " && ".join(commands) or _instead(facts), needs_cluster=False)
    return NotFound(_host_ports(facts.ports))


def _is_in_the_way(use: PortUse, facts: Facts) -> bool:
    if use.holder is None or use.is_warm_cluster:
        return False
    if use.cluster and use.cluster == facts.cluster:
        # It is the examined stack itself.
        return False
    return facts.bringing_up or not use.is_embedded


def _instead(facts: Facts) -> str:
    """The command that avoids a holder that this user may not stop."""
    return "pytest --plexdev-stack=kind" if facts.bringing_up else "plexdev up --port 0 --idp-port 0"


def _host_ports(uses: Sequence[PortUse]) -> str:
    by_holder: dict[str, list[str]] = {}
    for use in uses:
        by_holder.setdefault(_holder(use), []).append(str(use.port))
    return "host ports " + "; ".join(f"{', '.join(ports)}: {holder}" for holder, ports in by_holder.items())


def _holder(use: PortUse) -> str:
    if use.holder is None:
        return "free"
    return f"yours ({'kind' if use.is_warm_cluster else 'embedded stack'})" if use.is_yours else use.holder


def clocks_apart(facts: Facts) -> CheckResult:
    """Check that the clocks differ by at most 60 s, and that no id_token was refused because of its time."""
    node = node_of(facts.cluster) if facts.cluster else ""
    # After a bring-up that failed, the node may be deleted.
    look = f" && docker exec {node} date -u" if node and not facts.bringing_up else ""
    command = f"sudo hwclock --hctosys && date -u{look}"
    if not isinstance(facts.clocks, Unknown):
        apart = {place: ahead for place, ahead in facts.clocks.items() if abs(ahead) > SKEW_ALLOWED}
        if apart:
            evidence = "; ".join(f"{place}'s clock is {_side(ahead)}" for place, ahead in apart.items())
            return Found(evidence, command, needs_cluster=bool(look))
    if not isinstance(facts.complaints, Unknown) and facts.complaints:
        last = facts.complaints[-1]
        return Found(f"pod/{last.pod} wrote: {_short(last.text)}", command, needs_cluster=bool(look))
    if isinstance(facts.clocks, Unknown):
        return facts.clocks
    return NotFound(", ".join(f"{place} {ahead:+.0f} s" for place, ahead in facts.clocks.items()))


def _side(ahead: float) -> str:
    return f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"


def _short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def disk_pressure(facts: Facts) -> CheckResult:
    """Check that no node reports DiskPressure, no Pod was evicted for it, and the disks have room for images."""
    nodes = () if isinstance(facts.nodes, Unknown) else facts.nodes
    pods = () if isinstance(facts.pods, Unknown) else facts.pods
    disks = () if isinstance(facts.disks, Unknown) else facts.disks
    evidence = [
        *(
            f"{label(node)} has DiskPressure: {condition(node, 'DiskPressure').get('message', '')}"
            for node in nodes
            if condition(node, "DiskPressure").get("status") == "True"
        ),
        *(f"{label(pod)} was evicted: {pod['status'].get('message', '')}" for pod in pods if _is_evicted(pod)),
        *(_room(disk) for disk in disks if disk.free < ROOM_NEEDED),
    ]
    if evidence:
        return Found("; ".join(evidence), PRUNE, needs_cluster=False)
    if isinstance(facts.disks, Unknown) and isinstance(facts.nodes, Unknown):
        return facts.disks
    return NotFound("; ".join(_room(disk) for disk in disks))


def _is_evicted(pod: KubeObject) -> bool:
    status = pod.get("status") or {}
    return status.get("reason") == "Evicted" and "ephemeral-storage" in status.get("message", "")


def _room(disk: Disk) -> str:
    return f"{disk.place} has {disk.free / (1 << 30):.1f} GiB left of {disk.total / (1 << 30):.0f} GiB"
