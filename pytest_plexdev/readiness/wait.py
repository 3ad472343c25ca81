"""Wait for objects of a cluster with one watch for all of them; the error is a diagnosis."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from pytest_plexdev.core.cancellation import checkpoint
from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.progress import Progress, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness.cluster_health import ClusterHealth
from pytest_plexdev.readiness.diagnosis import Case, deleted, doomed, not_in_time
from pytest_plexdev.readiness.grace import Graces, Patience
from pytest_plexdev.readiness.init_logs import InitLogs, endpoint_host
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef, in_order
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.snapshot import bound
from pytest_plexdev.readiness.watch import Watch
from pytest_plexdev.readiness.watched_kinds import Scope, scopes_of, scopes_with

_GRACES: Final = Graces()
_BEHIND_A_NODE_PORT: Final = frozenset({"Gateway", "HTTPRoute"})
_CANCELLED_WITHIN_S: Final = 0.25
"""Seconds until a wait notices that its scope was cancelled."""


def wait_ready(
    client: KubeClient,
    wanted: Sequence[ObjectRef],
    *,
    timeout: float,
    health: ClusterHealth | None = None,
    began: float | None = None,
    progress: Progress = lambda _event: None,
    graces: Graces = _GRACES,
    now: Callable[[], float] = time.time,
) -> list[Verdict]:
    """Wait until all these objects are ready. Objects that do not exist yet are waited for.

    Args:
        timeout: Time limit in seconds. Restarts of the API server are survived.
        health: The cluster's own parts, which must be ready too.
        began: Unix time in seconds from which failures count; by default the time of the call. Pass the time of the
            apply if the objects were applied earlier.
        progress: Receives every change of an object's state or reason.
        graces: The grace periods.
        now: Returns the Unix time in seconds.

    Raises:
        PlexdevError: ``doomed-object`` or ``object-gone`` as soon as that is conclusive; ``objects-not-ready`` (exit
            code 124) at the timeout; ``kube-refused``: this user may not list a kind that is needed.
    """
    wait = _Wait(client, in_order(wanted), health, timeout, began, progress, graces, now)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait.run())
    # The caller is inside an event loop already.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, wait.run()).result()


@dataclass
class _Wait:
    client: KubeClient
    wanted: Sequence[ObjectRef]
    health: ClusterHealth | None
    timeout: float
    news_from: float | None
    progress: Progress
    graces: Graces
    now: Callable[[], float]
    _reported: dict[ObjectRef, tuple[str, str]] = field(default_factory=dict)

    async def run(self) -> list[Verdict]:
        began = self.now()
        async with self.client.stream() as http:
            watch = Watch(self.client, http, ObjectCache(), self._scopes())
            init_logs = InitLogs(http, watch.changed.set)
            following = asyncio.ensure_future(watch.run())
            following.add_done_callback(lambda _task: watch.changed.set())
            try:
                return await self._until_ready(began, watch, init_logs, following)
            finally:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError, PlexdevError):
                    await following
                await init_logs.close()

    async def _until_ready(
        self, began: float, watch: Watch, init_logs: InitLogs, following: asyncio.Future[None]
    ) -> list[Verdict]:
        patience: Patience | None = None
        found: list[ObjectStatus] = []
        while True:
            watch.changed.clear()
            if following.done():
                following.result()
            if watch.is_whole:
                if patience is None:
                    since = began if self.news_from is None else min(began, self.news_from)
                    patience = Patience(since + watch.clock_offset, self.graces)
                found = self._look(patience, watch)
                init_logs.follow(found)
                found = _with_init_logs(found, init_logs)
                self._report(found, self.now() + watch.clock_offset)
                if all(each.state == "ready" for each in found):
                    return self._verdicts(found, watch)
            case = self._case(began, watch, found)
            self._raise_conclusive(case)
            if self.now() >= began + self.timeout:
                raise await asyncio.to_thread(not_in_time, case, self.timeout)
            await self._news(began, watch, patience)

    def _scopes(self) -> list[Scope]:
        scopes = scopes_of(self.wanted)
        if self.health is None:
            return scopes
        return scopes_with(scopes, [*self.health.scopes, *self.health.explaining])

    def _look(self, patience: Patience, watch: Watch) -> list[ObjectStatus]:
        """Evaluate all objects; the cluster's own parts come first, because they explain others."""
        now = self.now() + watch.clock_offset
        found = patience.look(self.wanted, watch.cache, now)
        if self.health is None:
            return found
        # A Gateway waits for the address that its Service assigns.
        is_settled = all(each.state == "ready" or each.ref.kind in _BEHIND_A_NODE_PORT for each in found)
        return [*patience.weigh(self.health.statuses(watch.cache, is_settled=is_settled), now), *found]

    async def _news(self, began: float, watch: Watch, patience: Patience | None) -> None:
        """Return when something changed, a grace period ended, or the time limit is reached."""
        until = began + self.timeout
        if patience is not None and patience.next_look is not None:
            until = min(until, patience.next_look - watch.clock_offset)
        clock = asyncio.get_running_loop().time
        deadline = clock() + max(0.0, until - self.now())
        while not watch.changed.is_set() and (left_s := deadline - clock()) > 0:
            checkpoint()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, _CANCELLED_WITHIN_S)):
                    await watch.changed.wait()

    def _case(self, began: float, watch: Watch, found: Sequence[ObjectStatus]) -> Case:
        return Case(
            client=self.client,
            cache=watch.cache,
            found=found,
            wanted=self.wanted,
            began=began + watch.clock_offset,
            now=self.now() + watch.clock_offset,
            away=watch.away,
        )

    def _raise_conclusive(self, case: Case) -> None:
        for each in case.found:
            if each.state == "doomed":
                raise doomed(case)
            if each.state == "gone":
                raise deleted(case, each)

    def _report(self, found: Sequence[ObjectStatus], now: float) -> None:
        for each in found:
            verdict = each.verdict(now)
            if self._reported.get(each.ref) != (verdict.state, verdict.reason):
                self._reported[each.ref] = (verdict.state, verdict.reason)
                self.progress(VerdictChanged(verdict=bound(self.client, verdict)))

    def _verdicts(self, found: Sequence[ObjectStatus], watch: Watch) -> list[Verdict]:
        now = self.now() + watch.clock_offset
        return [bound(self.client, each.verdict(now)) for each in found]


def _with_init_logs(found: Sequence[ObjectStatus], init_logs: InitLogs) -> list[ObjectStatus]:
    """Add the init containers' last lines; an awaited object that such a line names becomes the cause."""
    by_name = {(each.ref.namespace, each.ref.name): each for each in found if each.state != "ready"}
    explained = []
    for each in found:
        line = init_logs.line(each)
        host = endpoint_host(line)
        behind = by_name.get((each.ref.namespace, host)) if host else None
        explained.append(_with_line(each, line, behind if behind is not each else None) if line else each)
    return explained


def _with_line(found: ObjectStatus, line: str, behind: ObjectStatus | None) -> ObjectStatus:
    if found.cause is not None:
        return replace(found, cause=_with_line(found.cause, line, behind))
    return replace(found, reason=line, cause=behind)
