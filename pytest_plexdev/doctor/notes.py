"""Hints beyond the failure modes: a stopped node, unready objects, a context on another machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.doctor import target
from pytest_plexdev.doctor.target import has_our_labels
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import Access, KubeClient

_SEVERE: Final = ("doomed", "gone", "waiting")
_ENOUGH: Final = 3
"""Objects that are listed; ``plexdev status`` lists all."""


@dataclass(frozen=True)
class Note:
    """A hint that is printed below the findings.

    Attributes:
        is_problem: Whether something is wrong; if not, it only explains what was not examined.
    """

    text: str
    is_problem: bool


def notes(access: Access | None, environment: Mapping[str, str] = os.environ) -> list[Note]:
    """Return the hints on the cluster itself. Changes nothing and never raises.

    Args:
        access: The cluster that was examined; ``None`` if there was none.
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
    from pytest_plexdev.readiness.snapshot import bound, refs_in, statuses_now
    from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE
    from pytest_plexdev.stack.kind.required_parts import health_of
    from pytest_plexdev.stack.kind.warm.manual_changes import changes_to_revert

    try:
        with KubeClient(access) as client:
            refs = [*refs_in(client, NAMESPACE), *refs_in(client, GATEWAY_NAMESPACE)]
            found = statuses_now(client, refs, health=health_of(owned=False))
            # Nodes, and objects that a node explains, have findings of their own.
            own = [each for each in found if each.ref in refs and each.deepest.ref.kind != "Node"]
            verdicts = [bound(client, each.verdict(time.time())) for each in own]
            changes = changes_to_revert(client) if has_our_labels(client) else []
    except PlexdevError:
        # The findings that were not examined already report that the API server does not answer.
        return []
    return [_of(each) for each in [*(each.verdict for each in changes), *_worst(verdicts)]]


def _of(verdict: Verdict) -> Note:
    text = f"{verdict.name} is {verdict.state}: {verdict.reason}; try: {verdict.hint}"
    # A waiting object may still be starting.
    return Note(text, is_problem=verdict.state != "waiting")


def _worst(found: Sequence[Verdict]) -> Sequence[Verdict]:
    problems = [each for each in found if each.state != "ready"]
    return sorted(problems, key=lambda each: _SEVERE.index(each.state))[:_ENOUGH]
