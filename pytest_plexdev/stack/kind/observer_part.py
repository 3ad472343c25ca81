"""The kind provider's part that reads a running stack, and opens connections to it. Its methods import lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo, Verdict
    from pytest_plexdev.core.service_credentials import ServiceCredentials
    from pytest_plexdev.errors import Failure, PlexdevError
    from pytest_plexdev.stack.kind.port_forward import Forwards


class KindObserver:
    """Implements :class:`pytest_plexdev.core.provider.Observer` but for its copies."""

    def __init__(self) -> None:
        self._forwards: Forwards | None = None

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        """Evaluate every object of the stack, and the parts of the cluster that it needs."""
        from pytest_plexdev.stack.kind import observer

        return observer.verdicts(info)

    def watch(self, info: StackInfo) -> None:
        """Do nothing: the servers are not processes of this machine."""

    def died(self, info: StackInfo, *, patience_s: float, failure: Failure) -> PlexdevError | None:
        """The error with the worst verdict after a failed request, else ``None``: Kubernetes restarts Pods itself."""
        from pytest_plexdev.stack.kind import observer

        return observer.not_ready_error(info, self.verdicts) if patience_s else None

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        """The logs of all containers of a service's newest Pod; empty if it has no Pod."""
        from pytest_plexdev.stack.kind import observer

        return observer.log(info, service, since=since)

    def evidence(self, info: StackInfo, since: float) -> Iterator[tuple[str, Callable[[], str]]]:
        """The events of the cluster."""
        from pytest_plexdev.stack.kind import observer

        yield "events", lambda: observer.events(info, since)

    def reach(self, info: StackInfo, service: str) -> str:
        """The address of a service through a port-forward, which is opened on first use.

        Raises:
            PlexdevError: The port-forward cannot be opened, or the service's Secret cannot be read.
        """
        assert info.cluster is not None
        if self._forwards is None:
            from pytest_plexdev.stack.kind.port_forward import Forwards

            self._forwards = Forwards(info.cluster)
        return self._forwards.url(service)

    def users_api(self, info: StackInfo) -> str | None:
        """The API of Dex through a port-forward, if the cluster is ours and the overlay enables it."""
        from pytest_plexdev.kube import KubeClient
        from pytest_plexdev.kube.resources import SERVICE
        from pytest_plexdev.stack.kind.observer import access_of
        from pytest_plexdev.stack.kind.port_forward import DEX_API

        assert info.cluster is not None
        if not info.cluster.owned:
            return None
        with KubeClient(access_of(info)) as client:
            if client.get(SERVICE, DEX_API, info.cluster.namespace) is None:
                return None
        return self.reach(info, DEX_API)

    def credentials(self, info: StackInfo, service: str) -> ServiceCredentials:
        """What the Secret of the service has."""
        from pytest_plexdev.stack.kind.service_secrets import read_credentials

        return read_credentials(info, service)

    def close(self) -> None:
        """Close the port-forwards."""
        if self._forwards is not None:
            self._forwards.close()
            self._forwards = None
