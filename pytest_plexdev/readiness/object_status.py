"""The result of a rule for one object, and its form as a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_plexdev.core.model import State, Verdict
from pytest_plexdev.readiness.object_ref import ObjectRef


@dataclass(frozen=True, kw_only=True)
class ObjectStatus:
    """A rule's finding.

    Attributes:
        reason: On what it waits, or why it is doomed; without that of its cause.
        since: Unix seconds by the cluster's clock.
        expected, actual: How far it is: ``1 available``, ``0``.
        hint: A kubectl command without kubeconfig and context, or another command.
        container: Of a Pod: the container that it is about.
        is_init: Whether that is an init container.
        grace: Seconds that this must hold before it is conclusive; of a ready one since *since*.
        failed_at: Of a doomed one: when it failed last; a failure before the wait began may have been mended since.
        is_final: Of a doomed one: nothing that happens elsewhere can mend it.
        only_news: Of a doomed one: it tells nothing where it is older than the wait.
        is_unseen: Of a ready one: we may not look at it, and *reason* says so.
        is_obstacle: Something outside the stack is in the way, and *hint* removes it: no bring-up does.
        cause: The deeper object that explains it: a Pod of a Deployment.
    """

    ref: ObjectRef
    state: State
    reason: str = ""
    since: float | None = None
    expected: str = "ready"
    actual: str = ""
    hint: str = ""
    container: str | None = None
    is_init: bool = False
    grace: float = 0.0
    failed_at: float | None = None
    is_final: bool = False
    only_news: bool = False
    is_unseen: bool = False
    is_obstacle: bool = False
    cause: ObjectStatus | None = None

    @property
    def chain(self) -> Iterator[ObjectStatus]:
        """It, its cause, the cause of that."""
        found: ObjectStatus | None = self
        while found is not None:
            yield found
            found = found.cause

    @property
    def deepest(self) -> ObjectStatus:
        """The last one of the chain."""
        *_, last = self.chain
        return last

    @property
    def container_words(self) -> str:
        """The container as it is printed: ``container api``, ``container init wait-for-deps``."""
        if self.container is None:
            return ""
        return f"container init {self.container}" if self.is_init else f"container {self.container}"

    @property
    def explanation(self) -> str:
        """The reason with those of its causes, in one line."""
        return ": ".join(part for each in self.chain for part in (_who(each, self), _why(each)) if part)

    def verdict(self, now: float) -> Verdict:
        """As others see it. *now* is the cluster's time in Unix seconds."""
        age = max(0.0, now - self.since) if self.since is not None else None
        hint = "" if self.state == "ready" else self.deepest.hint or self.hint
        return Verdict(name=str(self.ref), state=self.state, reason=self.explanation, since=age, hint=hint)


def worst(found: Iterable[ObjectStatus]) -> ObjectStatus | None:
    """The one that explains most: doomed before waiting, a Pod that failed before one that only started late."""
    order = {"doomed": 0, "gone": 1, "waiting": 2, "ready": 3}
    return min(found, key=lambda each: (order[each.state], each.failed_at is None, each.since or 0.0), default=None)


def _who(each: ObjectStatus, first: ObjectStatus) -> str:
    name = "" if each is first else str(each.ref)
    return ", ".join(part for part in (name, each.container_words) if part)


def _why(each: ObjectStatus) -> str:
    return f"not looked at: {each.reason}" if each.is_unseen else each.reason
