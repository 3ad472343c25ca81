"""``plexdev logs``: print the log of a service, also of an incomplete stack."""

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
    """Return the services that have a log.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    return _logs(chosen, directory).services()


def read_log(service: str, chosen: str | None, *, directory: Path | None) -> str:
    """Return the log of a service.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    logs = _logs(chosen, directory)
    _refuse_unknown(service, logs.services())
    return logs.read(service)


def print_log(service: str, chosen: str | None, *, directory: Path | None, follow: bool) -> None:
    """Write the log of a service to standard output.

    Args:
        chosen: The provider; ``None``: any.
        directory: The directory of a stack that a test run kept; ``None``: the warm stack.
        follow: Continue until Ctrl-C, or until the service's Pod ends.

    Raises:
        PlexdevError: ``no-such-log``; ``stack-missing``, ``kept-stack-missing``: no stack runs and no logs are left.
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
        sys.stderr.write(f"plexdev: the stack in {left.directory} is incomplete; these are its last logs\n")
        return left
    return attached.provider.logs(attached.info)


def _left_logs(chosen: str | None, directory: Path | None) -> Logs | None:
    """The logs of a stack that is starting, failed to start, or was killed."""
    from pytest_plexdev.stack.providers import providers

    candidates = (provider.left_logs() for provider in providers(chosen, directory=directory))
    return next((logs for logs in candidates if logs is not None), None)


def _refuse_unknown(service: str, known: Sequence[str]) -> None:
    if service in known:
        return
    default = next((each for each in ("plexsphere", *known) if each in known), "plexsphere")
    example = nearest(service, known) or default
    raise PlexdevError(NO_SUCH_LOG, service=service, known=", ".join(known), example=example)
