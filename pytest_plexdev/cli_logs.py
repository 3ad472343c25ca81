"""``plexdev logs``: what a service wrote, whether its stack is whole or not. When it is not, logs are wanted."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.errors import KEPT_STACK_MISSING, NO_SUCH_LOG, STACK_MISSING, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.choose import Attached, Here

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at a log that somebody else writes."""


def print_log(service: str, chosen: Here | None, *, directory: Path | None, follow: bool) -> None:
    """Write to standard output what a service wrote.

    Args:
        directory: Of a stack that a test run kept.
        follow: Go on until Ctrl-C, or until the service's Pod ends.

    Raises:
        PlexdevError: ``no-such-log``; ``stack-missing``, ``kept-stack-missing``: there are not even files of one.
    """
    from pytest_plexdev import cli_attach

    try:
        attached = cli_attach.known(chosen, directory=directory)
    except PlexdevError as error:
        logs = _left(directory) if chosen != "kind" else None
        if error.failure not in {STACK_MISSING, KEPT_STACK_MISSING} or logs is None:
            raise
        sys.stderr.write(f"plexdev: no stack is whole in {logs.parent}; this was written there\n")
        _print_file_of(service, logs, follow=follow)
        return
    if attached.info.cluster is None:
        _print_file_of(service, attached.info.directory / "logs", follow=follow)
    else:
        _print_from_cluster(service, attached, follow=follow)


def _left(directory: Path | None) -> Path | None:
    """The logs of plain processes that are still coming up, did not come up, or were killed."""
    from pytest_plexdev.stack.embedded.warm import warm_directory

    logs = (directory or warm_directory()) / "logs"
    return logs if any(logs.glob("*.log")) else None


def _print_file_of(service: str, logs: Path, *, follow: bool) -> None:
    _refuse_unknown(service, (log.stem for log in logs.glob("*.log")))
    with (logs / f"{service}.log").open("rb") as log:
        while True:
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if not follow:
                return
            time.sleep(_LOOK_AGAIN)


def _print_from_cluster(service: str, attached: Attached, *, follow: bool) -> None:
    cluster = attached.info.cluster
    assert cluster is not None
    _refuse_unknown(service, (each.name for each in attached.info.services))
    if not follow:
        sys.stdout.write(f"{attached.provider.log(attached.info, service).rstrip()}\n")
        return
    from pytest_plexdev.kube.follow import follow as follow_pod
    from pytest_plexdev.stack.kind.names import GATEWAY_NAMESPACE, NAMESPACE

    follow_pod(cluster, service, sys.stdout.buffer, (NAMESPACE, GATEWAY_NAMESPACE))


def _refuse_unknown(service: str, services: Iterable[str]) -> None:
    known = sorted(services)
    if service not in known:
        example = next((each for each in ("plexsphere", *known) if each in known), "plexsphere")
        raise PlexdevError(NO_SUCH_LOG, service=service, known=", ".join(known), example=example)
