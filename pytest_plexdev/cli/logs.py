"""``plexdev logs``: print the logs of services, also of an incomplete stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_plexdev.cli.colours import has_colours, nth_colour
from pytest_plexdev.core.log_window import last_lines
from pytest_plexdev.core.lookup import nearest
from pytest_plexdev.errors import KEPT_STACK_MISSING, NO_SUCH_LOG, STACK_BROKEN, STACK_MISSING, PlexdevError

if TYPE_CHECKING:
    from pytest_plexdev.core.provider_parts import Logs


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of a log to print.

    Attributes:
        since: Unix time, seconds: only what was written after that; ``None``: all.
        tail: Only so many lines of each log, from the end; ``None``: all.
    """

    since: float | None = None
    tail: int | None = None


def services_with_logs(chosen: str | None, *, directory: Path | None) -> Sequence[str]:
    """Return the names of the services that have a log.

    Raises:
        PlexdevError: See :func:`print_logs`.
    """
    return _logs(chosen, directory).services()


def read_logs(services: Sequence[str], chosen: str | None, *, directory: Path | None, window: Window) -> dict[str, str]:
    """Return the logs of services by name; of all if none is named.

    Raises:
        PlexdevError: See :func:`print_logs`.
    """
    logs = _logs(chosen, directory)
    return {name: _read(logs, name, window) for name in _known(services, logs)}


def print_logs(
    services: Sequence[str], chosen: str | None, *, directory: Path | None, window: Window, follow: bool
) -> None:
    """Write the logs of services to standard output. If there are several, each line begins with the service's name.

    Args:
        services: Their names; empty: all.
        chosen: The provider; ``None``: any.
        directory: The directory of a stack that a test run kept; ``None``: the warm stack.
        follow: Continue until Ctrl-C, or until the services' Pods end.

    Raises:
        PlexdevError: ``no-such-log``; ``stack-missing``, ``kept-stack-missing``: no stack runs and no logs are left.
    """
    logs = _logs(chosen, directory)
    names = _known(services, logs)
    prefixed = _Prefixed(names) if len(names) > 1 else None
    write = prefixed or _write_unchanged
    if follow:
        logs.follow(names, write, since=window.since, tail=window.tail)
        if prefixed is not None:
            prefixed.end()
        return
    for name in names:
        if text := _read(logs, name, window).rstrip("\n"):
            write(name, f"{text}\n".encode())


def _read(logs: Logs, service: str, window: Window) -> str:
    return last_lines(logs.read(service, since=window.since), window.tail)


def _write_unchanged(_service: str, text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


class _Prefixed:
    """Writes whole lines, each with the name of its service before it."""

    def __init__(self, names: Sequence[str]) -> None:
        width = max(map(len, names))
        prefixes = {name: f"{name:<{width}} |" for name in names}
        if has_colours(sys.stdout):
            prefixes = {name: nth_colour(text, number) for number, (name, text) in enumerate(prefixes.items())}
        self._prefixes = {name: f"{text} ".encode() for name, text in prefixes.items()}
        self._begun = dict.fromkeys(names, b"")

    def end(self) -> None:
        """Write the last lines, also those without a newline."""
        for service, begun in self._begun.items():
            if begun:
                self(service, b"\n")

    def __call__(self, service: str, text: bytes) -> None:
        *lines, self._begun[service] = (self._begun[service] + text).split(b"\n")
        _write_unchanged(service, b"".join(self._prefixes[service] + line + b"\n" for line in lines))


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


def _known(services: Sequence[str], logs: Logs) -> Sequence[str]:
    """The services to print, each of which has a log; all if none is named."""
    known = logs.services()
    for service in services:
        if service not in known:
            default = next((each for each in ("plexsphere", *known) if each in known), "plexsphere")
            example = nearest(service, known) or default
            raise PlexdevError(NO_SUCH_LOG, service=service, known=", ".join(known), example=example)
    return list(dict.fromkeys(services)) or known
