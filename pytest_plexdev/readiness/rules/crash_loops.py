"""Count a container's consecutive failures; terminations of a long-lived Pod's past say nothing about now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.rules.conditions import changed_at, condition
from pytest_plexdev.readiness.rules.container_status import PodContainer

_FORGETS: Final = 600.0
"""Seconds without a failure after which the kubelet resets its back-off."""
_FIRST_BACK_OFF: Final = "back-off 10s "
"""The kubelet's message after the second failure in a row. The first has none, the third has 20 s."""
_ENDS_BEFORE_IT: Final = 2
_SANDBOX_TAKES: Final = 5.0
"""Seconds within which a new Pod's sandbox is ready; a sandbox that is ready later may be a new one."""
_ENDS_THE_SANDBOX: Final = frozenset({"OOMKilled"})
"""Reasons of a termination that may end the Pod's sandbox as well."""
_END_UNSEEN: Final = "Unknown"
"""The reason that containerd reports for a container that ran when the node stopped."""


def failures_in_a_row(one: PodContainer) -> int:
    """Count the consecutive failed starts of a container that does not run.

    The kubelet reports at most two terminations and its back-off. A restart of the node counts as a termination too.
    """
    ended = int(one.status.get("restartCount", 0)) + 1
    if ended == 1 or _was_a_life(one.last_end):
        return 1
    kind, details = one.state
    if kind == "terminated":
        before = (one.status.get("lastState") or {}).get("terminated") or {}
        return 1 if _was_a_life(before) or _is_old(before, details) else ended
    if not str(details.get("message", "")).startswith(_FIRST_BACK_OFF):
        return ended
    # At the second termination ever, these are the first two; otherwise the row is younger than the Pod.
    return 1 if ended > _ENDS_BEFORE_IT or _had_a_life(one) else ended


def _was_a_life(run: Mapping[str, Any]) -> bool:
    """Whether a run ended in another way than by a failed start."""
    began, ended = seconds(run.get("startedAt")), seconds(run.get("finishedAt"))
    return run.get("reason") == _END_UNSEEN or (began is not None and ended is not None and ended - began >= _FORGETS)


def _is_old(run: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    """Whether a run ended long before the last one began."""
    ended, start = seconds(run.get("finishedAt")), seconds(last.get("startedAt"))
    return ended is not None and start is not None and start - ended >= _FORGETS


def _had_a_life(one: PodContainer) -> bool:
    """Whether the termination before the last, no longer reported, may be due to a long run or a node's restart."""
    status = one.pod.get("status") or {}
    first = seconds(status.get("startTime"))
    if first is None:
        return False
    start = seconds(one.last_end.get("startedAt")) or first
    # A new sandbox means that the node was restarted. The event of it may come late.
    sandbox = changed_at(condition(status, "PodReadyToStartContainers")) or first
    is_another = sandbox - first >= _SANDBOX_TAKES and one.last_end.get("reason") not in _ENDS_THE_SANDBOX
    return start - first >= _FORGETS or is_another
