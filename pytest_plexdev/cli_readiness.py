"""What ``plexdev status`` and ``wait`` know of a stack, one whose API does not answer included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import NOT_READY_IN_TIME, STACK_MISSING, PlexdevError
from pytest_plexdev.errors.cluster import API_SILENT
from pytest_plexdev.stack.model import Verdict

if TYPE_CHECKING:
    from pytest_plexdev.choose import Here
    from pytest_plexdev.kube import Access, KubeClient
    from pytest_plexdev.readiness.ref import ObjectRef
    from pytest_plexdev.stack.model import Progress

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks for a stack: nothing here can watch what is not there, or other people's servers."""


def verdicts(chosen: Here | None, *, directory: Path | None = None) -> Sequence[Verdict]:
    """How each part of the stack is, asked now.

    Raises:
        PlexdevError: ``stack-missing``.
    """
    from pytest_plexdev import choose

    try:
        attached = choose.warm(chosen, directory=directory)
    except PlexdevError as error:
        if error.failure is not API_SILENT:
            raise
        silent = str(error.failure.what.format(**error.facts))
        return [*_of_the_cluster(), Verdict(name="api", state="waiting", reason=silent, hint=str(error.facts["fix"]))]
    return attached.provider.state(attached.info)


def wait(chosen: Here | None, *, timeout: float, progress: Progress) -> None:
    """Return once there is a stack and all of it is ready.

    Raises:
        PlexdevError: ``not-ready-in-time`` or ``objects-not-ready`` (exit code 124), or as soon as it is clear that
            an object of the cluster will not become ready.
    """
    deadline = time.monotonic() + timeout
    while True:
        reason = _why_not_ready(chosen, deadline, progress)
        if not reason:
            return
        if time.monotonic() >= deadline:
            raise PlexdevError(NOT_READY_IN_TIME, seconds=timeout, reason=reason)
        time.sleep(_LOOK_AGAIN)


def _why_not_ready(chosen: Here | None, deadline: float, progress: Progress) -> str:
    try:
        if chosen != "embedded":
            _wait_for_objects(deadline, progress)
        found = verdicts(chosen)
    except PlexdevError as error:
        if error.failure not in {STACK_MISSING, API_SILENT}:
            raise
        return error.failure.what.format(**error.facts)
    return "; ".join(f"{verdict.name}: {verdict.reason}" for verdict in found if verdict.state != "ready")


def _wait_for_objects(deadline: float, progress: Progress) -> None:
    access = _access()
    if access is None:
        return
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import wait_ready

    with KubeClient(access) as client:
        wait_ready(client, _refs(client), timeout=max(0.1, deadline - time.monotonic()), progress=progress)


def _of_the_cluster() -> Sequence[Verdict]:
    access = _access()
    if access is None:
        return ()
    from pytest_plexdev.kube import KubeClient
    from pytest_plexdev.readiness.wait import verdicts_now

    with KubeClient(access) as client:
        return verdicts_now(client, _refs(client))


def _refs(client: KubeClient) -> list[ObjectRef]:
    from pytest_plexdev.stack.kind import sentinel
    from pytest_plexdev.stack.kind.parts import parts_of

    return parts_of(client, owned=sentinel.is_ours(client))


def _access() -> Access | None:
    """The way to the warm cluster's API server, where one is known and somebody listens there."""
    from pytest_plexdev.stack.kind.names import WARM_CLUSTER
    from pytest_plexdev.stack.kind.warm import accesses, warm_directory

    return next(accesses(warm_directory(), WARM_CLUSTER), None)
