"""The running stack that tests hold."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.core.model import CAPABILITIES, KEPT_MARK, Cluster, Provider, Service, StackInfo, Verdict
from pytest_plexdev.core.process_id import ProcessHandle, ProcessId, first_ended
from pytest_plexdev.errors import SERVER_DIED, Failure, PlexdevError
from pytest_plexdev.errors.cluster import SERVICE_NOT_READY
from pytest_plexdev.masking.known import credentials_in, unlike_words

_WORST_FIRST: Final = ("doomed", "gone", "waiting")
LOG_LINES: Final = 12
"""Last lines of a log that an error shows."""
API: Final = "plexsphere"
BOOTSTRAP: Final = "plexsphere-bootstrap"


def where_logged(info: StackInfo, service: str) -> str:
    """What to read of a service: its log's path, which holds for a fresh stack too, or the command for it."""
    path = next((one.log for one in info.services if one.name == service), None)
    return str(path) if path is not None else f"plexdev logs {service}"


def _how_to_restart(info: StackInfo) -> str:
    if (info.directory / KEPT_MARK).exists():
        return f"then end what is left: plexdev down --directory {shlex.quote(str(info.directory))}"
    if info.id == "warm":
        return f"then: plexdev down --stack embedded && {info.up_command}"
    return "then run again: the next run brings up a stack of its own"


class Stack:
    """Addresses, clients, verdicts and logs of a running stack.

    Args:
        info: What it is, as data.
        provider: Who says its state and its logs, and opens a way to what listens inside a cluster only.
        attached_in: Seconds from the request for a stack to this object, in this process.
        drift: The inputs of a running stack that are other than this checkout's.
        passed_over: Why the warm cluster is not used, where one is known and this is another stack.
        death: The failure that a server's end is, for whoever asks.

    Example::

        import httpx

        def test_without_a_login_the_api_refuses(plexdev_stack):
            response = httpx.get(f"{plexdev_stack.api_url}/v1/domains", trust_env=False)
            assert response.status_code == 401
    """

    def __init__(
        self,
        info: StackInfo,
        provider: Provider,
        *,
        attached_in: float = 0.0,
        drift: Sequence[str] = (),
        passed_over: str = "",
        death: Failure = SERVER_DIED,
    ) -> None:
        self.info = info
        self.attached_in = attached_in
        self.drift = drift
        self.passed_over = passed_over
        self.exchanges = ExchangeLog()
        self.provider = provider
        endpoints = info.endpoints
        given = (*credentials_in(endpoints.database, endpoints.nats), endpoints.spicedb_key or "")
        self._credentials = unlike_words(given)
        self._death = death
        self._processes = _Processes(info.services)

    @property
    def api_url(self) -> str:
        """Origin of the ``/v1`` API, without a trailing slash."""
        return self.info.endpoints.api

    @property
    def issuer(self) -> str:
        """The identity provider's issuer URL."""
        return self.info.endpoints.issuer

    @property
    def secrets(self) -> frozenset[str]:
        """The values that are masked wherever a report or evidence has them: credentials of the stack, and of logins.

        The well-known passwords of the product's dev stack are not among them.
        """
        return self._credentials | self.exchanges.secrets

    @property
    def database_url(self) -> str:
        """libpq URL of the control plane's database; a way to it is opened where it listens inside a cluster."""
        return self.info.endpoints.database or self._reach("postgres")

    @property
    def nats_url(self) -> str:
        """URL of the NATS server; a way to it is opened where it listens inside a cluster."""
        return self.info.endpoints.nats or self._reach("nats")

    def _reach(self, service: str) -> str:
        url = self.provider.reach(self.info, service)
        self._credentials |= unlike_words(credentials_in(url))
        return url

    @cached_property
    def anonymous(self) -> Client:
        """The ``/v1`` API as nobody; ``anonymous.as_principal(token)`` is somebody over the same connections."""
        return Client(Transport(self.api_url, exchanges=self.exchanges, explain=self.died))

    def can(self, capability: str) -> bool:
        """Whether the stack lets a test do what the contract does not promise; ``age-heartbeat`` is one.

        Raises:
            PlexdevError: ``unknown-name``: no stack has a capability of this name.
        """
        if capability not in CAPABILITIES:
            raise unknown_name("a stack", "capability", capability, CAPABILITIES)
        return capability in self.info.capabilities

    def verdicts(self) -> Sequence[Verdict]:
        """Say of each service whether it is there, asking it now."""
        return self.provider.state(self.info)

    def log(self, service: str, *, lines: int | None = None, since: float | None = None) -> str:
        """What a service wrote.

        Args:
            lines: Only so many, from the end.
            since: Unix time, seconds: only what it wrote after that, where the stack can tell.

        Raises:
            PlexdevError: ``unknown-name``: the stack has no service of this name.
        """
        known = [each.name for each in self.info.services]
        if service not in known:
            raise unknown_name("the stack", "service", service, known)
        text = self.provider.log(self.info, service, since=since)
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def log_sizes(self) -> dict[Path, int]:
        """How long each log is now, in bytes."""
        logs = [service.log for service in self.info.services if service.log is not None]
        return {log: log.stat().st_size for log in logs if log.is_file()}

    def died(self, patience: float = 0.0) -> PlexdevError | None:
        """The error for a server that ended on its own, ``None`` where all are there.

        It looks at processes first: that costs microseconds, and asking every server does not. A cluster has none
        here, and brings its Pods back by itself: it is asked where something says that one is not there.

        Args:
            patience: Seconds to go on looking, where something says that one is dying or dead.
        """
        if self.info.cluster is not None:
            return self._not_ready(self.info.cluster) if patience else None
        service = self._processes.first_ended(patience)
        if service is None and patience:
            service = next((verdict.name for verdict in self.verdicts() if verdict.state == "gone"), None)
        if service is None:
            return None
        status, cause = self._end_of(service)
        return PlexdevError(
            self._death,
            detail=self.log(service, lines=LOG_LINES),
            service=service,
            status=status,
            cause=cause,
            log=where_logged(self.info, service),
            restart=_how_to_restart(self.info),
        )

    def _not_ready(self, cluster: Cluster) -> PlexdevError | None:
        try:
            verdicts = [verdict for verdict in self.verdicts() if verdict.state != "ready"]
        except PlexdevError as error:
            return error
        if not verdicts:
            return None
        first, *rest = sorted(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.state))
        # Where the API server itself is away, that is said once and not for each service.
        has_one_reason = bool(rest) and len({verdict.reason for verdict in verdicts}) == 1
        others = () if has_one_reason else rest
        return PlexdevError(
            SERVICE_NOT_READY,
            detail="\n".join(f"{verdict.name} is {verdict.state}: {verdict.reason}" for verdict in others),
            service=f"all of {', '.join(verdict.name for verdict in verdicts)}" if has_one_reason else first.name,
            state=first.state,
            reason=first.headline,
            fix=first.hint or f"look whether its node runs: docker ps -a --filter name={cluster.name}-",
        )

    def _end_of(self, service: str) -> tuple[str, str]:
        """How a server ended, and why as far as that is known."""
        # Its supervisor learns of the end when we do, and takes a moment to note it.
        for _ in range(10):
            for verdict in self.verdicts():
                if verdict.name == service and verdict.state == "gone":
                    said = verdict.headline
                    if not said.startswith("ended with "):
                        return "its stack", said
                    how, _, why = said.removeprefix("ended with ").partition(": ")
                    return how, why
            time.sleep(0.02)
        return "an unknown status", "its stack did not note how"

    def close(self) -> None:
        """Close the clients' connections, and the ways into a cluster."""
        self.anonymous.transport.close()
        self.provider.close()
        self._processes.close()

    def __repr__(self) -> str:
        return f"Stack({self.info.provider!r}, {self.api_url!r})"


class _Processes:
    """The servers' processes, each held by a handle: it tells of the end at once, and a pid used again fools nobody."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._handles: dict[ProcessHandle, str] = {}
        self._gone: str | None = None
        for service in services:
            if service.pid is not None:
                self._hold(service.name, service.pid)

    def _hold(self, name: str, pid: int) -> None:
        try:
            handle = ProcessId.of(pid).open()
        except ProcessLookupError:
            handle = None
        if handle is None:
            self._gone = self._gone or name
        else:
            self._handles[handle] = name

    def first_ended(self, patience: float) -> str | None:
        """The name of a server that ended; it is waited for that many seconds."""
        if self._gone is None and self._handles:
            ended = first_ended(tuple(self._handles), patience)
            self._gone = self._handles[ended] if ended is not None else None
        return self._gone

    def close(self) -> None:
        for handle in self._handles:
            handle.close()
        self._handles.clear()
