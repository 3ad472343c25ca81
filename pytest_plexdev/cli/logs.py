"""``plexdev logs``: print what a service wrote, also while its stack is broken."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.lookup import nearest
from pytest_plexdev.core.private_files import open_private
from pytest_plexdev.errors import KEPT_STACK_MISSING, NO_SUCH_LOG, STACK_BROKEN, STACK_MISSING, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.stack.discovery import Attached, Here

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at a log that somebody else writes."""


def services(chosen: Here | None, *, directory: Path | None) -> list[str]:
    """The services that have a log.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    return _services(_source(chosen, directory))


def read_log(service: str, chosen: Here | None, *, directory: Path | None) -> str:
    """What a service wrote.

    Raises:
        PlexdevError: See :func:`print_log`.
    """
    source = _source(chosen, directory)
    _refuse_unknown(service, _services(source))
    if isinstance(source, Path):
        with os.fdopen(open_private(_file(source, service), os.O_RDONLY), "rb") as log:
            return log.read().decode("utf-8", "replace")
    return source.provider.log(source.info, service)


def print_log(service: str, chosen: Here | None, *, directory: Path | None, follow: bool) -> None:
    """Write to standard output what a service wrote.

    Args:
        directory: Of a stack that a test run kept.
        follow: Go on until Ctrl-C, or until the service's Pod ends.

    Raises:
        PlexdevError: ``no-such-log``; ``stack-missing``, ``kept-stack-missing``: there are not even files of one.
    """
    source = _source(chosen, directory)
    _refuse_unknown(service, _services(source))
    if isinstance(source, Path):
        _print_file(_file(source, service), follow=follow)
    else:
        _print_from_cluster(service, source, follow=follow)


def _source(chosen: Here | None, directory: Path | None) -> Attached | Path:
    """The stack in a cluster whose logs are asked for, or the directory of the logs of plain processes."""
    from pytest_plexdev.cli import attach

    try:
        attached = attach.find_any(chosen, directory=directory)
    except PlexdevError as error:
        logs = _left(directory) if chosen != "kind" else None
        if error.failure not in {STACK_MISSING, KEPT_STACK_MISSING, STACK_BROKEN} or logs is None:
            raise
        sys.stderr.write(f"plexdev: no stack is whole in {logs.parent}; this was written there\n")
        return logs
    return attached if attached.info.cluster is not None else attached.info.directory / "logs"


def _services(source: Attached | Path) -> list[str]:
    if isinstance(source, Path):
        return sorted(log.stem for log in source.glob("*.log"))
    return sorted(each.name for each in source.info.services)


def _left(directory: Path | None) -> Path | None:
    """The logs of plain processes that are still coming up, did not come up, or were killed."""
    from pytest_plexdev.stack.embedded.warm import warm_directory

    logs = (directory or warm_directory()) / "logs"
    return logs if any(logs.glob("*.log")) else None


def _file(logs: Path, service: str) -> Path:
    return logs / f"{service}.log"


def _print_file(path: Path, *, follow: bool) -> None:
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as log:
        while True:
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if not follow:
                return
            time.sleep(_LOOK_AGAIN)


def _print_from_cluster(service: str, attached: Attached, *, follow: bool) -> None:
    if not follow:
        sys.stdout.write(f"{attached.provider.log(attached.info, service).rstrip()}\n")
        return
    cluster = attached.info.cluster
    assert cluster is not None
    from pytest_plexdev.kube.follow import follow as follow_pod
    from pytest_plexdev.stack.kind.constants import GATEWAY_NAMESPACE, NAMESPACE

    follow_pod(cluster, service, sys.stdout.buffer, (NAMESPACE, GATEWAY_NAMESPACE))


def _refuse_unknown(service: str, known: Sequence[str]) -> None:
    if service in known:
        return
    usual = next((each for each in ("plexsphere", *known) if each in known), "plexsphere")
    example = nearest(service, known) or usual
    raise PlexdevError(NO_SUCH_LOG, service=service, known=", ".join(known), example=example)
