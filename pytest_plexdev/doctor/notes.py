"""Hints beyond the failure modes: a stopped node, unready objects, a context on another machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.doctor import target
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient

_SEVERE: Final = ("doomed", "gone", "waiting")
_ENOUGH: Final = 3
"""Objects that are told; `plexdev status` tells all."""


@dataclass(frozen=True)
class Note:
    """A line for a person.

    Attributes:
        is_problem: Whether something is wrong; else it only explains what was not looked at.
    """

    text: str
    is_problem: bool


def notes(access: Access | None, environment: Mapping[str, str] = os.environ) -> list[Note]:
    """What is to be said of the cluster itself. Nothing is changed, and nothing raised.

    Args:
        access: The cluster that was looked at; ``None``: there is none.
    """
    if access is not None:
        return _of_its_objects(access)
    remote = target.elsewhere(environment)
    if remote is None:
        return []
    return [
        Note(
            f"{remote.context} of {remote.kubeconfig} is not examined: its API server {remote.server} is not on this "
            f"machine; try: plexdev doctor --context {remote.context}",
            is_problem=False,
        ),
    ]


def _of_its_objects(access: Access) -> list[Note]:
    from pytest_plexdev.readiness.look import bound, refs_in, statuses_now
    from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE
    from pytest_plexdev.stack.kind.health import health_of

    try:
        with KubeClient(access) as client:
            refs = [*refs_in(client, NAMESPACE), *refs_in(client, GATEWAY_NAMESPACE)]
            found = statuses_now(client, refs, health=health_of(owned=False))
            # Nodes have a row of their own, and so has what one of them explains.
            own = [each for each in found if each.ref in refs and each.deepest.ref.kind != "Node"]
            verdicts = [bound(client, each.verdict(time.time())) for each in own]
    except PlexdevError:
        # That its API server does not answer is said by what could not be examined.
        return []
    return [_of(each) for each in _worst(verdicts)]


def _of(verdict: Verdict) -> Note:
    text = f"{verdict.name} is {verdict.state}: {verdict.reason}; try: {verdict.hint}"
    # What waits may only be coming up.
    return Note(text, is_problem=verdict.state != "waiting")


def _worst(found: Sequence[Verdict]) -> Sequence[Verdict]:
    problems = [each for each in found if each.state != "ready"]
    return sorted(problems, key=lambda each: _SEVERE.index(each.state))[:_ENOUGH]
