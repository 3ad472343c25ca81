"""The result of a rule for one object, and its form as a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_plexdev.core.model import State, Verdict
from pytest_plexdev.readiness.object_ref import ObjectRef


@dataclass(frozen=True, kw_only=True)
class ObjectStatus:
    """The status of one object, as a readiness rule returns it.

    Attributes:
        reason: What it waits for, or why it is doomed; without the reason of its cause.
        since: Start of the state, in Unix seconds by the cluster's clock.
        expected, actual: Its progress: ``1 available``, ``0``.
        hint: A kubectl command without kubeconfig and context, or another command.
        container: The container of a Pod that the status is about.
        is_init: Whether that is an init container.
        grace: Seconds for which the status must persist before it is conclusive; if ready, counted from *since*.
        failed_at: Time of the last failure, if doomed. A failure from before the wait may have been fixed since.
        is_final: Whether a doomed object stays so whatever happens to other objects.
        only_news: Whether a doomed status counts only if it is newer than the wait.
        is_unseen: Whether this user may not list it; *reason* names the missing permission, and the state is ready.
        is_obstacle: Whether something outside the stack prevents readiness; *hint* removes it, a bring-up does not.
        cause: The status of the object that explains it, a Pod of a Deployment for example.
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
        """The status, its cause, the cause of that, and so on."""
        found: ObjectStatus | None = self
        while found is not None:
            yield found
            found = found.cause

    @property
    def deepest(self) -> ObjectStatus:
        """The last status of the chain."""
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
        """The reason and those of its causes, in one line."""
        return ": ".join(part for each in self.chain for part in (_who(each, self), _why(each)) if part)

    def verdict(self, now: float) -> Verdict:
        """Convert it to a verdict. *now* is the cluster's time in Unix seconds."""
        age = max(0.0, now - self.since) if self.since is not None else None
        hint = "" if self.state == "ready" else self.deepest.hint or self.hint
        return Verdict(name=str(self.ref), state=self.state, reason=self.explanation, since=age, hint=hint)


def worst(found: Iterable[ObjectStatus]) -> ObjectStatus | None:
    """Return the status that explains most: doomed before waiting, failed before not started."""
    order = {"doomed": 0, "gone": 1, "waiting": 2, "ready": 3}
    return min(found, key=lambda each: (order[each.state], each.failed_at is None, each.since or 0.0), default=None)


def _who(each: ObjectStatus, first: ObjectStatus) -> str:
    name = "" if each is first else str(each.ref)
    return ", ".join(part for part in (name, each.container_words) if part)


def _why(each: ObjectStatus) -> str:
    return f"not looked at: {each.reason}" if each.is_unseen else each.reason
