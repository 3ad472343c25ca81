"""The running stack as tests use it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.core.faults import Faults
from pytest_plexdev.core.left_out_service import service_left_out
from pytest_plexdev.core.lookup import unknown_name
from pytest_plexdev.core.model import CAPABILITIES, Cluster, StackInfo, Verdict
from pytest_plexdev.core.profiles import FURTHER_SERVICES, SERVERS
from pytest_plexdev.core.provider import Observer
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.errors import SERVER_DIED, Failure, PlexdevError
from pytest_plexdev.masking.known import credentials_in, distinctive_values
from pytest_plexdev.testkit.faults import Breakable

LOG_LINES: Final = 12
"""Number of lines that an error shows of a log, from its end."""
API: Final = "plexsphere"
SIGNER: Final = "plexsphere-signer"
"""A NetworkPolicy of a cluster lets the API only reach it."""
EVERYONE: Final = "everyone who attaches to it"
"""Who uses a warm stack."""
BOOTSTRAP: Final = "plexsphere-bootstrap"


def log_location(info: StackInfo, service: str) -> str:
    """Return the path of a service's log, or the command that prints it if the log is not a local file."""
    path = next((each.log for each in info.services if each.name == service), None)
    return str(path) if path is not None else f"plexdev logs {service}"


class Stack(Breakable):
    """Addresses, clients, verdicts and logs of a running stack.

    Args:
        info: The description of the stack.
        provider: Reads state and logs, and opens connections to servers inside a cluster.
        attached_in: Seconds that this process needed to acquire the stack.
        drift: The inputs of a running stack that differ from this checkout's.
        passed_over: Why another warm stack, which takes precedence, is not used.
        death: The failure to report when a server has ended.
        shared_by: Who else uses it, for the refusal of faults.
        faults: Breaks the services of a stack that nobody shares.

    Example::

        import httpx

        def test_without_a_login_the_api_refuses(plexdev_stack):
            response = httpx.get(f"{plexdev_stack.api_url}/v1/domains", trust_env=False)
            assert response.status_code == 401
    """

    def __init__(
        self,
        info: StackInfo,
        provider: Observer,
        *,
        attached_in: float = 0.0,
        drift: Sequence[str] = (),
        passed_over: str = "",
        death: Failure = SERVER_DIED,
        shared_by: str = EVERYONE,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(info, provider, shared_by=shared_by, faults=faults)
        self.attached_in = attached_in
        self.drift = drift
        self.passed_over = passed_over
        self.exchanges = ExchangeLog()
        endpoints = info.endpoints
        secrets = [*credentials_in(endpoints.database, endpoints.nats), endpoints.spicedb_key or ""]
        secrets += [value for each in endpoints.credentials.values() for value in (each.user, each.secret)]
        self._credentials = distinctive_values(secrets)
        self._death = death
        provider.watch(info)

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that the stack runs in, if it runs in one."""
        return self.info.cluster

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
        """The values that are masked wherever they occur in reports and evidence: credentials of stack and logins.

        The public passwords of the product's dev stack are not included.
        """
        return self._credentials | self.exchanges.secrets

    @property
    def database_url(self) -> str:
        """libpq URL of the control plane's database; a port-forward is opened if it listens inside a cluster."""
        return self.info.endpoints.database or self._reach("postgres")

    @property
    def users_api(self) -> str | None:
        """gRPC target of the API by which the identity provider creates users; ``None`` if it is disabled."""
        return self.provider.users_api(self.info)

    @property
    def nats_url(self) -> str:
        """URL of the NATS server; a port-forward is opened if it listens inside a cluster."""
        return self.info.endpoints.nats or self._reach("nats")

    def url(self, service: str) -> str:
        """Return the address of a service on this machine; a port-forward is opened if it listens inside a cluster.

        Args:
            service: The name of a service in ``info``, for example ``openbao``.

        Returns:
            A URL without a trailing slash, with user and password where the server requires them; of a gRPC server its
            target, ``host:port`` or ``unix:///…``.

        Raises:
            PlexdevError: ``service-left-out``: the profile of the stack omits it; ``unknown-name``; the errors of a
                port-forward.
        """
        at = self.info.endpoints
        known = {"plexsphere": at.api, "dex": at.issuer, "postgres": at.database, "nats": at.nats}
        known |= {"spicedb": at.spicedb, "plexsphere-signer": at.signer, **at.further}
        names = [each.name for each in self.info.services]
        servers = [name for name in names if known.get(name) or (self.cluster and name in SERVERS and name != SIGNER)]
        if service in servers:
            return known.get(service) or self._reach(service)
        if service in FURTHER_SERVICES and service not in names:
            raise service_left_out(self.info, [service])
        raise unknown_name("the stack", "server", service, servers)

    def credentials(self, service: str) -> ServiceCredentials:
        """Return what a client of a service authenticates with.

        Args:
            service: ``openbao``, ``seaweedfs``, ``postgres``, ``nats`` or ``spicedb``.

        Raises:
            PlexdevError: ``service-left-out``; ``unknown-name``: clients of this service do not authenticate, or as
                users; the errors of a request for the service's Secret.
        """
        known = ("openbao", "seaweedfs", "postgres", "nats", "spicedb")
        if service not in known:
            here = [each.name for each in self.info.services if each.name in known]
            raise unknown_name("the stack", "service with credentials", service, here)
        url = urlsplit(self.url(service))
        if service in ("postgres", "nats"):
            return ServiceCredentials(user=unquote(url.username or ""), secret=unquote(url.password or ""))
        found = self.info.endpoints.credentials.get(service) or self.provider.credentials(self.info, service)
        self._credentials |= distinctive_values([found.user, found.secret])
        return found

    def _reach(self, service: str) -> str:
        url = self.provider.reach(self.info, service)
        self._credentials |= distinctive_values(credentials_in(url))
        return url

    @cached_property
    def anonymous(self) -> Client:
        """The ``/v1`` API without credentials. ``anonymous.as_principal(token)`` uses the same connections."""
        return Client(Transport(self.api_url, exchanges=self.exchanges, explain=self.died))

    def can(self, capability: str) -> bool:
        """Whether the stack has a capability that is not in the contract, for example ``age-heartbeat``.

        Raises:
            PlexdevError: ``unknown-name``: no stack has a capability of this name.
        """
        if capability not in CAPABILITIES:
            raise unknown_name("a stack", "capability", capability, CAPABILITIES)
        return capability in self.info.capabilities

    def verdicts(self) -> Sequence[Verdict]:
        """Probe each service now."""
        return self.provider.verdicts(self.info)

    def log(self, service: str, *, lines: int | None = None, since: float | None = None) -> str:
        """Return the log of a service.

        Args:
            lines: The number of lines to return, from the end; by default all.
            since: Unix time in seconds: only what was written after that, if the provider knows.

        Raises:
            PlexdevError: ``unknown-name``: the stack has no service of this name.
        """
        known = [each.name for each in self.info.services]
        if service not in known:
            raise unknown_name("the stack", "service", service, known)
        text = self.provider.log(self.info, service, since=since)
        return text if lines is None else "\n".join(text.splitlines()[-lines:])

    def log_sizes(self) -> dict[Path, int]:
        """Return the size of each log file in bytes."""
        logs = [service.log for service in self.info.services if service.log is not None]
        return {log: log.stat().st_size for log in logs if log.is_file()}

    def died(self, patience: float = 0.0) -> PlexdevError | None:
        """Return the error for a stack with a server that has ended, or ``None`` if none is known.

        Args:
            patience: Seconds to search for the cause of a failed request. By default only checks are made that take
                microseconds: ended processes are noticed, a cluster, which restarts Pods itself, is not queried.
        """
        broken = self._broken() if patience else None
        return broken or self.provider.died(self.info, patience_s=patience, failure=self._death)

    def close(self) -> None:
        """Close the clients' connections and the provider's handles and port-forwards."""
        self.anonymous.transport.close()
        self.provider.close()

    def __repr__(self) -> str:
        return f"Stack({self.info.provider!r}, {self.api_url!r})"
