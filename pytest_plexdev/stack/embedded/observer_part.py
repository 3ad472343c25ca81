"""The embedded provider's part that reads a running stack. Its methods import lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.service_credentials import ServiceCredentials
    from pytest_plexdev.errors import Failure, PlexdevError
    from pytest_plexdev.stack.embedded.exit_errors import ServerProcesses


class EmbeddedObserver:
    """Implements :class:`pytest_plexdev.core.provider.Observer` but for its copies."""

    def __init__(self) -> None:
        self._processes: ServerProcesses | None = None

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        """Probe each server now, in its own protocol."""
        from pytest_plexdev.stack.embedded.health import verdicts

        return verdicts(info)

    def watch(self, info: StackInfo) -> None:
        """Open a handle to the process of each server."""
        from pytest_plexdev.stack.embedded.exit_errors import ServerProcesses

        self._processes = ServerProcesses(info.services)

    def died(self, info: StackInfo, *, patience_s: float, failure: Failure) -> PlexdevError | None:
        """The error for the first server that ended, found by its process or, with *patience_s*, by a probe."""
        from pytest_plexdev.stack.embedded.exit_errors import exit_error, first_gone

        service = self._processes.first_ended(patience_s) if self._processes is not None else None
        if service is None and patience_s:
            service = first_gone(info)
        return exit_error(service, info, failure) if service is not None else None

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        """The whole log of a service. *since* is ignored, because the servers' logs share no time format."""
        from pytest_plexdev.stack.embedded.log_files import read_log

        return read_log(info, service)

    def evidence(self, info: StackInfo, since: float) -> Iterable[tuple[str, Callable[[], str]]]:
        """Empty: verdicts and logs are all the evidence."""
        return ()

    def reach(self, info: StackInfo, service: str) -> str:
        """The service's own URL: all servers of this stack run on this machine."""
        at = info.endpoints
        address = {"postgres": at.database, "nats": at.nats, **at.further}[service]
        assert address is not None
        return address

    def users_api(self, info: StackInfo) -> str | None:
        """The address that the supervisor chose."""
        return info.endpoints.dex_api

    def credentials(self, info: StackInfo, service: str) -> ServiceCredentials:
        """What the stack's file says of the service."""
        from pytest_plexdev.core.service_credentials import ServiceCredentials

        return info.endpoints.credentials.get(service) or ServiceCredentials(secret=info.endpoints.spicedb_key or "")

    def close(self) -> None:
        """Close the handles to the servers' processes."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None
