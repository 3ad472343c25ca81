"""Count a container's consecutive failures; terminations of a long-lived Pod's past say nothing about now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_plexdev.readiness.object_cache import seconds
from pytest_plexdev.readiness.rules.conditions import changed_at, condition
from pytest_plexdev.readiness.rules.container_status import Container

_FORGETS: Final = 600.0
"""Seconds without a failure after which the kubelet starts its back-off from the beginning."""
_FIRST_BACK_OFF: Final = "back-off 10s "
"""What the kubelet says of the second end of a row; the first one has none, the third has 20 s."""
_ENDS_BEFORE_IT: Final = 2
_SANDBOX_TAKES: Final = 5.0
"""Seconds that the sandbox of a new Pod may take; one that is ready later may be another one."""
_ENDS_THE_SANDBOX: Final = frozenset({"OOMKilled"})
"""Ends that may take the Pod's sandbox with them."""
_END_UNSEEN: Final = "Unknown"
"""What containerd says of a container that was there when the node stopped."""


def failures_in_a_row(one: Container) -> int:
    """The ends of a container that does not run, without those that were no failure to start.

    The kubelet tells two ends at most, and how long it backs off; a node that was restarted is an end to it as well.
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
    # The first time ever, it is of the Pod's first two ends; else the row is younger than the Pod.
    return 1 if ended > _ENDS_BEFORE_IT or _had_a_life(one) else ended


def _was_a_life(run: Mapping[str, Any]) -> bool:
    """Whether a run ended otherwise than by failing to start."""
    began, ended = seconds(run.get("startedAt")), seconds(run.get("finishedAt"))
    return run.get("reason") == _END_UNSEEN or (began is not None and ended is not None and ended - began >= _FORGETS)


def _is_old(run: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    """Whether a run ended long before the last one began."""
    ended, start = seconds(run.get("finishedAt")), seconds(last.get("startedAt"))
    return ended is not None and start is not None and start - ended >= _FORGETS


def _had_a_life(one: Container) -> bool:
    """Whether the end before the last, which is not told any more, may be of a long life or of a node's restart."""
    status = one.pod.get("status") or {}
    first = seconds(status.get("startTime"))
    if first is None:
        return False
    start = seconds(one.last_end.get("startedAt")) or first
    # Another sandbox: the node was restarted. (An event says so too, but it may come late, as the API server was away.)
    sandbox = changed_at(condition(status, "PodReadyToStartContainers")) or first
    is_another = sandbox - first >= _SANDBOX_TAKES and one.last_end.get("reason") not in _ENDS_THE_SANDBOX
    return start - first >= _FORGETS or is_another
