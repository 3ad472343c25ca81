"""Evaluate objects from a snapshot: one LIST of each kind, without a watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.readiness.cluster_health import ClusterHealth
from pytest_plexdev.readiness.diagnosis import pasteable
from pytest_plexdev.readiness.grace import conclude
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef, in_order, kinds_of_a_foreign_stack
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.probe_answers import with_answers
from pytest_plexdev.readiness.rules import status_of
from pytest_plexdev.readiness.watched_kinds import Scope, scopes_of, scopes_with


def verdicts_now(
    client: KubeClient,
    wanted: Sequence[ObjectRef],
    *,
    health: ClusterHealth | None = None,
    now: Callable[[], float] = time.time,
) -> list[Verdict]:
    """Return the verdicts of objects, from one LIST of each kind.

    Kinds that only explain others are listed only if an object is not ready.

    Args:
        health: The cluster's own parts to evaluate as well; they come first.

    Raises:
        PlexdevError: ``cluster-unreachable``; ``kube-refused``: this user may not list a kind.
    """
    found = statuses_now(client, wanted, health=health, now=now)
    return [bound(client, each.verdict(now())) for each in found]


def statuses_now(
    client: KubeClient,
    wanted: Sequence[ObjectRef],
    *,
    health: ClusterHealth | None = None,
    now: Callable[[], float] = time.time,
) -> list[ObjectStatus]:
    """Return the statuses behind :func:`verdicts_now`."""
    cache, refs = ObjectCache(), in_order(wanted)
    scopes = scopes_of(wanted)
    needed = [each for each in scopes if each.needed]
    explaining = [each for each in scopes if not each.needed]
    if health is not None:
        explaining = scopes_with(explaining, health.explaining)
    first = scopes_with(needed, health.scopes) if health is not None else needed
    _list_into(cache, client, first)
    found = _statuses(refs, cache, health)
    if any(each.state != "ready" for each in found):
        _list_into(cache, client, scopes_with(first, explaining)[len(first) :])
        found = with_answers(client, cache, _statuses(refs, cache, health))
    return conclude(found, now())


def refs_in(client: KubeClient, namespace: str) -> list[ObjectRef]:
    """List what a stack that plexdev did not apply consists of: workloads, Jobs, Gateways and routes of a namespace.

    Raises:
        PlexdevError: ``cluster-unreachable``, ``kube-refused``.
    """
    listings = ((each, client.list(each, namespace)) for each in kinds_of_a_foreign_stack())
    return in_order(ObjectRef.of(item, each.kind) for each, listing in listings for item in listing["items"])


def bound(client: KubeClient, verdict: Verdict) -> Verdict:
    """Return the verdict with its hint as a command for this cluster."""
    return replace(verdict, hint=pasteable(client, verdict.hint))


def _statuses(refs: Sequence[ObjectRef], cache: ObjectCache, health: ClusterHealth | None) -> list[ObjectStatus]:
    found = [status_of(ref, cache) for ref in refs]
    return [*health.statuses(cache), *found] if health is not None else found


def _list_into(cache: ObjectCache, client: KubeClient, scopes: Iterable[Scope]) -> None:
    for scope in scopes:
        try:
            listing = client.list(scope.resource, scope.namespace)
        except PlexdevError as error:
            if scope.needed or error.failure is CLUSTER_UNREACHABLE:
                raise
            cache.refused.add(scope.key)
            continue
        if "resourceVersion" not in listing["metadata"]:
            cache.unserved.add(scope.resource.kind)
        cache.replace(scope.resource.kind, scope.namespace, listing["items"])
