"""Grace periods: a failure is final only if it persists across observations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import status_of
from pytest_plexdev.readiness.rules.jobs import job


@dataclass(frozen=True, kw_only=True)
class Graces:
    """Grace periods, in seconds.

    Attributes:
        replacement: Time that a deleted object may take to be created again.
        old_evidence: Time that a failure from before the wait may take to disappear: the kubelet retries a missing
            image or ConfigMap after up to 15 s.
    """

    replacement: float = 2.0
    old_evidence: float = 20.0


@dataclass
class Patience:
    """The observations of one wait.

    Attributes:
        began: Time from which failures count, in Unix seconds by the cluster's clock.
        next_look: Time at which a grace period ends, so that the same objects must be evaluated again.
    """

    began: float
    graces: Graces = field(default_factory=Graces)
    next_look: float | None = None
    _absent_since: dict[ObjectRef, float] = field(default_factory=dict)
    _doubts: dict[ObjectRef, tuple[object, float]] = field(default_factory=dict)

    def look(self, wanted: Sequence[ObjectRef], cache: ObjectCache, now: float) -> list[ObjectStatus]:
        """Return the statuses; a doomed one that is not yet conclusive is ``waiting``."""
        self.next_look = None
        return [self._look_at(ref, cache, now) for ref in wanted]

    def _look_at(self, ref: ObjectRef, cache: ObjectCache, now: float) -> ObjectStatus:
        item = cache.get(ref)
        if item is None and ref in cache.ended:
            return self._absent(ref, cache, now)
        self._absent_since.pop(ref, None)
        return self._weigh(status_of(ref, cache), now)

    def weigh(self, found: Iterable[ObjectStatus], now: float) -> list[ObjectStatus]:
        """Apply the grace periods to other statuses of the same observation."""
        return [self._weigh(each, now) for each in found]

    def _weigh(self, found: ObjectStatus, now: float) -> ObjectStatus:
        if found.state == "doomed":
            return self._doubted(found, now)
        self._doubts.pop(found.ref, None)
        # Timestamps of the cluster are whole seconds, so this waits up to one second longer.
        if found.state == "ready" and found.grace and not self._holds((found.since or now) + 1, found.grace, now):
            return replace(found, state="waiting", reason="ready, but without a readiness probe: it may still exit")
        return found

    def _absent(self, ref: ObjectRef, cache: ObjectCache, now: float) -> ObjectStatus:
        if ref.kind == "Job" and (complete := job(ref, cache.ended[ref], ObjectCache())).state == "ready":
            # A Job may remove itself once it is complete.
            return complete
        since = self._absent_since.setdefault(ref, now)
        hint = f"kubectl get events -n {ref.namespace}" if ref.namespace else f"kubectl get {ref.words}"
        gone = ObjectStatus(ref=ref, state="gone", reason="deleted during the wait", since=since, hint=hint)
        if self._holds(since, self.graces.replacement, now):
            return replace(gone, actual="absent")
        return replace(gone, state="waiting", reason="deleted; it may be created again")

    def _doubted(self, found: ObjectStatus, now: float) -> ObjectStatus:
        grace = found.grace
        evidence = found.failed_at or found.deepest.since
        # Timestamps of the cluster are whole seconds.
        if not found.is_final and evidence is not None and evidence < self.began - 1:
            grace = math.inf if found.only_news else max(grace, self.graces.old_evidence)
        what = (found.deepest.ref, found.deepest.container, found.deepest.is_init)
        doubted, since = self._doubts.get(found.ref, (what, now))
        if doubted != what:
            since = now
        self._doubts[found.ref] = (what, since)
        return found if self._holds(since, grace, now) else replace(found, state="waiting")

    def _holds(self, since: float, grace: float, now: float) -> bool:
        if now >= since + grace:
            return True
        if math.isinf(grace):
            return False
        self.next_look = min(self.next_look or since + grace, since + grace)
        return False


def conclude(found: Iterable[ObjectStatus], now: float) -> list[ObjectStatus]:
    """Apply the grace periods to a single observation, by the age of each state."""
    return [
        replace(each, state="waiting") if each.state == "doomed" and not _is_older(each, now) else each
        for each in found
    ]


def _is_older(found: ObjectStatus, now: float) -> bool:
    since = found.deepest.since
    return found.grace == 0 or (since is not None and now - since >= found.grace)
