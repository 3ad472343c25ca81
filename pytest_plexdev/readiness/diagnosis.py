"""Explain why something is not ready: a table, the first culprit's events and last log lines, and the fix."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_plexdev.core import tables
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.readiness import DOOMED_OBJECT, OBJECT_GONE, OBJECTS_NOT_READY
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.timestamps import event_time
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus, worst
from pytest_plexdev.readiness.probe_answers import with_answers
from pytest_plexdev.readiness.rules.conditions import one_line

_LINES: Final = 10
_EVENTS: Final = 8
_WIDTH: Final = 200
"""Characters of a reason in the table; ``plexdev status`` prints all."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A wait that failed.

    Attributes:
        found: The statuses of the last observation; empty if there was none.
        began, now: Start of the wait and the current time, in Unix seconds by the cluster's clock.
        away: Why the API server does not answer; empty if it does.
    """

    client: KubeClient
    cache: ObjectCache
    found: Sequence[ObjectStatus]
    wanted: Sequence[ObjectRef]
    began: float
    now: float
    away: str = ""

    @property
    def seconds(self) -> float:
        """Duration of the wait in seconds."""
        return self.now - self.began

    @property
    def culprit(self) -> ObjectStatus | None:
        """The object that the others wait for, or the first of those that are not ready."""
        return worst(each.deepest for each in self.found if each.state != "ready")


def doomed(case: Case) -> PlexdevError:
    """Build the error for an object that will not become ready."""
    case = _with_answers(case)
    first = next(each for each in case.found if each.state == "doomed")
    culprit = first.deepest
    why = culprit.explanation if culprit is first else f"{culprit.ref}, {culprit.explanation}"
    return PlexdevError(
        DOOMED_OBJECT,
        detail=_detail(case, culprit),
        object=str(first.ref),
        seconds=case.seconds,
        culprit=why,
        fix=_fix(case, first),
    )


def deleted(case: Case, gone: ObjectStatus) -> PlexdevError:
    """Build the error for an object that was deleted."""
    fix = pasteable(case.client, gone.hint)
    return PlexdevError(OBJECT_GONE, detail=table(case), object=str(gone.ref), seconds=case.seconds, fix=fix)


def not_in_time(case: Case, timeout: float) -> PlexdevError:
    """Build the error for a timeout."""
    case = case if case.away else _with_answers(case)
    culprit = case.culprit
    if case.away:
        why = f"the API server of {case.client.access.context} does not answer: {case.away}"
        fix = case.client.command("get", "--raw", "/readyz")
    elif culprit is None:
        why = f"the API server of {case.client.access.context} has not listed them all"
        fix = case.client.command("get", "--raw", "/readyz")
    else:
        why, fix = f"{culprit.ref} is {culprit.state}: {culprit.explanation}", _fix(case, culprit)
    return PlexdevError(
        OBJECTS_NOT_READY,
        detail=_detail(case, culprit),
        ready=sum(each.state == "ready" for each in case.found),
        wanted=len(case.found or case.wanted),
        seconds=timeout,
        culprit=why,
        fix=fix,
    )


def _with_answers(case: Case) -> Case:
    return replace(case, found=with_answers(case.client, case.cache, case.found))


def pasteable(client: KubeClient, hint: str) -> str:
    """Return a hint as a command for this cluster."""
    first, *words = shlex.split(hint) if hint.startswith("kubectl ") else ("",)
    return client.command(*words) if first else hint


def table(case: Case) -> str:
    """Render the objects that are not ready: object, expected, actual, duration, reason."""
    rows = [("object", "expected", "actual", "for", "why")]
    rows += [_row(each, case) for each in case.found if each.state != "ready"]
    ready = sum(each.state == "ready" for each in case.found)
    return "\n".join([tables.table(rows), *([f"{ready} more are ready"] if ready else [])])


def _row(each: ObjectStatus, case: Case) -> tuple[str, str, str, str, str]:
    since = f"{max(0.0, case.now - each.since):.0f} s" if each.since is not None else ""
    why = f"{each.state}: {each.explanation}" if each.explanation else each.state
    why = why if len(why) <= _WIDTH else why[: _WIDTH - 1] + "…"
    return str(each.ref), each.expected, each.actual, since, why


def _detail(case: Case, culprit: ObjectStatus | None) -> str:
    if culprit is None:
        return ""
    return "\n".join([table(case), *_events(case, culprit), *_log_lines(case, culprit)])


def _events(case: Case, culprit: ObjectStatus) -> Iterator[str]:
    item = case.cache.get(culprit.ref)
    known = case.cache.events(item) if item is not None else []
    # Timestamps of events are whole seconds.
    events = [event for event in known if event_time(event) >= case.began - 1] or known
    if events:
        yield f"events of {culprit.ref}:"
    for event in events[-_EVENTS:]:
        ago = max(0.0, case.now - event_time(event))
        count = f" ({event['count']} times)" if (event.get("count") or 1) > 1 else ""
        yield f"  {ago:.0f} s ago  {event.get('reason', '')}: {one_line(event.get('message', ''))}{count}"[:_WIDTH]


def _log_lines(case: Case, culprit: ObjectStatus) -> Iterator[str]:
    if culprit.ref.kind != "Pod" or culprit.container is None:
        return
    log = ""
    # A log that cannot be read must not fail the diagnosis.
    with contextlib.suppress(PlexdevError):
        log = case.client.log(culprit.ref.name, culprit.container, culprit.ref.namespace or "default", lines=_LINES)
    if log.strip():
        yield f"last log lines of {culprit.ref}, {culprit.container_words}:"
        yield from (f"  {line}"[:_WIDTH] for line in log.rstrip().splitlines())


def _fix(case: Case, found: ObjectStatus) -> str:
    hint = found.deepest.hint or found.hint
    return pasteable(case.client, hint) if hint else case.client.command("get", "pods", "-A")
