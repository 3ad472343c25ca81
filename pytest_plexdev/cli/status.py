"""Read the state of a stack for ``plexdev status`` and ``wait``, also if its API does not answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.model import Verdict
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import NOT_READY_IN_TIME, STACK_MISSING, PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT, KUBECONFIG_UNUSABLE, NOT_LOOPBACK
from pytest_plexdev.stack.providers import providers

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Progress

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks for a stack: nothing here can watch what is not there, or other people's servers."""
_LOOK_TAKES: Final = 1.0
"""Seconds that a look at a stack whose API is silent may take."""


def verdicts(chosen: str | None, *, directory: Path | None = None) -> Sequence[Verdict]:
    """Probe each part of the stack now. If nothing answers for its parts, return one verdict with the reason.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``.
    """
    try:
        return _probed(chosen, directory, warns=True)
    except PlexdevError as error:
        obstacle = _obstacle(chosen) if error.failure is STACK_MISSING else None
        if obstacle is None:
            raise
        return [obstacle]


def wait(chosen: str | None, *, directory: Path | None = None, timeout: float, progress: Progress) -> None:
    """Return once there is a stack and all of it is ready.

    Args:
        directory: Of a stack that a test run kept, in place of the warm one.
        timeout: Seconds.

    Raises:
        PlexdevError: ``kept-stack-missing`` at once; ``not-ready-in-time`` or ``objects-not-ready`` (exit code 124),
            or as soon as it is clear that an object of the cluster will not become ready; ``stack-broken`` as soon as
            a server of plain processes has ended: nothing starts it again.
    """
    deadline = time.monotonic() + timeout
    lack = poll(
        lambda: _lack(chosen, directory, deadline, progress),
        until=lambda lack: lack is None or time.monotonic() + lack.next_look >= deadline,
        every_s=_LOOK_AGAIN,
    )
    if lack is None:
        return
    # Docker is asked once, and not with every look.
    obstacle = _obstacle(chosen) if lack.no_stack else None
    lack = _lack_of([obstacle]) if obstacle is not None else lack
    raise PlexdevError(NOT_READY_IN_TIME, seconds=timeout, reason=lack.reason, fix=lack.fix)


@dataclass(frozen=True)
class _Lack:
    """Why a stack is not ready, what to type, and the seconds that another look takes."""

    reason: str
    fix: str
    no_stack: bool = False
    next_look: float = 0.0


def _lack(chosen: str | None, directory: Path | None, deadline: float, progress: Progress) -> _Lack | None:
    try:
        _watch(chosen, directory, deadline, progress)
        found = _probed(chosen, directory, refuses_dead=True)
    except PlexdevError as error:
        if error.failure not in {STACK_MISSING, API_SILENT}:
            raise
        no_stack = error.failure is STACK_MISSING
        return _Lack(error.what, error.fix, no_stack=no_stack, next_look=0.0 if no_stack else _LOOK_TAKES)
    unready = [verdict for verdict in found if verdict.state != "ready"]
    return _lack_of(unready) if unready else None


def _lack_of(unready: Sequence[Verdict]) -> _Lack:
    reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in unready)
    return _Lack(reason, next((verdict.hint for verdict in unready if verdict.hint), "plexdev status"))


def _watch(chosen: str | None, directory: Path | None, deadline: float, progress: Progress) -> None:
    for provider in providers(chosen, directory=directory):
        try:
            provider.wait(deadline, progress)
        except PlexdevError as error:
            # If none was chosen, the stack of the next provider may be the one that can be used.
            is_only_one = chosen is not None or directory is not None
            if is_only_one or error.failure not in {KUBECONFIG_UNUSABLE, NOT_LOOPBACK}:
                raise


def _probed(
    chosen: str | None, directory: Path | None, *, warns: bool = False, refuses_dead: bool = False
) -> Sequence[Verdict]:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.stack import discovery

    try:
        attached = discovery.find_warm(chosen, directory=directory, missing=discovery.stack_missing)
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        known = chain.from_iterable(provider.status(None) for provider in providers(chosen))
        return [*known, Verdict(name="api", state="waiting", reason=error.what, hint=error.fix)]
    if warns:
        attach.warn_if_passed_over(attached)
    found = attached.provider.status(attached.info)
    if refuses_dead:
        attached.provider.refuse_dead(attached.info, found)
    return found


def _obstacle(chosen: str | None) -> Verdict | None:
    """Why a warm stack is not found though it exists."""
    known = (provider.obstacle() for provider in providers(chosen))
    return next((obstacle.verdict for obstacle in known if obstacle is not None), None)
