"""``plexdev logs``: print what a service wrote, also while its stack is broken."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.core.lookup import nearest
from pytest_plexdev.errors import KEPT_STACK_MISSING, NO_SUCH_LOG, STACK_BROKEN, STACK_MISSING, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.core.provider_parts import Logs


def services(chosen: str | None, *, directory: Path | None) -> list[str]:
    """The services that have a log.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    return _logs(chosen, directory).services()


def read_log(service: str, chosen: str | None, *, directory: Path | None) -> str:
    """What a service wrote.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    logs = _logs(chosen, directory)
    _refuse_unknown(service, logs.services())
    return logs.read(service)


def print_log(service: str, chosen: str | None, *, directory: Path | None, follow: bool) -> None:
    """Write to standard output what a service wrote.

    Args:
        directory: Of a stack that a test run kept.
        follow: Continue until Ctrl-C, or until the service's Pod ends.

    Raises:
        PlexdevError: ``no-such-log``; ``stack-missing``, ``kept-stack-missing``: there are not even files of one.
    """
    logs = _logs(chosen, directory)
    _refuse_unknown(service, logs.services())
    logs.write(service, sys.stdout.buffer, follow=follow)


def _logs(chosen: str | None, directory: Path | None) -> Logs:
    from pytest_plexdev.cli import attach

    try:
        attached = attach.find_any(chosen, directory=directory)
    except PlexdevError as error:
        if error.failure not in {STACK_MISSING, KEPT_STACK_MISSING, STACK_BROKEN}:
            raise
        left = _left_logs(chosen, directory)
        if left is None:
            raise
        sys.stderr.write(f"plexdev: no stack is whole in {left.directory}; this was written there\n")
        return left
    return attached.provider.logs(attached.info)


def _left_logs(chosen: str | None, directory: Path | None) -> Logs | None:
    """The logs of a stack that is coming up, did not come up, or was killed."""
    from pytest_plexdev.stack.providers import providers

    known = (provider.left_logs() for provider in providers(chosen, directory=directory))
    return next((logs for logs in known if logs is not None), None)


def _refuse_unknown(service: str, known: Sequence[str]) -> None:
    if service in known:
        return
    usual = next((each for each in ("plexsphere", *known) if each in known), "plexsphere")
    example = nearest(service, known) or usual
    raise PlexdevError(NO_SUCH_LOG, service=service, known=", ".join(known), example=example)
