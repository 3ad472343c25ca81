"""Determine the state of a stack for ``plexdev status`` and ``wait``, also if its API does not answer."""

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
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.progress import Progress

_POLL_INTERVAL_S: Final = 0.1
"""A stack that does not exist yet, and servers of other processes, cannot be watched."""
_SILENT_PROBE_S: Final = 1.0
"""Maximum duration of a probe of a stack whose API does not answer."""


@dataclass(frozen=True)
class Status:
    """The verdicts on the parts of a stack.

    Attributes:
        info: The stack; ``None`` if one exists and cannot be reached.
    """

    verdicts: Sequence[Verdict]
    info: StackInfo | None = None


def find_status(chosen: str | None, *, directory: Path | None = None) -> Status:
    """Probe each part of the stack now. If the stack exists but is not reachable, return one verdict with the reason.

    Args:
        chosen: The provider; ``None``: any.
        directory: The directory of a stack that a test run kept; ``None``: the warm stack.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``.
    """
    try:
        return _probed(chosen, directory, warn=True)
    except PlexdevError as error:
        obstacle = _obstacle(chosen) if error.failure is STACK_MISSING else None
        if obstacle is None:
            raise
        return Status([obstacle])


def wait(chosen: str | None, *, directory: Path | None = None, timeout: float, progress: Progress) -> None:
    """Wait until a stack exists and all of it is ready.

    Args:
        chosen: The provider; ``None``: any.
        directory: The directory of a stack that a test run kept; ``None``: the warm stack.
        timeout: Seconds.

    Raises:
        PlexdevError: ``not-ready-in-time`` or ``objects-not-ready`` after the timeout (exit code 124). Earlier:
            ``kept-stack-missing`` at once; ``stack-broken`` when a server of an embedded stack has ended, because it
            is never restarted; another one when an object of a cluster cannot become ready.
    """
    deadline = time.monotonic() + timeout
    unready = poll(
        lambda: _check(chosen, directory, deadline, progress),
        until=lambda unready: unready is None or time.monotonic() + unready.next_check_s >= deadline,
        every_s=_POLL_INTERVAL_S,
    )
    if unready is None:
        return
    # Only now, because it runs docker.
    obstacle = _obstacle(chosen) if unready.is_missing else None
    unready = _summarize([obstacle]) if obstacle is not None else unready
    raise PlexdevError(NOT_READY_IN_TIME, seconds=timeout, reason=unready.reason, fix=unready.fix)


@dataclass(frozen=True)
class _Unready:
    """Why a stack is not ready.

    Attributes:
        fix: The command that helps.
        is_missing: Whether no stack was found.
        next_check_s: Maximum duration of another check.
    """

    reason: str
    fix: str
    is_missing: bool = False
    next_check_s: float = 0.0


def _check(chosen: str | None, directory: Path | None, deadline: float, progress: Progress) -> _Unready | None:
    try:
        _watch(chosen, directory, deadline, progress)
        found = _probed(chosen, directory, refuse_dead=True).verdicts
    except PlexdevError as error:
        if error.failure not in {STACK_MISSING, API_SILENT}:
            raise
        is_missing = error.failure is STACK_MISSING
        next_check_s = 0.0 if is_missing else _SILENT_PROBE_S
        return _Unready(error.what, error.fix, is_missing=is_missing, next_check_s=next_check_s)
    unready = [verdict for verdict in found if verdict.state != "ready"]
    return _summarize(unready) if unready else None


def _summarize(unready: Sequence[Verdict]) -> _Unready:
    reason = "; ".join(f"{verdict.name}: {verdict.headline}" for verdict in unready)
    return _Unready(reason, next((verdict.hint for verdict in unready if verdict.hint), "plexdev status"))


def _watch(chosen: str | None, directory: Path | None, deadline: float, progress: Progress) -> None:
    for provider in providers(chosen, directory=directory):
        try:
            provider.wait(deadline, progress)
        except PlexdevError as error:
            # Without a chosen provider, the stack of the next one may be usable.
            is_only_one = chosen is not None or directory is not None
            if is_only_one or error.failure not in {KUBECONFIG_UNUSABLE, NOT_LOOPBACK}:
                raise


def _probed(chosen: str | None, directory: Path | None, *, warn: bool = False, refuse_dead: bool = False) -> Status:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.stack import discovery

    try:
        attached = discovery.find_usable(chosen, directory=directory, missing=discovery.stack_missing)
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        known = chain.from_iterable(provider.status(None) for provider in providers(chosen))
        return Status([*known, Verdict(name="api", state="waiting", reason=error.what, hint=error.fix)])
    if warn:
        attach.warn_if_passed_over(attached)
    found = attached.provider.status(attached.info)
    if refuse_dead:
        attached.provider.refuse_dead(attached.info, found)
    return Status(found, attached.info)


def _obstacle(chosen: str | None) -> Verdict | None:
    """Why a warm stack that exists is not found."""
    obstacles = (provider.obstacle() for provider in providers(chosen))
    return next((obstacle.verdict for obstacle in obstacles if obstacle is not None), None)
